/* ctfwctl conntrack: what its command line may say. */
#include "unit/ctl/run.h"

#define WRONG(...) assert_int_equal(RUN("conntrack", __VA_ARGS__), 2)
/* Understood: the next thing that fails is the connection. */
#define RIGHT(...)                                                                             \
	do {                                                                                   \
		assert_int_equal(RUN("conntrack", __VA_ARGS__), 1);                            \
		expect(run_err, "not running");                                                \
	} while (0)

static void exactly_one_action_is_needed(void **state)
{
	(void)state;
	assert_int_equal(RUN("conntrack"), 2);
	expect(run_err, "one of -L");
	WRONG("-p", "tcp");
	WRONG("-L", "-C");
	WRONG("-L", "-L");
	expect(run_err, "Invalid commands combination");
	RIGHT("-L");
	RIGHT("--dump");
	RIGHT("-C");
	RIGHT("-D");
	RIGHT("-F");
	RIGHT("-L", "conntrack");
	WRONG("-L", "bogus");
	expect(run_err, "unknown type `bogus'");
	WRONG("-F", "dying");
	WRONG("-L", "conntrack", "more");
}

static void conditions_are_understood(void **state)
{
	(void)state;
	RIGHT("-L", "-p", "tcp", "-s", "10.8.0.2", "-d", "192.0.2.0/24", "--sport", "1000",
	      "--dport", "22", "--state", "ESTABLISHED", "-f", "ipv4");
	RIGHT("-L", "-p", "udp", "--orig-port-src", "1000", "--orig-port-dst", "53");
	RIGHT("-L", "--orig-src", "fd08::/64", "--orig-dst", "::1", "-f", "ipv6");
	RIGHT("-L", "--src", "10.0.0.1/8", "--dst", "10.0.0.0/0");
	RIGHT("-L", "-r", "192.0.2.1", "-q", "10.8.0.2");
	RIGHT("-L", "-m", "1", "-w", "0", "-u", "ASSURED,SEEN_REPLY");
	RIGHT("-L", "-m", "0x10/0xff", "-u", "UNREPLIED");
	RIGHT("-L", "-o", "extended,id");
	RIGHT("-D", "-p", "17", "--dport", "0x35");
	RIGHT("-L", "-p", "icmpv6");
	RIGHT("-L", "-p", "47");
}

static void wrong_values_are_named(void **state)
{
	(void)state;
	WRONG("-L", "-p", "bogus");
	expect(run_err, "`bogus' unsupported protocol");
	expect(run_err, "Try `ctfwctl conntrack --help' for more information.");
	WRONG("-L", "-p", "256");
	WRONG("-L", "-p", "unknown");
	WRONG("-L", "-s", "bogus");
	expect(run_err, "Invalid IP address `bogus'");
	WRONG("-L", "-s", "10.0.0.1/33");
	WRONG("-L", "-s", "10.0.0.1/");
	WRONG("-L", "-s", "10.0.0.1/-1");
	WRONG("-L", "-d", "::1/129");
	WRONG("-L", "-f", "ipx");
	WRONG("-L", "-p", "tcp", "--dport", "65536");
	WRONG("-L", "-p", "tcp", "--dport", "http");
	WRONG("-L", "-p", "tcp", "--dport", "1000:2000");
	WRONG("-L", "-p", "tcp", "--dport", "");
	WRONG("-L", "-p", "tcp", "--state", "established");
	expect(run_err, "unknown TCP state `established'");
	WRONG("-L", "-u", "BOGUS");
	WRONG("-L", "-u", "ASSURED,");
	WRONG("-L", "-m", "x");
	WRONG("-L", "-m", "1/");
	WRONG("-L", "-m", "4294967296");
	WRONG("-L", "-w", "65536");
	WRONG("-L", "-o", "bogus");
	expect(run_err, "Bad parameter `bogus'");
	WRONG("-L", "-w", "-1");
	WRONG("-E", "-e", "FOO");
	WRONG("-L", "-l", "128");
	WRONG("-L", "-s", "10.0.0.0", "--mask-src", "255.0.255.0");
	WRONG("-L", "-c", "5");
	WRONG("-L", "-Q");
	WRONG("-L", "--tcp-flags");
}

