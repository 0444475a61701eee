/* test_config.c - ctfwd.conf: every option, every error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ctfw/config.h"

static struct config *parse(const char *text)
{
	struct diag d = DIAG_INIT;
	struct config *c = NULL;
	int err;

	err = config_parse("ctfwd.conf", text, strlen(text), &d, &c);
	if (err)
		print_error("%s", text_str(&d.text));
	assert_int_equal(err, 0);
	assert_int_equal(d.errors, 0);
	diag_fini(&d);
	return c;
}

/* The text is refused, and the message has all of this in it. */
static void refused(const char *text, const char *said)
{
	struct diag d = DIAG_INIT;
	struct config *c = NULL;

	assert_int_equal(config_parse("ctfwd.conf", text, strlen(text), &d, &c), -EINVAL);
	assert_null(c);
	assert_true(d.errors > 0);
	if (!strstr(text_str(&d.text), said))
		fail_msg("expected \"%s\" in:\n%s", said, text_str(&d.text));
	diag_fini(&d);
}

static void an_empty_file_is_all_defaults(void **state)
{
	struct conntrack_options defaults = { 0 };
	struct config *c = parse("");
	int i;

	(void)state;
	assert_string_equal(c->daemon.ruleset, CTFW_SYSCONFDIR "/ctfw/ruleset.nft");
	assert_string_equal(c->daemon.runtime_directory, CTFW_RUNSTATEDIR "/ctfw");
	assert_string_equal(c->daemon.control_socket, CONFIG_SOCKET);
	assert_string_equal(c->daemon.control_group, "");
	assert_string_equal(c->daemon.user, "ctfw");
	assert_int_equal(c->daemon.workers, 0);
	assert_int_equal(c->daemon.spin, 50);
	assert_int_equal(c->daemon.reply_rate, 1000);
	assert_int_equal(c->n_captures, 0);
	assert_int_equal(c->n_tuns, 0);
	assert_int_equal(c->steer.table, 77);
	assert_int_equal(c->steer.priority, 100);
	assert_int_equal(c->steer.protocol, 2);
	assert_int_equal(c->conntrack.max_flows, 262144);
	assert_int_equal(c->conntrack.tcp_loose, TCP_LOOSE_NO);
	assert_int_equal(c->conntrack.tcp_loose_cold, 300);
	assert_false(c->conntrack.tcp_be_liberal);
	assert_false(c->conntrack.tcp_ignore_invalid_rst);
	assert_int_equal(c->conntrack.tcp_max_retrans, 3);
	assert_int_equal(c->log.rate, 100);
#define TIMEOUT(id, option, seconds, help) defaults.timeout[TIMEOUT_##id] = seconds;
#include "ctfw/timeout.def"
#undef TIMEOUT
	for (i = TIMEOUT_NONE + 1; i < TIMEOUT_COUNT; i++)
		assert_int_equal(c->conntrack.timeout[i], defaults.timeout[i]);
	config_free(c);
}

static void every_option_of_daemon_is_read(void **state)
{
	struct config *c =
		parse("[daemon]\n"
		      "ruleset = /tmp/r.nft ; with a comment\n"
		      "runtime-directory: /run/x\n"
		      "control-socket = /run/y/sock\n"
		      "control-group = netadmin\n"
		      "user = nobody\n"
		      "workers = 64\n"
		      "spin = 0\n"
		      "reply-rate = 7\n"
		      "[log]\nrate=8\n"
		      "[steer]\ntable = 4294967295\npriority = 32700\nprotocol = 99\n");

	(void)state;
	assert_string_equal(c->daemon.ruleset, "/tmp/r.nft");
	assert_string_equal(c->daemon.runtime_directory, "/run/x");
	assert_string_equal(c->daemon.control_socket, "/run/y/sock");
	assert_string_equal(c->daemon.control_group, "netadmin");
	assert_string_equal(c->daemon.user, "nobody");
	assert_int_equal(c->daemon.workers, 64);
	assert_int_equal(c->daemon.spin, 0);
	assert_int_equal(c->daemon.reply_rate, 7);
	assert_int_equal(c->log.rate, 8);
	assert_int_equal(c->steer.table, 4294967295u);
	assert_int_equal(c->steer.priority, 32700);
	assert_int_equal(c->steer.protocol, 99);
	config_free(c);
}

