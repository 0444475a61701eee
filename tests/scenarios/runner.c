/* runner.c - runs scenario files: README.md beside this file says how they read.
 *
 *     scenarios FILE...
 *     scenarios --wrong FILE...
 *     scenarios --dump FILE...
 *
 * Exit status 0 when all scenarios of all files came out as they say.  A scenario ends with
 * its first difference, told as FILE:LINE; the others are still run.  --wrong: when none
 * did, since each says something that is not so; that tests the runner.  --dump: tells what
 * each scenario does, a word and its arguments a line, packets and rules in hex, for the
 * oracle tests (tests/oracle/stories.py). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/hostspec.h"
#include "dump.h"
#include "expect.h"
#include "options.h"
#include "row.h"
#include "scenario.h"

#define WORDS_MAX 512
#define START (1000 * NSEC_PER_SEC) /* a scenario's time 0 */

enum mode { MODE_RUN = 1, MODE_WRONG, MODE_DUMP };

int scenario_fail(struct scenario *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_vprintf(&s->error, fmt, ap);
	va_end(ap);
	return -1;
}

/* The end of a word: quotes, which stay in it, hold blanks together. */
static char *word_end(char *w)
{
	bool quoted = false;

	for (; *w && (quoted || (*w != ' ' && *w != '\t')); w++) {
		if (*w == '\\' && quoted && w[1])
			w++;
		else if (*w == '"')
			quoted = !quoted;
	}
	return w;
}

/* Words of a line in place; a # at a word's start begins a comment. */
static size_t split(char *line, char *words[WORDS_MAX])
{
	size_t n = 0;

	for (;;) {
		line += strspn(line, " \t");
		if (!*line || *line == '#' || n == WORDS_MAX)
			return n;
		words[n++] = line;
		line = word_end(line);
		if (*line)
			*line++ = '\0';
	}
}

/* ---- the firewall under test ---- */

static int set_hostview(struct scenario *s)
{
	struct hostview *hv = hostspec_build(&s->host);

	if (!hv)
		return scenario_fail(s, "out of memory");
	replay_set_hostview(s->replay, hv);
	return 0;
}

int scenario_need_replay(struct scenario *s)
{
	int err;

	if (s->replay)
		return 0;
	err = replay_new(&s->options, &s->replay);
	if (err)
		return scenario_fail(s, "the firewall cannot be made: %s", strerror(-err));
	replay_advance(s->replay, s->time);
	if (s->port.role)
		replay_set_port(s->replay, &s->port);
	return set_hostview(s);
}

static int apply(struct scenario *s, const char *name, const char *text, size_t len)
{
	const struct ruleset_input input = { .name = name, .text = text, .len = len };
	struct diag d = DIAG_INIT;
	struct text out = TEXT_INIT;
	int err;

	if (scenario_need_replay(s) < 0)
		return -1;
	err = replay_apply(s->replay, &input, &d, &out);
	if (err)
		scenario_fail(s, "%s", d.text.len ? text_str(&d.text) : strerror(-err));
	diag_fini(&d);
	text_fini(&out);
	return err ? -1 : 0;
}

/* ---- statements ---- */

static int do_host(struct scenario *s, char **words, size_t n)
{
	char error[ROW_ERROR];

	return row_host(&s->rows, words, n, error) < 0 ? scenario_fail(s, "%s", error) : 0;
}

static int do_config(struct scenario *s, char **words, size_t n)
{
	if (n != 2 || option_set(&s->options.conntrack, words[0], words[1]) < 0)
		return scenario_fail(
			s, "config OPTION VALUE is what is wanted: an option of [conntrack] "
			   "and what it may be");
	if (s->replay && conntrack_set_options(replay_conntrack(s->replay),
					       &s->options.conntrack) < 0)
		return scenario_fail(s, "%s cannot be %s", words[0], words[1]);
	return 0;
}

/* fragments OPTION VALUE: of [fragments] */
static int do_fragments(struct scenario *s, char **words, size_t n)
{
	const struct {
		const char *name;
		uint32_t *value;
	} options[] = {
		{ "max-memory", &s->fragments.max_memory },
		{ "timeout", &s->fragments.timeout },
		{ "timeout-ipv6", &s->fragments.timeout_ipv6 },
		{ "max-distance", &s->fragments.max_distance },
	};

	for (size_t i = 0; n == 2 && i < sizeof(options) / sizeof(options[0]); i++) {
		if (strcmp(options[i].name, words[0]) != 0)
			continue;
		*options[i].value = (uint32_t)atoi(words[1]);
		if (s->replay)
			engine_set_fragments(replay_engine(s->replay), &s->fragments);
		return 0;
	}
	return scenario_fail(s, "fragments OPTION VALUE is what is wanted, of [fragments]");
}

