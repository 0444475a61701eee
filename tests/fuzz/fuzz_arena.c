/* fuzz_arena.c - what a former process left in the arena: flows, their extensions,
 * expectations, rulesets in force and before, a trial, elements of dynamic sets.
 *
 * The arena of a process that tracked a few flows is written over at places that the input
 * names, then taken up again as the next process would.
 *
 * Input: damages, each of
 *
 *     offset   2 bytes, little endian; see place_of()
 *     mend     1 byte: bit 0, make the checksum of that record right again; bit 1, the
 *              header's immutable part as it was; bit 2, in the saved ruleset whose number the
 *              upper four bits are
 *     len      1 byte
 *     bytes    len of them */
#include <string.h>
#include <sys/mman.h>

#include "base/arena_private.h"
#include "conntrack/expect.h"
#include "conntrack/record.h"
#include "ctfw/conntrack.h"
#include "ctfw/cursor.h"
#include "ctfw/generation.h"
#include "ctfw/rcu.h"
#include "ctfw/set_dynamic.h"
#include "ctfw/text.h"
#include "fuzz.h"
#include "unit/packets.h"

#define MAX_FLOWS	40
#define EXPECT_RECORDS	16
#define ELEMENT_RECORDS 16
#define ELEMENT_SETS	2
#define ELEMENT_BYTES	(ELEMENT_RECORDS * ARENA_ELEMENT_SIZE)
#define TEXT_BYTES	8192
#define TEXTS_BYTES	(ARENA_TEXTS * TEXT_BYTES)
#define EXT_BYTES	(MAX_FLOWS * ARENA_EXT_SIZE)

static const uint8_t boot_id[16] = {1}, key_bytes[16] = {2};
static const struct instant start = {1000 * NSEC_PER_SEC, 1700000000 * NSEC_PER_SEC};

static struct arena_geometry geometry;
static uint8_t *mem; /* the arena under test */
static size_t mem_size;
/* Its first `records_end` bytes, its texts, its extensions and its elements, as they should
 * be. */
static uint8_t *pristine;
static size_t records_end;
static uint8_t *expects, *texts, *exts, *elements; /* in mem */
static uint32_t set_number[ELEMENT_SETS];
static struct siphash_key key;
static struct conntrack_options options;

/* One packet's whole way.  What is refused is refused. */
static void pass(struct conntrack *ct, struct raw *raw, struct instant now)
{
	struct ct_expectation_spec spec = {
		.l4proto = IPPROTO_TCP,
		.size = 1,
		.timeout = 20 * NSEC_PER_SEC,
	};
	struct packet p;
	struct ct_ref ref;

	CHECK(packet_parse(raw->b, raw->len, NULL, &p) == REASON_NONE);
	if (conntrack_in(ct, 0, &p, (struct ct_zone){0, 0}, now, &ref) == REASON_NONE) {
		/* Every second port expects something. */
		spec.dport = p.sport;
		if (ntohs(p.sport) % 2 == 0)
			conntrack_add_expectation(ct, 0, &ref, &spec, now);
		conntrack_confirm(ct, 0, &p, now, &ref);
	}
	rcu_quiescent();
}

/* An FTP session, whose helper keeps notes in an extension. */
static void talk_ftp(struct conntrack *ct, struct instant now)
{
	static const char line[] = "PORT 10,0,1,2,40,1\r\n";
	static struct raw r;

	raw_tcp(&r, "10.0.1.2", 1021, "10.0.2.2", 21, TCP_SYN, 100, 0, 0);
	pass(ct, &r, now);
	raw_tcp(&r, "10.0.2.2", 21, "10.0.1.2", 1021, TCP_SYN | TCP_ACK, 500, 101, 0);
	pass(ct, &r, now);
	for (uint32_t seq = 101; seq < 101 + 3 * (sizeof(line) - 1); seq += sizeof(line) - 1) {
		raw_tcp(&r, "10.0.1.2", 1021, "10.0.2.2", 21, TCP_ACK, seq, 501,
			sizeof(line) - 1);
		memcpy(r.b + r.len - (sizeof(line) - 1), line, sizeof(line) - 1);
		raw_fix_l4(&r);
		pass(ct, &r, now);
	}
}

