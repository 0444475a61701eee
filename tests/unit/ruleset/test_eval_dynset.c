/* Sets that packets change: what they add, how long it lasts, who counts it; and what of sets
 * outlives changes and restarts. */
#include "unit/ruleset/eval_world.h"

/* ---- what packets change ---- */

static void packets_add_what_others_find(void **state)
{
	(void)state;
	load("set s { type ipv4_addr; flags dynamic; }",
	     "udp dport 1 add @s { ip saddr }\nudp dport 53 ip saddr @s accept");
	assert_false(from("10.0.0.1"));
	assert_false(udp("10.0.0.1", 9, "10.9.9.9", 1));
	assert_true(from("10.0.0.1"));
	assert_false(from("10.0.0.2"));
	assert_shows("list set inet t s", "elements = { 10.0.0.1 }");
	assert_shows("get element inet t s { 10.0.0.1 }", "elements = { 10.0.0.1 }");
	tell("delete element inet t s { 10.0.0.1 }");
	assert_false(from("10.0.0.1"));
	assert_refused(rs, "delete element inet t s { 10.0.0.1 }", "no such element");
	udp("10.0.0.1", 9, "10.9.9.9", 1);
	udp("10.0.0.2", 9, "10.9.9.9", 1);
	tell("flush set inet t s");
	assert_false(from("10.0.0.1"));
	assert_false(from("10.0.0.2"));
}

static void add_keeps_a_timeout_and_update_renews_it(void **state)
{
	(void)state;
	load("set a { type ipv4_addr; flags dynamic, timeout; timeout 1m; }\n"
	     "set u { type ipv4_addr; flags dynamic, timeout; timeout 1m; }",
	     "udp dport 1 add @a { ip saddr } update @u { ip saddr }\n"
	     "udp dport 2 ip saddr @a accept\nudp dport 3 ip saddr @u accept");
	udp("10.0.0.1", 9, "10.9.9.9", 1);
	now += 40 * S;
	udp("10.0.0.1", 9, "10.9.9.9", 1);
	assert_shows("list set inet t a", "10.0.0.1 expires 20s");
	assert_shows("list set inet t u", "10.0.0.1 expires 1m");
	now += 20 * S;
	assert_false(udp("10.0.0.1", 9, "10.9.9.9", 2));
	assert_true(udp("10.0.0.1", 9, "10.9.9.9", 3));
	now += 40 * S;
	assert_false(udp("10.0.0.1", 9, "10.9.9.9", 3));
	assert_hides("list set inet t u", "elements");
}

static void a_statement_has_a_timeout_of_its_own(void **state)
{
	(void)state;
	load("set s { type ipv4_addr; flags dynamic, timeout; timeout 1m; }",
	     "udp dport 1 add @s { ip saddr timeout 5s }\nudp dport 2 ip saddr @s "
	     "accept");
	udp("10.0.0.1", 9, "10.9.9.9", 1);
	assert_shows("list set inet t s", "10.0.0.1 timeout 5s expires 5s");
	now += 5 * S;
	assert_false(udp("10.0.0.1", 9, "10.9.9.9", 2));
}

/* As nft and the kernel have it. */
static void no_timeout_is_that_of_the_set(void **state)
{
	(void)state;
	load("set s { type ipv4_addr; flags dynamic; timeout 1m; elements = { 10.0.0.9 timeout 0s, "
	     "10.0.0.8 timeout 0s expires 5s, 10.0.0.7 expires 0s } }\n"
	     "set n { type ipv4_addr; flags dynamic; elements = { 10.0.0.1 timeout 0s } }",
	     "add @s { ip saddr timeout 0s }\nadd @n { ip saddr timeout 0s }");
	from("10.0.0.1");
	assert_shows("list ruleset", "10.0.0.1 expires 1m, 10.0.0.7 expires 1m,");
	assert_shows("list ruleset", "10.0.0.8 expires 5s, 10.0.0.9 expires 1m }");
	assert_shows("list ruleset", "elements = { 10.0.0.1 }");
	assert_shows("list ruleset", "add @s { ip saddr }\n");
	now += 60 * S;
	assert_hides("list set inet t s", "elements");
}

