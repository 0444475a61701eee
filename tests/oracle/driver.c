/* driver.c - the engine's side of the oracle tests.
 *
 *     oracle-driver RULESET [--config FILE] [--local ADDR@IFACE] [--route PREFIX=IFACE] ...
 *
 * reads packets, "NANOSECONDS HEX" a line, and answers each at once by a JSON object on a
 * line: what became of it as `ctfwctl replay --json` says it, the prefixes of the log
 * statements that it met, its bytes at the last of these, its flow's entry as ctnetlink would
 * tell it, and what the engine emitted.  "NANOSECONDS flows" asks for all entries and
 * expectations, "NANOSECONDS expects" for these alone; at the end of input the entries follow
 * once more, as `conntrack -L` prints them too, with the ruleset as `list ruleset` does. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/config.h"
#include "ctfw/expect.h"
#include "ctfw/helper.h"
#include "ctfw/rulefile.h"
#include "ctfw/ruleset.h"
#include "ctl/hostspec.h"
#include "ctl/outcome.h"

struct driver {
	struct replay *replay;
	struct text logs;   /* of the packet at hand, as JSON strings */
	struct text logged; /* the packet as the last of them saw it, in hex */
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
	text_clear(&d->logged);
	for (size_t i = 0; i < record->packet->len; i++)
		text_printf(&d->logged, "%02x", record->packet->data[i]);
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

/* ---- entries */

static void tuple_text(const struct tuple *t, struct text *out)
{
	char src[ADDR_TEXT], dst[ADDR_TEXT];

	text_printf(out, "\"%u %s %u > %s %u\"", t->l4, addr_print(t->l3, &t->src, src),
		    ntohs(t->sport), addr_print(t->l3, &t->dst, dst), ntohs(t->dport));
}

static void tcp_json(const struct flow_tcp *tcp, struct text *t)
{
	text_printf(t, ",\"state\":\"%s\",\"scale\":[%u,%u],\"flags\":[%u,%u]",
		    tcp_state_name(tcp->state), tcp->side[0].td_scale, tcp->side[1].td_scale,
		    tcp->side[0].flags, tcp->side[1].flags);
}

static void sctp_json(const struct flow_sctp *sctp, struct text *t)
{
	text_printf(t, ",\"state\":\"%s\",\"vtag\":[%u,%u]", sctp_state_name(sctp->state),
		    ntohl(sctp->vtag[0]), ntohl(sctp->vtag[1]));
}

static void entry_json(const struct flow *f, uint64_t mono, struct text *t)
{
	text_puts(t, "{\"tuple\":[");
	tuple_text(&f->tuple[DIR_ORIGINAL], t);
	text_puts(t, ",");
	tuple_text(&f->tuple[DIR_REPLY], t);
	text_printf(t, "],\"status\":%u,\"timeout\":%llu,\"mark\":%u,\"zone\":[%u,%u]",
		    (unsigned)f->status, flow_remaining(f, mono) / 1000000ull,
		    (unsigned)f->mark, f->tuple[DIR_ORIGINAL].zone, f->tuple[DIR_REPLY].zone);
	for (int bytes = 0; bytes < 2; bytes++) {
		text_printf(t, ",\"%s\":[", bytes ? "bytes" : "packets");
		for (int d = 0; d < 2; d++)
			text_printf(t, "%s%llu", d ? "," : "",
				    (unsigned long long)(bytes ? f->acct[d].bytes :
								 f->acct[d].packets));
		text_puts(t, "]");
	}
	if (f->helper)
		text_printf(t, ",\"helper\":\"%s\"", ct_helper_name(f->helper));
	if (f->tuple[DIR_ORIGINAL].l4 == IPPROTO_TCP)
		tcp_json(&f->proto.tcp, t);
	if (f->tuple[DIR_ORIGINAL].l4 == IPPROTO_SCTP)
		sctp_json(&f->proto.sctp, t);
	text_puts(t, "}");
}

static bool print_expectation(void *arg, uint32_t index, const struct expect *e)
{
	struct driver *d = arg;
	struct text t = TEXT_INIT;
	struct tuple mask = e->tuple;

	(void)index;
	memset(&mask.dst, 0xff, sizeof(mask.dst));
	mask.src = e->src_mask;
	mask.sport = e->sport_mask;
	mask.dport = UINT16_MAX;
	text_printf(&t, "%s{\"master\":", d->logs.len ? "," : "");
	text_puts(&d->logs, "x");
	tuple_text(&e->master_tuple, &t);
	text_puts(&t, ",\"tuple\":");
	tuple_text(&e->tuple, &t);
	text_puts(&t, ",\"mask\":");
	tuple_text(&mask, &t);
	text_printf(&t, ",\"timeout\":%llu,\"class\":%u,\"flags\":%u,\"helper\":\"%s\"}",
		    (unsigned long long)(e->expires > replay_time(d->replay) ?
						 e->expires - replay_time(d->replay) : 0) /
			    1000000ull,
		    e->class, (unsigned)e->flags, e->helper ? ct_helper_name(e->helper) : "");
	printf("%s", text_str(&t));
	text_fini(&t);
	return true;
}

