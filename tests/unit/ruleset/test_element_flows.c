/* Elements of sets that count flows: each has a list of its own, which is kept through restarts,
 * and given back with it; elements that packets added go when they have no flow. */
#include <pthread.h>

#include "ctfw/clock.h"
#include "ctfw/rcu.h"
#include "ruleset/connlimit.h"
#include "ruleset/program.h"
#include "unit/packets.h"
#include "unit/ruleset/language.h"
#include "unit/threads.h"

#define S	NSEC_PER_SEC
#define FLOWS	1024
#define RECORDS 64
#define WORKERS 4

static void *memory;
static struct arena arena;
static struct counters *counters;
static struct set_elements *elements;
static struct ruleset *rs;
static struct flow *flows;
static uint64_t now = 1000 * S;

static void take_up(void)
{
	counters = counters_new(&arena);
	elements = set_elements_new(&arena, counters_states(counters), WORKERS, now);
	counters_lend(counters, elements);
}

static void give_up(void)
{
	ruleset_unref(rs);
	set_elements_free(elements);
	counters_free(counters);
	rs = NULL;
}

static int setup(void **state)
{
	static const uint8_t zero[16];
	struct arena_geometry g = { .flow_records = FLOWS, .workers = WORKERS,
				    .text_bytes = 65536, .element_records = RECORDS };

	(void)state;
	rcu_register();
	memory = aligned_alloc(4096, arena_size(&g));
	memset(memory, 0, arena_size(&g));
	arena_format(memory, &g, zero, zero, &arena);
	flows = (struct flow *)arena.flows;
	take_up();
	rs = ruleset_new(counters);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	give_up();
	free(memory);
	rcu_unregister();
	return 0;
}

/* What was saved is loaded by the next process, after an accident. */
static void restart_after(void (*accident)(void))
{
	struct text saved = TEXT_INIT;
	struct diag d = DIAG_INIT;

	ruleset_save(rs, &saved);
	give_up();
	if (accident)
		accident();
	take_up();
	assert_int_equal(ruleset_restore(text_str(&saved), saved.len, counters, &d, &rs), 0);
	set_elements_settle(elements);
	text_fini(&saved);
	diag_fini(&d);
}

/* Behind the sets a chain whose policy drops. */
#define TABLE(sets, rules)                                                                     \
	"flush ruleset\ntable ip t { " sets "\n"                                               \
	"chain c { type filter hook forward priority 0; policy drop; " rules ";}\n}\n"
#define DYNAMIC "type ipv4_addr; flags dynamic; size 100; "

static void load(const char *text)
{
	struct ruleset_input input = { .text = text, .now = { .mono = now } };
	char *shown;
	int err = apply_input(&rs, &input, &shown);

	if (err)
		print_error("%s", shown);
	free(shown);
	assert_int_equal(err, 0);
}

static bool shows(const char *want)
{
	struct ruleset_input input = { .text = "list ruleset", .now = { .mono = now } };
	bool found;
	char *text;

	assert_int_equal(apply_input(&rs, &input, &text), 0);
	found = strstr(text, want) != NULL;
	free(text);
	return found;
}

/* A flow enters the table, as conntrack does it. */
static struct flow *confirm(uint32_t index)
{
	struct flow *f = &flows[index];

	f->id = index + 1;
	f->check = 1;
	f->tuple[0].l4 = IPPROTO_UDP;
	atomic_store(&f->status, FLOW_CONFIRMED);
	atomic_store(&f->expires, now + 3600 * S);
	return f;
}

static void end_flow(uint32_t index)
{
	atomic_store(&flows[index].status, FLOW_CONFIRMED | FLOW_DYING);
}

static bool begin_with(const struct program *p, unsigned worker, const char *saddr,
		       uint32_t index)
{
	struct flow fresh = { .id = index + 1 };
	struct eval_result result = { 0 };
	struct packet packet;
	struct raw raw;
	struct eval e = { .packet = &packet, .flow = &fresh, .worker = worker,
			  .ct_state = CT_STATE_NEW, .now = { .mono = now } };
	bool passed;

	raw_udp(&raw, saddr, 40001, "192.0.2.77", 53, 22);
	ASSERT(packet_parse(raw.b, raw.len, NULL, &packet) == REASON_NONE);
	passed = program_eval(p, HOOK_FORWARD, false, &e, &result) == VERDICT_ACCEPT;
	if (e.counted.n)
		program_settle(p, &e, passed ? confirm(index) : NULL);
	return passed;
}

