/* Elements of sets that remember something: those that transactions add and those that packets
 * add, evaluated with packets and a clock, listed, kept through restarts and given back. */
#include <stdatomic.h>
#include <stdio.h>

#include "ctfw/clock.h"
#include "ctfw/set_dynamic.h"
#include "ctfw/state.h"
#include "ruleset/program.h"
#include "unit/packets.h"
#include "unit/ruleset/language.h"

#define S	NSEC_PER_SEC
#define RECORDS 64

static void *memory;
static struct arena arena;
static struct counters *counters;
static struct set_elements *elements;
static struct ruleset *rs;
static uint64_t now = 1000 * S;

static void open_arena(void)
{
	counters = counters_new(&arena);
	elements = set_elements_new(&arena, counters_states(counters), 1, now);
	counters_lend(counters, elements);
}

static int setup(void **state)
{
	static const uint8_t boot_id[16] = { 1 }, key[16] = { 2 };
	struct arena_geometry g = {
		.flow_records = 16, .workers = 1, .text_bytes = 65536, .element_records = RECORDS
	};

	(void)state;
	memory = aligned_alloc(4096, arena_size(&g));
	memset(memory, 0, arena_size(&g));
	arena_format(memory, &g, boot_id, key, &arena);
	open_arena();
	rs = ruleset_new(counters);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ruleset_unref(rs);
	set_elements_free(elements);
	counters_free(counters);
	free(memory);
	return 0;
}

/* A chain whose policy drops, behind the sets. */
#define TABLE(sets, rules)                                                                     \
	"flush ruleset\ntable ip t { " sets "\n"                                               \
	"chain c { type filter hook forward priority 0; policy drop; " rules ";}\n}\n"

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

/* How many of n packets of 50 bytes of one instant pass. */
static unsigned pass(const char *saddr, unsigned n)
{
	struct program *p = program_compile(rs);
	struct packet packet;
	unsigned passed = 0;
	struct raw raw;

	raw_udp(&raw, saddr, 40001, "192.0.2.77", 53, 22);
	assert_int_equal(packet_parse(raw.b, raw.len, NULL, &packet), REASON_NONE);
	for (unsigned i = 0; i < n; i++) {
		struct eval e = { .packet = &packet, .ct_state = CT_STATE_NEW,
				  .now = { .mono = now } };
		struct eval_result r = { 0 };

		passed += program_eval(p, HOOK_FORWARD, false, &e, &r) == VERDICT_ACCEPT;
	}
	program_free(p);
	return passed;
}

static void assert_shows(const char *want)
{
	struct ruleset_input input = { .text = "list ruleset", .now = { .mono = now } };
	char *text;

	assert_int_equal(apply_input(&rs, &input, &text), 0);
	if (!strstr(text, want))
		assert_string_equal(text, want);
	free(text);
}

/* The next process, over the same arena. */
static void restart(void)
{
	struct text saved = TEXT_INIT;
	struct diag d = DIAG_INIT;

	ruleset_save(rs, &saved);
	ruleset_unref(rs);
	set_elements_free(elements);
	counters_free(counters);
	open_arena();
	rs = NULL;
	if (ruleset_restore(text_str(&saved), saved.len, counters, &d, &rs))
		fail_msg("%s", text_str(&d.text));
	set_elements_settle(elements);
	text_fini(&saved);
	diag_fini(&d);
}

#define DYNAMIC "type ipv4_addr; flags dynamic; size 16;"

static void each_address_has_a_limit_of_its_own(void **state)
{
	(void)state;
	load(TABLE("set s { " DYNAMIC " }",
		   "add @s { ip saddr limit rate 2/second burst 3 packets } accept"));
	assert_int_equal(pass("10.0.0.1", 10), 3);
	assert_int_equal(pass("10.0.0.2", 10), 3);
	now += S;
	assert_int_equal(pass("10.0.0.1", 10), 2);
	assert_shows("elements = { 10.0.0.1 limit rate 2/second burst 3 packets, "
		     "10.0.0.2 limit rate 2/second burst 3 packets }");
}

