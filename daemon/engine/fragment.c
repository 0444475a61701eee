/* fragment.c - step 2: fragments are held until their datagram is whole, which is judged as
 * one packet and goes out in fragments as it came.
 *
 * Behind step 3, unlike in the kernel: where a fragment comes from is known of each, and one
 * with a forged source must neither take memory nor find its way into another's datagram.
 *
 * Nothing is cut to an MTU: where the way out is narrower than what came in, that is for the
 * host's stack, behind us, which cuts further or says packet too big (IPv6; under NAT limits.c
 * does).  IPv4 fragments
 * with DF leave without it, as the kernel's do, but for one case: a kernel that collected them
 * itself would say fragmentation needed where they are too long for the way out.  For that the
 * host must still see DF on them. */
#include "engine/private.h"

enum reason fragment_collect(struct way *way)
{
	struct engine_stats *stats = &way->worker->stats;
	struct frag_buffer *buffer = &way->worker->fragments->whole;
	uint8_t own = way->packet->flags & PACKET_OWN;
	struct frag_end end;

	switch (frag_collect(way->engine->fragments, way->packet, way->now.mono, buffer,
			     &end)) {
	case FRAG_HELD:
		way->held = true;
		return REASON_NONE;
	case FRAG_WHOLE:
		way->packet->flags |= own;
		way->packets = buffer->shape.fragments;
		way->together = true;
		count(&stats->datagrams, 1);
		return REASON_NONE;
	case FRAG_AS_IS:
		count(&stats->dropped[end.reason], end.packets);
		return REASON_NONE;
	case FRAG_ENDED:
		break;
	}
	way->packets = end.packets;
	return end.reason;
}

/* Of IPv6's fragments, never 0: nobody outside can foresee it, nor does a filter that was
 * started again repeat it. */
static uint32_t new_id(struct way *way)
{
	struct fragment_work *work = way->worker->fragments;
	uint32_t id;

	do
		id = (uint32_t)siphash_pair(&way->engine->id_key,
					    (uint64_t)way->eval.worker << 56 | work->ids++,
					    way->now.mono);
	while (id == 0);
	return id;
}

static bool host_must_see_df(struct way *way, const struct frag_shape *shape)
{
	uint32_t mtu;

	if (!shape->df || way->hook != HOOK_FORWARD)
		return false;
	mtu = limits_mtu(way);
	return mtu && shape->max_size > mtu;
}

void fragment_emit(struct way *way)
{
	struct engine_stats *stats = &way->worker->stats;
	struct fragment_work *work = way->worker->fragments;
	const struct frag_shape *shape = &work->whole.shape;

	count(&stats->fragments_passed, way->packets);
	if (!frag_is_cut(shape, way->packet)) {
		way->result->action = ENGINE_PASS;
		count(&stats->fragments_out, 1);
		count(&stats->packets_out, 1);
		count(&stats->bytes_out, way->packet->len);
		return;
	}
	work->packet = *way->packet;
	frag_cut_begin(shape, way->packet, new_id(way), &work->cut);
	work->cut.df |= host_must_see_df(way, shape);
	way->result->action = ENGINE_FRAGMENTS;
}

bool engine_next(struct engine *e, unsigned worker, const uint8_t **ret_packet, size_t *ret_len)
{
	struct engine_stats *stats = &e->worker[worker].stats;
	struct fragment_work *work = e->worker[worker].fragments;

	if (!frag_cut_next(&work->whole.shape, &work->packet, &work->cut, work->fragment,
			   ret_len))
		return false;
	count(&stats->fragments_out, 1);
	count(&stats->packets_out, 1);
	count(&stats->bytes_out, *ret_len);
	*ret_packet = work->fragment;
	return true;
}