/* A packet that begins a flow: does it pass? */
static bool begin(const char *saddr, uint32_t index)
{
	struct program *p = program_compile(rs);
	bool passed = begin_with(p, 0, saddr, index);

	program_free(p);
	rcu_quiescent();
	return passed;
}

/* How many slots are taken. */
static uint32_t taken(void)
{
	struct states *states = counters_states(counters);
	uint32_t slot, n = 0;

	for (slot = 0; slot < ARENA_STATES; slot++) {
		if (state_claim(states, slot))
			n++;
		else
			state_give(states, slot);
	}
	return n;
}

/* ---- what packets add ---- */

static void each_address_has_so_many_flows(void **state)
{
	(void)state;
	load(TABLE("set s { " DYNAMIC "}", "add @s { ip saddr ct count over 2 } drop; accept"));
	assert_true(begin("10.0.0.1", 0));
	assert_true(begin("10.0.0.1", 1));
	assert_false(begin("10.0.0.1", 2));
	assert_true(begin("10.0.0.2", 3));
	assert_true(shows("elements = { 10.0.0.1 ct count over 2, 10.0.0.2 ct count over 2 }"));
	end_flow(0);
	assert_true(begin("10.0.0.1", 4));
	assert_false(begin("10.0.0.1", 5));
}

static void a_set_declares_it_and_look_ups_count_too(void **state)
{
	(void)state;
	load(TABLE("set s { " DYNAMIC "ct count 2; counter; }",
		   "ip saddr 10.0.0.1 add @s { ip saddr } accept; ip saddr @s accept"));
	assert_true(begin("10.0.0.1", 0));
	assert_true(begin("10.0.0.1", 1));
	assert_false(begin("10.0.0.1", 2));
	/* The counter stands behind what said no. */
	assert_true(shows("10.0.0.1 ct count 2 counter packets 2 bytes 100 }"));
	assert_false(begin("10.0.0.2", 3));
}

static void an_element_without_flows_goes_and_gives_its_list_back(void **state)
{
	(void)state;
	load(TABLE("set s { " DYNAMIC "}", "add @s { ip saddr ct count 9 } accept"));
	assert_int_equal(taken(), 0);
	assert_true(begin("10.0.0.1", 0));
	assert_true(begin("10.0.0.2", 1));
	assert_int_equal(taken(), 4);
	end_flow(0);
	set_elements_housekeep(elements, 0, now);
	assert_true(shows("elements = { 10.0.0.2 ct count 9 }"));
	assert_int_equal(taken(), 2);
	assert_true(begin("10.0.0.1", 2));
	assert_true(shows("elements = { 10.0.0.1 ct count 9, 10.0.0.2 ct count 9 }"));
}

static void an_element_whose_first_packet_was_dropped_goes(void **state)
{
	(void)state;
	load(TABLE("set s { " DYNAMIC "}", "add @s { ip saddr ct count 0 } accept"));
	assert_false(begin("10.0.0.1", 0));
	assert_true(shows("10.0.0.1"));
	set_elements_housekeep(elements, 0, now);
	assert_false(shows("10.0.0.1"));
	assert_int_equal(taken(), 0);
}

static void who_finds_a_closed_list_adds_the_element_anew(void **state)
{
	struct table *t;
	struct set_record *r;
	uint32_t cursor = 0;

	(void)state;
	load(TABLE("set s { " DYNAMIC "}", "add @s { ip saddr ct count 1 } accept"));
	assert_true(begin("10.0.0.1", 0));
	end_flow(0);
	t = rs->tables[0];
	r = set_dynamic_next(t->sets[0]->dynamic, &cursor, now);
	/* Housekeeping got as far as this. */
	assert_true(connlimit_close(counters_states(counters), &r->state[0], now));
	assert_true(begin("10.0.0.1", 1));
	assert_false(begin("10.0.0.1", 2));
	assert_int_equal(set_dynamic_count(t->sets[0]->dynamic), 1);
	set_elements_housekeep(elements, 0, now);
	assert_int_equal(taken(), 2);
}

