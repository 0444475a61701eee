/* Checks by files alone: what hosts of others hold, and what nobody should write into them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/check.h"
#include "ctl/check_firewall.h"
#include "ctl/check_legacy.h"
#include "ctl/check_nat.h"
#include "ctl/nftjson.h"

static char root[64];
static struct config *config;
static struct checker checker;

static void configure(const char *text)
{
	struct diag d = DIAG_INIT;

	config_free(config);
	config = NULL;
	if (config_parse("ctfwd.conf", text, strlen(text), &d, &config))
		fail_msg("%s", text_str(&d.text));
	diag_fini(&d);
}

/* A host of files, on which nothing runs yet. */
static int setup(void **state)
{
	(void)state;
	strcpy(root, "/tmp/ctfw-check.XXXXXX");
	assert_non_null(mkdtemp(root));
	configure("[capture wg0]\nnetworks = 10.8.0.0/24 fd08::/64\n");
	return 0;
}

static void forget(void)
{
	size_t i;

	for (i = 0; i < checker.n_findings; i++) {
		text_fini(&checker.findings[i].what);
		text_fini(&checker.findings[i].todo);
	}
	free(checker.findings);
	json_decref(checker.kernel.rules);
	checker = (struct checker){ .root = "" };
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	forget();
	config_free(config);
	config = NULL;
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command);
}

static const char *path_of(const char *name)
{
	static char path[512];
	char command[600];

	snprintf(path, sizeof(path), "%s%s", root, name);
	snprintf(command, sizeof(command), "mkdir -p \"$(dirname '%s')\"", path);
	assert_int_equal(system(command), 0);
	return path;
}

static void put_bytes(const char *name, const char *bytes, size_t len)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	fclose(file);
}

static void put(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
}

/* Run the check of that name; how many cases there are. */
static size_t run(const char *name)
{
	forget();
	checker.config = config;
	checker.root = root;
	for (checker.current = checks; checker.current->name; checker.current++) {
		if (!strcmp(checker.current->name, name)) {
			checker.current->run(&checker);
			assert_false(checker.failed);
			return checker.n_findings;
		}
	}
	fail_msg("there is no check %s", name);
	return 0;
}

static void assert_says(size_t i, const char *part)
{
	assert_true(i < checker.n_findings);
	if (!strstr(text_str(&checker.findings[i].what), part))
		fail_msg("\"%s\" is not in: %s", part, text_str(&checker.findings[i].what));
}

/* ---- the table ---- */

static void every_check_has_a_name_and_says_why(void **state)
{
	const struct check *c, *other;

	(void)state;
	for (c = checks; c->name; c++) {
		assert_true(*c->name && *c->why && c->run && c->severity != SEVERITY_NONE);
		for (other = checks; other < c; other++)
			assert_string_not_equal(other->name, c->name);
	}
	assert_true(c - checks > 15);
}

static void what_is_shown_is_printable(void **state)
{
	(void)state;
	checker = (struct checker){ .root = "", .current = checks };
	check_found(&checker, "a %s", "\033[2Jname\n\xff");
	check_todo(&checker, "b %s", "\r");
	check_todo(&checker, "c");
	assert_string_equal(text_str(&checker.findings[0].what), "a ?[2Jname??");
	assert_string_equal(text_str(&checker.findings[0].todo), "b ?\nc");
}

/* Nor does one kind hide others, or what to do about one case stand with another. */
static void cases_of_one_kind_are_told_up_to_some_number(void **state)
{
	size_t i;

	(void)state;
	checker = (struct checker){ .root = "", .current = checks };
	for (i = 0; i < 100000; i++) {
		check_found(&checker, "one more");
		check_todo(&checker, "mend it");
	}
	assert_int_equal(checker.n_findings, 20);
	assert_int_equal(checker.n_current + checker.n_more, 100000);
	for (i = 0; i < checker.n_findings; i++)
		assert_string_equal(text_str(&checker.findings[i].todo), "mend it");
	assert_false(checker.failed);
}

/* All of them run, and the rest is counted as a case of its own. */
static void the_rest_is_counted(void **state)
{
	char name[64];
	size_t i;

	(void)state;
	for (i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "/etc/openvpn/server/%zu.conf", i);
		put(name, "dev wg0\nclient-to-client\n");
	}
	put("/proc/sys/net/ipv4/conf/all/rp_filter", "1\n");
	forget();
	checker.config = config;
	checker.root = root;
	assert_int_equal(checker_run(&checker), 0);
	for (i = 0; i < checker.n_findings; i++) {
		if (!strcmp(text_str(&checker.findings[i].what), "10 more cases like these"))
			break;
	}
	assert_true(i < checker.n_findings);
	assert_string_equal(checker.findings[i].check->name, "openvpn-client-to-client");
	assert_string_equal(checker.findings[i + 1].check->name, "rp-filter");
}

