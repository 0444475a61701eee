/* save.c - the whole model as text for the arena, and back.
 *
 * In front the numbers, a line each, in the order of the objects; behind an empty line the
 * ruleset as text, with the matches that listings leave out:
 *
 *     ctfw ruleset 3
 *     tables 1 last 3 registered 7
 *     table 3 last 9 chains 2 objects 1 flowtables 0
 *     object 5 number 1
 *     chain 1 registered 7 rules 1
 *     rule 4 slots 1 12
 *     chain 2 registered 0 rules 0
 *
 *     table ip filter {
 *     ...
 *
 * The text is loaded as any other; then each object gets its numbers.  A text that does not
 * fit its numbers is damaged. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset/transaction.h"

#define SAVE_HEAD "ctfw ruleset 3\n"

/* ---- save ---- */

static void save_rule(const struct rule *r, struct text *out)
{
	unsigned slots = 0;

	for (size_t i = 0; i < r->n_stmts; i++)
		slots += r->stmts[i].kind == STMT_COUNTER;
	text_printf(out, "rule %" PRIu64 " slots %u", r->handle, slots);
	for (size_t i = 0; i < r->n_stmts; i++) {
		if (r->stmts[i].kind == STMT_COUNTER)
			text_printf(out, " %" PRIu32, r->stmts[i].counter.slot);
	}
	text_putc(out, '\n');
}

static void save_table(const struct table *t, struct text *out)
{
	text_printf(out, "table %" PRIu64 " last %" PRIu64 " chains %zu objects %zu flowtables %zu\n",
		    t->handle, t->last_handle, t->n_chains, t->n_objects, t->n_flowtables);
	for (size_t i = 0; i < t->n_objects; i++)
		text_printf(out, "object %" PRIu64 " number %u\n", t->objects[i]->handle,
			    t->objects[i]->ct.number);
	for (size_t i = 0; i < t->n_flowtables; i++)
		text_printf(out, "flowtable %" PRIu64 "\n", t->flowtables[i]->handle);
	for (size_t i = 0; i < t->n_chains; i++) {
		const struct chain *c = t->chains[i];

		text_printf(out, "chain %" PRIu64 " registered %" PRIu64 " rules %zu\n",
			    c->handle, c->registered, c->n_rules);
		for (size_t j = 0; j < c->n_rules; j++)
			save_rule(c->rules[j], out);
	}
}

void ruleset_save(const struct ruleset *rs, struct text *out)
{
	text_puts(out, SAVE_HEAD);
	text_printf(out, "tables %zu last %" PRIu64 " registered %" PRIu64 "\n", rs->n_tables,
		    rs->last_table_handle, rs->last_registered);
	for (size_t i = 0; i < rs->n_tables; i++)
		save_table(rs->tables[i], out);
	text_putc(out, '\n');
	ruleset_print(rs,
		      PRINT_IMPLIED | PRINT_SAVED | PRINT_NUMERIC_PRIO | PRINT_NUMERIC_PROTO,
		      out);
}

/* ---- restore ---- */

/* The numbers, as far as they are read.  Sticky: after the first that is wrong all are 0. */
struct numbers {
	const char *p, *end;
	bool bad;
	uint64_t policies[RULESET_POLICY_NUMBERS / 64 + 1]; /* numbers that were read */
};

static uint64_t take(struct numbers *in, const char *word)
{
	size_t len = strlen(word);
	uint64_t n = 0;

	if (in->bad || (size_t)(in->end - in->p) < len || memcmp(in->p, word, len))
		goto bad;
	in->p += len;
	if (in->p == in->end || *in->p < '0' || *in->p > '9')
		goto bad;
	while (in->p < in->end && *in->p >= '0' && *in->p <= '9') {
		unsigned digit = (unsigned)(*in->p++ - '0');

		if (n > (UINT64_MAX - digit) / 10)
			goto bad;
		n = n * 10 + digit;
	}
	return n;
bad:
	in->bad = true;
	return 0;
}

/* Whether the number of a policy was read before; 0 is none. */
static bool is_taken(struct numbers *in, uint64_t number)
{
	uint64_t *word = &in->policies[number / 64], bit = UINT64_C(1) << number % 64;
	bool taken = number && *word & bit;

	*word |= bit;
	return taken;
}

static void want(struct numbers *in, bool ok)
{
	in->bad = in->bad || !ok;
}

static void restore_rule(struct numbers *in, struct rule *r, uint64_t last,
			 struct counters *counters)
{
	size_t slots = 0;