/* Some flows of every protocol, in several states. */
static void track_some(struct conntrack *ct, struct instant now)
{
	static struct raw r, inner;

	for (uint16_t i = 0; i < 8; i++) {
		raw_tcp(&r, "10.0.1.2", (uint16_t)(1000 + i), "10.0.2.2", 80, TCP_SYN, 100, 0,
			0);
		pass(ct, &r, now);
		raw_tcp(&r, "10.0.2.2", 80, "10.0.1.2", (uint16_t)(1000 + i), TCP_SYN | TCP_ACK,
			500, 101, 0);
		if (i > 1)
			pass(ct, &r, now);
		raw_tcp(&r, "10.0.1.2", (uint16_t)(1000 + i), "10.0.2.2", 80, TCP_ACK, 101, 501,
			10);
		if (i > 3)
			pass(ct, &r, now);
		raw_udp(&r, "fd00:1::2", (uint16_t)(2000 + i), "fd00:2::2", 53, 4);
		pass(ct, &r, now);
		raw_udp(&r, "fd00:2::2", 53, "fd00:1::2", (uint16_t)(2000 + i), 4);
		if (i > 4)
			pass(ct, &r, now);
	}
	raw_icmp(&r, "10.0.1.2", "10.0.2.2", 8, 0, 7, 1, NULL, 0);
	pass(ct, &r, now);
	raw_icmp(&r, "fd00:1::2", "fd00:2::2", 128, 0, 7, 1, NULL, 0);
	pass(ct, &r, now);
	raw_ip(&r, "10.0.1.2", "10.0.2.2", 99, NULL, 10);
	pass(ct, &r, now);
	raw_udp(&inner, "10.0.1.2", 1, "10.0.2.2", 2, 4);
	pass(ct, &inner, now);
	raw_icmp_error(&r, "10.0.2.2", "10.0.1.2", 3, 3, &inner, 28);
	pass(ct, &r, now);
	talk_ftp(ct, now);
}

static const struct set_dynamic_spec specs[ELEMENT_SETS] = {
	{.key_bytes = 4},
	{.key_bytes = 18, .data_bytes = 4, .size = 5},
};

/* Elements with and without a timeout. */
static void add_some(struct set_dynamic *s, uint64_t mono)
{
	for (uint8_t i = 0; i < 8; i++) {
		const uint8_t bytes[64] = {i};
		struct set_value v = {
			.key = bytes, .data = bytes, .timeout = i % 3 * NSEC_PER_SEC,
			.variant = 1, .lists = i % 4};
		struct set_record *r;

		set_dynamic_update(s, 0, &v, mono, &r);
	}
	rcu_quiescent();
}

static void add_elements(const struct arena *arena, uint64_t mono)
{
	struct set_elements *e = set_elements_new(arena, NULL, 1, mono);
	struct set_dynamic *s[ELEMENT_SETS];

	CHECK(e && set_elements_reserve(e) == 0);
	for (int i = 0; i < ELEMENT_SETS; i++) {
		CHECK(set_dynamic_new(e, &specs[i], &s[i]) == 0);
		set_number[i] = set_dynamic_number(s[i]);
		add_some(s[i], mono);
	}
	for (int i = 0; i < ELEMENT_SETS; i++)
		set_dynamic_unref(s[i]);
	set_elements_free(e);
}

/* ---- rulesets ---- */

static const struct hostview_link wg0 = {.index = 3, .mtu = 1500, .name = "wg0"};

/* All that a process has, over one arena. */
struct process {
	struct counters *counters;
	struct set_elements *elements;
	struct conntrack *ct;
	struct engine *engine;
	struct generation *generation;
	bool restored;
	struct diag d;
};

/* The ruleset file, for want of rules that go on. */
static void load(struct process *p, struct instant now)
{
	static const char text[] = "table ip t {\n chain f {\n"
				   "  type filter hook forward priority 0\n }\n}\n";
	const struct generation_request request = {.cause = CAUSE_START};
	const struct ruleset_input input = {
		.name = "file", .text = text, .len = sizeof(text) - 1, .now = now};
	struct diag d = DIAG_INIT;

	CHECK(generation_replace(p->generation, &input, &request, &d) == 0);
	diag_fini(&d);
}

