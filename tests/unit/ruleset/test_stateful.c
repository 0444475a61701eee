/* What remembers something: evaluated with packets and a clock, kept through changes and restarts,
 * and given back.  The numbers of limits and quotas are those of the kernel (Linux 6.18), asked
 * with packets as long as these. */
#include <pthread.h>

#include "ctfw/clock.h"
#include "ruleset/connlimit.h"
#include "ruleset/program.h"
#include "unit/packets.h"
#include "unit/ruleset/language.h"
#include "unit/threads.h"

#define S	NSEC_PER_SEC
#define FLOWS	2000
#define WORKERS 4

static void *memory;
static struct arena arena;
static struct counters *counters;
static struct ruleset *rs;
static struct flow *flows;
static struct raw raw;
static struct packet packet; /* 50 bytes */
static uint64_t now = 1000 * S;

static int setup(void **state)
{
	static const uint8_t zero[16];
	struct arena_geometry g = { .flow_records = FLOWS, .workers = WORKERS,
				    .text_bytes = 65536 };

	(void)state;
	memory = aligned_alloc(4096, arena_size(&g));
	memset(memory, 0, arena_size(&g));
	arena_format(memory, &g, zero, zero, &arena);
	flows = (struct flow *)arena.flows;
	counters = counters_new(&arena);
	rs = ruleset_new(counters);
	raw_udp(&raw, "10.1.2.3", 40001, "192.0.2.77", 53, 22);
	assert_int_equal(packet_parse(raw.b, raw.len, NULL, &packet), REASON_NONE);
	assert_int_equal(packet.len, 50);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ruleset_unref(rs);
	counters_free(counters);
	free(memory);
	return 0;
}

/* A chain whose rules accept; its policy drops. */
#define CHAIN(rules)                                                                           \
	"table ip t { chain c { type filter hook forward priority 0; policy drop; " rules "; }\n}"

static void load(const char *text)
{
	assert_int_equal(apply(&rs, text), 0);
}

static struct eval begun(const struct flow *f)
{
	return (struct eval){
		.packet = &packet, .flow = f, .ct_state = CT_STATE_NEW, .now = { .mono = now }
	};
}

static bool judge(const struct program *p, struct eval *e)
{
	struct eval_result r = { 0 };

	return program_eval(p, HOOK_FORWARD, false, e, &r) == VERDICT_ACCEPT;
}

/* How many of n packets of one instant pass. */
static unsigned pass(unsigned n)
{
	struct program *p = program_compile(rs);
	unsigned passed = 0;

	for (unsigned i = 0; i < n; i++) {
		struct eval e = begun(NULL);

		passed += judge(p, &e);
	}
	program_free(p);
	return passed;
}

static char *listed(const char *command)
{
	struct ruleset_input input = { .text = command, .now = { .mono = now } };
	char *text;

	assert_int_equal(apply_input(&rs, &input, &text), 0);
	return text;
}

static void assert_shows(const char *command, const char *want)
{
	char *text = listed(command);

	if (!strstr(text, want))
		assert_string_equal(text, want);
	free(text);
}

/* The next process: other counters, over the same arena, to which something happened. */
static void restart_after(void (*accident)(void))
{
	struct text saved = TEXT_INIT;
	struct diag d = DIAG_INIT;

	ruleset_save(rs, &saved);
	ruleset_unref(rs);
	counters_free(counters);
	if (accident)
		accident();
	counters = counters_new(&arena);
	assert_int_equal(ruleset_restore(text_str(&saved), saved.len, counters, &d, &rs), 0);
	text_fini(&saved);
	diag_fini(&d);
}

static void restart(void)
{
	restart_after(NULL);
}

/* ---- limits ---- */

static void a_limit_lets_its_burst_pass_and_then_its_rate(void **state)
{
	(void)state;
	load(CHAIN("limit rate 2/second burst 3 packets accept"));
	assert_int_equal(pass(10), 3);
	now += 12 * S / 10;
	assert_int_equal(pass(3), 2);
	now += S / 10 * 3;
	assert_int_equal(pass(3), 1);
	now += 60 * S;
	assert_int_equal(pass(10), 3);
}

