/* fuzz_fragments.c - fragments in any order, as the table and as a plain model see them.
 *
 * Input: fragments, each of
 *
 *     how      1 byte: bit 0 IPv6, bits 1-2 which datagram, bit 3 more follow, bit 4 DF,
 *              bits 5-7 time that passed
 *     style    1 byte: bits 0-1 ECN, bit 2 length in full, bit 3 another header before or
 *              behind, bit 7 a packet of its own: `length` bytes follow that are one
 *     offset   2 bytes, little endian: its upper 13 bits, in blocks of 8
 *     length   2 bytes, little endian
 *
 * The model keeps every datagram as runs and bytes, searched from one end to the other, and
 * knows how much memory there is.  What the table says must be what the model says; a whole
 * datagram has the model's bytes, and is whole again when its fragments are collected once
 * more.  Packets of their own only have to do no harm. */
#include <netinet/in.h>
#include <string.h>

#include "ctfw/checksum.h"
#include "ctfw/clock.h"
#include "ctfw/cursor.h"
#include "ctfw/frag.h"
#include "fuzz.h"

#define QUEUES 8 /* of both families */
#define RECORDS 400
#define CHUNK 512

struct run {
	uint32_t start, end;
};

struct model {
	bool used, first, last;
	uint64_t begun;
	struct run runs[RECORDS];
	uint32_t n_runs, last_run, tail_end;
	uint32_t n, len, meat, chunks, max_size, head;
	uint8_t ecn;
	uint8_t bytes[140000]; /* of data */
};

struct fragment {
	unsigned queue;
	bool ipv6, more, df;
	uint8_t ecn;
	uint32_t head, offset, len; /* as on the wire */
	uint8_t packet[PACKET_MAX];
	uint32_t packet_len;
};

static struct frag_table *table, *again, *raw;
static struct frag_buffer buffer, second;
static struct model models[QUEUES];
static uint32_t free_chunks;
static uint64_t now;
static struct frag_options options;

static uint32_t chunks_of(uint32_t bytes)
{
	return (bytes + CHUNK - 1) / CHUNK;
}

static void forget(struct model *m)
{
	free_chunks += m->chunks;
	m->used = false;
}

/* ---- the model ---- */

static enum reason model_end(struct model *m, uint32_t end, bool more, uint32_t len)
{
	if (!more) {
		if (end < m->len || (m->last && end != m->len))
			return REASON_FRAGMENT_END;
		m->last = true;
		m->len = end;
	} else if (end > m->len) {
		if (m->last)
			return REASON_FRAGMENT_END;
		m->len = end;
	}
	return len ? REASON_NONE : REASON_FRAGMENT_LENGTH;
}

static enum reason model_place(struct model *m, uint32_t start, uint32_t end)
{
	if (m->n && end > m->tail_end) {
		if (start < m->tail_end)
			return REASON_FRAGMENT_OVERLAP;
		m->tail_end = end;
		if (start == m->runs[m->last_run].end) {
			m->runs[m->last_run].end = end;
			return REASON_NONE;
		}
		m->last_run = m->n_runs;
	} else {
		for (uint32_t i = 0; i < m->n_runs; i++) {
			if (start >= m->runs[i].end || end <= m->runs[i].start)
				continue;
			return start >= m->runs[i].start && end <= m->runs[i].end ?
				       REASON_FRAGMENT_DUPLICATE : REASON_FRAGMENT_OVERLAP;
		}
		if (!m->n) {
			m->last_run = m->n_runs;
			m->tail_end = end;
		}
	}
	m->runs[m->n_runs++] = (struct run){ start, end };
	return REASON_NONE;
}

static void begin_model(struct model *m)
{
	m->used = true;
	m->first = m->last = false;
	m->begun = now;
	m->n_runs = m->last_run = m->tail_end = 0;
	m->n = m->len = m->meat = m->chunks = m->max_size = m->head = 0;
	m->ecn = 0;
}