/* ---- OpenVPN ---- */

static void processes_are_known_by_their_command_line(void **state)
{
	static const char line[] = "/usr/sbin/openvpn\0--dev\0wg0\0--client-to-client";

	(void)state;
	put("/proc/7/comm", "openvpn\n");
	put_bytes("/proc/7/cmdline", line, sizeof(line));
	assert_int_equal(run("openvpn-client-to-client"), 1);
	assert_says(0, "process 7");
	put_bytes("/proc/7/cmdline", "/usr/bin/vim\0--client-to-client", 32);
	assert_int_equal(run("openvpn-client-to-client"), 0);
	put_bytes("/proc/7/cmdline", "", 0);
	assert_int_equal(run("openvpn-client-to-client"), 0);
}

static void files_of_servers_that_may_run_are_read(void **state)
{
	(void)state;
	put("/proc/1/comm", "init\n");
	put("/etc/openvpn/server/a.conf", "dev wg0\nclient-to-client\n");
	put("/etc/openvpn/b.conf", "dev wg0\n# client-to-client\nconfig c.inc\n");
	put("/etc/openvpn/c.inc", "\tclient-to-client");
	put("/etc/openvpn/d.conf", "dev tun7\nclient-to-client\n");
	put("/etc/openvpn/e.conf.bak", "dev wg0\nclient-to-client\n");
	assert_int_equal(run("openvpn-client-to-client"), 2);
	assert_says(0, "/etc/openvpn/c.inc");
	assert_says(1, "/etc/openvpn/server/a.conf");
	/* "tun" may become wg0 when that is not there. */
	put("/etc/openvpn/d.conf", "dev tun\nclient-to-client\n");
	assert_int_equal(run("openvpn-client-to-client"), 3);
}

static void hostile_files_hold_nobody_up(void **state)
{
	static char big[2 * CHECK_FILE_MAX];
	char line[] = "openvpn\0--config\0x.conf";

	(void)state;
	/* A file that names itself, one without end, a pipe, and zeroes. */
	put_bytes("/proc/7/cmdline", line, sizeof(line));
	put("/proc/7/cwd/x.conf", "dev wg0\nconfig x.conf\nclient-to-client\n");
	assert_int_equal(run("openvpn-client-to-client"), 1);
	memset(big, 'a', sizeof(big));
	put_bytes("/proc/7/cwd/x.conf", big, sizeof(big));
	assert_int_equal(run("openvpn-client-to-client"), 0);
	memset(big, 0, sizeof(big));
	put_bytes("/proc/7/cmdline", big, sizeof(big));
	put_bytes("/etc/openvpn/z.conf", big, sizeof(big));
	assert_int_equal(run("openvpn-client-to-client"), 0);
	put_bytes("/proc/7/cmdline", line, sizeof(line));
	unlink(path_of("/proc/7/cwd/x.conf"));
	assert_int_equal(mkfifo(path_of("/proc/7/cwd/x.conf"), 0600), 0);
	assert_int_equal(mkfifo(path_of("/etc/openvpn/y.conf"), 0600), 0);
	assert_int_equal(run("openvpn-client-to-client"), 0);
}

/* A device may do something as soon as it is opened. */
static void what_is_no_file_is_not_even_opened(void **state)
{
	char line[] = "openvpn\0--config\0x.conf", event[512];
	int fd = inotify_init1(IN_NONBLOCK);

	(void)state;
	put_bytes("/proc/7/cmdline", line, sizeof(line));
	assert_int_equal(mkfifo(path_of("/proc/7/cwd/x.conf"), 0600), 0);
	assert_true(inotify_add_watch(fd, path_of("/proc/7/cwd/x.conf"), IN_OPEN) >= 0);
	assert_int_equal(run("openvpn-client-to-client"), 0);
	assert_true(read(fd, event, sizeof(event)) < 0);
	close(open(path_of("/proc/7/cwd/x.conf"), O_RDONLY | O_NONBLOCK));
	assert_true(read(fd, event, sizeof(event)) > 0);
	close(fd);
}

/* ---- dnsmasq ---- */

