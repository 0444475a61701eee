/* Tests of the host's snapshot: what is local, which route is longest, who speaks. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ctfw/hostview.h"

static struct prefix net(const char *text)
{
	struct prefix p = { 0 };

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static union addr host(const char *text)
{
	uint8_t family;
	union addr a = { 0 };

	assert_int_equal(addr_parse(text, &family, &a), 0);
	return a;
}

static uint8_t family_of(const char *text)
{
	return strchr(text, ':') ? L3_IPV6 : L3_IPV4;
}

static enum hostview_kind local(const struct hostview *hv, const char *text)
{
	union addr a = host(text);

	return hostview_local(hv, family_of(text), &a);
}

static uint32_t route(const struct hostview *hv, const char *text)
{
	union addr a = host(text);

	return hostview_route(hv, family_of(text), &a);
}

static void the_longest_route_wins(void **state)
{
	struct hostview_route routes[] = {
		{ .prefix = net("0.0.0.0/0"), .ifindex = 2 },
		{ .prefix = net("10.0.0.0/8"), .ifindex = 3 },
		{ .prefix = net("10.1.0.0/16"), .ifindex = 4 },
		{ .prefix = net("10.1.2.0/24"), .ifindex = 5 },
		{ .prefix = net("10.1.2.3"), .ifindex = 6 },
		{ .prefix = net("255.255.255.255"), .ifindex = 7 },
		{ .prefix = net("::/0"), .ifindex = 12 },
		{ .prefix = net("fd00::/8"), .ifindex = 13 },
		{ .prefix = net("fd00:1::/64"), .ifindex = 14 },
		{ .prefix = net("fd00:1::/80"), .ifindex = 15 },
		{ .prefix = net("fd00:1::7"), .ifindex = 16 },
	};
	struct hostview *hv = hostview_new(NULL, 0, NULL, 0, routes, 11);

	(void)state;
	assert_non_null(hv);
	assert_int_equal(route(hv, "0.0.0.0"), 2);
	assert_int_equal(route(hv, "9.255.255.255"), 2);
	assert_int_equal(route(hv, "10.0.0.0"), 3);
	assert_int_equal(route(hv, "10.1.0.0"), 4);
	assert_int_equal(route(hv, "10.1.2.0"), 5);
	assert_int_equal(route(hv, "10.1.2.3"), 6);
	assert_int_equal(route(hv, "10.1.2.4"), 5);
	assert_int_equal(route(hv, "10.1.3.0"), 4);
	assert_int_equal(route(hv, "10.2.0.0"), 3);
	assert_int_equal(route(hv, "11.0.0.0"), 2);
	assert_int_equal(route(hv, "255.255.255.254"), 2);
	assert_int_equal(route(hv, "255.255.255.255"), 7);
	assert_int_equal(route(hv, "::"), 12);
	assert_int_equal(route(hv, "fcff::1"), 12);
	assert_int_equal(route(hv, "fd01::1"), 13);
	assert_int_equal(route(hv, "fd00:1::1:0:0:1"), 14);
	assert_int_equal(route(hv, "fd00:1::6"), 15);
	assert_int_equal(route(hv, "fd00:1::7"), 16);
	assert_int_equal(route(hv, "fd00:1:0:1::"), 13);
	assert_int_equal(route(hv, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 12);
	hostview_free(hv);
}

static void nothing_is_found_where_nothing_is(void **state)
{
	struct hostview_route routes[] = { { .prefix = net("10.0.0.0/8"), .ifindex = 3 } };
	struct hostview *empty = hostview_new(NULL, 0, NULL, 0, NULL, 0);
	struct hostview *one = hostview_new(NULL, 0, NULL, 0, routes, 1);
	union addr a;

	(void)state;
	assert_int_equal(route(empty, "1.2.3.4"), 0);
	assert_int_equal(route(empty, "::1"), 0);
	assert_int_equal(local(empty, "127.0.0.1"), HOSTVIEW_NONE);
	assert_null(hostview_link(empty, 1));
	assert_null(hostview_link_by_name(empty, "lo"));
	assert_false(hostview_source(empty, L3_IPV4, 1, NULL, &a));
	assert_int_equal(route(one, "11.0.0.1"), 0);
	assert_int_equal(route(one, "9.255.255.255"), 0);
	assert_int_equal(route(one, "fd00::1"), 0);
	hostview_free(empty);
	hostview_free(one);
	hostview_free(NULL);
}

static void among_equal_prefixes_the_lowest_metric_wins(void **state)
{
	struct hostview_route routes[] = {
		{ .prefix = net("0.0.0.0/0"), .ifindex = 2, .metric = 600 },
		{ .prefix = net("0.0.0.0/0"), .ifindex = 3, .metric = 100 },
		{ .prefix = net("0.0.0.0/0"), .ifindex = 4, .metric = 100 },
	};
	struct hostview *hv = hostview_new(NULL, 0, NULL, 0, routes, 3);

	(void)state;
	assert_int_equal(route(hv, "1.1.1.1"), 3);
	hostview_free(hv);
}

static void an_unreachable_route_hides_a_wider_one(void **state)
{
	struct hostview_route routes[] = {
		{ .prefix = net("0.0.0.0/0"), .ifindex = 2 },
		{ .prefix = net("10.0.0.0/8"), .ifindex = 0 },
		{ .prefix = net("10.8.0.0/24"), .ifindex = 5 },
	};
	struct hostview *hv = hostview_new(NULL, 0, NULL, 0, routes, 3);

	(void)state;
	assert_int_equal(route(hv, "10.0.0.1"), 0);
	assert_int_equal(route(hv, "10.8.0.1"), 5);
	assert_int_equal(route(hv, "10.8.1.1"), 0);
	assert_int_equal(route(hv, "11.8.1.1"), 2);
	hostview_free(hv);
}

static void local_addresses_have_their_kind(void **state)
{
	struct hostview_addr addrs[] = {
		{ net("127.0.0.0/8"), 1, HOSTVIEW_LOCAL, false, { 0 } },
		{ net("127.255.255.255"), 1, HOSTVIEW_BROADCAST, false, { 0 } },
		{ net("10.8.0.1"), 5, HOSTVIEW_LOCAL, true, { 0 } },
		{ net("10.8.0.255"), 5, HOSTVIEW_BROADCAST, false, { 0 } },
		{ net("::1"), 1, HOSTVIEW_LOCAL, false, { 0 } },
		{ net("fd08::1"), 5, HOSTVIEW_LOCAL, true, { 0 } },
		{ net("fd08::"), 5, HOSTVIEW_ANYCAST, false, { 0 } },
	};
	struct hostview *hv = hostview_new(NULL, 0, addrs, 7, NULL, 0);

	(void)state;
	assert_int_equal(local(hv, "127.9.9.9"), HOSTVIEW_LOCAL);
	assert_int_equal(local(hv, "127.255.255.255"), HOSTVIEW_BROADCAST);
	assert_int_equal(local(hv, "10.8.0.1"), HOSTVIEW_LOCAL);
	assert_int_equal(local(hv, "10.8.0.2"), HOSTVIEW_NONE);
	assert_int_equal(local(hv, "10.8.0.255"), HOSTVIEW_BROADCAST);
	assert_int_equal(local(hv, "::1"), HOSTVIEW_LOCAL);
	assert_int_equal(local(hv, "fd08::1"), HOSTVIEW_LOCAL);
	assert_int_equal(local(hv, "fd08::"), HOSTVIEW_ANYCAST);
	assert_int_equal(local(hv, "fd08::2"), HOSTVIEW_NONE);
	hostview_free(hv);
}

static void links_are_found_by_index_and_by_name(void **state)
{
	struct hostview_link links[] = {
		{ .index = 7, .mtu = 1420, .name = "wg0" },
		{ .index = 1, .mtu = 65536, .name = "lo" },
		{ .index = 3, .mtu = 1500, .name = "an-ifname-of-15" },
	};
	struct hostview *hv = hostview_new(links, 3, NULL, 0, NULL, 0);

	(void)state;
	assert_string_equal(hostview_link(hv, 7)->name, "wg0");
	assert_int_equal(hostview_link(hv, 7)->mtu, 1420);
	assert_string_equal(hostview_link(hv, 1)->name, "lo");
	assert_string_equal(hostview_link(hv, 3)->name, "an-ifname-of-15");
	assert_null(hostview_link(hv, 0));
	assert_null(hostview_link(hv, 2));
	assert_null(hostview_link(hv, 8));
	assert_int_equal(hostview_link_by_name(hv, "wg0")->index, 7);
	assert_int_equal(hostview_link_by_name(hv, "an-ifname-of-15")->index, 3);
	assert_null(hostview_link_by_name(hv, "wg"));
	assert_null(hostview_link_by_name(hv, "wg00"));
	hostview_free(hv);
}

static void links_with_great_indices_are_found_too(void **state)
{
	struct hostview_link links[] = {
		{ .index = 4000000000, .mtu = 1500, .name = "far" },
		{ .index = 1, .mtu = 65536, .name = "lo" },
		{ .index = 70000, .mtu = 1500, .name = "mid" },
	};
	struct hostview *hv = hostview_new(links, 3, NULL, 0, NULL, 0);

	(void)state;
	assert_string_equal(hostview_link(hv, 4000000000)->name, "far");
	assert_string_equal(hostview_link(hv, 70000)->name, "mid");
	assert_string_equal(hostview_link(hv, 1)->name, "lo");
	assert_null(hostview_link(hv, 0));
	assert_null(hostview_link(hv, 2));
	assert_null(hostview_link(hv, 69999));
	assert_null(hostview_link(hv, UINT32_MAX));
	hostview_free(hv);
}

static void names_of_links_are_padded_with_zeroes(void **state)
{
	static const char want[IFNAMSIZ] = "wg0";
	struct hostview_link link = { .index = 7, .mtu = 1420, .name = "wg0" };
	struct hostview *hv;

	(void)state;
	memset(link.name + 4, 'x', sizeof(link.name) - 4);
	hv = hostview_new(&link, 1, NULL, 0, NULL, 0);
	assert_memory_equal(hostview_link(hv, 7)->name, want, IFNAMSIZ);
	hostview_free(hv);
}

static void an_interface_speaks_with_its_own_address(void **state)
{
	struct hostview_addr addrs[] = {
		{ net("127.0.0.1"), 1, HOSTVIEW_LOCAL, true, { 0 } },
		{ net("192.0.2.9"), 2, HOSTVIEW_LOCAL, false, { 0 } },
		{ net("192.0.2.1"), 2, HOSTVIEW_LOCAL, true, { 0 } },
		{ net("10.8.0.255"), 5, HOSTVIEW_BROADCAST, true, { 0 } },
		{ net("10.8.0.1"), 5, HOSTVIEW_LOCAL, true, { 0 } },
		{ net("fd08::1"), 5, HOSTVIEW_LOCAL, true, { 0 } },
	};
	struct hostview *hv = hostview_new(NULL, 0, addrs, 6, NULL, 0);
	union addr a, want;

	(void)state;
	assert_true(hostview_source(hv, L3_IPV4, 5, NULL, &a));
	want = host("10.8.0.1");
	assert_true(addr_equal(&a, &want));
	/* None of its own: any of the host's, but not loopback's. */
	assert_true(hostview_source(hv, L3_IPV4, 9, NULL, &a));
	want = host("192.0.2.1");
	assert_true(addr_equal(&a, &want));
	assert_true(hostview_source(hv, L3_IPV6, 2, NULL, &a));
	want = host("fd08::1");
	assert_true(addr_equal(&a, &want));
	hostview_free(hv);
}

