/* Tests of the answers of reject: their bytes, their checksums, and when there is none. */
#include <errno.h>

#include "ctfw/build.h"
#include "unit/packet/view.h"

static uint8_t out[BUILD_MAX];
static const union addr speaker4 = { .b = { 10, 8, 0, 1 } };
static const union addr speaker6 = { .b = { 0xfd, 0x08, [15] = 1 } };

/* An answer is a packet that parses, with right checksums and nothing behind it. */
static struct packet answer(int len, uint8_t proto)
{
	struct packet p;

	assert_in_range(len, 20, BUILD_MAX);
	assert_int_equal(packet_parse(out, (size_t)len, NULL, &p), REASON_NONE);
	assert_int_equal(p.len, len);
	assert_int_equal(p.l4_proto, proto);
	assert_true(p.flags & PACKET_L4_HEADER);
	assert_int_equal(l4_sum(out, p.len, p.l4_off, proto), 0xffff);
	return p;
}

static struct packet reset_of(const struct packet *p)
{
	struct packet r = answer(build_tcp_reset(p, out), IPPROTO_TCP);
	const uint8_t *tcp = r.data + r.l4_off;

	assert_int_equal(r.l4_len, 20);
	assert_true(addr_equal(&r.saddr, &p->daddr) && addr_equal(&r.daddr, &p->saddr));
	assert_int_equal(r.sport, p->dport);
	assert_int_equal(r.dport, p->sport);
	assert_int_equal(tcp[12], 0x50);
	assert_int_equal(get16(tcp + 14), 0); /* window */
	assert_int_equal(get16(tcp + 18), 0);
	return r;
}

/* ---- resets ---- */

static void a_syn_is_answered_with_its_sequence_number_acknowledged(void **state)
{
	struct packet p, r;

	(void)state;
	tcp4(&m, TCP_SYN, 0);
	p = parsed();
	r = reset_of(&p);
	assert_int_equal(r.tcp_flags, TCP_RST | TCP_ACK);
	assert_int_equal(get32(r.data + 24), 0);
	assert_int_equal(get32(r.data + 28), 0x01020305);
}

static void an_ack_is_answered_where_it_stands(void **state)
{
	struct packet p, r;

	(void)state;
	tcp4(&m, TCP_ACK | TCP_PSH, 33);
	p = parsed();
	r = reset_of(&p);
	assert_int_equal(r.tcp_flags, TCP_RST);
	assert_int_equal(get32(r.data + 24), 0x05060708);
	assert_int_equal(get32(r.data + 28), 0);
}

static void data_syn_and_fin_are_acknowledged(void **state)
{
	struct packet p;

	(void)state;
	tcp4(&m, TCP_SYN, 10);
	p = parsed();
	assert_int_equal(get32(reset_of(&p).data + 28), 0x01020304 + 11);
	tcp4(&m, TCP_FIN, 10);
	p = parsed();
	assert_int_equal(get32(reset_of(&p).data + 28), 0x01020304 + 11);
	tcp4(&m, 0, 10);
	p = parsed();
	assert_int_equal(get32(reset_of(&p).data + 28), 0x01020304 + 10);
}

static void tcp_options_are_not_data(void **state)
{
	struct packet p;

	(void)state;
	tcp4(&m, TCP_SYN, 20);
	m.b[32] = 0xa0;
	l4_seal(&m, 20, IPPROTO_TCP);
	p = parsed();
	assert_int_equal(get32(reset_of(&p).data + 28), 0x01020305);
}

static void an_acknowledgement_wraps(void **state)
{
	struct packet p;

	(void)state;
	tcp4(&m, TCP_SYN, 4);
	memset(m.b + 24, 0xff, 4);
	l4_seal(&m, 20, IPPROTO_TCP);
	p = parsed();
	assert_int_equal(get32(reset_of(&p).data + 28), 4);
}

