/* status_text.c - Status for people: the operator's first question first.
 *
 * Is it filtering, and is it well?  Then what it filters, by which files, and the numbers.
 * Members that an older or newer daemon does not tell are left out, never made up. */
#include "ctl/status_text.h"

#include <stdbool.h>
#include <string.h>

#include "ctfw/reason.h"
#include "ctl/writer.h"

static const char *str(const json_t *object, const char *name, const char *otherwise)
{
	const char *s = json_string_value(json_object_get(object, name));

	return s ? s : otherwise;
}

static uint64_t num(const json_t *object, const char *name)
{
	json_int_t n = json_integer_value(json_object_get(object, name));

	return n > 0 ? (uint64_t)n : 0;
}

/* Strings of a list, with a blank between them. */
static void print_words(FILE *out, const json_t *list, const char *otherwise)
{
	json_t *word;
	size_t i;

	json_array_foreach (list, i, word)
		if (json_is_string(word))
			fprintf(out, "%s%s", i ? " " : "", json_string_value(word));
	if (json_array_size(list) == 0)
		fputs(otherwise, out);
}

static void print_headline(FILE *out, const json_t *status, double now)
{
	double since = json_number_value(json_object_get(status, "since"));
	char a[UNIT_TEXT], b[UNIT_TEXT];

	fprintf(out, "ctfw %s: ", str(status, "version", "?"));
	if (!json_is_true(json_object_get(status, "filtering"))) {
		fputs("NOT FILTERING\n", out);
		return;
	}
	fputs("filtering", out);
	if (since > 0)
		fprintf(out, " since %s (%s)", unit_time(since, a),
			unit_duration(now > since ? (uint64_t)(now - since) : 0, b));
	fputc('\n', out);
}

/* Before all else: the rules are about to become others. */
static void print_trial(FILE *out, const json_t *status)
{
	const json_t *trial = json_object_get(status, "trial");
	char since[UNIT_TEXT];

	if (!json_is_object(trial))
		return;
	fprintf(out,
		"ON TRIAL: %s since %s: undone in %llu s, unless \"ctfwctl confirm\" comes "
		"before\n",
		json_is_true(json_object_get(trial, "file")) ? "the ruleset file and all changes" :
							       "all changes",
		unit_time(json_number_value(json_object_get(trial, "begun")), since),
		(unsigned long long)num(trial, "undone_in"));
}

static bool is_captured(const json_t *status, const char *interface)
{
	json_t *capture;
	size_t i;

	json_array_foreach (json_object_get(status, "captures"), i, capture)
		if (strcmp(str(capture, "interface", ""), interface) == 0)
			return true;
	return false;
}

static bool is_waited_for(const json_t *status, const char *interface)
{
	const json_t *steering = json_object_get(status, "steering");
	json_t *name;
	size_t i;

	json_array_foreach (json_object_get(steering, "waiting"), i, name)
		if (json_is_string(name) && strcmp(json_string_value(name), interface) == 0)
			return true;
	return false;
}

/* What is filtered; the rest of the host is not. */
static void print_scope(FILE *out, const json_t *status)
{
	json_t *capture, *port;
	unsigned n = 0;
	size_t i;

	json_array_foreach (json_object_get(status, "captures"), i, capture) {
		fprintf(out, "  %s: to and from ", str(capture, "interface", "?"));
		print_words(out, json_object_get(capture, "networks"), "no network");
		fputs(" (", out);
		print_words(out, json_object_get(capture, "hooks"), "no hook");
		fputs(json_is_true(json_object_get(capture, "fail_closed")) ?
			      "; fail-closed" : "; fail-open", out);
		if (json_is_true(json_object_get(capture, "spoof_check")))
			fputs("; spoof check", out);
		fputs(")\n", out);
		if (is_waited_for(status, str(capture, "interface", "?")))
			fputs("    NOT THERE, or down: nothing of it passes until it is up\n",
			      out);
		n++;
	}
	/* TUNs that the operator routes by hand. */
	json_array_foreach (json_object_get(status, "ports"), i, port) {
		if (is_captured(status, str(port, "interface", "")))
			continue;
		fprintf(out, "  %s: what is routed through %s\n",
			str(port, "interface", "?"), str(port, "name", "?"));
		n++;
	}
	fputs(n ? "  nothing else of this host\n\n" : "  nothing is filtered\n\n", out);
}

