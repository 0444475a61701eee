/* step.c - a change of elements alone, as text that makes it again.
 *
 * One element more or less in a set of a million must not cost the text of a million.  So what
 * is saved is the ruleset as it once was, and behind it a step for each change since:
 *
 *     at 81273645123
 *     add element ip t s { 192.0.2.0/24, 192.0.2.7 timeout 1m expires 81333ms }
 *     delete element ip t s { 198.51.100.1 }
 *
 * A step says what became of the content of a set, not what was asked for: what packets add
 * is in records of its own and needs none.  Its time is that of the transaction, since what had
 * expired by then was as if it were not there.
 *
 * There is no step where anything but elements changed, where elements have slots, and where
 * it would be long: then the whole is saved. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset/transaction.h"

#define STEP_MOST 16384 /* bytes */
#define STEP_FLAGS (PRINT_IMPLIED | PRINT_SAVED | PRINT_NUMERIC_PRIO | PRINT_NUMERIC_PROTO)

/* ---- told ---- */

void step_begin(struct transaction *tx, const struct table *t, const struct set *s,
		enum command_op op)
{
	bool gone = op == COMMAND_DELETE || op == COMMAND_DESTROY;

	tx->whole = tx->whole || s->stmts.n;
	tx->step_items = 0;
	if (!tx->whole)
		text_printf(&tx->step, "%s element %s %s %s { ", gone ? "delete" : "add",
			    family_name(t->family), t->name, s->name);
}

void step_element(struct transaction *tx, const struct table *t, const struct set *s,
		  enum command_op op, const struct set_element *el)
{
	struct expr *key;

	tx->whole = tx->whole || el->slots;
	if (tx->whole)
		return;
	text_puts(&tx->step, tx->step_items++ ? ", " : "");
	if (op == COMMAND_DELETE || op == COMMAND_DESTROY) {
		key = key_expr(&s->key, el);
		if (key)
			print_expr(key, STEP_FLAGS, &tx->step);
		tx->whole = !key;
		expr_free(key);
	} else {
		print_element(t, s, el, STEP_FLAGS, 0, &tx->step);
	}
	tx->whole = tx->whole || tx->step.len > STEP_MOST;
}

void step_end(struct transaction *tx)
{
	/* Nothing in the braces is an error. */
	tx->whole = tx->whole || !tx->step_items;
	if (!tx->whole)
		text_puts(&tx->step, " }\n");
}

void step_take(struct transaction *tx)
{
	struct text said = TEXT_INIT;

	tx->rs->elements_alone = !tx->rules;
	if (tx->whole || text_failed(&tx->step))
		return;
	text_printf(&said, "at %" PRIu64 "\n", tx->input->now.mono);
	text_append(&said, text_str(&tx->step), tx->step.len);
	tx->rs->step_len = said.len;
	/* Without memory for it the whole is saved. */
	tx->rs->step = text_steal(&said);
}

const char *ruleset_step(const struct ruleset *rs, size_t *ret_len)
{
	*ret_len = rs->step_len;
	return rs->step;
}

bool ruleset_elements_alone(const struct ruleset *rs)
{
	return rs->elements_alone;
}

/* ---- made again ---- */

/* The time, and where the commands begin; false: it has none. */
static bool read_time(const char *text, size_t len, uint64_t *ret_mono, size_t *ret_at)
{
	size_t at = 3;

	*ret_mono = 0;
	if (len < at || memcmp(text, "at ", at))
		return false;
	for (; at < len && text[at] >= '0' && text[at] <= '9'; at++) {
		unsigned digit = (unsigned)(text[at] - '0');

		if (*ret_mono > (UINT64_MAX - digit) / 10)
			return false;
		*ret_mono = *ret_mono * 10 + digit;
	}
	*ret_at = at + 1;
	return at > 3 && at < len && text[at] == '\n';
}

/* What expired before the step does not count for the size of its set either. */
static int expire_all(struct ruleset **rs, uint64_t mono)
{
	for (;;) {
		struct ruleset *next;
		int err = ruleset_expire(*rs, mono, &next);
		bool same = !err && next == *rs;

		if (err)
			return err;
		ruleset_unref(*rs);
		*rs = next;
		if (same)
			return 0;
	}
}

int ruleset_replay(struct ruleset **rs, const char *text, size_t len, struct diag *d)
{
	struct ruleset_input input = { .name = "<saved>" };
	struct text shown = TEXT_INIT;
	struct ruleset *next = NULL;
	size_t at;
	int err;

	if (!read_time(text, len, &input.now.mono, &at)) {
		diag_error(d, NULL, "the saved ruleset is damaged: a change of it has no time");
		return -EINVAL;
	}
	input.text = text + at;
	input.len = len - at;
	err = expire_all(rs, input.now.mono);
	if (!err)
		err = transaction_apply(*rs, &input, true, d, &shown, &next);
	text_fini(&shown);
	if (err)
		return err;
	ruleset_unref(*rs);
	*rs = next;
	return 0;
}