static void a_reset_looks_as_the_kernels(void **state)
{
	/* What nf_reject_ipv4 answered to this SYN, byte for byte. */
	static const uint8_t syn[40] = { 0x45, 0x2e, 0x00, 0x28, 0x00, 0x4d, 0x00, 0x00,
					 0x40, 0x06, 0x00, 0x00, 0xc0, 0xa8, 0x07, 0x05,
					 0xcb, 0x00, 0x71, 0x32, 0x03, 0xe8, 0x00, 0x50,
					 0x00, 0x00, 0x13, 0x88, 0x00, 0x00, 0x00, 0x00,
					 0x50, 0x02, 0x20, 0x00, 0x00, 0x00, 0x00, 0x00 };
	static const uint8_t rst[40] = { 0x45, 0x00, 0x00, 0x28, 0x00, 0x00, 0x40, 0x00,
					 0x40, 0x06, 0x36, 0xf0, 0xcb, 0x00, 0x71, 0x32,
					 0xc0, 0xa8, 0x07, 0x05, 0x00, 0x50, 0x03, 0xe8,
					 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x13, 0x89,
					 0x50, 0x14, 0x00, 0x00, 0x94, 0x2f, 0x00, 0x00 };
	struct packet p;

	(void)state;
	m.len = 0;
	put(&m, syn, sizeof(syn));
	ip4_checksum(&m);
	l4_seal(&m, 20, IPPROTO_TCP);
	p = parsed();
	assert_int_equal(build_tcp_reset(&p, out), 40);
	assert_memory_equal(out, rst, 40);
}

static void an_ipv6_reset_is_right_behind_extension_headers_too(void **state)
{
	struct packet p, r;

	(void)state;
	ip6_begin(&m, IPPROTO_DSTOPTS);
	PUT(&m, IPPROTO_TCP, 0, 1, 4, 0, 0, 0, 0);
	put_tcp(&m, TCP_SYN);
	put_zeroes(&m, 3);
	ip6_seal(&m);
	l4_seal(&m, 48, IPPROTO_TCP);
	p = parsed();
	r = reset_of(&p);
	assert_int_equal(r.len, 60);
	assert_int_equal(r.data[7], 64);
	assert_int_equal(get32(r.data), 0x60000000);
	assert_int_equal(get32(r.data + 48), 0x01020304 + 4);
}

static void ipv4_options_are_not_echoed(void **state)
{
	struct packet p;

	(void)state;
	ip4_begin(&m, IPPROTO_TCP);
	m.b[0] = 0x46;
	PUT(&m, 1, 1, 1, 0);
	put_tcp(&m, TCP_SYN);
	ip4_seal(&m);
	l4_seal(&m, 24, IPPROTO_TCP);
	p = parsed();
	assert_int_equal(get32(reset_of(&p).data + 28), 0x01020305);
}

static void a_super_packet_is_reset_behind_all_of_its_data(void **state)
{
	struct virtio_net_hdr v = tso_header(VIRTIO_NET_HDR_GSO_TCPV4, 20, 1460);
	struct packet p, r;

	(void)state;
	tcp4(&m, TCP_PSH, 40000);
	set16(m.b + 36, 0x1234); /* the pseudo-header's sum, as it comes */
	assert_int_equal(packet_parse(m.b, m.len, &v, &p), REASON_NONE);
	r = reset_of(&p);
	assert_int_equal(get32(r.data + 28), 0x01020304 + 40000);
	v = tso_header(VIRTIO_NET_HDR_GSO_TCPV6, 40, 1440);
	tcp6(&m, TCP_PSH, 60000);
	assert_int_equal(packet_parse(m.b, m.len, &v, &p), REASON_NONE);
	r = reset_of(&p);
	assert_int_equal(get32(r.data + 48), 0x01020304 + 60000);
}

static void expect_no_reset(void)
{
	struct packet p = parsed();

	assert_int_equal(build_tcp_reset(&p, out), -EINVAL);
}

