/* answer.c - what a reject sends to whoever sent the packet.
 *
 * Written to the port that the packet came from, from where the host routes it to the
 * sender.  Who speaks is what the kernel's icmp_send() would choose: for a packet to the
 * host the address it was sent to, for one of the host's own its source, for a forwarded
 * one the host's address on the side of the sender. */
#include "engine/private.h"

bool bucket_take(struct bucket *b, uint32_t rate, uint64_t mono)
{
	uint64_t cost;

	if (rate == 0)
		return false;
	cost = NSEC_PER_SEC / rate;
	if (b->full_at < mono)
		b->full_at = mono;
	if (b->full_at - mono + cost > NSEC_PER_SEC)
		return false;
	b->full_at += cost;
	return true;
}

static union addr speaker(struct way *way)
{
	const struct packet *p = way->packet;
	union addr from = p->daddr;

	if (way->hook == HOOK_OUTPUT)
		return p->saddr;
	if (way->hook == HOOK_FORWARD && way->hostview) {
		if (!(way->hooked & PROGRAM_INTERFACES))
			origin_interfaces(way); /* nobody has asked yet */
		hostview_source(way->hostview, p->family, way->eval.iif, &from);
	}
	return from;
}

/* What went to many is not answered, or all of them would (RFC 1122 3.2.2).  An address that
 * only the host knows for a broadcast; the others are build.c's to refuse. */
static bool went_to_many(const struct way *way)
{
	const struct packet *p = way->packet;

	return way->hostview &&
	       hostview_local(way->hostview, p->family, &p->daddr) == HOSTVIEW_BROADCAST;
}

void answer(struct way *way)
{
	const struct reject_spec *how = &way->decided->reject;
	struct engine *e = way->engine;
	int len;

	if (went_to_many(way))
		return;
	if (how->tcp_reset) {
		len = build_tcp_reset(way->packet, way->reply);
		if (len > 0 && way->ct.flow && !way->ct.unconfirmed)
			conntrack_set_closing(e->ct, way->eval.worker, way->ct.flow, way->now);
	} else {
		uint32_t rate = atomic_load_explicit(&e->reply_rate, memory_order_relaxed);
		union addr from = speaker(way);

		len = build_icmp_error(way->packet, how->icmp_type, how->icmp_code, &from,
				       way->reply);
		if (len > 0 && !bucket_take(&way->worker->reply, rate, way->now.mono)) {
			way->result->reason = REASON_REPLY_LIMIT;
			len = 0;
		}
	}
	if (len <= 0)
		return;
	way->result->action = ENGINE_REPLY;
	way->result->reply_len = (uint32_t)len;
	count(&way->worker->stats.replies, 1);
	count(&way->worker->stats.packets_out, 1);
	count(&way->worker->stats.bytes_out, (uint64_t)len);
}
