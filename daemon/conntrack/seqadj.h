/* seqadj.h - sequence numbers of a TCP connection whose data a helper has made longer or
 * shorter (nf_conntrack_seqadj.c, conntrack.md 3.12).
 *
 * Each end counts what it sent itself; the other one has got more or less.  So what an end
 * sends is renumbered, and what the other end acknowledges of that is numbered back.  Of each
 * direction the last change alone is known, and the sum of those before it: what is older was
 * acknowledged long ago. */
#ifndef CTFW_CONNTRACK_SEQADJ_H
#define CTFW_CONNTRACK_SEQADJ_H

#include "conntrack/private.h"

/* What is added to a number of that end (nf_ct_seq_offset). */
uint32_t seqadj_offset(const struct flow_seqadj *adj, uint32_t seq);
/* The segment at seq, as its sender numbers it, became longer by so much (nf_ct_seqadj_set).
 * Once more, it counts once.  The caller holds the flow's lock. */
void seqadj_shift(struct flow *f, struct flow_ext *ext, enum flow_dir dir, uint32_t seq,
		  int32_t by);
/* Renumber a segment from that direction: its sequence number, and what it acknowledges
 * (nf_ct_seq_adjust).  False: its options cannot be read, and some may have been changed. */
bool seqadj_segment(const struct flow_seqadj adj[2], enum flow_dir dir, struct packet *p);

/* What was added to what this packet of a flow with FLOW_SEQ_ADJ acknowledges; the flow is
 * locked. */
uint32_t seqadj_of_ack(const struct conntrack *ct, struct flow *f, enum flow_dir dir,
		       const struct packet *p);
/* Renumber a packet that goes out.  REASON_NONE or REASON_SEQ_ADJUST. */
enum reason seqadj_flow_packet(struct conntrack *ct, unsigned worker, struct packet *p,
			       const struct ct_ref *ref);
static inline enum reason seqadj_packet(struct conntrack *ct, unsigned worker, struct packet *p,
					const struct ct_ref *ref)
{
	return atomic_load_explicit(&ref->flow->status, memory_order_relaxed) & FLOW_SEQ_ADJ ?
		       seqadj_flow_packet(ct, worker, p, ref) : REASON_NONE;
}

#endif
