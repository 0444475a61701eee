/* Tests of parsing: IPv4, IPv6 and its extension headers, transport headers. */
#include "unit/packet/view.h"

static void refused(enum reason why)
{
	struct packet p;

	assert_string_equal(reason_name(parse(&p)), reason_name(why));
	assert_non_null(p.data);
	assert_int_equal(p.len, m.len);
}

/* ---- IPv4 ---- */

static void a_tcp_packet_is_seen_whole(void **state)
{
	struct packet p;

	(void)state;
	tcp4(&m, TCP_SYN | TCP_ECE, 7);
	p = parsed();
	assert_int_equal(p.family, L3_IPV4);
	assert_int_equal(p.len, 47);
	assert_int_equal(p.l4_off, 20);
	assert_int_equal(p.l4_len, 27);
	assert_int_equal(p.l4_proto, IPPROTO_TCP);
	assert_int_equal(p.flags, PACKET_PORTS | PACKET_L4_HEADER);
	assert_int_equal(p.tcp_flags, TCP_SYN | TCP_ECE);
	assert_int_equal(ntohs(p.sport), 1234);
	assert_int_equal(ntohs(p.dport), 80);
	assert_memory_equal(p.saddr.b, ((uint8_t[16]){ 10, 8, 0, 2 }), 16);
	assert_memory_equal(p.daddr.b, ((uint8_t[16]){ 192, 0, 2, 1 }), 16);
	assert_int_equal(p.hash, 0);
	assert_int_equal(p.icmp_type | p.icmp_code | p.icmp_id, 0);
}

static void a_udp_packet_has_ports_and_no_tcp_flags(void **state)
{
	struct packet p;

	(void)state;
	udp4(&m, 3);
	p = parsed();
	assert_int_equal(p.flags, PACKET_PORTS | PACKET_L4_HEADER);
	assert_int_equal(ntohs(p.dport), 53);
	assert_int_equal(p.tcp_flags, 0);
}

static void an_icmp_packet_has_type_code_and_id(void **state)
{
	struct packet p;

	(void)state;
	ip4_begin(&m, IPPROTO_ICMP);
	put_icmp(&m, 8, 3);
	ip4_seal(&m);
	p = parsed();
	assert_int_equal(p.flags, PACKET_L4_HEADER);
	assert_int_equal(p.icmp_type, 8);
	assert_int_equal(p.icmp_code, 3);
	assert_int_equal(ntohs(p.icmp_id), 0xabcd);
	assert_int_equal(p.sport | p.dport, 0);
}

static void icmp_of_seven_bytes_is_not_whole(void **state)
{
	struct packet p;

	(void)state;
	ip4_begin(&m, IPPROTO_ICMP);
	put_icmp(&m, 8, 3);
	m.len--;
	ip4_seal(&m);
	p = parsed();
	assert_int_equal(p.flags, 0);
	assert_int_equal(p.icmp_type | p.icmp_code | p.icmp_id, 0);
}

static void other_protocols_have_no_ports(void **state)
{
	static const uint8_t protos[] = { 0, 4, 41, 47, 50, 51, 89, 99, 255 };
	struct packet p;

	(void)state;
	for (size_t i = 0; i < sizeof(protos); i++) {
		ip4_begin(&m, protos[i]);
		put_zeroes(&m, 40);
		ip4_seal(&m);
		p = parsed();
		assert_int_equal(p.l4_proto, protos[i]);
		assert_int_equal(p.flags, 0);
	}
}

static void sctp_dccp_and_udplite_have_ports(void **state)
{
	static const uint8_t protos[] = { IPPROTO_SCTP, IPPROTO_DCCP, IPPROTO_UDPLITE };
	struct packet p;

	(void)state;
	for (size_t i = 0; i < sizeof(protos); i++) {
		ip4_begin(&m, protos[i]);
		PUT(&m, 0x04, 0xd2, 0, 53);
		ip4_seal(&m);
		p = parsed();
		assert_int_equal(p.flags, PACKET_PORTS);
		assert_int_equal(ntohs(p.sport), 1234);
		assert_int_equal(ntohs(p.dport), 53);
	}
}

static void an_empty_payload_is_no_fault(void **state)
{
	struct packet p;

	(void)state;
	ip4_begin(&m, 99);
	ip4_seal(&m);
	p = parsed();
	assert_int_equal(p.l4_off, 20);
	assert_int_equal(p.l4_len, 0);
	ip4_begin(&m, IPPROTO_TCP);
	ip4_seal(&m);
	p = parsed();
	assert_int_equal(p.flags, 0);
}