static void a_limit_that_is_over_lets_the_rule_go_on_for_the_rest(void **state)
{
	(void)state;
	load(TABLE("set s { " DYNAMIC " }",
		   "update @s { ip saddr limit rate over 2/second burst 3 packets } drop; accept"));
	assert_int_equal(pass("10.0.0.1", 10), 3);
	assert_int_equal(pass("10.0.0.2", 1), 1);
}

static void a_look_up_asks_what_the_element_has(void **state)
{
	(void)state;
	load(TABLE("set s { " DYNAMIC " }",
		   "ip saddr @s accept; update @s { ip saddr limit rate 1/hour burst 2 packets }"));
	/* The first adds it and takes one, the second finds the other. */
	assert_int_equal(pass("10.0.0.1", 1), 0);
	assert_int_equal(pass("10.0.0.1", 5), 1);
}

static void what_is_not_in_a_set_is_asked_nothing(void **state)
{
	(void)state;
	load(TABLE("set s { type ipv4_addr; counter; elements = { 10.0.0.1 } }",
		   "ip saddr != @s accept"));
	assert_int_equal(pass("10.0.0.2", 2), 2);
	assert_int_equal(pass("10.0.0.1", 2), 0);
	assert_shows("10.0.0.1 counter packets 0 bytes 0");
}

static void elements_of_rules_that_give_nothing_have_nothing(void **state)
{
	(void)state;
	load(TABLE("set s { " DYNAMIC " }",
		   "ip saddr 10.0.0.1 add @s { ip saddr } accept; "
		   "update @s { ip saddr limit rate 1/hour burst 1 packets } accept"));
	assert_int_equal(pass("10.0.0.1", 5), 5);
	assert_int_equal(pass("10.0.0.2", 5), 1);
	assert_shows("elements = { 10.0.0.1, 10.0.0.2 limit rate 1/hour burst 1 packets }");
}

static void packets_elements_have_what_the_set_declares(void **state)
{
	(void)state;
	load(TABLE("set s { " DYNAMIC " counter; quota 100 bytes; }",
		   "add @s { ip saddr } accept"));
	assert_int_equal(pass("10.0.0.1", 3), 2);
	assert_shows("10.0.0.1 counter packets 3 bytes 150 quota 100 bytes used 100 bytes");
}

static void an_operators_element_has_a_slot_for_each_statement(void **state)
{
	(void)state;
	load(TABLE("set s { type ipv4_addr; limit rate 1/hour burst 2 packets; "
		   "elements = { 10.0.0.1, 10.0.0.2 } }",
		   "ip saddr @s accept"));
	assert_int_equal(pass("10.0.0.1", 5), 2);
	assert_int_equal(pass("10.0.0.2", 5), 2);
	assert_int_equal(pass("10.0.0.3", 5), 0);
	restart();
	assert_int_equal(pass("10.0.0.1", 1), 0);
	/* Another element: another bucket. */
	load("delete element ip t s { 10.0.0.1 }");
	load("add element ip t s { 10.0.0.1 }");
	assert_int_equal(pass("10.0.0.1", 5), 2);
}

static void an_element_that_rules_update_keeps_its_slot(void **state)
{
	(void)state;
	load(TABLE("set s { " DYNAMIC " quota over 100 bytes; elements = { 10.0.0.1 quota over 100 "
		   "bytes used 60 bytes } }",
		   "update @s { ip saddr } drop; accept"));
	assert_int_equal(pass("10.0.0.1", 5), 0);
	assert_shows("10.0.0.1 quota over 100 bytes used 100 bytes");
}

static void when_an_address_was_last_seen_is_shown(void **state)
{
	(void)state;
	load(TABLE("set s { " DYNAMIC " last; }", "add @s { ip saddr } accept"));
	assert_int_equal(pass("10.0.0.1", 1), 1);
	now += 90 * S;
	assert_shows("10.0.0.1 last used 1m30s");
}