static void the_socket_follows_the_runtime_directory(void **state)
{
	struct config *c = parse("[daemon]\nruntime-directory = /run/vpn\n");

	(void)state;
	assert_string_equal(c->daemon.control_socket, "/run/vpn/ctfwd.sock");
	config_free(c);
}

static void a_capture_has_networks_and_two_names(void **state)
{
	struct config *c = parse("# one\n\n[capture wg0]\n"
				 "networks = 10.8.0.0/24 fd08::/64\n"
				 "[capture tun3]\n"
				 "networks = 10.9.0.0/24, 10.10.0.0/24\n"
				 "   10.11.0.0/24 ; the office\n"
				 "\t192.0.2.7\n"
				 "hooks = forward input\n"
				 "spoof-check = no\n"
				 "in-name = a\nout-name = b\nmtu = 1400\ntxqueuelen = 5000\n");
	char buf[PREFIX_TEXT];

	(void)state;
	assert_int_equal(c->n_captures, 2);
	assert_string_equal(c->captures[0].ifname, "wg0");
	assert_string_equal(c->captures[0].in_name, "wg0-in");
	assert_string_equal(c->captures[0].out_name, "wg0-out");
	assert_int_equal(c->captures[0].hooks, ENGINE_ALL_HOOKS);
	assert_true(c->captures[0].spoof_check);
	assert_int_equal(c->captures[0].mtu, 0);
	assert_int_equal(c->captures[0].txqueuelen, 1000);
	assert_int_equal(c->captures[0].networks.n, 2);
	assert_string_equal(prefix_print(&c->captures[0].networks.p[1], buf), "fd08::/64");
	assert_int_equal(c->captures[1].networks.n, 4);
	assert_string_equal(prefix_print(&c->captures[1].networks.p[2], buf), "10.11.0.0/24");
	assert_int_equal(c->captures[1].hooks, 1u << HOOK_FORWARD | 1u << HOOK_INPUT);
	assert_false(c->captures[1].spoof_check);
	assert_string_equal(c->captures[1].in_name, "a");
	assert_string_equal(c->captures[1].out_name, "b");
	assert_int_equal(c->captures[1].mtu, 1400);
	assert_int_equal(c->captures[1].txqueuelen, 5000);
	config_free(c);
}

static void a_tun_takes_role_addresses_and_names(void **state)
{
	struct config *c =
		parse("[tun ctfw0]\n"
		      "[tun ctfw1]\nrole = in\ninterface = eth7\n"
		      "address = 10.9.0.1/24 fd09::1/64\nnetworks = 10.1.0.0/16\n"
		      "hooks = output\nspoof-check = yes\nmtu = auto\ntxqueuelen = 1\n");

	(void)state;
	assert_int_equal(c->n_tuns, 2);
	assert_int_equal(c->tuns[0].role, PORT_BOTH);
	assert_string_equal(c->tuns[0].interface, "ctfw0");
	assert_false(c->tuns[0].spoof_check);
	assert_int_equal(c->tuns[0].addresses.n, 0);
	assert_int_equal(c->tuns[1].role, PORT_IN);
	assert_string_equal(c->tuns[1].interface, "eth7");
	assert_int_equal(c->tuns[1].addresses.n, 2);
	assert_int_equal(c->tuns[1].addresses.p[0].len, 24);
	assert_int_equal(c->tuns[1].addresses.p[0].addr.b[3], 1);
	assert_int_equal(c->tuns[1].addresses.p[1].family, L3_IPV6);
	assert_int_equal(c->tuns[1].networks.n, 1);
	assert_int_equal(c->tuns[1].hooks, 1u << HOOK_OUTPUT);
	assert_true(c->tuns[1].spoof_check);
	config_free(c);
}

static void every_timeout_is_an_option(void **state)
{
	struct text t = TEXT_INIT;
	struct config *c;
	int i = 1;

	(void)state;
	text_puts(&t, "[conntrack]\nmax-flows = 1\ntcp-loose = yes\n");
#define TIMEOUT(id, option, seconds, help) text_printf(&t, "%s = %d\n", option, i++);
#include "ctfw/timeout.def"
#undef TIMEOUT
	c = parse(text_str(&t));
	assert_int_equal(c->conntrack.max_flows, 1);
	assert_int_equal(c->conntrack.tcp_loose, TCP_LOOSE_YES);
	for (i = TIMEOUT_NONE + 1; i < TIMEOUT_COUNT; i++)
		assert_int_equal(c->conntrack.timeout[i], i);
	config_free(c);
	text_fini(&t);
}