static void ports_need_four_bytes_and_headers_their_length(void **state)
{
	struct packet p;

	(void)state;
	for (unsigned len = 0; len <= 20; len++) {
		ip4_begin(&m, IPPROTO_TCP);
		put_tcp(&m, TCP_ACK);
		m.len = 20 + len;
		ip4_seal(&m);
		p = parsed();
		assert_int_equal(!!(p.flags & PACKET_PORTS), len >= 4);
		assert_int_equal(!!(p.flags & PACKET_L4_HEADER), len >= 20);
		assert_int_equal(p.tcp_flags, len >= 20 ? TCP_ACK : 0);
		ip4_begin(&m, IPPROTO_UDP);
		put_udp(&m, 12);
		m.len = 20 + len;
		ip4_seal(&m);
		p = parsed();
		assert_int_equal(!!(p.flags & PACKET_PORTS), len >= 4);
		assert_int_equal(!!(p.flags & PACKET_L4_HEADER), len >= 8);
	}
}

static void a_tcp_data_offset_must_lie_in_the_packet(void **state)
{
	struct packet p;

	(void)state;
	for (unsigned words = 0; words < 16; words++) {
		ip4_begin(&m, IPPROTO_TCP);
		put_tcp(&m, TCP_ACK);
		m.b[32] = (uint8_t)(words << 4);
		put_zeroes(&m, 12);
		ip4_seal(&m);
		p = parsed();
		assert_true(p.flags & PACKET_PORTS);
		assert_int_equal(!!(p.flags & PACKET_L4_HEADER), words >= 5 && words <= 8);
	}
}

static void ip_options_move_the_transport_header(void **state)
{
	struct packet p;

	(void)state;
	ip4_begin(&m, IPPROTO_UDP);
	m.b[0] = 0x4f;
	put_zeroes(&m, 40);
	put_udp(&m, 0);
	ip4_seal(&m);
	p = parsed();
	assert_int_equal(p.l4_off, 60);
	assert_int_equal(ntohs(p.dport), 53);
}

static void bytes_behind_the_total_length_are_cut_off(void **state)
{
	struct packet p;

	(void)state;
	udp4(&m, 4);
	put_zeroes(&m, 13);
	p = parsed();
	assert_int_equal(p.len, 32);
	assert_int_equal(p.l4_len, 12);
}

static void no_bytes_or_another_version_is_no_packet(void **state)
{
	(void)state;
	m.len = 0;
	refused(REASON_VERSION);
	for (unsigned version = 0; version < 16; version++) {
		if (version == 4 || version == 6)
			continue;
		udp4(&m, 4);
		m.b[0] = (uint8_t)(version << 4 | 5);
		refused(REASON_VERSION);
	}
}

static void fewer_bytes_than_a_header_are_refused(void **state)
{
	struct packet p;

	(void)state;
	udp4(&m, 0);
	for (unsigned len = 1; len < 20; len++)
		assert_int_equal(parse_len(len, &p), REASON_SHORT_HEADER);
	udp6(&m, 0);
	for (unsigned len = 1; len < 40; len++)
		assert_int_equal(parse_len(len, &p), REASON_SHORT_HEADER);
}

static void an_ipv4_header_length_below_5_is_refused(void **state)
{
	(void)state;
	for (uint8_t ihl = 0; ihl < 5; ihl++) {
		udp4(&m, 0);
		m.b[0] = 0x40 | ihl;
		refused(REASON_HEADER_LENGTH);
	}
}

static void an_ipv4_header_behind_the_end_is_refused(void **state)
{
	(void)state;
	udp4(&m, 0);
	m.b[0] = 0x48;
	refused(REASON_HEADER_LENGTH);
}

static void every_bit_of_an_ipv4_header_is_under_its_checksum(void **state)
{
	struct packet p;

	(void)state;
	for (unsigned bit = 0; bit < 160; bit++) {
		udp4(&m, 60);
		m.b[bit / 8] ^= (uint8_t)(0x80 >> (bit % 8));
		assert_int_not_equal(parse(&p), REASON_NONE);
	}
	udp4(&m, 0);
	m.b[8]--;
	refused(REASON_HEADER_CHECKSUM);
}

