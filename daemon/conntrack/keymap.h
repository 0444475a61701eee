/* keymap.h - which call a GRE packet of PPTP belongs to (nf_ct_gre_keymap).
 *
 * Such a packet has one call id, the receiver's.  The control connection has told both: while
 * the call lasts, what goes from the one address to the other with the one id has the other id
 * as its source's key.  So both directions are one flow.
 *
 * Two entries a control connection, one for each direction, in chains by a hash of both
 * addresses and the id that is in the packet.  The addresses are those of the connection's own
 * tuples.  All this is private memory; the helper's notes in the arena say it again.
 *
 * Locking: a bucket's lock, the top bit of its head, for look-ups as well, since an entry is
 * linked anew without a grace period; no other lock is taken under it.  Whoever adds or removes
 * entries holds the word of their connection.  Where there is no call nothing is locked. */
#ifndef CTFW_CONNTRACK_KEYMAP_H
#define CTFW_CONNTRACK_KEYMAP_H

#include <netinet/in.h>
#include <stdalign.h>

#include "conntrack/table.h"

/* A call's ids in one direction, network byte order. */
struct keymap_keys {
	uint16_t src, dst;
};

struct keymap_link {
	uint32_t next; /* as table_ref() */
	struct keymap_keys keys;
	bool linked;
};

struct keymap {
	_Atomic uint32_t *heads;
	struct keymap_link *links; /* two a record */
	uint32_t mask;
	alignas(CACHE_LINE) _Atomic uint32_t count; /* that are linked */
};

/* Memory that is not touched before it is needed.  0 or -ENOMEM. */
int keymap_init(struct keymap *m, uint32_t records);
void keymap_fini(struct keymap *m);

struct conntrack;
/* Packets of this direction with the one key get the other.  An entry that is for the same
 * packets may be there already; it gives way if it is another connection's, whose call is
 * older.  An own one with other keys must be gone.  The caller holds the connection's word. */
void keymap_add(struct conntrack *ct, uint32_t index, enum flow_dir dir,
		struct keymap_keys keys);
/* What the connection has added with these keys, if it is still there.  Likewise. */
void keymap_remove(struct conntrack *ct, uint32_t index, enum flow_dir dir,
		   struct keymap_keys keys);

int keymap_gre_tuple(const struct conntrack *ct, const struct packet *p, uint16_t zone,
		     struct tuple *ret_tuple);
/* As tuple_from_packet(), with the source's key of a GRE packet whose call is known. */
static inline int keymap_tuple(const struct conntrack *ct, const struct packet *p,
			       uint16_t zone, struct tuple *ret_tuple)
{
	return p->l4_proto == IPPROTO_GRE ? keymap_gre_tuple(ct, p, zone, ret_tuple) :
					    tuple_from_packet(p, zone, ret_tuple);
}

#endif
