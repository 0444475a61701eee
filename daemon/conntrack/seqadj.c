/* seqadj.c - sequence numbers of rewritten data (nf_conntrack_seqadj.c).
 *
 * What is known of a flow lies in its extension, under its word, and so outlives the process.
 * A shift is written in an order in which whoever dies between two stores leaves a shift that
 * is right without the change, which has not been sent then. */
#include "conntrack/seqadj.h"

#include <netinet/in.h>
#include <string.h>

#include "conntrack/record.h"
#include "conntrack/tcp.h"
#include "ctfw/mangle.h"

#define TCP_SEQ 4
#define TCP_ACK_SEQ 8
#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_SACK 5
#define SACK_HEAD 2
#define SACK_BLOCK 8

uint32_t seqadj_offset(const struct flow_seqadj *adj, uint32_t seq)
{
	return seq_after(seq, adj->correction_pos) ? adj->offset_after : adj->offset_before;
}

/* The same of a number as the other end has it: with the offset. */
static uint32_t offset_of_theirs(const struct flow_seqadj *adj, uint32_t seq)
{
	return seqadj_offset(adj, seq - adj->offset_before);
}

void seqadj_shift(struct flow *f, struct flow_ext *ext, enum flow_dir dir, uint32_t seq,
		  int32_t by)
{
	struct flow_seqadj *adj = &ext->seqadj[dir];

	if (by == 0)
		return;
	if (adj->offset_before != adj->offset_after && !seq_before(adj->correction_pos, seq))
		return;
	atomic_fetch_or_explicit(&f->status, FLOW_SEQ_ADJ, memory_order_relaxed);
	store_fence();
	adj->offset_before = adj->offset_after;
	store_fence();
	adj->correction_pos = seq;
	store_fence();
	adj->offset_after += (uint32_t)by;
}

static void number_back(struct packet *p, uint32_t at, const struct flow_seqadj *other)
{
	uint32_t number = tcp_read32(p->data + p->l4_off + at);

	packet_set_tcp_number(p, at, number - offset_of_theirs(other, number));
}

/* nf_ct_sack_adjust() */
static bool number_sacks_back(struct packet *p, const struct flow_seqadj *other)
{
	const uint8_t *tcp = p->data + p->l4_off;
	uint32_t at = TCP_HEADER, end = (uint32_t)(tcp[12] >> 4) * 4, len;

	for (; at < end; at += len) {
		if (tcp[at] == OPTION_END)
			return true;
		len = 1;
		if (tcp[at] == OPTION_NOP)
			continue;
		if (at + 1 == end || tcp[at + 1] < SACK_HEAD || at + tcp[at + 1] > end)
			return false;
		len = tcp[at + 1];
		if (tcp[at] != OPTION_SACK || (len - SACK_HEAD) % SACK_BLOCK)
			continue;
		/* Both edges of each block. */
		for (uint32_t i = at + SACK_HEAD; i < at + len; i += SACK_BLOCK / 2)
			number_back(p, i, other);
	}
	return true;
}

bool seqadj_segment(const struct flow_seqadj adj[2], enum flow_dir dir, struct packet *p)
{
	const struct flow_seqadj *own = &adj[dir], *other = &adj[!dir];
	uint32_t seq = tcp_read32(p->data + p->l4_off + TCP_SEQ);

	packet_set_tcp_number(p, TCP_SEQ, seq + seqadj_offset(own, seq));
	if (!(p->tcp_flags & TCP_ACK))
		return true;
	number_back(p, TCP_ACK_SEQ, other);
	return number_sacks_back(p, other);
}

/* ICMP errors about the flow are no segments of it. */
static bool is_segment(const struct packet *p)
{
	return p->l4_proto == IPPROTO_TCP && p->flags & PACKET_L4_HEADER;
}

uint32_t seqadj_of_ack(const struct conntrack *ct, struct flow *f, enum flow_dir dir,
		       const struct packet *p)
{
	const struct ct_ref ref = { .flow = f };
	const struct flow_ext *ext = conntrack_ext(ct, 0, &ref);

	if (!ext || !is_segment(p))
		return 0;
	return seqadj_offset(&ext->seqadj[!dir],
			     tcp_read32(p->data + p->l4_off + TCP_ACK_SEQ) - 1);
}

enum reason seqadj_flow_packet(struct conntrack *ct, unsigned worker, struct packet *p,
			       const struct ct_ref *ref)
{
	const struct flow_ext *ext = conntrack_ext(ct, worker, ref);
	struct flow_seqadj adj[2];

	if (!ext || !is_segment(p))
		return REASON_NONE;
	record_lock(ref->flow);
	memcpy(adj, ext->seqadj, sizeof(adj));
	record_unlock(ref->flow);
	return seqadj_segment(adj, ref->dir, p) ? REASON_NONE : REASON_SEQ_ADJUST;
}