static void an_element_lasts_no_longer_than_its_timeout(void **state)
{
	(void)state;
	assert_refused(rs, "table ip t { set s { type ipv4_addr; flags timeout; elements = { "
			   "10.0.0.1 expires 5s } }\n}", "neither this element nor its set");
	assert_refused(rs, "table ip t { set s { type ipv4_addr; timeout 1m; elements = { "
			   "10.0.0.1 expires 2m } }\n}", "longer than its timeout");
	assert_refused(rs, "table ip t { set s { type ipv4_addr; timeout 1m; elements = { "
			   "10.0.0.1 timeout 5s expires 6s } }\n}", "longer than its timeout");
}

static void numbers_go_into_sets_of_types_as_long(void **state)
{
	(void)state;
	load("set a { type ipv4_addr; flags dynamic; }\n"
	     "set p { type inet_service; flags dynamic; }\n"
	     "set m { type mark; flags dynamic; }\n"
	     "map d { type mark : ipv4_addr; flags dynamic; }",
	     "add @a { @th,0,32 } add @p { udp length } add @m { meta length }\n"
	     "add @d { meta mark : @th,0,32 }");
	udp("10.0.0.1", 0x0102, "10.9.9.9", 0x0304);
	assert_shows("list set inet t a", "elements = { 1.2.3.4 }");
	assert_shows("list set inet t p", "elements = { 30 }");
	assert_shows("list set inet t m", "elements = { 0x00000032 }");
	assert_shows("list map inet t d", "elements = { 0x00000007 : 1.2.3.4 }");
	assert_refused(rs, "add rule inet t c add @p { tcp sequence }", "another type");
	assert_refused(rs, "add rule inet t c add @a { meta mark }", "another type");
}

static void packets_delete(void **state)
{
	(void)state;
	load("set s { type ipv4_addr . inet_service; flags dynamic; }",
	     "udp sport 1 add @s { ip saddr . udp dport } accept\n"
	     "udp sport 2 delete @s { ip saddr . udp dport } accept\n"
	     "udp sport 3 ip saddr . udp dport @s accept");
	assert_true(udp("10.0.0.1", 1, "10.9.9.9", 53));
	assert_true(udp("10.0.0.1", 1, "10.9.9.9", 54));
	assert_true(udp("10.0.0.1", 2, "10.9.9.9", 53));
	assert_false(udp("10.0.0.1", 3, "10.9.9.9", 53));
	assert_true(udp("10.0.0.1", 3, "10.9.9.9", 54));
}

static void a_full_set_takes_no_more(void **state)
{
	(void)state;
	load("set s { type ipv4_addr; flags dynamic, timeout; timeout 1m; size 2; }",
	     "add @s { ip saddr } accept");
	assert_true(from("10.0.0.1"));
	assert_true(from("10.0.0.2"));
	/* The statement fails, and with it the rule. */
	assert_false(from("10.0.0.3"));
	assert_true(from("10.0.0.1"));
	now += 60 * S;
	set_elements_housekeep(elements, 0, now);
	assert_true(from("10.0.0.3"));
}

static void packets_fill_maps_that_others_ask(void **state)
{
	(void)state;
	load("map m { type ipv4_addr : mark; flags dynamic, timeout; timeout 1m; }\n"
	     "map b { type ipv4_addr . inet_service : ipv6_addr; flags dynamic; }",
	     "udp dport 1 add @m { ip saddr : 0x42 }\n"
	     "udp dport 2 update @m { ip saddr : meta mark }\n"
	     "udp dport 3 meta mark set ip saddr map @m accept");
	udp("10.0.0.1", 9, "10.9.9.9", 1);
	udp("10.0.0.2", 9, "10.9.9.9", 2);
	assert_true(udp("10.0.0.1", 9, "10.9.9.9", 3));
	assert_int_equal(e.mark, 0x42);
	assert_true(udp("10.0.0.2", 9, "10.9.9.9", 3));
	assert_int_equal(e.mark, 7);
	assert_false(udp("10.0.0.3", 9, "10.9.9.9", 3));
	assert_shows("list map inet t m", "10.0.0.1 expires 1m : 0x00000042, "
					  "10.0.0.2 expires 1m : 0x00000007");
	now += 60 * S;
	assert_false(udp("10.0.0.1", 9, "10.9.9.9", 3));
}