static void dnsmasq_s_options_are_read_from_wherever_it_takes_them(void **state)
{
	static const struct {
		const char *line; /* with a blank in the place of each NUL */
		const char *file; /* /etc/dnsmasq.d/a.conf */
		bool found;
	} rows[] = {
		{ "/usr/sbin/dnsmasq --interface=wg0", "", true },
		{ "dnsmasq --interface wg0", "", true },
		{ "dnsmasq -i lo -iwg0", "", true },
		{ "dnsmasq -i lo,wg0", "", true },
		{ "dnsmasq -iwg0 -z", "", false },
		{ "dnsmasq -iwg0 -iwg0-in", "", false },
		{ "dnsmasq -iwg*", "", false },
		{ "dnsmasq -iwg1", "", false },
		{ "dnsmasq -i", "", false },
		{ "dnsmasq", "", false },
		{ "vim --interface=wg0", "", false },
		{ "dnsmasq -7 /etc/dnsmasq.d,.bak", " interface = wg0 # ours\n", true },
		{ "dnsmasq -7/etc/dnsmasq.d,*.conf", "interface=wg0", true },
		{ "dnsmasq -C/dev/null --conf-dir=/etc/dnsmasq.d,.conf", "interface=wg0", false },
		{ "dnsmasq -C/dev/null -7/etc/dnsmasq.d,*.x", "interface=wg0", false },
		{ "dnsmasq -7/etc/dnsmasq.d", "#interface=wg0\n\n=\nno-resolv", false },
		{ "dnsmasq -7/etc/dnsmasq.d", "interface=wg0\nbind-interfaces\n", false },
		/* By way of /etc/dnsmasq.conf, and of what takes its place. */
		{ "dnsmasq", "interface=wg0\n", true },
		{ "dnsmasq -C/dev/null", "interface=wg0\n", false },
		{ "dnsmasq -C/etc/dnsmasq.d/a.conf",
		  "conf-file=/etc/dnsmasq.d/a.conf\ninterface=wg0\n", true },
	};
	char line[256];
	size_t i, k;

	(void)state;
	put("/etc/dnsmasq.conf", "# usual\nconf-dir=/etc/dnsmasq.d\n");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		strcpy(line, rows[i].line);
		for (k = 0; rows[i].line[k]; k++)
			line[k] = line[k] == ' ' ? '\0' : line[k];
		put_bytes("/proc/7/cmdline", line, k + 1);
		put("/etc/dnsmasq.d/a.conf", rows[i].file);
		if ((run("dnsmasq-interface") > 0) != rows[i].found)
			fail_msg("%s: %s", rows[i].line, rows[i].file);
	}
}

/* ---- systemd-networkd ---- */

static void networkd_s_configuration_is_read_as_systemd_does(void **state)
{
	static const char rules[] = "[Network]\nManageForeignRoutingPolicyRules = no\n";

	(void)state;
	configure("[capture wg0]\nnetworks = 10.8.0.0/24\n[steer]\nprotocol = 199\n");
	put("/proc/9/comm", "systemd-networkd\n");
	assert_int_equal(run("networkd"), 0);
	put("/proc/9/comm", "systemd-network\n");
	assert_int_equal(run("networkd"), 1);
	assert_says(0, "rules and routes of protocol 199");
	put("/usr/lib/systemd/networkd.conf.d/50-a.conf", rules);
	assert_int_equal(run("networkd"), 1);
	assert_says(0, "deletes routes of");
	put("/etc/systemd/networkd.conf", "[Network]\n ManageForeignRoutes=off\n");
	assert_int_equal(run("networkd"), 0);
	/* A file of the same name in /etc takes its place; a later name counts more. */
	put("/etc/systemd/networkd.conf.d/50-a.conf", "");
	assert_int_equal(run("networkd"), 1);
	assert_says(0, "deletes rules of");
	put("/run/systemd/networkd.conf.d/60-b.conf",
	    "[DHCPv4]\nManageForeignRoutingPolicyRules=yes\n[Network]\n"
	    "#ManageForeignRoutingPolicyRules=yes\nManageForeignRoutingPolicyRules=false");
	assert_int_equal(run("networkd"), 0);
	put("/etc/systemd/networkd.conf.d/70-c.conf", "[Network]\nManageForeignRoutes=1\n=\n[\n");
	assert_int_equal(run("networkd"), 1);
	configure("[capture wg0]\nnetworks = 10.8.0.0/24\n");
	assert_int_equal(run("networkd"), 0);
}

static void a_guard_that_is_not_enabled_is_told_where_there_is_systemd(void **state)
{
	(void)state;
	assert_int_equal(run("open-at-boot"), 0);
	put("/run/systemd/system/.keep", "");
	assert_int_equal(run("open-at-boot"), 1);
	put("/etc/systemd/system/sysinit.target.wants/ctfw-guard.service", "");
	assert_int_equal(run("open-at-boot"), 0);
	unlink(path_of("/etc/systemd/system/sysinit.target.wants/ctfw-guard.service"));
	/* Enabled is a link, to where need not be seen. */
	assert_int_equal(symlink("/nowhere", path_of("/usr/lib/systemd/system/"
						     "multi-user.target.wants/ctfw-guard.service")),
			 0);
	assert_int_equal(run("open-at-boot"), 0);
	unlink(path_of("/usr/lib/systemd/system/multi-user.target.wants/ctfw-guard.service"));
	configure("[capture wg0]\nnetworks = 10.8.0.0/24\nfail-closed = no\n");
	assert_int_equal(run("open-at-boot"), 0);
}

