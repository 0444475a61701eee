/* ctfwctl against a live control socket: an engine and a control server in a child. */
#include "unit/control/fixture.h"
#include "unit/ctl/run.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/control_server.h"

#define FLOWS 500

static struct fixture f;
static pid_t daemon_pid;
static char dir[] = "/tmp/ctfw-live-XXXXXX";
static char socket_path[64];

static void serve(int listen_fd, bool reload_fails)
{
	struct event_base *base = event_base_new();

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	fixture_init(&f, 10000);
	fixture_flows(&f, FLOWS);
	if (reload_fails) {
		f.reload_err = -22;
		f.reload_message = "ctfwd.conf:3: unknown key \"wrokers\"";
	}
	if (!control_server_new(base, listen_fd, &f.ctx))
		_exit(1);
	event_base_dispatch(base);
	_exit(1);
}

static void daemon_start(bool reload_fails)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(socket_path, sizeof(socket_path), "%s/sock", dir);
	strcpy(sun.sun_path, socket_path);
	unlink(socket_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 16), 0);
	run_socket = socket_path;
	daemon_pid = fork();
	if (daemon_pid == 0)
		serve(fd, reload_fails);
	close(fd);
}

static void daemon_stop(void)
{
	if (daemon_pid > 0) {
		kill(daemon_pid, SIGKILL);
		waitpid(daemon_pid, NULL, 0);
	}
	daemon_pid = 0;
}