/* What the table has to say. */
static enum frag_verdict model_add(const struct fragment *f, struct frag_end *end)
{
	struct model *m = &models[f->queue];
	uint32_t len = f->more && !f->ipv6 ? f->len & ~7u : f->len, stop = f->offset + len;
	uint32_t chunks = len ? chunks_of((f->offset ? 0 : f->head) + len) : 0;
	uint64_t timeout = f->ipv6 ? options.timeout_ipv6 : options.timeout;
	uint32_t n;

	*end = (struct frag_end){ REASON_FRAGMENT_MEMORY, 1 };
	if (chunks > free_chunks)
		return FRAG_ENDED;
	if (m->used && now - m->begun >= timeout * NSEC_PER_SEC)
		forget(m);
	if (!m->used)
		begin_model(m);
	end->reason = REASON_FRAGMENT_LONG;
	if (f->ipv6 && stop > PACKET_MAX)
		return FRAG_ENDED;
	if (f->ipv6 && f->more && stop % 8) {
		*end = (struct frag_end){ m->n ? REASON_FRAGMENT_LENGTH : REASON_NONE, m->n };
		forget(m);
		return FRAG_AS_IS;
	}
	end->reason = model_end(m, stop, f->more, len);
	if (end->reason != REASON_NONE && f->ipv6)
		return FRAG_ENDED;
	if (end->reason == REASON_NONE)
		end->reason = model_place(m, f->offset, stop);
	if (end->reason == REASON_FRAGMENT_DUPLICATE)
		return FRAG_ENDED;
	if (end->reason != REASON_NONE) {
		end->packets += m->n;
		forget(m);
		return FRAG_ENDED;
	}
	memcpy(m->bytes + f->offset, f->packet + f->packet_len - f->len, len);
	m->n++;
	m->meat += len;
	m->chunks += chunks;
	free_chunks -= chunks;
	m->ecn |= (uint8_t)(1u << f->ecn);
	if (f->packet_len - f->len + len > m->max_size)
		m->max_size = f->packet_len - f->len + len;
	if (f->offset == 0) {
		m->first = true;
		m->head = f->head;
	}
	*end = (struct frag_end){ 0 };
	if (!m->first || !m->last || m->meat != m->len)
		return FRAG_HELD;
	n = m->n;
	forget(m);
	if (m->ecn & 1 && m->ecn != 1)
		*end = (struct frag_end){ REASON_FRAGMENT_ECN, n };
	else if (m->head + m->len > PACKET_MAX)
		*end = (struct frag_end){ REASON_FRAGMENT_LONG, n };
	return end->reason == REASON_NONE ? FRAG_WHOLE : FRAG_ENDED;
}

/* ---- a fragment ---- */

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t put_ipv4(struct fragment *f, bool options_too)
{
	uint8_t *p = f->packet;
	uint32_t hlen = options_too ? 24 : 20;
	uint16_t check;

	memset(p, 0, hlen);
	p[0] = (uint8_t)(0x40 | hlen / 4);
	p[1] = f->ecn;
	put16(p + 2, hlen + f->len);
	put16(p + 4, f->queue);
	put16(p + 6, f->offset / 8 | (f->more ? 0x2000 : 0) | (f->df ? 0x4000 : 0));
	p[8] = 64;
	p[9] = 99;
	p[12] = 10;
	p[16] = 11;
	if (options_too)
		memcpy(p + 20, "\x94\4\0", 4);
	check = checksum_ipv4(p, hlen);
	memcpy(p + 10, &check, 2);
	f->head = hlen;
	return hlen;
}

static uint32_t put_ipv6(struct fragment *f, bool extension)
{
	uint8_t *p = f->packet;
	uint32_t n = 40;

	memset(p, 0, 56);
	p[0] = 0x60;
	p[1] = (uint8_t)(f->ecn << 4);
	p[6] = extension ? IPPROTO_DSTOPTS : IPPROTO_FRAGMENT;
	p[7] = 64;
	p[8] = p[24] = 0xfd;
	p[39] = 1;
	if (extension) {
		p[40] = IPPROTO_FRAGMENT;
		p[42] = 1;
		p[43] = 4;
		n = 48;
	}
	f->head = n;
	p[n] = 99;
	put16(p + n + 2, f->offset | f->more);
	p[n + 7] = (uint8_t)f->queue;
	n += 8;
	put16(p + 4, n - 40 + f->len);
	return n;
}

