/* Plans in a network namespace of the test's own.  Needs root, ip and tc. */
#include "unit/test.h"

#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctfw/plan.h"

static const char text[] = "[capture wg0]\n"
			   "networks = 10.8.0.0/24 fd08::/64\n"
			   "[capture office.vpn.eth1]\n"
			   "networks = 10.9.0.0/16 10.8.0.0/24 0.0.0.0/0\n"
			   "in-name = office-in\n"
			   "out-name = office-out\n"
			   "mtu = 1300\n"
			   "[tun fw0]\n"
			   "role = return\n"
			   "address = 192.0.2.1/32 2001:db8::1/128\n";

static void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

static struct config *configuration(const char *more)
{
	struct text all = TEXT_INIT;
	struct diag d = DIAG_INIT;
	struct config *c = NULL;

	text_puts(&all, text);
	text_puts(&all, more);
	if (config_parse("test", text_str(&all), all.len, &d, &c))
		fail_msg("%s", text_str(&d.text));
	text_fini(&all);
	diag_fini(&d);
	return c;
}

static void read_plan(const struct config *c, struct plan *p)
{
	struct diag d = DIAG_INIT;

	if (plan_read(c, p, &d))
		fail_msg("%s", text_str(&d.text));
	diag_fini(&d);
}

/* Run what the plan prints. */
static void put_in(const struct plan *p)
{
	struct text script = TEXT_INIT;
	size_t i;

	text_puts(&script, "set -e\n");
	for (i = 0; i < p->n; i++)
		plan_commands(&p->v[i], &script);
	run(text_str(&script));
	text_fini(&script);
}

static void assert_found(const struct plan *p, bool want)
{
	struct text words = TEXT_INIT;
	size_t i;

	for (i = 0; i < p->n; i++) {
		if (p->v[i].found == want)
			continue;
		plan_words(&p->v[i], &words);
		fail_msg("%s: %s: %s", plan_kind_name(p->v[i].kind), text_str(&words),
			 want ? "not found" : "found");
	}
}

static size_t count(const struct plan *p, enum plan_kind kind)
{
	size_t i, n = 0;

	for (i = 0; i < p->n; i++)
		n += p->v[i].kind == kind;
	return n;
}

static int setup(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET))
		return -1;
	run("ip link set lo up");
	return 0;
}

static void add_captured(void)
{
	run("ip link add wg0 type veth peer name peer0; ip link set wg0 arp off up;"
	    "ip link set peer0 up; ip address add 10.8.0.1/24 dev wg0;"
	    "ip address add fd08::1/64 dev wg0 nodad");
	run("ip link add office.vpn.eth1 type veth peer name peer1;"
	    "ip link set office.vpn.eth1 up; ip link set peer1 up;"
	    "ip address add 10.9.0.1/16 dev office.vpn.eth1;"
	    "ip address add fd09::1/64 dev office.vpn.eth1 nodad;"
	    "ip address add 10.9.0.2/32 dev lo");
}

static void what_the_commands_put_in_is_found(void **state)
{
	struct config *c = configuration("");
	struct plan p;

	(void)state;
	add_captured();
	read_plan(c, &p);
	assert_found(&p, false);
	put_in(&p);
	plan_fini(&p);
	read_plan(c, &p);
	assert_found(&p, true);
	assert_int_equal(count(&p, PLAN_QDISC), 2);
	plan_fini(&p);
	config_free(c);
}

/* net.ipv4.conf.all.rp_filter = 2: addresses on all TUNs but the one that has one, and the ways
 * in. */
