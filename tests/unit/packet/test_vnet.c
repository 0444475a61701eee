/* Tests of virtio-net headers: super-packets, and headers that contradict their packet. */
#include "unit/packet/view.h"

static enum reason parse_with(const struct virtio_net_hdr *v)
{
	struct packet p;

	return packet_parse(m.b, m.len, v, &p);
}

static void accepted(const struct virtio_net_hdr *v)
{
	assert_int_equal(parse_with(v), REASON_NONE);
}

static void refused(const struct virtio_net_hdr *v)
{
	assert_int_equal(parse_with(v), REASON_VNET_HEADER);
}

static void a_super_packet_is_one_packet(void **state)
{
	struct virtio_net_hdr v = tso_header(VIRTIO_NET_HDR_GSO_TCPV4, 20, 1460);
	struct packet p;

	(void)state;
	tcp4(&m, TCP_ACK, 65495);
	assert_int_equal(packet_parse(m.b, m.len, &v, &p), REASON_NONE);
	assert_int_equal(p.len, 65535);
	assert_int_equal(p.l4_len, 65515);
	assert_memory_equal(&p.vnet, &v, sizeof(v));
	v.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	accepted(&v);
	v = tso_header(VIRTIO_NET_HDR_GSO_TCPV6, 40, 1440);
	tcp6(&m, TCP_ACK, 65475);
	accepted(&v);
}

static void a_udp_super_packet_goes_with_both_families(void **state)
{
	struct virtio_net_hdr v = tso_header(VIRTIO_NET_HDR_GSO_UDP_L4, 20, 1000);

	(void)state;
	v.csum_offset = 6;
	udp4(&m, 5000);
	accepted(&v);
	v.csum_start = 40;
	udp6(&m, 5000);
	accepted(&v);
	v.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	refused(&v);
}

static void no_header_and_an_empty_one_are_the_same(void **state)
{
	struct virtio_net_hdr v = { 0 };
	struct packet p;

	(void)state;
	udp4(&m, 4);
	accepted(&v);
	/* Without flags and type the other fields say nothing. */
	v.hdr_len = v.gso_size = v.csum_start = v.csum_offset = 0xffff;
	accepted(&v);
	assert_int_equal(packet_parse(m.b, m.len, NULL, &p), REASON_NONE);
	assert_int_equal(p.vnet.hdr_len, 0);
}

static void a_segment_type_must_be_that_of_the_packet(void **state)
{
	static const struct {
		uint8_t type;
		bool tcp4, tcp6, udp4, udp6;
	} cases[] = {
		{ VIRTIO_NET_HDR_GSO_TCPV4, true, false, false, false },
		{ VIRTIO_NET_HDR_GSO_TCPV6, false, true, false, false },
		{ VIRTIO_NET_HDR_GSO_UDP_L4, false, false, true, true },
		{ VIRTIO_NET_HDR_GSO_UDP, false, false, false, false },
		{ 2, false, false, false, false },
		{ 6, false, false, false, false },
		{ 0x40, false, false, false, false },
		{ VIRTIO_NET_HDR_GSO_ECN, false, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct virtio_net_hdr v = { .gso_type = cases[i].type, .gso_size = 100 };

		tcp4(&m, TCP_ACK, 1000);
		assert_int_equal(parse_with(&v) == REASON_NONE, cases[i].tcp4);
		tcp6(&m, TCP_ACK, 1000);
		assert_int_equal(parse_with(&v) == REASON_NONE, cases[i].tcp6);
		udp4(&m, 1000);
		assert_int_equal(parse_with(&v) == REASON_NONE, cases[i].udp4);
		udp6(&m, 1000);
		assert_int_equal(parse_with(&v) == REASON_NONE, cases[i].udp6);
	}
}

static void a_segment_size_of_zero_is_refused(void **state)
{
	struct virtio_net_hdr v = tso_header(VIRTIO_NET_HDR_GSO_TCPV4, 20, 0);

	(void)state;
	tcp4(&m, TCP_ACK, 3000);
	refused(&v);
}

static void a_header_length_behind_the_packet_is_refused(void **state)
{
	struct virtio_net_hdr v = tso_header(VIRTIO_NET_HDR_GSO_TCPV4, 20, 1000);

	(void)state;
	tcp4(&m, TCP_ACK, 3000);
	v.hdr_len = (uint16_t)m.len;
	accepted(&v);
	v.hdr_len++;
	refused(&v);
}

static void a_super_packet_needs_its_whole_transport_header(void **state)
{
	struct virtio_net_hdr v = { .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 100 };

	(void)state;
	tcp4(&m, TCP_ACK, 0);
	accepted(&v);
	m.b[32] = 0x60;
	refused(&v);
}

static void a_fragment_is_no_super_packet(void **state)
{
	struct virtio_net_hdr v = { .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 100 };

	(void)state;
	tcp4(&m, TCP_ACK, 1000);
	set16(m.b + 6, 0x2000);
	ip4_checksum(&m);
	refused(&v);
}

static void a_checksum_field_must_lie_in_the_packet(void **state)
{
	struct virtio_net_hdr v = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM };

	(void)state;
	/* A tunnel's inner checksum may lie anywhere behind the header. */
	ip4_begin(&m, 47);
	put_zeroes(&m, 100);
	ip4_seal(&m);
	v.csum_start = 20;
	v.csum_offset = 98;
	accepted(&v);
	v.csum_offset++;
	refused(&v);
	v.csum_start = 118;
	v.csum_offset = 0;
	accepted(&v);
	v.csum_start = 0xffff;
	v.csum_offset = 0xffff;
	refused(&v);
	/* Bytes that were cut off do not count. */
	set16(m.b + 2, 60);
	ip4_checksum(&m);
	v.csum_start = 20;
	v.csum_offset = 39;
	refused(&v);
	v.csum_offset = 38;
	accepted(&v);
}

