/* rewritten.h - what a scenario says of an emitted packet's ends: src=, dst=, as=. */
#ifndef SCENARIOS_REWRITTEN_H
#define SCENARIOS_REWRITTEN_H

#include "expect.h"

bool rewritten_is_key(const char *key);
/* 0, or -1 with the reason in t.  as=NAME makes NAME a host: the emitted source. */
int rewritten_check(const char *key, const char *value, const struct expect_out *out,
		    struct row_context *rows, struct text *t);

#endif