static void a_loose_rp_filter_wants_more(void **state)
{
	struct config *c = configuration("");
	size_t i, fillers = 0, ways = 0, missing = 0;
	struct plan p;

	(void)state;
	add_captured();
	run("sysctl -qw net/ipv4/conf/all/rp_filter=2");
	read_plan(c, &p);
	assert_found(&p, false);
	for (i = 0; i < p.n; i++) {
		const struct plan_item *item = &p.v[i];

		fillers += item->kind == PLAN_ADDRESS && item->address.silent;
		ways += item->kind == PLAN_ROUTE && !strcmp(item->dev, "wg0-in") &&
			item->l3 == L3_IPV4 && item->route.table == 78;
		if (item->kind == PLAN_RULE && !item->rule.pref && item->l3 == L3_IPV4)
			assert_int_equal(item->rule.table,
					 item->capture == &c->captures[1] ? 79 : 78);
	}
	assert_int_equal(fillers, 4);
	assert_int_equal(ways, 1);
	put_in(&p);
	plan_fini(&p);
	read_plan(c, &p);
	assert_found(&p, true);
	plan_fini(&p);

	/* With the last address go routes, too. */
	run("ip address del 192.0.0.8/32 dev wg0-in");
	read_plan(c, &p);
	for (i = 0; i < p.n; i++)
		missing += !p.v[i].found;
	assert_int_equal(missing, 2);
	plan_fini(&p);
	config_free(c);
}

static void what_is_deleted_is_missing(void **state)
{
	static const struct {
		const char *command;
		size_t missing[PLAN_KIND_COUNT];
	} tries[] = {
		{ "ip rule del pref 110 iif wg0", { [PLAN_RULE] = 1 } },
		{ "ip -6 rule del pref 140", { [PLAN_RULE] = 1 } },
		{ "ip rule del pref 0 iif wg0; ip rule add pref 0 iif wg0 unreachable "
		  "protocol kernel", { [PLAN_LOCAL] = 1 } },
		{ "ip rule del pref 0 iif office.vpn.eth1", { [PLAN_RULE] = 1, [PLAN_LOCAL] = 1 } },
		{ "ip route del 10.9.0.0/16 dev office-out table 77", { [PLAN_ROUTE] = 1 } },
		{ "ip route del local 10.9.0.1 table 79", { [PLAN_ROUTE] = 1 } },
		{ "ip route del local 10.9.0.2 table 79", { [PLAN_ROUTE] = 1 } },
		{ "ip -6 route del local fd09::1 table 79", { [PLAN_ROUTE] = 1 } },
		{ "ip -6 route del multicast ff00::/8 table 79", { [PLAN_ROUTE] = 1 } },
		{ "ip -6 route del unreachable default table 79", { [PLAN_ROUTE] = 1 } },
		{ "ip -6 route del unreachable fd08::/64 table 77", { [PLAN_ROUTE] = 1 } },
		{ "tc filter del dev wg0 ingress pref 3 protocol ip", { [PLAN_FILTER] = 1 } },
		{ "tc qdisc del dev wg0 clsact", { [PLAN_QDISC] = 1, [PLAN_FILTER] = 5 } },
		{ "ip link set wg0-in mtu 1280", { [PLAN_LINK] = 1 } },
		{ "sysctl -qw net/ipv4/conf/wg0-in/rp_filter=1", { [PLAN_LINK] = 1 } },
		{ "ip address del 192.0.2.1/32 dev fw0", { [PLAN_ADDRESS] = 1 } },
	};
	struct config *c = configuration("");
	size_t i, k, n, missing;
	struct plan p;

	(void)state;
	add_captured();
	for (i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		read_plan(c, &p);
		put_in(&p);
		plan_fini(&p);
		run(tries[i].command);
		read_plan(c, &p);
		for (k = 0; k < PLAN_KIND_COUNT; k++) {
			for (n = missing = 0; n < p.n; n++)
				missing += p.v[n].kind == k && !p.v[n].found;
			if (missing != tries[i].missing[k])
				fail_msg("%s: %zu of %s", tries[i].command, missing,
					 plan_kind_name((enum plan_kind)k));
		}
		plan_fini(&p);
		/* From the start. */
		assert_int_equal(unshare(CLONE_NEWNET), 0);
		run("ip link set lo up");
		add_captured();
	}
	config_free(c);
}

