/* json_text.c - text of any origin as a JSON string.
 *
 * JSON is UTF-8.  Comments in a ruleset file and interface names may be anything; what is
 * not UTF-8 is shown as U+FFFD rather than kept from the reader altogether. */
#include <stdint.h>
#include <string.h>

#include "ctfw/control.h"

/* Length of the well-formed sequence at s (RFC 3629 4), or 0. */
static size_t sequence(const unsigned char *s, size_t len)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 :
		   s[0] < 0xf5 ? 4 : 0;

	if (n == 0 || n > len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90))
		return 0; /* longer than need be */
	if ((s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0; /* surrogates; behind U+10FFFF */
	return n;
}

json_t *control_json_text(const char *s, size_t len)
{
	json_t *whole = json_stringn(s, len), *string;
	struct text t = TEXT_INIT;

	if (whole)
		return whole;
	for (size_t i = 0; i < len;) {
		size_t n = sequence((const unsigned char *)s + i, len - i);

		if (n)
			text_append(&t, s + i, n);
		else
			text_puts(&t, "\xef\xbf\xbd");
		i += n ? n : 1;
	}
	string = text_failed(&t) ? NULL : json_stringn(text_str(&t), t.len);
	text_fini(&t);
	return string;
}