static void a_reset_is_not_reset(void **state)
{
	(void)state;
	tcp4(&m, TCP_RST, 0);
	expect_no_reset();
	tcp6(&m, TCP_RST | TCP_ACK, 0);
	expect_no_reset();
}

static void only_whole_tcp_headers_are_reset(void **state)
{
	(void)state;
	udp4(&m, 20);
	expect_no_reset();
	ip4_begin(&m, IPPROTO_TCP);
	put_tcp(&m, TCP_SYN);
	m.len--;
	ip4_seal(&m);
	expect_no_reset();
	ip6_begin(&m, IPPROTO_NONE);
	ip6_seal(&m);
	expect_no_reset();
}

static void fragments_are_not_reset(void **state)
{
	(void)state;
	tcp4(&m, TCP_SYN, 8);
	set16(m.b + 6, 0x2000);
	ip4_checksum(&m);
	expect_no_reset();
	set16(m.b + 6, 5);
	ip4_checksum(&m);
	expect_no_reset();
}

static void a_wrong_checksum_is_not_reset(void **state)
{
	(void)state;
	tcp4(&m, TCP_SYN, 8);
	m.b[45] ^= 1;
	expect_no_reset();
	tcp6(&m, TCP_SYN, 8);
	m.b[45] ^= 1;
	expect_no_reset();
}

/* Whether anything is said to a packet between these. */
static bool answered4(uint32_t src, uint32_t dst)
{
	struct packet p;
	int reset, error;

	tcp4(&m, TCP_SYN, 0);
	set16(m.b + 12, src >> 16);
	set16(m.b + 14, src & 0xffff);
	set16(m.b + 16, dst >> 16);
	set16(m.b + 18, dst & 0xffff);
	ip4_seal(&m);
	l4_seal(&m, 20, IPPROTO_TCP);
	p = parsed();
	reset = build_tcp_reset(&p, out);
	error = build_icmp_error(&p, 3, 3, 0, &speaker4, out);
	assert_int_equal(reset > 0, error > 0);
	return reset > 0;
}

static void nothing_is_said_to_or_for_more_than_one_host(void **state)
{
	static const uint32_t not_one[] = { 0, 0x00000001, 0x7f000001, 0xe0000001, 0xefffffff,
					    0xffffffff };
	struct packet p;

	(void)state;
	assert_true(answered4(0x0a080002, 0xc0000201));
	assert_true(answered4(0xf0000001, 0xf0000002));
	for (size_t i = 0; i < sizeof(not_one) / sizeof(not_one[0]); i++) {
		assert_false(answered4(not_one[i], 0xc0000201));
		assert_false(answered4(0x0a080002, not_one[i]));
	}
	tcp6(&m, TCP_SYN, 0);
	memset(m.b + 8, 0, 16);
	l4_seal(&m, 40, IPPROTO_TCP);
	p = parsed();
	assert_int_equal(build_tcp_reset(&p, out), -EINVAL);
	assert_int_equal(build_icmp_error(&p, 1, 4, 0, &speaker6, out), -EINVAL);
	tcp6(&m, TCP_SYN, 0);
	set16(m.b + 24, 0xff0e);
	l4_seal(&m, 40, IPPROTO_TCP);
	p = parsed();
	assert_int_equal(build_tcp_reset(&p, out), -EINVAL);
	assert_int_equal(build_icmp_error(&p, 1, 4, 0, &speaker6, out), -EINVAL);
}

/* ---- ICMP errors ---- */