/* Where ARP asks, and nowhere else. */
static void an_interface_that_is_asked_has_a_table_of_its_own(void **state)
{
	struct config *c = configuration("");
	size_t i, answers[2] = { 0 };
	struct plan p;

	(void)state;
	add_captured();
	read_plan(c, &p);
	for (i = 0; i < p.n; i++) {
		const struct plan_item *item = &p.v[i];

		if (item->answers && !item->route.with)
			answers[item->capture == &c->captures[1]]++;
		if (item->kind == PLAN_RULE && !item->rule.pref)
			assert_int_equal(item->rule.table,
					 item->capture == &c->captures[1] ? 79 : 0);
	}
	assert_int_equal(answers[0], 0);
	/* Its two, its link-local one, lo's, and multicast. */
	assert_int_equal(answers[1], 5);
	assert_true(p.v[p.n - 1].answers);
	plan_fini(&p);
	config_free(c);
}

static void others_in_that_table_keep_it_closed(void **state)
{
	struct config *c = configuration("");
	struct plan p;
	size_t i;

	(void)state;
	add_captured();
	run("ip route add 192.0.2.0/24 dev office.vpn.eth1 table 79");
	read_plan(c, &p);
	for (i = 0; i < p.n; i++) {
		assert_false(p.v[i].answers && !p.v[i].route.with);
		if (p.v[i].kind == PLAN_RULE && !p.v[i].rule.pref)
			assert_int_equal(p.v[i].rule.table, 0);
	}
	plan_fini(&p);
	config_free(c);
}

/* The tables of the second capture, behind which [steer] table. */
static void own_tables_are_none_of_the_kernels(void **state)
{
	static const struct {
		const char *table;
		uint32_t own, source;
	} tries[] = {
		{ "1", 3, 35 },
		{ "219", 221, 256 },
		{ "250", 252, 287 },
		{ "251", 256, 288 },
		{ "252", 257, 289 },
		{ "256", 258, 290 },
		{ "4294967230", 4294967232, 4294967264 },
		{ "4294967231", 4294967229, 4294967197 },
		{ "4294967295", 4294967293, 4294967261 },
	};
	char section[64];
	struct plan p;
	size_t i, k;

	(void)state;
	add_captured();
	for (i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		struct config *c;

		snprintf(section, sizeof(section), "[steer]\ntable = %s\n", tries[i].table);
		c = configuration(section);
		read_plan(c, &p);
		for (k = 0; k < p.n; k++) {
			if (p.v[k].answers && p.v[k].capture == &c->captures[1])
				assert_int_equal(p.v[k].route.table, p.v[k].route.with ?
									 tries[i].source :
									 tries[i].own);
		}
		plan_fini(&p);
		config_free(c);
	}
}

/* What closes for sources, and what opens. */
static void count_sources(const struct config *c, const struct plan *p, size_t *ret_closing,
			  size_t *ret_open)
{
	size_t i;

	*ret_closing = *ret_open = 0;
	for (i = 0; i < p->n; i++) {
		const struct plan_item *item = &p->v[i];
		bool rule = item->kind == PLAN_RULE && item->rule.past;

		if (rule || (item->kind == PLAN_ROUTE && item->l3 == L3_IPV4 &&
			     item->route.type == RTN_MULTICAST)) {
			assert_int_equal(item->l3, L3_IPV4);
			assert_int_equal(rule ? item->rule.table : item->route.table,
					 item->capture == &c->captures[0] ? 110 : 111);
			*(item->closing ? ret_closing : ret_open) += 1;
		}
	}
}

/* 10.8.0.0/24 is behind both. */
static void sources_have_tables_of_their_own(void **state)
{
	struct config *c = configuration("");
	size_t i, closing, open;
	struct plan p;

	(void)state;
	read_plan(c, &p);
	count_sources(c, &p, &closing, &open);
	assert_int_equal(closing, 8);
	assert_int_equal(open, 0);
	plan_fini(&p);
	add_captured();
	read_plan(c, &p);
	count_sources(c, &p, &closing, &open);
	assert_int_equal(closing, 8);
	assert_int_equal(open, 4);
	for (i = 0; i < p.n; i++) {
		if (p.v[i].kind == PLAN_ROUTE && p.v[i].route.with)
			assert_true(p.v[i].answers);
	}
	plan_fini(&p);
	config_free(c);
}

