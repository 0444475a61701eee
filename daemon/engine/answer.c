/* answer.c - what is sent to whoever sent a packet that ends here: a reject, or what step 10
 * has to say.
 *
 * Written to the port that the packet came from, from where the host routes it to the
 * sender.  Who speaks is what the kernel's icmp_send() would choose: for a packet to the
 * host the address it was sent to, for one of the host's own its source, for a forwarded
 * one the host's address on the side of the sender.  Where NAT has given the packet another
 * destination that of before speaks, as the kernel's errors are translated too. */
#include "engine/private.h"

#define IPV6_MIN_MTU 1280

/* An ICMP error; info: its second word, in host byte order. */
struct error {
	uint8_t type, code;
	uint32_t info;
};

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

static union addr speaker(struct way *way, bool mapped)
{
	const struct packet *p = way->packet;
	union addr from = p->daddr, to;

	if (way->hook == HOOK_OUTPUT)
		return p->saddr;
	if (way->hook == HOOK_FORWARD && !mapped && way->hostview) {
		if (!(way->hooked & PROGRAM_INTERFACES))
			origin_interfaces(way); /* nobody has asked yet */
		to = origin_next_hop(way, &p->saddr);
		hostview_source(way->hostview, p->family, way->eval.iif, &to, &from);
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

static struct error what_to_say(struct way *way, enum reason reason)
{
	const struct reject_spec *how = &way->decided->reject;
	bool v4 = way->packet->family == L3_IPV4;
	uint32_t mtu;

	switch (reason) {
	case REASON_TTL:
		return (struct error){ .type = v4 ? 11 : 3 };
	case REASON_TOO_BIG:
		mtu = limits_mtu(way);
		if (v4)
			return (struct error){ .type = 3, .code = 4, .info = mtu };
		return (struct error){ .type = 2,
				       .info = mtu < IPV6_MIN_MTU ? IPV6_MIN_MTU : mtu };
	default:
		return (struct error){ .type = how->icmp_type, .code = how->icmp_code };
	}
}

static int reset(struct way *way)
{
	int len = build_tcp_reset(way->packet, way->reply);

	if (len > 0 && way->ct.flow && !way->ct.unconfirmed)
		conntrack_set_closing(way->engine->ct, way->eval.worker, way->ct.flow,
				      way->now);
	return len;
}

/* Says why not where there are too many. */
static int report(struct way *way, const struct error *error, bool mapped)
{
	uint32_t rate = atomic_load_explicit(&way->engine->reply_rate, memory_order_relaxed);
	union addr from = speaker(way, mapped);
	int len = build_icmp_error(way->packet, error->type, error->code, error->info, &from,
				   way->reply);

	if (len > 0 && !bucket_take(&way->worker->reply, rate, way->now.mono)) {
		way->result->reason = REASON_REPLY_LIMIT;
		len = 0;
	}
	return len;
}

void answer(struct way *way, enum reason reason)
{
	union addr to = way->packet->daddr;
	struct error error = what_to_say(way, reason);
	int len;

	nat_undo(way);
	if (went_to_many(way))
		return;
	if (reason == REASON_REJECT && way->decided->reject.tcp_reset)
		len = reset(way);
	else
		len = report(way, &error, !addr_equal(&to, &way->packet->daddr));
	if (len <= 0)
		return;
	way->result->action = ENGINE_REPLY;
	way->result->reply_len = (uint32_t)len;
	count(&way->worker->stats.replies, 1);
	count(&way->worker->stats.packets_out, 1);
	count(&way->worker->stats.bytes_out, (uint64_t)len);
}