static void a_limit_without_a_burst_has_that_of_the_kernel(void **state)
{
	(void)state;
	load(CHAIN("limit rate 1/week accept"));
	assert_int_equal(pass(10), 5);
	now += 7 * 86400 * S - 1;
	assert_int_equal(pass(1), 0);
	now++;
	assert_int_equal(pass(2), 1);
}

static void over_matches_what_a_limit_does_not(void **state)
{
	(void)state;
	load(CHAIN("limit rate over 2/second burst 3 packets accept"));
	assert_int_equal(pass(10), 7);
	now += S;
	assert_int_equal(pass(10), 8);
}

static void a_limit_of_bytes_holds_what_comes_in_a_unit_and_its_burst(void **state)
{
	(void)state;
	load(CHAIN("limit rate 100 bytes/second accept"));
	assert_int_equal(pass(10), 2);
	now += 12 * S / 10;
	assert_int_equal(pass(3), 2);
	load("flush ruleset; " CHAIN("limit rate 100 bytes/second burst 100 bytes accept"));
	assert_int_equal(pass(10), 4);
	load("flush ruleset; " CHAIN("limit rate 40 bytes/second burst 1 bytes accept"));
	assert_int_equal(pass(10), 0);
	now += 3600 * S;
	assert_int_equal(pass(10), 0);
	/* Nanoseconds times bytes are more than 64 bits here. */
	load("flush ruleset; " CHAIN("limit rate 100 mbytes/week burst 4095 mbytes accept"));
	assert_int_equal(pass(10), 10);
}

static void limits_of_one_rule_are_asked_one_after_the_other(void **state)
{
	(void)state;
	load(CHAIN("limit rate 2/second burst 2 packets counter limit rate 1/hour burst 3 packets "
		   "counter accept"));
	assert_int_equal(pass(5), 2);
	now += S;
	assert_int_equal(pass(5), 1);
	now += S;
	assert_int_equal(pass(5), 0);
	assert_shows("list chain ip t c", "burst 2 packets counter packets 6 bytes 300 limit");
}

static void a_named_limit_is_one_for_all_rules(void **state)
{
	(void)state;
	load("table ip t { limit l { rate 1/second burst 3 packets; }\n"
	     "chain c { type filter hook forward priority 0; policy drop;\n"
	     "limit name \"l\" counter\nlimit name l accept\n}\n}");
	assert_int_equal(pass(5), 1);
	assert_shows("list chain ip t c", "counter packets 2 bytes 100");
}

/* ---- quotas ---- */

static void a_quota_matches_up_to_its_last_byte(void **state)
{
	(void)state;
	load(CHAIN("quota 100 bytes accept"));
	assert_int_equal(pass(3), 2);
	assert_shows("list chain ip t c", "quota 100 bytes used 100 bytes accept");
	load("flush ruleset; " CHAIN("quota over 100 bytes accept"));
	assert_int_equal(pass(2), 0);
	assert_shows("list chain ip t c", "quota over 100 bytes used 100 bytes accept");
	assert_int_equal(pass(3), 3);
	load("flush ruleset; " CHAIN("quota 100 bytes used 70 bytes accept"));
	assert_shows("list chain ip t c", "quota 100 bytes used 70 bytes accept");
	assert_int_equal(pass(3), 0);
}

static void a_quota_that_is_reset_begins_anew(void **state)
{
	(void)state;
	load("table ip t { quota q { 120 bytes; }\n"
	     "chain c { type filter hook forward priority 0; policy drop;\n"
	     "quota name \"q\" quota 120 bytes accept\n}\n}");
	assert_int_equal(pass(5), 2);
	assert_shows("list quotas", "\t\t120 bytes used 120 bytes\n");
	/* What rules count is theirs. */
	assert_shows("reset quotas", "\t\t120 bytes used 120 bytes\n");
	assert_int_equal(pass(1), 0);
	assert_shows("list quota ip t q", "\t\t120 bytes used 50 bytes\n");
	assert_shows("reset rules", "quota name \"q\" quota 120 bytes used 120 bytes accept");
	assert_shows("list quota ip t q", "\t\t120 bytes used 50 bytes\n");
	assert_int_equal(pass(1), 1);
	assert_shows("reset quota ip t q", "\t\t120 bytes used 100 bytes\n");
	assert_shows("list quota ip t q", "\t\t120 bytes\n");
}

