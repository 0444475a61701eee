/* nat_source.h - flows that speak by another source, by the one that they have (nf_nat's
 * bysource): whoever already has a mapping gets it for other destinations too.
 *
 * Chains of records, by a hash of source, port and protocol.  Walks take no lock, under QSBR;
 * a bucket's lock, the top bit of its head, guards its chain's links, which lead both ways:
 * all flows of one source are in one chain, and that may be long.  No other lock is taken
 * under it. */
#ifndef CTFW_CONNTRACK_NAT_SOURCE_H
#define CTFW_CONNTRACK_NAT_SOURCE_H

#include "conntrack/table.h"
#include "ctfw/siphash.h"

struct source_link {
	_Atomic uint32_t next; /* index + 1 */
	uint32_t before;       /* likewise; 0: the head */
};

struct sources {
	_Atomic uint32_t *heads;
	struct source_link *links; /* one a record */
	uint32_t mask;
};

/* Memory that is not touched before it is needed.  0 or -ENOMEM. */
int sources_init(struct sources *s, uint32_t records);
void sources_fini(struct sources *s);
/* A record whose identity is written; before it is in the table, and after it has left. */
void sources_link(struct sources *s, const struct siphash_key *key, const struct table *t,
		  uint32_t index);
void sources_unlink(struct sources *s, const struct siphash_key *key, const struct table *t,
		    uint32_t index);

/* The first flow in the table, of those that have the original tuple's source, for which
 * fits(arg, flow) holds; of a long chain only the latest ones are asked.  NULL: none. */
const struct flow *sources_find(const struct sources *s, const struct siphash_key *key,
				const struct table *t, const struct tuple *original,
				uint64_t mono,
				bool (*fits)(void *arg, const struct flow *f), void *arg);

#endif
