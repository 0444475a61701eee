/* nat.h - flows whose addresses are rewritten (nf_nat_core, conntrack.md 9).
 *
 * A flow's mapping is in its tuples: the reply's is what answers to the rewritten packets
 * have.  It is chosen while the flow begins, once for its source and once for its
 * destination, and is never changed; every packet is then rewritten by it, answers the other
 * way round. */
#ifndef CTFW_NAT_H
#define CTFW_NAT_H

#include "ctfw/conntrack.h"
#include "ctfw/nat_range.h"

/* nf_nat_manip_type, and the values of enum translate_side. */
enum nat_manip {
	NAT_MANIP_SRC = 0,
	NAT_MANIP_DST = 1,
};

/* Whether the flow's mapping of this kind is chosen. */
static inline bool nat_is_done(const struct flow *f, enum nat_manip manip)
{
	return atomic_load_explicit(&f->status, memory_order_relaxed) &
	       (manip == NAT_MANIP_SRC ? FLOW_SNAT_DONE : FLOW_DNAT_DONE);
}
/* Whether packets of the flow are rewritten at all. */
static inline bool nat_rewrites(const struct flow *f)
{
	return atomic_load_explicit(&f->status, memory_order_relaxed) & (FLOW_SNAT | FLOW_DNAT);
}

/* Choose (nf_nat_setup_info): the reply's tuple becomes another, unless what the flow has is in
 * range and free.  Where nothing is free the flow keeps what was tried last, and will not get
 * into the table.  range without flags is the null binding: only a clash changes the port.
 * Nothing happens to a flow that is in the table, or has such a mapping. */
void conntrack_nat_setup(struct conntrack *ct, unsigned worker, const struct ct_ref *ref,
			 enum nat_manip manip, const struct nat_range *range);
/* The flow speaks as this interface, and ends with its address. */
void conntrack_nat_masquerade(const struct ct_ref *ref, uint32_t ifindex);
/* The interface; 0: its source is no masquerade's. */
static inline uint32_t nat_masqueraded(const struct flow *f)
{
	return atomic_load_explicit(&f->masquerade, memory_order_relaxed);
}

/* Whether it is an ICMP error about the flow, and none of its packets. */
bool conntrack_nat_is_error(const struct ct_ref *ref, const struct packet *p);
/* Rewrite one side of a packet, or of an ICMP error and of what it quotes, as its flow says
 * (nf_nat_packet, nf_nat_icmp_reply_translation).  False: it must be dropped. */
bool conntrack_nat_packet(const struct ct_ref *ref, enum nat_manip manip, struct packet *p);
/* End a flow that is in the table. */
void conntrack_nat_end(struct conntrack *ct, unsigned worker, const struct ct_ref *ref);
/* The packet as its sender sent it, whatever was rewritten so far: what answers quote. */
void conntrack_nat_undo(const struct ct_ref *ref, struct packet *p);

/* Whether a packet that came to an address which the host has too is of a flow by which NAT
 * gives it another destination (of zone 0), is an ICMP error about one that NAT rewrites, or
 * what one's helper expects.  By what its headers say alone; nothing is changed or begun.  Of
 * fragments the first can be asked for. */
bool conntrack_nat_awaits(struct conntrack *ct, unsigned worker, const struct packet *p,
			  struct instant now);

/* End the flows that speak as an address or an interface which has gone (nf_nat_masquerade.c):
 * those of which there(arg, ifindex, family, address) is false.  Of so many records from
 * *cursor on; true when the end was reached, as conntrack_each().  Control side only. */
bool conntrack_nat_forget(struct conntrack *ct, uint32_t *cursor, uint32_t records,
			  bool (*there)(void *arg, uint32_t ifindex, uint8_t family,
					const union addr *addr),
			  void *arg, struct instant now);

#endif
