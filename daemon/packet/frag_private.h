/* frag_private.h - the parts of the fragment table.
 *
 * frag_read.c   what one fragment says
 * frag_queue.c  one datagram: which fragments fit together, and putting them together
 * frag.c        the table: memory, look-up, locks, expiry
 * frag_cut.c    a datagram into fragments again
 *
 * A fragment's data lie in chunks; its books, a struct piece, have the number of its first
 * chunk.  A ref is such a number plus one, 0 none. */
#ifndef CTFW_PACKET_FRAG_PRIVATE_H
#define CTFW_PACKET_FRAG_PRIVATE_H

#include <stdalign.h>
#include <stdatomic.h>

#include "ctfw/frag.h"

#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define FRAGMENT_HEADER 8
#define IPV4_DF 0x4000
#define IPV4_MORE 0x2000
#define IPV4_OFFSET 0x1fff
#define IPV6_MORE 0x0001
#define IPV6_OFFSET 0xfff8

static inline uint16_t frag_be16(const uint8_t *b)
{
	return (uint16_t)(b[0] << 8 | b[1]);
}

static inline void frag_put16(uint8_t *b, uint32_t v)
{
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

/* Whose fragments belong together.
 *
 * The kernel's key has a zone too: that of a template, which only a chain before its
 * defragmenter (priority below -400) can have set.  A chain at -300 comes too late, and then it
 * is 0.  Here fragments are put together before any chain, so there is none. */
struct frag_key {
	union addr src, dst;
	uint32_t id; /* IPv4: 16 bits */
	uint8_t family;
	uint8_t proto; /* IPv4 only: IPv6's may differ between fragments */
	uint16_t reserved; /* 0 */
};
_Static_assert(sizeof(struct frag_key) % 8 == 0, "hashed by words");

/* ---- one fragment ---- */

struct frag {
	struct frag_key key;
	const uint8_t *head; /* what comes before the data, an IPv6 fragment header left out */
	const uint8_t *data;
	uint32_t head_len, len;
	uint32_t offset, end; /* of the data in the datagram's */
	uint32_t size;        /* as the longest is counted */
	uint16_t next_at;     /* IPv6: where in head the next header is said */
	uint8_t next;         /* IPv6: what the fragment header says it is */
	uint8_t ecn;          /* 1 << what the IP header says */
	bool more, df, sum_valid;
};

/* FRAG_HELD when it is one to be collected, FRAG_AS_IS or FRAG_ENDED with a reason. */
enum frag_verdict frag_read(const struct packet *p, struct frag *ret_frag,
			    enum reason *ret_reason);

/* ---- memory ---- */

#define FRAG_CHUNK 512

struct frag_piece {
	uint32_t next; /* ref of another of the datagram, in no order */
	/* Of those that begin a run: a tree by offset (frag_queue.c). */
	uint32_t left, right;
	uint32_t run_end;
	uint16_t offset, len, head_len; /* the head only of the datagram's first */
};

/* A stack of unused numbers: a tag that changes with every change above, ref below. */
struct frag_pool {
	alignas(64) _Atomic uint64_t top;
	_Atomic uint32_t *next; /* refs */
};

/* A chain of n, or 0. */
uint32_t frag_pool_take(struct frag_pool *pool, uint32_t n);
void frag_pool_give(struct frag_pool *pool, uint32_t first, uint32_t last);

struct frag_store {
	struct frag_pool pool; /* of chunks */
	uint8_t (*chunks)[FRAG_CHUNK];
	struct frag_piece *pieces;
	uint32_t seed; /* of the trees' balance, nobody else's to know */
};

static inline struct frag_piece *frag_piece(const struct frag_store *s, uint32_t ref)
{
	return &s->pieces[ref - 1];
}

/* ---- one datagram ---- */

enum frag_flag {
	QUEUE_FIRST = 1 << 0, /* the fragment at offset 0 is there */
	QUEUE_LAST = 1 << 1,  /* the end is known */
	QUEUE_SUM_INVALID = 1 << 2, /* not every fragment's checksum was vouched for */
};

struct frag_queue {
	struct frag_key key;
	uint64_t begun;   /* mono ns */
	uint32_t hash;
	uint32_t next;    /* in its bucket */
	uint32_t older, newer; /* in its stripe, of its family */
	uint32_t pieces;  /* all that are there */
	uint32_t n_pieces;
	uint32_t first;   /* the piece with the head */
	uint32_t runs;    /* root of the tree */
	uint32_t last_run, tail_end; /* the highest run, and where the highest piece ends */
	uint32_t len, meat;  /* bytes up to the end that is known so far, and that are there */
	uint32_t max_size, max_df_size, max_data;
	uint32_t seen;    /* its source's fragments at its last one */
	uint16_t next_at;
	uint8_t flags, ecn;
};

enum frag_added {
	ADDED_HELD = 1,
	ADDED_WHOLE,
	ADDED_REFUSED, /* this one alone */
	ADDED_KILLED,  /* the datagram, this one included */
	ADDED_BROKEN,  /* the datagram; this one goes on as it is */
};

/* Put a fragment to the others; its data are stored as `piece` (0 where it has none). */
enum frag_added frag_queue_add(struct frag_store *s, struct frag_queue *q, const struct frag *f,
			       uint32_t piece, enum reason *ret_reason);
/* All that a datagram knew of its fragments; they are the caller's to free. */
void frag_queue_clear(struct frag_queue *q);
/* REASON_NONE and *ret_packet, or why the datagram ends. */
enum reason frag_queue_join(const struct frag_store *s, const struct frag_queue *q,
			    struct frag_buffer *buffer, struct packet *ret_packet);
/* Store a fragment's data; 0 when there is no memory. */
uint32_t frag_store_put(struct frag_store *s, const struct frag *f);
/* Give back a list of pieces. */
void frag_store_free(struct frag_store *s, uint32_t pieces);

#endif