static void a_total_length_above_the_bytes_is_refused(void **state)
{
	(void)state;
	udp4(&m, 4);
	m.len--;
	refused(REASON_TOTAL_LENGTH);
}

static void a_total_length_below_the_header_is_refused(void **state)
{
	(void)state;
	for (unsigned total = 0; total < 24; total++) {
		ip4_begin(&m, IPPROTO_UDP);
		m.b[0] = 0x46;
		put_zeroes(&m, 4);
		put_udp(&m, 0);
		set16(m.b + 2, total);
		ip4_checksum(&m);
		refused(REASON_TOTAL_LENGTH);
	}
}

static void a_bad_checksum_is_told_before_a_bad_length(void **state)
{
	(void)state;
	udp4(&m, 4);
	set16(m.b + 2, 4);
	refused(REASON_HEADER_CHECKSUM);
}

static void a_refused_packet_still_shows_its_addresses(void **state)
{
	struct packet p;

	(void)state;
	udp4(&m, 4);
	m.b[8]--;
	assert_int_equal(parse(&p), REASON_HEADER_CHECKSUM);
	assert_int_equal(p.family, L3_IPV4);
	assert_int_equal(p.saddr.b[0], 10);
	assert_int_equal(p.daddr.b[0], 192);
}

static void a_first_fragment_shows_its_ports(void **state)
{
	struct packet p;

	(void)state;
	udp4(&m, 8);
	set16(m.b + 6, 0x2000);
	ip4_checksum(&m);
	p = parsed();
	assert_int_equal(p.flags, PACKET_FRAGMENT | PACKET_PORTS | PACKET_L4_HEADER);
	assert_int_equal(ntohs(p.dport), 53);
}

static void a_later_fragment_has_no_transport_header(void **state)
{
	struct packet p;

	(void)state;
	tcp4(&m, TCP_SYN, 8);
	set16(m.b + 6, 1);
	ip4_checksum(&m);
	p = parsed();
	assert_int_equal(p.flags, PACKET_FRAGMENT | PACKET_LATER_FRAGMENT);
	assert_int_equal(p.l4_proto, IPPROTO_TCP);
	assert_int_equal(p.l4_off, 20);
	assert_int_equal(p.l4_len, 28);
	assert_int_equal(p.tcp_flags | p.sport | p.dport, 0);
}

static void dont_fragment_and_the_evil_bit_are_no_fragment(void **state)
{
	(void)state;
	udp4(&m, 8);
	set16(m.b + 6, 0xc000);
	ip4_checksum(&m);
	assert_false(parsed().flags & PACKET_FRAGMENT);
}

/* ---- IPv6 ---- */

static void an_ipv6_packet_is_seen_whole(void **state)
{
	struct packet p;

	(void)state;
	tcp6(&m, TCP_SYN, 7);
	p = parsed();
	assert_int_equal(p.family, L3_IPV6);
	assert_int_equal(p.len, 67);
	assert_int_equal(p.l4_off, 40);
	assert_int_equal(p.l4_len, 27);
	assert_int_equal(p.l4_proto, IPPROTO_TCP);
	assert_int_equal(p.flags, PACKET_PORTS | PACKET_L4_HEADER);
	assert_int_equal(p.tcp_flags, TCP_SYN);
	assert_memory_equal(p.saddr.b, m.b + 8, 16);
	assert_memory_equal(p.daddr.b, m.b + 24, 16);
}

static void an_ipv6_payload_length_above_the_bytes_is_refused(void **state)
{
	(void)state;
	udp6(&m, 4);
	m.len--;
	refused(REASON_TOTAL_LENGTH);
}

static void bytes_behind_the_ipv6_payload_are_cut_off(void **state)
{
	struct packet p;

	(void)state;
	udp6(&m, 4);
	put_zeroes(&m, 9);
	p = parsed();
	assert_int_equal(p.len, 52);
}

static void an_ipv6_payload_length_of_zero_is_zero(void **state)
{
	struct packet p;

	(void)state;
	udp6(&m, 4);
	set16(m.b + 4, 0);
	p = parsed();
	assert_int_equal(p.len, 40);
	assert_int_equal(p.l4_len, 0);
	assert_int_equal(p.flags, 0);
}

