/* frag_queue.c - one datagram: which fragments fit together, and putting them together.
 *
 * inet_frag_queue_insert(), ip_frag_queue() and nf_ct_frag6_queue(), with their differences:
 * where fragments contradict each other IPv4 gives up the datagram, IPv6 the fragment.
 *
 * Fragments that came in order make a run; another one begins where one comes that does not
 * go on at the highest.  A fragment within a run is a duplicate and ignored: what came first
 * counts.  One that touches a run otherwise ends the datagram (RFC 5722).  The runs are a
 * treap: a search tree by offset, a heap by numbers that nobody can foresee, so that no
 * order of arrival makes it deep.
 *
 * The caller holds the datagram, by its stripe's lock or by having unlinked it. */
#include <string.h>

#include "ctfw/checksum.h"
#include "packet/frag_private.h"

/* ---- runs ---- */

static uint32_t rank(const struct frag_store *s, uint32_t ref)
{
	uint32_t x = (ref ^ s->seed) * 0x9e3779b1u;

	x = (x ^ x >> 15) * 0x85ebca6bu;
	return x ^ x >> 13;
}

static void run_insert(struct frag_store *s, uint32_t *root, uint32_t ref)
{
	struct frag_piece *new = frag_piece(s, ref), *at;
	uint32_t *link = root, *left = &new->left, *right = &new->right, rest;

	while (*link && rank(s, *link) >= rank(s, ref)) {
		at = frag_piece(s, *link);
		link = new->offset < at->offset ? &at->left : &at->right;
	}
	/* What it outranks hangs below it, on both sides. */
	rest = *link;
	*link = ref;
	while (rest) {
		at = frag_piece(s, rest);
		if (at->offset < new->offset) {
			*left = rest;
			left = &at->right;
		} else {
			*right = rest;
			right = &at->left;
		}
		rest = at->offset < new->offset ? at->right : at->left;
	}
	*left = *right = 0;
}

/* REASON_NONE when no run is touched. */
static enum reason run_search(const struct frag_store *s, uint32_t root, const struct frag *f)
{
	while (root) {
		const struct frag_piece *at = frag_piece(s, root);

		if (f->end <= at->offset)
			root = at->left;
		else if (f->offset >= at->run_end)
			root = at->right;
		else if (f->offset >= at->offset && f->end <= at->run_end)
			return REASON_FRAGMENT_DUPLICATE;
		else
			return REASON_FRAGMENT_OVERLAP;
	}
	return REASON_NONE;
}

static enum reason runs_add(struct frag_store *s, struct frag_queue *q, const struct frag *f,
			    uint32_t ref)
{
	struct frag_piece *piece = frag_piece(s, ref);
	enum reason reason = REASON_NONE;

	if (q->pieces && q->tail_end < f->end) {
		if (f->offset < q->tail_end)
			return REASON_FRAGMENT_OVERLAP;
		if (f->offset == q->tail_end) {
			frag_piece(s, q->last_run)->run_end = q->tail_end = f->end;
			return REASON_NONE;
		}
	} else {
		reason = run_search(s, q->runs, f);
	}
	if (reason != REASON_NONE)
		return reason;
	piece->run_end = f->end;
	run_insert(s, &q->runs, ref);
	if (q->tail_end < f->end) {
		q->last_run = ref;
		q->tail_end = f->end;
	}
	return REASON_NONE;
}

/* ---- a fragment more ---- */

/* Where the datagram ends, as far as this one tells. */
static enum reason learn_end(struct frag_queue *q, const struct frag *f)
{
	if (!f->more) {
		if (f->end < q->len || (q->flags & QUEUE_LAST && f->end != q->len))
			return REASON_FRAGMENT_END;
		q->flags |= QUEUE_LAST;
		q->len = f->end;
	} else if (f->end > q->len) {
		if (q->flags & QUEUE_LAST)
			return REASON_FRAGMENT_END;
		q->len = f->end;
	}
	return f->len ? REASON_NONE : REASON_FRAGMENT_LENGTH;
}