/* ---- rules as JSON ---- */

static enum part names_prefix(const char *json, const char *prefix)
{
	json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
	struct prefix p;
	enum part part;

	assert_non_null(value);
	assert_int_equal(prefix_parse(prefix, &p), 0);
	part = nftjson_prefix(value, &p);
	json_decref(value);
	return part;
}

static void values_name_all_some_or_nothing_of_a_prefix(void **state)
{
	static const struct {
		const char *json, *prefix;
		enum part part;
	} rows[] = {
		{ "\"10.8.0.1\"", "10.8.0.1", PART_ALL },
		{ "\"10.8.0.1\"", "10.8.0.0/24", PART_SOME },
		{ "\"10.9.0.1\"", "10.8.0.0/24", PART_NONE },
		{ "\"fd08::1\"", "10.8.0.0/24", PART_NONE },
		{ "{\"prefix\":{\"addr\":\"10.0.0.0\",\"len\":8}}", "10.8.0.0/24", PART_ALL },
		{ "{\"prefix\":{\"addr\":\"10.8.0.128\",\"len\":25}}", "10.8.0.0/24",
		  PART_SOME },
		{ "{\"prefix\":{\"addr\":\"fd08::\",\"len\":32}}", "fd08::/64", PART_ALL },
		{ "{\"prefix\":{\"addr\":\"fd09::\",\"len\":32}}", "fd08::/64", PART_NONE },
		{ "{\"range\":[\"10.8.0.0\",\"10.8.0.255\"]}", "10.8.0.0/24", PART_ALL },
		{ "{\"range\":[\"10.8.0.1\",\"10.8.0.255\"]}", "10.8.0.0/24", PART_SOME },
		{ "{\"set\":[\"10.9.0.1\",{\"prefix\":{\"addr\":\"10.8.0.0\",\"len\":16}}]}",
		  "10.8.0.0/24", PART_ALL },
		{ "{\"set\":[{\"elem\":{\"val\":\"10.9.0.1\",\"timeout\":5}}]}", "10.8.0.0/24",
		  PART_NONE },
		{ "\"@clients\"", "10.8.0.0/24", PART_SOME },
		{ "{\"map\":{}}", "10.8.0.0/24", PART_SOME },
		{ "{\"prefix\":{\"addr\":\"10.0.0.0\",\"len\":800}}", "10.8.0.0/24",
		  PART_SOME },
		{ "{\"prefix\":7}", "10.8.0.0/24", PART_SOME },
		{ "{\"range\":[1]}", "10.8.0.0/24", PART_SOME },
		{ "[[[[[[[[[[[[\"10.8.0.1\"]]]]]]]]]]]]", "10.9.0.0/24", PART_SOME },
		{ "null", "10.8.0.0/24", PART_SOME },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (names_prefix(rows[i].json, rows[i].prefix) != rows[i].part)
			fail_msg("%s of %s", rows[i].json, rows[i].prefix);
	}
}

#define SADDR(op, value) \
	"{\"match\":{\"op\":\"" op "\",\"left\":{\"payload\":{\"protocol\":\"ip\"," \
	"\"field\":\"saddr\"}},\"right\":" value "}}"
#define RULE(family, expr) \
	"{\"rule\":{\"family\":\"" family "\",\"table\":\"t\",\"chain\":\"c\",\"expr\":[" expr "]}}"

static bool is_found(const char *rules, const char *network)
{
	char text[2000];
	json_t *ruleset;
	struct prefix p;
	bool found;

	snprintf(text, sizeof(text), "{\"nftables\":[%s]}", rules);
	ruleset = json_loads(text, 0, NULL);
	if (!ruleset)
		fail_msg("not JSON: %s", text);
	assert_int_equal(prefix_parse(network, &p), 0);
	found = check_nat_find(ruleset, "wg0-out", &p) != NULL;
	json_decref(ruleset);
	return found;
}