static void a_quota_may_change_and_keeps_what_is_used(void **state)
{
	struct ruleset *before;

	(void)state;
	load("table ip t { quota q { 120 bytes; comment \"a\"; }\n"
	     "chain c { type filter hook forward priority 0; policy drop;\n"
	     "quota name \"q\" accept\n}\n}");
	assert_int_equal(pass(5), 2);
	before = ruleset_ref(rs);
	load("add quota ip t q { 400 bytes used 5 bytes; comment \"b\"; }");
	assert_shows("list quota ip t q", "comment \"a\"\n\t\t400 bytes used 250 bytes\n");
	assert_int_equal(pass(5), 3);
	load("add quota ip t q over 410 bytes");
	ruleset_unref(before);
	assert_int_equal(pass(5), 5);
	restart();
	assert_shows("list quota ip t q", "over 410 bytes used 410 bytes\n");
	load("delete chain ip t c; delete quota ip t q");
}

/* ---- counters ---- */

static void a_named_counter_outlives_other_changes_and_restarts(void **state)
{
	(void)state;
	load("table ip t { counter n { packets 2 bytes 3; }\n"
	     "chain c { type filter hook forward priority 0; policy drop;\n"
	     "counter name n counter name \"n\" counter accept\n}\n}");
	assert_int_equal(pass(2), 2);
	assert_shows("list counter ip t n", "\t\tpackets 6 bytes 203\n");
	load("add table ip u; add counter ip u n; add rule ip t c counter name n");
	assert_shows("list counters", "\t\tpackets 6 bytes 203\n");
	restart();
	assert_int_equal(pass(1), 1);
	assert_shows("list counter ip t n", "\t\tpackets 8 bytes 303\n");
	assert_shows("reset counter ip t n", "\t\tpackets 8 bytes 303\n");
	assert_shows("list counter ip t n", "\t\tpackets 0 bytes 0\n");
	/* Those of rules are others. */
	assert_shows("list chain ip t c", "counter packets 3 bytes 150 accept");
}

/* ---- last ---- */

static void the_last_packet_is_remembered(void **state)
{
	(void)state;
	load(CHAIN("last accept"));
	assert_shows("list chain ip t c", "\t\tlast used never accept\n");
	assert_int_equal(pass(1), 1);
	now += 3661 * S;
	assert_shows("list chain ip t c", "\t\tlast used 1h1m1s accept\n");
	restart();
	assert_shows("list chain ip t c", "\t\tlast used 1h1m1s accept\n");
	free(listed("add rule ip t c last used 1d5s"));
	now += S;
	assert_shows("list chain ip t c", "\t\tlast used 1d6s\n");
	assert_lists(rs, PRINT_STATELESS, "table ip t {\n\tchain c {\n"
		     "\t\ttype filter hook forward priority filter; policy drop;\n"
		     "\t\tlast accept\n\t\tlast\n\t}\n}\n");
}

/* ---- flows that are counted ---- */

/* A flow enters the table, as conntrack does it. */
static struct flow *confirm(uint32_t index, uint32_t id)
{
	struct flow *f = &flows[index];

	f->id = id;
	f->check = 1;
	f->tuple[0].l4 = IPPROTO_TCP;
	f->proto.tcp.state = TCPS_ESTABLISHED;
	atomic_store(&f->status, FLOW_CONFIRMED);
	atomic_store(&f->expires, now + 3600 * S);
	return f;
}

/* A packet that begins a flow: does it pass?  Then the flow enters the table. */
static bool begin(const struct program *p, uint32_t index, uint32_t id)
{
	struct flow fresh = { .id = id };
	struct eval e = begun(&fresh);
	bool passed = judge(p, &e);

	if (e.counted.n)
		program_settle(p, &e, passed ? confirm(index, id) : NULL);
	else if (passed)
		confirm(index, id);
	assert_int_equal(e.counted.n, 0);
	return passed;
}

