/* eval_world.h - for tests of what rules do with sets: rulesets from text over an arena of
 * their own, packets judged by them, a clock, and a next process. */
#ifndef TESTS_EVAL_WORLD_H
#define TESTS_EVAL_WORLD_H
#include <stdio.h>

#include "ctfw/clock.h"
#include "ruleset/program.h"
#include "unit/packets.h"
#include "unit/ruleset/language.h"

#define S	NSEC_PER_SEC
#define RECORDS 1024

static void *memory;
static struct arena arena;
static struct counters *counters;
static struct set_elements *elements;
static struct ruleset *rs;
static struct raw raw;
static struct packet packet;
static struct eval e; /* of the last packet */
static uint64_t now = 1000 * S;

/* As a process does that begins, and one that ends. */
static inline void take_up(void)
{
	counters = counters_new(&arena);
	elements = set_elements_new(&arena, counters_states(counters), 1, now);
	counters_lend(counters, elements);
}

static inline void give_up(void)
{
	ruleset_unref(rs);
	counters_free(counters);
	set_elements_free(elements);
}

static inline int setup(void **state)
{
	static const uint8_t zero[16];
	struct arena_geometry g = {.flow_records = 64,
				   .workers = 1,
				   .text_bytes = 65536,
				   .element_records = RECORDS};

	(void)state;
	memory = aligned_alloc(4096, arena_size(&g));
	memset(memory, 0, arena_size(&g));
	arena_format(memory, &g, zero, zero, &arena);
	now = 1000 * S;
	take_up();
	rs = ruleset_new(counters);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	give_up();
	free(memory);
	return 0;
}

/* ---- rules and packets ---- */

/* What is behind `sets` is in a chain whose policy drops. */
static inline void load(const char *sets, const char *rules)
{
	struct ruleset_input input = {.now = {.mono = now}};
	struct text t = TEXT_INIT;
	char *said;

	text_printf(&t,
		    "flush ruleset\ntable inet t {\n%s\nchain c { type filter hook forward "
		    "priority 0; policy drop;\n%s\n}\n}\n",
		    sets, rules);
	input.text = text_str(&t);
	if (apply_input(&rs, &input, &said))
		fail_msg("%s", said);
	free(said);
	text_fini(&t);
}

static inline char *told(const char *command)
{
	struct ruleset_input input = {.text = command, .now = {.mono = now}};
	char *text;

	if (apply_input(&rs, &input, &text))
		fail_msg("%s: %s", command, text);
	return text;
}

static inline void tell(const char *command)
{
	free(told(command));
}

static inline void assert_shows(const char *command, const char *want)
{
	char *text = told(command);

	if (!strstr(text, want))
		assert_string_equal(text, want);
	free(text);
}

static inline void assert_hides(const char *command, const char *what)
{
	char *text = told(command);

	if (strstr(text, what))
		fail_msg("%s shows %s", text, what);
	free(text);
}

static inline bool judge(void)
{
	struct program *p = program_compile(rs);
	struct eval_result r = {0};

	assert_non_null(p);
	assert_int_equal(packet_parse(raw.b, raw.len, NULL, &packet), REASON_NONE);
	e = (struct eval){.packet = &packet,
			  .ct_state = CT_STATE_NEW,
			  .mark = 7,
			  .iifname = "wg12",
			  .oifname = "eth0",
			  .now = {.mono = now}};
	program_eval(p, HOOK_FORWARD, false, &e, &r);
	program_free(p);
	return r.verdict == VERDICT_ACCEPT;
}

static inline bool udp(const char *from, uint16_t sport, const char *to, uint16_t dport)
{
	raw_udp(&raw, from, sport, to, dport, 22); /* 50 bytes over IPv4 */
	return judge();
}

static inline bool tcp(const char *from, uint16_t sport, const char *to, uint16_t dport)
{
	raw_tcp(&raw, from, sport, to, dport, TCP_SYN, 1, 0, 0);
	return judge();
}

static inline bool from(const char *address)
{
	return udp(address, 1, address[0] == '1' ? "192.0.2.77" : "2001:db8::77", 53);
}

#endif