static void nat_is_found_of_those_networks_that_it_may_be_for(void **state)
{
	(void)state;
	assert_true(is_found(RULE("ip", "{\"masquerade\":null}"), "10.8.0.0/24"));
	assert_false(is_found(RULE("ip", "{\"masquerade\":null}"), "fd08::/64"));
	assert_true(is_found(RULE("inet", "{\"snat\":{\"addr\":\"192.0.2.1\"}}"), "fd08::/64"));
	assert_false(is_found(RULE("ip", "{\"accept\":null}"), "10.8.0.0/24"));
	/* iptables-nft's, where nft has no words for it. */
	assert_true(is_found(RULE("ip", "{\"xt\":{\"type\":\"target\",\"name\":\"MASQUERADE\"}}"),
			     "10.8.0.0/24"));
	assert_false(is_found(RULE("ip", SADDR("==", "\"10.9.0.1\"") ",{\"masquerade\":null}"),
			      "10.8.0.0/24"));
	assert_true(is_found(RULE("ip", SADDR("!=", "\"10.9.0.1\"") ",{\"masquerade\":null}"),
			     "10.8.0.0/24"));
	assert_true(is_found(RULE("ip", SADDR("==", "\"@s\"") ",{\"masquerade\":null}"),
			     "10.8.0.0/24"));
	/* Of whatever else may stand there. */
	assert_false(is_found("{\"rule\":[]},{\"rule\":{\"expr\":{}}},null,7,{\"chain\":\"\"}",
			      "10.8.0.0/24"));
}

#define IIFNAME(op, value) \
	"{\"match\":{\"op\":\"" op "\",\"left\":{\"meta\":{\"key\":\"iifname\"}}," \
	"\"right\":" value "}}"
#define BASE(prio) \
	"{\"chain\":{\"family\":\"ip\",\"table\":\"t\",\"name\":\"c\",\"type\":\"filter\"," \
	"\"hook\":\"prerouting\",\"prio\":" prio "}}"

static void nat_is_well_where_what_goes_to_clients_is_hidden(void **state)
{
#define NAT RULE("ip", "{\"masquerade\":null}") ","
	(void)state;
	assert_false(is_found(NAT RULE("ip", IIFNAME("==", "\"wg0-out\"") ",{\"notrack\":null}"),
			      "10.8.0.0/24"));
	assert_false(is_found(NAT BASE("-300") "," RULE("ip", IIFNAME("==", "\"wg0*\"")
							 ",{\"notrack\":null}"),
			      "10.8.0.0/24"));
	assert_true(is_found(NAT BASE("-150") "," RULE("ip", IIFNAME("==", "\"wg0-out\"")
							",{\"notrack\":null}"),
			     "10.8.0.0/24"));
	assert_true(is_found(NAT RULE("ip6", IIFNAME("==", "\"wg0-out\"") ",{\"notrack\":null}"),
			     "10.8.0.0/24"));
	assert_true(is_found(NAT RULE("ip", IIFNAME("!=", "\"wg0-out\"") ",{\"notrack\":null}"),
			     "10.8.0.0/24"));
	/* Untracked both times, nothing is translated at all. */
	assert_true(is_found(NAT RULE("ip", "{\"notrack\":null}"), "10.8.0.0/24"));
	assert_false(is_found(NAT RULE("ip", IIFNAME("==", "{\"set\":[\"lo\",\"wg0-out\"]}")
				       ",{\"mangle\":{\"key\":{\"ct\":{\"key\":\"zone\"}},"
				       "\"value\":7}}"),
			      "10.8.0.0/24"));
	assert_true(is_found(NAT RULE("ip", IIFNAME("==", "\"wg0-out\"")
				      ",{\"mangle\":{\"key\":{\"ct\":{\"key\":\"mark\"}},"
				      "\"value\":7}}"),
			     "10.8.0.0/24"));
#undef NAT
}

/* Of the rule that is last in a listing. */
static bool is_missed(const char *rule)
{
	char text[2000];
	json_t *ruleset;
	size_t at = 0;
	bool missed;

	snprintf(text, sizeof(text), "{\"nftables\":[%s]}", rule);
	ruleset = json_loads(text, 0, NULL);
	if (!ruleset)
		fail_msg("not JSON: %s", text);
	missed = check_firewall_misses(ruleset, nftjson_next_rule(ruleset, &at),
				       &config->captures[0]);
	json_decref(ruleset);
	return missed;
}

#define META(key, op, value) \
	"{\"match\":{\"op\":\"" op "\",\"left\":{\"meta\":{\"key\":\"" key "\"}}," \
	"\"right\":" value "}}"
#define VMAP(key, pairs) \
	"{\"vmap\":{\"key\":{\"meta\":{\"key\":\"" key "\"}},\"data\":" pairs "}}"
#define ACCEPT ",{\"accept\":null}"

