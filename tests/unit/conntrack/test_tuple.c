/* Tuples: what is taken from a packet, and what its answer's would be. */
#include "ctfw/tuple.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

static const struct siphash_key key = { 1, 2 };

static struct packet packet(uint8_t family, uint8_t proto)
{
	struct packet p = { .family = family, .l4_proto = proto };

	for (unsigned i = 0; i < (family == L3_IPV4 ? 4u : 16u); i++) {
		p.saddr.b[i] = (uint8_t)(i + 1);
		p.daddr.b[i] = (uint8_t)(i + 101);
	}
	return p;
}

static struct packet with_ports(uint8_t proto, uint16_t sport, uint16_t dport)
{
	struct packet p = packet(L3_IPV4, proto);

	p.flags = PACKET_PORTS;
	p.sport = htons(sport);
	p.dport = htons(dport);
	return p;
}

static struct packet icmp(uint8_t family, uint8_t proto, uint8_t type, uint8_t code)
{
	struct packet p = packet(family, proto);

	p.flags = PACKET_L4_HEADER;
	p.icmp_type = type;
	p.icmp_code = code;
	p.icmp_id = htons(7);
	return p;
}

static void ports_are_taken_from_protocols_that_have_them(void **state)
{
	static const uint8_t ported[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE,
					  IPPROTO_SCTP };

	(void)state;
	for (unsigned proto = 0; proto < 256; proto++) {
		bool has_ports = memchr(ported, (int)proto, sizeof(ported)) != NULL;
		struct packet p = with_ports((uint8_t)proto, 1000, 80);
		struct tuple t;

		if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6)
			continue;
		assert_int_equal(tuple_from_packet(&p, 5, &t), 0);
		assert_int_equal(t.sport, has_ports ? htons(1000) : 0);
		assert_int_equal(t.dport, has_ports ? htons(80) : 0);
		assert_int_equal(t.zone, 5);
		assert_int_equal(t.l3, L3_IPV4);
		assert_int_equal(t.l4, proto);
		assert_true(addr_equal(&t.src, &p.saddr));
		assert_true(addr_equal(&t.dst, &p.daddr));
		p.flags = 0;
		assert_int_equal(tuple_from_packet(&p, 5, &t), has_ports ? -EINVAL : 0);
	}
}

static void a_packet_without_transport_header_has_no_tuple(void **state)
{
	struct packet p = with_ports(IPPROTO_UDP, 1, 2);
	struct tuple t;

	(void)state;
	p.flags = PACKET_PORTS | PACKET_LATER_FRAGMENT;
	assert_int_equal(tuple_from_packet(&p, 0, &t), -EINVAL);
	p = packet(L3_IPV6, 0);
	p.flags = PACKET_NO_L4;
	assert_int_equal(tuple_from_packet(&p, 0, &t), -EINVAL);
	p = icmp(L3_IPV4, IPPROTO_ICMP, 8, 0);
	p.flags = 0;
	assert_int_equal(tuple_from_packet(&p, 0, &t), -EINVAL);
}

static void gre_version_1_has_the_call_id_as_destination_key(void **state)
{
	uint8_t gre[8] = { 0x30, 0x01, 0x88, 0x0b, 0, 0, 0x12, 0x34 };
	struct packet p = packet(L3_IPV4, IPPROTO_GRE);
	struct tuple t;

	(void)state;
	p.data = gre;
	p.l4_len = 8;
	assert_int_equal(tuple_from_packet(&p, 0, &t), 0);
	assert_int_equal(t.sport, 0);
	assert_int_equal(t.dport, htons(0x1234));
	p.l4_len = 7; /* only partly there */
	assert_int_equal(tuple_from_packet(&p, 0, &t), 0);
	assert_int_equal(t.dport, 0);
	p.l4_len = 2;
	assert_int_equal(tuple_from_packet(&p, 0, &t), 0);
	p.l4_len = 8;
	gre[3] = 0; /* not PPP */
	assert_int_equal(tuple_from_packet(&p, 0, &t), -EINVAL);
	gre[1] = 0; /* version 0: no key */
	assert_int_equal(tuple_from_packet(&p, 0, &t), 0);
	assert_int_equal(t.dport, 0);
}

