/* datatype.c - values as text: what all types have in common.
 *
 * The types: datatype_net.c what headers say, datatype_addr.c addresses, datatype_ct.c flows,
 * datatype_link.c interfaces and marks, datatype_time.c times, integer.c plain numbers. */
#include "ruleset/datatype_rows.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- parsing ---- */

const struct symbol *symbol_find(const struct symbol *symbols, const char *word)
{
	for (const struct symbol *s = symbols; s && s->name; s++) {
		if (!strcmp(s->name, word))
			return s;
	}
	return NULL;
}

const char *symbol_name(const struct datatype *dt, uint64_t number)
{
	for (const struct symbol *s = dt->symbols; s && s->name; s++) {
		if (s->value == number)
			return s->name;
	}
	return NULL;
}

const char *symbol_suggest(const struct symbol *symbols, const char *word)
{
	enum { MOST = 512 };
	const char *names[MOST + 1];
	size_t n = 0;

	for (const struct symbol *s = symbols; s && s->name && n < MOST; s++)
		names[n++] = s->name;
	names[n] = NULL;
	return suggest(word, strlen(word), names);
}

bool datatype_number(const char *text, uint64_t *ret_number)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*ret_number = strtoull(text, &end, 0);
	return !errno && !*end;
}

/* Of more than 64 bits. */
static int parse_wide(const struct datatype *dt, const char *text, struct value *ret)
{
	unsigned base = 10, digit;
	unsigned __int128 n = 0, most = ~(unsigned __int128)0 >> (128 - dt->bits);
	struct value v = {0};

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	}
	if (!*text)
		return -ENOENT;
	for (; *text; text++) {
		if (!isxdigit((unsigned char)*text) ||
		    (base == 10 && !isdigit((unsigned char)*text)))
			return -ENOENT;
		digit = isdigit((unsigned char)*text) ? (unsigned)(*text - '0')
						      : (unsigned)((*text | 0x20) - 'a' + 10);
		if (n > (most - digit) / base)
			return -ERANGE;
		n = n * base + digit;
	}
	for (unsigned i = 0; i < 16; i++)
		v.addr.b[15 - i] = (uint8_t)(n >> 8 * i);
	*ret = v;
	return 0;
}

int value_parse(const struct datatype *dt, const struct locale *locale, const char *text,
		struct value *ret_value, const char **ret_why)
{
	const struct symbol *symbol;
	uint64_t number;

	if (dt->parse_local)
		return dt->parse_local(locale, text, ret_value, ret_why);
	if (dt->parse)
		return dt->parse(dt, text, ret_value, ret_why);
	if (dt->class == VALUE_ADDR)
		return parse_wide(dt, text, ret_value);
	if (!datatype_number(text, &number)) {
		symbol = symbol_find(dt->symbols, text);
		if (!symbol)
			return -ENOENT;
		number = symbol->value;
	}
	if (dt->bits < 64 && number >> dt->bits)
		return -ERANGE;
	*ret_value = (struct value){.num = number};
	return 0;
}

/* ---- printing ---- */

static bool printed_by_name(const struct datatype *dt, unsigned flags)
{
	if (dt == &datatype_inet_service)
		return flags & PRINT_SERVICE;
	if (dt == &datatype_inet_proto)
		return !(flags & (PRINT_NUMERIC_PROTO | PRINT_NUMERIC));
	return !(flags & PRINT_NUMERIC);
}

static void print_number(struct text *out, const struct datatype *dt, uint64_t v,
			 unsigned flags)
{
	const char *name = printed_by_name(dt, flags) ? symbol_name(dt, v) : NULL;
	const char *quote = dt->quoted ? "\"" : "";

	if (name)
		text_printf(out, "%s%s%s", quote, name, quote);
	else if (dt->hex)
		text_printf(out, "0x%0*" PRIx64, dt->hex, v);
	else
		text_printf(out, "%" PRIu64, v);
}

static void print_flags(struct text *out, const struct datatype *dt, const struct value *v,
			unsigned flags, const char *between)
{
	const char *sep = "";

	if (value_is_zero(dt, v))
		print_number(out, dt, 0, flags);
	for (unsigned n = 0; n < dt->bits; n++) {
		if (!value_has_flag(dt, v, n))
			continue;
		text_puts(out, sep);
		if (dt->print_flag)
			dt->print_flag(out, n);
		else
			print_number(out, dt, UINT64_C(1) << n, flags);
		sep = between;
	}
}

void value_print_flags(struct text *out, const struct datatype *dt, const struct value *v,
		       unsigned flags)
{
	print_flags(out, dt, v, flags, ",");
}

static void print_wide(struct text *out, const struct datatype *dt, const struct value *v)
{
	char digits[40];
	unsigned __int128 n = 0;
	unsigned base = dt->hex ? 16 : 10;
	size_t at = sizeof(digits);

	for (unsigned i = 0; i < 16; i++)
		n = n << 8 | v->addr.b[i];
	digits[--at] = '\0';
	do {
		digits[--at] = "0123456789abcdef"[n % base];
		n /= base;
	} while (n);
	text_printf(out, "%s%s", dt->hex ? "0x" : "", digits + at);
}

void value_print_whole(struct text *out, const struct datatype *dt, const struct value *v,
		       unsigned flags)
{
	if (dt->print)
		dt->print(out, dt, v, flags);
	else if (dt->class == VALUE_NUMBER)
		print_number(out, dt, v->num, flags);
	else if (dt->bitmask)
		print_flags(out, dt, v, flags, " | ");
	else
		print_wide(out, dt, v);
}

void value_print(struct text *out, const struct datatype *dt, const struct value *v,
		 unsigned flags)
{
	if (dt->bitmask)
		print_flags(out, dt, v, flags, " | ");
	else
		value_print_whole(out, dt, v, flags);
}