static void every_option_of_tcp_is_read(void **state)
{
	struct config *c = parse("[conntrack]\ntcp-loose = cold\ntcp-loose-cold = 60\n"
				 "tcp-be-liberal = yes\ntcp-ignore-invalid-rst = yes\n"
				 "tcp-max-retrans = 0\n");

	(void)state;
	assert_int_equal(c->conntrack.tcp_loose, TCP_LOOSE_COLD);
	assert_int_equal(c->conntrack.tcp_loose_cold, 60);
	assert_true(c->conntrack.tcp_be_liberal);
	assert_true(c->conntrack.tcp_ignore_invalid_rst);
	assert_int_equal(c->conntrack.tcp_max_retrans, 0);
	config_free(c);
}

static void a_reserved_part_of_the_table_is_read(void **state)
{
	struct config *c = parse("[conntrack]\nreserve = 7%\n"
				 "reserve-for = tcp/22 10.8.0.1\n  udp/5000-5010@fd08::/64\n"
				 "  icmp 50\n");
	const struct ct_reserve_rule *r = c->conntrack.reserve_for.rule;

	(void)state;
	assert_int_equal(c->conntrack.reserve.n, 7);
	assert_true(c->conntrack.reserve.percent);
	assert_int_equal(c->conntrack.reserve_for.n, 5);
	assert_true(r[0].has_proto && r[0].proto == 6 && r[0].port == 22 &&
		    r[0].port_last == 22 && r[0].prefix.family == L3_NONE);
	assert_true(!r[1].has_proto && r[1].port_last == 0 && r[1].prefix.family == L3_IPV4 &&
		    r[1].prefix.len == 32);
	assert_true(r[2].has_proto && r[2].proto == 17 && r[2].port == 5000 &&
		    r[2].port_last == 5010 && r[2].prefix.family == L3_IPV6 &&
		    r[2].prefix.len == 64);
	assert_true(r[3].has_proto && r[3].proto == 1 && r[3].port_last == 0);
	assert_true(r[4].has_proto && r[4].proto == 50);
	config_free(c);
	c = parse("[conntrack]\nreserve = 100\n");
	assert_int_equal(c->conntrack.reserve.n, 100);
	assert_false(c->conntrack.reserve.percent);
	config_free(c);
}

static void a_reserved_part_that_makes_no_sense_is_refused(void **state)
{
	static const char *const wrong[] = {
		"tcp/0", "tcp/65536", "tcp/22-21", "tcp/22-", "tcp/", "icmp/8", "gre/1", "256",
		"tcpp/22", "10.8.0.1/24", "tcp/22@", "@10.8.0.1", "10.8.0.1@tcp/22", "tcp/22@x",
		"unknown", "22/tcp", "tcp/22@10.8.0.1@10.8.0.2",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char line[128];

		snprintf(line, sizeof(line), "[conntrack]\nreserve-for = icmp %s\n", wrong[i]);
		refused(line, "is not an address, a protocol, or both");
	}
	refused("[conntrack]\nreserve = 51%\n", "expected 0..16777216 or 0%..50%");
	refused("[conntrack]\nreserve = 5 %\n", "expected 0..16777216 or 0%..50%");
	refused("[conntrack]\nreserve = %\n", "expected 0..16777216 or 0%..50%");
	refused("[conntrack]\nreserve-for = 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n",
		"more than 16 are not possible");
}

static void an_unknown_section_is_refused_with_the_nearest(void **state)
{
	(void)state;
	refused("[deamon]\nruleset = /x\n", "ctfwd.conf:1:2: unknown section [deamon]\n"
					    "    [deamon]\n     ^^^^^^\n"
					    "did you mean [daemon]?\n");
	refused("[nat]\n", "sections are daemon, capture IFACE");
}

static void an_unknown_option_is_refused_with_the_nearest(void **state)
{
	(void)state;
	refused("[daemon]\nworkers = 2\nrulset = /x\n",
		"ctfwd.conf:3:1: unknown option \"rulset\" in [daemon]\n"
		"    rulset = /x\n    ^^^^^^\n"
		"did you mean \"ruleset\"?\n");
	refused("[daemon]\nmax-flows = 7\n", "\"max-flows\" belongs to [conntrack]");
	refused("[daemon]\n= 7\n", "ctfwd.conf:2:1: there is no name in front of the \"=\"");
	refused("workers = 1\n", "\"workers\" stands before the first [section]");
}

