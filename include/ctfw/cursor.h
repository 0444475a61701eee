/* cursor.h - bytes read with a sticky error.
 *
 * Reading behind the end gives zeroes and sets failed; callers read what they need
 * and ask once.  For bytes of strangers off a packet's way (saved state, captures,
 * messages); packets themselves are checked whole by packet_parse(). */
#ifndef CTFW_CURSOR_H
#define CTFW_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
	const uint8_t *p;
	const uint8_t *end;
	bool failed;
};

static inline struct cursor cursor_of(const void *bytes, size_t len)
{
	return (struct cursor){ bytes, (const uint8_t *)bytes + len, false };
}
static inline size_t cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->p);
}
/* The next len bytes, or NULL; the cursor moves only when there are enough. */
const uint8_t *cursor_take(struct cursor *c, size_t len);
uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_be16(struct cursor *c);
uint32_t cursor_be32(struct cursor *c);

#endif
