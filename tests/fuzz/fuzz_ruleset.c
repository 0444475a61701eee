/* fuzz_ruleset.c - commands in nft's language.
 *
 * Whatever the text is, it is applied whole or refused with a diagnostic.  What was applied
 * prints as text that loads again and prints the same; it compiles, judges packets, and
 * comes back from the arena as it was. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ctfw/ruleset.h"
#include "fuzz.h"
#include "unit/packets.h"

static struct counters *counters;

static void set_up(void)
{
	static const uint8_t boot_id[16] = { 1 }, key[16] = { 2 };
	struct arena_geometry g = { .flow_records = 16, .workers = 1, .text_bytes = 4096 };
	size_t size = arena_size(&g);
	void *mem =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static struct arena arena;

	CHECK(mem != MAP_FAILED);
	arena_format(mem, &g, boot_id, key, &arena);
	counters = counters_new(&arena);
	CHECK(counters);
}

/* An include finds nothing, or itself. */
static int include(void *arg, const char *pattern, const char *from,
		   void (*found)(void *found_arg, char *name, char *text, size_t len),
		   void *found_arg)
{
	static const char text[] = "define included = 1\ninclude \"again\"\n";

	(void)arg;
	(void)from;
	if (strcmp(pattern, "again") != 0)
		return -ENOENT;
	found(found_arg, strdup("again"), strdup(text), sizeof(text) - 1);
	return 0;
}

/* Text on top of a ruleset.  What was there goes on if it is refused. */
static struct ruleset *apply(struct ruleset *old, const char *text, size_t len, bool must)
{
	static const struct ruleset_reader reader = { include, NULL };
	struct ruleset_input input = {
		.name = "fuzz.nft", .text = text, .len = len, .reader = &reader, .echo = !must,
	};
	struct diag d = DIAG_INIT;
	struct text out = TEXT_INIT;
	struct ruleset *rs = NULL;
	int err = ruleset_apply(old, &input, &d, &out, &rs);

	if (err < 0) {
		if (must)
			fprintf(stderr, "refused:\n%.*s\n%s\n", (int)len, text,
				text_str(&d.text));
		CHECK(!must && err == -EINVAL && d.errors > 0 && d.text.len > 0 && !rs);
	} else {
		CHECK(rs && d.errors == 0);
	}
	text_fini(&out);
	diag_fini(&d);
	return rs;
}

/* What a ruleset lists, loaded anew. */
static struct ruleset *reload(const struct ruleset *rs, struct text *listing)
{
	struct ruleset *empty = ruleset_new(counters), *again;

	CHECK(empty);
	/* Counters' values are part of the text. */
	ruleset_print(rs, 0, listing);
	again = apply(empty, text_str(listing), listing->len, true);
	ruleset_unref(empty);
	return again;
}

/* nft's own listings need more steps now and then: { 1-2, 3 } is listed as { 1-3 }, and that
 * as 1-3; mark ^ 1 ^ 2 == 3 as mark ^ 1 == 1, and that as mark 0.  Shifts to the left go over
 * to the constants one with each step.  And among flags in a set, those that share their lowest
 * one change places each time. */
static void check_fixpoint(const struct ruleset *rs)
{
	struct text listing = TEXT_INIT, next = TEXT_INIT;
	struct ruleset *now = reload(rs, &listing);
	unsigned steps = 3 + fuzz_count(text_str(&listing), "<<");
	bool same = false;

	for (; steps && !same; steps--) {
		struct ruleset *then = reload(now, &next);

		ruleset_unref(now);
		now = then;
		same = !strcmp(text_str(&listing), text_str(&next));
		if (!same && steps == 1 && !strstr(text_str(&next), " | ")) {
			fprintf(stderr, "printed:\n%s\nthen:\n%s\n", text_str(&listing),
				text_str(&next));
			CHECK(false);
		}
		text_clear(&listing);
		text_append(&listing, text_str(&next), next.len);
		text_clear(&next);
	}
	ruleset_unref(now);
	text_fini(&listing);
	text_fini(&next);
}

static void check_restore(const struct ruleset *rs)
{
	struct text saved = TEXT_INIT, first = TEXT_INIT, second = TEXT_INIT;
	struct diag d = DIAG_INIT;
	struct ruleset *restored;

	ruleset_save(rs, &saved);
	ruleset_print(rs, PRINT_HANDLE | PRINT_STATELESS, &first);
	/* The slots of its counters are claimed a second time only when rs has let go. */
	if (ruleset_restore(text_str(&saved), saved.len, NULL, &d, &restored) == 0) {
		ruleset_print(restored, PRINT_HANDLE | PRINT_STATELESS, &second);
		CHECK(strcmp(text_str(&first), text_str(&second)) == 0);
		ruleset_unref(restored);
	} else {
		fprintf(stderr, "not restored: %s\n%s\n", text_str(&d.text), text_str(&saved));
		CHECK(false);
	}
	text_fini(&saved);
	text_fini(&first);
	text_fini(&second);
	diag_fini(&d);
}

/* The text itself, as one that was saved. */
static void check_damaged(const char *text, size_t len)
{
	struct diag d = DIAG_INIT;
	struct ruleset *rs;

	if (ruleset_restore(text, len, NULL, &d, &rs) == 0)
		ruleset_unref(rs);
	else
		CHECK(d.errors > 0);
	diag_fini(&d);
}

/* The text itself, as a change that was saved behind one. */
static void check_step(const char *text, size_t len)
{
	struct ruleset *rs = ruleset_new(NULL);
	struct text step = TEXT_INIT;
	struct diag d = DIAG_INIT;

	text_puts(&step, "at 5\n");
	text_append(&step, text, len);
	if (ruleset_replay(&rs, text_str(&step), step.len, &d) < 0)
		CHECK(d.errors > 0);
	ruleset_unref(rs);
	text_fini(&step);
	diag_fini(&d);
}

