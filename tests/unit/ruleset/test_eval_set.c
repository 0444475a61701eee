/* Sets and maps, asked by packets: what matches and what does not, what maps give, where
 * verdict maps lead, what expires, and what elements count. */
#include "unit/ruleset/eval_world.h"

/* ---- keys ---- */

static void addresses_and_their_complement(void **state)
{
	(void)state;
	load("set s { type ipv4_addr; elements = { 10.0.0.1, 10.0.0.3 }; }",
	     "ip saddr @s accept");
	assert_true(from("10.0.0.1"));
	assert_true(from("10.0.0.3"));
	assert_false(from("10.0.0.2"));
	assert_false(from("2001:db8::1"));
	load("set s { type ipv4_addr; elements = { 10.0.0.1, 10.0.0.3 }; }",
	     "ip saddr != @s accept");
	assert_false(from("10.0.0.1"));
	assert_true(from("10.0.0.2"));
	/* It has no such address: not even another one. */
	assert_false(from("2001:db8::1"));
}

static void intervals_have_both_their_ends(void **state)
{
	(void)state;
	load("set s { type ipv4_addr; flags interval; elements = { 10.0.0.0/24, "
	     "10.0.1.5-10.0.1.7, 10.0.2.1 }; }",
	     "ip saddr @s accept");
	assert_false(from("10.0.3.0"));
	assert_true(from("10.0.0.0"));
	assert_true(from("10.0.0.255"));
	assert_false(from("10.0.1.0"));
	assert_false(from("10.0.1.4"));
	assert_true(from("10.0.1.5"));
	assert_true(from("10.0.1.7"));
	assert_false(from("10.0.1.8"));
	assert_true(from("10.0.2.1"));
	assert_false(from("10.0.2.2"));
}

static void addresses_of_ipv6(void **state)
{
	(void)state;
	load("set s { type ipv6_addr; flags interval; elements = { 2001:db8:1::/48, "
	     "2001:db8::9 }; }",
	     "ip6 saddr @s accept");
	assert_true(from("2001:db8:1::"));
	assert_true(from("2001:db8:1:ffff:ffff:ffff:ffff:ffff"));
	assert_false(from("2001:db8:2::"));
	assert_true(from("2001:db8::9"));
	assert_false(from("2001:db8::8"));
	assert_false(from("10.0.0.1"));
	load("set s { type ipv6_addr; elements = { 2001:db8::9 }; }", "ip6 saddr @s accept");
	assert_true(from("2001:db8::9"));
	assert_false(from("2001:db8::109"));
	assert_false(from("10.0.0.1"));
}

static void pairs_match_when_both_parts_do(void **state)
{
	(void)state;
	load("set s { type ipv4_addr . inet_service; elements = { 10.0.0.1 . 53, "
	     "10.0.0.2 . 80 }; }",
	     "ip saddr . udp dport @s accept");
	assert_true(udp("10.0.0.1", 9, "10.9.9.9", 53));
	assert_true(udp("10.0.0.2", 9, "10.9.9.9", 80));
	assert_false(udp("10.0.0.1", 9, "10.9.9.9", 80));
	assert_false(udp("10.0.0.2", 9, "10.9.9.9", 53));
	assert_false(tcp("10.0.0.1", 9, "10.9.9.9", 53));
	assert_false(udp("2001:db8::1", 9, "2001:db8::2", 53));
	load("set s { type ipv4_addr . inet_service; elements = { 10.0.0.1 . 53 }; }",
	     "ip saddr . udp dport != @s accept");
	assert_false(udp("10.0.0.1", 9, "10.9.9.9", 53));
	assert_true(udp("10.0.0.1", 9, "10.9.9.9", 54));
	assert_false(tcp("10.0.0.1", 9, "10.9.9.9", 54));
}

static void pairs_of_intervals(void **state)
{
	(void)state;
	load("set s { type ipv4_addr . inet_service; flags interval; elements = "
	     "{ 10.0.0.0/24 . 100-200, 10.0.0.5 . 53, 10.1.0.0-10.1.0.9 . 7 }; }",
	     "ip saddr . udp dport @s accept");
	assert_true(udp("10.0.0.0", 9, "10.9.9.9", 100));
	assert_true(udp("10.0.0.255", 9, "10.9.9.9", 200));
	assert_false(udp("10.0.0.255", 9, "10.9.9.9", 201));
	assert_false(udp("10.0.1.0", 9, "10.9.9.9", 150));
	assert_true(udp("10.0.0.5", 9, "10.9.9.9", 53));
	assert_false(udp("10.0.0.6", 9, "10.9.9.9", 53));
	assert_true(udp("10.1.0.9", 9, "10.9.9.9", 7));
	assert_false(udp("10.1.0.10", 9, "10.9.9.9", 7));
}

