/* fuzz_flows.c - connection tracking: packets in any order, time, deletions, and restarts on
 * an arena with damaged flows.
 *
 * Input: orders, each a byte that says what, and a few that say how.  Whatever they are, the
 * numbers by kind and state agree with the flows that a walk finds, the table keeps to its
 * limit, and nothing outlives its timer. */
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>

#include "conntrack/record.h"
#include "ctfw/checksum.h"
#include "ctfw/conntrack.h"
#include "ctfw/rcu.h"
#include "fuzz.h"
#include "unit/packets.h"

#define MAX_FLOWS 16

struct orders {
	const uint8_t *at;
	size_t left;
};

struct scene {
	struct arena arena;
	struct conntrack_options options;
	struct conntrack *ct;
	struct instant now;
	struct flow *last;
};

static struct raw raw, before;

static uint8_t next(struct orders *o)
{
	if (o->left == 0)
		return 0;
	o->left--;
	return *o->at++;
}

struct counts {
	uint32_t all, states[TCPS_COUNT], sctp[SCTPS_COUNT];
};

static bool visit(void *arg, uint32_t index, const struct flow *copy)
{
	struct counts *c = arg;
	uint8_t state = copy->proto.tcp.state, sctp = copy->proto.sctp.state;

	(void)index;
	CHECK(copy->id != 0);
	c->all++;
	if (copy->tuple[DIR_ORIGINAL].l4 == IPPROTO_SCTP) {
		CHECK(sctp > SCTPS_NONE && sctp < SCTPS_COUNT);
		c->sctp[sctp]++;
	}
	if (copy->tuple[DIR_ORIGINAL].l4 != IPPROTO_TCP)
		return true;
	CHECK(state > TCPS_NONE && state < TCPS_COUNT);
	c->states[state]++;
	return true;
}

static void check_numbers(struct scene *s)
{
	struct conntrack_stats stats;
	struct counts counts = { 0 };
	uint32_t cursor = 0, kinds = 0;

	conntrack_housekeep(s->ct, 0, s->now);
	CHECK(conntrack_each(s->ct, &cursor, 0, s->now, visit, &counts));
	conntrack_stats(s->ct, &stats);
	CHECK(stats.flows == counts.all);
	for (unsigned i = 0; i < CT_KIND_COUNT; i++)
		kinds += stats.by_kind[i];
	CHECK(kinds == stats.flows);
	for (unsigned i = 0; i < TCPS_COUNT; i++)
		CHECK(stats.by_tcp_state[i] == counts.states[i]);
	for (unsigned i = 0; i < SCTPS_COUNT; i++)
		CHECK(stats.by_sctp_state[i] == counts.sctp[i]);
}

/* TCP with options, numbers that may lie around the window's edges, and any window. */
static void build_tcp(struct orders *o, const char *src, uint16_t sport, const char *dst,
		      uint16_t dport, uint8_t how)
{
	uint8_t shape = next(o), *tcp;
	size_t options = (size_t)(shape % 11) * 4;
	uint32_t seq = (uint32_t)next(o) << (how >> 6) * 4;
	uint32_t ack = (uint32_t)next(o) << (how >> 6) * 4;

	raw_tcp(&raw, src, sport, dst, dport, how & 0x3f, seq, ack, options + (shape >> 6));
	tcp = raw.b + raw_l4(&raw);
	tcp[12] = (uint8_t)((20 + options) / 4 << 4);
	tcp[14] = next(o);
	tcp[15] = 0;
	for (size_t i = 0; i < options; i++)
		tcp[20 + i] = next(o);
	raw_fix_l4(&raw);
}

/* SCTP with tags of a few bits, so that they match, and a right CRC. */
static void build_sctp(struct orders *o, const char *src, const char *dst, uint8_t how)
{
	size_t len = o->left < 12 + 40 ? o->left : 12 + 40;
	uint8_t *sctp;
	uint32_t crc;

	if (len < 12)
		len = 12;
	raw_ip(&raw, src, dst, IPPROTO_SCTP, NULL, len);
	sctp = raw.b + raw_l4(&raw);
	raw_put16(sctp, 1000 + (how & 1));
	raw_put16(sctp + 2, 1000 + (how >> 1 & 1));
	raw_put32(sctp + 4, how >> 2 & 3);
	for (size_t i = 12; i < len; i++)
		sctp[i] = next(o);
	crc = ~crc32c(UINT32_MAX, sctp, len);
	for (int i = 0; i < 4; i++)
		sctp[8 + i] = (uint8_t)(crc >> 8 * i);
}

/* A packet between a few hosts and ports, so that they meet. */
static void build(struct orders *o)
{
	static const char *const hosts[2][4] = {
		{ "10.0.1.2", "10.0.2.2", "10.0.1.3", "10.0.9.9" },
		{ "fd00:1::2", "fd00:2::2", "fe80::1", "fd00:9::9" },
	};
	uint8_t what = next(o), who = next(o), how = next(o);
	const char *const *host = hosts[what >> 7];
	const char *src = host[who & 3], *dst = host[who >> 2 & 3];
	uint16_t sport = (uint16_t)(1000 + (who >> 4 & 3));
	uint16_t dport = (uint16_t)(1000 + (who >> 6));

	switch (what & 7) {
	case 2:
		build_tcp(o, src, sport, dst, dport, how);
		break;
	case 0: case 1:
		raw_tcp(&raw, src, sport, dst, dport, how & 0x3f, next(o), next(o), how >> 6);
		break;
	case 3:
		raw_udp(&raw, src, sport, dst, dport, how);
		break;
	case 4:
		raw_icmp(&raw, src, dst, how, next(o) & 1, sport, 0, "abc", 3);
		break;
	case 5:
		memcpy(&before, &raw, sizeof(raw.b[0]) * raw.len);
		before.len = raw.len;
		raw_icmp_error(&raw, src, dst, how, 0, &before,
			       before.len < next(o) ? before.len : how % (before.len + 1));
		break;
	case 6:
		if ((what >> 3 & 7) == 1)
			build_sctp(o, src, dst, how);
		else
			raw_ip(&raw, src, dst, how, o->at, o->left < 12 ? o->left : 12);
		break;
	default: /* the last one, damaged behind its addresses */
		if (raw.len > raw_l4(&raw))
			raw.b[raw_l4(&raw) + who % (raw.len - raw_l4(&raw))] = how;
	}
}

