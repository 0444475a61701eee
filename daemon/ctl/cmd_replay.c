/* cmd_replay.c - ctfwctl replay: a capture through a ruleset.
 *
 * No daemon, no root: the daemon's engine in this process, with the capture's own time as
 * its clock.  What is good in a damaged capture is judged and printed before the error. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "ctfw/config.h"
#include "ctfw/hostlocale.h"
#include "ctfw/rulefile.h"
#include "ctl/capture.h"
#include "ctl/commands.h"
#include "ctl/hostspec.h"
#include "ctl/outcome.h"

enum {
	OPT_JSON = 256,
	OPT_LOCAL,
	OPT_ROUTE,
	OPT_CONFIG,
	OPT_SEED,
	OPT_FLOWS,
};

static const struct command_option replay_options[] = {
	{ 'r', "ruleset", "FILE", "The rules, in nft's language; needed" },
	{ OPT_JSON, "json", NULL, "One JSON object a packet instead of text for people" },
	{ OPT_LOCAL, "local", "ADDR[/LEN][@IFACE]", "An address of the host; may be repeated" },
	{ OPT_ROUTE, "route", "PREFIX=IFACE", "The interface behind which a prefix lies; may "
					      "be repeated" },
	{ OPT_CONFIG, "config", "FILE", "A ctfwd.conf whose [conntrack] and [fragments] "
				      "count" },
	{ OPT_SEED, "seed", "N", "Make random choices repeatable" },
	{ 'w', "write", "OUT.pcap", "Write what the firewall emits" },
	{ OPT_FLOWS, "flows", NULL, "At the end, print the flows as conntrack -L does" },
	{ 0, NULL, NULL, NULL },
};

struct session {
	struct ctl *ctl;
	const char *ruleset, *input, *output, *config, *seed;
	bool json, flows;
	struct hostspec host;
	struct replay_options options;
	struct frag_options fragments;
	struct replay *replay;
	struct capture *capture;
	struct capture_writer *writer;
	struct text line;
	size_t width; /* of a column of text */
};

static const char *input_name(const struct session *s)
{
	return strcmp(s->input, "-") == 0 ? "standard input" : s->input;
}

/* ---- options ---- */

static int take_option(struct session *s, int key, const char *arg)
{
	char error[HOSTSPEC_ERROR] = "out of memory";

	switch (key) {
	case 'r':
		s->ruleset = arg;
		return 0;
	case 'w':
		s->output = arg;
		return 0;
	case OPT_JSON:
		s->json = true;
		return 0;
	case OPT_FLOWS:
		s->flows = true;
		return 0;
	case OPT_CONFIG:
		s->config = arg;
		return 0;
	case OPT_SEED:
		s->seed = arg;
		return 0;
	case OPT_LOCAL:
		if (hostspec_local(&s->host, arg, error) < 0)
			return ctl_error(s->ctl, "--local: %s", error);
		return 0;
	default:
		if (hostspec_route(&s->host, arg, error) < 0)
			return ctl_error(s->ctl, "--route: %s", error);
		return 0;
	}
}

static int parse_options(struct session *s, const struct command *self, int argc, char **argv)
{
	struct command_parser p;
	int key;

	command_parser_init(&p, argc, argv);
	while ((key = command_next(s->ctl, self, &p)) > 0)
		if (take_option(s, key, p.arg))
			return 1;
	if (key == COMMAND_WRONG)
		return 1;
	if (!s->ruleset)
		return ctl_error(s->ctl, "replay: which rules? -r FILE names them");
	if (argc - p.operand != 1)
		return ctl_error(s->ctl, p.operand == argc ?
			"replay: which capture? Name a pcap file, or - for standard input" :
			"replay: one capture at a time");
	s->input = argv[p.operand];
	if (strcmp(s->ruleset, "-") == 0 && strcmp(s->input, "-") == 0)
		return ctl_error(s->ctl,
				 "replay: rules and capture cannot both be standard input");
	if (s->output && strcmp(s->output, "-") == 0)
		return ctl_error(s->ctl,
				 "replay: -w wants a file, standard output has the report");
	return 0;
}

/* ---- before the first packet ---- */