static void expect_source(const struct hostview *hv, uint32_t ifindex, const char *to,
			  const char *want)
{
	union addr receiver = host(to), speaker = host(want), a;

	assert_true(hostview_source(hv, family_of(to), ifindex, &receiver, &a));
	if (!addr_equal(&a, &speaker))
		fail_msg("to %s by %u it is not %s who speaks", to, ifindex, want);
}

static void of_several_addresses_that_of_the_receivers_subnet_speaks(void **state)
{
	struct hostview_addr addrs[] = {
		{ net("192.0.2.1"), 2, HOSTVIEW_LOCAL, true, net("192.0.2.0/24") },
		{ net("198.51.100.1"), 2, HOSTVIEW_LOCAL, true, net("198.51.100.0/24") },
		{ net("10.0.0.1"), 3, HOSTVIEW_LOCAL, true, net("10.0.0.2") }, /* a peer */
		{ net("10.1.0.1"), 3, HOSTVIEW_LOCAL, true, net("10.1.0.0/16") },
		{ net("fd00:1::1"), 2, HOSTVIEW_LOCAL, true, net("fd00:1::/64") },
		{ net("2001:db8:1::1"), 2, HOSTVIEW_LOCAL, true, net("2001:db8:1::/64") },
		{ net("2001:db8:2::1"), 2, HOSTVIEW_LOCAL, true, net("2001:db8:2::/64") },
		{ net("2001:db8:3::1"), 3, HOSTVIEW_LOCAL, true, net("2001:db8:3::/64") },
	};
	struct hostview *hv = hostview_new(NULL, 0, addrs, 8, NULL, 0);

	(void)state;
	expect_source(hv, 2, "192.0.2.9", "192.0.2.1");
	expect_source(hv, 2, "198.51.100.9", "198.51.100.1");
	expect_source(hv, 2, "203.0.113.1", "192.0.2.1");
	/* Nobody speaks for another interface than its own while that has somebody. */
	expect_source(hv, 2, "10.1.2.3", "192.0.2.1");
	expect_source(hv, 3, "10.0.0.2", "10.0.0.1");
	expect_source(hv, 3, "10.1.2.3", "10.1.0.1");
	expect_source(hv, 9, "10.1.2.3", "192.0.2.1");
	/* Of IPv6 the same kind of address, then the most alike. */
	expect_source(hv, 2, "fd99::1", "fd00:1::1");
	expect_source(hv, 2, "2001:db8:2::99", "2001:db8:2::1");
	expect_source(hv, 2, "2001:db8:1::99", "2001:db8:1::1");
	expect_source(hv, 2, "2a00::1", "2001:db8:1::1");
	expect_source(hv, 3, "2001:db8:1::99", "2001:db8:3::1");
	expect_source(hv, 9, "2001:db8:3::99", "2001:db8:3::1");
	hostview_free(hv);
}

