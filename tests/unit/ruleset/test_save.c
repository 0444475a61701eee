/* test_save.c - the model as text and back, whole or damaged. */
#include <errno.h>
#include <stdio.h>

#include "ruleset/model.h"
#include "unit/ruleset/language.h"

static const char zero[32];
static void *memory;
static struct arena arena;
static struct counters *counters;

static int setup(void **state)
{
	struct arena_geometry g = { .flow_records = 16, .workers = 1, .text_bytes = 4096 };

	(void)state;
	memory = aligned_alloc(4096, (arena_size(&g) + 4095) & ~4095ul);
	memset(memory, 0, arena_size(&g));
	arena_format(memory, &g, (const uint8_t *)zero, (const uint8_t *)zero, &arena);
	counters = counters_new(&arena);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	counters_free(counters);
	free(memory);
	return 0;
}

static const char text[] =
	"add table inet t { comment \"c\"; flags dormant; }\n"
	"add chain inet t gone\n"
	"add chain inet t in { type filter hook input priority filter - 3; policy drop; "
	"comment \"d\"; }\n"
	"add chain inet t out { type filter hook output priority 7; }\n"
	"add rule inet t in accept\n"
	"add rule inet t in meta nfproto ipv4 reject with icmp host-unreachable\n"
	"add rule inet t in tcp dport { 22-23, 24 } counter packets 5 bytes 6 comment \"e f\"\n"
	"add rule inet t in tcp flags { syn, syn | ack, fin } counter counter\n"
	"insert rule inet t in meta mark ^ 1 ^ 2 == 3 log prefix \"x y\" level debug flags "
	"all\n"
	"add rule inet t in jump gone\n"
	"add table ip u\n"
	"delete rule inet t in handle 4\n";

static struct ruleset *made(struct counters *c)
{
	struct ruleset *rs = ruleset_new(c);

	assert_int_equal(apply(&rs, text), 0);
	return rs;
}

static char *listed(const struct ruleset *rs)
{
	struct text out = TEXT_INIT;

	ruleset_print(rs, PRINT_HANDLE, &out);
	return text_steal(&out);
}

static void what_was_saved_is_the_same_with_handles_and_counts(void **state)
{
	struct ruleset *rs = made(counters), *back;
	struct text saved = TEXT_INIT, again = TEXT_INIT;
	struct diag d = DIAG_INIT;
	uint32_t slot = rs->tables[0]->chains[1]->rules[2]->stmts[2].counter.slot;
	char *before, *after;

	(void)state;
	counter_add(counter_column(counters, 0) + slot, 10, 1000);
	ruleset_save(rs, &saved);
	before = listed(rs);
	assert_non_null(strstr(before, "counter packets 15 bytes 1006"));
	/* The next process: other counters, over the same arena. */
	ruleset_unref(rs);
	counters_free(counters);
	counters = counters_new(&arena);
	assert_int_equal(ruleset_restore(text_str(&saved), saved.len, counters, &d, &back), 0);
	after = listed(back);
	assert_string_equal(after, before);
	ruleset_save(back, &again);
	assert_string_equal(text_str(&again), text_str(&saved));
	/* The series go on. */
	assert_int_equal(apply(&back, "add table v; add rule inet t in drop"), 0);
	assert_int_equal(back->tables[2]->handle, 3);
	free(after);
	after = listed(back);
	assert_non_null(strstr(after, "drop # handle 12"));
	ruleset_unref(back);
	text_fini(&saved);
	text_fini(&again);
	diag_fini(&d);
	free(before);
	free(after);
}

static void an_empty_ruleset_is_saved_too(void **state)
{
	struct ruleset *rs = ruleset_new(counters), *back;
	struct text saved = TEXT_INIT;
	struct diag d = DIAG_INIT;

	(void)state;
	assert_int_equal(apply(&rs, "add table t; delete table t"), 0);
	ruleset_save(rs, &saved);
	assert_int_equal(ruleset_restore(text_str(&saved), saved.len, counters, &d, &back), 0);
	assert_int_equal(apply(&back, "add table t"), 0);
	assert_int_equal(back->tables[0]->handle, 2);
	ruleset_unref(back);
	ruleset_unref(rs);
	text_fini(&saved);
	diag_fini(&d);
}

/* Whatever is in the text, it is taken whole or refused with a message, and no slot is lost. */
static void try_damaged(const char *damaged, size_t len)
{
	struct ruleset *back = NULL;
	struct diag d = DIAG_INIT;
	int err = ruleset_restore(damaged, len, counters, &d, &back);
	char *s;

	if (err) {
		assert_int_equal(err, -EINVAL);
		assert_true(d.errors > 0);
		assert_null(back);
	} else {
		s = listed(back);
		free(s);
		/* Whatever goes leaves nothing that leads to it. */
		apply(&back, "flush table inet t");
		program_free(program_compile(back));
		ruleset_unref(back);
	}
	diag_fini(&d);
}