static int read_config(struct session *s)
{
	struct diag d = DIAG_INIT;
	struct config *config;
	int err;

	conntrack_options_default(&s->options.conntrack);
	frag_options_default(&s->fragments);
	s->options.fragments = &s->fragments;
	if (!s->config)
		return 0;
	err = config_load_any(s->config, &d, &config);
	if (err == 0) {
		s->options.conntrack = config->conntrack;
		s->fragments = config->fragments;
		config_free(config);
	} else if (d.errors) {
		fputs(text_str(&d.text), s->ctl->err);
	} else {
		ctl_error(s->ctl, "%s: %s", s->config, strerror(-err));
	}
	diag_fini(&d);
	return err ? 1 : 0;
}

/* What is random in the engine comes from the key of its hash table. */
static int make_key(struct session *s)
{
	uint8_t *key = s->options.key;
	char *end;
	uint64_t seed;

	if (!s->seed) {
		if (getrandom(key, sizeof(s->options.key), 0) != sizeof(s->options.key))
			return ctl_error(s->ctl, "replay: no random bytes: %s",
					 strerror(errno));
		return 0;
	}
	errno = 0;
	seed = strtoull(s->seed, &end, 0);
	if (errno || end == s->seed || *end || *s->seed == '-')
		return ctl_error(s->ctl, "--seed: \"%s\" is not a number from 0 to 2^64 - 1",
				 s->seed);
	for (unsigned i = 0; i < 8; i++)
		key[i] = (uint8_t)(seed >> 8 * i);
	return 0;
}

static void print_log(void *arg, const struct engine_log *record)
{
	struct session *s = arg;
	char line[1024];

	logline_format(record, line, sizeof(line));
	fprintf(s->ctl->err, "%s\n", line);
}

static int make_firewall(struct session *s)
{
	struct hostview *hv;
	int err;

	if (read_config(s) || make_key(s))
		return 1;
	s->options.log = print_log;
	s->options.log_arg = s;
	err = replay_new(&s->options, &s->replay);
	if (err)
		return ctl_error(s->ctl, "replay: no firewall of %" PRIu32 " flows: %s",
				 s->options.conntrack.max_flows, strerror(-err));
	hv = hostspec_build(&s->host);
	if (!hv)
		return ctl_error(s->ctl, "replay: %s", strerror(ENOMEM));
	replay_set_hostview(s->replay, hv);
	return 0;
}

static int load_ruleset(struct session *s)
{
	static const char *const dirs[] = { CTFW_SYSCONFDIR };
	struct rulefile_path path = { .dirs = dirs, .n = 1 };
	const struct ruleset_reader reader = { .include = rulefile_include, .arg = &path };
	struct locale locale;
	struct ruleset_input input = { .name = s->ruleset, .reader = &reader, .locale = &locale };
	struct diag d = DIAG_INIT;
	struct text out = TEXT_INIT;
	char *text = NULL;
	int err = rulefile_read(s->ruleset, &text, &input.len);

	if (err < 0)
		return ctl_error(s->ctl, "%s: %s", s->ruleset, strerror(-err));
	input.text = text;
	hostlocale_read(&locale);
	err = replay_apply(s->replay, &input, &d, &out);
	/* What the file's own list commands say; standard output is the packets'. */
	fputs(text_str(&out), s->ctl->err);
	if (err && d.errors)
		fputs(text_str(&d.text), s->ctl->err);
	else if (err)
		ctl_error(s->ctl, "%s: %s", s->ruleset, strerror(-err));
	diag_fini(&d);
	text_fini(&out);
	free(text);
	return err ? 1 : 0;
}

static int open_captures(struct session *s)
{
	char error[CAPTURE_ERROR];

	if (capture_open(s->input, error, &s->capture) < 0)
		return ctl_error(s->ctl, "%s: %s", input_name(s), error);
	if (!s->output)
		return 0;
	if (capture_is_file(s->capture, s->output))
		return ctl_error(s->ctl, "%s: is the capture that is being read", s->output);
	if (capture_writer_open(s->output, capture_nanoseconds(s->capture), error,
				&s->writer) < 0)
		return ctl_error(s->ctl, "%s: %s", s->output, error);
	return 0;
}

/* ---- packets ---- */