static void an_ipv6_packet_longer_than_any_buffer_is_refused(void **state)
{
	struct packet p;

	(void)state;
	ip6_begin(&m, IPPROTO_UDP);
	put_zeroes(&m, 65495);
	ip6_seal(&m);
	p = parsed();
	assert_int_equal(p.len, 65535);
	put_zeroes(&m, 1);
	ip6_seal(&m);
	refused(REASON_TOTAL_LENGTH);
}

static void martian_ipv6_addresses_are_refused(void **state)
{
	static const uint8_t loopback[16] = { [15] = 1 }, unspecified[16] = { 0 };

	(void)state;
	udp6(&m, 0);
	memcpy(m.b + 8, loopback, 16);
	refused(REASON_MARTIAN);
	udp6(&m, 0);
	memcpy(m.b + 24, loopback, 16);
	refused(REASON_MARTIAN);
	udp6(&m, 0);
	m.b[8] = 0xff;
	refused(REASON_MARTIAN);
	for (unsigned second = 0; second < 256; second++) {
		struct packet p;

		udp6(&m, 0);
		set16(m.b + 24, 0xff00 | second);
		assert_int_equal(parse(&p), (second & 15) <= 1 ? REASON_MARTIAN : REASON_NONE);
	}
	udp6(&m, 0);
	memcpy(m.b + 8, unspecified, 16);
	parsed();
}

/* Extension headers of 8 bytes, the last one naming UDP, then a UDP header. */
static struct packet parse_chain(const uint8_t *headers, size_t n)
{
	ip6_begin(&m, headers[0]);
	for (size_t i = 0; i < n; i++) {
		uint8_t next = i + 1 < n ? headers[i + 1] : IPPROTO_UDP;
		bool auth = headers[i] == IPPROTO_AH, options = headers[i] == IPPROTO_HOPOPTS;

		/* Padding of six bytes makes the hop-by-hop header a right one. */
		PUT(&m, next, 0, options, options ? 4 : 0, 0, 0, 0, 0);
		if (headers[i] == IPPROTO_FRAGMENT)
			set16(m.b + m.len - 6, 0);
		m.b[m.len - 7] = auth ? 0 : m.b[m.len - 7];
	}
	put_udp(&m, 0);
	ip6_seal(&m);
	return parsed();
}

static void every_extension_header_is_skipped(void **state)
{
	static const uint8_t skipped[] = { IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT,
					   IPPROTO_AH, IPPROTO_DSTOPTS };
	struct packet p;

	(void)state;
	for (size_t i = 0; i < sizeof(skipped); i++) {
		p = parse_chain(&skipped[i], 1);
		assert_int_equal(p.l4_proto, IPPROTO_UDP);
		assert_int_equal(p.l4_off, 48);
		assert_int_equal(p.flags & ~(PACKET_FRAGMENT_HEADER | PACKET_AUTH),
				 PACKET_PORTS | PACKET_L4_HEADER);
		assert_true(!!(p.flags & PACKET_AUTH) == (skipped[i] == IPPROTO_AH));
		assert_true(!!(p.flags & PACKET_FRAGMENT_HEADER) ==
			    (skipped[i] == IPPROTO_FRAGMENT));
	}
	p = parse_chain(skipped, sizeof(skipped));
	assert_int_equal(p.l4_off, 80);
	assert_int_equal(ntohs(p.dport), 53);
}

static void extension_headers_in_the_wrong_order_are_no_fault(void **state)
{
	static const uint8_t chain[] = { IPPROTO_DSTOPTS, IPPROTO_HOPOPTS, IPPROTO_DSTOPTS };

	(void)state;
	assert_int_equal(parse_chain(chain, 3).l4_off, 64);
}

static void lengths_of_extension_headers_count_in_eights_and_auth_in_fours(void **state)
{
	struct packet p;

	(void)state;
	ip6_begin(&m, IPPROTO_DSTOPTS);
	PUT(&m, IPPROTO_AH, 2);
	put_zeroes(&m, 22);
	PUT(&m, IPPROTO_UDP, 3);
	put_zeroes(&m, 18);
	put_udp(&m, 0);
	ip6_seal(&m);
	p = parsed();
	assert_int_equal(p.l4_off, 40 + 24 + 20);
	assert_int_equal(ntohs(p.sport), 1234);
}

