/* test_tun.c - TUN devices, in a network namespace of the test's own.  Needs root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/ports.h"

static int own_namespace(void **state)
{
	(void)state;
	return unshare(CLONE_NEWNET);
}

static struct config *parse(const char *text)
{
	struct diag d = DIAG_INIT;
	struct config *c = NULL;

	if (config_parse("test", text, strlen(text), &d, &c) < 0)
		fail_msg("%s", text_str(&d.text));
	diag_fini(&d);
	return c;
}

static void a_tun_has_queues_and_offload_and_goes_with_them(void **state)
{
	const unsigned basic = TUN_OFFLOAD_CSUM | TUN_OFFLOAD_TSO4 | TUN_OFFLOAD_TSO6;
	struct diag d = DIAG_INIT;
	struct tun t;
	char byte;

	(void)state;
	assert_int_equal(tun_open("x0", 3, NULL, &t, &d), 0);
	assert_int_equal(t.n_queues, 3);
	assert_string_equal(t.name, "x0");
	assert_int_equal(t.offload & basic, basic);
	assert_true(if_nametoindex("x0") > 0);
	assert_int_equal(read(t.queue[2], &byte, 1), -1);
	assert_int_equal(errno, EAGAIN);
	tun_close(&t);
	assert_int_equal(if_nametoindex("x0"), 0);
}

static void a_name_in_use_is_told(void **state)
{
	struct diag d = DIAG_INIT;
	struct tun t, other;

	(void)state;
	assert_int_equal(tun_open("x0", 1, NULL, &t, &d), 0);
	assert_int_equal(tun_open("x0", 1, NULL, &other, &d), -EBUSY);
	assert_string_equal(text_str(&d.text), "the name x0 is in use by another interface\n");
	diag_fini(&d);
	tun_close(&t);
}

static void a_captured_interface_need_not_be_there(void **state)
{
	struct config *c = parse("[capture wg0]\nnetworks = 10.0.0.0/8\n");
	static struct ports ports;
	struct diag d = DIAG_INIT;

	(void)state;
	assert_int_equal(ports_open(c, 1, NULL, &ports, &d), 0);
	assert_int_equal(ports.n, 2);
	assert_int_equal(ports.port[0].ifindex, 0);
	ports_close(&ports);
	diag_fini(&d);
	config_free(c);
}

static void ports_come_in_the_order_of_the_sections(void **state)
{
	struct config *c =
		parse("[tun x1]\nrole = in\nnetworks = 10.2.0.0/16\nspoof-check = yes\n"
		      "[capture wg0]\nnetworks = 10.0.0.0/8\nhooks = input\n");
	static struct ports ports;
	struct ports_view *view;
	struct tun wg0;
	struct diag d = DIAG_INIT;

	(void)state;
	/* One that is there. */
	assert_int_equal(tun_open("wg0", 1, NULL, &wg0, &d), 0);
	assert_int_equal(ports_open(c, 2, NULL, &ports, &d), 0);
	assert_int_equal(ports.n, 3);
	view = ports_view_new(&ports);
	assert_int_equal(view->n, 3);
	assert_int_equal(view->port[0].role, PORT_IN);
	assert_string_equal(view->port[0].ifname, "wg0");
	assert_int_not_equal(view->port[0].ifindex, 0);
	assert_int_equal(view->port[0].ifindex, if_nametoindex("wg0"));
	assert_int_equal(view->port[0].hooks, 1u << HOOK_INPUT);
	assert_true(view->port[0].spoof_check);
	assert_int_equal(view->port[0].n_networks, 1);
	assert_int_equal(view->port[1].role, PORT_OUT);
	assert_int_equal(view->port[2].role, PORT_IN);
	assert_string_equal(view->port[2].ifname, "x1");
	assert_int_equal(view->port[2].ifindex, if_nametoindex("x1"));
	assert_int_equal(view->port[2].networks[0].len, 16);
	/* What a reload may change is seen by the next view. */
	c->captures[0].hooks = ENGINE_ALL_HOOKS;
	ports_view_fill(&ports, view);
	assert_int_equal(view->port[1].hooks, ENGINE_ALL_HOOKS);
	free(view);
	ports_close(&ports);
	tun_close(&wg0);
	assert_int_equal(if_nametoindex("wg0-in"), 0);
	config_free(c);
}

static void an_interface_made_anew_is_followed(void **state)
{
	const struct hostview_link links[] = {
		{ .index = 17, .mtu = 1400, .name = "wg0" },
		{ .index = 18, .mtu = 1300, .name = "wg0-in" },
	};
	struct hostview *hv = hostview_new(links, 2, NULL, 0, NULL, 0);
	struct config *c = parse("[capture wg0]\nnetworks = 10.0.0.0/8\n");
	static struct ports ports;
	struct diag d = DIAG_INIT;

	(void)state;
	assert_int_equal(ports_open(c, 1, NULL, &ports, &d), 0);
	assert_true(ports_follow(&ports, hv));
	assert_int_equal(ports.port[0].ifindex, 17);
	assert_int_equal(ports.port[0].mtu, 1300);
	assert_int_equal(ports.port[1].mtu, 0);
	assert_false(ports_follow(&ports, hv));
	ports_close(&ports);
	hostview_free(hv);
	config_free(c);
}

/* A queue's device; "" when it is gone. */
static const char *device(int fd)
{
	static const char *const names[] = { "a", "b", "c", "d", "x" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (tun_check(fd, names[i]) == 0)
			return names[i];
	}
	return "";
}