static void sources_do_without_where_others_have_the_table(void **state)
{
	struct config *c = configuration("");
	size_t closing, open;
	struct plan p;

	(void)state;
	add_captured();
	run("ip route add 192.0.2.0/24 dev peer0 table 110");
	read_plan(c, &p);
	count_sources(c, &p, &closing, &open);
	assert_int_equal(closing, 6);
	assert_int_equal(open, 3);
	plan_fini(&p);
	config_free(c);
}

static size_t count_exempt(const struct config *c)
{
	struct plan p;
	size_t i, n = 0;

	read_plan(c, &p);
	for (i = 0; i < p.n; i++)
		n += p.v[i].kind == PLAN_RULE && p.v[i].rule.ip_proto;
	plan_fini(&p);
	return n;
}

/* Where networks of two overlap, and the kernel tells such packets from what clients send. */
static void what_the_host_sends_is_exempt(void **state)
{
	static const struct {
		const char *rule;
		size_t exempt;
	} tries[] = {
		{ "iif lo ipproto tcp dport 80", 3 }, { "ipproto gre", 0 },
		{ "iif wg0 ipproto tcp", 0 },	      { "sport 53", 0 },
		{ "dport 1000-2000", 0 },	      { "fwmark 7", 3 },
	};
	struct config *c = configuration(""), *apart = NULL;
	static const char two[] = "[capture wg0]\nnetworks = 10.8.0.0/24 fd08::/64\n"
				  "[capture wg1]\nnetworks = 10.8.1.0/24 fd08::/64\n";
	struct diag d = DIAG_INIT;
	char command[128];
	size_t i;

	(void)state;
	assert_int_equal(count_exempt(c), 3);
	for (i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		snprintf(command, sizeof(command), "ip rule add pref 9 %s lookup main",
			 tries[i].rule);
		run(command);
		assert_int_equal(count_exempt(c), tries[i].exempt);
		run("ip rule del pref 9");
	}
	assert_int_equal(config_parse("test", two, strlen(two), &d, &apart), 0);
	assert_int_equal(count_exempt(apart), 0);
	diag_fini(&d);
	config_free(apart);
	config_free(c);
}

static void an_interface_that_is_away_is_closed_by_name(void **state)
{
	struct config *c = configuration("");
	struct plan p;
	size_t i;

	(void)state;
	read_plan(c, &p);
	for (i = 0; i < p.n; i++) {
		if (p.v[i].kind == PLAN_ROUTE)
			assert_true(p.v[i].closing);
	}
	assert_int_equal(count(&p, PLAN_QDISC), 0);
	assert_int_equal(count(&p, PLAN_FILTER), 0);
	assert_int_equal(count(&p, PLAN_LOCAL), 2);
	plan_fini(&p);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_the_commands_put_in_is_found, setup),
		cmocka_unit_test_setup(a_loose_rp_filter_wants_more, setup),
		cmocka_unit_test_setup(what_is_deleted_is_missing, setup),
		cmocka_unit_test_setup(an_interface_that_is_asked_has_a_table_of_its_own, setup),
		cmocka_unit_test_setup(others_in_that_table_keep_it_closed, setup),
		cmocka_unit_test_setup(own_tables_are_none_of_the_kernels, setup),
		cmocka_unit_test_setup(sources_have_tables_of_their_own, setup),
		cmocka_unit_test_setup(sources_do_without_where_others_have_the_table, setup),
		cmocka_unit_test_setup(what_the_host_sends_is_exempt, setup),
		cmocka_unit_test_setup(an_interface_that_is_away_is_closed_by_name, setup),
	};

	if (geteuid() != 0 || access("/dev/net/tun", R_OK | W_OK)) {
		puts("skipped: needs root and /dev/net/tun");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