/* fragments-waiting N */
static int do_fragments_waiting(struct scenario *s, char **words, size_t n)
{
	struct frag_stats stats;

	if (n != 1)
		return scenario_fail(s, "fragments-waiting NUMBER is what is wanted");
	if (scenario_need_replay(s) < 0)
		return -1;
	engine_fragments(replay_engine(s->replay), &stats);
	if (stats.fragments != strtoull(words[0], NULL, 10))
		return scenario_fail(s, "%" PRIu64 " fragments wait", stats.fragments);
	return 0;
}

static int do_local(struct scenario *s, char **words, size_t n)
{
	char error[HOSTSPEC_ERROR] = "local ADDRESS[@IFACE] is what is wanted";

	if (n != 1 || hostspec_local(&s->host, words[0], error) < 0)
		return scenario_fail(s, "%s", error);
	return s->replay ? set_hostview(s) : 0;
}

/* gone ADDRESS: the host has it no more. */
static int do_gone(struct scenario *s, char **words, size_t n)
{
	struct hostspec *h = &s->host;
	union addr addr;
	uint8_t family;
	size_t kept = 0;

	if (n != 1 || addr_parse(words[0], &family, &addr) < 0)
		return scenario_fail(s, "gone ADDRESS is what is wanted");
	for (size_t i = 0; i < h->n_addrs; i++) {
		if (h->addrs[i].prefix.family != family ||
		    !addr_equal(&h->addrs[i].prefix.addr, &addr))
			h->addrs[kept++] = h->addrs[i];
	}
	if (kept == h->n_addrs)
		return scenario_fail(s, "%s is no address of the host", words[0]);
	h->n_addrs = kept;
	return s->replay ? set_hostview(s) : 0;
}

static int do_route(struct scenario *s, char **words, size_t n)
{
	char error[HOSTSPEC_ERROR] = "route PREFIX=IFACE is what is wanted";

	if (n != 1 || hostspec_route(&s->host, words[0], error) < 0)
		return scenario_fail(s, "%s", error);
	return s->replay ? set_hostview(s) : 0;
}

/* mtu IFACE BYTES */
static int do_mtu(struct scenario *s, char **words, size_t n)
{
	uint32_t index;

	if (n != 2 || hostspec_link(&s->host, words[0], &index) < 0)
		return scenario_fail(s, "mtu IFACE BYTES is what is wanted");
	s->host.links[index - 1].mtu = (uint32_t)atoi(words[1]);
	return s->replay ? set_hostview(s) : 0;
}

/* down IFACE */
static int do_down(struct scenario *s, char **words, size_t n)
{
	uint32_t index;

	if (n != 1 || hostspec_link(&s->host, words[0], &index) < 0)
		return scenario_fail(s, "down IFACE is what is wanted");
	s->host.links[index - 1].down = true;
	return s->replay ? set_hostview(s) : 0;
}

/* port both|in|out|return [IFACE [spoof-check] [PREFIX...]] */
static int do_port(struct scenario *s, char **words, size_t n)
{
	struct engine_port *p = &s->port;

	*p = (struct engine_port){ .hooks = ENGINE_ALL_HOOKS, .networks = s->networks };
	for (int role = PORT_IN; n && role <= PORT_RETURN; role++)
		if (strcmp(port_role_name(role), words[0]) == 0)
			p->role = role;
	if (!p->role || (p->role != PORT_BOTH && n < 2))
		return scenario_fail(
			s, "port both, or port in|out|return IFACE [spoof-check] [PREFIX...]");
	for (size_t i = 1; i < n; i++) {
		if (i == 1) {
			if (hostspec_link(&s->host, words[i], &p->ifindex) < 0)
				return scenario_fail(
					s, "\"%s\" is not the name of an interface", words[i]);
			memcpy(p->ifname, words[i], strlen(words[i]));
		} else if (strcmp(words[i], "spoof-check") == 0) {
			p->spoof_check = true;
		} else if (p->n_networks == NETWORKS_MAX ||
			   prefix_parse(words[i], &s->networks[p->n_networks++]) < 0) {
			return scenario_fail(s, "\"%s\" is not a prefix", words[i]);
		}
	}
	if (!s->replay)
		return 0;
	replay_set_port(s->replay, p);
	return set_hostview(s);
}

