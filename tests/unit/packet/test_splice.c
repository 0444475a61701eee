/* Tests of other bytes in a packet's payload: each packet is read anew, and compared with one
 * that was made with those bytes in it. */
#include "unit/packet/view.h"

#include "ctfw/mangle.h"

static struct bytes want;
static uint64_t seed = 11;

static uint8_t random_byte(void)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint8_t)(seed >> 56);
}

static uint32_t below(uint32_t n)
{
	uint32_t v = (uint32_t)random_byte() << 16 | (uint32_t)random_byte() << 8 | random_byte();

	return n ? v % n : 0;
}

/* A packet of this shape that carries these bytes. */
static void make(struct bytes *b, bool v4, bool tcp, const uint8_t *payload, uint32_t len)
{
	uint32_t off = v4 ? 20 : 40, header = tcp ? 32 : 8;
	uint8_t *l4;

	(v4 ? ip4_begin : ip6_begin)(b, tcp ? IPPROTO_TCP : IPPROTO_UDP);
	l4 = b->b + b->len;
	if (tcp) {
		put_tcp(b, TCP_ACK | TCP_PSH);
		PUT(b, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2);
		l4[12] = 0x80;
	} else {
		put_udp(b, 0);
		set16(l4 + 4, header + len);
	}
	put(b, payload, len);
	(v4 ? ip4_seal : ip6_seal)(b);
	l4_seal(b, off, tcp ? IPPROTO_TCP : IPPROTO_UDP);
}

static void expect_same(const struct packet *p, const struct bytes *b)
{
	struct packet q;

	assert_int_equal(p->len, b->len);
	assert_memory_equal(p->data, b->b, b->len);
	assert_int_equal(packet_parse(p->data, p->len, &p->vnet, &q), REASON_NONE);
	assert_int_equal(q.len, p->len);
	assert_int_equal(q.l4_len, p->l4_len);
	assert_true(packet_checksum_ok(p));
}

static void what_is_spliced_in_is_as_if_it_had_always_been_there(void **state)
{
	static uint8_t payload[600], changed[800], with[200];

	(void)state;
	for (unsigned n = 0; n < 20000; n++) {
		uint32_t len = below(sizeof(payload)), off = below(len + 1);
		uint32_t old = below(len - off + 1 < 40 ? len - off + 1 : 40);
		uint32_t put_len = below(sizeof(with)), behind = len - off - old;
		struct packet p;
		uint8_t *bytes;

		for (uint32_t i = 0; i < len; i++)
			payload[i] = random_byte();
		for (uint32_t i = 0; i < put_len; i++)
			with[i] = random_byte();
		memcpy(changed, payload, off);
		memcpy(changed + off, with, put_len);
		memcpy(changed + off + put_len, payload + off + old, behind);
		make(&m, n & 1, n & 2, payload, len);
		make(&want, n & 1, n & 2, changed, off + put_len + behind);
		/* Exactly as much room as is needed. */
		bytes = malloc(m.len > want.len ? m.len : want.len);
		assert_non_null(bytes);
		memcpy(bytes, m.b, m.len);
		assert_int_equal(packet_parse(bytes, m.len, NULL, &p), REASON_NONE);
		assert_true(packet_splice(&p, off, old, with, put_len, want.len));
		expect_same(&p, &want);
		free(bytes);
	}
}

static void udp_without_a_checksum_stays_without(void **state)
{
	struct packet p;
	uint8_t bytes[200];

	(void)state;
	make(&m, true, false, (const uint8_t *)"abc", 3);
	set16(m.b + 26, 0);
	memcpy(bytes, m.b, m.len);
	assert_int_equal(packet_parse(bytes, m.len, NULL, &p), REASON_NONE);
	assert_true(packet_splice(&p, 1, 1, "12345", 5, sizeof(bytes)));
	assert_memory_equal(p.data + 28, "a12345c", 7);
	assert_int_equal(get16(p.data + 26), 0);
	assert_int_equal(get16(p.data + 24), 15);
}

/* The two bytes for which the sum comes out as 0. */
static void udps_checksum_never_becomes_none(void **state)
{
	struct packet p;
	uint16_t rest;

	(void)state;
	make(&m, true, false, (const uint8_t *)"abcd\0", 6);
	memcpy(&rest, m.b + 26, 2);
	p = parsed();
	assert_true(packet_splice(&p, 4, 2, &rest, 2, p.len));
	assert_int_equal(get16(p.data + 26), 0xffff);
	assert_true(packet_checksum_ok(&p));
}

/* nf_nat_csum_recalc() */
static void a_checksum_that_was_wrong_is_right_afterwards(void **state)
{
	struct packet p;

	(void)state;
	make(&m, false, true, (const uint8_t *)"abcd", 4);
	m.b[56] ^= 0x11;
	p = parsed();
	assert_false(packet_checksum_ok(&p));
	assert_true(packet_splice(&p, 0, 4, "x", 1, p.len));
	assert_true(packet_checksum_ok(&p));
}

