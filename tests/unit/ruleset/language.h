/* language.h - rulesets from text, for tests of the language. */
#ifndef TESTS_LANGUAGE_H
#define TESTS_LANGUAGE_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/ruleset.h"
#include "unit/test.h"

/* Apply to *rs, which is replaced; what is listed, or the errors, malloc'ed in *ret. */
static inline int apply_input(struct ruleset **rs, struct ruleset_input *input, char **ret)
{
	struct diag d = DIAG_INIT;
	struct text out = TEXT_INIT;
	struct ruleset *new = NULL;
	int err;

	input->name = input->name ? input->name : "t";
	input->len = strlen(input->text);
	err = ruleset_apply(*rs, input, &d, &out, &new);
	if (!err) {
		assert_int_equal(d.errors, 0);
		ruleset_unref(*rs);
		*rs = new;
	} else {
		assert_null(new);
		assert_true(err != -EINVAL || d.errors > 0);
	}
	if (ret)
		*ret = err ? text_steal(&d.text) : text_steal(&out);
	text_fini(&out);
	diag_fini(&d);
	return err;
}

static inline int apply(struct ruleset **rs, const char *text)
{
	struct ruleset_input input = { .text = text };

	return apply_input(rs, &input, NULL);
}

static inline void assert_lists(const struct ruleset *rs, unsigned flags, const char *want)
{
	struct text out = TEXT_INIT;

	ruleset_print(rs, flags, &out);
	assert_string_equal(text_str(&out), want);
	text_fini(&out);
}

/* The errors of a text that must be refused; nothing changes. */
static inline void assert_refused_by(int err, struct ruleset *rs, const char *text,
				     const char *want)
{
	struct ruleset_input input = { .text = text };
	struct ruleset *same = rs;
	char *errors;

	assert_int_equal(apply_input(&same, &input, &errors), err);
	assert_ptr_equal(same, rs);
	if (!strstr(errors, want))
		assert_string_equal(errors, want);
	free(errors);
}

static inline void assert_refused(struct ruleset *rs, const char *text, const char *want)
{
	assert_refused_by(-EINVAL, rs, text, want);
}

#endif