/* A packet of one that is there. */
static bool go_on(const struct program *p, uint32_t index)
{
	struct eval e = begun(&flows[index]);

	return judge(p, &e);
}

static struct program *count_up_to_two(void)
{
	struct program *p;

	load(CHAIN("ct count 2 accept"));
	p = program_compile(rs);
	assert_true(begin(p, 0, 1));
	assert_true(begin(p, 1, 2));
	return p;
}

static void flows_are_counted_once_and_those_above_the_limit_do_not_match(void **state)
{
	struct program *p = count_up_to_two();

	(void)state;
	assert_false(begin(p, 2, 3));
	assert_true(go_on(p, 0));
	assert_true(go_on(p, 1));
	/* What was dropped is forgotten. */
	assert_false(begin(p, 2, 4));
	assert_true(go_on(p, 0));
	program_free(p);
}

static void a_flow_that_ended_makes_room_for_another(void **state)
{
	struct program *p = count_up_to_two();

	(void)state;
	atomic_store(&flows[0].status, FLOW_CONFIRMED | FLOW_DYING);
	assert_true(begin(p, 2, 3));
	assert_false(begin(p, 3, 4));
	/* Its record is another flow's. */
	confirm(1, 99);
	assert_true(begin(p, 3, 4));
	assert_false(begin(p, 4, 5));
	atomic_store(&flows[2].expires, now);
	assert_true(begin(p, 4, 5));
	assert_false(begin(p, 5, 6));
	flows[3].proto.tcp.state = TCPS_TIME_WAIT;
	assert_true(begin(p, 5, 6));
	flows[4].proto.tcp.state = TCPS_CLOSE;
	assert_true(begin(p, 6, 7));
	assert_false(begin(p, 7, 8));
	program_free(p);
}

static void over_matches_the_flows_that_are_too_many(void **state)
{
	struct program *p;

	(void)state;
	load(CHAIN("ct count over 2 drop; accept"));
	p = program_compile(rs);
	assert_true(begin(p, 0, 1));
	assert_true(begin(p, 1, 2));
	assert_false(begin(p, 2, 3));
	assert_true(go_on(p, 0));
	program_free(p);
}

static void a_packet_without_a_flow_counts_for_itself(void **state)
{
	struct program *p = count_up_to_two();
	struct eval e = begun(NULL);

	(void)state;
	assert_false(judge(p, &e));
	flows[0].check = 0;
	e = begun(NULL);
	assert_true(judge(p, &e));
	e = begun(NULL);
	assert_true(judge(p, &e));
	program_free(p);
}

static void a_packet_that_meets_a_statement_twice_counts_once(void **state)
{
	struct program *p;

	(void)state;
	load("table ip t { chain x { ct count over 1 drop; }\n"
	     "chain c { type filter hook forward priority 0; policy drop;\n"
	     "jump x\njump x\naccept\n}\n}");
	p = program_compile(rs);
	assert_true(begin(p, 0, 1));
	assert_false(begin(p, 1, 2));
	assert_true(go_on(p, 0));
	program_free(p);
}

static void more_statements_than_a_packet_can_count_in_still_judge_it(void **state)
{
	struct program *p;

	(void)state;
	load(CHAIN("ct count 2; ct count 2; ct count 2; ct count 2; ct count 2; ct count 2; "
		   "ct count 2; ct count 2; ct count 2; ct count 2 accept; accept"));
	p = program_compile(rs);
	for (uint32_t i = 0; i < 4; i++)
		assert_true(begin(p, i, i + 1));
	program_free(p);
}