static void an_inverse_swaps_addresses_and_ports(void **state)
{
	struct packet p = with_ports(IPPROTO_TCP, 1000, 80);
	struct tuple t, r, back;

	(void)state;
	assert_int_equal(tuple_from_packet(&p, 9, &t), 0);
	assert_int_equal(tuple_invert(&t, &r), 0);
	assert_true(addr_equal(&r.src, &p.daddr));
	assert_true(addr_equal(&r.dst, &p.saddr));
	assert_int_equal(r.sport, htons(80));
	assert_int_equal(r.dport, htons(1000));
	assert_int_equal(r.zone, 9);
	assert_int_equal(r.l4, IPPROTO_TCP);
	assert_int_equal(tuple_invert(&r, &back), 0);
	assert_true(tuple_equal(&t, &back));
	assert_false(tuple_equal(&t, &r));
}

/* conntrack.md 2.3, typed once more: -1 has no answer. */
static int expected_answer(uint8_t proto, unsigned type)
{
	static const int v4[][2] = { { 8, 0 }, { 13, 14 }, { 15, 16 }, { 17, 18 } };
	static const int v6[][2] = { { 128, 129 }, { 139, 140 } };
	const int(*pairs)[2] = proto == IPPROTO_ICMP ? v4 : v6;
	size_t n = proto == IPPROTO_ICMP ? 4 : 2;

	for (size_t i = 0; i < n; i++) {
		for (int side = 0; side < 2; side++) {
			if (pairs[i][side] == (int)type)
				return pairs[i][!side];
		}
	}
	return -1;
}

static void icmp_types_invert_in_pairs_and_others_do_not(void **state)
{
	static const uint8_t protos[] = { IPPROTO_ICMP, IPPROTO_ICMPV6 };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned type = 0; type < 256; type++) {
			int answer = expected_answer(protos[i], type);
			struct packet p = icmp(i ? L3_IPV6 : L3_IPV4, protos[i],
					       (uint8_t)type, 3);
			struct tuple t, r;

			assert_int_equal(tuple_from_packet(&p, 0, &t), 0);
			assert_int_equal(t.sport, htons(7));
			assert_int_equal(((uint8_t *)&t.dport)[0], type);
			assert_int_equal(((uint8_t *)&t.dport)[1], 3);
			assert_int_equal(tuple_invert(&t, &r), answer < 0 ? -EINVAL : 0);
			if (answer < 0)
				continue;
			assert_int_equal(r.sport, htons(7));
			assert_int_equal(ntohs(r.dport), answer << 8 | 3);
			assert_true(addr_equal(&r.src, &p.daddr));
		}
	}
}

static void every_field_counts_in_hash_and_equality(void **state)
{
	static const uint8_t families[] = { L3_IPV4, L3_IPV6 };

	(void)state;
	for (unsigned f = 0; f < 2; f++) {
		struct packet p = packet(families[f], IPPROTO_UDP);
		struct tuple t;

		p.flags = PACKET_PORTS;
		assert_int_equal(tuple_from_packet(&p, 0, &t), 0);
		for (unsigned byte = 0; byte < sizeof(t); byte++) {
			struct tuple other = t;

			/* IPv4: bytes 4 to 15 of an address are always zero. */
			if (families[f] == L3_IPV4 && byte < 32 && byte % 16 >= 4)
				continue;
			if (byte == offsetof(struct tuple, l3))
				continue;
			((uint8_t *)&other)[byte] ^= 0x10;
			assert_false(tuple_equal(&t, &other));
			assert_true(tuple_hash(&key, &t) != tuple_hash(&key, &other));
		}
	}
}

static void ipv4_is_hashed_in_two_words_and_ipv6_in_five(void **state)
{
	struct packet p = with_ports(IPPROTO_TCP, 1000, 80);
	struct tuple t;
	uint64_t words[5];

	(void)state;
	assert_int_equal(tuple_from_packet(&p, 3, &t), 0);
	memcpy(words, &t, sizeof(words));
	words[0] = (uint64_t)t.src.w[0] << 32 | t.dst.w[0];
	words[1] = words[4];
	assert_true(tuple_hash(&key, &t) == siphash_words(&key, words, 2));
	t.l3 = L3_IPV6;
	memcpy(words, &t, sizeof(words));
	assert_true(tuple_hash(&key, &t) == siphash_words(&key, words, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_are_taken_from_protocols_that_have_them),
		cmocka_unit_test(a_packet_without_transport_header_has_no_tuple),
		cmocka_unit_test(gre_version_1_has_the_call_id_as_destination_key),
		cmocka_unit_test(an_inverse_swaps_addresses_and_ports),
		cmocka_unit_test(icmp_types_invert_in_pairs_and_others_do_not),
		cmocka_unit_test(every_field_counts_in_hash_and_equality),
		cmocka_unit_test(ipv4_is_hashed_in_two_words_and_ipv6_in_five),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