static void what_goes_with_its_set_is_given_back(void **state)
{
	static const char *const ways[] = {
		"delete element ip t s { 10.0.0.1, 10.0.0.2 }",
		"flush set ip t s",
		"delete table ip t",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		load(TABLE("set s { " DYNAMIC "}", "add @s { ip saddr ct count 9 } accept"));
		assert_true(begin("10.0.0.1", 0));
		assert_true(begin("10.0.0.2", 1));
		assert_int_equal(taken(), 4);
		load(ways[i]);
		set_elements_housekeep(elements, 0, now);
		assert_int_equal(taken(), 0);
	}
}

static void a_later_rule_runs_the_statements_that_an_element_has(void **state)
{
	(void)state;
	load(TABLE("set s { " DYNAMIC "}", "add @s { ip saddr ct count 9 } accept"));
	assert_true(begin("10.0.0.1", 0));
	load("flush chain ip t c\n"
	     "add rule ip t c add @s { ip saddr limit rate 1/hour burst 1 packets } accept");
	assert_true(begin("10.0.0.1", 1));
	assert_true(begin("10.0.0.2", 2));
	assert_false(begin("10.0.0.2", 3));
	load("flush chain ip t c\nadd rule ip t c add @s { ip saddr ct count 1 } accept");
	assert_false(begin("10.0.0.2", 4)); /* its hour has not passed */
	assert_true(begin("10.0.0.1", 5));  /* the third of nine */
	assert_true(begin("10.0.0.3", 6));
	assert_false(begin("10.0.0.3", 7));
	load("flush ruleset");
	set_elements_housekeep(elements, 0, now);
	assert_int_equal(taken(), 0);
}

/* ---- what the operator adds ---- */

static void an_operators_element_counts_and_stays(void **state)
{
	(void)state;
	load(TABLE("set s { type ipv4_addr; flags interval; ct count 1; "
		   "elements = { 10.0.0.0/24, 10.1.0.0/16 } }",
		   "ip saddr @s accept"));
	assert_true(begin("10.0.0.1", 0));
	assert_false(begin("10.0.0.2", 1));
	assert_true(begin("10.1.0.2", 2));
	end_flow(0);
	set_elements_housekeep(elements, 0, now);
	assert_true(shows("elements = { 10.0.0.0/24 ct count 1, 10.1.0.0/16 ct count 1 }"));
	assert_true(begin("10.0.0.3", 3));
	restart_after(NULL);
	assert_false(begin("10.0.0.4", 4));
	end_flow(3);
	assert_true(begin("10.0.0.4", 5));
	load("flush ruleset");
	assert_int_equal(taken(), 0);
}

/* ---- kept ---- */

static void flows_are_counted_on_after_a_restart(void **state)
{
	(void)state;
	load(TABLE("set s { " DYNAMIC "}",
		   "add @s { ip saddr counter ct count 2 last } accept"));
	assert_true(begin("10.0.0.1", 0));
	assert_true(begin("10.0.0.1", 1));
	restart_after(NULL);
	assert_int_equal(taken(), 2);
	assert_false(begin("10.0.0.1", 2));
	end_flow(0);
	assert_true(begin("10.0.0.1", 3));
	load("flush ruleset");
	set_elements_housekeep(elements, 0, now);
	assert_int_equal(taken(), 0);
}

static bool record_is(const struct set_record *r, const uint8_t key[4])
{
	return atomic_load(&r->expires) != SET_RECORD_GONE && !memcmp(r->key, key, 4);
}

/* The word of 10.0.0.N. */
static _Atomic uint64_t *word_of(uint8_t n)
{
	const uint8_t key[4] = { 10, 0, 0, n };
	struct set_record *r = (struct set_record *)(void *)arena.elements;

	while (!record_is(r, key))
		r++;
	return &r->state[0];
}

