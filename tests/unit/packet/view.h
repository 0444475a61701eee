/* view.h - parse what a test made, for tests of parsing. */
#ifndef TESTS_PACKET_VIEW_H
#define TESTS_PACKET_VIEW_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/packet/make.h"

static struct bytes m;

/* Parse a copy that ends where the packet ends, so that the sanitizer sees any byte read
 * behind it.  The view stays good until the next call. */
static inline enum reason parse_len(size_t len, struct packet *p)
{
	static uint8_t *copy;

	free(copy);
	copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, m.b, len);
	return packet_parse(copy, len, NULL, p);
}

static inline enum reason parse(struct packet *p)
{
	return parse_len(m.len, p);
}

static inline struct packet parsed(void)
{
	struct packet p;

	assert_int_equal(parse(&p), REASON_NONE);
	return p;
}

#endif