/* A line at once, so that whoever reads a growing capture along sees it grow. */
static int print_line(struct session *s)
{
	text_putc(&s->line, '\n');
	if (text_failed(&s->line))
		return ctl_error(s->ctl, "replay: %s", strerror(ENOMEM));
	fwrite(s->line.s, 1, s->line.len, s->ctl->out);
	if (fflush(s->ctl->out) || ferror(s->ctl->out))
		return 1; /* main() says so */
	text_clear(&s->line);
	return 0;
}

/* A checksum that was left to the sender's network card is not wrong. */
static const struct virtio_net_hdr *offload_of(const struct capture_packet *p,
					       struct virtio_net_hdr *vnet)
{
	struct packet packet;

	if (packet_parse(p->data, p->len, NULL, &packet) != REASON_NONE ||
	    !packet_checksum_is_partial(&packet, vnet))
		return NULL;
	return vnet;
}

static int replay_one(struct session *s, const struct capture_packet *p)
{
	struct virtio_net_hdr vnet;
	struct replay_outcome o;
	struct outcome_place at;
	int err;

	replay_packet(s->replay, p->data, p->len, offload_of(p, &vnet), p->time, &o);
	at = (struct outcome_place){
		.number = p->number, .time = p->time, .mono = replay_time(s->replay),
	};
	if (s->json)
		outcome_json(&o, &at, &s->line);
	else
		outcome_text(&o, &at, &s->width, &s->line);
	if (print_line(s))
		return 1;
	if (!s->writer || !o.out)
		return 0;
	do
		err = capture_writer_put(s->writer, p->time, o.out, o.out_len);
	while (!err && replay_more(s->replay, &o));
	if (err < 0)
		return ctl_error(s->ctl, "%s: %s", s->output, strerror(-err));
	return 0;
}

static int replay_all(struct session *s)
{
	struct capture_packet p;
	enum capture_status status;
	uint64_t last = 0;

	while ((status = capture_next(s->capture, &p)) == CAPTURE_PACKET) {
		if (replay_one(s, &p))
			return 1;
		last = p.number;
	}
	if (status == CAPTURE_BROKEN && last)
		return ctl_error(s->ctl, "%s: damaged behind packet %" PRIu64 ": %s",
				 input_name(s), last, capture_error(s->capture));
	if (status == CAPTURE_BROKEN)
		return ctl_error(s->ctl, "%s: damaged before any packet: %s", input_name(s),
				 capture_error(s->capture));
	return 0;
}

/* ---- at the end ---- */

static bool print_flow(void *arg, uint32_t index, const struct flow *f)
{
	struct session *s = arg;

	(void)index;
	flow_print(f, replay_time(s->replay), false, false, &s->line);
	return print_line(s) == 0;
}

static int finish(struct session *s)
{
	const struct instant now = { replay_time(s->replay), replay_time(s->replay) };
	uint64_t skipped = capture_skipped(s->capture);
	uint32_t cursor = 0;

	if (skipped)
		fprintf(s->ctl->err, "%s: %" PRIu64 " frame%s without an IP packet skipped\n",
			input_name(s), skipped, skipped == 1 ? "" : "s");
	if (!s->flows)
		return 0;
	if (!conntrack_each(replay_conntrack(s->replay), &cursor, 0, now, print_flow, s))
		return 1;
	return 0;
}

static int replay_run(struct ctl *ctl, const struct command *self, int argc, char **argv)
{
	struct session s = { .ctl = ctl, .host = HOSTSPEC_INIT, .line = TEXT_INIT,
			     .width = OUTCOME_WIDTH };
	int status = parse_options(&s, self, argc, argv), err;

	if (!status)
		status = make_firewall(&s);
	if (!status)
		status = load_ruleset(&s);
	if (!status)
		status = open_captures(&s);
	if (!status) {
		status = replay_all(&s);
		/* Also behind a damage: the flows of the good packets. */
		if (finish(&s))
			status = 1;
	}
	err = capture_writer_close(s.writer);
	if (err < 0 && !status)
		status = ctl_error(ctl, "%s: %s", s.output, strerror(-err));
	capture_close(s.capture);
	replay_free(s.replay);
	hostspec_fini(&s.host);
	text_fini(&s.line);
	return status;
}

const struct command command_replay = {
	.name = "replay",
	.args = "-r RULESET [OPTION...] IN.pcap",
	.help = "Show what a ruleset would do with a capture; needs no daemon",
	.options = replay_options,
	.run = replay_run,
};
