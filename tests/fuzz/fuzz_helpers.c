/* fuzz_helpers.c - a conversation in front of a helper.
 *
 * Input: a byte that says which helper, protocol and family, and which ends are known by other
 * addresses (a helper that is not for both has its own), then packets: a byte (bit 0: the
 * answerer's; bit 1: its sequence number again, bit 2: a byte further on; bit 3: both ends wait
 * a minute; bit 4: said again and again, as long as a super-packet is), two bytes of length, and
 * what it carries.  Each packet's bytes lie in memory of exactly their size.  Whatever is said,
 * what is expected leads from one end of the flow to the other, or to one from anywhere, is no
 * more than its class allows, and ends with the flow.
 *
 * Under NAT packets are rewritten as the engine does it, and each end acknowledges what it got:
 * whatever goes out is a packet with right checksums, and what comes as it was expected leads to
 * one of the ends. */
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>

#include "ctfw/expect.h"
#include "ctfw/nat.h"
#include "ctfw/rcu.h"
#include "fuzz.h"
#include "unit/conntrack/pptp_talk.h"
#include "unit/packets.h"

#define ZONE_0 ((struct ct_zone){ 0, 0 })

/* Of the first byte. */
enum { KIND = 3, IPV6 = 4, TCP = 8, SNAT = 16, DNAT = 32, KIND_MORE = 64 };
enum { OF_ANSWERER = 1, AGAIN = 2, FURTHER = 4, WAIT = 8, REPEAT = 16 };
/* Behind headers of IPv6 and TCP, in the longest packet that there is. */
#define TEXT_MAX (65535u - 40 - 20)

/* Of those that expect anybody. */
#define STRANGER "192.0.2.77"

static const struct row {
	uint16_t port;
	bool udp, tcp, ipv6;
	bool anybody; /* may be who is expected */
	unsigned max[HELPER_CLASSES];
} rows[HELPER_COUNT] = {
	[HELPER_FTP] = { 21, false, true, true, false, { 1 } },
	[HELPER_TFTP] = { 69, true, false, true, false, { 1 } },
	[HELPER_SIP] = { 5060, true, true, true, false, { 1, 4, 4, 2 } },
	[HELPER_IRC] = { 6667, false, true, false, true, { 8 } },
	[HELPER_PPTP] = { 1723, false, true, false, false, { 2 } },
	[HELPER_AMANDA] = { 10080, true, false, true, false, { 4 } },
};

static const struct instant start = { 1000 * NSEC_PER_SEC, 1700000000 * NSEC_PER_SEC };
static struct conntrack *ct;
static struct instant now;

struct talk {
	enum ct_helper kind;
	bool tcp;
	bool nat;
	const char *own[2], *seen[2]; /* by itself, and by the other end */
	uint16_t port[2];
	uint32_t seq[2];
	uint32_t got[2]; /* up to here, of the other end's */
};