static void process_start(struct process *p, struct arena *arena, struct instant now)
{
	const struct engine_options engine_options = {.workers = 1};

	p->counters = counters_new(arena);
	CHECK(p->counters);
	p->elements = set_elements_new(arena, counters_states(p->counters), 1, now.mono);
	CHECK(p->elements);
	counters_lend(p->counters, p->elements);
	p->d = (struct diag)DIAG_INIT;
	p->generation = generation_read(p->counters, arena, &p->d);
	CHECK(p->generation);
	p->ct = conntrack_new(arena, &options, 1, now);
	CHECK(p->ct);
	conntrack_relearn_windows(p->ct);
	p->engine = engine_new(p->ct, p->counters, &engine_options);
	CHECK(p->engine);
	CHECK(generation_start(p->generation, p->engine, &p->d, &p->restored) == 0);
	engine_set_hostview(p->engine, hostview_new(&wg0, 1, NULL, 0, NULL, 0));
}

static void process_end(struct process *p)
{
	generation_free(p->generation);
	engine_free(p->engine);
	conntrack_free(p->ct);
	set_elements_free(p->elements);
	counters_free(p->counters);
	diag_fini(&p->d);
}

static int command(struct process *p, const char *text, uint64_t until, struct instant now)
{
	const struct generation_request request = {
		.until = until, .cause = CAUSE_COMMAND, .what = text};
	struct ruleset_input input = {.name = "x", .text = text, .len = strlen(text), .now = now};
	struct text out = TEXT_INIT;
	struct diag d = DIAG_INIT;
	int err = generation_apply(p->generation, &input, &request, &d, &out);

	text_fini(&out);
	diag_fini(&d);
	return err;
}

/* Rulesets with all that has state, a history, changes of elements, and a trial. */
static void make_rulesets(struct arena *arena)
{
	static const char rules[] =
		"table ip t { counter c { }; quota q { 5000 bytes }; "
		"set s { type ipv4_addr; counter; elements = { 10.0.1.2, 10.0.1.3 }; }; "
		"set d { type inet_service; flags dynamic; size 8; timeout 1m; }; "
		"map m { type inet_service : verdict; elements = { 7 : accept }; }; "
		"chain f { type filter hook forward priority 0; ip saddr @s counter; "
		"add @d { udp dport }; counter name c; quota name q; "
		"limit rate 5/second; udp dport vmap @m; }; }";
	static const char nat[] =
		"table ip nat { chain p { type nat hook postrouting priority 100; "
		"ip saddr 10.0.1.0/24 snat to 192.0.2.1; }; }";
	static const char *const commands[] = {
		rules,
		"add rule ip t f udp dport 9 counter drop",
		"add element ip t m { 9 : drop }",
		"add element ip t m { 11 : drop }",
		nat,
	};
	struct process p;

	process_start(&p, arena, start);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		CHECK(command(&p, commands[i], 0, start) == 0);
	CHECK(generation_saved(p.generation) == 3);
	CHECK(command(&p, "delete rule ip t f handle 8; flush set ip t s",
		      start.mono + 60 * NSEC_PER_SEC, start) == 0);
	CHECK(generation_saved(p.generation) == 4);
	process_end(&p);
}