static void rules_that_name_the_interface_alone_are_told(void **state)
{
	static const struct {
		const char *rule;
		bool missed;
	} rows[] = {
		{ RULE("ip", META("iifname", "==", "\"wg0\"") ACCEPT), true },
		{ RULE("ip", META("iif", "==", "\"wg0\"") ",{\"drop\":null}"), true },
		{ RULE("inet", META("iifname", "!=", "\"wg0\"") ",{\"drop\":null}"), true },
		{ RULE("ip", META("oifname", "==", "\"wg0\"") ACCEPT), true },
		{ RULE("ip", META("oifname", "==", "\"wg0\"") ",{\"drop\":null}"), false },
		{ RULE("ip", META("iifname", "==", "\"wg0-out\"") ","
			     META("oifname", "==", "\"wg0\"") ACCEPT), false },
		{ RULE("ip6", VMAP("iifname", "{\"set\":[[\"eth0\",7],[\"wg0\",7]]}")), true },
		{ RULE("ip6", VMAP("iifname", "{\"set\":[[\"wg0*\",7]]}")), false },
		{ RULE("ip6", VMAP("iifname", "\"@map\"")), false },
		{ RULE("ip6", VMAP("iifname", "{\"set\":[7,{},[]]}")), false },
		{ RULE("ip", META("iifname", "==", "\"@set\"") ACCEPT), false },
		{ RULE("ip", META("iifname", "==", "\"wg0-in\"") ACCEPT), false },
		{ RULE("ip", META("iifname", "==", "\"wg1\"") ACCEPT), false },
		{ RULE("bridge", META("iifname", "==", "\"wg0\"") ACCEPT), false },
		{ RULE("ip", META("iifname", "==", "\"wg0\"") ",{\"notrack\":null}"), false },
		{ RULE("ip", "{\"accept\":null}"), false },
		{ "{\"rule\":{\"expr\":7}}", false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (is_missed(rows[i].rule) != rows[i].missed)
			fail_msg("%s", rows[i].rule);
	}
}

#define FIB(flags, right) \
	"{\"match\":{\"op\":\"==\",\"left\":{\"fib\":{\"result\":\"oif\",\"flags\":" flags \
	"}},\"right\":" right "}}"
#define DROP ",{\"drop\":null}"

static void rules_that_want_packets_routed_back_are_told(void **state)
{
	static const struct {
		const char *rule;
		bool told;
	} rows[] = {
		{ RULE("inet", FIB("[\"saddr\",\"iif\"]", "false") DROP), true },
		{ RULE("ip", FIB("[\"saddr\",\"mark\",\"iif\"]", "0") DROP), true },
		{ RULE("ip", FIB("[\"saddr\",\"iif\"]", "true") DROP), false },
		{ RULE("ip", FIB("[\"saddr\",\"iif\"]", "false") ACCEPT), false },
		{ RULE("ip", FIB("[\"saddr\",\"mark\"]", "false") DROP), false },
		{ RULE("ip", FIB("\"daddr\"", "false") DROP), false },
		{ RULE("ip6", "{\"xt\":{\"type\":\"match\",\"name\":\"rpfilter\"}}" DROP), true },
		{ RULE("ip", META("iifname", "==", "\"wg0-in\"") ACCEPT) ","
		  RULE("ip", FIB("[\"saddr\",\"iif\"]", "false") DROP), true },
		{ RULE("ip", META("iifname", "==", "{\"set\":[\"wg0-in\",\"wg0-out\"]}") ACCEPT) ","
		  RULE("ip", FIB("[\"saddr\",\"iif\"]", "false") DROP), false },
	};
	char text[2000];
	json_t *ruleset;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), "{\"nftables\":[%s]}", rows[i].rule);
		ruleset = json_loads(text, 0, NULL);
		assert_non_null(ruleset);
		if (!check_firewall_way_back(ruleset, &config->captures[0]) == rows[i].told)
			fail_msg("%s", text);
		json_decref(ruleset);
	}
	configure("[capture wg0]\nnetworks = 10.8.0.0/24\n");
	ruleset = json_loads("{\"nftables\":[" RULE("inet", META("nfproto", "==", "\"ipv6\"") ","
			     FIB("[\"saddr\",\"iif\"]", "false") DROP) "]}", 0, NULL);
	assert_null(check_firewall_way_back(ruleset, &config->captures[0]));
	json_decref(ruleset);
}

/* ---- firewalld ---- */

#define ZONE_RULE(chain, expr) \
	"{\"rule\":{\"family\":\"inet\",\"table\":\"firewalld\",\"chain\":\"" chain \
	"\",\"expr\":[" expr "]}}"
#define GOTO(zone) "{\"goto\":{\"target\":\"filter_IN_" zone "\"}}"
#define IN_ZONE(ifname, zone) \
	ZONE_RULE("filter_INPUT_ZONES", META("iifname", "==", "\"" ifname "\"") "," GOTO(zone)) ","
#define DEFAULT_ZONE(zone) ZONE_RULE("filter_INPUT_ZONES", GOTO(zone))
/* Within the zone it lets on what leaves by the interface. */
#define FORWARDS(zone, ifname) \
	ZONE_RULE("filter_FWD_" zone "_allow", META("oifname", "==", "\"" ifname "\"") ACCEPT) ","