static void a_super_packet_keeps_its_header_and_the_pseudo_headers_sum(void **state)
{
	static uint8_t bytes[PACKET_MAX], payload[40000], changed[41000];

	(void)state;
	for (unsigned n = 0; n < 8; n++) {
		bool v4 = n & 1, tcp = n & 2;
		uint16_t off = v4 ? 20 : 40, field = off + (tcp ? 16 : 6), partial;
		struct virtio_net_hdr before, v = {
			.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			.gso_type = tcp ? (v4 ? VIRTIO_NET_HDR_GSO_TCPV4 :
						VIRTIO_NET_HDR_GSO_TCPV6) :
					  VIRTIO_NET_HDR_GSO_UDP_L4,
			.hdr_len = (uint16_t)(off + (tcp ? 32 : 8)),
			.gso_size = 1000,
			.csum_start = off,
			.csum_offset = tcp ? 16 : 6,
		};
		uint32_t old = n & 4 ? 1 : 9;
		struct packet p;

		for (uint32_t i = 0; i < sizeof(payload); i++)
			payload[i] = random_byte();
		make(&m, v4, tcp, payload, sizeof(payload));
		memcpy(bytes, m.b, m.len);
		assert_int_equal(packet_parse(bytes, m.len, &v, &p), REASON_NONE);
		partial = checksum_fold(checksum_pseudo(p.family, &p.saddr, &p.daddr,
							p.l4_proto, p.l4_len));
		memcpy(bytes + field, &partial, 2);
		before = p.vnet;
		if (!tcp) { /* its datagrams would be cut elsewhere */
			assert_false(packet_splice(&p, 77, old, "12345", 5, sizeof(bytes)));
			old = 5;
		}
		assert_true(packet_splice(&p, 77, old, "12345", 5, sizeof(bytes)));
		assert_memory_equal(&p.vnet, &before, sizeof(before));
		partial = checksum_fold(checksum_pseudo(p.family, &p.saddr, &p.daddr,
							p.l4_proto, p.l4_len));
		assert_memory_equal(bytes + field, &partial, 2);
		/* Filled in it is the packet that it would have been. */
		memcpy(changed, payload, 77);
		memcpy(changed + 77, "12345", 5);
		memcpy(changed + 82, payload + 77 + old, sizeof(payload) - 77 - old);
		make(&want, v4, tcp, changed, (uint32_t)sizeof(payload) - old + 5);
		memcpy(m.b, bytes, p.len);
		m.len = p.len;
		l4_seal(&m, off, p.l4_proto);
		assert_int_equal(m.len, want.len);
		assert_memory_equal(m.b, want.b, m.len);
	}
}

static void what_does_not_fit_is_refused_untouched(void **state)
{
	static uint8_t big[PACKET_MAX + 100], payload[65400];
	struct packet p;

	(void)state;
	make(&m, true, true, (const uint8_t *)"abcdef", 6);
	memcpy(big, m.b, m.len);
	assert_int_equal(packet_parse(big, m.len, NULL, &p), REASON_NONE);
	assert_false(packet_splice(&p, 0, 2, "123", 3, p.len));
	assert_false(packet_splice(&p, 7, 0, "1", 1, sizeof(big)));
	assert_false(packet_splice(&p, 5, 2, "1", 1, sizeof(big)));
	assert_false(packet_splice(&p, UINT32_MAX, 2, "1", 1, sizeof(big)));
	assert_false(packet_splice(&p, 1, UINT32_MAX, "1", 1, sizeof(big)));
	assert_false(packet_splice(&p, 1, 1, payload, UINT32_MAX, sizeof(big)));
	assert_memory_equal(big, m.b, m.len);
	/* No IP packet is longer. */
	make(&m, true, true, payload, sizeof(payload));
	memcpy(big, m.b, m.len);
	assert_int_equal(packet_parse(big, m.len, NULL, &p), REASON_NONE);
	assert_false(packet_splice(&p, 0, 0, payload, PACKET_MAX + 1 - p.len, sizeof(big)));
	assert_memory_equal(big, m.b, m.len);
	assert_true(packet_splice(&p, 0, 0, payload, PACKET_MAX - p.len, sizeof(big)));
	assert_int_equal(get16(big + 2), PACKET_MAX);
}

static void fragments_and_other_protocols_have_no_payload_to_change(void **state)
{
	struct packet p;

	(void)state;
	make(&m, true, false, (const uint8_t *)"abcdef", 6);
	set16(m.b + 6, 0x2000);
	ip4_checksum(&m);
	p = parsed();
	assert_false(packet_splice(&p, 0, 1, "1", 1, p.len));
	ip4_begin(&m, IPPROTO_ICMP);
	put_icmp(&m, 8, 0);
	put_zeroes(&m, 10);
	ip4_seal(&m);
	p = parsed();
	assert_false(packet_splice(&p, 0, 1, "1", 1, p.len));
	ip4_begin(&m, IPPROTO_TCP);
	put_zeroes(&m, 19);
	ip4_seal(&m);
	p = parsed();
	assert_false(packet_splice(&p, 0, 1, "1", 1, p.len));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_spliced_in_is_as_if_it_had_always_been_there),
		cmocka_unit_test(udp_without_a_checksum_stays_without),
		cmocka_unit_test(udps_checksum_never_becomes_none),
		cmocka_unit_test(a_checksum_that_was_wrong_is_right_afterwards),
		cmocka_unit_test(a_super_packet_keeps_its_header_and_the_pseudo_headers_sum),
		cmocka_unit_test(what_does_not_fit_is_refused_untouched),
		cmocka_unit_test(fragments_and_other_protocols_have_no_payload_to_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
