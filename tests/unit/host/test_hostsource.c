/* Hostviews of a network namespace of the test's own.  Needs root. */
#include "unit/test.h"

#include <event2/event.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/hostsource.h"

struct fixture {
	struct event_base *base;
	struct hostsource *source;
	struct hostview *hv;
	unsigned views;
};

static const char ports[][IFNAMSIZ] = { "wg0-in", "wg0-out" };

static void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

static void keep(void *arg, struct hostview *hv)
{
	struct fixture *f = arg;

	hostview_free(f->hv);
	f->hv = hv;
	f->views++;
	if (f->base)
		event_base_loopbreak(f->base);
}

/* Until a view comes, or for so long. */
static void wait_ms(struct fixture *f, unsigned ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

	event_base_loopexit(f->base, &tv);
	event_base_dispatch(f->base);
}

static void wait_views(struct fixture *f, unsigned views)
{
	unsigned i;

	for (i = 0; f->views < views && i < 200; i++)
		wait_ms(f, 50);
	assert_int_equal(f->views, views);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct hostsource_options options = { .table = 77, .ports = ports, .n_ports = 2 };

	*state = f;
	if (unshare(CLONE_NEWNET))
		return -1;
	run("sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.disable_ipv6=0 "
	    "net.ipv6.conf.default.addr_gen_mode=1");
	run("ip link set lo up; for i in wg0 eth0 wg0-out; do "
	    "ip link add $i type veth peer name $i-peer && ip link set $i up && "
	    "ip link set $i-peer up; done; ip link set wg0 mtu 1420");
	run("ip addr add 10.8.0.1/24 dev wg0; ip addr add fd08::1/64 dev wg0 nodad");
	f->base = event_base_new();
	return hostsource_new(f->base, &options, keep, f, &f->source);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	hostsource_free(f->source);
	hostview_free(f->hv);
	event_base_free(f->base);
	free(f);
	return 0;
}

static uint32_t route_to(const struct fixture *f, const char *to)
{
	union addr a;
	uint8_t family;

	assert_int_equal(addr_parse(to, &family, &a), 0);
	return hostview_route(f->hv, family, &a);
}

static enum hostview_kind local(const struct fixture *f, const char *addr)
{
	union addr a;
	uint8_t family;

	assert_int_equal(addr_parse(addr, &family, &a), 0);
	return hostview_local(f->hv, family, &a);
}

static uint32_t link_index(const struct fixture *f, const char *name)
{
	const struct hostview_link *l = hostview_link_by_name(f->hv, name);

	assert_non_null(l);
	return l->index;
}

static void the_first_view_is_there_at_once(void **state)
{
	struct fixture *f = *state;
	char text[ADDR_TEXT];
	union addr a;

	assert_int_equal(f->views, 1);
	assert_int_equal(hostview_link_by_name(f->hv, "wg0")->mtu, 1420);
	assert_int_equal(local(f, "10.8.0.1"), HOSTVIEW_LOCAL);
	assert_int_equal(local(f, "fd08::1"), HOSTVIEW_LOCAL);
	assert_int_equal(local(f, "127.1.2.3"), HOSTVIEW_LOCAL);
	assert_int_equal(local(f, "::1"), HOSTVIEW_LOCAL);
	assert_int_equal(local(f, "10.8.0.255"), HOSTVIEW_BROADCAST);
	assert_int_equal(local(f, "10.8.0.2"), HOSTVIEW_NONE);
	assert_int_equal(route_to(f, "10.8.0.2"), link_index(f, "wg0"));
	assert_int_equal(route_to(f, "fd08::2"), link_index(f, "wg0"));
	assert_int_equal(route_to(f, "192.0.2.1"), 0);
	assert_true(hostview_source(f->hv, L3_IPV4, link_index(f, "wg0"), NULL, &a));
	assert_string_equal(addr_print(L3_IPV4, &a, text), "10.8.0.1");
}

static void an_address_has_the_subnet_that_it_speaks_to(void **state)
{
	struct fixture *f = *state;
	uint8_t family;
	union addr a, to;
	char text[ADDR_TEXT];

	run("ip addr add 192.0.2.1/24 dev wg0");
	wait_views(f, 2);
	assert_int_equal(addr_parse("192.0.2.7", &family, &to), 0);
	assert_true(hostview_source(f->hv, family, link_index(f, "wg0"), &to, &a));
	assert_string_equal(addr_print(family, &a, text), "192.0.2.1");
	assert_int_equal(addr_parse("192.0.3.7", &family, &to), 0);
	assert_true(hostview_source(f->hv, family, link_index(f, "wg0"), &to, &a));
	assert_string_equal(addr_print(family, &a, text), "10.8.0.1");
}

static void a_change_brings_a_new_view(void **state)
{
	struct fixture *f = *state;

	run("ip addr add 192.0.2.1/24 dev eth0");
	wait_views(f, 2);
	assert_int_equal(local(f, "192.0.2.1"), HOSTVIEW_LOCAL);
	assert_int_equal(route_to(f, "192.0.2.7"), link_index(f, "eth0"));
	run("ip addr del 192.0.2.1/24 dev eth0");
	wait_views(f, 3);
	assert_int_equal(local(f, "192.0.2.1"), HOSTVIEW_NONE);
	run("ip link set wg0 mtu 1380");
	wait_views(f, 4);
	assert_int_equal(hostview_link_by_name(f->hv, "wg0")->mtu, 1380);
}