/* What a rule does to a flow is whole; now and then it cannot be done. */
static enum ct_acted act(struct eval *e, const struct ct_action *a)
{
	CHECK(a->kind > CT_ACTION_NONE && a->kind <= CT_ACTION_EXPECTATION);
	if (a->kind == CT_ACTION_HELPER)
		CHECK(a->object->helper && *a->object->helper);
	if (a->kind == CT_ACTION_TIMEOUT)
		CHECK(a->object->number > 0 && a->object->number <= RULESET_POLICY_NUMBERS);
	if (a->kind == CT_ACTION_EXPECTATION)
		CHECK(a->object->dport && a->object->size && a->object->timeout);
	if (a->kind == CT_ACTION_NOTRACK)
		e->ct_state = CT_STATE_UNTRACKED;
	return e->packet->len % 3 + CT_ACTED;
}

static void judge(const struct program *p, uint8_t *bytes, size_t len)
{
	static const struct flow_ext ext = { .label = { 5, 1 } };
	struct packet packet;
	struct eval_result result = { 0 };
	struct flow flow = { .status = FLOW_CONFIRMED, .id = 7, .acct = { { 1, 40 } } };

	if (packet_parse(bytes, len, NULL, &packet) != REASON_NONE)
		return; /* a bad hop-by-hop option */
	if (tuple_from_packet(&packet, 5, &flow.tuple[DIR_ORIGINAL]) == 0)
		tuple_invert(&flow.tuple[DIR_ORIGINAL], &flow.tuple[DIR_REPLY]);
	for (enum hook hook = HOOK_PREROUTING; hook < HOOK_COUNT; hook++) {
		for (int early = 0; early < 2; early++) {
			struct eval e = {
				.packet = &packet, .ct_state = CT_STATE_NEW, .iif = 1,
				.iifname = "wg0", .act = act,
			};
			enum verdict v;

			if (hook != HOOK_PREROUTING) {
				e.flow = &flow;
				e.ext = &ext;
				e.helper = "ftp\0\0\0\0\0\0\0\0\0\0\0\0";
			}
			v = program_eval(p, hook, early, &e, &result);

			CHECK(v == VERDICT_NONE ||
			      (v == result.verdict && v <= VERDICT_REJECT));
			CHECK((v != VERDICT_NONE) ==
			      !!(program_hooks(p, packet.family) & PROGRAM_HOOK(hook, early)));
		}
	}
}

/* A packet of random bytes behind a right IP header, which a seed decides; in memory of its own
 * size, so that reading behind it is found. */
static void judge_random(const struct program *p, uint64_t seed)
{
	static const uint8_t protocols[] = { 0, 1, 2, 6, 6, 17, 33, 43, 44, 50, 51, 58, 60, 108, 132,
					     135, 136, 255 };
	static struct raw raw;
	uint8_t body[160], *exact;
	size_t n, options;

#define NEXT() (seed = seed * 6364136223846793005u + 1442695040888963407u, (uint32_t)(seed >> 33))
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (uint8_t)(NEXT() % 3 ? NEXT() % 8 : NEXT());
	n = NEXT() % sizeof(body);
	if (NEXT() % 2) {
		raw_ip(&raw, "10.0.1.2", "10.0.2.2", protocols[NEXT() % sizeof(protocols)], body,
		       n);
		options = NEXT() % 11;
		if (options * 4 <= n) {
			raw.b[0] = (uint8_t)(0x45 + options);
			raw_fix_ipv4(&raw);
		}
	} else {
		raw_ip(&raw, "fd00:1::2", "fd00:2::2", protocols[NEXT() % sizeof(protocols)], body,
		       n);
	}
#undef NEXT
	exact = malloc(raw.len);
	CHECK(exact);
	memcpy(exact, raw.b, raw.len);
	judge(p, exact, raw.len);
	free(exact);
}

static void check_program(struct ruleset *rs, size_t size)
{
	static struct raw raw;
	struct diag d = DIAG_INIT;
	struct program *p;

	if (ruleset_number(rs, NULL, &d) < 0) {
		CHECK(d.errors > 0);
		diag_fini(&d);
		return;
	}
	diag_fini(&d);
	p = program_compile(rs);
	CHECK(p);
	raw_tcp(&raw, "10.0.1.2", 1000, "10.0.2.2", 22, TCP_SYN, 1, 0, 10);
	judge(p, raw.b, raw.len);
	raw_udp(&raw, "fd00:1::2", 1000, "fd00:2::2", 53, 4);
	judge(p, raw.b, raw.len);
	raw_icmp(&raw, "10.0.1.2", "10.0.2.2", 8, 0, 1, 1, NULL, 0);
	judge(p, raw.b, raw.len);
	raw_ip(&raw, "fd00:1::2", "fd00:2::2", IPPROTO_NONE, NULL, 0);
	judge(p, raw.b, raw.len);
	for (uint64_t i = 0; i < 16; i++)
		judge_random(p, size * 16 + i);
	program_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ruleset *empty, *rs;

	if (!counters)
		set_up();
	empty = ruleset_new(counters);
	CHECK(empty);
	rs = apply(empty, (const char *)data, size, false);
	if (rs) {
		check_fixpoint(rs);
		check_restore(rs);
		check_program(rs, size);
		check_restore(rs); /* with the numbers of policies */
		ruleset_unref(rs);
	}
	ruleset_unref(empty);
	check_damaged((const char *)data, size);
	check_step((const char *)data, size);
	return 0;
}