static void name_no_slot(void)
{
	atomic_store(word_of(1), UINT64_C(1) << 40);
}

/* Its list is the other one's. */
static void name_another(void)
{
	atomic_store(word_of(1), atomic_load(word_of(2)));
}

static void were_closed(void)
{
	atomic_store(word_of(1), UINT64_MAX);
}

static void a_list_that_is_damaged_begins_anew(void **state)
{
	static void (*const accidents[])(void) = { name_no_slot, name_another, were_closed };

	(void)state;
	for (size_t i = 0; i < sizeof(accidents) / sizeof(accidents[0]); i++) {
		load(TABLE("set s { " DYNAMIC "}", "add @s { ip saddr ct count 1 } accept"));
		assert_true(begin("10.0.0.1", 0));
		assert_true(begin("10.0.0.2", 1));
		restart_after(accidents[i]);
		assert_int_equal(taken(), 2);
		assert_true(begin("10.0.0.1", 2));
		assert_false(begin("10.0.0.1", 3));
		assert_false(begin("10.0.0.2", 4));
		load("flush ruleset");
		set_elements_housekeep(elements, 0, now);
		assert_int_equal(taken(), 0);
	}
}

/* ---- threads ---- */

static struct program *shared;
static _Atomic unsigned working;
static _Atomic uint32_t passed;

static void *work(void *arg)
{
	unsigned worker = (unsigned)(uintptr_t)arg;

	rcu_register();
	for (uint32_t i = 0; i < FLOWS / WORKERS; i++) {
		uint32_t index = worker * (FLOWS / WORKERS) + i;

		if (begin_with(shared, worker, i % 2 ? "10.0.0.1" : "10.0.0.2", index))
			atomic_fetch_add(&passed, 1);
		rcu_quiescent();
	}
	rcu_unregister();
	atomic_fetch_sub(&working, 1);
	return NULL;
}

static void keep_house_for(pthread_t thread[WORKERS])
{
	atomic_store(&working, WORKERS);
	for (unsigned i = 0; i < WORKERS; i++)
		assert_false(pthread_create(&thread[i], NULL, work, (void *)(uintptr_t)i));
	while (atomic_load(&working))
		set_elements_housekeep(elements, 0, now);
	rcu_offline();
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(thread[i], NULL);
	rcu_online();
}

static void as_many_flows_as_each_limit_pass_whoever_begins_them(void **state)
{
	pthread_t thread[WORKERS];

	(void)state;
	load(TABLE("set s { " DYNAMIC "}", "add @s { ip saddr ct count 100 } accept"));
	shared = program_compile(rs);
	atomic_store(&passed, 0);
	keep_house_for(thread);
	assert_int_equal(passed, 200);
	program_free(shared);
}

/* Each flow is dropped: elements come and go all the time, and nothing is lost. */
static void elements_come_and_go_with_their_lists(void **state)
{
	pthread_t thread[WORKERS];

	(void)state;
	load(TABLE("set s { " DYNAMIC "}", "add @s { ip saddr ct count 5000 } drop"));
	shared = program_compile(rs);
	keep_house_for(thread);
	set_elements_housekeep(elements, 0, now);
	assert_false(shows("10.0.0."));
	assert_int_equal(taken(), 0);
	program_free(shared);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(each_address_has_so_many_flows),
		TEST(a_set_declares_it_and_look_ups_count_too),
		TEST(an_element_without_flows_goes_and_gives_its_list_back),
		TEST(an_element_whose_first_packet_was_dropped_goes),
		TEST(who_finds_a_closed_list_adds_the_element_anew),
		TEST(what_goes_with_its_set_is_given_back),
		TEST(a_later_rule_runs_the_statements_that_an_element_has),
		TEST(an_operators_element_counts_and_stays),
		TEST(flows_are_counted_on_after_a_restart),
		TEST(a_list_that_is_damaged_begins_anew),
		TEST(as_many_flows_as_each_limit_pass_whoever_begins_them),
		TEST(elements_come_and_go_with_their_lists),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