static void serials_are_unique(void **state)
{
	struct hostview *a = hostview_new(NULL, 0, NULL, 0, NULL, 0);
	struct hostview *b = hostview_new(NULL, 0, NULL, 0, NULL, 0);

	(void)state;
	assert_int_not_equal(hostview_serial(a), 0);
	assert_int_not_equal(hostview_serial(b), 0);
	assert_int_not_equal(hostview_serial(a), hostview_serial(b));
	hostview_free(a);
	hostview_free(b);
}

/* The plain way to find the longest match. */
static uint32_t longest(const struct hostview_route *r, size_t n, uint8_t family,
			const union addr *to)
{
	const struct hostview_route *best = NULL;

	for (size_t i = 0; i < n; i++) {
		if (!prefix_contains(&r[i].prefix, family, to))
			continue;
		if (!best || r[i].prefix.len > best->prefix.len ||
		    (r[i].prefix.len == best->prefix.len && r[i].metric < best->metric))
			best = &r[i];
	}
	return best ? best->ifindex : 0;
}

static enum hostview_kind contained(const struct hostview_route *r, size_t n, uint8_t family,
				    const union addr *a)
{
	for (size_t i = 0; i < n; i++) {
		if (prefix_contains(&r[i].prefix, family, a))
			return HOSTVIEW_LOCAL;
	}
	return HOSTVIEW_NONE;
}

