/* Tests of where what a transport header carries begins. */
#include "unit/packet/view.h"

/* Bytes behind the IP header, and how many of them are before what is inside. */
static void each_header_that_carries_something_has_its_length(void **state)
{
	enum { NOTHING = -1 };
	static const struct {
		uint8_t proto, len;
		int inner;
		uint8_t bytes[24];
	} rows[] = {
		{ IPPROTO_UDP, 8, 8, { 0 } },
		{ IPPROTO_UDP, 2, 8, { 0 } }, /* not even all of it */
		{ IPPROTO_TCP, 24, 20, { [12] = 0x50 } },
		{ IPPROTO_TCP, 24, 60, { [12] = 0xf0 } },
		{ IPPROTO_TCP, 24, 0, { 0 } },
		{ IPPROTO_TCP, 19, NOTHING, { [12] = 0x50 } },
		{ IPPROTO_GRE, 24, 4, { 0 } },
		{ IPPROTO_GRE, 4, 4, { 0 } },
		{ IPPROTO_GRE, 3, NOTHING, { 0 } },
		{ IPPROTO_GRE, 24, 8, { 0x80 } },
		{ IPPROTO_GRE, 24, 8, { 0x20 } },
		{ IPPROTO_GRE, 24, 8, { 0x10 } },
		{ IPPROTO_GRE, 24, 16, { 0xb0 } },
		{ IPPROTO_GRE, 24, NOTHING, { 0x40 } },	      /* a route */
		{ IPPROTO_GRE, 24, NOTHING, { 0x20, 0x01 } }, /* PPTP's */
		{ IPPROTO_IPIP, 24, 0, { 0x45 } },
		{ IPPROTO_IPV6, 24, NOTHING, { 0x60 } },
		{ IPPROTO_ICMP, 8, NOTHING, { 8 } },
		{ IPPROTO_SCTP, 24, NOTHING, { 0 } },
		{ IPPROTO_ESP, 24, NOTHING, { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		bool v4 = i & 1, found;
		struct packet p;
		uint32_t off;

		(v4 ? ip4_begin : ip6_begin)(&m, rows[i / 2].proto);
		put(&m, rows[i / 2].bytes, rows[i / 2].len);
		(v4 ? ip4_seal : ip6_seal)(&m);
		p = parsed();
		found = packet_inner(&p, &off);
		assert_int_equal(found ? (int)(off - p.l4_off) : NOTHING, rows[i / 2].inner);
	}
}

static void a_later_fragment_carries_nothing(void **state)
{
	struct packet p;
	uint32_t off;

	(void)state;
	ip4_begin(&m, IPPROTO_UDP);
	put_zeroes(&m, 40);
	set16(m.b + 6, 1);
	ip4_seal(&m);
	p = parsed();
	assert_false(packet_inner(&p, &off));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_header_that_carries_something_has_its_length),
		cmocka_unit_test(a_later_fragment_carries_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
