/* jhash.c - see jhash.h. */
#include "ctfw/jhash.h"

#include <string.h>

static uint32_t rotate(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

uint32_t jhash(const uint8_t *key, uint32_t len, uint32_t seed)
{
	uint32_t s[3], w[3];

	s[0] = s[1] = s[2] = 0xdeadbeef + len + seed;
	while (len > 12) {
		static const uint8_t turns[6] = { 4, 6, 8, 16, 19, 4 };

		memcpy(w, key, 12);
		for (unsigned i = 0; i < 3; i++)
			s[i] += w[i];
		for (unsigned i = 0; i < 6; i++) {
			uint32_t *x = &s[i % 3], *y = &s[(i + 1) % 3], z = s[(i + 2) % 3];

			*x = (*x - z) ^ rotate(z, turns[i]);
			s[(i + 2) % 3] = z + *y;
		}
		key += 12;
		len -= 12;
	}
	if (!len)
		return s[2];
	memset(w, 0, sizeof(w));
	memcpy(w, key, len);
	for (unsigned i = 0; i < 3; i++)
		s[i] += w[i];
	for (unsigned i = 0; i < 7; i++) {
		static const uint8_t turns[7] = { 14, 11, 25, 16, 4, 14, 24 };
		uint32_t *x = &s[(i + 2) % 3], y = s[(i + 1) % 3];

		*x = (*x ^ y) - rotate(y, turns[i]);
	}
	return s[2];
}