static void send_packet(struct scene *s, unsigned worker, bool accept)
{
	uint8_t *bytes = malloc(raw.len);
	struct conntrack_stats stats;
	struct ct_ref ref;
	struct packet p;
	enum reason reason;

	CHECK(bytes);
	memcpy(bytes, raw.b, raw.len);
	if (packet_parse(bytes, raw.len, NULL, &p) == REASON_NONE) {
		if (accept)
			conntrack_prefetch(s->ct, &p, (struct ct_zone){ 0, 0 });
		reason = conntrack_in(s->ct, worker, &p, (struct ct_zone){ 0, 0 }, s->now,
				      &ref);
		CHECK(reason == REASON_NONE || !ref.flow);
		CHECK(!ref.flow == (ref.state == CT_STATE_INVALID ||
				    ref.state == CT_STATE_UNTRACKED));
		if (reason == REASON_NONE && accept)
			reason = conntrack_confirm(s->ct, worker, &p, s->now, &ref);
		if (reason == REASON_NONE && accept && ref.flow) {
			CHECK(!ref.unconfirmed);
			s->last = ref.flow;
		}
		conntrack_stats(s->ct, &stats);
		/* A restart keeps what it finds; nothing else goes beyond the limit. */
		CHECK(stats.flows <= MAX_FLOWS || !accept ||
		      stats.flows <= conntrack_recovery(s->ct).kept);
	}
	free(bytes);
}

static void open_arena(struct scene *s)
{
	s->ct = conntrack_new(&s->arena, &s->options, 2, s->now);
	CHECK(s->ct);
	s->last = NULL;
}

/* The process dies and leaves some bytes wrong. */
static void damage(struct scene *s, struct orders *o)
{
	const struct siphash_key key = { s->arena.header->key[0], s->arena.header->key[1] };
	struct flow *f = (struct flow *)s->arena.flows + next(o) % (2 * MAX_FLOWS);
	uint8_t how = next(o), len = next(o) % 16;

	for (unsigned at = next(o); len > 0 && at < sizeof(*f); len--, at++)
		((uint8_t *)f)[at] = next(o);
	if (how & 1)
		f->check = record_check(&key, f);
	if (how & 2)
		atomic_store(&s->arena.header->next_flow_id, next(o));
	conntrack_free(s->ct);
	open_arena(s);
}

static void obey(struct scene *s, struct orders *o)
{
	uint8_t order = next(o);
	uint32_t index;
	uint64_t ms;

	switch (order & 7) {
	case 0:
		ms = next(o);
		s->now.mono += ms * ms * ms * NSEC_PER_MSEC;
		break;
	case 1:
		check_numbers(s);
		break;
	case 2:
		conntrack_housekeep(s->ct, order >> 3, s->now);
		s->last = NULL;
		break;
	case 3:
		damage(s, o);
		check_numbers(s);
		break;
	case 4:
		if (!s->last)
			break;
		index = (uint32_t)(s->last - (struct flow *)s->arena.flows);
		if (order & 8)
			conntrack_delete(s->ct, index, s->last->id);
		else
			conntrack_set_closing(s->ct, 0, s->last, s->now);
		break;
	default:
		build(o);
		send_packet(s, order >> 3 & 1, order & 0x70);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t bytes[16] = { 1 };
	static void *mem;
	struct arena_geometry geometry = {
		.flow_records = conntrack_records(MAX_FLOWS),
		.workers = 1,
		.text_bytes = 4096,
	};
	struct orders o = { data, size };
	struct scene s = { .now = { 1000 * NSEC_PER_SEC, 1700000000 * NSEC_PER_SEC } };
	struct conntrack_stats stats;
	uint8_t how;

	if (!mem) {
		mem = mmap(NULL, arena_size(&geometry), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(mem != MAP_FAILED);
		rcu_register();
	}
	memset(mem, 0, arena_committed(&geometry));
	arena_format(mem, &geometry, bytes, bytes, &s.arena);
	conntrack_options_default(&s.options);
	s.options.max_flows = MAX_FLOWS;
	how = next(&o);
	s.options.tcp_loose = how & 1 ? TCP_LOOSE_YES : how & 2 ? TCP_LOOSE_COLD : TCP_LOOSE_NO;
	s.options.tcp_be_liberal = how & 4;
	s.options.tcp_ignore_invalid_rst = how & 8;
	s.options.tcp_max_retrans = how >> 6;
	open_arena(&s);
	raw_udp(&raw, "10.0.1.2", 1000, "10.0.2.2", 1000, 0);
	for (unsigned i = 0; i < 500 && o.left; i++)
		obey(&s, &o);
	check_numbers(&s);
	s.now.mono += 2147484 * NSEC_PER_SEC;
	conntrack_housekeep(s.ct, 0, s.now);
	conntrack_stats(s.ct, &stats);
	CHECK(stats.flows == 0);
	conntrack_free(s.ct);
	return 0;
}