static struct packet error_of(const struct packet *p, uint8_t type, uint8_t code)
{
	bool v4 = p->family == L3_IPV4;
	const union addr *from = v4 ? &speaker4 : &speaker6;
	struct packet r = answer(build_icmp_error(p, type, code, 0, from, out),
				 v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	uint32_t quoted = r.l4_len - 8;

	assert_true(packet_is_icmp_error(&r));
	assert_true(addr_equal(&r.saddr, from) && addr_equal(&r.daddr, &p->saddr));
	assert_int_equal(r.icmp_type, type);
	assert_int_equal(r.icmp_code, code);
	assert_int_equal(get32(r.data + r.l4_off + 4), 0);
	assert_true(quoted <= p->len);
	assert_memory_equal(r.data + r.l4_off + 8, p->data, quoted);
	return r;
}

static void an_ipv4_error_quotes_a_short_packet_whole(void **state)
{
	struct packet p, r;

	(void)state;
	udp4(&m, 11);
	p = parsed();
	r = error_of(&p, 3, 3);
	assert_int_equal(r.len, 28 + 39);
	assert_int_equal(r.data[8], 64);
	assert_int_equal(get16(r.data + 6), 0); /* no DF, no fragment */
	assert_int_equal(get16(r.data + 4), 0x1234);
}

static void an_ipv4_error_has_at_most_576_bytes(void **state)
{
	struct packet p;

	(void)state;
	udp4(&m, 576 - 28 - 28);
	p = parsed();
	assert_int_equal(error_of(&p, 3, 13).len, 576);
	udp4(&m, 577 - 28 - 28);
	p = parsed();
	assert_int_equal(error_of(&p, 3, 13).len, 576);
}

static void an_ipv4_error_has_the_precedence_of_the_kernels(void **state)
{
	struct packet p;

	(void)state;
	udp4(&m, 0);
	p = parsed();
	assert_int_equal(error_of(&p, 3, 3).data[1], 0xc0);
	m.b[1] = 0xbb;
	ip4_checksum(&m);
	p = parsed();
	assert_int_equal(error_of(&p, 3, 3).data[1], 0xda);
}

static void an_ipv6_error_has_at_most_1280_bytes(void **state)
{
	struct packet p, r;

	(void)state;
	udp6(&m, 20);
	p = parsed();
	r = error_of(&p, 1, 4);
	assert_int_equal(r.len, 48 + 68);
	assert_int_equal(r.data[7], 64);
	udp6(&m, 1400);
	p = parsed();
	assert_int_equal(error_of(&p, 1, 1).len, 1280);
}

static void an_echo_request_is_answered_with_an_error(void **state)
{
	struct packet p;

	(void)state;
	ip4_begin(&m, IPPROTO_ICMP);
	put_icmp(&m, 8, 0);
	ip4_seal(&m);
	l4_seal(&m, 20, IPPROTO_ICMP);
	p = parsed();
	error_of(&p, 3, 1);
	ip6_begin(&m, IPPROTO_ICMPV6);
	put_icmp(&m, 128, 0);
	ip6_seal(&m);
	l4_seal(&m, 40, IPPROTO_ICMPV6);
	p = parsed();
	error_of(&p, 1, 1);
}

static void other_protocols_are_answered(void **state)
{
	struct packet p;

	(void)state;
	ip4_begin(&m, 99);
	PUT(&m, 1, 2, 3);
	ip4_seal(&m);
	p = parsed();
	error_of(&p, 3, 2);
	ip6_begin(&m, 50);
	PUT(&m, 1, 2, 3);
	ip6_seal(&m);
	p = parsed();
	error_of(&p, 1, 4);
}

static void a_super_packet_is_quoted_as_it_came(void **state)
{
	struct virtio_net_hdr v = tso_header(VIRTIO_NET_HDR_GSO_TCPV4, 20, 1460);
	struct packet p, r;

	(void)state;
	tcp4(&m, TCP_ACK, 40000);
	set16(m.b + 36, 0x1234);
	assert_int_equal(packet_parse(m.b, m.len, &v, &p), REASON_NONE);
	r = error_of(&p, 3, 13);
	assert_int_equal(r.len, 576);
	assert_int_equal(get16(r.data + 28 + 2), 40040);
	assert_int_equal(get16(r.data + 28 + 36), 0x1234);
}

static void a_first_fragment_is_answered_a_later_one_is_not(void **state)
{
	struct packet p;

	(void)state;
	udp4(&m, 8);
	set16(m.b + 6, 0x2000);
	ip4_checksum(&m);
	p = parsed();
	error_of(&p, 3, 3);
	set16(m.b + 6, 0x2001);
	ip4_checksum(&m);
	p = parsed();
	assert_int_equal(build_icmp_error(&p, 3, 3, 0, &speaker4, out), -EINVAL);
}

static void no_error_about_an_error(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		bool error4 = type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
		struct packet p;

		ip4_begin(&m, IPPROTO_ICMP);
		put_icmp(&m, (uint8_t)type, 0);
		ip4_seal(&m);
		l4_seal(&m, 20, IPPROTO_ICMP);
		p = parsed();
		assert_int_equal(build_icmp_error(&p, 3, 3, 0, &speaker4, out) < 0,
				 error4 || type > 18);
		ip6_begin(&m, IPPROTO_ICMPV6);
		put_icmp(&m, (uint8_t)type, 0);
		ip6_seal(&m);
		l4_seal(&m, 40, IPPROTO_ICMPV6);
		p = parsed();
		assert_int_equal(build_icmp_error(&p, 1, 4, 0, &speaker6, out) < 0,
				 type < 128 || type == 137);
	}
}