static void the_widest_keys(void **state)
{
	(void)state;
	load("set s { type ipv6_addr . ipv6_addr . inet_service . inet_service . "
	     "inet_proto; "
	     "elements = { 2001:db8::1 . 2001:db8::2 . 9 . 53 . udp }; }",
	     "ip6 saddr . ip6 daddr . th sport . th dport . meta l4proto @s accept");
	assert_true(udp("2001:db8::1", 9, "2001:db8::2", 53));
	assert_false(udp("2001:db8::2", 9, "2001:db8::1", 53));
	assert_false(udp("2001:db8::1", 53, "2001:db8::2", 9));
	assert_false(udp("2001:db8::1", 9, "2001:db8::3", 53));
	assert_false(tcp("2001:db8::1", 9, "2001:db8::2", 53));
	load("set s { type ipv6_addr . ipv6_addr . mark; flags interval; elements = "
	     "{ 2001:db8::/32 . ::/0 . 1-7, 2001:dead::1 . 2001:db8::/64 . 8 }; }",
	     "ip6 saddr . ip6 daddr . meta mark @s accept");
	assert_true(udp("2001:db8::1", 9, "2001:db9::2", 53));
	assert_false(udp("2001:db9::1", 9, "2001:db8::2", 53));
	assert_false(udp("2001:dead::1", 9, "2001:db8::2", 53));
}

static void marks_names_and_states(void **state)
{
	(void)state;
	load("", "meta mark . ct state { 0x7 . new, 0x8 . established } accept");
	assert_true(from("10.0.0.1"));
	load("", "meta mark . ct state { 0x7 . established, 0x8 . new } accept");
	assert_false(from("10.0.0.1"));
	load("set s { type mark; flags interval; elements = { 1-6, 8-0xffffffff }; }",
	     "meta mark @s accept");
	assert_false(from("10.0.0.1"));
	load("set s { type mark; flags interval; elements = { 1-7 }; }", "meta mark @s accept");
	assert_true(from("10.0.0.1"));
	load("set s { type ifname; elements = { \"wg12\", \"wg1\" }; }", "iifname @s accept");
	assert_true(from("10.0.0.1"));
	load("set s { type ifname; elements = { \"wg1\", \"wg123\" }; }", "iifname @s accept");
	assert_false(from("10.0.0.1"));
	load("set s { type ifname . ifname; elements = { \"wg12\" . \"eth0\" }; }",
	     "iifname . oifname @s accept");
	assert_true(from("10.0.0.1"));
	load("", "iifname . oifname { \"eth0\" . \"wg12\" } accept");
	assert_false(from("10.0.0.1"));
}

static void names_that_begin_alike(void **state)
{
	(void)state;
	load("set s { type ifname; flags interval; elements = { \"eth*\", \"wg1*\" "
	     "}; }",
	     "iifname @s accept");
	assert_true(from("10.0.0.1"));
	load("set s { type ifname; flags interval; elements = { \"wg2*\", \"w\" }; }",
	     "iifname @s accept");
	assert_false(from("10.0.0.1"));
	load("", "iifname { \"lo\", \"wg*\" } accept");
	assert_true(from("10.0.0.1"));
	load("", "iifname != { \"lo\", \"wg*\" } accept");
	assert_false(from("10.0.0.1"));
	load("", "iifname . udp dport { \"wg*\" . 50-60 } accept");
	assert_true(from("10.0.0.1"));
	load("", "iifname . udp dport { \"eth*\" . 50-60 } accept");
	assert_false(from("10.0.0.1"));
}

static void a_catch_all_has_what_no_other_element_has(void **state)
{
	(void)state;
	load("map m { type ipv4_addr : verdict; elements = { 10.0.0.1 : drop, * : "
	     "accept }; }",
	     "ip saddr vmap @m");
	assert_false(from("10.0.0.1"));
	assert_true(from("10.0.0.2"));
	assert_false(from("2001:db8::1"));
	load("", "udp dport vmap { 53 : drop, * : accept }");
	assert_false(from("10.0.0.1"));
	assert_true(udp("10.0.0.1", 1, "10.0.0.2", 54));
	assert_false(tcp("10.0.0.1", 1, "10.0.0.2", 54));
}

/* ---- what maps give ---- */

static void maps_give_values(void **state)
{
	(void)state;
	load("map m { type ipv4_addr : mark; elements = { 10.0.0.1 : 11, 10.0.0.2 : "
	     "0xfffffffe }; }",
	     "meta mark set ip saddr map @m accept");
	assert_true(from("10.0.0.1"));
	assert_int_equal(e.mark, 11);
	assert_true(from("10.0.0.2"));
	assert_int_equal(e.mark, 0xfffffffe);
	/* Not found: the rule does not match. */
	assert_false(from("10.0.0.3"));
	assert_int_equal(e.mark, 7);
	load("", "meta mark set ip saddr . udp dport map { 10.0.0.1 . 53 : 5, "
		 "10.0.0.0/8 . 1-9 : 6 } "
		 "accept");
	assert_true(from("10.0.0.1"));
	assert_int_equal(e.mark, 5);
	assert_true(udp("10.1.0.1", 1, "10.0.0.2", 9));
	assert_int_equal(e.mark, 6);
	assert_false(udp("10.1.0.1", 1, "10.0.0.2", 10));
	load("map m { type inet_service : mark; flags interval; elements = { 1-52 : "
	     "1, 53 : 2, "
	     "54-65535 : 3 }; }",
	     "meta mark set udp dport map @m accept");
	assert_true(from("10.0.0.1"));
	assert_int_equal(e.mark, 2);
	assert_true(from("2001:db8::1"));
	assert_int_equal(e.mark, 2);
}