	r->handle = take(in, "\nrule ");
	want(in, r->handle && r->handle <= last);
	for (size_t i = 0; i < r->n_stmts; i++)
		slots += r->stmts[i].kind == STMT_COUNTER;
	want(in, take(in, " slots ") == slots);
	r->counters = counters;
	for (size_t i = 0; i < r->n_stmts && !in->bad; i++) {
		uint64_t slot;

		if (r->stmts[i].kind != STMT_COUNTER)
			continue;
		slot = take(in, " ");
		want(in, slot <= UINT32_MAX);
		if (!counters || in->bad || slot == COUNTER_NONE)
			continue;
		want(in, !counter_claim(counters, (uint32_t)slot));
		if (!in->bad)
			r->stmts[i].counter.slot = (uint32_t)slot;
	}
}

/* Two policies of one number would share what it says. */
static void restore_object(struct numbers *in, struct object *o, uint64_t last)
{
	uint64_t number;

	o->handle = take(in, "\nobject ");
	want(in, o->handle && o->handle <= last);
	number = take(in, " number ");
	want(in, number <= RULESET_POLICY_NUMBERS &&
			 (!number || (o->kind == KIND_CT_TIMEOUT && !is_taken(in, number))));
	if (!in->bad)
		o->ct.number = (uint16_t)number;
}

static void restore_table(struct numbers *in, struct table *t, const struct ruleset *rs)
{
	t->handle = take(in, "\ntable ");
	t->last_handle = take(in, " last ");
	want(in, t->handle && t->handle <= rs->last_table_handle);
	want(in, take(in, " chains ") == t->n_chains);
	want(in, take(in, " objects ") == t->n_objects);
	want(in, take(in, " flowtables ") == t->n_flowtables);
	for (size_t i = 0; i < t->n_objects && !in->bad; i++)
		restore_object(in, t->objects[i], t->last_handle);
	for (size_t i = 0; i < t->n_flowtables && !in->bad; i++) {
		t->flowtables[i]->handle = take(in, "\nflowtable ");
		want(in, t->flowtables[i]->handle && t->flowtables[i]->handle <= t->last_handle);
	}
	for (size_t i = 0; i < t->n_chains && !in->bad; i++) {
		struct chain *c = t->chains[i];

		c->handle = take(in, "\nchain ");
		c->registered = take(in, " registered ");
		want(in, c->handle && c->handle <= t->last_handle);
		want(in, c->registered <= rs->last_registered);
		want(in, take(in, " rules ") == c->n_rules);
		for (size_t j = 0; j < c->n_rules && !in->bad; j++)
			restore_rule(in, c->rules[j], t->last_handle, rs->counters);
	}
}

/* Nothing of rs is shared yet: the text alone made it. */
static bool restore_numbers(struct numbers *in, struct ruleset *rs)
{
	want(in, take(in, "ctfw ruleset ") == 3);
	want(in, take(in, "\ntables ") == rs->n_tables);
	rs->last_table_handle = take(in, " last ");
	rs->last_registered = take(in, " registered ");
	for (size_t i = 0; i < rs->n_tables && !in->bad; i++)
		restore_table(in, rs->tables[i], rs);
	return !in->bad && in->end - in->p == 1;
}

int ruleset_restore(const char *text, size_t len, struct counters *counters, struct diag *d,
		    struct ruleset **ret_rs)
{
	const char *rules = memmem(text, len, "\n\n", 2);
	struct ruleset *empty, *rs = NULL;
	struct text shown = TEXT_INIT;
	struct numbers in;
	int err;

	if (!rules) {
		diag_error(d, NULL,
			   "the saved ruleset is damaged: it has no end of its numbers");
		return -EINVAL;
	}
	in = (struct numbers){ .p = text, .end = rules + 1 };
	rules += 2;
	/* Without counters, so that the text's make no slots of their own. */
	empty = ruleset_new(NULL);
	if (!empty)
		return -ENOMEM;
	err = transaction_apply(empty,
				&(struct ruleset_input){ .name = "<saved>",
							 .text = rules,
							 .len = (size_t)(text + len - rules) },
				true, d, &shown, &rs);
	text_fini(&shown);
	if (!err)
		rs->counters = counters;
	if (!err && !restore_numbers(&in, rs)) {
		diag_error(d, NULL,
			   "the saved ruleset is damaged: its numbers do not fit its text");
		err = -EINVAL;
	}
	ruleset_unref(empty);
	if (err)
		ruleset_unref(rs);
	else
		*ret_rs = rs;
	return err;
}
