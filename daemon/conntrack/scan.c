/* scan.c - text of strangers, read piece by piece. */
#include "conntrack/scan.h"

#include <string.h>

static int lower(int ch)
{
	return ch >= 'A' && ch <= 'Z' ? ch + ('a' - 'A') : ch;
}

static bool is_hex_letter(int ch)
{
	return lower(ch) >= 'a' && lower(ch) <= 'f';
}

/* How many bytes of the word are next. */
static size_t common(const struct cursor *c, const char *word)
{
	size_t n = 0;

	while (n < cursor_left(c) && word[n] && lower(c->p[n]) == lower(word[n]))
		n++;
	return n;
}

bool scan_word(struct cursor *c, const char *word)
{
	size_t n = common(c, word);

	if (word[n])
		return false;
	c->p += n;
	return true;
}

bool scan_text(struct cursor *c, const char *text)
{
	size_t len = strlen(text);

	if (cursor_left(c) < len || memcmp(c->p, text, len) != 0)
		return false;
	c->p += len;
	return true;
}

bool scan_may_be(const struct cursor *c, const char *word)
{
	size_t n = common(c, word);

	return !word[n] || n == cursor_left(c);
}

bool scan_byte(struct cursor *c, char byte)
{
	if (scan_peek(c) != (uint8_t)byte)
		return false;
	c->p++;
	return true;
}

bool scan_past(struct cursor *c, char byte)
{
	const uint8_t *at = cursor_left(c) ? memchr(c->p, byte, cursor_left(c)) : NULL;

	if (!at)
		return false;
	c->p = at + 1;
	return true;
}

bool scan_number(struct cursor *c, uint32_t *ret_value)
{
	const uint8_t *start = c->p;
	uint32_t value = 0;

	while (scan_is_digit(scan_peek(c)))
		value = value * 10 + (uint32_t)(*c->p++ - '0');
	if (c->p == start)
		return false;
	*ret_value = value;
	return true;
}

bool scan_ipv4(struct cursor *c, union addr *ret_addr)
{
	struct cursor at = *c;
	union addr addr = { 0 };

	for (int i = 0; i < 4; i++) {
		unsigned value = 0;

		if ((i && !scan_byte(&at, '.')) || !scan_is_digit(scan_peek(&at)))
			return false;
		while (scan_is_digit(scan_peek(&at)) && value <= 255)
			value = value * 10 + (unsigned)(*at.p++ - '0');
		if (value > 255)
			return false;
		addr.b[i] = (uint8_t)value;
	}
	if (scan_peek(&at) == '.' || is_hex_letter(scan_peek(&at)))
		return false;
	*ret_addr = addr;
	*c = at;
	return true;
}

bool scan_ipv6(struct cursor *c, char end, union addr *ret_addr)
{
	struct cursor at = *c;
	char text[ADDR_TEXT];
	size_t n = 0;
	uint8_t family;
	union addr addr;

	for (; n < sizeof(text) - 1; at.p++) {
		int ch = scan_peek(&at);

		if (ch == (uint8_t)end ||
		    (!scan_is_digit(ch) && !is_hex_letter(ch) && ch != ':' && ch != '.'))
			break;
		text[n++] = (char)ch;
	}
	text[n] = '\0';
	if (addr_parse(text, &family, &addr) < 0 || family != L3_IPV6)
		return false;
	*ret_addr = addr;
	*c = at;
	return true;
}