static unsigned lines(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* ---- status ---- */

static void status_answers_the_first_question_first(void **state)
{
	(void)state;
	assert_int_equal(RUN("status"), 0);
	assert_int_equal(strncmp(run_out, "ctfw " CTFW_VERSION ": filtering since ", 20), 0);
	expect(run_out, "wg0: to and from 10.8.0.0/24 fd08::/64 (input forward output; "
			"fail-closed; spoof check)");
	expect(run_out, "Config     /etc/ctfw/ctfwd.conf");
	expect(run_out, "Ruleset    /etc/ctfw/ruleset.nft");
	expect(run_out, "(start): ok");
	expect(run_out, "Flows  500 now, 500 peak, 10000 max");
	expect(run_out, "udp 500");
	expect(run_out, "wg0-in: in of wg0, mtu 1420, queues 1, offload csum tso4");
	assert_string_equal(run_err, "");
}

static void status_as_json_has_the_names_of_the_interface(void **state)
{
	json_t *status;

	(void)state;
	assert_int_equal(RUN("status", "-j"), 0);
	status = json_loads(run_out, 0, NULL);
	assert_true(json_is_true(json_object_get(status, "filtering")));
	assert_int_equal(json_integer_value(json_object_get(json_object_get(status, "flows"),
							    "now")), FLOWS);
	json_decref(status);
	assert_int_equal(RUN("status", "--json"), 0);
	assert_int_equal(RUN("status", "--bogus"), 1);
	assert_int_equal(RUN("status", "more"), 1);
}

/* ---- conntrack ---- */

static void flows_are_listed_as_conntrack_does(void **state)
{
	(void)state;
	assert_int_equal(RUN("conntrack", "-L"), 0);
	assert_int_equal(lines(run_out), FLOWS);
	expect(run_out,
	       "udp      17 30 src=10.0.0.1 dst=192.0.2.1 sport=1000 dport=53 [UNREPLIED] "
	       "src=192.0.2.1 dst=10.0.0.1 sport=53 dport=1000 mark=0 use=1\n");
	assert_string_equal(run_err,
			    "ctfwctl v" CTFW_VERSION " (ctfw): 500 flow entries have been "
			    "shown.\n");
	assert_int_equal(RUN("conntrack", "-L", "-s", "10.0.0.7"), 0);
	assert_int_equal(lines(run_out), 1);
	assert_int_equal(RUN("conntrack", "-L", "-p", "udp", "--dport", "53", "-u", "UNREPLIED",
			     "-s", "10.0.0.9/24"), 0);
	assert_int_equal(lines(run_out), 255);
	assert_int_equal(RUN("conntrack", "-L", "-p", "tcp", "--state", "ESTABLISHED"), 0);
	assert_string_equal(run_out, "");
	expect(run_err, ": 0 flow entries have been shown.");
	assert_int_equal(RUN("conntrack", "-L", "-o", "extended,id", "-s", "10.0.0.7"), 0);
	assert_int_equal(strncmp(run_out, "ipv4     2 udp      17 ", 23), 0);
	expect(run_out, " use=1 id=");
}

static void flows_are_counted_and_deleted_as_conntrack_does(void **state)
{
	(void)state;
	assert_int_equal(RUN("conntrack", "-C"), 0);
	assert_string_equal(run_out, "500\n");
	assert_int_equal(RUN("conntrack", "-D", "-s", "10.0.0.7"), 0);
	assert_int_equal(lines(run_out), 1);
	expect(run_out, "src=10.0.0.7 ");
	expect(run_err, ": 1 flow entries have been deleted.");
	assert_int_equal(RUN("conntrack", "-D", "-s", "10.0.0.7"), 1);
	expect(run_err, ": 0 flow entries have been deleted.");
	assert_int_equal(RUN("conntrack", "-C"), 0);
	assert_string_equal(run_out, "499\n");
	assert_int_equal(RUN("conntrack", "-F"), 0);
	assert_string_equal(run_out, "");
	expect(run_err, "(ctfw): connection tracking table has been emptied.");
	assert_int_equal(RUN("conntrack", "-C"), 0);
	assert_string_equal(run_out, "0\n");
}

#define MAKE                                                                                   \
	"-p", "tcp", "-s", "10.9.0.1", "-d", "10.9.0.2", "--sport", "1000", "--dport", "80",   \
		"--state", "ESTABLISHED", "-t", "300"
#define GET                                                                                    \
	"-G", "-p", "tcp", "-s", "10.9.0.1", "-d", "10.9.0.2", "--sport", "1000", "--dport",   \
		"80"

static void a_flow_is_made_shown_changed_and_deleted(void **state)
{
	(void)state;
	assert_int_equal(RUN("conntrack", "-I", MAKE, "-u", "ASSURED,SEEN_REPLY", "-m", "5",
			     "-w", "3"), 0);
	expect(run_err, ": 1 flow entries have been created.");
	assert_int_equal(RUN("conntrack", "-I", MAKE, "-w", "3"), 1);
	expect(run_err, "Operation failed: Such conntrack exists, try -U to update");
	assert_int_equal(RUN("conntrack", "-A", MAKE, "-w", "3"), 0);
	expect(run_err, ": 0 flow entries have been added.");
	assert_int_equal(RUN("conntrack", GET), 1); /* of zone 0 */
	assert_int_equal(RUN("conntrack", GET, "-w", "3"), 0);
	assert_string_equal(run_out,
			    "tcp      6 300 ESTABLISHED src=10.9.0.1 dst=10.9.0.2 sport=1000 "
			    "dport=80 src=10.9.0.2 dst=10.9.0.1 sport=80 dport=1000 [ASSURED] "
			    "mark=5 zone=3 use=1\n");
	assert_int_equal(RUN("conntrack", "-U", "-s", "10.9.0.1", "-m", "0x10/0x1", "-t", "50",
			     "--label-add", "1,100"), 0);
	expect(run_out, " 50 ESTABLISHED ");
	expect(run_out, " mark=20 ");
	expect(run_err, ": 1 flow entries have been updated.");
	assert_int_equal(RUN("conntrack", "-L", "-l", "100", "-o", "labels"), 0);
	expect(run_out, " use=1 labels=1,100\n");
	assert_int_equal(RUN("conntrack", "-U", "-s", "10.9.0.1", "--label-del", "1", "--state",
			     "CLOSE", "-p", "tcp"), 0);
	assert_int_equal(RUN("conntrack", "-L", "-s", "10.9.0.1", "-o", "labels,extended"), 0);
	expect(run_out, " CLOSE ");
	expect(run_out, " labels=100\n");
	assert_int_equal(RUN("conntrack", "-U", "-s", "10.7.7.7", "-m", "1"), 1);
	expect(run_err, ": 0 flow entries have been updated.");
	assert_int_equal(RUN("conntrack", "-F", "-f", "ipv6"), 0);
	assert_int_equal(RUN("conntrack", GET, "-w", "3"), 0); /* it is of IPv4 */
	assert_int_equal(RUN("conntrack", "-D", "-s", "10.9.0.1"), 0);
	assert_int_equal(RUN("conntrack", GET, "-w", "3"), 1);
	expect(run_err, "Operation failed: such conntrack doesn't exist");
}

static void xml_is_that_of_conntrack(void **state)
{
	(void)state;
	assert_int_equal(RUN("conntrack", "-I", MAKE, "-u", "ASSURED,SEEN_REPLY", "-m", "5"),
			 0);
	assert_int_equal(RUN("conntrack", "-L", "-s", "10.9.0.1", "-o", "xml"), 0);
	expect(run_out,
	       "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<conntrack>\n<flow><meta "
	       "direction=\"original\"><layer3 protonum=\"2\" protoname=\"ipv4\"><src>10.9.0.1"
	       "</src><dst>10.9.0.2</dst></layer3><layer4 protonum=\"6\" protoname=\"tcp\">"
	       "<sport>1000</sport><dport>80</dport></layer4></meta><meta "
	       "direction=\"reply\"><layer3 protonum=\"2\" protoname=\"ipv4\"><src>10.9.0.2"
	       "</src><dst>10.9.0.1</dst></layer3><layer4 protonum=\"6\" protoname=\"tcp\">"
	       "<sport>80</sport><dport>1000</dport></layer4></meta><meta "
	       "direction=\"independent\"><state>ESTABLISHED</state><timeout>300</timeout>"
	       "<mark>5</mark><use>1</use><id>");
	expect(run_out, "</id><assured/></meta></flow>\n</conntrack>\n");
	assert_int_equal(RUN("conntrack", "-D", "-s", "10.9.0.1"), 0);
}

static void what_was_saved_can_be_loaded(void **state)
{
	static const char line[] =
		"-A -t 300 -u SEEN_REPLY,ASSURED -m 5 --orig-zone 7 -s 10.9.0.1 -d 10.9.0.2 -r "
		"10.9.0.2 -q 10.9.0.1 -p tcp --sport 1000 --dport 80 --reply-port-src 80 "
		"--reply-port-dst 1000 --state ESTABLISHED\n";
	char path[128];

	(void)state;
	assert_int_equal(RUN("conntrack", "-I", MAKE, "-u", "ASSURED,SEEN_REPLY", "-m", "5",
			     "--orig-zone", "7"), 0);
	assert_int_equal(RUN("conntrack", "-L", "-s", "10.9.0.1", "-o", "save"), 0);
	assert_string_equal(run_out, line);
	write_file("flows", line);
	assert_int_equal(RUN("conntrack", "-D", "-s", "10.9.0.1"), 0);
	snprintf(path, sizeof(path), "%s/flows", dir);
	assert_int_equal(RUN("conntrack", "-R", path), 0);
	assert_int_equal(RUN("conntrack", "-L", "-s", "10.9.0.1", "-o", "save"), 0);
	assert_string_equal(run_out, line);
	write_file("flows", "-L\n");
	assert_int_equal(RUN("conntrack", "-R", path), 2);
	expect(run_err, "only -I, -A, -U and -D stand in files");
	assert_int_equal(RUN("conntrack", "-R", "/nonexistent"), 2);
	assert_int_equal(RUN("conntrack", "-D", "-s", "10.9.0.1"), 0);
}

static void each_worker_has_a_line(void **state)
{
	(void)state;
	assert_int_equal(RUN("conntrack", "-S"), 0);
	assert_int_equal(lines(run_out), 1);
	assert_int_equal(strncmp(run_out, "cpu=0   \tfound=0 invalid=0 insert=", 34), 0);
	expect(run_out,
	       " early_drop=0 error=0 search_restart=0 clash_resolve=0 chaintoolong=0 \n");
}

/* ---- reload ---- */

static void a_reload_that_fails_says_why(void **state)
{
	(void)state;
	assert_int_equal(RUN("reload"), 0);
	assert_string_equal(run_err, "");
	assert_int_equal(RUN("reload", "--confirm", "60"), 0);
	assert_int_equal(RUN("reload", "--confirm", "1d"), 1);
	expect(run_err, "--confirm 1d: must be seconds, 1 to 86400");
	assert_int_equal(RUN("reload", "now"), 1);
	daemon_stop();
	daemon_start(true);
	assert_int_equal(RUN("reload"), 1);
	assert_string_equal(run_err, "ctfwd.conf:3: unknown key \"wrokers\"\n");
}

/* ---- nft ---- */

static void changes_are_on_trial_until_confirmed(void **state)
{
	char path[128];

	(void)state;
	assert_int_equal(RUN("confirm"), 1);
	assert_string_equal(run_err, "ctfwctl: nothing is on trial\n");
	assert_int_equal(RUN("rollback"), 1);
	assert_string_equal(run_err, "ctfwctl: there is no such ruleset to go back to: see "
				     "\"rollback --list\"\n");
	assert_int_equal(RUN("--confirm", "60", "add", "table", "ip", "t"), 0);
	expect(run_err, "On trial: what was changed since ");
	expect(run_err, " is undone in 60 s, unless \"ctfwctl confirm\" comes before.\n");
	assert_int_equal(RUN("add", "table", "ip", "u"), 0);
	expect(run_err, "On trial: ");
	assert_int_equal(RUN("rollback", "now"), 1);
	expect(run_err, "rollback: \"now\" is no ruleset before this: 1 to 10");
	assert_int_equal(RUN("rollback", "--list", "1"), 1);
	assert_int_equal(RUN("rollback", "--json"), 1);
	assert_int_equal(RUN("rollback"), 0);
	expect(run_out, " is undone.\n");
	assert_int_equal(RUN("list", "tables"), 0);
	assert_string_equal(run_out, "");
	write_file("trial.nft", "add table ip t\n");
	snprintf(path, sizeof(path), "%s/trial.nft", dir);
	assert_int_equal(RUN("-f", path, "--confirm", "5"), 0);
	assert_int_equal(RUN("confirm"), 0);
	expect(run_out, " stays.\n");
	assert_int_equal(RUN("list", "tables"), 0);
	assert_string_equal(run_out, "table ip t\n");
	assert_int_equal(RUN("add", "table", "ip", "u"), 0);
	assert_int_equal(RUN("rollback", "--list"), 0);
	expect(run_out, "   in force since       by       who");
	expect(run_out, "add table ip u\n1  ");
	expect(run_out, "trial.nft\nNumber 0 is in force; up to 10 before it are kept");
	assert_int_equal(RUN("rollback", "--list", "-j"), 0);
	expect(run_out, "\"what\": \"add table ip u\"");
	assert_int_equal(RUN("rollback", "1"), 0);
	expect(run_out, " is in force again (file: ");
	expect(run_out, "trial.nft), of 0 rules.\n");
	assert_int_equal(RUN("rollback", "--confirm", "5"), 0);
	expect(run_err, "On trial: ");
	assert_int_equal(RUN("rollback"), 0);
	expect(run_out, " is undone.\n");
	assert_int_equal(RUN("list", "tables"), 0);
	assert_string_equal(run_out, "table ip t\n");
	assert_int_equal(RUN("--confirm", "5", "list", "tables"), 0);
	expect(run_err, "Nothing was changed");
}

static void what_runs_is_saved_as_a_file_that_loads_it(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/saved.nft", dir);
	write_file("saved.nft", "old\n");
	assert_int_equal(RUN("add", "table", "ip", "t"), 0);
	assert_int_equal(RUN("--confirm", "60", "add", "chain", "ip", "t", "c"), 0);
	assert_int_equal(RUN("save", path), 1);
	expect(run_err, "save: what runs is on trial: \"ctfwctl confirm\" or "
			"\"ctfwctl rollback\" first");
	assert_int_equal(RUN("confirm"), 0);
	assert_int_equal(RUN("add", "rule", "ip", "t", "c", "counter packets 5 bytes 6"), 0);
	assert_int_equal(RUN("save", path), 0);
	assert_string_equal(run_out, "");
	assert_int_equal(RUN("flush", "ruleset"), 0);
	assert_int_equal(RUN("-f", path), 0);
	assert_int_equal(RUN("list", "ruleset"), 0);
	assert_string_equal(run_out, "table ip t {\n\tchain c {\n"
				     "\t\tcounter packets 5 bytes 6\n\t}\n}\n");
	assert_int_equal(RUN("save", "-s", "-"), 0);
	expect(run_out, "# Written by \"ctfwctl save\" of ctfw " CTFW_VERSION ", ");
	expect(run_out, ", without state.\nflush ruleset\ntable ip t {\n\tchain c {\n\t\tcounter\n");
	assert_int_equal(RUN("save", "a", "b"), 1);
	expect(run_err, "save: unexpected \"b\"");
	assert_int_equal(RUN("save", "/nonexistent/x"), 1);
	expect(run_err, "save: /nonexistent/x: cannot open its directory: No such file");
	assert_int_equal(RUN("save", dir), 1);
	expect(run_err, " is left alone: it is no plain file");
}

static void a_trial_that_makes_no_sense_is_refused(void **state)
{
	(void)state;
	assert_int_equal(RUN("--confirm", "0", "add", "table", "ip", "t"), 1);
	expect(run_err, "--confirm 0: must be seconds, 1 to 86400");
	assert_int_equal(RUN("--confirm", "-5", "add", "table", "ip", "t"), 1);
	assert_int_equal(RUN("--confirm", "99999999999999999999", "add", "table", "ip", "t"), 1);
	assert_int_equal(RUN("-c", "--confirm", "5", "add", "table", "ip", "t"), 1);
	expect(run_err, "--confirm and -c: one of the two, please");
	assert_int_equal(RUN("-i", "--confirm", "5"), 1);
	expect(run_err, "--confirm and -i: one of the two, please");
	assert_int_equal(RUN("--confirm", "5", "monitor"), 1);
	assert_int_equal(RUN("--confirm", "5", "status"), 1);
	assert_int_equal(RUN("list", "tables"), 0);
	assert_string_equal(run_out, "");
}

static void commands_of_nft_are_applied_and_listed(void **state)
{
	(void)state;
	assert_int_equal(RUN("add", "table", "ip", "filter"), 0);
	assert_string_equal(run_out, "");
	assert_int_equal(RUN("add", "chain", "ip", "filter", "input",
			     "{ type filter hook input priority 0; policy accept; }"), 0);
	assert_int_equal(RUN("add", "rule", "ip", "filter", "input", "tcp", "dport", "22",
			     "accept"),
			 0);
	assert_int_equal(RUN("list", "ruleset"), 0);
	assert_string_equal(run_out,
			    "table ip filter {\n"
			    "\tchain input {\n"
			    "\t\ttype filter hook input priority filter; policy accept;\n"
			    "\t\ttcp dport 22 accept\n"
			    "\t}\n"
			    "}\n");
	assert_int_equal(RUN("-a", "list", "ruleset"), 0);
	expect(run_out, "tcp dport 22 accept # handle ");
	assert_int_equal(RUN("-c", "flush", "ruleset"), 0);
	assert_int_equal(RUN("list", "tables"), 0);
	assert_string_equal(run_out, "table ip filter\n");
	assert_int_equal(RUN("flush", "ruleset"), 0);
	assert_int_equal(RUN("list", "ruleset"), 0);
	assert_string_equal(run_out, "");
}

static void a_wrong_command_shows_place_line_and_carets(void **state)
{
	(void)state;
	assert_int_equal(RUN("add", "rule", "ip", "filter"), 1);
	expect(run_err, "<cmdline>:1:");
	expect(run_err, "add rule ip filter\n");
	expect(run_err, "^");
	assert_string_equal(run_out, "");
	assert_int_equal(RUN("sattus"), 1);
	expect(run_err, "sattus");
}

static void dates_are_in_the_time_of_whoever_gives_the_command(void **state)
{
	(void)state;
	setenv("TZ", "EST5EDT,M3.2.0,M11.1.0", 1);
	assert_int_equal(RUN("add table t; add chain t c; add rule t c "
			     "meta time \"2026-07-01 12:00\" meta time < \"2026-12-24\""), 0);
	assert_int_equal(RUN("list", "ruleset"), 0);
	expect(run_out, "meta time \"2026-07-01 12:00:00\" "
			"meta time < \"2026-12-24 00:00:00\"");
	setenv("TZ", "UTC-5:45", 1);
	assert_int_equal(RUN("list", "ruleset"), 0);
	expect(run_out, "meta time \"2026-07-01 21:45:00\" "
			"meta time < \"2026-12-24 10:45:00\"");
	unsetenv("TZ");
	assert_int_equal(RUN("flush", "ruleset"), 0);
}

static void files_are_read_with_all_that_they_include(void **state)
{
	char a[128], inc[256];

	(void)state;
	snprintf(a, sizeof(a), "%s/a.nft", dir);
	snprintf(inc, sizeof(inc), "include \"./b.nft\"\ninclude \"%s/d/*.nft\"\n"
				   "include \"sub/c.nft\"\nadd chain ip c x\n"
				   "add rule ip c x tcp dport $port accept\n", dir);
	write_file("a.nft", inc);
	write_file("b.nft", "add table ip b\ninclude \"./bb.nft\"\n");
	write_file("bb.nft", "add table ip bb\n");
	snprintf(inc, sizeof(inc), "%s/d", dir);
	assert_int_equal(mkdir(inc, 0700), 0);
	snprintf(inc, sizeof(inc), "%s/sub", dir);
	assert_int_equal(mkdir(inc, 0700), 0);
	write_file("d/1.nft", "add table ip d1\n");
	write_file("d/2.nft", "add table ip d2\n");
	write_file("d/.3.nft", "add table ip d3\n");
	write_file("sub/c.nft", "add table ip c\n");
	assert_int_equal(chdir(dir), 0);

	assert_int_equal(RUN("-D", "port=2222", "-I", dir, "-f", a), 0);
	assert_int_equal(RUN("list", "tables"), 0);
	assert_string_equal(run_out, "table ip b\ntable ip bb\ntable ip d1\ntable ip d2\n"
				     "table ip c\n");
	assert_int_equal(RUN("list", "table", "ip", "c"), 0);
	expect(run_out, "tcp dport 2222 accept\n");
	/* Without -I nothing is found, and nothing changes. */
	assert_int_equal(RUN("flush", "ruleset"), 0);
	assert_int_equal(RUN("-D", "port=2222", "-f", a), 1);
	expect(run_err, "a.nft:3:");
	expect(run_err, "sub/c.nft");
	assert_int_equal(RUN("list", "tables"), 0);
	assert_string_equal(run_out, "");
	assert_int_equal(RUN("-f", "./none.nft"), 1);
	expect(run_err, "cannot read \"./none.nft\": No such file or directory");
	/* An error in an included file is told with that file's name. */
	write_file("bb.nft", "add tabel ip bb\n");
	assert_int_equal(RUN("-D", "port=2222", "-I", dir, "-f", a), 1);
	expect(run_err, "./bb.nft:1:5:");
	expect(run_err, "add tabel ip bb\n");
}

static void text_that_is_not_utf8_is_refused_with_its_line(void **state)
{
	char path[128];

	(void)state;
	write_file("latin1.nft", "add table ip a\n# gr\xfc\xdf\n");
	snprintf(path, sizeof(path), "%s/latin1.nft", dir);
	assert_int_equal(RUN("-f", path), 1);
	expect(run_err, "latin1.nft:2: this line is not UTF-8 text");
	assert_int_equal(RUN("list", "tables"), 0);
	assert_string_equal(run_out, "");
}

/* ---- who listens ---- */

static void a_socket_that_nobody_listens_on_is_told(void **state)
{
	(void)state;
	daemon_stop();
	assert_int_equal(RUN("status"), 1);
	expect(run_err, "ctfwctl: ctfwd is not running (nobody listens on ");
	expect(run_err, "\nStart it with \"systemctl start ctfwd\"");
	assert_int_equal(lines(run_err), 2);
}

static void no_permission_is_told(void **state)
{
	pid_t child;
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(chmod(socket_path, 0600), 0);
	child = fork();
	if (child == 0) {
		if (setgid(65534) || setuid(65534) || RUN("status") != 1)
			_exit(1);
		_exit(strstr(run_err, "no permission to connect to ") &&
				      strstr(run_err, ": root may, and the group root\n") ?
			      0 :
			      2);
	}
	waitpid(child, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 0);

	assert_int_equal(chmod(socket_path, 0666), 0);
	child = fork();
	if (child == 0) {
		if (setgid(65534) || setuid(65534) || RUN("status") != 0 ||
		    RUN("list", "ruleset") != 0 || RUN("conntrack", "-C") != 0)
			_exit(1);
		if (RUN("conntrack", "-F") != 1 || !strstr(run_err, "permission denied"))
			_exit(2);
		if (RUN("add", "table", "ip", "t") != 1 ||
		    !strstr(run_err, "permission denied"))
			_exit(3);
		_exit(RUN("reload") == 1 && strstr(run_err, "permission denied") ? 0 : 4);
	}
	waitpid(child, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int setup(void **state)
{
	(void)state;
	strcpy(dir + strlen(dir) - 6, "XXXXXX"); /* each test its own */
	assert_non_null(mkdtemp(dir));
	daemon_start(false);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	daemon_stop();
	assert_int_equal(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
	run_fini();
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(status_answers_the_first_question_first),
		TEST(status_as_json_has_the_names_of_the_interface),
		TEST(flows_are_listed_as_conntrack_does),
		TEST(flows_are_counted_and_deleted_as_conntrack_does),
		TEST(a_flow_is_made_shown_changed_and_deleted),
		TEST(xml_is_that_of_conntrack),
		TEST(what_was_saved_can_be_loaded),
		TEST(each_worker_has_a_line),
		TEST(a_reload_that_fails_says_why),
		TEST(changes_are_on_trial_until_confirmed),
		TEST(a_trial_that_makes_no_sense_is_refused),
		TEST(what_runs_is_saved_as_a_file_that_loads_it),
		TEST(commands_of_nft_are_applied_and_listed),
		TEST(a_wrong_command_shows_place_line_and_carets),
		TEST(dates_are_in_the_time_of_whoever_gives_the_command),
		TEST(files_are_read_with_all_that_they_include),
		TEST(text_that_is_not_utf8_is_refused_with_its_line),
		TEST(a_socket_that_nobody_listens_on_is_told),
		TEST(no_permission_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