/* ruleset ... end: in the place of what was there */
static int do_ruleset(struct scenario *s, char **words, size_t n)
{
	struct text text = TEXT_INIT;
	unsigned first = s->lines[s->at].number;
	int err;

	(void)words;
	if (n)
		return scenario_fail(s, "the rules begin on the next line");
	text_puts(&text, "flush ruleset");
	for (s->at++; s->at < s->n_lines; s->at++) {
		const char *line = s->lines[s->at].text;

		if (strcmp(line + strspn(line, " \t"), "end") == 0)
			break;
		text_putc(&text, '\n');
		text_puts(&text, line);
	}
	if (s->dump)
		dump_hex("ruleset", text_str(&text), text.len);
	if (s->at == s->n_lines)
		err = scenario_fail(s, "the ruleset of line %u has no \"end\"", first);
	else
		err = apply(s, "ruleset", text_str(&text), text.len);
	text_fini(&text);
	return err;
}

/* nft COMMAND */
static int do_nft(struct scenario *s, char **words, size_t n)
{
	struct text text = TEXT_INIT;
	int err;

	for (size_t i = 0; i < n; i++)
		text_printf(&text, "%s%s", i ? " " : "", words[i]);
	err = apply(s, "nft", text_str(&text), text.len);
	text_fini(&text);
	return err;
}

/* "1", "0.25": to the nanosecond, without floating point. */
static int parse_seconds(const char *word, uint64_t *ret_ns)
{
	char *end;
	uint64_t ns = strtoull(word, &end, 10) * NSEC_PER_SEC, unit = NSEC_PER_SEC;

	if (end == word)
		return -1;
	if (*end == '.')
		while (*++end >= '0' && *end <= '9' && unit > 1)
			ns += (uint64_t)(*end - '0') * (unit /= 10);
	*ret_ns = ns;
	return *end ? -1 : 0;
}

static int do_wait(struct scenario *s, char **words, size_t n)
{
	uint64_t ns;

	if (n != 1 || parse_seconds(words[0], &ns) < 0)
		return scenario_fail(s, "wait SECONDS is what is wanted");
	if (scenario_need_replay(s) < 0)
		return -1;
	s->time += ns;
	if (s->dump)
		printf("wait %" PRIu64 "\n", ns);
	replay_advance(s->replay, s->time);
	return 0;
}

static int do_stats(struct scenario *s, char **words, size_t n)
{
	if (scenario_need_replay(s) < 0)
		return -1;
	return expect_stats(words, n, replay_conntrack(s->replay), &s->error);
}

/* dropped REASON NUMBER: of all packets so far */
static int do_dropped(struct scenario *s, char **words, size_t n)
{
	struct engine_stats stats;

	if (n != 2)
		return scenario_fail(s, "dropped REASON NUMBER is what is wanted");
	if (scenario_need_replay(s) < 0)
		return -1;
	engine_stats(replay_engine(s->replay), &stats);
	for (int r = REASON_NONE + 1; r < REASON_COUNT; r++) {
		if (strcmp(reason_name(r), words[0]) != 0)
			continue;
		if (stats.dropped[r] == strtoull(words[1], NULL, 10))
			return 0;
		return scenario_fail(s, "%" PRIu64 " packets were dropped for %s",
				     stats.dropped[r], words[0]);
	}
	return scenario_fail(s, "no reason is called %s", words[0]);
}

/* datagram LABEL: FROM > TO ...: a packet that is not sent, for its fragments */
static int do_datagram(struct scenario *s, char **words, size_t n)
{
	struct virtio_net_hdr vnet;
	char error[ROW_ERROR];
	struct row row;
	uint8_t *bytes = NULL;
	size_t len;
	int err = row_parse(&s->rows, words, n, error, &row);

	if (!err && !*row.label) {
		snprintf(error, sizeof(error),
			 "datagram LABEL: FROM > TO ... is what is wanted");
		err = -1;
	}
	if (!err)
		err = row_build(&s->rows, &row, error, &bytes, &len, &vnet);
	if (err)
		scenario_fail(s, "%s", error);
	free(bytes);
	row_fini(&row);
	return err;
}