static void print_load(FILE *out, const json_t *status)
{
	const json_t *load = json_object_get(status, "last_load");
	const char *error = str(load, "error", NULL);
	bool ok = json_is_true(json_object_get(load, "ok"));
	char when[UNIT_TEXT];

	if (!load)
		return;
	fprintf(out, "Last load  %s (%s): %s\n",
		unit_time(json_number_value(json_object_get(load, "time")), when),
		str(load, "cause", "?"),
		ok ? "ok" : "FAILED, what was in force before still is");
	for (const char *line = error; line && *line; line += strcspn(line, "\n")) {
		line += *line == '\n';
		if (*line)
			fprintf(out, "           %.*s\n", (int)strcspn(line, "\n"), line);
	}
}

/* "tcp 5, udp 3": the members of an object that are not zero. */
static void print_counts(FILE *out, const char *title, const json_t *object)
{
	const char *name, *comma = "";
	json_t *value;

	fputs(title, out);
	json_object_foreach ((json_t *)object, name, value)
		if (json_integer_value(value)) {
			fprintf(out, "%s%s %llu", comma, name,
				(unsigned long long)num(object, name));
			comma = ", ";
		}
	fputs(*comma ? "\n" : "none\n", out);
}

/* Whoever is left in peace need not know of it. */
static void print_steering(FILE *out, const json_t *status)
{
	const json_t *steering = json_object_get(status, "steering");
	const json_t *restored = json_object_get(steering, "restored");
	const char *name;
	uint64_t all = 0;
	json_t *value;

	json_object_foreach ((json_t *)restored, name, value)
		all += num(restored, name);
	if (all)
		print_counts(out, "Put back   what others deleted: ", restored);
	if (num(steering, "missing"))
		fprintf(out,
			"MISSING    %llu things that lead traffic here: see \"ctfwctl steer "
			"check\"\n",
			(unsigned long long)num(steering, "missing"));
	if (json_is_true(json_object_get(steering, "rp_filter")))
		fputs("RP_FILTER  net.ipv4.conf.all.rp_filter is 1: the kernel drops what has "
		      "passed here; see \"ctfwctl steer check\"\n",
		      out);
	if (json_is_true(json_object_get(steering, "guard")))
		fputs("Guard      set: what is fail-closed stays so when the daemon stops\n",
		      out);
}

static void print_files(FILE *out, const json_t *status)
{
	const json_t *config = json_object_get(status, "config");
	const json_t *ruleset = json_object_get(status, "ruleset");
	const json_t *restarts = json_object_get(status, "restarts");
	double undone = json_number_value(json_object_get(ruleset, "file_undone"));
	char when[UNIT_TEXT];

	if (config)
		fprintf(out, "Config     %s, loaded %s\n", str(config, "path", "-"),
			unit_time(json_number_value(json_object_get(config, "loaded")), when));
	fprintf(out, "Ruleset    %s", str(ruleset, "path", "no file"));
	if (json_is_null(json_object_get(ruleset, "loaded")))
		fputs(", not read since the start: the rules of before it go on", out);
	else if (json_object_get(ruleset, "loaded"))
		fprintf(out, ", loaded %s",
			unit_time(json_number_value(json_object_get(ruleset, "loaded")), when));
	if (undone > 0)
		fprintf(out,
			"\n           NOT WHAT RUNS: what the file held was undone %s; a reload "
			"reads it again",
			unit_time(undone, when));
	fprintf(out, "\n           tables %llu, chains %llu, rules %llu; generation %llu\n",
		(unsigned long long)num(ruleset, "tables"),
		(unsigned long long)num(ruleset, "chains"),
		(unsigned long long)num(ruleset, "rules"),
		(unsigned long long)num(ruleset, "generation"));
	if (json_object_get(ruleset, "chains") && !num(ruleset, "chains"))
		fputs("           NO CHAINS: nothing is judged, all of it passes\n", out);
	print_load(out, status);
	print_steering(out, status);
	if (restarts)
		fprintf(out, "Processes  keeper %llu, filter %llu, restarted %llu times\n",
			(unsigned long long)num(status, "keeper_pid"),
			(unsigned long long)num(status, "filter_pid"),
			(unsigned long long)num(status, "restarts"));
	fputc('\n', out);
}

