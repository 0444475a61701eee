/* ctfwd.c - the daemon: options of the command line, then the keeper. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <string.h>

#include "ctfw/config.h"
#include "ctfw/plan.h"
#include "ctfw/steer.h"
#include "host/isolate.h"
#include "host/keeper.h"
#include "host/lastgood.h"
#include "host/log.h"
#include "host/opening.h"
#include "host/rulesetfile.h"

static const char usage[] =
	"Usage: ctfwd [OPTION]...\n"
	"The firewall daemon, in the foreground.\n"
	"\n"
	"  -c, --config FILE  configuration; default " CONFIG_FILE "\n"
	"  -t, --test         check configuration and ruleset, print what would be put\n"
	"                     into the host's network stack, and exit\n"
	"      --guard        close what is to be captured, for a daemon to open, and exit\n"
	"      --guard-off    end that, and exit\n"
	"      --open         open what is fail-closed = no unless a daemon runs, and exit\n"
	"  -v, --verbose      say more\n"
	"      --version      print the version and exit\n"
	"  -h, --help         print this and exit\n"
	"\n"
	"SIGHUP reads configuration and ruleset again, SIGTERM ends the daemon.\n";

/* What it is run for. */
enum task { RUN, TEST, GUARD, GUARD_OFF, OPEN };
static const char *const task_options[] = {
	[TEST] = "--test", [GUARD] = "--guard", [GUARD_OFF] = "--guard-off", [OPEN] = "--open"
};

struct options {
	const char *config; /* NULL: the usual one */
	enum task task;
	bool verbose;
};

enum { OPTION_VERSION = 256, OPTION_GUARD, OPTION_GUARD_OFF, OPTION_OPEN };

static void set_task(struct options *o, enum task task)
{
	if (o->task != RUN && o->task != task) {
		fprintf(stderr, "ctfwd: %s and %s: one at a time.\n", task_options[o->task],
			task_options[task]);
		exit(EXIT_FAILURE);
	}
	o->task = task;
}

static void parse_options(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "test", no_argument, NULL, 't' },
		{ "guard", no_argument, NULL, OPTION_GUARD },
		{ "guard-off", no_argument, NULL, OPTION_GUARD_OFF },
		{ "open", no_argument, NULL, OPTION_OPEN },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, OPTION_VERSION },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:tvh", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 't':
			set_task(o, TEST);
			break;
		case OPTION_GUARD:
			set_task(o, GUARD);
			break;
		case OPTION_GUARD_OFF:
			set_task(o, GUARD_OFF);
			break;
		case OPTION_OPEN:
			set_task(o, OPEN);
			break;
		case 'v':
			o->verbose = true;
			break;
		case OPTION_VERSION:
			puts("ctfwd " CTFW_VERSION);
			exit(EXIT_SUCCESS);
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		default:
			fputs("Try \"ctfwd --help\".\n", stderr);
			exit(EXIT_FAILURE);
		}
	}
	if (optind < argc) {
		fprintf(stderr,
			"ctfwd: what is \"%s\"? There are options only, no arguments.\n",
			argv[optind]);
		exit(EXIT_FAILURE);
	}
	if (o->task == OPEN && o->config) {
		fputs("ctfwd: --open takes the configuration that was in force last, and no "
		      "other.\n",
		      stderr);
		exit(EXIT_FAILURE);
	}
}

/* What a start would put into this host, as a script.  Files are right or wrong on any host,
 * so one that cannot be looked at is told, and no failure. */
static void print_plan(const struct config *c)
{
	struct diag d = DIAG_INIT;
	struct text script = TEXT_INIT;
	struct plan plan;

	if (plan_read(c, &plan, &d)) {
		fputs(text_str(&d.text), stderr);
	} else {
		plan_script(&plan, &script);
		fputs(text_str(&script), stdout);
		fflush(stdout);
		fputs(text_str(&plan.warnings), stderr);
		plan_fini(&plan);
	}
	text_fini(&script);
	diag_fini(&d);
}