static void a_value_out_of_range_is_refused_where_it_stands(void **state)
{
	(void)state;
	refused("[daemon]\nworkers = 65\n", "ctfwd.conf:2:11: \"65\" is out of range: "
					    "expected 1..64 or auto\n"
					    "    workers = 65\n              ^^\n");
	refused("[daemon]\nworkers = 0\n", "1..64 or auto");
	refused("[daemon]\nspin = -1\n", "expected 0..100000");
	refused("[daemon]\nspin = 100001\n", "expected 0..100000");
	refused("[daemon]\nspin = 0x10\n", "expected 0..100000");
	refused("[daemon]\nspin = 99999999999999999999999\n", "expected 0..100000");
	refused("[daemon]\nspin = 5 # us\n", "a comment behind a value begins with");
	refused("[daemon]\nreply-rate = 1000001\n", "expected 0..1000000");
	refused("[steer]\ntable = 254\n", "table 254 is one of the kernel's own");
	refused("[steer]\ntable = 0\n", "expected 1..4294967295 but 253 to 255");
	refused("[steer]\npriority = 32701\n", "expected 1..32700");
	refused("[steer]\nprotocol = 256\n", "expected kernel, boot, static or 1..255");
	refused("[steer]\nprotocol = kernl\n", "did you mean \"kernel\"?");
	refused("[conntrack]\nmax-flows = 16777217\n", "expected 1..16777216");
	refused("[conntrack]\nudp-timeout = 2147484\n", "expected 0..2147483");
	refused("[conntrack]\ntcp-loose = maybe\n", "expected no, yes or cold");
	refused("[conntrack]\ntcp-loose-cold = 0\n", "expected 1..86400");
	refused("[conntrack]\ntcp-be-liberal = 1\n", "expected yes or no");
	refused("[conntrack]\ntcp-max-retrans = 256\n", "expected 0..255");
	refused("[log]\nrate = many\n", "expected 0..1000000");
	refused("[tun t]\nmtu = 68\n", "expected 576..65535 or auto");
	refused("[tun t]\nrole = retrun\n", "expected in, out, both or return");
	refused("[tun t]\nspoof-check = ys\n", "did you mean \"yes\"?");
	refused("[tun t]\nhooks = forward prerouting\n",
		"ctfwd.conf:2:17: \"prerouting\" is not known here: expected input, forward or "
		"output");
	refused("[tun t]\naddress = 10.0.0.1\n", "not an address with its prefix length");
	refused("[tun t]\naddress = 10.0.0.1/33\n", "not an address with its prefix length");
	refused("[tun t]\ninterface = a/b\n", "not a name for an interface");
	refused("[daemon]\nruleset = rules.nft\n", "is not an absolute path");
	refused("[daemon]\nuser = a b\n", "is not a name of a user");
	refused("[daemon]\nuser =\n", "there is no value: expected a name");
}

static void a_network_with_host_bits_is_refused(void **state)
{
	(void)state;
	refused("[capture wg0]\nnetworks = fd08::/64\n  10.8.0.1/24\n",
		"ctfwd.conf:3:3: \"10.8.0.1/24\" is not a network such as 10.8.0.0/24 or "
		"fd08::/64\n"
		"      10.8.0.1/24\n      ^^^^^^^^^^^\n"
		"no bit behind the prefix length may be set\n");
}

static void a_capture_without_networks_is_refused(void **state)
{
	(void)state;
	refused("[capture wg0]\n",
		"ctfwd.conf:1:10: [capture wg0] does not say which networks");
}

static void twice_is_refused(void **state)
{
	(void)state;
	refused("[daemon]\nspin = 1\nspin = 2\n", "ctfwd.conf:3:1: \"spin\" is set twice");
	refused("[log]\n[daemon]\n[log]\n", "ctfwd.conf:3:2: there are two sections [log]");
	refused("[tun a]\n[tun b]\n[tun a]\n",
		"ctfwd.conf:3:6: there are two sections [tun a]");
}