static void added_elements_have_the_counters_of_set_or_statement(void **state)
{
	(void)state;
	load("set a { type ipv4_addr; flags dynamic; counter; }\n"
	     "set b { type ipv4_addr; flags dynamic; }",
	     "add @a { ip saddr } add @b { ip saddr counter }\nip saddr @b accept");
	assert_true(from("10.0.0.1"));
	assert_true(from("10.0.0.1"));
	assert_shows("list set inet t a", "10.0.0.1 counter packets 2 bytes 100 }");
	/* Added twice, and found twice. */
	assert_shows("list set inet t b", "10.0.0.1 counter packets 4 bytes 200 }");
	assert_shows("get element inet t b { 10.0.0.1 }",
		     "10.0.0.1 counter packets 4 bytes 200 }");
}

static void meters_count_for_each_key(void **state)
{
	(void)state;
	load("", "meter m { ip saddr . udp dport counter } accept");
	assert_true(from("10.0.0.1"));
	assert_true(from("10.0.0.1"));
	assert_true(from("10.0.0.2"));
	assert_false(tcp("10.0.0.2", 1, "10.0.0.1", 5));
	assert_shows("list meter inet t m", "10.0.0.1 . 53 counter packets 2 bytes 100");
	assert_shows("list meter inet t m", "10.0.0.2 . 53 counter packets 1 bytes 50");
	/* With its rule it goes. */
	tell("flush chain inet t c");
	assert_hides("list meters", "meter m");
}

static void an_operators_element_takes_the_place_of_a_packets(void **state)
{
	(void)state;
	load("set s { type ipv4_addr; flags dynamic, timeout; timeout 1m; counter; }",
	     "udp dport 1 update @s { ip saddr } accept\nip saddr @s accept");
	udp("10.0.0.1", 9, "10.9.9.9", 1);
	assert_refused(rs, "create element inet t s { 10.0.0.1 }", "exists already");
	tell("add element inet t s { 10.0.0.1 timeout 1h comment \"kept\" }");
	assert_shows("list set inet t s", "10.0.0.1 counter packets 0 bytes 0 timeout 1h "
					  "expires 1h comment \"kept\" }");
	/* It counts, and packets leave its time alone. */
	now += 60 * S;
	assert_true(udp("10.0.0.1", 9, "10.9.9.9", 1));
	assert_shows("list set inet t s", "10.0.0.1 counter packets 1 bytes 50 timeout 1h "
					  "expires 59m comment \"kept\" }");
	tell("delete element inet t s { 10.0.0.1 }");
	assert_false(from("10.0.0.1"));
	tell("destroy element inet t s { 10.0.0.1 }");
}

static void keys_of_one_family_are_not_met_by_the_other(void **state)
{
	(void)state;
	load("set four { type ipv4_addr; flags dynamic; }\nset six { type ipv6_addr; "
	     "flags dynamic; }",
	     "add @four { ip saddr } accept\nadd @six { ip6 saddr } accept");
	assert_true(from("10.0.0.1"));
	assert_true(from("2001:db8::1"));
	assert_shows("list set inet t four", "{ 10.0.0.1 }");
	assert_shows("list set inet t six", "{ 2001:db8::1 }");
}

static void a_longer_key_before_leaves_nothing_in_a_shorter_one(void **state)
{
	(void)state;
	load("set long { type ipv6_addr . ipv6_addr; flags dynamic; }\n"
	     "set short { type inet_service; flags dynamic; }\n"
	     "set odd { type inet_proto . inet_service; flags dynamic; }",
	     "add @long { ip6 saddr . ip6 daddr } add @odd { meta l4proto . udp "
	     "dport } "
	     "add @short { udp dport }\n"
	     "udp dport @short meta l4proto . udp dport @odd accept\n"
	     "add @short { udp dport }\nudp dport @short accept");
	assert_true(from("2001:db8::1"));
	assert_true(from("10.0.0.1"));
	assert_shows("list set inet t short", "{ 53 }");
	assert_shows("list set inet t odd", "{ udp . 53 }");
}