static void traffic_row(struct columns *c, const char *name, const json_t *counter)
{
	char packets[UNIT_TEXT], bytes[UNIT_TEXT];

	columns_row(c, name, unit_count(num(counter, "packets"), packets),
		    unit_bytes(num(counter, "bytes"), bytes));
}

static void print_traffic(FILE *out, const json_t *status)
{
	const json_t *workers = json_object_get(status, "workers");
	struct columns c;
	const char *name;
	json_t *value;
	size_t i;

	columns_init(&c, "lrr");
	columns_row(&c, "Traffic", "packets", "bytes");
	traffic_row(&c, "  in", json_object_get(status, "in"));
	traffic_row(&c, "  out", json_object_get(status, "out"));
	if (json_array_size(workers) > 1)
		json_array_foreach (workers, i, value) {
			char row[2 * UNIT_TEXT];

			snprintf(row, sizeof(row), "  worker %zu, in", i);
			traffic_row(&c, row, json_object_get(value, "in"));
		}
	columns_print(&c, out, 0);
	columns_init(&c, "lr");
	json_object_foreach ((json_t *)json_object_get(status, "hooks"), name, value) {
		char n[UNIT_TEXT];

		columns_row(&c, name,
			    unit_count(num(json_object_get(status, "hooks"), name), n));
	}
	columns_print(&c, out, 2);
	fprintf(out, "  workers %zu, super-packets %llu, own answers %llu",
		json_array_size(workers), (unsigned long long)num(status, "super_packets"),
		(unsigned long long)num(status, "replies"));
	/* Whoever has no port of role return need not know of it. */
	if (num(status, "given_back"))
		fprintf(out, ", given back to the host %llu",
			(unsigned long long)num(status, "given_back"));
	fputs("\n\n", out);
}

static void print_flows(FILE *out, const json_t *status)
{
	const json_t *flows = json_object_get(status, "flows");

	if (!flows)
		return;
	fprintf(out, "Flows  %llu now, %llu peak, %llu max\n",
		(unsigned long long)num(flows, "now"), (unsigned long long)num(flows, "peak"),
		(unsigned long long)num(flows, "max"));
	if (num(flows, "reserved"))
		fprintf(out, "  reserved    %llu of max, by which %llu came in\n",
			(unsigned long long)num(flows, "reserved"),
			(unsigned long long)num(flows, "reserve_used"));
	print_counts(out, "  protocols   ", json_object_get(flows, "protocols"));
	print_counts(out, "  TCP states  ", json_object_get(flows, "tcp_states"));
	if (num(json_object_get(flows, "protocols"), "sctp"))
		print_counts(out, "  SCTP states ", json_object_get(flows, "sctp_states"));
	fprintf(out,
		"  created %llu, expired %llu, dropped early %llu, invalid packets %llu\n\n",
		(unsigned long long)num(flows, "created"),
		(unsigned long long)num(flows, "expired"),
		(unsigned long long)num(flows, "early_drop"),
		(unsigned long long)num(flows, "invalid"));
}