static void what_hangs_on_the_protocol_needs_it(void **state)
{
	(void)state;
	WRONG("-L", "--dport", "22");
	WRONG("-L", "-p", "icmp", "--dport", "22");
	WRONG("-L", "--state", "ESTABLISHED");
	WRONG("-L", "-p", "udp", "--state", "ESTABLISHED");
	/* in whatever order */
	RIGHT("-L", "--dport", "22", "-p", "tcp");
}

static void addresses_are_of_one_family(void **state)
{
	(void)state;
	WRONG("-L", "-s", "10.0.0.1", "-d", "::1");
	expect(run_err, "mismatched address family");
	WRONG("-L", "-s", "::1", "-f", "ipv4");
}

static void counting_and_flushing_take_no_conditions(void **state)
{
	(void)state;
	WRONG("-C", "-p", "tcp");
	expect(run_err, "protonum");
	WRONG("-F", "-s", "10.0.0.1");
	RIGHT("-F", "-f", "ipv6");
	WRONG("-F", "expect", "-f", "ipv6");
	WRONG("-C", "-f", "ipv6");
	WRONG("-s", "10.0.0.1", "-F");
}

static void every_option_belongs_to_some_commands(void **state)
{
	(void)state;
	WRONG("-L", "-t", "5");
	expect(run_err, "Illegal option `--timeout' with this command");
	WRONG("-L", "-e", "NEW");
	WRONG("-L", "-b", "5");
	WRONG("-L", "--label-add", "3");
	WRONG("-D", "-z");
	WRONG("-C", "-o", "id");
	WRONG("-S", "-p", "tcp");
	WRONG("-I", "-p", "udp", "-o", "xml");
	RIGHT("-E", "-e", "NEW,DESTROY", "-b", "100000", "-o", "timestamp,xml");
	RIGHT("-L", "-z", "-o", "xml,extended,id,ktimestamp,labels,userspace");
	RIGHT("-L", "-o", "save");
	assert_int_equal(RUN("conntrack", "-L", "-o", "save,id"), 1);
	expect(run_err, "cannot combine save output");
	RIGHT("-U", "-p", "tcp", "-m", "1/0xff", "--label-add", "1,2", "--label-del");
}

static void a_flow_is_made_of_enough_words(void **state)
{
	(void)state;
	WRONG("-I", "-s", "10.0.0.1");
	expect(run_err, "You need to supply the `--protonum' option");
	WRONG("-I", "-p", "tcp", "-s", "10.0.0.1", "-d", "10.0.0.2", "--sport", "1", "--dport",
	      "2", "-t", "5");
	expect(run_err, "`--state'");
	WRONG("-I", "-p", "udp", "-s", "10.0.0.1", "-d", "10.0.0.2", "--sport", "1", "--dport",
	      "2");
	expect(run_err, "`--timeout'");
	WRONG("-I", "-p", "udp", "-s", "10.0.0.1", "-d", "10.0.0.2", "--sport", "1", "-t", "5");
	WRONG("-G", "-p", "udp", "-s", "10.0.0.1");
	WRONG("-I", "-p", "icmp", "-s", "10.0.0.1", "-d", "10.0.0.2", "-t", "5");
	RIGHT("-I", "-p", "udp", "-s", "10.0.0.1", "-d", "10.0.0.2", "--sport", "1", "--dport",
	      "2", "-t", "5");
	RIGHT("-I", "-p", "50", "-s", "10.0.0.1", "-d", "10.0.0.2", "-t", "5", "-w", "3");
	/* An ICMP type that has no answer is no flow. */
	assert_int_equal(RUN("conntrack", "-I", "-p", "icmp", "-s", "10.0.0.1", "-d",
			     "10.0.0.2", "-t", "5", "--icmp-type", "3", "--icmp-code", "0"),
			 1);
	expect(run_err, "invalid parameters");
}