/* ---- kept ---- */

static const char everything[] =
	"chain a { }\nchain b { accept; }\n"
	"set plain { type ipv4_addr; counter; comment \"p\"; elements = { 10.0.0.1 "
	"counter packets "
	"1 bytes 2 comment \"one\", * counter packets 3 bytes 4 }; }\n"
	"set ranges { type ipv4_addr . inet_service; flags interval; size 10; "
	"elements = "
	"{ 10.0.0.0/8 . 1-9, 11.0.0.1 . 7 }; }\n"
	"set merged { type ipv4_addr; flags interval; auto-merge; elements = { "
	"10.0.0.0/9, "
	"10.128.0.0/9 }; }\n"
	"set timed { type ipv4_addr; flags dynamic, timeout; timeout 1m; counter; "
	"gc-interval 5s; "
	"elements = { 10.0.0.9 timeout 100d comment \"long\" }; }\n"
	"map values { type ipv4_addr : interval ipv4_addr . inet_service; flags "
	"interval; elements "
	"= { 10.0.0.0/24 : 10.1.0.0/16 . 5-6 }; }\n"
	"map learnt { type ipv4_addr : mark; flags dynamic; size 5; }\n"
	"map verdicts { typeof iifname . ip saddr : verdict; elements = { \"wg12\" "
	". 10.0.0.1 : "
	"jump b, \"wg12\" . 10.0.0.2 : drop }; }\n";
static const char its_rules[] =
	"add @timed { ip saddr } add @learnt { ip saddr : meta mark }\n"
	"meter m size 9 { ip saddr . udp dport counter }\n"
	"iifname . ip saddr vmap @verdicts\nip saddr @plain ip saddr . udp dport "
	"@ranges drop";

/* The next process: other counters, over the same arena. */
static int restart_from(const char *text, size_t len)
{
	struct diag d = DIAG_INIT;
	struct ruleset *back = NULL;
	int err;

	give_up();
	take_up();
	err = ruleset_restore(text, len, counters, &d, &back);
	set_elements_settle(elements);
	rs = err ? ruleset_new(counters) : back;
	diag_fini(&d);
	return err;
}

static void restart(void)
{
	struct text saved = TEXT_INIT;

	ruleset_save(rs, &saved);
	assert_int_equal(restart_from(text_str(&saved), saved.len), 0);
	text_fini(&saved);
}

static void sets_outlive_a_restart_with_all_that_is_in_them(void **state)
{
	char *before, *after;

	(void)state;
	/* A machine that is up for long. */
	now += 400 * 86400 * S;
	load(everything, its_rules);
	tell("delete chain inet t a");
	assert_true(from("10.0.0.1"));
	assert_false(from("10.0.0.2"));
	now += 10 * S;
	before = told("list ruleset");
	assert_non_null(
		strstr(before, "10.0.0.2 expires 50s")
			? before
			: strstr(before, "10.0.0.2 counter packets 1 bytes 50 expires 50s"));
	restart();
	after = told("list ruleset");
	assert_string_equal(after, before);
	free(before);
	free(after);
	restart();
	assert_true(from("10.0.0.1"));
	assert_shows("list meter inet t m", "10.0.0.1 . 53 counter packets 2 bytes 100");
	assert_shows("list set inet t timed",
		     "10.0.0.1 counter packets 2 bytes 100 expires 50s");
	now += 50 * S;
	assert_hides("list set inet t timed", "10.0.0.2");
	assert_shows("list set inet t timed", "10.0.0.9 counter");
	assert_shows("list map inet t learnt", "10.0.0.2 : 0x00000007");
	/* What an element counts in is its own after all this. */
	tell("flush ruleset");
	restart();
	load(everything, its_rules);
	assert_shows("list set inet t plain", "10.0.0.1 counter packets 1 bytes 2");
}

