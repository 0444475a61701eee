/* frag.h - datagrams that come in fragments: collected, judged whole, sent as they came.
 *
 * What nf_defrag_ipv4 and nf_defrag_ipv6 do (conntrack.md section 6; RFC 791, 815, 5722,
 * 6946, 8200).  One table for all workers, since fragments are spread over them otherwise
 * than their flow.  All its memory is there from the start.
 *
 * Threads: any of them may call frag_collect(), each with a buffer of its own;
 * frag_table_set_options() and frag_expire() are for one other.  A stripe of the table has
 * a lock that is held for the search in it, never for copying.  A packet that is no fragment
 * has nothing to do with any of this. */
#ifndef CTFW_FRAG_H
#define CTFW_FRAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctfw/packet.h"
#include "ctfw/siphash.h"

#define FRAG_MEMORY_MIN (128u << 10) /* one datagram of 64 KB, and its books */
#define FRAG_MEMORY_MAX (1u << 30)

struct frag_options {
	uint32_t max_memory;   /* bytes, FRAG_MEMORY_MIN..FRAG_MEMORY_MAX; fixed at the start */
	uint32_t timeout;      /* seconds from the first fragment of a datagram, IPv4 */
	uint32_t timeout_ipv6;
	/* A datagram begins anew when so many others of its source's fragments came since its
	 * last one (IPv4, ipfrag_max_dist); 0: never. */
	uint32_t max_distance;
};
/* The kernel's: 4 MiB, 30 s, 60 s, 64. */
void frag_options_default(struct frag_options *ret_options);

struct frag_table;

/* NULL when out of memory. */
struct frag_table *frag_table_new(const struct frag_options *options,
				  const struct siphash_key *key);
void frag_table_free(struct frag_table *t);
/* All but max_memory; for datagrams that wait already too. */
void frag_table_set_options(struct frag_table *t, const struct frag_options *options);

#define FRAG_BLOCKS ((PACKET_MAX + 1) / 8) /* fragments begin at multiples of 8 bytes */

/* How a datagram came, and so how it goes out. */
struct frag_shape {
	uint32_t fragments; /* it came in so many; 1: an atomic fragment (RFC 6946) */
	uint32_t max_size;  /* length of the longest as an IP packet */
	uint32_t max_data;  /* data of the one with the most */
	uint32_t len;       /* data of all */
	uint16_t next_at;   /* IPv6: where the header before the fragment header says so */
	uint16_t head;      /* IPv6: bytes before the fragment header */
	bool df;            /* IPv4: the longest had DF (IPSKB_FRAG_PMTU) */
	uint64_t starts[FRAG_BLOCKS / 64]; /* bit n: one began at 8 * n bytes */
};

/* The datagram that a worker has put together last.  An empty virtio-net header lies before
 * its bytes. */
struct frag_buffer {
	struct frag_shape shape;
	_Alignas(16) uint8_t lead[16 - sizeof(struct virtio_net_hdr)];
	uint8_t vnet[sizeof(struct virtio_net_hdr)];
	uint8_t bytes[PACKET_MAX];
};

enum frag_verdict {
	FRAG_HELD = 1, /* it waits for others */
	FRAG_WHOLE,    /* the last one that was missing: *p is the datagram, in the buffer */
	FRAG_AS_IS,    /* goes on as it is, to be called invalid (conntrack.md 6.3) */
	FRAG_ENDED,
};

/* What ended with a fragment. */
struct frag_end {
	enum reason reason; /* NONE: nothing did */
	uint32_t packets;   /* fragments; the one at hand included, if it is FRAG_ENDED */
};

/* Take a fragment: a packet with PACKET_FRAGMENT or PACKET_FRAGMENT_HEADER. */
enum frag_verdict frag_collect(struct frag_table *t, struct packet *p, uint64_t mono,
			       struct frag_buffer *buffer, struct frag_end *ret_end);

/* Whether others of the fragment's datagram wait.  Any thread. */
bool frag_is_awaited(struct frag_table *t, const struct packet *p);

/* Give up what has waited too long: what is due now, of all. */
void frag_expire(struct frag_table *t, uint64_t mono);

struct frag_stats {
	uint64_t datagrams, fragments, bytes; /* that wait: bytes of data */
	uint64_t memory; /* bytes of data that would fit, in fragments that fill their places */
	uint64_t timed_out, overtaken;        /* fragments that ended so, since the start */
};
void frag_stats(const struct frag_table *t, struct frag_stats *ret_stats);

/* ---- out again ---- */

/* Where a datagram is cut: at the boundaries that came in, or, if it is no longer what came
 * in or would not fit, into pieces no longer than the longest that came (ip_do_fragment,
 * ip6_fragment).  What the way out cannot carry even so is for the host's own stack, which
 * gets what we write: no MTU is looked at here. */
struct frag_cut {
	uint32_t at;   /* data that was sent */
	uint32_t step; /* 0: as it came */
	uint32_t id;   /* IPv6 */
	bool df;       /* IPv4: on all fragments; set by who wants it after frag_cut_begin() */
};

/* Whether a datagram, perhaps changed since, is to be cut at all: IPv6 only if it is longer
 * than its longest fragment was. */
bool frag_is_cut(const struct frag_shape *shape, const struct packet *p);
/* id: of IPv6's fragments.  IPv4's keep that which came. */
void frag_cut_begin(const struct frag_shape *shape, const struct packet *p, uint32_t id,
		    struct frag_cut *ret_cut);
/* The next fragment, into PACKET_MAX bytes.  False when there is none. */
bool frag_cut_next(const struct frag_shape *shape, const struct packet *p, struct frag_cut *cut,
		   uint8_t *buf, size_t *ret_len);

#endif