static void other_ports_keep_the_queues_that_they_share(void **state)
{
	struct config *c = parse("[capture wg0]\nnetworks = 10.0.0.0/8\nin-name = a\n"
				 "out-name = b\n[tun x]\n");
	struct config *other = parse("[capture wg0]\nnetworks = 10.0.0.0/8\nin-name = a\n"
				     "out-name = c\n[tun x]\n");
	static struct ports ports, wanted;
	struct diag d = DIAG_INIT;
	int a, b, x;

	(void)state;
	assert_int_equal(ports_open(c, 2, NULL, &ports, &d), 0);
	a = ports.port[0].tun.queue[1];
	b = ports.port[1].tun.queue[1];
	x = ports.port[2].tun.queue[1];
	assert_int_equal(ports_change(&ports, other, 2, &wanted, &d), 0);
	assert_int_equal(wanted.n, 3);
	assert_int_equal(wanted.port[0].tun.queue[1], a);
	assert_string_equal(device(wanted.port[1].tun.queue[1]), "c");
	assert_int_equal(wanted.port[1].role, PORT_OUT);
	assert_int_equal(wanted.port[2].tun.queue[1], x);
	assert_string_equal(device(b), "b");
	ports_take_over(&ports, &wanted);
	assert_int_equal(ports.n, 3);
	assert_int_equal(wanted.n, 0);
	assert_int_equal(if_nametoindex("b"), 0);
	assert_string_equal(device(ports.port[0].tun.queue[0]), "a");
	ports_close(&ports);
	diag_fini(&d);
	config_free(c);
	config_free(other);
}

/* Its packets would be judged as the other's until the next filter has taken over. */
static void a_port_of_another_interface_or_direction_is_refused(void **state)
{
	static const char *const others[] = {
		"[capture wg1]\nnetworks = 10.0.0.0/8\nin-name = a\nout-name = c\n",
		"[capture wg0]\nnetworks = 10.0.0.0/8\nin-name = c\nout-name = a\n",
	};
	struct config *c = parse("[capture wg0]\nnetworks = 10.0.0.0/8\nin-name = a\n"
				 "out-name = b\n");
	static struct ports ports, wanted;

	(void)state;
	assert_int_equal(ports_open(c, 1, NULL, &ports, NULL), 0);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct config *other = parse(others[i]);
		struct diag d = DIAG_INIT;

		assert_int_equal(ports_change(&ports, other, 1, &wanted, &d), -EBUSY);
		assert_non_null(strstr(text_str(&d.text),
				       "the TUN a is for what enters wg0 now\n"));
		assert_int_equal(wanted.n, 0);
		assert_int_equal(if_nametoindex("c"), 0);
		diag_fini(&d);
		config_free(other);
	}
	assert_string_equal(device(ports.port[0].tun.queue[0]), "a");
	ports_close(&ports);
	config_free(c);
}

static void other_ports_that_cannot_be_leave_those_that_are(void **state)
{
	struct config *c = parse("[capture wg0]\nnetworks = 10.0.0.0/8\nin-name = a\n"
				 "out-name = b\n");
	struct config *other = parse("[capture wg0]\nnetworks = 10.0.0.0/8\nin-name = a\n"
				     "out-name = c\n[capture wg2]\nnetworks = 10.0.0.0/8\n"
				     "in-name = d\nout-name = lo\n");
	static struct ports ports, wanted;
	struct diag d = DIAG_INIT;

	(void)state;
	assert_int_equal(ports_open(c, 1, NULL, &ports, &d), 0);
	assert_int_not_equal(ports_change(&ports, other, 1, &wanted, &d), 0);
	assert_string_equal(text_str(&d.text), "the name lo is in use by another interface\n");
	assert_int_equal(if_nametoindex("c"), 0);
	assert_int_equal(if_nametoindex("d"), 0);
	assert_string_equal(device(ports.port[0].tun.queue[0]), "a");
	assert_string_equal(device(ports.port[1].tun.queue[0]), "b");
	ports_close(&ports);
	diag_fini(&d);
	config_free(c);
	config_free(other);
}

static void a_port_whose_device_is_gone_is_made_anew(void **state)
{
	struct config *c = parse("[tun a]\n[tun b]\n");
	static struct ports ports, wanted;
	struct diag d = DIAG_INIT;

	(void)state;
	assert_int_equal(ports_open(c, 1, NULL, &ports, &d), 0);
	assert_int_equal(system("ip link del dev a"), 0);
	assert_string_equal(device(ports.port[0].tun.queue[0]), "");
	assert_int_equal(ports_change(&ports, c, 1, &wanted, &d), 0);
	ports_take_over(&ports, &wanted);
	assert_string_equal(device(ports.port[0].tun.queue[0]), "a");
	assert_string_equal(device(ports.port[1].tun.queue[0]), "b");
	ports_close(&ports);
	assert_int_equal(if_nametoindex("a"), 0);
	diag_fini(&d);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tun_has_queues_and_offload_and_goes_with_them),
		cmocka_unit_test(a_name_in_use_is_told),
		cmocka_unit_test(a_captured_interface_need_not_be_there),
		cmocka_unit_test(ports_come_in_the_order_of_the_sections),
		cmocka_unit_test(an_interface_made_anew_is_followed),
		cmocka_unit_test(other_ports_keep_the_queues_that_they_share),
		cmocka_unit_test(a_port_of_another_interface_or_direction_is_refused),
		cmocka_unit_test(other_ports_that_cannot_be_leave_those_that_are),
		cmocka_unit_test(a_port_whose_device_is_gone_is_made_anew),
	};

	if (geteuid() != 0 || access("/dev/net/tun", R_OK | W_OK) < 0)
		return 77;
	return cmocka_run_group_tests(tests, own_namespace, NULL);
}