static void words_may_be_cut_and_of_any_case(void **state)
{
	(void)state;
	RIGHT("-E", "-e", "new");
	RIGHT("-E", "-e", "UPDATE,dest");
	RIGHT("-L", "-o", "ext,XML");
	RIGHT("-L", "-u", "assured,Fix");
	RIGHT("-L", "exp");
	RIGHT("-L", "c");
	WRONG("-L", "EXP");
	WRONG("-L", "");
	WRONG("-L", "expectations");
	WRONG("-L", "-o", "xmlx");
	WRONG("-L", "-o", "");
	WRONG("-E", "-e", "NEW,,DESTROY");
}

static void masks_stand_anywhere(void **state)
{
	(void)state;
	RIGHT("-L", "--mask-src", "255.255.255.0", "-s", "10.0.0.0");
	RIGHT("-L", "-d", "fd00::", "--mask-dst", "ffff::");
	WRONG("-L", "--mask-src", "255.255.255.0");
	expect(run_err, "Can't use --mask-src without --src");
	WRONG("-L", "--mask-dst", "255.255.255.0", "-s", "10.0.0.0");
	expect(run_err, "Can't use --mask-dst without --dst");
	WRONG("-L", "--mask-src", "ffff::", "-s", "10.0.0.0");
	WRONG("-L", "--mask-src", "bogus", "-s", "10.0.0.0");
	expect(run_err, "Invalid mask `bogus'");
}

static void what_a_flow_cannot_be_is_refused_here(void **state)
{
	(void)state;
	WRONG("-L", "-u", "CONFIRMED");
	expect(run_err, "Bad parameter `CONFIRMED'");
	WRONG("-U", "-p", "tcp", "--state", "NONE");
	expect(run_err, "a flow cannot be put into the state NONE");
	WRONG("-U", "-p", "sctp", "--state", "NONE");
	RIGHT("-L", "-p", "tcp", "--state", "NONE");
	assert_int_equal(RUN("conntrack", "-L", "-u", "UNSET"), 1);
	expect(run_err, "Operation failed: invalid parameters");
	RIGHT("-L", "-u", "UNREPLIED");
}

static void who_changes_nothing_has_updated_none(void **state)
{
	(void)state;
	assert_int_equal(RUN("conntrack", "-U", "-p", "tcp"), 1);
	expect(run_err, ": 0 flow entries have been updated.");
	assert_int_equal(RUN("conntrack", "-U", "-u", "UNSET"), 1);
	expect(run_err, ": 0 flow entries have been updated.");
	RIGHT("-U", "-p", "tcp", "-t", "0");
	RIGHT("-U", "--label-del", "100");
}

static void files_that_cannot_be_read_are_told(void **state)
{
	(void)state;
	WRONG("-R", "/nonexistent");
	expect(run_err, "Failed to open file /nonexistent for reading: No such file");
	assert_int_equal(RUN("conntrack", "-R", "/"), 1);
	expect(run_err, "cannot read /: Is a directory");
}

static void one_flow_has_whole_addresses(void **state)
{
	(void)state;
	WRONG("-I", "-p", "50", "-s", "10.0.0.1/24", "-d", "10.0.0.2", "-t", "5");
	expect(run_err, "Illegal option `--mask-src' with this command");
	WRONG("-A", "-p", "50", "-s", "10.0.0.1", "-d", "10.0.0.2/31", "-t", "5");
	expect(run_err, "Illegal option `--mask-dst' with this command");
	WRONG("-G", "-p", "50", "-s", "fd00::1/64", "-d", "fd00::2");
	expect(run_err, "Illegal option `--mask-src' with this command");
	WRONG("-I", "-p", "50", "-r", "10.0.0.1/24", "-q", "10.0.0.2", "-t", "5");
	expect(run_err, "CIDR notation unavailable for `--reply-src'");
	WRONG("-G", "-p", "50", "-r", "10.0.0.1", "-q", "10.0.0.2/0");
	expect(run_err, "CIDR notation unavailable for `--reply-dst'");
	RIGHT("-I", "-p", "50", "-s", "10.0.0.1/32", "-d", "10.0.0.2/32", "-t", "5");
	RIGHT("-G", "-p", "50", "-s", "fd00::1/128", "-d", "fd00::2");
}