static void damaged_numbers_of_sets_are_refused(void **state)
{
	struct text saved = TEXT_INIT;
	const char *at;
	char *copy;

	(void)state;
	load(everything, its_rules);
	from("10.0.0.1");
	ruleset_save(rs, &saved);
	/* Every digit of the numbers, changed: taken up as something or refused,
	 * never worse. */
	for (size_t i = 0; i < saved.len && strncmp(text_str(&saved) + i, "\n\n", 2); i++) {
		copy = memcpy(malloc(saved.len + 1), text_str(&saved), saved.len + 1);
		copy[i] = copy[i] == '9' ? '1' : '9';
		restart_from(copy, saved.len);
		free(copy);
	}
	at = strstr(text_str(&saved), "\nset ");
	assert_non_null(at);
	copy = memcpy(malloc(saved.len + 1), text_str(&saved), saved.len + 1);
	copy[at - text_str(&saved) + 1] = 'x';
	assert_int_equal(restart_from(copy, saved.len), -EINVAL);
	free(copy);
	assert_int_equal(restart_from(text_str(&saved), saved.len / 2), -EINVAL);
	text_fini(&saved);
}

static void two_sets_cannot_have_the_same_elements(void **state)
{
	struct text saved = TEXT_INIT, damaged = TEXT_INIT;
	const char *first, *second;
	size_t word = strlen(" dynamic 4097");

	(void)state;
	load("set a { type ipv4_addr; flags dynamic; }\nset b { type ipv4_addr; "
	     "flags dynamic; }",
	     "add @a { ip saddr } add @b { ip daddr }");
	from("10.0.0.1");
	ruleset_save(rs, &saved);
	first = strstr(text_str(&saved), " dynamic ");
	second = strstr(first + 1, " dynamic ");
	text_append(&damaged, text_str(&saved), (size_t)(second - text_str(&saved)));
	text_append(&damaged, first, word);
	text_puts(&damaged, second + word);
	/* The second begins anew. */
	assert_int_equal(restart_from(text_str(&damaged), damaged.len), 0);
	assert_shows("list set inet t a", "{ 10.0.0.1 }");
	assert_hides("list set inet t b", "elements");
	text_fini(&saved);
	text_fini(&damaged);
}

static void a_refused_text_changes_no_set(void **state)
{
	(void)state;
	load("set s { type ipv4_addr; flags dynamic; }", "add @s { ip saddr }");
	from("10.0.0.1");
	assert_refused(rs, "flush set inet t s; add element inet t s { 10.0.0.2 }; nonsense",
		       "nonsense");
	assert_refused(rs, "delete element inet t s { 10.0.0.1 }; add rule inet t nope accept",
		       "no chain");
	assert_shows("list set inet t s", "{ 10.0.0.1 }");
}

static void a_reload_of_the_rules_keeps_sets_that_stay(void **state)
{
	(void)state;
	load("set s { type ipv4_addr; flags dynamic; }", "add @s { ip saddr }");
	from("10.0.0.1");
	tell("flush chain inet t c; add rule inet t c ip saddr @s accept");
	assert_true(from("10.0.0.1"));
	assert_false(from("10.0.0.2"));
	tell("flush chain inet t c; delete set inet t s; add set inet t s { type "
	     "ipv4_addr; "
	     "flags dynamic; }; add rule inet t c ip saddr @s accept");
	assert_false(from("10.0.0.1"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(packets_add_what_others_find),
		TEST(add_keeps_a_timeout_and_update_renews_it),
		TEST(a_statement_has_a_timeout_of_its_own),
		TEST(no_timeout_is_that_of_the_set),
		TEST(an_element_lasts_no_longer_than_its_timeout),
		TEST(numbers_go_into_sets_of_types_as_long),
		TEST(packets_delete),
		TEST(a_full_set_takes_no_more),
		TEST(packets_fill_maps_that_others_ask),
		TEST(added_elements_have_the_counters_of_set_or_statement),
		TEST(meters_count_for_each_key),
		TEST(an_operators_element_takes_the_place_of_a_packets),
		TEST(keys_of_one_family_are_not_met_by_the_other),
		TEST(a_longer_key_before_leaves_nothing_in_a_shorter_one),
		TEST(sets_outlive_a_restart_with_all_that_is_in_them),
		TEST(damaged_numbers_of_sets_are_refused),
		TEST(two_sets_cannot_have_the_same_elements),
		TEST(a_refused_text_changes_no_set),
		TEST(a_reload_of_the_rules_keeps_sets_that_stay),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