static void make(struct fragment *f, uint8_t how, uint8_t style, uint32_t offset, uint32_t len,
		 uint32_t seed)
{
	uint32_t n;

	f->ipv6 = how & 1;
	f->queue = (how & 1) * (QUEUES / 2) + (how >> 1 & 3);
	f->more = how & 8;
	f->df = how & 16 && !f->ipv6;
	f->ecn = style & 3;
	f->offset = offset & 0xfff8;
	f->len = style & 4 ? len : len % 1600;
	if (f->len > PACKET_MAX - 56)
		f->len = PACKET_MAX - 56;
	/* A first fragment without a byte is none. */
	if (f->ipv6 && f->offset == 0 && f->len == 0)
		f->len = 1;
	n = f->ipv6 ? put_ipv6(f, style & 8) : put_ipv4(f, style & 8);
	for (uint32_t i = 0; i < f->len; i++)
		f->packet[n + i] = (uint8_t)(seed + i * 7);
	f->packet_len = n + f->len;
}

/* ---- both ---- */

/* Its fragments make the same datagram. */
static void check_round_trip(const struct packet *whole)
{
	static uint8_t piece[PACKET_MAX];
	enum frag_verdict verdict = FRAG_HELD;
	struct packet p = { 0 };
	struct frag_end end;
	struct frag_cut cut;
	uint32_t n = 0;
	size_t len;

	if (!frag_is_cut(&buffer.shape, whole))
		return;
	frag_cut_begin(&buffer.shape, whole, 77, &cut);
	while (frag_cut_next(&buffer.shape, whole, &cut, piece, &len)) {
		CHECK(verdict == FRAG_HELD && len <= PACKET_MAX);
		CHECK(packet_parse(piece, len, NULL, &p) == REASON_NONE && p.len == len);
		CHECK(p.flags & PACKET_FRAGMENT || whole->len - p.l4_off == 0 || n == 0);
		/* Cut anew, all may fit into one. */
		if (!(p.flags & PACKET_FRAGMENT))
			return;
		verdict = frag_collect(again, &p, now, &second, &end);
		n++;
	}
	CHECK(verdict == FRAG_WHOLE && p.len == whole->len);
	if (!cut.step)
		CHECK(n == buffer.shape.fragments);
	CHECK(memcmp(second.bytes + whole->l4_off, buffer.bytes + whole->l4_off,
		     whole->l4_len) == 0);
	CHECK(memcmp(&p.saddr, &whole->saddr, 16) == 0 && p.l4_proto == whole->l4_proto);
}

static void check_whole(const struct model *m, const struct packet *p)
{
	uint8_t ecn = p->family == L3_IPV4 ? p->data[1] & 3 : p->data[1] >> 4 & 3;

	CHECK(p->data == buffer.bytes && p->len == m->head + m->len);
	CHECK(!(p->flags & PACKET_FRAGMENT) && p->l4_proto == 99);
	CHECK(memcmp(p->data + m->head, m->bytes, m->len) == 0);
	CHECK(buffer.shape.fragments == m->n && buffer.shape.len == m->len);
	CHECK(buffer.shape.max_size == m->max_size);
	CHECK((ecn == 3) == (m->ecn >> 3));
	check_round_trip(p);
}

static void add(const struct fragment *f)
{
	struct frag_end got, want;
	uint8_t *exact = malloc(f->packet_len);
	struct packet p;
	enum frag_verdict verdict;

	CHECK(exact);
	memcpy(exact, f->packet, f->packet_len);
	CHECK(packet_parse(exact, f->packet_len, NULL, &p) == REASON_NONE);
	/* An IPv4 packet with neither flag nor offset is none. */
	if (p.flags & (PACKET_FRAGMENT | PACKET_FRAGMENT_HEADER)) {
		verdict = frag_collect(table, &p, now, &buffer, &got);
		CHECK(verdict == model_add(f, &want));
		CHECK(got.reason == want.reason && got.packets == want.packets);
		if (verdict == FRAG_WHOLE)
			check_whole(&models[f->queue], &p);
	}
	free(exact);
}

