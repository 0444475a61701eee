/* expect.h - an expectation, as whoever may only look at it sees it (nf_conntrack_expect).
 *
 * A record of the arena.  Everything but state, flags and expires is written before it is
 * found and never again, and is checksummed; the record is not reused before every worker
 * has passed a quiescent state. */
#ifndef CTFW_EXPECT_H
#define CTFW_EXPECT_H

#include "ctfw/helper.h"

/* The kernel's NF_CT_EXPECT_*. */
enum expect_flag {
	EXPECT_PERMANENT = 1 << 0, /* not used up by the first that fits */
	EXPECT_INACTIVE = 1 << 1,  /* not looked at yet */
};

enum expect_state {
	EXPECT_UNUSED = 0,
	EXPECT_LIVE = 1,
	EXPECT_DEAD = 2, /* being removed by whoever made it so */
};

struct expect {
	uint32_t check; /* over the identity; 0 in an unused record */
	uint32_t id;    /* never 0; a later one has a higher number, modulo 2^32 */
	struct tuple tuple; /* source address and port count as far as their masks say */
	union addr src_mask;
	uint16_t sport_mask; /* 0 or 0xffff */
	uint8_t class;
	uint8_t dir;    /* enum flow_dir: of the packet of the master that made it */
	uint8_t helper; /* enum ct_helper: who made it; HELPER_NONE: a rule did */
	uint8_t assign; /* enum ct_helper: given to the flow that it expects */
	uint16_t nat_port; /* NAT's: the port as its owner knows it; 0 without */
	uint32_t master, master_id; /* index and id of the flow */
	union addr nat_addr; /* NAT's: the address as its owner knows it */
	struct tuple master_tuple;  /* its original one */

	_Atomic uint32_t state;   /* enum expect_state */
	_Atomic uint32_t flags;   /* enum expect_flag */
	_Atomic uint64_t expires; /* monotonic ns */
	uint8_t reserved[104];
};
_Static_assert(sizeof(struct expect) == 256, "a record of the arena");

/* Records to make an arena with, for so many expectations. */
uint32_t conntrack_expect_records(uint32_t expect_max);

/* Call each with a copy of every expectation that lives, from record *cursor on (start with 0),
 * until it returns false; *cursor is then where to go on.  True when the end was reached.
 * Any one thread, registered with QSBR; expired ones are left out. */
bool conntrack_each_expectation(struct conntrack *ct, uint32_t *cursor, struct instant now,
				bool (*each)(void *arg, uint32_t index,
					     const struct expect *copy),
				void *arg);
/* Delete one by index and id, as seen by conntrack_each_expectation(); false when it is
 * gone.  Control side only. */
bool conntrack_delete_expectation(struct conntrack *ct, uint32_t index, uint32_t id);

/* Whether a packet with this tuple is what it expects. */
bool expect_fits(const struct expect *e, const struct tuple *t);
/* What of its tuple counts: ones where it does. */
struct tuple expect_mask(const struct expect *e);
/* One line as `conntrack -L expect` prints it (conntrack-tools 1.4.7), without the newline.
 * Appends to t. */
struct text;
void expect_print(const struct expect *e, uint64_t mono, struct text *t);

#endif
