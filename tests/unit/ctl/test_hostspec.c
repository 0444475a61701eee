/* test_hostspec.c - a host described in words. */
#include <errno.h>
#include <string.h>

#include "ctl/hostspec.h"
#include "unit/test.h"

static union addr addr(const char *text)
{
	uint8_t family;
	union addr a;

	assert_int_equal(addr_parse(text, &family, &a), 0);
	return a;
}

static void add(struct hostspec *h, const char *local, const char *route)
{
	char error[HOSTSPEC_ERROR];

	if (local)
		assert_int_equal(hostspec_local(h, local, error), 0);
	if (route)
		assert_int_equal(hostspec_route(h, route, error), 0);
}

static const char *interface_of(const struct hostview *hv, const char *text)
{
	const struct hostview_link *link;
	uint8_t family;
	union addr a;

	assert_int_equal(addr_parse(text, &family, &a), 0);
	link = hostview_link(hv, hostview_route(hv, family, &a));
	return link ? link->name : "";
}

static void local_addresses_are_the_hosts(void **state)
{
	struct hostspec h = HOSTSPEC_INIT;
	struct hostview *hv;
	union addr a;

	(void)state;
	add(&h, "10.8.0.1@wg0", NULL);
	add(&h, "192.0.2.1", NULL);
	add(&h, "fd08::1@wg0", NULL);
	hv = hostspec_build(&h);
	assert_non_null(hv);
	a = addr("10.8.0.1");
	assert_int_equal(hostview_local(hv, L3_IPV4, &a), HOSTVIEW_LOCAL);
	a = addr("10.8.0.2");
	assert_int_equal(hostview_local(hv, L3_IPV4, &a), HOSTVIEW_NONE);
	a = addr("fd08::1");
	assert_int_equal(hostview_local(hv, L3_IPV6, &a), HOSTVIEW_LOCAL);
	assert_true(hostview_source(hv, L3_IPV4, hostview_link_by_name(hv, "wg0")->index, NULL, &a));
	assert_int_equal(a.b[3], 1);
	assert_int_equal(a.b[0], 10);
	hostview_free(hv);
	hostspec_fini(&h);
}

static void the_longest_prefix_names_the_interface(void **state)
{
	struct hostspec h = HOSTSPEC_INIT;
	struct hostview *hv;

	(void)state;
	add(&h, NULL, "0.0.0.0/0=eth0");
	add(&h, NULL, "10.8.0.0/16=wg0");
	add(&h, NULL, "10.8.3.0/24=wg1");
	add(&h, NULL, "10.8.3.7=a.b@c");
	add(&h, NULL, "fd08::/64=wg0");
	hv = hostspec_build(&h);
	assert_non_null(hv);
	assert_string_equal(interface_of(hv, "1.2.3.4"), "eth0");
	assert_string_equal(interface_of(hv, "10.8.1.1"), "wg0");
	assert_string_equal(interface_of(hv, "10.8.3.1"), "wg1");
	assert_string_equal(interface_of(hv, "10.8.3.7"), "a.b@c");
	assert_string_equal(interface_of(hv, "fd08::9"), "wg0");
	assert_string_equal(interface_of(hv, "fd09::9"), "");
	hostview_free(hv);
	hostspec_fini(&h);
}

static void words_that_mean_nothing_are_refused_with_the_word(void **state)
{
	static const char *const locals[] = { "", "10.8.0", "10.8.0.1/33", "10.8.0.1/", "10.8.0.1/x",
					      "10.8.0.1@", "@wg0",
					      "10.8.0.1@a-name-that-is-too-long",
					      "10.8.0.1@a/b" };
	static const char *const routes[] = { "", "10.8.0.0/24", "10.8.0.0/24=",
					      "10.8.0.1/24=wg0", "10.8.0.0/33=wg0", "=wg0",
					      "wg0=10.8.0.0/24",
					      "10.8.0.0/24=a b" };
	struct hostspec h = HOSTSPEC_INIT;
	char error[HOSTSPEC_ERROR];

	(void)state;
	for (size_t i = 0; i < sizeof(locals) / sizeof(*locals); i++) {
		*error = '\0';
		assert_int_equal(hostspec_local(&h, locals[i], error), -EINVAL);
		assert_non_null(strchr(error, '"'));
	}
	for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
		*error = '\0';
		assert_int_equal(hostspec_route(&h, routes[i], error), -EINVAL);
		assert_non_null(strchr(error, '"'));
	}
	assert_int_equal(h.n_addrs + h.n_routes, 0);
	hostspec_fini(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(local_addresses_are_the_hosts),
		cmocka_unit_test(the_longest_prefix_names_the_interface),
		cmocka_unit_test(words_that_mean_nothing_are_refused_with_the_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
