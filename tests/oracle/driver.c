/* driver.c - the engine's side of the oracle tests.
 *
 *     oracle-driver RULESET [--local ADDR@IFACE] [--route PREFIX=IFACE] ...
 *
 * reads packets, "NANOSECONDS HEX" a line, and writes a JSON object a line for each: what
 * became of it as `ctfwctl replay --json` says it, the prefixes of the log statements that
 * it met, and what the engine emitted.  At the end of input: the flows as `conntrack -L`
 * prints them and the ruleset as `list ruleset` does. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/rulefile.h"
#include "ctfw/ruleset.h"
#include "ctl/hostspec.h"
#include "ctl/outcome.h"

struct driver {
	struct replay *replay;
	struct text logs; /* of the packet at hand, as JSON strings */
	unsigned long packets;
};

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "oracle-driver: %s: %s\n", what, why);
	return 1;
}

static void note_log(void *arg, const struct engine_log *record)
{
	struct driver *d = arg;

	text_printf(&d->logs, "%s\"%s\"", d->logs.len ? "," : "",
		    record->spec->prefix ? record->spec->prefix : "");
}

static void print_string(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if ((unsigned char)*s < 0x20)
			printf("\\u%04x", (unsigned char)*s);
		else
			putchar(*s);
	}
	putchar('"');
}

static size_t unhex(const char *hex, uint8_t *out, size_t size)
{
	size_t n = 0;
	unsigned byte;

	while (n < size && sscanf(hex + 2 * n, "%2x", &byte) == 1)
		out[n++] = (uint8_t)byte;
	return n;
}

static void packet(struct driver *d, const char *line)
{
	static uint8_t data[PACKET_MAX];
	struct outcome_place at = { .number = ++d->packets };
	struct replay_outcome o;
	struct text t = TEXT_INIT;
	char *hex;
	size_t len;

	at.time = strtoull(line, &hex, 10);
	len = unhex(hex + 1, data, sizeof(data));
	text_clear(&d->logs);
	replay_packet(d->replay, data, len, NULL, at.time, &o);
	at.mono = replay_time(d->replay);
	outcome_json(&o, &at, &t);
	printf("{\"outcome\":%s,\"log\":[%s],\"out\":\"", text_str(&t), text_str(&d->logs));
	for (size_t i = 0; i < o.out_len; i++)
		printf("%02x", o.out[i]);
	puts("\"}");
	text_fini(&t);
}

static bool print_flow(void *arg, uint32_t index, const struct flow *copy)
{
	struct driver *d = arg;
	struct text t = TEXT_INIT;

	(void)index;
	flow_print(copy, replay_time(d->replay), false, false, &t);
	printf("%s", d->logs.len ? "," : "");
	text_puts(&d->logs, "x");
	print_string(text_str(&t));
	text_fini(&t);
	return true;
}

static int finish(struct driver *d)
{
	static const char list[] = "list ruleset\n";
	const struct ruleset_input input = { .name = "<list>",
					     .text = list,
					     .len = sizeof(list) - 1 };
	struct diag diag = DIAG_INIT;
	struct text out = TEXT_INIT;
	uint32_t cursor = 0;
	int err;

	text_clear(&d->logs);
	printf("{\"flows\":[");
	conntrack_each(replay_conntrack(d->replay), &cursor, 0,
		       (struct instant){ .mono = replay_time(d->replay) }, print_flow, d);
	printf("],\"ruleset\":");
	err = replay_apply(d->replay, &input, &diag, &out);
	print_string(text_str(&out));
	puts("}");
	text_fini(&out);
	diag_fini(&diag);
	return err ? fail("list ruleset", strerror(-err)) : 0;
}

static int load(struct driver *d, const char *path)
{
	struct ruleset_input input = { .name = path };
	struct diag diag = DIAG_INIT;
	struct text out = TEXT_INIT;
	char *text;
	int err = rulefile_read(path, &text, &input.len);

	if (err)
		return fail(path, strerror(-err));
	input.text = text;
	err = replay_apply(d->replay, &input, &diag, &out);
	if (err)
		fail(path, text_str(&diag.text));
	text_fini(&out);
	diag_fini(&diag);
	free(text);
	return err ? 1 : 0;
}

static int host(struct driver *d, char **word)
{
	struct hostspec spec = HOSTSPEC_INIT;
	char error[HOSTSPEC_ERROR] = "out of memory";
	struct hostview *hv;
	int err = 0;

	for (; !err && word[0] && word[1]; word += 2)
		err = strcmp(word[0], "--local") == 0 ? hostspec_local(&spec, word[1], error)
						      : hostspec_route(&spec, word[1], error);
	hv = err ? NULL : hostspec_build(&spec);
	hostspec_fini(&spec);
	if (!hv)
		return fail("host", error);
	replay_set_hostview(d->replay, hv);
	return 0;
}

int main(int argc, char **argv)
{
	struct driver d = { .logs = TEXT_INIT };
	struct replay_options options = { .log = note_log, .log_arg = &d };
	char *line = NULL;
	size_t size = 0;
	int err;

	if (argc < 2)
		return fail("usage", "oracle-driver RULESET [--local ADDR@IFACE] "
				     "[--route PREFIX=IFACE] ...");
	conntrack_options_default(&options.conntrack);
	options.conntrack.max_flows = 4096;
	err = replay_new(&options, &d.replay);
	if (err)
		return fail("replay", strerror(-err));
	err = load(&d, argv[1]);
	if (!err)
		err = host(&d, argv + 2);
	while (!err && getline(&line, &size, stdin) > 0)
		packet(&d, line);
	if (!err)
		err = finish(&d);
	free(line);
	replay_free(d.replay);
	text_fini(&d.logs);
	return err;
}
