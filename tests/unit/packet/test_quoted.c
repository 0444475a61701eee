/* Tests of what is behind the headers: packets that ICMP errors quote, and checksums. */
#include <errno.h>

#include "unit/packet/view.h"

/* ---- quoted packets ---- */

static void an_error_shows_what_it_quotes(void **state)
{
	struct packet p, inner;

	(void)state;
	ip4_begin(&m, IPPROTO_ICMP);
	put_icmp(&m, 3, 1);
	/* Wrong version, checksum and length, options, more fragments, four bytes of TCP. */
	PUT(&m, 0x06, 0, 0xff, 0xff, 0, 1, 0x20, 0, 1, 6, 9, 9, 192, 0, 2, 1, 10, 8, 0, 2);
	PUT(&m, 1, 1, 1, 1);
	PUT(&m, 0, 80, 0x04, 0xd2);
	ip4_seal(&m);
	p = parsed();
	assert_true(packet_is_icmp_error(&p));
	assert_int_equal(packet_parse_quoted(&p, 28, &inner), 0);
	assert_int_equal(inner.family, L3_IPV4);
	assert_int_equal(inner.len, 28);
	assert_int_equal(inner.l4_off, 24);
	assert_int_equal(inner.l4_proto, IPPROTO_TCP);
	assert_int_equal(inner.flags, PACKET_FRAGMENT | PACKET_PORTS);
	assert_int_equal(ntohs(inner.sport), 80);
	assert_int_equal(inner.saddr.b[0], 192);
	assert_int_equal(inner.daddr.b[3], 2);
}

static void an_ipv6_error_shows_what_it_quotes(void **state)
{
	struct packet p, inner;
	struct bytes quoted;

	(void)state;
	udp6(&quoted, 20);
	ip6_begin(&m, IPPROTO_ICMPV6);
	put_icmp(&m, 1, 4);
	put(&m, quoted.b, 48);
	ip6_seal(&m);
	p = parsed();
	assert_true(packet_is_icmp_error(&p));
	assert_int_equal(packet_parse_quoted(&p, 48, &inner), 0);
	assert_int_equal(inner.l4_proto, IPPROTO_UDP);
	assert_int_equal(inner.len, 48);
	assert_int_equal(ntohs(inner.dport), 53);
}

static void a_quoted_packet_without_a_transport_header_is_none(void **state)
{
	struct packet p, inner = { .len = 4711 };

	(void)state;
	ip4_begin(&m, IPPROTO_ICMP);
	put_icmp(&m, 3, 1);
	PUT(&m, 0x45, 0, 0, 28, 0, 1, 0, 0, 1, 6, 9, 9, 192, 0, 2, 1, 10, 8, 0, 2, 0, 80, 0,
	    90);
	ip4_seal(&m);
	p = parsed();
	assert_int_equal(packet_parse_quoted(&p, 28, &inner), 0);
	inner.len = 4711;
	p.data[28] = 0x47;
	assert_int_equal(packet_parse_quoted(&p, 28, &inner), -EINVAL);
	p.data[28] = 0x45;
	p.data[35] = 1;
	assert_int_equal(packet_parse_quoted(&p, 28, &inner), -EINVAL);
	p.data[35] = 0;
	p.len = 47;
	assert_int_equal(packet_parse_quoted(&p, 28, &inner), -EINVAL);
	assert_int_equal(packet_parse_quoted(&p, 47, &inner), -EINVAL);
	assert_int_equal(packet_parse_quoted(&p, 48, &inner), -EINVAL);
	assert_int_equal(inner.len, 4711);
}

static void a_quoted_header_may_say_that_it_is_shorter_than_any(void **state)
{
	struct packet p, inner;

	(void)state;
	ip4_begin(&m, IPPROTO_ICMP);
	put_icmp(&m, 3, 1);
	PUT(&m, 0x41, 0, 0, 28, 0, 1, 0, 0, 1, 6, 9, 9, 192, 0, 2, 1, 10, 8, 0, 2);
	ip4_seal(&m);
	p = parsed();
	assert_int_equal(packet_parse_quoted(&p, 28, &inner), 0);
	assert_int_equal(inner.l4_off, 4);
	assert_int_equal(inner.l4_len, 16);
}

static void a_quoted_ipv6_packet_without_a_transport_header_is_none(void **state)
{
	struct packet p, inner;

	(void)state;
	ip6_begin(&m, IPPROTO_ICMPV6);
	put_icmp(&m, 1, 4);
	p.len = m.len;
	PUT(&m, 0x60, 0, 0, 0, 0, 0, IPPROTO_FRAGMENT, 1);
	put_zeroes(&m, 32);
	PUT(&m, IPPROTO_UDP, 0, 0, 1, 0, 0, 0, 0, 1, 1, 2, 2);
	ip6_seal(&m);
	p = parsed();
	assert_int_equal(packet_parse_quoted(&p, 48, &inner), 0);
	p.data[48 + 43] = 9;
	assert_int_equal(packet_parse_quoted(&p, 48, &inner), -EINVAL);
	p.data[48 + 6] = IPPROTO_NONE;
	assert_int_equal(packet_parse_quoted(&p, 48, &inner), -EINVAL);
	p.len = 48 + 39;
	assert_int_equal(packet_parse_quoted(&p, 48, &inner), -EINVAL);
}