static void set_up(void)
{
	static const uint8_t boot_id[16] = { 1 }, key[16] = { 2 };
	const struct arena_geometry g = {
		.flow_records = conntrack_records(64),
		.workers = 1,
		.text_bytes = 4096,
		.expect_records = conntrack_expect_records(64),
	};
	struct conntrack_options options;
	struct arena arena;
	void *mem = mmap(NULL, arena_size(&g), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(mem != MAP_FAILED);
	rcu_register();
	arena_format(mem, &g, boot_id, key, &arena);
	conntrack_options_default(&options);
	options.max_flows = 64;
	options.expect_max = 64;
	for (unsigned kind = HELPER_NONE + 1; kind < HELPER_COUNT; kind++)
		options.helpers |= HELPER_BIT(kind);
	ct = conntrack_new(&arena, &options, 1, start);
	CHECK(ct);
}

/* A mapping to one address; zero: none. */
static void map(const struct ct_ref *ref, enum nat_manip manip, const char *addr)
{
	struct nat_range range = { 0 };
	uint8_t family;

	if (addr) {
		range.flags = NAT_RANGE_ADDR;
		CHECK(addr_parse(addr, &family, &range.min_addr) == 0);
		range.max_addr = range.min_addr;
	}
	conntrack_nat_setup(ct, 0, ref, manip, &range);
}

/* As the engine's hooks do. */
static void rewrite(const struct talk *t, const struct ct_ref *ref, struct packet *p)
{
	if (ref->unconfirmed) {
		map(ref, NAT_MANIP_DST, t->own[1]);
		map(ref, NAT_MANIP_SRC, t->seen[0]);
	}
	CHECK(conntrack_nat_packet(ref, NAT_MANIP_DST, p));
	CHECK(conntrack_nat_packet(ref, NAT_MANIP_SRC, p));
}

static void expect_from_to(const struct packet *p, const char *from, const char *to)
{
	union addr src, dst;
	uint8_t family;

	CHECK(addr_parse(from, &family, &src) == 0 && addr_parse(to, &family, &dst) == 0);
	CHECK(addr_equal(&p->saddr, &src) && addr_equal(&p->daddr, &dst));
}

/* What the other end gets. */
static void receive(struct talk *t, unsigned from, const struct packet *emitted)
{
	uint8_t *bytes = malloc(emitted->len);
	struct packet p;

	CHECK(bytes);
	memcpy(bytes, emitted->data, emitted->len);
	CHECK(packet_parse(bytes, emitted->len, NULL, &p) == REASON_NONE);
	CHECK(p.len == emitted->len && p.l4_len == emitted->l4_len);
	CHECK(packet_checksum_ok(&p));
	expect_from_to(&p, t->seen[from], t->own[!from]);
	if (t->tcp)
		t->got[!from] = ntohl(*(uint32_t *)(void *)(p.data + p.l4_off + 4)) + p.l4_len -
				20 + !!(p.tcp_flags & TCP_SYN);
	free(bytes);
}

static void send_packet(struct talk *t, unsigned from, uint8_t flags, const uint8_t *data,
			size_t len)
{
	static struct raw raw;
	struct ct_ref ref;
	struct packet p;
	uint8_t *bytes;
	size_t header;

	if (t->tcp)
		raw_tcp(&raw, t->own[from], t->port[from], t->seen[!from], t->port[!from],
			flags, t->seq[from], flags & TCP_ACK ? t->got[from] : 0, len);
	else
		raw_udp(&raw, t->own[from], t->port[from], t->seen[!from], t->port[!from],
			len);
	header = raw.len - len;
	if (len)
		memcpy(raw.b + header, data, len);
	raw_fix_l4(&raw);
	bytes = malloc(raw.len);
	CHECK(bytes);
	memcpy(bytes, raw.b, raw.len);
	CHECK(packet_parse(bytes, raw.len, NULL, &p) == REASON_NONE);
	CHECK(conntrack_in(ct, 0, &p, ZONE_0, now, &ref) == REASON_NONE);
	/* Who is known by another address does not begin. */
	if (ref.flow && !(t->nat && ref.unconfirmed && from)) {
		if (t->nat)
			rewrite(t, &ref, &p);
		if (conntrack_confirm(ct, 0, &p, now, &ref) == REASON_NONE)
			receive(t, from, &p);
	}
	free(bytes);
}

static void begin(struct talk *t)
{
	if (!t->tcp)
		return;
	send_packet(t, 0, TCP_SYN, NULL, 0);
	t->seq[0]++;
	send_packet(t, 1, TCP_SYN | TCP_ACK, NULL, 0);
	t->seq[1]++;
	send_packet(t, 0, TCP_ACK, NULL, 0);
}

struct seen {
	const struct talk *talk;
	unsigned of_class[HELPER_CLASSES];
};

static bool is_one_of(const struct talk *t, const union addr *addr)
{
	const char *const ends[] = { t->own[0], t->own[1], t->seen[0], t->seen[1] };

	for (int i = 0; i < 4; i++) {
		union addr end;
		uint8_t family;

		CHECK(addr_parse(ends[i], &family, &end) == 0);
		if (addr_equal(&end, addr))
			return true;
	}
	return false;
}

static bool look(void *arg, uint32_t index, const struct expect *e)
{
	struct seen *s = arg;

	(void)index;
	CHECK(e->helper == s->talk->kind && e->class < HELPER_CLASSES);
	CHECK(is_one_of(s->talk, &e->tuple.dst));
	CHECK(rows[e->helper].anybody ? addr_is_zero(&e->src_mask) :
					is_one_of(s->talk, &e->tuple.src));
	CHECK(!addr_equal(&e->tuple.src, &e->tuple.dst));
	CHECK(e->helper == HELPER_PPTP ?
		      e->tuple.l4 == IPPROTO_GRE && e->sport_mask == UINT16_MAX :
		      e->tuple.sport == 0 &&
			      (e->tuple.l4 == IPPROTO_UDP || e->tuple.l4 == IPPROTO_TCP));
	s->of_class[e->class]++;
	return true;
}

static void check(const struct talk *t)
{
	struct seen s = { .talk = t };
	uint32_t cursor = 0;

	conntrack_each_expectation(ct, &cursor, now, look, &s);
	for (int i = 0; i < HELPER_CLASSES; i++)
		CHECK(s.of_class[i] <= rows[t->kind].max[i]);
}

/* The text over and over. */
static const uint8_t *repeat(const uint8_t *text, size_t len)
{
	static uint8_t all[TEXT_MAX];

	for (size_t at = 0; at < TEXT_MAX; at += len)
		memcpy(all + at, text, len < TEXT_MAX - at ? len : TEXT_MAX - at);
	return all;
}

static void talk(struct talk *t, const uint8_t *data, size_t size)
{
	while (size >= 3) {
		unsigned from = data[0] & OF_ANSWERER;
		size_t len = (size_t)(data[1] << 8 | data[2]), said;
		const uint8_t *text;
		uint32_t before = t->seq[from];
		uint8_t what = data[0];

		data += 3;
		size -= 3;
		if (len > size)
			len = size;
		if (len > TEXT_MAX)
			len = TEXT_MAX;
		text = what & REPEAT && len ? repeat(data, len) : data;
		said = what & REPEAT && len ? TEXT_MAX : len;
		if (what & WAIT)
			now.mono += 60 * NSEC_PER_SEC;
		if (what & FURTHER)
			t->seq[from]++;
		send_packet(t, from, TCP_PSH | TCP_ACK, text, said);
		check(t);
		t->seq[from] = what & AGAIN ? before : t->seq[from] + (uint32_t)said;
		data += len;
		size -= len;
	}
}

/* ---- what is expected comes ---- */

static bool take_first(void *arg, uint32_t index, const struct expect *e)
{
	(void)index;
	memcpy(arg, (const void *)e, sizeof(*e));
	return false;
}

/* A packet as the expectation wants it. */
static void fulfil(const struct talk *t, const struct expect *e)
{
	static struct raw raw;
	char src[ADDR_TEXT], dst[ADDR_TEXT];
	struct ct_ref ref;
	struct packet p;

	snprintf(src, sizeof(src), "%s", STRANGER);
	if (!rows[e->helper].anybody)
		addr_print(e->tuple.l3, &e->tuple.src, src);
	addr_print(e->tuple.l3, &e->tuple.dst, dst);
	if (e->tuple.l4 == IPPROTO_GRE)
		raw_call(&raw, src, dst, ntohs(e->tuple.dport));
	else if (e->tuple.l4 == IPPROTO_TCP)
		raw_tcp(&raw, src, 7777, dst, ntohs(e->tuple.dport), TCP_SYN, 1, 0, 0);
	else
		raw_udp(&raw, src, 7777, dst, ntohs(e->tuple.dport), 9);
	CHECK(packet_parse(raw.b, raw.len, NULL, &p) == REASON_NONE);
	CHECK(conntrack_in(ct, 0, &p, ZONE_0, now, &ref) == REASON_NONE);
	if (!ref.flow || !(atomic_load(&ref.flow->status) & FLOW_EXPECTED))
		return; /* not yet, or such a flow was there before */
	if (addr_is_zero(&e->nat_addr))
		return;
	CHECK(nat_is_done(ref.flow, NAT_MANIP_DST));
	CHECK(conntrack_nat_packet(&ref, NAT_MANIP_DST, &p));
	CHECK(conntrack_nat_packet(&ref, NAT_MANIP_SRC, &p));
	CHECK(packet_checksum_ok(&p) && is_one_of(t, &p.daddr) && is_one_of(t, &p.saddr));
	CHECK(addr_equal(&p.daddr, &e->nat_addr));
	if (e->tuple.l4 != IPPROTO_GRE)
		CHECK(p.dport == (e->nat_port ? e->nat_port : e->tuple.dport));
	conntrack_confirm(ct, 0, &p, now, &ref);
}

static void fulfil_some(const struct talk *t)
{
	struct expect e;

	for (int i = 0; i < 4; i++) {
		uint32_t cursor = 0;

		if (conntrack_each_expectation(ct, &cursor, now, take_first, &e))
			return; /* there is none, or it was the last record */
		fulfil(t, &e);
	}
}

static bool end_flow(void *arg, uint32_t index, const struct flow *f)
{
	(void)arg;
	CHECK(conntrack_delete(ct, index, f->id));
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct talk t = { .seq = { 100, 500 }, .got = { 500, 100 } };
	struct conntrack_stats stats;
	const struct row *row;
	uint32_t cursor = 0;
	bool ipv6;

	if (!ct)
		set_up();
	if (size < 1)
		return 0;
	t.kind = HELPER_FTP + (data[0] & KIND) + (data[0] & KIND_MORE ? KIND + 1 : 0);
	if (t.kind >= HELPER_COUNT)
		t.kind = HELPER_FTP;
	row = &rows[t.kind];
	t.tcp = row->tcp && (!row->udp || data[0] & TCP);
	t.nat = data[0] & (SNAT | DNAT);
	ipv6 = row->ipv6 && data[0] & IPV6;
	t.own[0] = ipv6 ? "fd00:1::2" : "10.0.1.2";
	t.own[1] = ipv6 ? "fd00:2::2" : "10.0.2.2";
	t.seen[0] = !(data[0] & SNAT) ? t.own[0] : ipv6 ? "2001:db8::77" : "203.0.113.199";
	t.seen[1] = !(data[0] & DNAT) ? t.own[1] : ipv6 ? "2001:db8:1::9" : "1.2.3.4";
	t.port[0] = 1000;
	t.port[1] = row->port;
	now = start;
	begin(&t);
	talk(&t, data + 1, size - 1);
	fulfil_some(&t);

	/* With the flows ends all that they expect. */
	conntrack_each(ct, &cursor, 0, now, end_flow, NULL);
	conntrack_housekeep(ct, 0, now);
	conntrack_stats(ct, &stats);
	CHECK(stats.flows == 0 && stats.expectations == 0);
	return 0;
}
