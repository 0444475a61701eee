/* cursor.c - bytes read with a sticky error. */
#include "ctfw/cursor.h"

const uint8_t *cursor_take(struct cursor *c, size_t len)
{
	const uint8_t *p = c->p;

	if (c->failed || cursor_left(c) < len) {
		c->failed = true;
		return NULL;
	}
	c->p += len;
	return p;
}

uint8_t cursor_u8(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 1);

	return p ? p[0] : 0;
}

uint16_t cursor_be16(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 2);

	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

uint32_t cursor_be32(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 4);

	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}