static void the_types_that_quote_are_known_for_both_families(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		struct packet p;

		ip4_begin(&m, IPPROTO_ICMP);
		put_icmp(&m, (uint8_t)type, 0);
		ip4_seal(&m);
		p = parsed();
		assert_int_equal(packet_is_icmp_error(&p), type == 3 || type == 4 ||
								   type == 5 || type == 11 ||
								   type == 12);
		ip6_begin(&m, IPPROTO_ICMPV6);
		put_icmp(&m, (uint8_t)type, 0);
		ip6_seal(&m);
		p = parsed();
		assert_int_equal(packet_is_icmp_error(&p), type < 128);
	}
}

static void icmp_of_the_other_family_is_no_error(void **state)
{
	struct packet p;

	(void)state;
	ip4_begin(&m, IPPROTO_ICMPV6);
	put_icmp(&m, 3, 0);
	ip4_seal(&m);
	p = parsed();
	assert_false(packet_is_icmp_error(&p));
	ip6_begin(&m, IPPROTO_ICMP);
	put_icmp(&m, 3, 0);
	ip6_seal(&m);
	p = parsed();
	assert_false(packet_is_icmp_error(&p));
}

/* ---- transport checksums ---- */

static void right_checksums_are_right_and_one_bit_makes_them_wrong(void **state)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP,
					  IPPROTO_ICMPV6 };

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		uint8_t proto = protos[i / 2];
		bool v6 = i % 2;
		uint32_t off = v6 ? 40 : 20;

		if (v6)
			ip6_begin(&m, proto);
		else
			ip4_begin(&m, proto);
		if (proto == IPPROTO_TCP)
			put_tcp(&m, TCP_ACK);
		else if (proto == IPPROTO_UDP)
			put_udp(&m, 0);
		else
			put_icmp(&m, 8, 0);
		PUT(&m, 1, 2, 3, 4, 5);
		if (v6)
			ip6_seal(&m);
		else
			ip4_seal(&m);
		l4_seal(&m, off, proto);
		assert_true(packet_checksum_ok(&(struct packet){ 0 }));
		{
			struct packet p = parsed();

			assert_true(packet_checksum_ok(&p));
			p.data[p.len - 1] ^= 1;
			assert_false(packet_checksum_ok(&p));
			p.vnet.flags = VIRTIO_NET_HDR_F_DATA_VALID;
			assert_true(packet_checksum_ok(&p));
			p.vnet.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
			assert_true(packet_checksum_ok(&p));
		}
	}
}

static void a_udp_checksum_of_zero_is_none(void **state)
{
	struct packet p;

	(void)state;
	udp6(&m, 4);
	set16(m.b + 46, 0);
	p = parsed();
	assert_true(packet_checksum_ok(&p));
	set16(m.b + 46, 1);
	p = parsed();
	assert_false(packet_checksum_ok(&p));
}

static void later_fragments_and_other_protocols_have_no_checksum_to_check(void **state)
{
	struct packet p;

	(void)state;
	udp4(&m, 8);
	m.b[26] ^= 1;
	p = parsed();
	assert_false(packet_checksum_ok(&p));
	set16(m.b + 6, 1);
	ip4_checksum(&m);
	p = parsed();
	assert_true(packet_checksum_ok(&p));
	/* A first one's is over what is not there. */
	set16(m.b + 6, 0x2000);
	ip4_checksum(&m);
	p = parsed();
	assert_false(packet_checksum_ok(&p));
	ip4_begin(&m, 99);
	PUT(&m, 1, 2, 3);
	ip4_seal(&m);
	p = parsed();
	assert_true(packet_checksum_ok(&p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_shows_what_it_quotes),
		cmocka_unit_test(an_ipv6_error_shows_what_it_quotes),
		cmocka_unit_test(a_quoted_packet_without_a_transport_header_is_none),
		cmocka_unit_test(a_quoted_header_may_say_that_it_is_shorter_than_any),
		cmocka_unit_test(a_quoted_ipv6_packet_without_a_transport_header_is_none),
		cmocka_unit_test(the_types_that_quote_are_known_for_both_families),
		cmocka_unit_test(icmp_of_the_other_family_is_no_error),
		cmocka_unit_test(right_checksums_are_right_and_one_bit_makes_them_wrong),
		cmocka_unit_test(a_udp_checksum_of_zero_is_none),
		cmocka_unit_test(later_fragments_and_other_protocols_have_no_checksum_to_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
