/* json_out.c - JSON text, value by value; see json_out.h. */
#include "ruleset/json_out.h"

#include <inttypes.h>
#include <string.h>

static void separate(struct text *out)
{
	char last = out->len ? out->s[out->len - 1] : '\n';

	if (!strchr("{[ \n", last))
		text_puts(out, ", ");
}

void out_open(struct text *out, char bracket)
{
	separate(out);
	text_putc(out, bracket);
}

void out_close(struct text *out, char bracket)
{
	text_putc(out, bracket);
}

/* jansson's escapes. */
static void quote(struct text *out, const char *s, size_t len)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";

	text_putc(out, '"');
	for (size_t i = 0; i < len; i++) {
		const char *which = s[i] ? strchr(from, s[i]) : NULL;

		if (which)
			text_printf(out, "\\%c", to[which - from]);
		else if ((unsigned char)s[i] < 0x20)
			text_printf(out, "\\u%04X", (unsigned)s[i]);
		else
			text_putc(out, s[i]);
	}
	text_putc(out, '"');
}

void out_key(struct text *out, const char *key)
{
	separate(out);
	quote(out, key, strlen(key));
	text_puts(out, ": ");
}

void out_stringn(struct text *out, const char *s, size_t len)
{
	separate(out);
	quote(out, s, len);
}

void out_string(struct text *out, const char *s)
{
	out_stringn(out, s, strlen(s));
}

void out_int(struct text *out, int64_t n)
{
	separate(out);
	text_printf(out, "%" PRId64, n);
}

void out_number(struct text *out, uint64_t n)
{
	out_int(out, (int64_t)n);
}

void out_bool(struct text *out, bool b)
{
	separate(out);
	text_puts(out, b ? "true" : "false");
}

void out_verbatim(struct text *out, const char *s, size_t len)
{
	separate(out);
	text_append(out, s, len);
}

void out_null(struct text *out)
{
	separate(out);
	text_puts(out, "null");
}

void out_member(struct text *out, const char *key, const char *s)
{
	out_key(out, key);
	out_string(out, s);
}

void out_member_number(struct text *out, const char *key, uint64_t n)
{
	out_key(out, key);
	out_number(out, n);
}

void out_word(struct text *out, const char *key)
{
	out_open(out, '{');
	out_key(out, key);
	out_null(out);
	out_close(out, '}');
}

void out_open_object(struct text *out, const char *key)
{
	out_open(out, '{');
	out_key(out, key);
	out_open(out, '{');
}

void out_close_object(struct text *out)
{
	text_puts(out, "}}");
}