static void print_expectations(struct driver *d)
{
	uint32_t cursor = 0;

	text_clear(&d->logs);
	printf("\"expects\":[");
	conntrack_each_expectation(replay_conntrack(d->replay), &cursor,
				   (struct instant){ .mono = replay_time(d->replay) },
				   print_expectation, d);
	printf("]");
}

/* ---- packets */

/* All fragments of a datagram. */
static void print_emitted(struct replay *r, struct replay_outcome *o)
{
	const char *comma = "";

	printf(",\"out\":[");
	if (o->out) {
		do {
			printf("%s\"", comma);
			for (size_t i = 0; i < o->out_len; i++)
				printf("%02x", o->out[i]);
			putchar('"');
			comma = ",";
		} while (replay_more(r, o));
	}
	puts("]}");
}

static void packet(struct driver *d, const char *hex, uint64_t time)
{
	static uint8_t data[PACKET_MAX];
	struct outcome_place at = { .number = ++d->packets, .time = time };
	struct replay_outcome o;
	struct text t = TEXT_INIT;
	size_t len = unhex(hex, data, sizeof(data));
	/* A copy of exactly that size, so that reading behind it is found. */
	uint8_t *exact = malloc(len ? len : 1);

	if (!exact)
		abort();
	memcpy(exact, data, len);
	text_clear(&d->logs);
	text_clear(&d->logged);
	replay_packet(d->replay, exact, len, NULL, time, &o);
	at.mono = replay_time(d->replay);
	outcome_json(&o, &at, &t);
	printf("{\"outcome\":%s,\"log\":[%s],\"logged\":\"%s\"", text_str(&t), text_str(&d->logs),
	       text_str(&d->logged));
	if (o.trace.has_flow) {
		text_clear(&t);
		entry_json(&o.trace.flow, at.mono, &t);
		printf(",\"entry\":%s", text_str(&t));
	}
	print_emitted(d->replay, &o);
	text_fini(&t);
	free(exact);
}

static bool print_flow(void *arg, uint32_t index, const struct flow *copy)
{
	struct driver *d = arg;
	struct text t = TEXT_INIT;

	(void)index;
	flow_print(copy, replay_time(d->replay), false, false, &t);
	printf("%s{\"line\":", d->logs.len ? "," : "");
	text_puts(&d->logs, "x");
	print_string(text_str(&t));
	text_clear(&t);
	entry_json(copy, replay_time(d->replay), &t);
	printf(",\"entry\":%s}", text_str(&t));
	text_fini(&t);
	return true;
}

static void print_flows(struct driver *d)
{
	uint32_t cursor = 0;

	text_clear(&d->logs);
	printf("{\"flows\":[");
	conntrack_each(replay_conntrack(d->replay), &cursor, 0,
		       (struct instant){ .mono = replay_time(d->replay) }, print_flow, d);
	printf("]");
}

static int finish(struct driver *d)
{
	static const char list[] = "list ruleset\n";
	const struct ruleset_input input = { .name = "<list>",
					     .text = list,
					     .len = sizeof(list) - 1 };
	struct diag diag = DIAG_INIT;
	struct text out = TEXT_INIT;
	int err;

	print_flows(d);
	printf(",\"ruleset\":");
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

static void line(struct driver *d, const char *text)
{
	char *rest;
	uint64_t time = strtoull(text, &rest, 10);

	if (strcmp(rest, " flows\n") == 0) {
		replay_advance(d->replay, time);
		print_flows(d);
		putchar(',');
		print_expectations(d);
		puts("}");
	} else if (strcmp(rest, " expects\n") == 0) {
		putchar('{');
		print_expectations(d);
		puts("}");
	} else {
		packet(d, *rest ? rest + 1 : rest, time);
	}
	fflush(stdout);
}

/* The options of a ctfwd.conf, as replay takes them. */
static int configure(const char *path, struct replay_options *options)
{
	struct diag diag = DIAG_INIT;
	struct config *config;
	int err = config_load(path, &diag, &config);

	if (err) {
		fail(path, text_str(&diag.text));
	} else {
		options->conntrack = config->conntrack;
		config_free(config);
	}
	diag_fini(&diag);
	return err;
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
	struct driver d = { .logs = TEXT_INIT, .logged = TEXT_INIT };
	struct replay_options options = { .log = note_log, .log_arg = &d };
	char *text = NULL, **rest = argv + 2;
	size_t size = 0;
	int err = 0;

	if (argc < 2)
		return fail("usage", "oracle-driver RULESET [--config FILE] "
				     "[--local ADDR@IFACE] [--route PREFIX=IFACE] ...");
	conntrack_options_default(&options.conntrack);
	if (argc > 3 && strcmp(argv[2], "--config") == 0) {
		err = configure(argv[3], &options);
		rest += 2;
	}
	options.conntrack.max_flows = 16384;
	if (!err)
		err = replay_new(&options, &d.replay);
	if (!err)
		err = load(&d, argv[1]);
	if (!err)
		err = host(&d, rest);
	while (!err && getline(&text, &size, stdin) > 0)
		line(&d, text);
	if (!err)
		err = finish(&d);
	free(text);
	replay_free(d.replay);
	text_fini(&d.logs);
	text_fini(&d.logged);
	return err ? 1 : 0;
}