static void one_flow_is_named_by_its_whole_tuple(void **state)
{
	(void)state;
	WRONG("-G", "-p", "icmp", "-s", "10.0.0.1", "-d", "10.0.0.2", "--icmp-type", "8");
	expect(run_err, "You need to supply the `--icmp-code' option");
	WRONG("-I", "-p", "gre", "-s", "10.0.0.1", "-d", "10.0.0.2", "--srckey", "1", "-t",
	      "5");
	expect(run_err, "you have to specify `--srckey' and `--dstkey'");
	WRONG("-G", "-p", "50", "-s", "10.0.0.1", "-d", "10.0.0.2", "-m", "5");
	expect(run_err, "Illegal option `--mark' with this command");
	RIGHT("-G", "-p", "gre", "-s", "10.0.0.1", "-d", "10.0.0.2", "--srckey", "1",
	      "--dstkey", "2");
}

#define SCTP "-p", "sctp", "-s", "10.0.0.1", "-d", "10.0.0.2", "--sport", "1", "--dport", "2"

static void tags_are_sctps(void **state)
{
	(void)state;
	WRONG("-I", SCTP, "--state", "ESTABLISHED", "-t", "5");
	expect(run_err, "You need to supply the `--orig-vtag' option");
	WRONG("-A", SCTP, "--state", "ESTABLISHED", "-t", "5", "--orig-vtag", "1");
	expect(run_err, "You need to supply the `--reply-vtag' option");
	WRONG("-I", SCTP, "--state", "CLOSED", "-t", "5", "--orig-vtag", "4294967296");
	expect(run_err, "Bad parameter `4294967296'");
	WRONG("-U", "-p", "tcp", "--orig-vtag", "1");
	expect(run_err, "unknown option `--orig-vtag' for this protocol");
	WRONG("-L", "-p", "sctp", "--reply-vtag", "1");
	expect(run_err, "Illegal option `--reply-vtag' with this command");
	WRONG("-L", "-p", "sctp", "--state", "SYN_SENT");
	expect(run_err, "unknown SCTP state `SYN_SENT'");
	RIGHT("-L", "-p", "sctp", "--state", "HEARTBEAT_SENT");
	RIGHT("-U", "-p", "sctp", "--reply-vtag", "1");
	RIGHT("-I", SCTP, "--state", "COOKIE_WAIT", "-t", "5", "--orig-vtag", "4294967295",
	      "--reply-vtag", "0");
}

static void an_address_of_nat_may_be_left_out(void **state)
{
	(void)state;
	RIGHT("-L", "-n");
	RIGHT("-L", "-n", "10.0.0.1");
	RIGHT("-L", "-g", "-p", "tcp");
	RIGHT("-L", "-j", "10.0.0.0/8", "-o", "id");
	RIGHT("-D", "-n10.0.0.1");
	RIGHT("-L", "-n", "10.0.0.1:80", "-g", "10.0.0.2:0x50");
	RIGHT("-L", "-j", "[fd00::1]:80");
	RIGHT("-L", "-j", "fd00::1:80");
	WRONG("-L", "-n", "10.0.0.1:x");
	WRONG("-L", "-n", "10.0.0.1:5000-5001");
	WRONG("-L", "-n", "10.0.0.1:65536");
	WRONG("-L", "-n", ":80");
	WRONG("-L", "-n", "[fd00::1:80");
	WRONG("-L", "-n", "10.0.0.1", "-g", "fd00::1");
	RIGHT("-D", "--src-nat=10.0.0.1", "-p", "tcp");
	RIGHT("-U", "--label-del=3");
	WRONG("-L", "-nbogus");
	WRONG("-L", "--any-nat=bogus");
	WRONG("-U", "--label-del=bogus");
	WRONG("-L", "-n", "bogus");
}

static int teardown(void **state)
{
	(void)state;
	run_fini();
	return 0;
}

#define FTP_DATA                                                                               \
	"-p", "tcp", "-s", "192.0.2.1", "-d", "10.8.0.2", "--sport", "20", "--dport", "2571"

