/* helper.h - what a helper is made of, and what it works with.
 *
 * A helper is a file: a struct helper and the function in it, which reads one packet of a
 * flow that the rules have accepted and says what the flow's ends have agreed on.  It gets the
 * packet's payload as a cursor, which cannot be read behind its end, and 24 bytes for notes
 * about the flow. */
#ifndef CTFW_CONNTRACK_HELPER_H
#define CTFW_CONNTRACK_HELPER_H

#include "conntrack/expect.h"
#include "ctfw/cursor.h"
#include "ctfw/nat.h"

#define HELPER_TCP 1 /* bits of l4 */
#define HELPER_UDP 2
#define HELPER_IPV4 1 /* bits of l3 */
#define HELPER_IPV6 2

#define HELPERS_KNOWN ((1u << HELPER_COUNT) - 2) /* HELPER_BIT()s */

/* What can become of the packet. */
enum help {
	HELP_ACCEPT = 1,
	HELP_DROP,
};

struct help_packet;
struct help_follow;

struct helper {
	uint16_t port; /* of who is asked, host byte order: the usual one */
	uint8_t l4, l3;
	struct helper_class {
		const char *name;
		uint8_t max;      /* of one flow; 0: no limit */
		uint16_t timeout; /* seconds */
	} classes[HELPER_CLASSES];
	enum help (*read)(struct help_packet *h);
	/* Of an ICMP error about the flow, in its original direction; there may be none.  No
	 * payload and no notes. */
	void (*error)(struct help_packet *h);
	/* A flow begins that it expected; there may be none. */
	void (*arrive)(struct help_follow *f);
	/* Under NAT, where a flow leads that was expected, if not as help_follow() says. */
	void (*follow)(struct help_follow *f);
	/* A flow that has notes is over, or was taken back from a former process; there may be
	 * none. */
	void (*end)(struct conntrack *ct, struct ct_worker *w, struct flow *f, void *notes);
	void (*recover)(struct conntrack *ct, struct flow *f, const void *notes);
};

#define HELPER(id, symbol, name) extern const struct helper helper_##symbol;
#include "ctfw/helper.def"
#undef HELPER

/* A packet in a helper's hands. */
struct help_packet {
	struct conntrack *ct;
	struct ct_worker *worker;
	struct flow *flow; /* the worker's own while unconfirmed */
	struct packet *packet;
	struct instant now;
	uint8_t kind;  /* enum ct_helper */
	uint8_t dir;   /* enum flow_dir */
	uint8_t state; /* enum ct_state */
	bool unconfirmed;
	struct cursor payload;
	unsigned rewritten; /* how often */
	struct flow_ext *ext;
	void *notes; /* ext->helper; a confirmed flow's under its lock */
};

/* The flow's tuple as this packet's sender sees it, and the other way round. */
static inline const struct tuple *help_mine(const struct help_packet *h)
{
	return &h->flow->tuple[h->dir];
}

static inline const struct tuple *help_theirs(const struct help_packet *h)
{
	return &h->flow->tuple[!h->dir];
}

void help_lock(struct help_packet *h);
void help_unlock(struct help_packet *h);
/* Let the flow live that long from now on (nf_ct_refresh). */
void help_refresh(struct help_packet *h, uint32_t seconds);

/* Begin an expectation of this packet's flow: to `to`, from `from` (NULL: from anywhere), any
 * source port.  dport is in network byte order. */
struct expect help_expectation(const struct help_packet *h, unsigned class, uint8_t l4proto,
			       const union addr *from, const union addr *to, uint16_t dport);
/* Make it, with its class's timeout and limit.  0, or as expect_insert().  While the flow is
 * not confirmed it waits for that, and what then goes wrong has the packet dropped. */
int help_expect(struct help_packet *h, const struct expect *e, bool any_master);

/* ---- under NAT: helper_nat.c ---- */

/* Whether the flow's addresses are rewritten, and so must be what its ends say of theirs. */
bool help_is_translated(const struct help_packet *h);
/* What the sender says of itself, for the other side: the expectation is of the address that
 * stands there for its own, and remembers what was said. */