static void verdict_maps_lead_where_they_say(void **state)
{
	const char *chains =
		"chain marks { meta mark set 9; }\nchain takes { accept; }\n"
		"map m { type ipv4_addr : verdict; elements = { 10.0.0.1 : accept, "
		"10.0.0.2 : drop, 10.0.0.3 : jump marks, 10.0.0.4 : goto marks, "
		"10.0.0.5 : return, 10.0.0.6 : continue, 10.0.0.7 : jump takes }; }";

	(void)state;
	/* What is not ended goes on to the next rule. */
	load(chains, "ip saddr vmap @m\nmeta mark set meta mark or 0x100 accept");
	assert_true(from("10.0.0.1"));
	assert_int_equal(e.mark, 7);
	assert_false(from("10.0.0.2"));
	assert_true(from("10.0.0.3"));
	assert_int_equal(e.mark, 0x109);
	assert_false(from("10.0.0.4"));
	assert_int_equal(e.mark, 9);
	assert_false(from("10.0.0.5"));
	assert_int_equal(e.mark, 7);
	assert_true(from("10.0.0.6"));
	assert_int_equal(e.mark, 0x107);
	assert_true(from("10.0.0.7"));
	assert_int_equal(e.mark, 7);
	assert_true(from("10.0.0.8"));
	assert_int_equal(e.mark, 0x107);
}

static void a_map_follows_a_chain_that_is_renamed(void **state)
{
	(void)state;
	load("chain a { accept; }\nmap m { type ipv4_addr : verdict; "
	     "elements = { 10.0.0.1 : jump a }; }",
	     "ip saddr vmap @m");
	tell("rename chain inet t a b; add chain inet t a");
	assert_true(from("10.0.0.1"));
	assert_shows("list map inet t m", "10.0.0.1 : jump b");
	tell("add element inet t m { 10.0.0.2 : jump a }; add rule inet t a drop");
	assert_false(from("10.0.0.2"));
	assert_true(from("10.0.0.1"));
}

/* ---- time, and counting ---- */

static void elements_expire(void **state)
{
	(void)state;
	load("set s { type ipv4_addr; timeout 1m; elements = { 10.0.0.1, 10.0.0.2 "
	     "timeout 2m, "
	     "10.0.0.3 expires 10s }; }",
	     "ip saddr @s accept");
	now += 10 * S - 1;
	assert_true(from("10.0.0.3"));
	now += 1;
	assert_false(from("10.0.0.3"));
	assert_true(from("10.0.0.1"));
	assert_shows("list set inet t s",
		     "10.0.0.1 expires 50s, 10.0.0.2 timeout 2m expires 1m50s }");
	now += 50 * S;
	assert_false(from("10.0.0.1"));
	assert_true(from("10.0.0.2"));
	now += 60 * S;
	assert_false(from("10.0.0.2"));
	assert_hides("list set inet t s", "elements");
	tell("add element inet t s { 10.0.0.1 }");
	assert_true(from("10.0.0.1"));
}

static void elements_count_what_finds_them(void **state)
{
	(void)state;
	load("set s { type ipv4_addr; counter; elements = { 10.0.0.1, "
	     "10.0.0.2 counter packets 5 bytes 6 }; }",
	     "ip saddr @s accept");
	assert_true(from("10.0.0.1"));
	assert_true(from("10.0.0.2"));
	assert_true(from("10.0.0.2"));
	assert_false(from("10.0.0.3"));
	assert_shows("list set inet t s", "{ 10.0.0.1 counter packets 1 bytes 50, "
					  "10.0.0.2 counter packets 7 bytes 106 }");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(addresses_and_their_complement),
		TEST(intervals_have_both_their_ends),
		TEST(addresses_of_ipv6),
		TEST(pairs_match_when_both_parts_do),
		TEST(pairs_of_intervals),
		TEST(the_widest_keys),
		TEST(marks_names_and_states),
		TEST(names_that_begin_alike),
		TEST(a_catch_all_has_what_no_other_element_has),
		TEST(maps_give_values),
		TEST(verdict_maps_lead_where_they_say),
		TEST(a_map_follows_a_chain_that_is_renamed),
		TEST(elements_expire),
		TEST(elements_count_what_finds_them),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