static void names_of_interfaces_must_fit_and_differ(void **state)
{
	(void)state;
	refused("[capture]\n", "[capture] needs the name of an interface: [capture wg0]");
	refused("[capture a b]\nnetworks=::/0\n", "\"a b\" is not a name for an interface");
	refused("[tun abcdefghijklmnop]\n", "is longer than 15 characters");
	refused("[capture abcdefghijkl]\nnetworks = ::/0\n",
		"\"abcdefghijkl-out\" is too long for the name of an interface\n"
		"    [capture abcdefghijkl]\n"
		"             ^^^^^^^^^^^^\n"
		"set out-name, to 15 characters at most");
	refused("[capture a]\nnetworks = ::/0\n[tun a-in]\n", "two TUNs are called \"a-in\"");
	refused("[capture a]\nnetworks = ::/0\n[tun a]\n",
		"name of the captured interface \"a\"");
	refused("[capture lo]\nnetworks = ::/0\n", "lo cannot be captured");
	refused("[daemon x]\n", "[daemon] takes no name");
}

static void malformed_lines_are_refused(void **state)
{
	(void)state;
	refused("[daemon]\nhello\n", "ctfwd.conf:2:1: expected [section] or option = value");
	refused("[daemon\n", "there is no \"]\"");
	refused("[daemon] x\n", "nothing may stand behind a section's name");
	refused("[daemon]\nspin = 1\n  2\n", "goes on with the value of \"spin\"");
	refused("[]\n", "unknown section []");
}

static void a_line_too_long_is_refused(void **state)
{
	struct text t = TEXT_INIT;

	(void)state;
	text_puts(&t, "[daemon]\nruleset = /");
	while (t.len < 300)
		text_putc(&t, 'x');
	refused(text_str(&t), "ctfwd.conf:2:1: this line is longer than 198 bytes");
	text_fini(&t);
}

static void a_nul_byte_is_refused(void **state)
{
	static const char text[] = "[daemon]\nspin = 1\0 2\n";
	struct diag d = DIAG_INIT;
	struct config *c;

	(void)state;
	assert_int_equal(config_parse("x", text, sizeof(text) - 1, &d, &c), -EINVAL);
	assert_non_null(strstr(text_str(&d.text), "x:2:1: there is a NUL byte"));
	diag_fini(&d);
}

static void all_errors_are_told_at_once(void **state)
{
	static const char text[] =
		"[daemon]\nspin = x\nfoo = 1\n[bar]\nany = thing\n[log]\nrate=y\n";
	struct diag d = DIAG_INIT;
	struct config *c;

	(void)state;
	assert_int_equal(config_parse("x", text, strlen(text), &d, &c), -EINVAL);
	assert_int_equal(d.errors, 4);
	diag_fini(&d);
}

static void too_many_tuns_are_refused(void **state)
{
	struct text t = TEXT_INIT;
	int i;

	(void)state;
	for (i = 0; i <= CONFIG_PORTS_MAX; i++)
		text_printf(&t, "[tun t%d]\n", i);
	refused(text_str(&t), "    [tun t64]\n         ^^^");
	text_fini(&t);
}

static void a_file_that_cannot_be_read_is_told(void **state)
{
	struct diag d = DIAG_INIT;
	struct config *c;

	(void)state;
	assert_int_equal(config_load("/nonexistent/x.conf", &d, &c), -ENOENT);
	assert_non_null(
		strstr(text_str(&d.text), "/nonexistent/x.conf: No such file or directory\n"));
	assert_int_equal(config_load("/dev/null", &d, &c), -EMEDIUMTYPE);
	assert_non_null(strstr(text_str(&d.text), "/dev/null: no regular file\n"));
	assert_int_equal(config_load_any("/dev/null", &d, &c), 0);
	config_free(c);
	diag_fini(&d);
}

