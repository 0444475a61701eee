/* pptp_talk.h - what both ends of a PPTP session say, for tests. */
#ifndef TESTS_CONNTRACK_PPTP_TALK_H
#define TESTS_CONNTRACK_PPTP_TALK_H

#include "unit/packets.h"

#define PPTP_HEAD 12
#define PPTP_LONGEST (PPTP_HEAD + 208)

enum pptp_kind {
	PPTP_START = 1,
	PPTP_STARTED = 2,
	PPTP_CALL = 7,
	PPTP_CALLED = 8,
	PPTP_OVER = 13,
};

/* Put a message into buf: two ids, or what stands in their place, and a result.  Its length. */
static inline size_t pptp_message(uint8_t buf[PPTP_LONGEST], enum pptp_kind kind,
				  uint16_t first, uint16_t second)
{
	static const uint8_t lengths[] = { [PPTP_START] = 144, [PPTP_STARTED] = 144,
					   [PPTP_CALL] = 156, [PPTP_CALLED] = 20,
					   [PPTP_OVER] = 136 };
	size_t len = PPTP_HEAD + lengths[kind];

	memset(buf, 0, len);
	raw_put16(buf, (uint16_t)len);
	raw_put16(buf + 2, 1);
	raw_put32(buf + 4, 0x1a2b3c4d);
	raw_put16(buf + 8, kind);
	raw_put16(buf + PPTP_HEAD, first);
	raw_put16(buf + PPTP_HEAD + 2, second);
	if (kind == PPTP_STARTED)
		buf[PPTP_HEAD + 2] = 1;
	if (kind == PPTP_CALLED)
		buf[PPTP_HEAD + 4] = 1;
	return len;
}

static inline void raw_call(struct raw *r, const char *src, const char *dst, uint16_t id)
{
	uint8_t gre[12] = { 0x20, 1, 0x88, 0x0b, 0, 4 };

	raw_put16(gre + 6, id);
	raw_ip(r, src, dst, IPPROTO_GRE, gre, sizeof(gre));
}

#endif