static void packets_elements_are_limited_on_after_a_restart(void **state)
{
	(void)state;
	load(TABLE("set s { " DYNAMIC " }",
		   "update @s { ip saddr limit rate 1/hour burst 2 packets } accept"));
	assert_int_equal(pass("10.0.0.1", 1), 1);
	restart();
	assert_int_equal(pass("10.0.0.1", 5), 1);
}

static void a_meter_limits_each_key(void **state)
{
	(void)state;
	load(TABLE("", "meter m { ip saddr limit rate 1/hour burst 2 packets } accept"));
	assert_int_equal(pass("10.0.0.1", 5), 2);
	assert_int_equal(pass("10.0.0.2", 5), 2);
}

static void statements_that_elements_cannot_have_are_refused(void **state)
{
	static const struct {
		const char *set, *rule, *why;
	} rows[] = {
		{ DYNAMIC "counter;", "add @s { ip saddr limit rate 1/second }",
		  "the set declares another statement for its elements" },
		{ DYNAMIC "counter; limit rate 1/second;",
		  "add @s { ip saddr limit rate 1/second }",
		  "the set declares 2 statements for its elements: here are 1" },
		{ "type ipv4_addr; flags dynamic,timeout;", "add @s { ip saddr ct count 5 }",
		  "cannot count flows" },
		{ "type ipv4_addr; timeout 1m; ct count 5;", "", "cannot count flows" },
		{ DYNAMIC "counter; counter; last;", "", "too many statements" },
		{ "type ipv4_addr; counter; elements = { 10.0.0.1 limit rate 2/second };", "",
		  "the set declares another statement for its elements" },
		{ "type ipv4_addr; counter; limit rate 1/second; "
		  "elements = { 10.0.0.1 counter };", "",
		  "the set declares 2 statements for its elements: here are 1" },
		{ "type ipv4_addr; elements = { 10.0.0.1 counter };", "",
		  "this set declares no statements for its elements, nor is it dynamic" },
		{ DYNAMIC "limit rate 1/second;", "add @s { ip saddr limit rate 5 kbytes/second }",
		  "the set declares another statement for its elements" },
		{ DYNAMIC "elements = { 10.0.0.1 counter counter last };", "",
		  "too many statements" },
		{ DYNAMIC "variant 1 counter;", "", "expected a line of the set" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[512];

		snprintf(text, sizeof(text), TABLE("set s { %s }", "%s"), rows[i].set,
			 rows[i].rule);
		assert_refused(rs, text, rows[i].why);
	}
}

/* ---- statements of an element's own ---- */

static void elements_have_the_statements_that_they_state(void **state)
{
	(void)state;
	load(TABLE("set s { type ipv4_addr; limit rate 1/hour burst 1 packets; "
		   "elements = { 10.0.0.1 limit rate 1/hour burst 3 packets, 10.0.0.2, "
		   "10.0.0.3 limit rate over 1/hour burst 2 packets } }",
		   "ip saddr @s accept"));
	assert_int_equal(pass("10.0.0.1", 2), 2);
	assert_int_equal(pass("10.0.0.2", 5), 1);
	assert_int_equal(pass("10.0.0.3", 5), 3);
	restart();
	assert_int_equal(pass("10.0.0.1", 5), 1);
	assert_int_equal(pass("10.0.0.2", 5), 0);
	assert_int_equal(pass("10.0.0.3", 5), 5);
	assert_shows("elements = { 10.0.0.1 limit rate 1/hour burst 3 packets, "
		     "10.0.0.2 limit rate 1/hour burst 1 packets,\n\t\t\t     "
		     "10.0.0.3 limit rate over 1/hour burst 2 packets }");
	/* One that is there stays as it is. */
	load("add element ip t s { 10.0.0.1 limit rate 1/hour burst 9 packets }");
	assert_int_equal(pass("10.0.0.1", 5), 0);
	load("delete element ip t s { 10.0.0.1 }");
	load("add element ip t s { 10.0.0.1 limit rate 1/hour burst 4 packets }");
	assert_int_equal(pass("10.0.0.1", 9), 4);
}

static void elements_of_one_dynamic_set_remember_different_things(void **state)
{
	(void)state;
	load(TABLE("set s { " DYNAMIC "elements = { 10.0.0.1 counter packets 5 bytes 6, "
		   "10.0.0.2 limit rate 1/hour burst 2 packets counter, 10.0.0.3 } }",
		   "update @s { ip saddr quota over 100 bytes } drop; accept"));
	/* The rule goes on, to its end, as long as an element's statements let it. */
	assert_int_equal(pass("10.0.0.1", 2), 0);
	assert_int_equal(pass("10.0.0.2", 3), 1);
	assert_int_equal(pass("10.0.0.3", 1), 0);
	assert_int_equal(pass("10.0.0.4", 3), 2);
	restart();
	assert_int_equal(pass("10.0.0.1", 1), 0);
	assert_int_equal(pass("10.0.0.4", 1), 0);
	assert_shows("elements = { 10.0.0.1 counter packets 8 bytes 156, "
		     "10.0.0.2 limit rate 1/hour burst 2 packets counter packets 2 bytes "
		     "100,\n\t\t\t     10.0.0.3, "
		     "10.0.0.4 quota over 100 bytes used 100 bytes }");
}

static void each_rule_gives_its_elements_its_own_statements(void **state)
{
	(void)state;
	load(TABLE("set s { " DYNAMIC " }",
		   "ip saddr 10.0.0.1 update @s { ip saddr limit rate 1/hour burst 3 packets } "
		   "accept; ip saddr 10.0.0.2 update @s { ip saddr limit rate 1/hour burst 2 "
		   "packets counter } accept; ip saddr @s accept"));
	assert_int_equal(pass("10.0.0.1", 2), 2);
	assert_int_equal(pass("10.0.0.2", 5), 2);
	/* With the last rule that gave them its elements stay as they are. */
	load("flush chain ip t c\nadd rule ip t c ip saddr @s accept");
	restart();
	assert_int_equal(pass("10.0.0.1", 5), 1);
	assert_shows("10.0.0.1 limit rate 1/hour burst 3 packets, "
		     "10.0.0.2 limit rate 1/hour burst 2 packets counter packets 2 bytes 100");
}

static void a_rule_may_give_other_numbers_than_the_set_declares(void **state)
{
	(void)state;
	load(TABLE("set s { " DYNAMIC " limit rate 1/hour burst 1 packets; }",
		   "ip saddr 10.0.0.1 update @s { ip saddr limit rate 1/hour burst 3 packets } "
		   "accept; update @s { ip saddr } accept"));
	assert_int_equal(pass("10.0.0.2", 5), 1);
	restart();
	assert_int_equal(pass("10.0.0.1", 4), 3);
	assert_shows("10.0.0.1 limit rate 1/hour burst 3 packets, "
		     "10.0.0.2 limit rate 1/hour burst 1 packets");
	/* The kernel tells nobody what the rule says, and so nft. */
	assert_shows("ip saddr 10.0.0.1 update @s { ip saddr } accept");
}

static void an_earlier_state_knows_what_was_added_since(void **state)
{
	struct text saved = TEXT_INIT;
	struct diag d = DIAG_INIT;
	struct ruleset *earlier;

	(void)state;
	load(TABLE("set s { " DYNAMIC " }",
		   "update @s { ip saddr limit rate 1/hour burst 3 packets } accept"));
	ruleset_save(rs, &saved);
	load("flush chain ip t c\n"
	     "add rule ip t c update @s { ip saddr limit rate 1/hour burst 2 packets } accept");
	assert_int_equal(pass("10.0.0.1", 1), 1);
	assert_int_equal(ruleset_restore_beside(text_str(&saved), saved.len, rs, counters, &d,
						&earlier), 0);
	ruleset_unref(rs);
	rs = earlier;
	assert_int_equal(pass("10.0.0.1", 5), 1);
	assert_int_equal(pass("10.0.0.2", 5), 3);
	assert_shows("10.0.0.1 limit rate 1/hour burst 2 packets, "
		     "10.0.0.2 limit rate 1/hour burst 3 packets");
	text_fini(&saved);
	diag_fini(&d);
}

/* So as `save` lists them, and as a file brings them back. */
static void what_packets_added_can_be_loaded_again(void **state)
{
	struct ruleset_input input = { .text = "list ruleset", .print = PRINT_LOADABLE,
				       .now = { .mono = now } };
	char *text, *again;

	(void)state;
	load(TABLE("set s { " DYNAMIC " }\nset d { " DYNAMIC " limit rate 1/hour burst 1 packets; }",
		   "update @s { ip saddr limit rate 1/hour burst 3 packets } "
		   "update @d { ip saddr limit rate 1/hour burst 2 packets } accept"));
	assert_int_equal(pass("10.0.0.1", 5), 2);
	assert_int_equal(apply_input(&rs, &input, &text), 0);
	load("flush ruleset");
	load(text);
	assert_int_equal(apply_input(&rs, &input, &again), 0);
	assert_string_equal(text, again);
	assert_non_null(strstr(text, "{ 10.0.0.1 limit rate 1/hour burst 3 packets }"));
	assert_non_null(strstr(text, "{ 10.0.0.1 limit rate 1/hour burst 2 packets }"));
	free(text);
	free(again);
}

static void what_packets_added_stands_in_documents_too(void **state)
{
	struct ruleset_input input = { .text = "list set ip t s", .json = true,
				       .now = { .mono = now } };
	char *text;

	(void)state;
	load(TABLE("set s { " DYNAMIC " }", "update @s { ip saddr counter } accept"));
	assert_int_equal(pass("10.0.0.1", 2), 2);
	assert_int_equal(apply_input(&rs, &input, &text), 0);
	assert_non_null(strstr(text, "\"elem\": [{\"elem\": {\"val\": \"10.0.0.1\", "
				     "\"counter\": {\"packets\": 2, \"bytes\": 100}}}]"));
	free(text);
}

/* As many as there are numbers, and more over time: those that nobody has are given again. */
static void statements_that_are_gone_make_room_for_others(void **state)
{
	char text[200];

	(void)state;
	load(TABLE("set s { type ipv4_addr; flags dynamic; }",
		   "update @s { ip saddr limit rate 1/hour burst 2 packets } accept"));
	assert_int_equal(pass("10.0.0.1", 3), 2);
	for (unsigned i = 1; i < 2 * SET_VARIANTS_MAX; i++) {
		snprintf(text, sizeof(text), "add element ip t s { 10.1.0.1 limit rate %u/hour }\n"
			 "delete element ip t s { 10.1.0.1 }", i);
		load(text);
	}
	load("add element ip t s { 10.1.0.1 limit rate 1/hour burst 4 packets }");
	assert_int_equal(pass("10.1.0.1", 9), 4);
	assert_shows("10.0.0.1 limit rate 1/hour burst 2 packets");
	restart();
	assert_shows("10.0.0.1 limit rate 1/hour burst 2 packets");
	assert_int_equal(pass("10.1.0.1", 9), 0);
}

/* Give so many numbers of s to statements that nobody has any more. */
static void use_up_numbers(unsigned n)
{
	char text[200];

	for (unsigned i = 1; i <= n; i++) {
		snprintf(text, sizeof(text), "add element ip t s { 10.1.0.1 limit rate %u/hour }\n"
			 "delete element ip t s { 10.1.0.1 }", i);
		load(text);
	}
}

/* A text that was kept knows its statements by what they say: their numbers were given again. */
static void go_back(int (*restore)(const char *text, size_t len, const struct ruleset *present,
				   struct counters *counters, struct diag *d,
				   struct ruleset **ret_rs))
{
	struct text saved = TEXT_INIT;
	struct diag d = DIAG_INIT;
	struct ruleset *earlier;

	load(TABLE("set s { " DYNAMIC
		   " elements = { 10.0.0.9 limit rate 1/hour burst 6 packets } }",
		   "update @s { ip saddr limit rate 1/hour burst 3 packets } accept"));
	ruleset_save(rs, &saved);
	load("flush chain ip t c\n delete element ip t s { 10.0.0.9 }");
	use_up_numbers(SET_VARIANTS_MAX - 3);
	load("add rule ip t c ip saddr 10.0.0.1 update @s { ip saddr limit rate 1/hour burst 2 "
	     "packets } accept\n"
	     "add rule ip t c update @s { ip saddr limit rate 1/hour burst 4 packets } accept");
	assert_int_equal(pass("10.0.0.1", 1), 1);
	assert_int_equal(pass("10.0.0.3", 1), 1);
	assert_int_equal(restore(text_str(&saved), saved.len, rs, counters, &d, &earlier), 0);
	ruleset_unref(rs);
	rs = earlier;
	assert_int_equal(pass("10.0.0.1", 9), 1);
	assert_int_equal(pass("10.0.0.2", 9), 3);
	assert_int_equal(pass("10.0.0.3", 9), 3);
	assert_int_equal(pass("10.0.0.9", 9), 6);
	assert_shows("10.0.0.1 limit rate 1/hour burst 2 packets");
	assert_shows("10.0.0.2 limit rate 1/hour burst 3 packets");
	assert_shows("10.0.0.3 limit rate 1/hour burst 4 packets");
	assert_shows("10.0.0.9 limit rate 1/hour burst 6 packets");
	restart();
	assert_shows("10.0.0.1 limit rate 1/hour burst 2 packets");
	assert_shows("10.0.0.3 limit rate 1/hour burst 4 packets");
	text_fini(&saved);
	diag_fini(&d);
}

static void a_ruleset_called_back_reads_no_number_that_was_given_again(void **state)
{
	(void)state;
	go_back(ruleset_recall);
}

static void nor_does_one_that_is_restored_beside_another(void **state)
{
	(void)state;
	go_back(ruleset_restore_beside);
}

static void there_is_an_end_to_different_statements(void **state)
{
	struct text text = TEXT_INIT;

	(void)state;
	load(TABLE("set s { type ipv4_addr; limit rate 1/second; }", ""));
	text_puts(&text, "add element ip t s { ");
	for (unsigned i = 0; i < SET_VARIANTS_MAX; i++)
		text_printf(&text, "10.1.%u.%u limit rate %u/hour, ", i >> 8, i & 255, i + 1);
	text_puts(&text, "}");
	assert_refused(rs, text_str(&text),
		       "the elements of s have too many different statements: at most 1024");
	load("add element ip t s { 10.1.0.1 limit rate 7/hour }");
	text_fini(&text);
}

static void rules_that_add_to_one_set_have_its_statements_once(void **state)
{
	struct text text = TEXT_INIT;
	struct program *p;

	(void)state;
	text_puts(&text, TABLE("set s { type ipv4_addr; flags dynamic; }", ""));
	for (unsigned i = 1; i <= 20; i++)
		text_printf(&text, "add rule ip t c add @s { ip saddr limit rate %u/hour }\n", i);
	load(text_str(&text));
	text_fini(&text);
	p = program_compile(rs);
	assert_int_equal(p->n_dynsets, 20);
	assert_int_equal(p->n_variants, 1 + 20);
	program_free(p);
}

static size_t memory_of(const char *name)
{
	const struct table *t = rs->tables[0];

	return set_content_count(t->sets[set_find_named(t, name)]->content);
}

static void what_has_expired_is_given_back(void **state)
{
	struct ruleset *next = NULL;
	uint32_t slot, again;

	(void)state;
	load(TABLE("set s { type ipv4_addr; flags timeout,interval; counter; "
		   "elements = { 10.0.0.0/8 timeout 10s, 11.0.0.0/8 timeout 30s, 12.0.0.0/8 } }",
		   "ip saddr @s accept"));
	assert_int_equal(ruleset_expire(rs, now, &next), 0);
	assert_ptr_equal(next, rs);
	ruleset_unref(next);
	slot = counter_alloc(counters, (struct counter){ 0 });
	counter_release(counters, slot);
	now += 11 * S;
	assert_int_equal(memory_of("s"), 3);
	assert_int_equal(ruleset_expire(rs, now, &next), 0);
	assert_ptr_not_equal(next, rs);
	ruleset_unref(rs);
	rs = next;
	assert_int_equal(memory_of("s"), 2);
	/* And its counter is another's. */
	again = counter_alloc(counters, (struct counter){ 0 });
	assert_true(again < slot);
	counter_release(counters, again);
	assert_int_equal(pass("10.0.0.1", 1), 0);
	assert_int_equal(pass("11.0.0.1", 1), 1);
	assert_int_equal(pass("12.0.0.1", 1), 1);
}

/* ---- objects that maps lead to ---- */

#define OBJECTS                                                                                \
	"counter a { packets 0 bytes 0; }\n counter b { packets 0 bytes 0; }\n"                 \
	"limit l { rate 1/hour burst 2 packets; }\n"

static void a_map_says_which_counter_counts(void **state)
{
	(void)state;
	load(TABLE(OBJECTS "map m { type ipv4_addr : counter; elements = { 10.0.0.1 : \"a\", "
			   "10.0.0.2 : \"b\" }; }",
		   "counter name ip saddr map @m accept"));
	assert_int_equal(pass("10.0.0.1", 3), 3);
	assert_int_equal(pass("10.0.0.2", 1), 1);
	/* What is not in the map does not match. */
	assert_int_equal(pass("10.0.0.3", 1), 0);
	assert_shows("counter a {\n\t\tpackets 3 bytes 150");
	restart();
	assert_int_equal(pass("10.0.0.2", 1), 1);
	assert_shows("counter a {\n\t\tpackets 3 bytes 150");
	assert_shows("counter b {\n\t\tpackets 2 bytes 100");
}

static void a_limit_that_a_map_leads_to_says_no(void **state)
{
	(void)state;
	load(TABLE(OBJECTS, "limit name ip saddr map { 10.0.0.0/24 : \"l\" } accept"));
	assert_int_equal(pass("10.0.0.1", 5), 2);
	assert_int_equal(pass("10.0.0.2", 5), 0);
	assert_int_equal(pass("10.0.1.1", 5), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_address_has_a_limit_of_its_own, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			a_limit_that_is_over_lets_the_rule_go_on_for_the_rest, setup, teardown),
		cmocka_unit_test_setup_teardown(a_look_up_asks_what_the_element_has, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_not_in_a_set_is_asked_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			elements_of_rules_that_give_nothing_have_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(packets_elements_have_what_the_set_declares,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_operators_element_has_a_slot_for_each_statement, setup, teardown),
		cmocka_unit_test_setup_teardown(an_element_that_rules_update_keeps_its_slot,
						setup, teardown),
		cmocka_unit_test_setup_teardown(when_an_address_was_last_seen_is_shown, setup,
						teardown),
		cmocka_unit_test_setup_teardown(packets_elements_are_limited_on_after_a_restart,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_meter_limits_each_key, setup, teardown),
		cmocka_unit_test_setup_teardown(
			statements_that_elements_cannot_have_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			elements_have_the_statements_that_they_state, setup, teardown),
		cmocka_unit_test_setup_teardown(
			elements_of_one_dynamic_set_remember_different_things, setup, teardown),
		cmocka_unit_test_setup_teardown(
			each_rule_gives_its_elements_its_own_statements, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_rule_may_give_other_numbers_than_the_set_declares, setup, teardown),
		cmocka_unit_test_setup_teardown(an_earlier_state_knows_what_was_added_since,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_packets_added_can_be_loaded_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_packets_added_stands_in_documents_too, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			statements_that_are_gone_make_room_for_others, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_ruleset_called_back_reads_no_number_that_was_given_again, setup, teardown),
		cmocka_unit_test_setup_teardown(
			nor_does_one_that_is_restored_beside_another, setup, teardown),
		cmocka_unit_test_setup_teardown(there_is_an_end_to_different_statements, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			rules_that_add_to_one_set_have_its_statements_once, setup, teardown),
		cmocka_unit_test_setup_teardown(what_has_expired_is_given_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_map_says_which_counter_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(a_limit_that_a_map_leads_to_says_no, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