static void try_damages(struct ruleset *rs)
{
	struct text saved = TEXT_INIT;
	char *copy;

	ruleset_save(rs, &saved);
	ruleset_unref(rs);
	for (size_t i = 0; i < saved.len; i++)
		try_damaged(text_str(&saved), i);
	copy = malloc(saved.len + 1);
	for (size_t i = 0; i < saved.len; i++) {
		static const char bytes[] = { 0, '9', ' ', '\n', 'x', '{', '"', (char)0xff };

		for (size_t j = 0; j < sizeof(bytes); j++) {
			memcpy(copy, text_str(&saved), saved.len + 1);
			copy[i] = bytes[j];
			try_damaged(copy, saved.len);
		}
	}
	free(copy);
	/* All slots were given back: the lowest is free. */
	assert_int_equal(counter_alloc(counters, (struct counter){ 0 }), 0);
	assert_int_equal(counter_alloc(counters, (struct counter){ 0 }), 1);
	assert_int_equal(counter_alloc(counters, (struct counter){ 0 }), 2);
	text_fini(&saved);
}

static void damage_is_refused_or_harmless(void **state)
{
	(void)state;
	try_damages(made(counters));
}

/* ---- blocks ---- */

static struct ruleset *with_blocks(void)
{
	struct ruleset *rs = ruleset_new(counters);

	assert_int_equal(apply(&rs, "table inet t {\n"
				    " chain sub { log; }\n"
				    " chain in { counter\n"
				    "  tcp dport 7 jump { counter\n jump sub\n }\n"
				    "  goto { drop; } comment \"c\"\n"
				    " }\n"
				    " map m { type mark : verdict; elements = { 1 : jump sub }; }\n"
				    "}\n"),
			 0);
	return rs;
}

static void blocks_are_saved_and_stay_their_rules_own(void **state)
{
	struct ruleset *rs = with_blocks(), *back;
	struct text saved = TEXT_INIT, again = TEXT_INIT;
	struct diag d = DIAG_INIT;
	char *before = listed(rs), *after;

	(void)state;
	ruleset_save(rs, &saved);
	ruleset_unref(rs);
	assert_int_equal(ruleset_restore(text_str(&saved), saved.len, counters, &d, &back), 0);
	after = listed(back);
	assert_string_equal(after, before);
	ruleset_save(back, &again);
	assert_string_equal(text_str(&again), text_str(&saved));
	assert_int_equal(back->tables[0]->n_chains, 4);
	assert_int_equal(apply(&back, "rename chain inet t sub other"), 0);
	free(after);
	after = listed(back);
	assert_non_null(strstr(after, "\t\t\tjump other\n\t\t}"));
	assert_int_equal(apply(&back, "flush chain inet t in"), 0);
	assert_int_equal(back->tables[0]->n_chains, 2);
	ruleset_unref(back);
	text_fini(&saved);
	text_fini(&again);
	diag_fini(&d);
	free(before);
	free(after);
}

/* As if the chain were a block: more than a rule lead there. */
static void what_others_lead_to_is_no_block(void **state)
{
	struct ruleset *rs = with_blocks(), *back = NULL;
	struct text saved = TEXT_INIT;
	struct diag d = DIAG_INIT;
	char *chain;

	(void)state;
	ruleset_save(rs, &saved);
	ruleset_unref(rs);
	chain = strstr(text_str(&saved), "\nchain ");
	assert_non_null(chain);
	memcpy(chain, "\nblock ", 7);
	assert_int_equal(ruleset_restore(text_str(&saved), saved.len, counters, &d, &back),
			 -EINVAL);
	text_fini(&saved);
	diag_fini(&d);
	try_damages(with_blocks());
}

/* ---- addresses of sets, which are read from the text at once ---- */

static struct ruleset *with_addresses(void)
{
	struct ruleset *rs = ruleset_new(counters);

	assert_int_equal(
		apply(&rs,
		      "table inet t {\n"
		      " set a { type ipv4_addr; elements = { 10.0.0.1, 0.0.0.0, 255.255.255.255,\n"
		      "  10.0.0.3 comment \"x\", 10.0.0.4, 10.0.0.5 }; }\n"
		      " set b { typeof ip saddr; flags interval; elements = { 10.0.0.0/8,\n"
		      "  11.0.0.1-11.0.0.6, 12.0.0.1, 224.0.0.0/3, 0.0.0.0/5, 13.1.2.128/25 }; }\n"
		      " set c { type ipv6_addr; elements = { ::, ::1, 2001:db8::ff:c000:280,\n"
		      "  ::ffff:192.0.2.1, fe80::1 }; }\n"
		      " set d { type ipv6_addr; flags interval; auto-merge; elements = {\n"
		      "  2001:db8::/32, fe80::1-fe80::9, ::/127, 2001:db9::/65, * }; }\n"
		      " set e { type ipv4_addr; flags timeout; elements = { 10.0.0.1 timeout 1h,\n"
		      "  10.0.0.2 }; }\n"
		      " set f { type ipv4_addr; timeout 1h; elements = { 10.0.0.1 }; }\n"
		      " set g { type ipv4_addr; counter; elements = { 10.0.0.1, 10.0.0.2 }; }\n"
		      " map h { type ipv4_addr : ipv4_addr; elements = { 10.0.0.1 : 10.0.0.2 }; }\n"
		      "}\n"),
		0);
	return rs;
}