static void learn(struct frag_store *s, struct frag_queue *q, const struct frag *f,
		  uint32_t ref)
{
	frag_piece(s, ref)->next = q->pieces;
	q->pieces = ref;
	q->n_pieces++;
	q->meat += f->len;
	q->ecn |= f->ecn;
	if (f->size > q->max_size)
		q->max_size = f->size;
	if (f->df && f->size > q->max_df_size)
		q->max_df_size = f->size;
	if (f->len > q->max_data)
		q->max_data = f->len;
	if (!f->sum_valid)
		q->flags |= QUEUE_SUM_INVALID;
	if (f->offset == 0) {
		q->flags |= QUEUE_FIRST;
		q->first = ref;
		q->next_at = f->next_at;
	}
}

enum frag_added frag_queue_add(struct frag_store *s, struct frag_queue *q, const struct frag *f,
			       uint32_t ref, enum reason *ret_reason)
{
	bool ipv6 = f->key.family == L3_IPV6;
	enum reason reason;

	if (ipv6 && f->end > PACKET_MAX) {
		*ret_reason = REASON_FRAGMENT_LONG;
		return ADDED_REFUSED;
	}
	if (ipv6 && f->more && f->end % 8) {
		*ret_reason = REASON_FRAGMENT_LENGTH;
		return ADDED_BROKEN;
	}
	reason = learn_end(q, f);
	if (reason != REASON_NONE) {
		*ret_reason = reason;
		return ipv6 ? ADDED_REFUSED : ADDED_KILLED;
	}
	reason = runs_add(s, q, f, ref);
	if (reason != REASON_NONE) {
		*ret_reason = reason;
		return reason == REASON_FRAGMENT_DUPLICATE ? ADDED_REFUSED : ADDED_KILLED;
	}
	learn(s, q, f, ref);
	if ((q->flags & QUEUE_FIRST) && (q->flags & QUEUE_LAST) && q->meat == q->len)
		return ADDED_WHOLE;
	return ADDED_HELD;
}

void frag_queue_clear(struct frag_queue *q)
{
	q->pieces = q->n_pieces = q->first = q->runs = q->last_run = q->tail_end = 0;
	q->len = q->meat = q->max_size = q->max_df_size = q->max_data = 0;
	q->next_at = 0;
	q->flags = q->ecn = 0;
}

/* ---- put together ---- */

#define ECN_NONE 1u /* 1 << what a header says that knows no congestion notification */
#define ECN_CE 8u
#define ECN_CE_BITS 3u

/* What the whole says of congestion, from all that its fragments said (RFC 3168 5.3): CE once
 * one of them met it; REASON_FRAGMENT_ECN when only some could have. */
static enum reason join_ecn(uint8_t seen, uint8_t *ret_bits)
{
	if (seen & ECN_NONE && seen != ECN_NONE)
		return REASON_FRAGMENT_ECN;
	*ret_bits = seen & ECN_CE ? ECN_CE_BITS : 0;
	return REASON_NONE;
}

static void copy_out(const struct frag_store *s, uint32_t ref, uint32_t skip, uint8_t *to,
		     uint32_t len)
{
	while (len) {
		uint32_t n = skip < FRAG_CHUNK ? FRAG_CHUNK - skip : 0;

		if (n > len)
			n = len;
		if (n)
			memcpy(to, s->chunks[ref - 1] + skip, n);
		to += n;
		len -= n;
		skip = skip < FRAG_CHUNK ? 0 : skip - FRAG_CHUNK;
		ref = atomic_load_explicit(&s->pool.next[ref - 1], memory_order_relaxed);
	}
}

static void seal_ipv4(uint8_t *h, uint32_t len, bool df, uint8_t ecn)
{
	size_t hlen = (size_t)(h[0] & 0x0f) * 4;
	uint16_t check;

	h[1] |= ecn;
	frag_put16(h + 2, len);
	frag_put16(h + 6, df ? IPV4_DF : 0);
	check = checksum_ipv4(h, hlen);
	memcpy(h + 10, &check, 2);
}

static void seal_ipv6(uint8_t *h, uint32_t len, uint8_t ecn)
{
	h[1] |= (uint8_t)(ecn << 4);
	frag_put16(h + 4, len - IPV6_HEADER);
}

