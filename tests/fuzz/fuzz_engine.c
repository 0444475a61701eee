/* fuzz_engine.c - a row of packets through the whole engine.
 *
 * Input: packets, each of
 *
 *     how      1 byte: bits 0-1 port (in, out, both, return), bits 2-4 time that passed; bit 7
 *              of the first one: with NAT
 *     length   2 bytes, little endian
 *     bytes    a virtio-net header of ten bytes and the packet, `length` in all
 *
 * IPv4 header checksums are made right.  No packet is changed on its way but by NAT, which
 * leaves checksums right that were; every packet is counted once, and the flow table stays what
 * its counters say. */
#include <string.h>
#include <sys/mman.h>

#include "ctfw/checksum.h"
#include "ctfw/conntrack.h"
#include "ctfw/cursor.h"
#include "ctfw/engine.h"
#include "ctfw/rcu.h"
#include "fuzz.h"

#define MAX_FLOWS 8

static const char rules[] =
	"table inet f {\n"
	"chain r { type filter hook prerouting priority -300; ip ttl 7 drop; }\n"
	"chain i { type filter hook input priority 0; policy drop;\n"
	"ct state established,related accept; ct state invalid counter drop\n"
	"tcp dport 22 ct state new accept; tcp dport 23 reject with tcp reset\n"
	"ct mark set 7; log prefix \"in \" flags all\n"
	"udp dport 1-100 accept; reject; }\n"
	"chain f { type filter hook forward priority 0; policy accept;\n"
	"ct state invalid reject; tcp flags syn tcp dport != 80 reject with tcp reset\n"
	"icmp type echo-request accept; meta l4proto udp ct mark set 1 log\n"
	"ip6 hoplimit 9 drop; meta length > 9000 counter; }\n"
	"}\n";

static const char nat_rules[] =
	"table inet n {\n"
	"chain p { type nat hook prerouting priority -100;\n"
	"udp dport 53 dnat ip to 192.0.2.1-192.0.2.3; tcp dport 80 dnat ip6 to fd51::1\n"
	"tcp dport 22 redirect to :2222; }\n"
	"chain s { type nat hook postrouting priority 100;\n"
	"meta l4proto { tcp, udp } snat ip to 10.8.0.1:1000-1003\n"
	"snat ip to 10.8.0.1; snat ip6 to fd08::1; }\n"
	"}\n";

static uint8_t *mem;
static size_t mem_size;
static struct arena_geometry geometry;
static struct prefix networks[2];
static struct engine_port ports[4];

static void log_it(void *arg, unsigned worker, const struct engine_log *record)
{
	char line[300];

	(void)arg;
	(void)worker;
	CHECK(logline_format(record, line, sizeof(line)) > 0);
}

struct world {
	struct arena arena;
	struct conntrack *ct;
	struct counters *counters;
	struct ruleset *ruleset;
	struct engine *engine;
	struct instant now;
	bool nat;
};