static void other_headers_count_as_protocols(void **state)
{
	static const uint8_t protos[] = { 4, 41, 47, 50, 99, 135, 139, 140, 253, 255 };
	struct packet p;

	(void)state;
	for (size_t i = 0; i < sizeof(protos); i++) {
		ip6_begin(&m, protos[i]);
		put_zeroes(&m, 24);
		ip6_seal(&m);
		p = parsed();
		assert_int_equal(p.l4_proto, protos[i]);
		assert_int_equal(p.l4_off, 40);
		assert_int_equal(p.flags, 0);
	}
}

static void expect_no_l4(void)
{
	struct packet p = parsed();

	assert_int_equal(p.flags & ~(PACKET_FRAGMENT | PACKET_FRAGMENT_HEADER | PACKET_AUTH),
			 PACKET_NO_L4);
	assert_int_equal(p.l4_proto, 0);
	assert_int_equal(p.l4_off, p.len);
	assert_int_equal(p.l4_len, 0);
}

static void no_next_header_anywhere_means_no_transport(void **state)
{
	(void)state;
	ip6_begin(&m, IPPROTO_NONE);
	put_zeroes(&m, 8);
	ip6_seal(&m);
	expect_no_l4();
	ip6_begin(&m, IPPROTO_DSTOPTS);
	PUT(&m, IPPROTO_NONE, 0, 0, 0, 0, 0, 0, 0);
	ip6_seal(&m);
	expect_no_l4();
}

static void a_truncated_extension_header_means_no_transport(void **state)
{
	static const uint8_t types[] = { IPPROTO_ROUTING, IPPROTO_FRAGMENT, IPPROTO_AH,
					 IPPROTO_DSTOPTS };

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++) {
		/* The two bytes that say what and how long; a fragment's offset too. */
		for (unsigned len = 0; len < (types[i] == IPPROTO_FRAGMENT ? 4 : 2); len++) {
			ip6_begin(&m, types[i]);
			put_zeroes(&m, len);
			ip6_seal(&m);
			expect_no_l4();
			assert_true(!!(parsed().flags & PACKET_FRAGMENT_HEADER) ==
				    (types[i] == IPPROTO_FRAGMENT));
		}
	}
}

static void an_extension_header_that_runs_past_the_end_means_an_empty_transport(void **state)
{
	static const uint8_t next[] = { IPPROTO_UDP, IPPROTO_TCP, 99 };
	struct packet p;

	(void)state;
	for (size_t i = 0; i < sizeof(next); i++) {
		ip6_begin(&m, IPPROTO_DSTOPTS);
		PUT(&m, next[i], 1, 0, 0, 0, 0, 0, 0);
		ip6_seal(&m);
		p = parsed();
		assert_int_equal(p.l4_proto, next[i]);
		assert_int_equal(p.l4_off, p.len);
		assert_int_equal(p.l4_len, 0);
		assert_int_equal(p.flags, 0);
	}
	ip6_begin(&m, IPPROTO_DSTOPTS);
	PUT(&m, IPPROTO_DSTOPTS, 1, 0, 0, 0, 0, 0, 0);
	ip6_seal(&m);
	expect_no_l4();
}

static void a_complete_chain_may_end_in_an_empty_protocol(void **state)
{
	struct packet p;

	(void)state;
	ip6_begin(&m, IPPROTO_DSTOPTS);
	PUT(&m, 99, 0, 0, 0, 0, 0, 0, 0);
	ip6_seal(&m);
	p = parsed();
	assert_int_equal(p.l4_proto, 99);
	assert_int_equal(p.l4_off, 48);
	assert_int_equal(p.l4_len, 0);
	assert_int_equal(p.flags, 0);
}

static void an_ipv6_first_fragment_shows_its_ports(void **state)
{
	struct packet p;

	(void)state;
	ip6_begin(&m, IPPROTO_FRAGMENT);
	PUT(&m, IPPROTO_UDP, 0, 0, 1, 0, 0, 0, 9);
	put_udp(&m, 8);
	ip6_seal(&m);
	p = parsed();
	assert_int_equal(p.flags, PACKET_FRAGMENT | PACKET_FRAGMENT_HEADER | PACKET_PORTS |
					  PACKET_L4_HEADER);
	assert_int_equal(p.l4_off, 48);
}

static void an_atomic_fragment_is_no_fragment(void **state)
{
	struct packet p;

	(void)state;
	ip6_begin(&m, IPPROTO_FRAGMENT);
	/* The two reserved bits above M do not count. */
	PUT(&m, IPPROTO_UDP, 0, 0, 6, 0, 0, 0, 9);
	put_udp(&m, 8);
	ip6_seal(&m);
	p = parsed();
	assert_int_equal(p.flags, PACKET_FRAGMENT_HEADER | PACKET_PORTS | PACKET_L4_HEADER);
}