static void no_error_about_half_an_icmp_header(void **state)
{
	struct packet p;

	(void)state;
	ip4_begin(&m, IPPROTO_ICMP);
	PUT(&m, 8, 0, 0, 0);
	ip4_seal(&m);
	p = parsed();
	assert_int_equal(build_icmp_error(&p, 3, 3, 0, &speaker4, out), -EINVAL);
}

static void no_error_about_a_wrong_checksum_or_no_transport(void **state)
{
	struct packet p;

	(void)state;
	udp4(&m, 8);
	m.b[30] ^= 1;
	p = parsed();
	assert_int_equal(build_icmp_error(&p, 3, 3, 0, &speaker4, out), -EINVAL);
	ip6_begin(&m, IPPROTO_NONE);
	ip6_seal(&m);
	p = parsed();
	assert_int_equal(build_icmp_error(&p, 1, 4, 0, &speaker6, out), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_syn_is_answered_with_its_sequence_number_acknowledged),
		cmocka_unit_test(an_ack_is_answered_where_it_stands),
		cmocka_unit_test(data_syn_and_fin_are_acknowledged),
		cmocka_unit_test(tcp_options_are_not_data),
		cmocka_unit_test(an_acknowledgement_wraps),
		cmocka_unit_test(a_reset_looks_as_the_kernels),
		cmocka_unit_test(an_ipv6_reset_is_right_behind_extension_headers_too),
		cmocka_unit_test(ipv4_options_are_not_echoed),
		cmocka_unit_test(a_super_packet_is_reset_behind_all_of_its_data),
		cmocka_unit_test(a_reset_is_not_reset),
		cmocka_unit_test(only_whole_tcp_headers_are_reset),
		cmocka_unit_test(fragments_are_not_reset),
		cmocka_unit_test(a_wrong_checksum_is_not_reset),
		cmocka_unit_test(nothing_is_said_to_or_for_more_than_one_host),
		cmocka_unit_test(an_ipv4_error_quotes_a_short_packet_whole),
		cmocka_unit_test(an_ipv4_error_has_at_most_576_bytes),
		cmocka_unit_test(an_ipv4_error_has_the_precedence_of_the_kernels),
		cmocka_unit_test(an_ipv6_error_has_at_most_1280_bytes),
		cmocka_unit_test(an_echo_request_is_answered_with_an_error),
		cmocka_unit_test(other_protocols_are_answered),
		cmocka_unit_test(a_super_packet_is_quoted_as_it_came),
		cmocka_unit_test(a_first_fragment_is_answered_a_later_one_is_not),
		cmocka_unit_test(no_error_about_an_error),
		cmocka_unit_test(no_error_about_half_an_icmp_header),
		cmocka_unit_test(no_error_about_a_wrong_checksum_or_no_transport),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