static void long_lists_grow_and_shrink(void **state)
{
	struct states *states = counters_states(counters);
	struct program *p;
	uint32_t slot, free_slot;

	(void)state;
	load(CHAIN("ct count 500 accept"));
	slot = rs->tables[0]->chains[0]->rules[0]->stmts[0].state.slot;
	p = program_compile(rs);
	free_slot = state_new(states);
	for (uint32_t i = 0; i < 700; i++)
		assert_int_equal(begin(p, i, i + 1), i < 500);
	assert_int_equal(connlimit_flows(states, slot), 500);
	/* Every second one ends; new ones find room, though each looks at a few only. */
	for (uint32_t i = 0; i < 500; i += 2)
		flows[i].check = 0;
	for (uint32_t i = 0; i < 250; i++)
		assert_true(begin(p, 1000 + i, 5000 + i));
	assert_int_equal(connlimit_flows(states, slot), 500);
	now += S;
	assert_false(begin(p, 1999, 9999));
	for (uint32_t i = 0; i < FLOWS; i++)
		flows[i].check = 0;
	for (uint32_t i = 0; i < 100; i++) {
		now += S;
		begin(p, 0, 20000 + i);
		flows[0].check = 0;
	}
	assert_int_equal(connlimit_flows(states, slot), 1);
	program_free(p);
	ruleset_unref(rs);
	rs = ruleset_new(counters);
	state_free(states, free_slot);
	/* Nothing is left taken. */
	assert_int_equal(state_new(states), slot);
	for (uint32_t i = 1; i < ARENA_STATES; i++)
		assert_int_not_equal(state_new(states), STATE_NONE);
}

static void counted_flows_outlive_a_restart(void **state)
{
	struct states *states;
	struct program *p;
	uint32_t slot;

	(void)state;
	load(CHAIN("ct count 20 accept"));
	p = program_compile(rs);
	for (uint32_t i = 0; i < 20; i++)
		assert_true(begin(p, i, i + 1));
	slot = rs->tables[0]->chains[0]->rules[0]->stmts[0].state.slot;
	program_free(p);
	/* It died with a lock held, and a packet under way. */
	atomic_store(&state_at(counters_states(counters), slot)->word[0],
		     atomic_load(&state_at(counters_states(counters), slot)->word[0]) | 1);
	restart();
	states = counters_states(counters);
	assert_int_equal(connlimit_flows(states, slot), 20);
	p = program_compile(rs);
	assert_false(begin(p, 20, 21));
	assert_true(go_on(p, 7));
	flows[3].check = 0;
	assert_true(begin(p, 20, 21));
	assert_false(begin(p, 21, 22));
	program_free(p);
}

static uint64_t seed = 42;

static void damage_records(void)
{
	for (unsigned i = 0; i < 3; i++) {
		struct state *st = (struct state *)arena.states + dice(&seed, dice(&seed, 2) + 1) *
				   dice(&seed, 256);
		uint64_t bits = (uint64_t)dice(&seed, UINT32_MAX) << dice(&seed, 33);

		atomic_store(&st->word[dice(&seed, 8)], dice(&seed, 4) ? dice(&seed, 300) : bits);
	}
}

/* Whatever is in the records: no crash, no endless loop, and packets are judged. */
static void a_damaged_list_is_put_in_order(void **state)
{
	struct states *states = counters_states(counters);
	struct program *p;
	uint32_t slot;

	(void)state;
	load(CHAIN("ct count 20 accept"));
	slot = rs->tables[0]->chains[0]->rules[0]->stmts[0].state.slot;
	for (unsigned round = 0; round < 500; round++) {
		p = program_compile(rs);
		for (uint32_t i = 0; i < 30; i++)
			begin(p, i, 100 * round + i + 1);
		program_free(p);
		restart_after(damage_records);
		states = counters_states(counters);
		p = program_compile(rs);
		for (uint32_t i = 0; i < 60; i++) {
			now += NSEC_PER_MSEC;
			begin(p, i, 1000000 + 100 * round + i);
			go_on(p, i);
		}
		assert_true(connlimit_flows(states, slot) <= FLOWS);
		program_free(p);
	}
}

/* ---- many workers ---- */

struct shared {
	struct program *program;
	pthread_barrier_t barrier;
	_Atomic uint32_t passed;
	bool counted[FLOWS]; /* which of them */
};
struct worker {
	struct shared *shared;
	unsigned number;
};

