/* text.h - a string that grows.
 *
 * For messages and listings, never on a packet's way.  Out of memory is sticky:
 * later appends do nothing and text_failed() says so, so that callers check once. */
#ifndef CTFW_TEXT_H
#define CTFW_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct locale;
struct text {
	char *s;    /* NUL-terminated; NULL while empty */
	size_t len; /* without the NUL */
	size_t cap;
	bool failed;
	const struct locale *locale; /* of whoever reads it; borrowed, may be NULL */
};

#define TEXT_INIT { 0 }
/* One whose reader is in that locale. */
#define TEXT_IN(reader) { .locale = (reader) }

void text_fini(struct text *t);
void text_clear(struct text *t);
void text_append(struct text *t, const char *s, size_t len);
void text_puts(struct text *t, const char *s);
void text_putc(struct text *t, char c);
void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_vprintf(struct text *t, const char *fmt, va_list ap);
/* The text, "" when empty; owned by t. */
const char *text_str(const struct text *t);
static inline bool text_failed(const struct text *t)
{
	return t->failed;
}
/* Hand the string to the caller, who frees it; t is empty after that.
 * NULL when out of memory. */
char *text_steal(struct text *t);

#endif