static void an_ipv6_later_fragment_has_no_transport_header(void **state)
{
	struct packet p;

	(void)state;
	ip6_begin(&m, IPPROTO_DSTOPTS);
	PUT(&m, IPPROTO_FRAGMENT, 0, 0, 0, 0, 0, 0, 0);
	PUT(&m, IPPROTO_DSTOPTS, 0, 0, 8, 0, 0, 0, 9);
	put_udp(&m, 8);
	ip6_seal(&m);
	p = parsed();
	assert_int_equal(p.flags,
			 PACKET_FRAGMENT | PACKET_FRAGMENT_HEADER | PACKET_LATER_FRAGMENT);
	assert_int_equal(p.l4_proto, IPPROTO_DSTOPTS);
	assert_int_equal(p.l4_off, 56);
	assert_int_equal(p.l4_len, 16);
	m.len = 40 + 8 + 7;
	ip6_seal(&m);
	expect_no_l4();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tcp_packet_is_seen_whole),
		cmocka_unit_test(a_udp_packet_has_ports_and_no_tcp_flags),
		cmocka_unit_test(an_icmp_packet_has_type_code_and_id),
		cmocka_unit_test(icmp_of_seven_bytes_is_not_whole),
		cmocka_unit_test(other_protocols_have_no_ports),
		cmocka_unit_test(sctp_dccp_and_udplite_have_ports),
		cmocka_unit_test(an_empty_payload_is_no_fault),
		cmocka_unit_test(ports_need_four_bytes_and_headers_their_length),
		cmocka_unit_test(a_tcp_data_offset_must_lie_in_the_packet),
		cmocka_unit_test(ip_options_move_the_transport_header),
		cmocka_unit_test(bytes_behind_the_total_length_are_cut_off),
		cmocka_unit_test(no_bytes_or_another_version_is_no_packet),
		cmocka_unit_test(fewer_bytes_than_a_header_are_refused),
		cmocka_unit_test(an_ipv4_header_length_below_5_is_refused),
		cmocka_unit_test(an_ipv4_header_behind_the_end_is_refused),
		cmocka_unit_test(every_bit_of_an_ipv4_header_is_under_its_checksum),
		cmocka_unit_test(a_total_length_above_the_bytes_is_refused),
		cmocka_unit_test(a_total_length_below_the_header_is_refused),
		cmocka_unit_test(a_bad_checksum_is_told_before_a_bad_length),
		cmocka_unit_test(a_refused_packet_still_shows_its_addresses),
		cmocka_unit_test(a_first_fragment_shows_its_ports),
		cmocka_unit_test(a_later_fragment_has_no_transport_header),
		cmocka_unit_test(dont_fragment_and_the_evil_bit_are_no_fragment),
		cmocka_unit_test(an_ipv6_packet_is_seen_whole),
		cmocka_unit_test(an_ipv6_payload_length_above_the_bytes_is_refused),
		cmocka_unit_test(bytes_behind_the_ipv6_payload_are_cut_off),
		cmocka_unit_test(an_ipv6_payload_length_of_zero_is_zero),
		cmocka_unit_test(an_ipv6_packet_longer_than_any_buffer_is_refused),
		cmocka_unit_test(martian_ipv6_addresses_are_refused),
		cmocka_unit_test(every_extension_header_is_skipped),
		cmocka_unit_test(extension_headers_in_the_wrong_order_are_no_fault),
		cmocka_unit_test(
			lengths_of_extension_headers_count_in_eights_and_auth_in_fours),
		cmocka_unit_test(other_headers_count_as_protocols),
		cmocka_unit_test(no_next_header_anywhere_means_no_transport),
		cmocka_unit_test(a_truncated_extension_header_means_no_transport),
		cmocka_unit_test(
			an_extension_header_that_runs_past_the_end_means_an_empty_transport),
		cmocka_unit_test(a_complete_chain_may_end_in_an_empty_protocol),
		cmocka_unit_test(an_ipv6_first_fragment_shows_its_ports),
		cmocka_unit_test(an_atomic_fragment_is_no_fragment),
		cmocka_unit_test(an_ipv6_later_fragment_has_no_transport_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