#define PER_WORKER (FLOWS / WORKERS)

static void *begin_many(void *arg)
{
	const struct worker *w = arg;
	struct shared *s = w->shared;

	pthread_barrier_wait(&s->barrier);
	for (uint32_t i = 0; i < PER_WORKER; i++) {
		uint32_t index = w->number * PER_WORKER + i;
		struct flow fresh = { .id = index + 1 };
		struct eval e = begun(&fresh);
		bool passed;

		e.worker = w->number;
		passed = judge(s->program, &e);
		if (passed)
			atomic_fetch_add(&s->passed, 1);
		if (e.counted.n)
			program_settle(s->program, &e, passed ? confirm(index, index + 1) : NULL);
		s->counted[index] = passed;
	}
	return NULL;
}

static void as_many_flows_as_the_limit_pass_whoever_begins_them(void **state)
{
	struct shared s = { 0 };
	struct worker worker[WORKERS];
	pthread_t thread[WORKERS];

	(void)state;
	load(CHAIN("ct count 100 accept"));
	s.program = program_compile(rs);
	pthread_barrier_init(&s.barrier, NULL, WORKERS);
	for (unsigned i = 0; i < WORKERS; i++) {
		worker[i] = (struct worker){ &s, i };
		assert_int_equal(pthread_create(&thread[i], NULL, begin_many, &worker[i]), 0);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&s.barrier);
	assert_int_equal(s.passed, 100);
	/* Once nobody begins another, what is counted goes on. */
	for (uint32_t i = 0; i < FLOWS; i++) {
		struct eval e = begun(&flows[i]);

		if (s.counted[i])
			assert_true(judge(s.program, &e));
	}
	program_free(s.program);
}

/* ---- kept, and given back ---- */

static const char everything[] =
	"table inet t {\n"
	"counter c { packets 1 bytes 2; comment \"x\"; }\n"
	"quota q { over 5 mbytes used 1 kbytes; }\n"
	"limit l { rate over 5 kbytes/minute burst 7 kbytes; }\n"
	"chain i { type filter hook input priority 0;\n"
	"counter packets 3 bytes 4 limit rate 5/hour burst 6 packets quota 9 bytes used 8 bytes "
	"last ct count over 3 counter name c quota name q limit name l accept\n}\n}";

static void what_was_saved_is_restored_with_all_that_it_remembers(void **state)
{
	char *before, *after;

	(void)state;
	load(everything);
	assert_shows("reset counters", "packets 1 bytes 2");
	before = listed("list ruleset");
	restart();
	after = listed("list ruleset");
	assert_string_equal(before, after);
	assert_non_null(strstr(after, "packets 0 bytes 0"));
	assert_non_null(strstr(after, "over 5 mbytes used 1 kbytes"));
	free(before);
	free(after);
}

static void slots_go_back_with_the_last_reference(void **state)
{
	struct states *states = counters_states(counters);
	struct program *p;
	uint32_t first = state_new(states);

	(void)state;
	state_free(states, first);
	load(everything);
	p = program_compile(rs);
	load("flush ruleset");
	/* A program may use them still. */
	assert_int_not_equal(state_new(states), first);
	program_free(p);
	assert_int_equal(state_new(states), first);
}

static void a_failed_or_mere_attempt_takes_no_slots(void **state)
{
	struct states *states = counters_states(counters);
	struct ruleset_input check = { .text = everything, .check = true };
	uint32_t first = state_new(states);

	(void)state;
	state_free(states, first);
	assert_int_equal(apply_input(&rs, &check, NULL), 0);
	assert_refused(rs, "table ip t { quota q { 5 bytes; }\n chain c { limit rate 5/second; "
			   "nonsense; }\n}", "nonsense");
	assert_int_equal(state_new(states), first);
}