enum reason frag_queue_join(const struct frag_store *s, const struct frag_queue *q,
			    struct frag_buffer *b, struct packet *ret_packet)
{
	struct virtio_net_hdr vnet = { 0 };
	const struct frag_piece *first = frag_piece(s, q->first);
	uint32_t head = first->head_len, len = head + q->len;
	uint8_t ecn;
	enum reason reason = join_ecn(q->ecn, &ecn);

	if (reason != REASON_NONE)
		return reason;
	if (len > PACKET_MAX)
		return REASON_FRAGMENT_LONG;
	b->shape = (struct frag_shape){
		.fragments = q->n_pieces,
		.max_size = q->max_df_size > q->max_size ? q->max_df_size : q->max_size,
		.max_data = q->max_data,
		.len = q->len,
		.next_at = q->next_at,
		.head = (uint16_t)head,
		.df = q->max_df_size == q->max_size,
	};
	for (uint32_t ref = q->pieces; ref; ref = frag_piece(s, ref)->next) {
		const struct frag_piece *piece = frag_piece(s, ref);
		uint32_t block = piece->offset / 8;

		copy_out(s, ref, piece->head_len, b->bytes + head + piece->offset, piece->len);
		b->shape.starts[block / 64] |= 1ull << block % 64;
	}
	copy_out(s, q->first, 0, b->bytes, head);
	memset(b->lead, 0, sizeof(b->lead));
	memset(b->vnet, 0, sizeof(b->vnet));
	if (q->key.family == L3_IPV4)
		seal_ipv4(b->bytes, len, b->shape.df, ecn);
	else
		seal_ipv6(b->bytes, len, ecn);
	if (!(q->flags & QUEUE_SUM_INVALID))
		vnet.flags = VIRTIO_NET_HDR_F_DATA_VALID;
	return packet_parse(b->bytes, len, &vnet, ret_packet);
}

/* ---- store ---- */

struct writer {
	struct frag_store *store;
	uint32_t ref; /* of the chunk */
	uint32_t at;  /* in it */
};

static void write_bytes(struct writer *w, const uint8_t *from, uint32_t len)
{
	while (len) {
		uint32_t n = FRAG_CHUNK - w->at;

		if (n == 0) {
			w->ref = atomic_load_explicit(&w->store->pool.next[w->ref - 1],
						      memory_order_relaxed);
			w->at = 0;
			continue;
		}
		if (n > len)
			n = len;
		memcpy(w->store->chunks[w->ref - 1] + w->at, from, n);
		w->at += n;
		from += n;
		len -= n;
	}
}

uint32_t frag_store_put(struct frag_store *s, const struct frag *f)
{
	/* Only the first fragment's head is of use. */
	uint32_t head = f->offset == 0 ? f->head_len : 0, bytes = head + f->len;
	uint32_t ref = frag_pool_take(&s->pool, (bytes + FRAG_CHUNK - 1) / FRAG_CHUNK);
	struct writer w = { s, ref, 0 };

	if (!ref)
		return 0;
	*frag_piece(s, ref) = (struct frag_piece){
		.offset = (uint16_t)f->offset,
		.len = (uint16_t)f->len,
		.head_len = (uint16_t)head,
	};
	if (head && f->key.family == L3_IPV6) {
		write_bytes(&w, f->head, f->next_at);
		write_bytes(&w, &f->next, 1);
		write_bytes(&w, f->head + f->next_at + 1, head - f->next_at - 1);
	} else {
		write_bytes(&w, f->head, head);
	}
	write_bytes(&w, f->data, f->len);
	return ref;
}

void frag_store_free(struct frag_store *s, uint32_t pieces)
{
	while (pieces) {
		const struct frag_piece *piece = frag_piece(s, pieces);
		uint32_t n = (piece->head_len + piece->len + FRAG_CHUNK - 1u) / FRAG_CHUNK;
		uint32_t last = pieces, next = piece->next;

		while (--n)
			last = atomic_load_explicit(&s->pool.next[last - 1],
						    memory_order_relaxed);
		frag_pool_give(&s->pool, pieces, last);
		pieces = next;
	}
}