static void set_up(void)
{
	rcu_register();
	geometry = (struct arena_geometry){
		.flow_records = conntrack_records(MAX_FLOWS),
		.workers = 1,
		.text_bytes = 4096,
	};
	mem_size = arena_size(&geometry);
	mem = mmap(NULL, mem_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(mem != MAP_FAILED);
	prefix_parse("10.8.0.0/24", &networks[0]);
	prefix_parse("fd08::/64", &networks[1]);
	for (unsigned i = 0; i < 4; i++) {
		ports[i] = (struct engine_port){
			.role = i == 0 ? PORT_IN : i == 1 ? PORT_OUT : i == 2 ? PORT_BOTH :
				PORT_RETURN,
			.ifindex = 3,
			.ifname = "wg0",
			.spoof_check = i == 0,
			.hooks = ENGINE_ALL_HOOKS,
			.networks = networks,
			.n_networks = 2,
		};
	}
}

static struct hostview *make_hostview(void)
{
	static const char *const text[] = { "127.0.0.0/8", "10.8.0.1", "10.8.0.255",
					    "fd08::1" };
	const struct hostview_link link = { .index = 3, .mtu = 1420, .name = "wg0" };
	struct hostview_route route = { .ifindex = 2 };
	struct hostview_addr addrs[4] = { 0 };

	for (unsigned i = 0; i < 4; i++) {
		prefix_parse(text[i], &addrs[i].prefix);
		addrs[i].kind = i == 2 ? HOSTVIEW_BROADCAST : HOSTVIEW_LOCAL;
		addrs[i].primary = i & 1;
		addrs[i].ifindex = 3;
	}
	prefix_parse("0.0.0.0/0", &route.prefix);
	return hostview_new(&link, 1, addrs, 4, &route, 1);
}

static void world_init(struct world *w, bool nat)
{
	static const uint8_t boot_id[16] = { 1 }, key[16] = { 2 };
	struct engine_options engine = { .workers = 1, .log_rate = 5, .reply_rate = 3,
					 .log = log_it };
	const char *text = nat ? nat_rules : rules;
	struct ruleset_input input = { .name = "f", .text = text, .len = strlen(text) };
	struct conntrack_options options;
	struct diag d = DIAG_INIT;
	struct text out = TEXT_INIT;
	struct ruleset *empty;

	memset(mem, 0, arena_committed(&geometry));
	arena_format(mem, &geometry, boot_id, key, &w->arena);
	conntrack_options_default(&options);
	options.max_flows = MAX_FLOWS;
	options.tcp_loose = TCP_LOOSE_YES;
	w->nat = nat;
	w->now = (struct instant){ 1000 * NSEC_PER_SEC, 1700000000 * NSEC_PER_SEC };
	w->counters = counters_new(&w->arena);
	w->ct = conntrack_new(&w->arena, &options, 1, w->now);
	w->engine = engine_new(w->ct, w->counters, &engine);
	empty = ruleset_new(w->counters);
	CHECK(w->counters && w->ct && w->engine && empty);
	if (ruleset_apply(empty, &input, &d, &out, &w->ruleset) < 0) {
		fputs(text_str(&d.text), stderr);
		CHECK(false);
	}
	ruleset_unref(empty);
	engine_set_program(w->engine, program_compile(w->ruleset));
	engine_set_hostview(w->engine, make_hostview());
	text_fini(&out);
	diag_fini(&d);
}

static void world_fini(struct world *w)
{
	engine_free(w->engine);
	ruleset_unref(w->ruleset);
	conntrack_free(w->ct);
	counters_free(w->counters);
}

static void check_result(const struct engine_result *r, const struct engine_trace *t,
			 uint8_t *reply)
{
	struct packet p;

	bool passed = r->action == ENGINE_PASS || r->action == ENGINE_FRAGMENTS;

	CHECK(r->action != ENGINE_NONE);
	CHECK(passed == (t->verdict == VERDICT_ACCEPT));
	CHECK((r->action == ENGINE_HOLD) == (t->verdict == VERDICT_NONE));
	CHECK((passed || r->action == ENGINE_HOLD) == (r->reason == REASON_NONE));
	CHECK(t->hook != HOOK_NONE || t->by == BY_REASON);
	if (r->action == ENGINE_HOLD)
		return;
	if (r->action == ENGINE_REPLY) {
		CHECK(r->reason == REASON_REJECT || r->reason == REASON_TTL ||
		      r->reason == REASON_TOO_BIG);
		CHECK(r->reply_len <= BUILD_MAX);
		CHECK(packet_parse(reply, r->reply_len, NULL, &p) == REASON_NONE);
		CHECK(p.len == r->reply_len && packet_checksum_ok(&p));
	}
}

/* Fragments of a datagram: each is a packet that could have come in. */
static void check_fragments(struct world *w)
{
	const uint8_t *bytes;
	uint8_t copy[PACKET_MAX];
	struct packet p;
	size_t len;

	while (engine_next(w->engine, 0, &bytes, &len)) {
		memcpy(copy, bytes, len);
		CHECK(packet_parse(copy, len, NULL, &p) == REASON_NONE);
		CHECK(p.len == len && p.flags & PACKET_FRAGMENT);
	}
}

/* What NAT has rewritten is as long as it was, and its checksum as right. */
static void check_rewritten(struct packet *p, size_t len, bool right)
{
	struct packet again;

	CHECK(p->len <= len);
	CHECK(packet_parse(p->data, p->len, &p->vnet, &again) == REASON_NONE);
	CHECK(!right || packet_checksum_ok(&again));
	CHECK(addr_equal(&again.saddr, &p->saddr) && addr_equal(&again.daddr, &p->daddr));
	CHECK(again.sport == p->sport && again.dport == p->dport);
}

static void pass(struct world *w, unsigned how, const uint8_t *bytes, size_t len)
{
	static const uint64_t passed[8] = {
		0, 0, 1, 1000, 100000, 2000000, 31000000, 130000000
	};
	uint8_t *buf = malloc(len + 1), *copy = malloc(len + 1), reply[BUILD_MAX];
	struct virtio_net_hdr vnet;
	struct engine_result result;
	struct engine_trace trace;
	struct packet p;
	uint16_t check;

	CHECK(buf && copy);
	memcpy(&vnet, bytes, sizeof(vnet));
	len -= sizeof(vnet);
	memcpy(buf, bytes + sizeof(vnet), len);
	if (len >= 20 && buf[0] >> 4 == 4 && (buf[0] & 15) >= 5 && (buf[0] & 15u) * 4 <= len) {
		check = checksum_ipv4(buf, (buf[0] & 15u) * 4);
		memcpy(buf + 10, &check, 2);
	}
	memcpy(copy, buf, len);
	w->now.mono += passed[how >> 2 & 7] * 1000;
	w->now.real += passed[how >> 2 & 7] * 1000;
	if (engine_prepare(w->engine, 0, buf, len, &vnet, &p, &trace) == REASON_NONE) {
		bool right = packet_checksum_ok(&p);

		engine_input(w->engine, 0, &ports[how & 3], &p, w->now, reply, &result,
			     &trace);
		check_result(&result, &trace, reply);
		if (result.action == ENGINE_FRAGMENTS)
			check_fragments(w);
		else if (w->nat && result.action == ENGINE_PASS && p.data == buf)
			check_rewritten(&p, len, right);
	}
	CHECK(w->nat || memcmp(copy, buf, len) == 0);
	free(copy);
	free(buf);
}

static bool count_one(void *arg, uint32_t index, const struct flow *copy)
{
	CHECK(index < geometry.flow_records && copy->id);
	++*(unsigned *)arg;
	return true;
}

static void check_world(struct world *w, uint64_t packets)
{
	struct conntrack_stats ct;
	struct frag_stats waiting;
	struct engine_stats s;
	uint64_t ended = 0;
	uint32_t cursor = 0;
	unsigned alive = 0;

	engine_stats(w->engine, &s);
	for (int r = 0; r < REASON_COUNT; r++)
		ended += s.dropped[r];
	CHECK(s.packets_in == packets);
	engine_fragments(w->engine, &waiting);
	CHECK(s.packets_in == s.packets_out - s.replies - s.fragments_out +
				      s.fragments_passed + waiting.fragments + ended);
	/* All of it comes to an end. */
	w->now.mono += 61 * NSEC_PER_SEC;
	w->now.real += 61 * NSEC_PER_SEC;
	engine_housekeep(w->engine, w->now);
	engine_fragments(w->engine, &waiting);
	CHECK(waiting.datagrams == 0 && waiting.fragments == 0 && waiting.bytes == 0);
	conntrack_housekeep(w->ct, 0, w->now);
	conntrack_stats(w->ct, &ct);
	CHECK(conntrack_each(w->ct, &cursor, 0, w->now, count_one, &alive));
	CHECK(ct.flows == alive && ct.flows <= MAX_FLOWS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor c = cursor_of(data, size);
	struct world w = { 0 };
	uint64_t packets = 0;

	if (!mem)
		set_up();
	world_init(&w, size && data[0] & 0x80);
	while (cursor_left(&c) > 3 && packets < 64) {
		unsigned how = cursor_u8(&c);
		size_t low = cursor_u8(&c), len = low | (size_t)cursor_u8(&c) << 8;
		const uint8_t *bytes;

		len = len > cursor_left(&c) ? cursor_left(&c) : len;
		bytes = cursor_take(&c, len);
		if (len < sizeof(struct virtio_net_hdr))
			continue;
		pass(&w, how, bytes, len);
		packets++;
		rcu_quiescent();
	}
	check_world(&w, packets);
	world_fini(&w);
	return 0;
}