static struct prefix random_prefix(uint8_t family)
{
	struct prefix p = { .family = family };
	unsigned bits = addr_bits(family);

	p.len = (uint8_t)((unsigned)rand() % (bits + 1));
	/* Few distinct values, so that prefixes nest and meet. */
	for (unsigned i = 0; i < bits / 8; i++)
		p.addr.b[i] = rand() % 3 ? (rand() % 2 ? 0xff : 0) : (uint8_t)rand();
	for (unsigned i = p.len; i < bits; i++)
		p.addr.b[i / 8] &= (uint8_t)~(0x80 >> (i % 8));
	return p;
}

/* The address itself, or its neighbour before or behind the prefix. */
static union addr near(const struct prefix *p)
{
	union addr a = p->addr;
	unsigned bits = addr_bits(p->family), how = (unsigned)rand() % 3;

	if (how == 0)
		return a;
	for (unsigned i = p->len; how == 1 && i < bits; i++)
		a.b[i / 8] |= (uint8_t)(0x80 >> (i % 8));
	for (unsigned i = bits / 8; i-- > 0;) {
		a.b[i] = (uint8_t)(a.b[i] + (how == 1 ? 1 : -1));
		if (a.b[i] != (how == 1 ? 0 : 0xff))
			break;
	}
	return a;
}