static void a_checksum_that_starts_in_the_ip_header_is_refused(void **state)
{
	struct virtio_net_hdr v = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_offset = 16 };

	(void)state;
	tcp4(&m, TCP_ACK, 100);
	v.csum_start = 19;
	refused(&v);
	v.csum_start = 20;
	accepted(&v);
}

static void a_checksum_field_must_be_the_protocols(void **state)
{
	struct virtio_net_hdr v = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 20 };

	(void)state;
	for (uint16_t off = 0; off < 40; off++) {
		v.csum_offset = off;
		tcp4(&m, TCP_ACK, 100);
		assert_int_equal(parse_with(&v) == REASON_NONE, off == 16);
		udp4(&m, 100);
		assert_int_equal(parse_with(&v) == REASON_NONE, off == 6);
	}
	/* Deeper in the packet is a tunnel's. */
	udp4(&m, 100);
	v.csum_start = 64;
	v.csum_offset = 16;
	accepted(&v);
}

static void a_super_packets_checksum_starts_at_its_transport_header(void **state)
{
	struct virtio_net_hdr v = tso_header(VIRTIO_NET_HDR_GSO_TCPV4, 24, 1000);

	(void)state;
	tcp4(&m, TCP_ACK, 3000);
	refused(&v);
}

static void unknown_flags_are_refused(void **state)
{
	struct virtio_net_hdr v = { .flags = VIRTIO_NET_HDR_F_DATA_VALID };

	(void)state;
	udp4(&m, 4);
	accepted(&v);
	for (unsigned bit = 2; bit < 8; bit++) {
		v.flags = (uint8_t)(1 << bit);
		refused(&v);
	}
}

static void a_bad_packet_is_told_before_its_header(void **state)
{
	struct virtio_net_hdr v = { .flags = 0x80 };

	(void)state;
	udp4(&m, 4);
	m.b[8]--;
	assert_int_equal(parse_with(&v), REASON_HEADER_CHECKSUM);
}

static void a_partial_checksum_is_not_checked(void **state)
{
	struct virtio_net_hdr v = tso_header(VIRTIO_NET_HDR_GSO_TCPV4, 20, 1000);
	struct packet p;

	(void)state;
	tcp4(&m, TCP_ACK, 3000);
	set16(m.b + 36, 0x1234);
	assert_int_equal(packet_parse(m.b, m.len, &v, &p), REASON_NONE);
	assert_true(packet_checksum_ok(&p));
	assert_int_equal(packet_parse(m.b, m.len, NULL, &p), REASON_NONE);
	assert_false(packet_checksum_ok(&p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_super_packet_is_one_packet),
		cmocka_unit_test(a_udp_super_packet_goes_with_both_families),
		cmocka_unit_test(no_header_and_an_empty_one_are_the_same),
		cmocka_unit_test(a_segment_type_must_be_that_of_the_packet),
		cmocka_unit_test(a_segment_size_of_zero_is_refused),
		cmocka_unit_test(a_header_length_behind_the_packet_is_refused),
		cmocka_unit_test(a_super_packet_needs_its_whole_transport_header),
		cmocka_unit_test(a_fragment_is_no_super_packet),
		cmocka_unit_test(a_checksum_field_must_lie_in_the_packet),
		cmocka_unit_test(a_checksum_that_starts_in_the_ip_header_is_refused),
		cmocka_unit_test(a_checksum_field_must_be_the_protocols),
		cmocka_unit_test(a_super_packets_checksum_starts_at_its_transport_header),
		cmocka_unit_test(unknown_flags_are_refused),
		cmocka_unit_test(a_bad_packet_is_told_before_its_header),
		cmocka_unit_test(a_partial_checksum_is_not_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