static void what_may_be_said_of_expectations(void **state)
{
	(void)state;
	RIGHT("-L", "expect");
	RIGHT("-L", "expect", "-f", "ipv6", "-o", "timestamp,xml");
	RIGHT("-E", "expect", "-e", "NEW", "-o", "timestamp");
	RIGHT("-C", "expect");
	RIGHT("-F", "expect");
	RIGHT("-G", "expect", FTP_DATA);
	RIGHT("-D", "expect", FTP_DATA, "-w", "5");
	/* conntrack(8) needs these, and looks at none of them. */
	RIGHT("-D", "expect", FTP_DATA, "--reply-port-src", "2571", "--reply-port-dst", "20");
	RIGHT("-G", "expect", "-p", "50", "-s", "fd00::1", "-d", "fd00::2");
	WRONG("-D", "expect", "-s", "192.0.2.1", "-d", "fd00::2", "-p", "50");
	expect(run_err, "mismatched address family");
}

static void what_may_not_be_said_of_expectations(void **state)
{
	(void)state;
	WRONG("-I", "expect", FTP_DATA, "-t", "60");
	expect(run_err, "Can't do --create on expectations: helpers and rules make them");
	WRONG("-A", "expect");
	expect(run_err, "Can't do --add on expectations: helpers and rules make them");
	WRONG("-U", "expect");
	expect(run_err, "Can't do --update on expectations: helpers and rules make them");
	WRONG("-S", "expect");
	expect(run_err, "Can't do --stats on expectations\n");
	WRONG("-L", "expect", "-p", "tcp");
	expect(run_err, "Illegal option `--protonum' with this command");
	WRONG("-E", "expect", "-s", "10.0.0.1");
	expect(run_err, "Illegal option `--src' with this command");
	WRONG("-G", "expect", FTP_DATA, "-m", "5");
	expect(run_err, "Illegal option `--mark' with this command");
	WRONG("-D", "expect", FTP_DATA, "--state", "ESTABLISHED");
	expect(run_err, "Illegal option `--state' with this command");
}

static void expectations_are_named_by_a_packet_that_would_fit(void **state)
{
	(void)state;
	WRONG("-D", "expect");
	expect(run_err, "You need to supply the `--src' option");
	WRONG("-G", "expect", "-s", "192.0.2.1");
	expect(run_err, "You need to supply the `--dst' option");
	WRONG("-G", "expect", "-s", "192.0.2.1", "-d", "10.8.0.2");
	expect(run_err, "You need to supply the `--protonum' option");
	WRONG("-G", "expect", "-s", "192.0.2.1", "-d", "10.8.0.2", "-p", "udp");
	expect(run_err, "You need to supply the `--sport' option");
	WRONG("-G", "expect", "-s", "192.0.2.1", "-d", "10.8.0.2", "-p", "udp", "--sport", "1");
	expect(run_err, "You need to supply the `--dport' option");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exactly_one_action_is_needed),
		cmocka_unit_test(conditions_are_understood),
		cmocka_unit_test(wrong_values_are_named),
		cmocka_unit_test(what_hangs_on_the_protocol_needs_it),
		cmocka_unit_test(addresses_are_of_one_family),
		cmocka_unit_test(counting_and_flushing_take_no_conditions),
		cmocka_unit_test(every_option_belongs_to_some_commands),
		cmocka_unit_test(a_flow_is_made_of_enough_words),
		cmocka_unit_test(words_may_be_cut_and_of_any_case),
		cmocka_unit_test(masks_stand_anywhere),
		cmocka_unit_test(what_a_flow_cannot_be_is_refused_here),
		cmocka_unit_test(who_changes_nothing_has_updated_none),
		cmocka_unit_test(files_that_cannot_be_read_are_told),
		cmocka_unit_test(one_flow_has_whole_addresses),
		cmocka_unit_test(one_flow_is_named_by_its_whole_tuple),
		cmocka_unit_test(tags_are_sctps),
		cmocka_unit_test(an_address_of_nat_may_be_left_out),
		cmocka_unit_test(what_may_be_said_of_expectations),
		cmocka_unit_test(what_may_not_be_said_of_expectations),
		cmocka_unit_test(expectations_are_named_by_a_packet_that_would_fit),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