static void a_reload_takes_what_may_change_and_names_the_rest(void **state)
{
	struct config *running = parse("[daemon]\nworkers = 1\nspin = 1\nruleset = /a\n"
				       "[capture wg0]\nnetworks = 10.0.0.0/8\n[tun t]\n");
	struct config *wanted = parse("[daemon]\nworkers = 2\nspin = 2\nruleset = /b\n"
				      "[capture wg1]\nnetworks = 10.0.0.0/8\n"
				      "[capture wg0]\nnetworks = 10.0.0.0/9\nhooks = input\n"
				      "[conntrack]\nudp-timeout = 5\n");
	struct text t = TEXT_INIT;

	(void)state;
	assert_int_equal(config_adopt(running, wanted, &t), 2);
	assert_string_equal(text_str(&t), "workers, [tun t] (removed)");
	assert_int_equal(running->daemon.workers, 1);
	assert_int_equal(running->daemon.spin, 2);
	assert_string_equal(running->daemon.ruleset, "/b");
	assert_int_equal(running->captures[0].networks.p[0].len, 8);
	assert_int_equal(running->captures[0].hooks, 1u << HOOK_INPUT);
	assert_int_equal(running->conntrack.timeout[TIMEOUT_UDP], 5);
	text_clear(&t);
	assert_int_equal(config_adopt(running, running, &t), 0);
	assert_string_equal(text_str(&t), "");
	text_fini(&t);
	config_free(running);
	config_free(wanted);
}

static void captures_are_taken_over_as_a_whole(void **state)
{
	struct config *running = parse("[capture wg0]\nnetworks = 10.0.0.0/8\n");
	struct config *hooks = parse("[capture wg0]\nnetworks = 10.0.0.0/8\nhooks = input\n"
				     "fail-closed = no\nspoof-check = no\n");
	struct config *mtu = parse("[capture wg0]\nnetworks = 10.0.0.0/8\nmtu = 1300\n");
	struct config *wanted = parse("[capture wg1]\nnetworks = 10.0.0.0/8\n"
				      "[capture wg0]\nnetworks = 10.0.0.0/8\n");
	const struct config_capture *kept = running->captures;

	(void)state;
	assert_false(config_captures_differ(running, running));
	assert_false(config_captures_differ(running, hooks));
	assert_true(config_captures_differ(running, mtu));
	assert_true(config_captures_differ(running, wanted));
	config_adopt_captures(running, wanted);
	assert_int_equal(running->n_captures, 2);
	assert_string_equal(running->captures[0].ifname, "wg1");
	assert_ptr_equal(wanted->captures, kept);
	config_free(running);
	config_free(hooks);
	config_free(mtu);
	config_free(wanted);
}

static void auto_workers_are_one_up_to_four_cpus_then_half(void **state)
{
	struct config *c = parse("");

	(void)state;
	assert_int_equal(config_workers(c, 0), 1);
	assert_int_equal(config_workers(c, 4), 1);
	assert_int_equal(config_workers(c, 5), 2);
	assert_int_equal(config_workers(c, 16), 8);
	assert_int_equal(config_workers(c, 1000), 64);
	c->daemon.workers = 3;
	assert_int_equal(config_workers(c, 1), 3);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_is_all_defaults),
		cmocka_unit_test(every_option_of_daemon_is_read),
		cmocka_unit_test(the_socket_follows_the_runtime_directory),
		cmocka_unit_test(a_capture_has_networks_and_two_names),
		cmocka_unit_test(a_tun_takes_role_addresses_and_names),
		cmocka_unit_test(every_timeout_is_an_option),
		cmocka_unit_test(every_option_of_tcp_is_read),
		cmocka_unit_test(a_reserved_part_of_the_table_is_read),
		cmocka_unit_test(a_reserved_part_that_makes_no_sense_is_refused),
		cmocka_unit_test(an_unknown_section_is_refused_with_the_nearest),
		cmocka_unit_test(an_unknown_option_is_refused_with_the_nearest),
		cmocka_unit_test(a_value_out_of_range_is_refused_where_it_stands),
		cmocka_unit_test(a_network_with_host_bits_is_refused),
		cmocka_unit_test(a_capture_without_networks_is_refused),
		cmocka_unit_test(twice_is_refused),
		cmocka_unit_test(names_of_interfaces_must_fit_and_differ),
		cmocka_unit_test(malformed_lines_are_refused),
		cmocka_unit_test(a_line_too_long_is_refused),
		cmocka_unit_test(a_nul_byte_is_refused),
		cmocka_unit_test(all_errors_are_told_at_once),
		cmocka_unit_test(too_many_tuns_are_refused),
		cmocka_unit_test(a_file_that_cannot_be_read_is_told),
		cmocka_unit_test(a_reload_takes_what_may_change_and_names_the_rest),
		cmocka_unit_test(captures_are_taken_over_as_a_whole),
		cmocka_unit_test(auto_workers_are_one_up_to_four_cpus_then_half),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