/* world: what it does to the firewall or the host is told by its words. */
static const struct {
	const char *name;
	int (*run)(struct scenario *s, char **words, size_t n);
	bool world;
} statements[] = {
	{ "host", do_host, false },
	{ "config", do_config, true },
	{ "local", do_local, true },
	{ "gone", do_gone, true },
	{ "fragments", do_fragments, true },
	{ "fragments-waiting", do_fragments_waiting, false },
	{ "datagram", do_datagram, false },
	{ "route", do_route, true },
	{ "mtu", do_mtu, true },
	{ "down", do_down, true },
	{ "port", do_port, true },
	{ "ruleset", do_ruleset, false },
	{ "nft", do_nft, true },
	{ "wait", do_wait, false },
	{ "flow", tables_flow, false },
	{ "flows", tables_flows, false },
	{ "expect", tables_expect, false },
	{ "expects", tables_expects, false },
	{ "delete", tables_delete, true },
	{ "stats", do_stats, false },
	{ "dropped", do_dropped, false },
};

/* ---- packets ---- */

static size_t word_find(char **words, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return n;
}

/* Send it, and compare. */
static int send_row(struct scenario *s, const struct row *row, char **words, size_t n)
{
	size_t bar = word_find(words, n, "|"), len;
	struct replay_outcome outcome;
	struct expect_out out;
	struct virtio_net_hdr vnet;
	char error[ROW_ERROR] = "out of memory";
	uint8_t *bytes;
	int err;

	if (row_build(&s->rows, row, error, &bytes, &len, &vnet) < 0)
		return scenario_fail(s, "%s", error);
	if (s->dump)
		dump_hex(vnet.flags || vnet.gso_type ? "super-packet" : "packet", bytes, len);
	replay_packet(s->replay, bytes, len, &vnet, s->time, &outcome);
	if (expect_out_take(s->replay, &outcome, &out) < 0)
		err = scenario_fail(s, "more than %d packets were emitted", EXPECT_OUT);
	else
		err = expect_outcome(words, bar, &outcome, &out, &s->rows, &s->error);
	expect_out_fini(&out);
	if (!err && bar < n)
		err = expect_entry(words + bar + 1, n - bar - 1, &outcome, s->time, &s->error);
	if (err && outcome.trace.by == BY_REASON)
		text_printf(&s->error, " (dropped: %s)", outcome.trace.reason ?
				    reason_name(outcome.trace.reason) : "?");
	free(bytes);
	return err;
}

static int do_packet(struct scenario *s, char **words, size_t n)
{
	size_t arrow = word_find(words, n, "=>");
	char error[ROW_ERROR];
	struct row row;
	int err;

	if (arrow == n)
		return scenario_fail(s, "neither a statement nor a packet with \"=>\": %s",
				     words[0]);
	if (scenario_need_replay(s) < 0)
		return -1;
	if (row_parse(&s->rows, words, arrow, error, &row) < 0) {
		err = scenario_fail(s, "%s", error);
	} else {
		/* sport=A-B: as many packets, each with the next port. */
		int64_t last = row.sport_last == ROW_UNSET ? row.sport : row.sport_last;

		do
			err = send_row(s, &row, words + arrow + 1, n - arrow - 1);
		while (!err && row.sport++ < last);
	}
	row_fini(&row);
	return err;
}

/* ---- files ---- */

static int run_line(struct scenario *s)
{
	char *copy = strdup(s->lines[s->at].text), *words[WORDS_MAX];
	size_t n;
	int err = 0;

	if (!copy)
		return scenario_fail(s, "out of memory");
	n = split(copy, words);
	for (size_t i = 0; n && i < sizeof(statements) / sizeof(statements[0]); i++) {
		if (strcmp(words[0], statements[i].name) == 0) {
			if (s->dump && statements[i].world)
				dump_words(words[0], words + 1, n - 1);
			err = statements[i].run(s, words + 1, n - 1);
			n = 0;
		}
	}
	if (n)
		err = do_packet(s, words, n);
	free(copy);
	return err;
}

static int run_lines(struct scenario *s, const struct line *lines, size_t n)
{
	s->lines = lines;
	s->n_lines = n;
	for (s->at = 0; s->at < s->n_lines; s->at++) {
		if (run_line(s) < 0) {
			size_t at = s->at < n ? s->at : n - 1;

			printf("%s:%u: %s\n    %s\n", s->file, lines[at].number,
			       text_str(&s->error), lines[at].text);
			return -1;
		}
	}
	return 0;
}

