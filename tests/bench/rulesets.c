/* rulesets.c - what rules cost: to load them, to keep them, and a packet that goes through all.
 *
 *     bench-rulesets N          measures N rules
 *     bench-rulesets --text N   prints them, for nft
 *
 * Rules of four kinds that operators write, in one chain; the packet matches none of them.
 * Loading is parsing, checking, the transaction and compiling; restoring is what a start does
 * with what the process before it saved.  The best of some rounds. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/world.h"
#include "unit/packets.h"

#define LOADS 5
#define ROUNDS 9
#define EVALUATIONS 20000000 /* of rules, a round */

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void rule_text(unsigned i, struct text *out)
{
	unsigned a = i >> 16 & 255, b = i >> 8 & 255, c = i & 255, port = i % 60000;

	switch (i % 4) {
	case 0:
		text_printf(out, "\t\tip saddr 10.%u.%u.%u tcp dport %u counter accept\n", a, b, c,
			    port + 1000);
		break;
	case 1:
		text_printf(out, "\t\tip6 saddr 2001:db8::%x udp dport { %u, %u, %u } drop\n", i,
			    port + 1, port + 3, port + 5);
		break;
	case 2:
		text_printf(out, "\t\tiifname \"eth%u\" ip daddr 10.%u.%u.0/24 ct state new accept\n",
			    i, a, b);
		break;
	default:
		text_printf(out, "\t\tmeta l4proto udp ct mark %u counter\n", i);
		break;
	}
}

static void ruleset_text(unsigned n, struct text *out)
{
	text_puts(out, "flush ruleset\ntable inet bench {\n\tchain forward {\n"
		       "\t\ttype filter hook forward priority 0; policy accept;\n");
	for (unsigned i = 1; i <= n; i++)
		rule_text(i, out);
	text_puts(out, "\t}\n}\n");
}

static struct ruleset *apply(const struct text *text, struct counters *counters)
{
	const struct ruleset_input input = {
		.name = "<bench>", .text = text_str(text), .len = text->len,
	};
	struct ruleset *empty = ruleset_new(counters), *rs = NULL;
	struct diag d = DIAG_INIT;
	struct text out = TEXT_INIT;

	if (!empty || ruleset_apply(empty, &input, &d, &out, &rs)) {
		fputs(text_str(&d.text), stderr);
		exit(1);
	}
	ruleset_unref(empty);
	text_fini(&out);
	diag_fini(&d);
	return rs;
}

/* Takes the reference. */
static struct program *compile(struct ruleset *rs)
{
	struct program *p = program_compile(rs);

	ruleset_unref(rs);
	if (!p)
		exit(1);
	return p;
}

/* As a process does that finds it in the arena. */
static struct program *restore(const struct text *saved, struct counters *counters)
{
	struct diag d = DIAG_INIT;
	struct ruleset *rs = NULL;

	if (ruleset_restore(text_str(saved), saved->len, counters, &d, &rs)) {
		fputs(text_str(&d.text), stderr);
		exit(1);
	}
	diag_fini(&d);
	return compile(rs);
}

/* The best of some rounds, in nanoseconds. */
static double measure_restore(const struct text *text, struct world *w)
{
	struct ruleset *rs = apply(text, w->counters);
	struct text saved = TEXT_INIT;
	double best = 0;

	ruleset_save(rs, &saved);
	ruleset_unref(rs);
	for (unsigned r = 0; r < LOADS; r++) {
		struct counters *counters = counters_new(&w->arena);
		double start = now_ns(), took;
		struct program *p = restore(&saved, counters);

		took = now_ns() - start;
		if (!r || took < best)
			best = took;
		program_free(p);
		counters_free(counters);
	}
	text_fini(&saved);
	return best;
}

/* The best of some rounds, in nanoseconds. */
static double evaluate(const struct program *p, unsigned n)
{
	static struct raw raw;
	unsigned packets = EVALUATIONS / n;
	struct packet packet;
	struct eval e = { .packet = &packet };
	struct eval_result result;
	double best = 0;

	raw_udp(&raw, "192.0.2.1", 5353, "198.51.100.7", 60007, 30);
	if (packet_parse(raw.b, raw.len, NULL, &packet) != REASON_NONE)
		exit(1);
	memcpy(e.iifname, "wg0", 4);
	for (unsigned r = 0; r < ROUNDS; r++) {
		double start = now_ns(), took;

		for (unsigned i = 0; i < packets; i++)
			program_eval(p, HOOK_FORWARD, false, &e, &result);
		took = (now_ns() - start) / packets;
		if (!r || took < best)
			best = took;
	}
	return best;
}

static void measure(unsigned n)
{
	static struct world w;
	struct text text = TEXT_INIT;
	double best = 0;
	size_t before, kept = 0;
	struct program *p;

	world_init(&w, 256, "/dev/null");
	ruleset_text(n, &text);
	for (unsigned r = 0; r < LOADS; r++) {
		double start = now_ns(), took;

		before = mallinfo2().uordblks + mallinfo2().hblkhd;
		p = compile(apply(&text, w.counters));
		took = now_ns() - start;
		kept = mallinfo2().uordblks + mallinfo2().hblkhd - before;
		if (!r || took < best)
			best = took;
		if (r + 1 < LOADS)
			program_free(p);
	}
	printf("%6u rules: loaded in %9.3f ms, %8zu bytes (%zu a rule), %9.1f ns a packet\n", n,
	       best / 1e6, kept, kept / n, evaluate(p, n));
	program_free(p);
	printf("%20s restored in %7.3f ms\n", "", measure_restore(&text, &w) / 1e6);
	text_fini(&text);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--text")) {
		struct text text = TEXT_INIT;

		ruleset_text((unsigned)atoi(argv[2]), &text);
		fputs(text_str(&text), stdout);
		text_fini(&text);
		return 0;
	}
	if (argc != 2 || atoi(argv[1]) < 1) {
		fprintf(stderr, "bench-rulesets [--text] N\n");
		return 2;
	}
	measure((unsigned)atoi(argv[1]));
	return 0;
}
