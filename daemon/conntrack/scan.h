/* scan.h - text of strangers, read piece by piece.
 *
 * What helpers share.  Each function takes a piece off the front of a cursor, or leaves it
 * where it is and says false: nothing is read behind the end, nothing depends on a NUL, and the
 * cost is that of the bytes passed over. */
#ifndef CTFW_CONNTRACK_SCAN_H
#define CTFW_CONNTRACK_SCAN_H

#include "ctfw/addr.h"
#include "ctfw/cursor.h"

/* The next byte, or -1 at the end. */
static inline int scan_peek(const struct cursor *c)
{
	return c->p < c->end ? *c->p : -1;
}

static inline bool scan_is_digit(int ch)
{
	return ch >= '0' && ch <= '9';
}

/* Of Latin-1, as the kernel has it. */
static inline bool scan_is_letter(int ch)
{
	return ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z') ||
	       (ch >= 0xc0 && ch != 0xd7 && ch != 0xf7);
}

/* This word, in letters of either case. */
bool scan_word(struct cursor *c, const char *word);
/* These very bytes. */
bool scan_text(struct cursor *c, const char *text);
/* Whether the word, or as much of it as there are bytes left, is next.  Takes nothing. */
bool scan_may_be(const struct cursor *c, const char *word);
/* This byte. */
bool scan_byte(struct cursor *c, char byte);
/* Up to this byte, which is taken too. */
bool scan_past(struct cursor *c, char byte);
/* Digits: one at least.  The value is modulo 2^32. */
bool scan_number(struct cursor *c, uint32_t *ret_value);
/* A dotted quad of numbers up to 255, not followed by a dot or a hexadecimal letter
 * (in4_pton). */
bool scan_ipv4(struct cursor *c, union addr *ret_addr);
/* The run of hexadecimal digits, colons and dots up to any other byte, or to `end` even if it
 * is one of these: it must be an address. */
bool scan_ipv6(struct cursor *c, char end, union addr *ret_addr);

#endif