/* The namespace runs one command in milliseconds, so these fall into one interval. */
static void a_burst_of_changes_brings_few_views(void **state)
{
	struct fixture *f = *state;
	char path[] = "/tmp/hostsource.XXXXXX", command[64];
	FILE *batch = fdopen(mkstemp(path), "w");
	unsigned i;

	assert_non_null(batch);
	for (i = 0; i < 2000; i++)
		fprintf(batch, "route add 192.0.%u.%u/32 dev eth0\n", i / 256, i % 256);
	fclose(batch);
	snprintf(command, sizeof(command), "ip -batch %s", path);
	run(command);
	unlink(path);
	for (i = 0; i < 100 && route_to(f, "192.0.7.207") == 0; i++)
		wait_ms(f, 50);
	assert_int_equal(route_to(f, "192.0.7.207"), link_index(f, "eth0"));
	assert_in_range(f->views, 2, 4);
}

static void routes_of_our_own_tables_are_passed_over(void **state)
{
	struct fixture *f = *state;

	run("ip route add local 10.8.0.9 dev wg0 table 78 metric 4278198271;"
	    "ip route add default dev eth0 table 78 metric 4278198271;"
	    "ip route add default dev wg0-out table 77;"
	    "ip route add 198.51.100.0/24 dev eth0");
	while (route_to(f, "198.51.100.1") == 0)
		wait_ms(f, 50);
	assert_int_equal(local(f, "10.8.0.9"), HOSTVIEW_NONE);
	assert_int_equal(route_to(f, "192.0.2.1"), 0);
}

static void what_we_do_not_look_at_brings_none(void **state)
{
	struct fixture *f = *state;
	unsigned before;

	/* The kernel may still have to say of the links what they have become. */
	do {
		before = f->views;
		wait_ms(f, 300);
	} while (f->views != before);
	run("ip link set eth0 txqueuelen 77; ip link set eth0 alias other");
	wait_ms(f, 200);
	assert_int_equal(f->views, before);
}

static void main_is_preferred_and_our_table_left_out(void **state)
{
	struct fixture *f = *state;

	run("ip route add 192.0.2.0/24 dev wg0 table 100;"
	    "ip route add 192.0.2.0/24 dev eth0 metric 900;"
	    "ip route add 198.51.100.0/24 dev wg0 table 100;"
	    "ip route add 203.0.113.0/24 dev wg0 table 77;"
	    "ip route add unreachable default metric 5;"
	    "ip route add 10.9.0.0/16 dev eth0; ip route add unreachable 10.9.1.0/24");
	while (route_to(f, "192.0.2.1") == 0 || route_to(f, "10.9.0.1") == 0)
		wait_ms(f, 50);
	wait_ms(f, 200);
	assert_int_equal(route_to(f, "192.0.2.1"), link_index(f, "eth0"));
	assert_int_equal(route_to(f, "198.51.100.1"), link_index(f, "wg0"));
	assert_int_equal(route_to(f, "203.0.113.1"), 0);
	assert_int_equal(route_to(f, "10.9.0.1"), link_index(f, "eth0"));
	assert_int_equal(route_to(f, "10.9.1.1"), 0);
}

static void a_port_is_the_last_choice(void **state)
{
	struct fixture *f = *state;

	run("ip route add 192.0.2.0/24 dev wg0-out table 101;"
	    "ip route add 192.0.2.0/24 dev wg0 table 100;"
	    "ip route add 198.51.100.0/24 dev wg0-out");
	while (route_to(f, "198.51.100.1") == 0)
		wait_ms(f, 50);
	assert_int_equal(route_to(f, "198.51.100.1"), link_index(f, "wg0-out"));
	assert_int_equal(route_to(f, "192.0.2.1"), link_index(f, "wg0"));
}

static void of_several_ways_the_first_counts(void **state)
{
	struct fixture *f = *state;

	run("ip addr add 192.0.2.1/24 dev eth0;"
	    "ip route add 198.51.100.0/24 nexthop via 192.0.2.9 dev eth0 nexthop dev wg0;"
	    "ip -6 route add 2001:db8::/32 nexthop via fd08::7 dev wg0 nexthop via fd08::8 dev "
	    "wg0");
	while (route_to(f, "2001:db8::1") == 0)
		wait_ms(f, 50);
	assert_int_equal(route_to(f, "198.51.100.1"), link_index(f, "eth0"));
	assert_int_equal(route_to(f, "2001:db8::1"), link_index(f, "wg0"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_view_is_there_at_once),
		TEST(an_address_has_the_subnet_that_it_speaks_to),
		TEST(a_change_brings_a_new_view),
		TEST(a_burst_of_changes_brings_few_views),
		TEST(routes_of_our_own_tables_are_passed_over),
		TEST(what_we_do_not_look_at_brings_none),
		TEST(main_is_preferred_and_our_table_left_out),
		TEST(a_port_is_the_last_choice),
		TEST(of_several_ways_the_first_counts),
	};

	if (geteuid() != 0) {
		puts("skipped: needs root");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