static void random_tables_answer_as_a_plain_search_does(void **state)
{
	enum { N = 60 };
	struct hostview_route r[N];
	struct hostview_addr l[N];

	(void)state;
	srand(4711);
	for (unsigned round = 0; round < 200; round++) {
		size_t n = (size_t)rand() % N + 1;
		struct hostview *hv;

		for (size_t i = 0; i < n; i++) {
			r[i].prefix = random_prefix(rand() % 2 ? L3_IPV4 : L3_IPV6);
			r[i].ifindex = (uint32_t)rand() % 6;
			r[i].metric = (uint32_t)i % 4;
			l[i] = (struct hostview_addr){ r[i].prefix, 1, HOSTVIEW_LOCAL, false, { 0 } };
		}
		hv = hostview_new(NULL, 0, l, n / 4, r, n);
		assert_non_null(hv);
		for (unsigned k = 0; k < 300; k++) {
			const struct prefix *p = &r[(size_t)rand() % n].prefix;
			union addr a = near(p);

			assert_int_equal(hostview_route(hv, p->family, &a),
					 longest(r, n, p->family, &a));
			assert_int_equal(hostview_local(hv, p->family, &a),
					 contained(r, n / 4, p->family, &a));
		}
		hostview_free(hv);
	}
}

static void a_table_as_large_as_the_internets_is_made_and_asked(void **state)
{
	enum { N = 1000000 };
	struct hostview_route *r = calloc(N, sizeof(*r));
	struct hostview *hv;
	union addr a = { 0 };

	(void)state;
	assert_non_null(r);
	for (uint32_t i = 0; i < N; i++) {
		r[i].prefix = (struct prefix){ .family = L3_IPV4, .len = 24 };
		r[i].prefix.addr.b[0] = (uint8_t)(i >> 16);
		r[i].prefix.addr.b[1] = (uint8_t)(i >> 8);
		r[i].prefix.addr.b[2] = (uint8_t)i;
		r[i].ifindex = i % 7 + 1;
	}
	hv = hostview_new(NULL, 0, NULL, 0, r, N);
	assert_non_null(hv);
	for (uint32_t i = 0; i < N; i += 97) {
		a = r[i].prefix.addr;
		a.b[3] = 200;
		assert_int_equal(hostview_route(hv, L3_IPV4, &a), i % 7 + 1);
	}
	hostview_free(hv);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_route_wins),
		cmocka_unit_test(nothing_is_found_where_nothing_is),
		cmocka_unit_test(among_equal_prefixes_the_lowest_metric_wins),
		cmocka_unit_test(an_unreachable_route_hides_a_wider_one),
		cmocka_unit_test(local_addresses_have_their_kind),
		cmocka_unit_test(links_are_found_by_index_and_by_name),
		cmocka_unit_test(links_with_great_indices_are_found_too),
		cmocka_unit_test(names_of_links_are_padded_with_zeroes),
		cmocka_unit_test(an_interface_speaks_with_its_own_address),
		cmocka_unit_test(of_several_addresses_that_of_the_receivers_subnet_speaks),
		cmocka_unit_test(serials_are_unique),
		cmocka_unit_test(random_tables_answer_as_a_plain_search_does),
		cmocka_unit_test(a_table_as_large_as_the_internets_is_made_and_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