/* One scenario, with what stands before the first one of its file. */
static int run_scenario(const char *file, const struct line *preamble, size_t n_preamble,
			const struct line *lines, size_t n, bool dump)
{
	struct scenario s = {
		.file = file,
		.dump = dump,
		.time = START,
		.options = { .key = "scenario key 16" },
		.host = HOSTSPEC_INIT,
		.error = TEXT_INIT,
	};
	int err;

	frag_options_default(&s.fragments);
	s.options.fragments = &s.fragments;
	conntrack_options_default(&s.options.conntrack);
	s.options.conntrack.max_flows = 1024;
	err = run_lines(&s, preamble, n_preamble);
	if (!err)
		err = run_lines(&s, lines, n);
	replay_free(s.replay);
	hostspec_fini(&s.host);
	row_context_fini(&s.rows);
	text_fini(&s.error);
	return err;
}

static bool is_heading(const char *line)
{
	return strncmp(line, "scenario ", 9) == 0;
}

static size_t next_heading(const struct line *lines, size_t n, size_t from)
{
	while (from < n && !is_heading(lines[from].text))
		from++;
	return from;
}

/* Whether the line ends in a backslash, in whose place the next one comes, without the blanks
 * before it. */
static bool goes_on(struct line *line, const char *next)
{
	size_t len = strlen(line->text);
	char *whole;

	if (len == 0 || line->text[len - 1] != '\\')
		return false;
	line->text[len - 1] = '\0';
	if (asprintf(&whole, "%s%s", line->text, next + strspn(next, " \t")) < 0)
		abort();
	free(line->text);
	line->text = whole;
	return true;
}

/* Lines of a file, malloc'ed; 0, or a negative errno. */
static int read_lines(const char *file, struct line **ret_lines, size_t *ret_n)
{
	FILE *f = fopen(file, "re");
	struct line *lines = NULL;
	char *text = NULL;
	size_t n = 0, cap = 0;
	unsigned number = 0;
	ssize_t len;

	if (!f)
		return -errno;
	while ((len = getline(&text, &cap, f)) >= 0) {
		struct line *more;

		if (len && text[len - 1] == '\n')
			text[len - 1] = '\0';
		number++;
		if (n && goes_on(&lines[n - 1], text))
			continue;
		more = realloc(lines, (n + 1) * sizeof(*lines));
		if (!more)
			abort();
		lines = more;
		lines[n] = (struct line){ .text = text, .number = number };
		n++;
		text = NULL;
		cap = 0;
	}
	free(text);
	fclose(f);
	*ret_lines = lines;
	*ret_n = n;
	return 0;
}

static int run_file(const char *file, enum mode mode)
{
	struct line *lines = NULL;
	size_t n = 0, first, at, end;
	unsigned ran = 0, failed = 0;
	int err = read_lines(file, &lines, &n);

	if (err < 0) {
		printf("%s: %s\n", file, strerror(-err));
		return -1;
	}
	first = next_heading(lines, n, 0);
	for (at = first; at < n; at = end) {
		end = next_heading(lines, n, at + 1);
		ran++;
		if (mode == MODE_DUMP)
			printf("%s %s\n", lines[at].text, file);
		if (run_scenario(file, lines, first, lines + at + 1, end - at - 1,
				 mode == MODE_DUMP) < 0) {
			printf("    in %s\n", lines[at].text);
			failed++;
		}
	}
	if (mode != MODE_DUMP)
		printf("%s: %u scenarios, %u failed\n", file, ran, failed);
	for (size_t i = 0; i < n; i++)
		free(lines[i].text);
	free(lines);
	return ran && failed == (mode == MODE_WRONG ? ran : 0) ? 0 : -1;
}

int main(int argc, char **argv)
{
	enum mode mode = argc <= 1                          ? MODE_RUN :
			 strcmp(argv[1], "--wrong") == 0    ? MODE_WRONG :
			 strcmp(argv[1], "--dump") == 0     ? MODE_DUMP :
							      MODE_RUN;
	int first = mode == MODE_RUN ? 1 : 2, status = argc > first ? 0 : 2;

	for (int i = first; i < argc; i++)
		if (run_file(argv[i], mode) < 0)
			status = 1;
	return status;
}