#define ACCEPTS(zone) ZONE_RULE("filter_FWD_" zone, "{\"accept\":null}") ","
#define POLICY(from, to) \
	ZONE_RULE("filter_FORWARD_POLICIES_pre", META("iifname", "==", "\"" from "\"") "," \
		  META("oifname", "==", "\"" to "\"") ",{\"jump\":{\"target\":\"x\"}}") ","

static void tuns_that_firewalld_was_not_told_of_are_told(void **state)
{
	static const struct {
		const char *rules;
		unsigned misses;
	} rows[] = {
		{ RULE("ip", META("iifname", "==", "\"wg0\"") ACCEPT), 0 },
		{ DEFAULT_ZONE("public"), FIREWALLD_OUT },
		{ DEFAULT_ZONE("trusted"), 0 },
		{ IN_ZONE("wg0", "home") FORWARDS("home", "wg0") DEFAULT_ZONE("public"),
		  FIREWALLD_IN | FIREWALLD_OUT },
		{ IN_ZONE("wg0", "home") DEFAULT_ZONE("public"),
		  FIREWALLD_IN | FIREWALLD_OUT | FIREWALLD_FORWARD },
		{ IN_ZONE("wg0*", "home") FORWARDS("home", "wg0*") DEFAULT_ZONE("public"), 0 },
		{ IN_ZONE("wg0", "home") IN_ZONE("wg0-in", "home") IN_ZONE("wg0-out", "home")
		  FORWARDS("home", "eth1") DEFAULT_ZONE("public"), FIREWALLD_FORWARD },
		{ IN_ZONE("wg0", "home") IN_ZONE("wg0-in", "home") IN_ZONE("wg0-out", "out")
		  POLICY("wg0-out", "wg0") DEFAULT_ZONE("public"), 0 },
		{ IN_ZONE("wg0", "home") IN_ZONE("wg0-in", "home") IN_ZONE("wg0-out", "out")
		  ACCEPTS("out") DEFAULT_ZONE("public"), 0 },
		{ IN_ZONE("wg0-out", "trusted") ACCEPTS("trusted") DEFAULT_ZONE("public"), 0 },
		/* No zone has such a name, which would be a word for a shell. */
		{ IN_ZONE("wg0", "$(x)") DEFAULT_ZONE("public"), FIREWALLD_OUT },
		{ DEFAULT_ZONE("a b"), 0 },
	};
	char text[4000];
	json_t *ruleset;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), "{\"nftables\":[%s]}", rows[i].rules);
		ruleset = json_loads(text, 0, NULL);
		assert_non_null(ruleset);
		if (check_firewalld_misses(ruleset, &config->captures[0]) != rows[i].misses)
			fail_msg("%s", text);
		json_decref(ruleset);
	}
}

/* ---- /proc/sys ---- */

static size_t legacy(const char *table)
{
	forget();
	checker = (struct checker){ .root = root, .current = checks };
	check_legacy(&checker, table);
	return checker.n_findings;
}

static void tables_of_the_old_iptables_are_said_not_to_be_looked_at(void **state)
{
	(void)state;
	assert_int_equal(legacy("nat"), 0);
	put("/proc/net/ip_tables_names", "filter\nraw\n");
	assert_int_equal(legacy("nat"), 0);
	assert_int_equal(legacy("filter"), 1);
	put("/proc/net/ip6_tables_names", "natural\nnat\n");
	assert_int_equal(legacy("nat"), 1);
	assert_int_equal(checker.findings[0].severity, SEVERITY_NOTE);
	assert_says(0, "not looked at: rules of iptables-legacy in its table nat");
}

static void of_the_old_iptables_a_zone_is_not_untracked(void **state)
{
	const struct prefix *p = &config->captures[0].networks.p[0];
	json_t *ruleset = json_pack("{s:[]}", "nftables");
	json_t *array = json_object_get(ruleset, "nftables");

	(void)state;
	check_legacy_read("*raw\n:PREROUTING ACCEPT [0:0]\n"
			  "-A PREROUTING -i wg0-out -j CT --zone 7\n"
			  "-A PREROUTING -i tun0 -j CT --notrack\n", false, array);
	assert_false(check_nat_untracks(ruleset, "wg0-out", p));
	assert_false(check_nat_untracks(ruleset, "tun1", p));
	assert_true(check_nat_untracks(ruleset, "tun0", p));
	json_decref(ruleset);
}

