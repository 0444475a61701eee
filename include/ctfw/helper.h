/* helper.h - helpers read what a flow's ends tell each other, and expect the connections that
 * they agree on (nf_conntrack_helper, nf_conntrack_expect; conntrack.md section 8).
 *
 * An expectation is a tuple whose source may be left open.  The first packet of no flow that
 * fits begins a flow that is EXPECTED: related until it is answered.  The flow that
 * expected it is its master; expectations die with it, their children live on.
 *
 * A helper is given to a flow before its first packet is confirmed, and reads each packet of
 * it that the rules have accepted.  Its notes are in the flow's extension, so extensions
 * must have been reserved (conntrack_reserve_extensions()). */
#ifndef CTFW_HELPER_H
#define CTFW_HELPER_H

#include "ctfw/conntrack.h"
#include "ctfw/helper_kind.h"

#define HELPER_CLASSES 4 /* of expectations that one helper makes; 0 is the usual one */
/* "signalling", or "" for a helper's only class. */
const char *ct_helper_class_name(unsigned kind, unsigned class);

/* A rule's `ct helper set`: only for a flow that is not confirmed, of a protocol and family
 * that the helper knows, and that has none.  False: nothing was changed. */
bool conntrack_set_helper(struct conntrack *ct, unsigned worker, struct ct_ref *ref,
			  uint8_t kind);

/* nft's ct expectation object. */
struct ct_expectation_spec {
	uint8_t l3;       /* enum l3; 0: the flow's */
	uint8_t l4proto;
	uint8_t size;     /* of one flow, at most; 0: none can be made */
	uint16_t dport;   /* network byte order */
	uint64_t timeout; /* ns */
};
/* A rule's `ct expectation set`: expect connections from the flow's answerer to who began it,
 * from the moment on when the flow is confirmed.  0.  -ENOENT: the rule does not match, since
 * the flow is confirmed or has `size` already, or what rules may make of one packet.  -EBUSY,
 * -EALREADY or -EMFILE: another flow expects what would fit it too, or there are too many; the
 * packet is to be dropped (nft_ct_expect_obj_eval).  A worker that is faster until the flow is
 * confirmed has it dropped there. */
int conntrack_add_expectation(struct conntrack *ct, unsigned worker, struct ct_ref *ref,
			       const struct ct_expectation_spec *spec, struct instant now);

#endif