/* Root can read files that the daemon's user cannot: look at them as that one.  They are right
 * or wrong on any host, so a user that is not there is told, and no failure. */
static bool look_as_user(const struct config *c)
{
	struct diag d = DIAG_INIT;
	struct identity id;
	int err = isolate_identity(c->daemon.user, &id, &d);

	if (err)
		fputs(text_str(&d.text), stderr);
	else if (id.change)
		err = isolate_look_as(&id);
	diag_fini(&d);
	return !err && id.change;
}

static int check_files(const struct config *c, struct diag *d)
{
	struct config *again = NULL;
	bool other = look_as_user(c);
	int err = other ? config_load(c->name, d, &again) : 0;

	if (!err)
		err = rulesetfile_check(c->daemon.ruleset, d);
	if (other)
		isolate_look_as_root();
	config_free(again);
	return err;
}

static int test(struct config *c)
{
	struct diag d = DIAG_INIT;
	int err = check_files(c, &d);

	if (err) {
		fputs(text_str(&d.text), stderr);
	} else {
		printf("%s and %s are right\n", c->name, c->daemon.ruleset);
		print_plan(c);
	}
	diag_fini(&d);
	config_free(c);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* One of steer_guard() and steer_guard_off(). */
static int guard(struct config *c, int (*what)(const struct config *c, struct diag *d))
{
	struct diag d = DIAG_INIT;
	int err = what(c, &d);

	if (err)
		fputs(d.text.len ? text_str(&d.text) : strerror(-err), stderr);
	diag_fini(&d);
	config_free(c);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* A guard whose configuration is wrong closes what was in force last.  done: what it does. */
static int load_last(const char *done, struct config **ret_config)
{
	struct diag d = DIAG_INIT;
	int err = lastgood_load(&d, ret_config);

	if (!err)
		fputs("ctfwd: taking the configuration that was in force last\n", stderr);
	else if (err == -ENOENT)
		fprintf(stderr,
			"ctfwd: nor is there one that was in force last: nothing is %s\n", done);
	else
		fputs(text_str(&d.text), stderr);
	diag_fini(&d);
	return err;
}

/* What the last daemon filtered counts, whatever the operator has written since.  One that runs
 * is no failure, nor is one that never did. */
static int open_last(void)
{
	struct config *config = NULL;
	struct diag d = DIAG_INIT;
	int err = lastgood_load(&d, &config);

	if (!err) {
		err = opening_open(config);
	} else if (err != -ENOENT) {
		fputs(text_str(&d.text), stderr);
	} else {
		fputs(getenv("STATE_DIRECTORY") ?
			      "ctfwd: it is not known what was in force last: nothing is "
			      "opened\n" :
			      "ctfwd: STATE_DIRECTORY does not say where a copy is of what was "
			      "in force last: nothing is opened;\n"
			      "ctfwd: \"systemctl start ctfw-open\" knows\n",
		      stderr);
		err = 0;
	}
	config_free(config);
	diag_fini(&d);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options o = { .config = NULL };
	struct config *config;
	struct diag d = DIAG_INIT;
	int err;

	parse_options(argc, argv, &o);
	log_init(o.verbose);
	if (o.task == OPEN)
		return open_last();
	err = config_load(o.config ? o.config : CONFIG_FILE, &d, &config);
	if (err)
		fputs(text_str(&d.text), stderr);
	diag_fini(&d);
	if (err && (o.task == GUARD || o.task == GUARD_OFF))
		err = load_last(o.task == GUARD ? "closed" : "opened", &config);
	if (err)
		return o.task == RUN ? EX_CONFIG : EXIT_FAILURE;
	switch (o.task) {
	case TEST:
		return test(config);
	case GUARD:
		return guard(config, steer_guard);
	case GUARD_OFF:
		return guard(config, steer_guard_off);
	default:
		return keeper_run(config);
	}
}