static void rules_of_the_old_iptables_are_read_as_those_of_nft(void **state)
{
	static const char text[] =
		"# Generated by iptables-save\n*nat\n:PREROUTING ACCEPT [0:0]\n"
		":POSTROUTING ACCEPT [0:0]\n"
		"-A POSTROUTING -s 10.8.0.0/24 -m comment --comment \"a \\\"-s\\\" b\" ! -o lo "
		"-j MASQUERADE\nCOMMIT\n*raw\n:PREROUTING ACCEPT [0:0]\n"
		"-A PREROUTING -d 10.8.0.0/16 -i wg0-o+ -j CT --notrack\n"
		"-A PREROUTING -m rpfilter --invert -j DROP\nCOMMIT\n*filter\n"
		":x - [0:0]\n-A x -i wg0 -p tcp -m tcp --dport 22 -g y\n"
		"-A x -s 10.0.0.0/255.0.255.0 -j LOG\n-A\n-A x -i\n:\n*\n-A x -j";
	json_t *ruleset = json_pack("{s:[]}", "nftables"), *array;
	const json_t *nat, *narrow;
	size_t at = 0;

	(void)state;
	array = json_object_get(ruleset, "nftables");
	check_legacy_read(text, false, array);
	nat = nftjson_next_rule(ruleset, &at);
	assert_string_equal(nftjson_word(nat, "table"), "nat of iptables-legacy");
	assert_string_equal(nftjson_word(nftjson_chain(ruleset, nat), "hook"), "postrouting");
	assert_true(nftjson_rule_names(nat, "oifname", NULL, "lo") == PART_ALL);
	/* Hidden by the next. */
	assert_null(check_nat_find(ruleset, "wg0-out", &config->captures[0].networks.p[0]));
	assert_ptr_equal(check_nat_find(ruleset, "tun0", &config->captures[0].networks.p[0]), nat);
	assert_true(nftjson_hides(nftjson_next_rule(ruleset, &at)));
	assert_ptr_equal(check_firewall_way_back(ruleset, &config->captures[0]),
			 nftjson_next_rule(ruleset, &at));
	narrow = nftjson_next_rule(ruleset, &at);
	assert_true(check_firewall_misses(ruleset, narrow, &config->captures[0]));
	/* Not for all that comes in there. */
	assert_int_equal(json_array_size(json_object_get(narrow, "expr")), 4);
	json_decref(ruleset);
}

static void ipv6_that_is_off_for_what_is_made_anew_is_told(void **state)
{
	(void)state;
	put("/proc/sys/net/ipv6/conf/default/disable_ipv6", "0\n");
	assert_int_equal(run("ipv6-disabled"), 0);
	put("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1\n");
	assert_int_equal(run("ipv6-disabled"), 1);
	assert_says(0, "IPv6 is off at default, but wg0 has IPv6 networks");
	configure("[capture wg0]\nnetworks = 10.8.0.0/24\n");
	assert_int_equal(run("ipv6-disabled"), 0);
}

static void settings_that_are_no_numbers_are_passed_over(void **state)
{
	(void)state;
	put("/proc/sys/net/ipv4/conf/all/rp_filter", "1\n");
	assert_int_equal(run("rp-filter"), 1);
	assert_says(0, "net.ipv4.conf.all.rp_filter is 1");
	put("/proc/sys/net/ipv4/conf/all/rp_filter", "2\n");
	assert_int_equal(run("rp-filter"), 0);
	put("/proc/sys/net/ipv4/conf/all/rp_filter", "loose\n");
	assert_int_equal(run("rp-filter"), 0);
	put("/proc/sys/net/ipv4/conf/all/rp_filter", "");
	assert_int_equal(run("rp-filter"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(every_check_has_a_name_and_says_why),
		TEST(what_is_shown_is_printable),
		TEST(cases_of_one_kind_are_told_up_to_some_number),
		TEST(the_rest_is_counted),
		TEST(processes_are_known_by_their_command_line),
		TEST(files_of_servers_that_may_run_are_read),
		TEST(hostile_files_hold_nobody_up),
		TEST(what_is_no_file_is_not_even_opened),
		TEST(dnsmasq_s_options_are_read_from_wherever_it_takes_them),
		TEST(networkd_s_configuration_is_read_as_systemd_does),
		TEST(a_guard_that_is_not_enabled_is_told_where_there_is_systemd),
		TEST(values_name_all_some_or_nothing_of_a_prefix),
		TEST(nat_is_found_of_those_networks_that_it_may_be_for),
		TEST(nat_is_well_where_what_goes_to_clients_is_hidden),
		TEST(rules_that_name_the_interface_alone_are_told),
		TEST(rules_that_want_packets_routed_back_are_told),
		TEST(tuns_that_firewalld_was_not_told_of_are_told),
		TEST(rules_of_the_old_iptables_are_read_as_those_of_nft),
		TEST(of_the_old_iptables_a_zone_is_not_untracked),
		TEST(tables_of_the_old_iptables_are_said_not_to_be_looked_at),
		TEST(ipv6_that_is_off_for_what_is_made_anew_is_told),
		TEST(settings_that_are_no_numbers_are_passed_over),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