static void addresses_of_sets_are_saved_and_come_back(void **state)
{
	struct ruleset *rs = with_addresses(), *back;
	struct text saved = TEXT_INIT, again = TEXT_INIT;
	struct diag d = DIAG_INIT;
	const struct table *t;

	(void)state;
	ruleset_save(rs, &saved);
	ruleset_unref(rs);
	assert_int_equal(ruleset_restore(text_str(&saved), saved.len, counters, &d, &back), 0);
	ruleset_save(back, &again);
	assert_string_equal(text_str(&again), text_str(&saved));
	t = back->tables[0];
	assert_int_equal(set_content_count(t->sets[0]->content), 6);
	assert_int_equal(set_content_count(t->sets[1]->content), 6);
	assert_int_equal(set_content_count(t->sets[3]->content), 4);
	ruleset_unref(back);
	text_fini(&saved);
	text_fini(&again);
	diag_fini(&d);
}

/* The saved text of a set of one prefix, with other lines instead of its flags and elements. */
static int restore_instead(const char *lines, struct ruleset **ret_rs)
{
	static const char own[] = "\t\tflags interval\n\t\telements = { 10.0.0.0/8 }\n";
	struct ruleset *rs = ruleset_new(counters);
	struct text saved = TEXT_INIT, other = TEXT_INIT;
	struct diag d = DIAG_INIT;
	const char *at;
	int err;

	assert_int_equal(apply(&rs, "table ip t { set s { type ipv4_addr; flags interval; "
				    "elements = { 10.0.0.0/8 }; }; }"),
			 0);
	ruleset_save(rs, &saved);
	ruleset_unref(rs);
	at = strstr(text_str(&saved), own);
	assert_non_null(at);
	text_append(&other, text_str(&saved), (size_t)(at - text_str(&saved)));
	text_printf(&other, "%s%s", lines, at + strlen(own));
	err = ruleset_restore(text_str(&other), other.len, counters, &d, ret_rs);
	assert_int_equal(!err, !d.errors);
	text_fini(&saved);
	text_fini(&other);
	diag_fini(&d);
	return err;
}

static void addresses_that_are_not_for_their_set_are_refused(void **state)
{
	static const char *const wrong[] = {
		"elements = { 10.0.0.1 }\nflags interval\n",
		"elements = { 10.0.0.1 }\ncounter\n",
		"elements = { 10.0.0.1 }\ntimeout 1h\n",
		"elements = { 10.0.0.1 }\ntype ipv6_addr\n",
		"elements = { 10.0.0.0/8 }\n",
		"flags interval\nelements = { 10.0.0.9-10.0.0.1 }\n",
		"flags interval\nelements = { 10.0.0.0/33 }\n",
		"flags interval\nelements = { 10.0.0.0/8, 10.1.0.0/16 }\n",
		"flags interval\nelements = { 10.0.0.256 }\n",
		"flags interval\nelements = { 10.0.0 }\n",
		"flags interval\nelements = { ::1 }\n",
		"flags interval\nelements = { 10.0.0.1, 10.0.0.2\n",
		"flags interval\nelements = { 10.0.0.1 10.0.0.2 }\n",
		"size 1\nelements = { 10.0.0.1, 10.0.0.2 }\n",
		"elements = { 10.0.0.1 ct original ip saddr { 10.0.0.2 } }\n",
	};
	struct ruleset *rs = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(restore_instead(wrong[i], &rs), -EINVAL);
	try_damages(with_addresses());
}

/* What would not be printed so is read as anybody's. */
static void addresses_that_look_otherwise_are_read_too(void **state)
{
	static const char *const right[] = {
		"flags interval\nelements = { 10.0.0.1,10.0.0.2 ,, 10.0.0.3\n }\n",
		"flags interval\nelements = { 10.0.0.1, # a remark\n 10.0.0.2, { 10.0.0.3 } }\n",
		"elements = { 9.9.9.9 }\nelements = { 10.0.0.1, 10.0.0.2, 10.0.0.3, }\n",
		"elements = { 167772161, 10.0.0.2, 10.0.0.3 comment \"x\" }\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		struct ruleset *rs = NULL;

		assert_int_equal(restore_instead(right[i], &rs), 0);
		assert_int_equal(set_content_count(rs->tables[0]->sets[0]->content), 3);
		ruleset_unref(rs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(what_was_saved_is_the_same_with_handles_and_counts),
		TEST(an_empty_ruleset_is_saved_too),
		TEST(damage_is_refused_or_harmless),
		TEST(blocks_are_saved_and_stay_their_rules_own),
		TEST(what_others_lead_to_is_no_block),
		TEST(addresses_of_sets_are_saved_and_come_back),
		TEST(addresses_that_are_not_for_their_set_are_refused),
		TEST(addresses_that_look_otherwise_are_read_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