static void set_up(void)
{
	struct arena arena;
	struct conntrack *ct;

	rcu_register();
	conntrack_options_default(&options);
	options.max_flows = MAX_FLOWS;
	options.helpers = HELPER_BIT(HELPER_FTP);
	geometry = (struct arena_geometry){
		.flow_records = conntrack_records(MAX_FLOWS),
		.workers = 1,
		.text_bytes = TEXT_BYTES,
		.expect_records = EXPECT_RECORDS,
		.element_records = ELEMENT_RECORDS,
	};
	mem_size = arena_size(&geometry);
	records_end = arena_committed(&geometry);
	mem = mmap(NULL, mem_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pristine = malloc(records_end + TEXTS_BYTES + EXT_BYTES + ELEMENT_BYTES);
	CHECK(mem != MAP_FAILED && pristine);
	arena_format(mem, &geometry, boot_id, key_bytes, &arena);
	key = (struct siphash_key){arena.header->key[0], arena.header->key[1]};
	expects = arena.expects;
	texts = mem + arena.header->texts_off;
	exts = arena.exts;
	elements = arena.elements;
	ct = conntrack_new(&arena, &options, 1, start);
	CHECK(ct && conntrack_reserve_extensions(ct) == 0);
	track_some(ct, start);
	conntrack_free(ct);
	add_elements(&arena, start.mono);
	make_rulesets(&arena);
	memcpy(pristine, mem, records_end);
	memcpy(pristine + records_end, texts, TEXTS_BYTES);
	memcpy(pristine + records_end + TEXTS_BYTES, exts, EXT_BYTES);
	memcpy(pristine + records_end + TEXTS_BYTES + EXT_BYTES, elements, ELEMENT_BYTES);
}

/* Where an offset points: in the header and the first flows, from 0x8000 on in the
 * expectations, from 0xc000 on in the first text, from 0xe000 on in the extensions, from 0xf000
 * on in the elements. */
static uint8_t *place_of(uint32_t offset, size_t *ret_room)
{
	const struct {
		uint32_t from;
		uint8_t *area;
		size_t size;
	} areas[] = {
		{0xf000, elements, ELEMENT_BYTES},
		{0xe000, exts, EXT_BYTES},
		{0xc000, texts, TEXT_BYTES},
		{0x8000, expects, EXPECT_RECORDS * ARENA_EXPECT_SIZE},
		{0, mem, 0x8000},
	};
	unsigned i = 0;
	size_t at;

	while (offset < areas[i].from)
		i++;
	at = (offset - areas[i].from) % areas[i].size;

	*ret_room = areas[i].size - at;
	return areas[i].area + at;
}

/* Make the checksum right of the record that this lies in. */
static void mend_record(uint8_t *at)
{
	if (at >= expects && at < expects + EXPECT_RECORDS * ARENA_EXPECT_SIZE) {
		struct expect *e =
			(struct expect *)(void *)expects + (at - expects) / ARENA_EXPECT_SIZE;

		e->check = expect_checksum(&key, e);
	} else if (at >= elements && at < elements + ELEMENT_BYTES) {
		struct set_record *r = (struct set_record *)(void *)elements +
				       (at - elements) / ARENA_ELEMENT_SIZE;

		r->check = set_record_check(&key, r);
	} else if (at >= mem + 4096 && at < mem + 0x8000) {
		struct flow *f = (struct flow *)(void *)(mem + 4096) +
				 (at - mem - 4096) / ARENA_FLOW_SIZE;

		f->check = record_check(&key, f);
	}
}

static uint8_t *place_in_text(unsigned text, uint32_t offset, size_t *ret_room)
{
	offset %= TEXT_BYTES;
	*ret_room = TEXT_BYTES - offset;
	return texts + text % ARENA_TEXTS * TEXT_BYTES + offset;
}

/* The text's, and that of each change behind it. */
static void mend_text(unsigned number)
{
	struct arena_header *h = (struct arena_header *)(void *)mem;
	struct arena_text *t = &h->text[number % ARENA_TEXTS];
	char *text = (char *)texts + number % ARENA_TEXTS * TEXT_BYTES;
	uint64_t at = (t->len + 7) & ~UINT64_C(7), head[2];

	if (t->len > TEXT_BYTES)
		return;
	t->check = siphash_bytes(&arena_check_key, text, (size_t)t->len);
	while (at + sizeof(head) <= TEXT_BYTES) {
		memcpy(head, text + at, sizeof(head));
		if (head[0] > TEXT_BYTES - at - sizeof(head))
			break;
		head[1] = siphash_bytes(&arena_check_key, text + at + sizeof(head),
					(size_t)head[0]);
		memcpy(text + at, head, sizeof(head));
		at = (at + sizeof(head) + head[0] + 7) & ~UINT64_C(7);
	}
}

static void damage(const uint8_t *data, size_t size)
{
	struct cursor c = cursor_of(data, size);
	size_t header = offsetof(struct arena_header, next_flow_id);

	memcpy(mem, pristine, records_end);
	memcpy(texts, pristine + records_end, TEXTS_BYTES);
	memcpy(exts, pristine + records_end + TEXTS_BYTES, EXT_BYTES);
	memcpy(elements, pristine + records_end + TEXTS_BYTES + EXT_BYTES, ELEMENT_BYTES);
	while (cursor_left(&c) >= 4) {
		uint32_t low = cursor_u8(&c), offset = low | (uint32_t)cursor_u8(&c) << 8;
		unsigned mend = cursor_u8(&c);
		size_t len = cursor_u8(&c), room;
		unsigned text = mend >> 4;
		uint8_t *at = mend & 4 ? place_in_text(text, offset, &room) :
					 place_of(offset, &room);
		const uint8_t *bytes;

		len = len > room ? room : len;
		bytes = cursor_take(&c, len);
		if (!bytes)
			break;
		memcpy(at, bytes, len);
		if (mend & 1 && mend & 4)
			mend_text(text);
		else if (mend & 1)
			mend_record(at);
		/* Keep to what gets past the header's checksum. */
		if (mend & 2)
			memcpy(mem, pristine, header);
	}
}

struct walk {
	unsigned n;
	uint64_t mono;
};

static bool look_at(void *arg, uint32_t index, const struct flow *copy)
{
	struct walk *walk = arg;
	struct text t = TEXT_INIT;

	CHECK(index < geometry.flow_records && copy->id != 0);
	flow_print(copy, walk->mono, true, true, &t);
	CHECK(t.len > 0);
	text_fini(&t);
	walk->n++;
	return true;
}

static bool look_at_expectation(void *arg, uint32_t index, const struct expect *copy)
{
	struct walk *walk = arg;
	struct text t = TEXT_INIT;

	CHECK(index < EXPECT_RECORDS && copy->id != 0 && copy->class < HELPER_CLASSES);
	CHECK(copy->master < geometry.flow_records);
	expect_print(copy, walk->mono, &t);
	CHECK(t.len > 0);
	text_fini(&t);
	walk->n++;
	return true;
}

static void take_up(struct arena *arena)
{
	struct conntrack_recovery r;
	struct conntrack_stats s;
	struct instant now = {start.mono + NSEC_PER_SEC, start.real + NSEC_PER_SEC};
	struct walk walk = {0, now.mono};
	struct conntrack *ct = conntrack_new(arena, &options, 1, now);
	uint32_t cursor = 0;

	CHECK(ct && conntrack_reserve_extensions(ct) == 0);
	r = conntrack_recovery(ct);
	conntrack_stats(ct, &s);
	CHECK(r.torn <= r.kept && r.kept == s.flows);
	CHECK(r.kept + r.damaged + r.expired <= geometry.flow_records);
	CHECK(conntrack_each(ct, &cursor, 0, now, look_at, &walk));
	CHECK(walk.n == r.kept);
	walk.n = cursor = 0;
	CHECK(conntrack_each_expectation(ct, &cursor, now, look_at_expectation, &walk));
	CHECK(walk.n == r.expectations);
	track_some(ct, now);
	now.mono += CT_TIMEOUT_MAX * NSEC_PER_SEC + NSEC_PER_SEC;
	conntrack_housekeep(ct, 0, now);
	conntrack_housekeep(ct, 0, now);
	conntrack_stats(ct, &s);
	CHECK(s.flows == 0 && s.expectations == 0);
	conntrack_free(ct);
}

static void take_up_elements(struct arena *arena)
{
	uint64_t now = start.mono + NSEC_PER_SEC;
	struct states *states = states_new(arena);
	struct set_elements *e = set_elements_new(arena, states, 1, now);
	struct set_elements_stats stats;
	struct set_dynamic *s[ELEMENT_SETS];
	uint32_t found = 0;

	CHECK(states && e);
	set_elements_stats(e, &stats);
	CHECK(stats.kept == stats.used);
	CHECK(stats.kept + stats.damaged + stats.lapsed <= ELEMENT_RECORDS);
	for (int i = 0; i < ELEMENT_SETS; i++) {
		uint32_t cursor = 0, n = 0;
		struct set_record *r;

		/* Who finds another kind of set under the number begins a new one. */
		if (set_dynamic_claim(e, set_number[i], &specs[i], &s[i]) != 0)
			CHECK(set_dynamic_new(e, &specs[i], &s[i]) == 0);
		while ((r = set_dynamic_next(s[i], &cursor, now)) != NULL) {
			CHECK(set_dynamic_find(s[i], r->key, now) == r);
			n++;
		}
		CHECK(n == set_dynamic_count(s[i]));
		found += n;
	}
	CHECK(found <= stats.kept);
	set_elements_settle(e);
	set_elements_housekeep(e, 0, now);
	for (int i = 0; i < ELEMENT_SETS; i++) {
		add_some(s[i], now);
		set_dynamic_flush(s[i]);
		CHECK(set_dynamic_count(s[i]) == 0);
		set_dynamic_unref(s[i]);
	}
	set_elements_housekeep(e, 0, now);
	set_elements_stats(e, &stats);
	CHECK(stats.used == 0);
	set_elements_free(e);
	states_free(states);
}

/* A packet through the rules, whatever they are. */
static void forward(struct process *p, uint16_t dport, struct instant now)
{
	const struct engine_port port = {.role = PORT_BOTH, .hooks = ENGINE_ALL_HOOKS};
	static uint8_t reply[BUILD_MAX];
	static struct raw r;
	struct engine_result result;
	struct packet packet;

	raw_udp(&r, "10.0.1.2", 4000, "10.0.2.2", dport, 4);
	CHECK(engine_prepare(p->engine, 0, r.b, r.len, NULL, &packet, NULL) == REASON_NONE);
	engine_input(p->engine, 0, &port, &packet, now, reply, &result, NULL);
	rcu_quiescent();
}

static void list(const struct process *p)
{
	struct text out = TEXT_INIT;

	ruleset_print(generation_ruleset(p->generation), PRINT_HANDLE, &out);
	CHECK(!text_failed(&out));
	text_fini(&out);
}

/* The next process's rules: they judge, change, go back to all that is kept, and are undone. */
static void take_up_rulesets(struct arena *arena)
{
	struct instant now = {start.mono + NSEC_PER_SEC, start.real + NSEC_PER_SEC};
	struct generation_trial trial;
	struct process p;

	process_start(&p, arena, now);
	forward(&p, 7, now);
	if (!p.restored)
		load(&p, now);
	generation_settle(p.generation, &p.d);
	set_elements_settle(p.elements);
	list(&p);
	CHECK(generation_saved(p.generation) >= 1);
	CHECK(generation_saved(p.generation) <= 1 + ARENA_FORMER);
	for (unsigned number = 1; number < 4; number++) {
		const struct generation_request request = {.uid = GENERATION_NOBODY};

		generation_rollback(p.generation, number, &request, now, &p.d);
		forward(&p, (uint16_t)(7 + number), now);
		list(&p);
	}
	command(&p, "add table ip another", 0, now);
	if (generation_trial(p.generation, &trial))
		generation_undo(p.generation, now, &p.d);
	forward(&p, 9, now);
	list(&p);
	process_end(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	const char *text;
	size_t len, at;

	if (!mem)
		set_up();
	damage(data, size);
	if (arena_attach(mem, mem_size, &geometry, boot_id, &arena) < 0)
		return 0;
	for (unsigned number = 0; number < arena_saved(&arena); number++) {
		at = 0;
		if (arena_saved_text(&arena, number, &text, &len) == 0)
			CHECK(text >= (char *)texts &&
			      text + len <= (char *)texts + TEXTS_BYTES);
		while (arena_saved_change(&arena, number, &at, &text, &len) == 0)
			CHECK(text >= (char *)texts &&
			      text + len <= (char *)texts + TEXTS_BYTES);
	}
	if (arena_former_text(&arena, &text, &len) == 0)
		CHECK(text == arena.text[ARENA_TEXTS - 1] && len <= TEXT_BYTES);
	take_up(&arena);
	take_up_elements(&arena);
	/* As it was found, once more. */
	damage(data, size);
	take_up_rulesets(&arena);
	return 0;
}