static void a_slot_that_two_claim_or_that_is_none_is_refused(void **state)
{
	static const struct {
		const char *from, *to;
	} damage[] = {
		{ "object 2 slot 1", "object 2 slot 2" },
		{ "object 2 slot 1", "object 2 slot 262144" },
		{ "object 2 slot 1", "object 2 slot 4294967296" },
		{ "object 2 slot 1", "object 2 number 1" },
		{ "object 2 slot 1", "object 2 slot" },
		{ "ctfw ruleset 4", "ctfw ruleset 3" },
		{ "slots 1 0", "slots 2 0 3" },
		{ "slots 1 0", "slots 1 1" },
		{ "slots 1 0", "slots 0" },
	};
	struct text saved = TEXT_INIT;

	(void)state;
	load("table ip t { quota q { 5 bytes; }\nlimit l { rate 5/second; }\n"
	     "chain c { limit rate 6/second; }\n}");
	ruleset_save(rs, &saved);
	/* The handles are those of the kernel: chains before objects. */
	assert_non_null(strstr(text_str(&saved), "object 2 slot 1"));
	assert_non_null(strstr(text_str(&saved), "slots 1 0"));
	for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
		struct counters *next = counters_new(&arena);
		const char *at = strstr(text_str(&saved), damage[i].from);
		struct text damaged = TEXT_INIT;
		struct diag d = DIAG_INIT;
		struct ruleset *back = NULL;

		text_append(&damaged, text_str(&saved), (size_t)(at - text_str(&saved)));
		text_puts(&damaged, damage[i].to);
		text_puts(&damaged, at + strlen(damage[i].from));
		assert_int_equal(ruleset_restore(text_str(&damaged), damaged.len, next, &d,
						 &back), -EINVAL);
		assert_null(back);
		text_fini(&damaged);
		diag_fini(&d);
		counters_free(next);
	}
	text_fini(&saved);
}

static void an_object_that_rules_name_stays(void **state)
{
	(void)state;
	load(everything);
	assert_refused(rs, "delete counter inet t c", "is in use");
	assert_refused(rs, "delete quota inet t q", "is in use");
	assert_refused(rs, "delete limit inet t l", "is in use");
	assert_refused(rs, "add rule inet t i counter name cc", "there is no counter \"cc\"");
	assert_refused(rs, "create limit inet t l rate 5/second", "exists already");
	load("flush chain inet t i; delete counter inet t c; delete quota inet t q; "
	     "destroy limit inet t l; destroy limit inet t l");
	assert_lists(rs, 0, "table inet t {\n\tchain i {\n"
		     "\t\ttype filter hook input priority filter; policy accept;\n\t}\n}\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_limit_lets_its_burst_pass_and_then_its_rate),
		TEST(a_limit_without_a_burst_has_that_of_the_kernel),
		TEST(over_matches_what_a_limit_does_not),
		TEST(a_limit_of_bytes_holds_what_comes_in_a_unit_and_its_burst),
		TEST(limits_of_one_rule_are_asked_one_after_the_other),
		TEST(a_named_limit_is_one_for_all_rules),
		TEST(a_quota_matches_up_to_its_last_byte),
		TEST(a_quota_that_is_reset_begins_anew),
		TEST(a_quota_may_change_and_keeps_what_is_used),
		TEST(a_named_counter_outlives_other_changes_and_restarts),
		TEST(the_last_packet_is_remembered),
		TEST(flows_are_counted_once_and_those_above_the_limit_do_not_match),
		TEST(a_flow_that_ended_makes_room_for_another),
		TEST(over_matches_the_flows_that_are_too_many),
		TEST(a_packet_without_a_flow_counts_for_itself),
		TEST(a_packet_that_meets_a_statement_twice_counts_once),
		TEST(more_statements_than_a_packet_can_count_in_still_judge_it),
		TEST(long_lists_grow_and_shrink),
		TEST(counted_flows_outlive_a_restart),
		TEST(a_damaged_list_is_put_in_order),
		TEST(as_many_flows_as_the_limit_pass_whoever_begins_them),
		TEST(what_was_saved_is_restored_with_all_that_it_remembers),
		TEST(slots_go_back_with_the_last_reference),
		TEST(a_failed_or_mere_attempt_takes_no_slots),
		TEST(a_slot_that_two_claim_or_that_is_none_is_refused),
		TEST(an_object_that_rules_name_stays),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