/* Whoever has no helper need not know of them. */
static void print_expectations(FILE *out, const json_t *status)
{
	const json_t *expectations = json_object_get(status, "expectations");

	if (!num(expectations, "now") && !num(expectations, "created"))
		return;
	fprintf(out,
		"Expectations  %llu now, %llu max\n"
		"  created %llu, fulfilled %llu, deleted %llu\n\n",
		(unsigned long long)num(expectations, "now"),
		(unsigned long long)num(expectations, "max"),
		(unsigned long long)num(expectations, "created"),
		(unsigned long long)num(expectations, "fulfilled"),
		(unsigned long long)num(expectations, "deleted"));
}

/* Nor whoever has no dynamic set. */
static void print_elements(FILE *out, const json_t *status)
{
	const json_t *elements = json_object_get(status, "elements");

	if (!num(elements, "now") && !num(elements, "added"))
		return;
	fprintf(out, "Elements of dynamic sets  %llu now, %llu max\n  added %llu, expired %llu",
		(unsigned long long)num(elements, "now"),
		(unsigned long long)num(elements, "max"),
		(unsigned long long)num(elements, "added"),
		(unsigned long long)num(elements, "expired"));
	if (num(elements, "set_full") || num(elements, "no_room"))
		fprintf(out, ", refused %llu by a set's size, %llu by max-elements",
			(unsigned long long)num(elements, "set_full"),
			(unsigned long long)num(elements, "no_room"));
	fprintf(out, "\n\n");
}

static void print_fragments(FILE *out, const json_t *status)
{
	const json_t *fragments = json_object_get(status, "fragments");
	char bytes[UNIT_TEXT], max[UNIT_TEXT];

	if (!fragments)
		return;
	fprintf(out,
		"Fragments  %llu waiting, of %llu datagrams, %s of %s\n"
		"  datagrams put together %llu\n\n",
		(unsigned long long)num(fragments, "waiting"),
		(unsigned long long)num(fragments, "datagrams"),
		unit_bytes(num(fragments, "bytes"), bytes),
		unit_bytes(num(fragments, "max_bytes"), max),
		(unsigned long long)num(fragments, "put_together"));
}

/* Its help, when this ctfwctl knows the reason. */
static const char *drop_help(const char *name)
{
	for (int r = REASON_NONE + 1; r < REASON_COUNT; r++)
		if (strcmp(reason_name(r), name) == 0)
			return reason_help(r);
	return "";
}

static void print_drops(FILE *out, const json_t *status)
{
	const json_t *drops = json_object_get(status, "drops");
	struct columns c;
	const char *name;
	json_t *value;

	fprintf(out, "Drops  %llu packets\n", (unsigned long long)num(status, "drops_total"));
	columns_init(&c, "lrl");
	json_object_foreach ((json_t *)drops, name, value) {
		char n[UNIT_TEXT];

		if (json_integer_value(value))
			columns_row(&c, name, unit_count(num(drops, name), n), drop_help(name));
	}
	columns_print(&c, out, 2);
	fputc('\n', out);
}

static void print_ports(FILE *out, const json_t *status)
{
	json_t *port;
	size_t i;

	fputs("Ports\n", out);
	json_array_foreach (json_object_get(status, "ports"), i, port) {
		fprintf(out, "  %s: %s of %s, mtu %llu, queues %llu, offload ",
			str(port, "name", "?"), str(port, "role", "?"),
			str(port, "interface", "-"), (unsigned long long)num(port, "mtu"),
			(unsigned long long)num(port, "queues"));
		print_words(out, json_object_get(port, "offload"), "none");
		fputc('\n', out);
	}
	if (json_array_size(json_object_get(status, "ports")) == 0)
		fputs("  none\n", out);
}

void status_print(FILE *out, const json_t *status, double now)
{
	print_headline(out, status, now);
	print_trial(out, status);
	print_scope(out, status);
	print_files(out, status);
	print_traffic(out, status);
	print_flows(out, status);
	print_expectations(out, status);
	print_elements(out, status);
	print_fragments(out, status);
	print_drops(out, status);
	print_ports(out, status);
}