/* Anything at all: it must be held, or refused, or whole. */
static void add_raw(const uint8_t *bytes, size_t len)
{
	uint8_t *exact = malloc(len + 1);
	struct frag_end end;
	struct frag_cut cut;
	struct packet p;
	uint16_t check;
	size_t n;

	CHECK(exact);
	memcpy(exact, bytes, len);
	if (len >= 20 && exact[0] >> 4 == 4 && (exact[0] & 15) >= 5 &&
	    (exact[0] & 15u) * 4 <= len) {
		check = checksum_ipv4(exact, (exact[0] & 15u) * 4);
		memcpy(exact + 10, &check, 2);
	}
	if (packet_parse(exact, len, NULL, &p) == REASON_NONE &&
	    p.flags & (PACKET_FRAGMENT | PACKET_FRAGMENT_HEADER) &&
	    frag_collect(raw, &p, now, &second, &end) == FRAG_WHOLE &&
	    frag_is_cut(&second.shape, &p)) {
		static uint8_t piece[PACKET_MAX];

		frag_cut_begin(&second.shape, &p, 1, &cut);
		while (frag_cut_next(&second.shape, &p, &cut, piece, &n)) {
			struct packet q;

			CHECK(packet_parse(piece, n, NULL, &q) == REASON_NONE);
		}
	}
	free(exact);
}

static void expect_empty(struct frag_table *t)
{
	struct frag_stats stats;

	frag_expire(t, now);
	frag_stats(t, &stats);
	CHECK(stats.datagrams == 0 && stats.fragments == 0 && stats.bytes == 0);
}

/* Nothing is lost: all of the memory can be used. */
static void check_memory(struct fragment *f)
{
	expect_empty(table);
	expect_empty(again);
	expect_empty(raw);
	for (unsigned i = 0; i < 2; i++) {
		uint32_t n = free_chunks / (2 - i) * CHUNK - 20;

		make(f, (uint8_t)(2 * i | 8), 4, 0, n & ~7u, 0);
		add(f);
	}
	CHECK(free_chunks <= 1);
	now += 100 * NSEC_PER_SEC;
	expect_empty(table);
	for (unsigned i = 0; i < QUEUES; i++) {
		if (models[i].used)
			forget(&models[i]);
	}
}

static void set_up(void)
{
	const struct siphash_key key = { 1, 2 };
	struct frag_stats stats;

	frag_options_default(&options);
	options.max_memory = FRAG_MEMORY_MIN;
	options.max_distance = 0;
	table = frag_table_new(&options, &key);
	raw = frag_table_new(&options, &key);
	options.max_memory *= 4;
	again = frag_table_new(&options, &key);
	CHECK(table && raw && again);
	frag_stats(table, &stats);
	free_chunks = (uint32_t)(stats.memory / CHUNK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t passed[8] = { 0, 0, 0, 1, 1000, 5000, 20000, 31000 };
	static struct fragment f;
	struct cursor c = cursor_of(data, size);

	if (!table)
		set_up();
	for (unsigned i = 0; cursor_left(&c) >= 6 && i < RECORDS; i++) {
		uint8_t how = cursor_u8(&c), style = cursor_u8(&c);
		uint32_t offset = cursor_u8(&c), len;

		offset |= (uint32_t)cursor_u8(&c) << 8;
		len = cursor_u8(&c);
		len |= (uint32_t)cursor_u8(&c) << 8;
		now += passed[how >> 5] * NSEC_PER_MSEC;
		if (style & 128) {
			len = len > cursor_left(&c) ? (uint32_t)cursor_left(&c) : len;
			add_raw(cursor_take(&c, len), len);
		} else {
			make(&f, how, style, offset, len, i * 31);
			add(&f);
		}
	}
	now += 100 * NSEC_PER_SEC;
	for (unsigned i = 0; i < QUEUES; i++) {
		if (models[i].used)
			forget(&models[i]);
	}
	check_memory(&f);
	return 0;
}
