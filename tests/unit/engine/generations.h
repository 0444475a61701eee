/* generations.h - a ruleset that is changed, undone and taken up by the next process.
 *
 * What includes it is one test program: its state is here. */
#ifndef CTFW_TEST_GENERATIONS_H
#define CTFW_TEST_GENERATIONS_H

#include <sys/mman.h>

#include "ctfw/set_dynamic.h"
#include "unit/engine/bench.h"

static struct set_elements *elements;
static bool restored; /* what generation_start() said last */

/* The engine and all below it anew over the same memory: what the next process has, in the order
 * in which a filter does it, which reads the ruleset while flows are looked at. */
static inline void restart_unsettled(struct bench *b, struct diag *d)
{
	struct engine_options engine = { .workers = 1 };
	struct conntrack_options options;

	conntrack_options_default(&options);
	options.max_flows = 1024;
	generation_free(b->generation);
	engine_free(b->engine);
	conntrack_free(b->ct);
	set_elements_free(elements);
	counters_free(b->counters);
	b->counters = counters_new(&b->arena);
	elements = set_elements_new(&b->arena, counters_states(b->counters), 1,
				    b->now.mono);
	counters_lend(b->counters, elements);
	b->generation = generation_read(b->counters, &b->arena, d);
	assert_non_null(b->generation);
	b->ct = conntrack_new(&b->arena, &options, 1, b->now);
	b->engine = engine_new(b->ct, b->counters, &engine);
	assert_int_equal(generation_start(b->generation, b->engine, d, &restored), 0);
	engine_set_hostview(b->engine, host());
}

static inline struct diag restart(struct bench *b)
{
	struct diag d = DIAG_INIT;

	restart_unsettled(b, &d);
	generation_settle(b->generation, &d);
	set_elements_settle(elements);
	return d;
}

static inline void well_restarted(struct bench *b)
{
	struct diag d = restart(b);

	assert_string_equal(text_str(&d.text), "");
	diag_fini(&d);
}

static inline int begin(void **state)
{
	set_up(state);
	well_restarted(*state);
	return 0;
}

static inline int end(void **state)
{
	int err = tear_down(state);

	set_elements_free(elements);
	elements = NULL;
	return err;
}

static inline int try(struct bench *b, const char *text, uint64_t until)
{
	struct ruleset_input input = { .name = "t", .text = text, .len = strlen(text),
				       .now = b->now };
	struct text out = TEXT_INIT;
	struct diag d = DIAG_INIT;
	int err = generation_apply(b->generation, &input,
				   &(struct generation_request){ .until = until,
								 .cause = CAUSE_COMMAND,
								 .what = text },
				   &d, &out);

	text_fini(&out);
	diag_fini(&d);
	return err;
}

static inline int try_file(struct bench *b, const char *text, uint64_t until)
{
	struct ruleset_input input = { .name = "t", .text = text, .len = strlen(text),
				       .now = b->now };
	struct diag d = DIAG_INIT;
	int err = generation_replace(b->generation, &input,
				     &(struct generation_request){ .until = until,
								   .cause = CAUSE_RELOAD },
				     &d);

	diag_fini(&d);
	return err;
}

static inline void undo(struct bench *b)
{
	struct diag d = DIAG_INIT;

	assert_int_equal(generation_undo(b->generation, b->now, &d), 0);
	diag_fini(&d);
}

/* Whether the file system has room for what is saved next: no text but those in use can be
 * written to. */
static inline void set_room(const struct bench *b, bool room)
{
	uint64_t word = atomic_load(&b->arena.header->rulesets);

	for (unsigned i = 0; i < ARENA_TEXTS - 1; i++) {
		bool used = false;

		for (unsigned n = 0; n <= ARENA_FORMER; n++)
			used = used || (word >> 4 * n & 15) == i + 1;
		if (!used)
			assert_int_equal(mprotect(b->arena.text[i], b->arena.header->text_bytes,
						  room ? PROT_READ | PROT_WRITE : PROT_READ),
					 0);
	}
}

static inline bool on_trial(const struct bench *b)
{
	struct generation_trial t;

	return generation_trial(b->generation, &t);
}

/* malloc'ed; with handles. */
static inline char *listed(const struct bench *b, unsigned flags)
{
	struct text out = TEXT_INIT;

	ruleset_print(generation_ruleset(b->generation), flags, &out);
	return text_steal(&out);
}

static inline void assert_has(const struct bench *b, const char *part, bool has)
{
	char *text = listed(b, PRINT_HANDLE);

	if (!strstr(text, part) == has)
		fail_msg("%s is %s in\n%s", part, has ? "not" : "", text);
	free(text);
}

static inline void send_to(struct bench *b, uint16_t dport)
{
	struct engine_result result;
	static struct raw r;
	static uint16_t sport = 2000;

	raw_udp(&r, "10.8.0.2", sport++, "192.0.2.1", dport, 4);
	send_raw(b, &b->in, &r, &result);
}

static const char base[] =
	"table ip t {\n"
	" counter c { }\n"
	" set plain { type ipv4_addr; elements = { 192.0.2.7 }; }\n"
	" set counted { type ipv4_addr; counter; elements = { 192.0.2.1 }; }\n"
	" set seen { type inet_service; flags dynamic; size 100; }\n"
	" chain f { type filter hook forward priority 0;\n"
	"  udp dport 53 counter\n"
	"  udp dport 7 counter\n"
	"  ip daddr @counted accept\n"
	"  counter name c\n"
	"  add @seen { udp dport }\n"
	" }\n"
	"}\n";

#endif