void help_translate(const struct help_packet *h, struct expect *e);
/* Which ports its source was given to choose from, if a rule said so: then what the other side
 * connects to is among them, since others may not even come here.  The kernel knows no such
 * limit.  False: any, and nothing was changed. */
bool help_source_ports(const struct help_packet *h, uint16_t *first, uint16_t *last);
/* One of these, by chance. */
uint16_t help_any_port(struct help_packet *h, uint16_t first, uint16_t last);
/* Make it at its port, or at one that is free: first at the one that was chosen when the same
 * was said before (nf_nat_exp_find_port).  False: it cannot be made. */
bool help_expect_any_port(struct help_packet *h, struct expect *e);
/* The same at this port alone: 0, -EBUSY if it is taken, or as help_expect(). */
int help_expect_port(struct help_packet *h, struct expect *e, uint16_t port);
/* Of a flow in the table: its record. */
uint32_t help_index(const struct help_packet *h);
/* Take back what was made of this packet. */
void help_unexpect(struct help_packet *h, const struct expect *e);
/* Put another text in place of old_len bytes at off of the payload.  The packet may lie
 * elsewhere then, and so does h->payload, which begins anew.  False, for a packet to be
 * dropped: it would be too long, or too much of it is rewritten. */
bool help_rewrite(struct help_packet *h, size_t off, size_t old_len, const char *text,
		  size_t len);
/* So much longer has it become in all: TCP's later numbers follow.  Once a packet. */
void help_shift(struct help_packet *h, int32_t by);
/* The expectation is made: put what the other side must read in place of old_len bytes at off
 * of the payload.  False, for a packet to be dropped: it cannot, and nothing is expected. */
bool help_tell(struct help_packet *h, const struct expect *e, size_t off, size_t old_len,
	       const char *text, size_t len);
/* Of a TCP segment, as its sender numbers it. */
uint32_t help_sequence(const struct help_packet *h);

/* A flow that begins as one of them expected it. */
struct help_follow {
	struct conntrack *ct;
	struct ct_worker *worker; /* its flow */
	const struct expect *expect;
	const struct flow *master;
};
/* What it speaks to, and what it speaks as; port in network byte order, 0: any. */
void help_map(struct help_follow *f, enum nat_manip manip, const union addr *addr,
	      uint16_t port);
/* It speaks as the address that its master's other end knows; where that is the one that a rule
 * gave to the master's source, among the ports that it gave with it (the kernel knows no such
 * limit). */
void help_map_source(struct help_follow *f);
/* As its master does (nf_nat_follow_master): to who told where it listens, and as the address
 * that it speaks to. */
void help_follow(struct help_follow *f);

/* ---- conntrack's side ---- */

/* Take off a packet's headers: false, if it carries nothing. */
bool help_find_payload(const struct packet *p, struct cursor *ret_payload);

/* The worker's flow begins: if it was expected it becomes its master's child. */
void helper_fulfil(struct conntrack *ct, struct ct_worker *w, uint64_t mono);
/* It is about to be confirmed: by its port, if the options say so and no rule has chosen. */
void helper_assign(struct conntrack *ct, struct ct_worker *w);
/* Have the flow's helper read the packet, if it has one.  REASON_NONE or REASON_HELPER. */
enum reason helper_read_packet(struct conntrack *ct, struct ct_worker *w,
			       struct packet *p, struct instant now,
			       const struct ct_ref *ref);
static inline enum reason helper_read(struct conntrack *ct, struct ct_worker *w,
				      struct packet *p, struct instant now,
				      const struct ct_ref *ref)
{
	return atomic_load_explicit(&ref->flow->helper, memory_order_relaxed) ?
		       helper_read_packet(ct, w, p, now, ref) : REASON_NONE;
}
/* A flow that had a helper has left the table; one is in it again. */
void helper_end(struct conntrack *ct, struct ct_worker *w, struct flow *f);
void helper_recover(struct conntrack *ct, struct flow *f);
/* The flow has a record now: make what it expects.  False: one of them cannot be had. */
bool helper_expect_pending(struct conntrack *ct, struct ct_worker *w, uint32_t index);

#endif
