/* Tests of mangling: after each change every checksum is computed anew and compared. */
#include "unit/packet/view.h"

#include "ctfw/mangle.h"

enum { SUM = MANGLE_SUM_HEADER, PSEUDO = MANGLE_SUM_PSEUDO, CRC = MANGLE_SUM_CRC };

static uint64_t seed = 1;

static uint8_t random_byte(void)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint8_t)(seed >> 56);
}

static void random_payload(uint32_t from)
{
	for (uint32_t i = from; i < m.len; i++)
		m.b[i] = random_byte();
}

static enum mangled mangle(struct packet *p, enum mangle_base base, unsigned bit, unsigned bits,
			   unsigned sums, unsigned sum_off, uint64_t number)
{
	const struct mangle how = {
		.base = (uint8_t)base, .sums = (uint8_t)sums, .sum_off = (uint8_t)sum_off,
		.bits = (uint8_t)bits, .bit = (uint16_t)bit,
	};
	uint8_t value[MANGLE_BITS / 8] = { 0 };

	for (unsigned i = 0; i < 8; i++)
		value[15 - i] = (uint8_t)(number >> 8 * i);
	return packet_mangle(p, &how, value);
}

/* The field's bits, read one by one. */
static uint64_t bits_at(const uint8_t *header, unsigned bit, unsigned bits)
{
	uint64_t v = 0;

	for (unsigned i = bit; i < bit + bits; i++)
		v = v << 1 | (header[i / 8] >> (7 - i % 8) & 1);
	return v;
}

static void expect_sums(const struct packet *p)
{
	if (p->family == L3_IPV4)
		assert_int_equal(checksum_fold(checksum_add(0, p->data, 20)), 0xffff);
	assert_int_equal(l4_sum(p->data, p->len, p->l4_off, p->l4_proto), 0xffff);
}

static uint64_t random_bits(unsigned bits)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 8; i++)
		v = v << 8 | random_byte();
	return bits == 64 ? v : v & ((UINT64_C(1) << bits) - 1);
}

/* Every width at every place, but for the checksum itself. */
static void every_place_of_a_header(void (*make)(struct bytes *, uint8_t, unsigned),
				    uint8_t proto, unsigned sum_off, unsigned end)
{
	for (unsigned bits = 1; bits <= 64; bits++) {
		for (unsigned bit = 0; bit + bits <= end * 8; bit++) {
			uint64_t v = random_bits(bits);
			struct packet p;

			if (bit < sum_off * 8 + 16 && bit + bits > sum_off * 8)
				continue;
			make(&m, proto, 77);
			p = parsed();
			assert_int_equal(mangle(&p, MANGLE_TRANSPORT, bit, bits, SUM, sum_off, v),
					 MANGLED);
			assert_int_equal(bits_at(p.data + p.l4_off, bit, bits), v);
			expect_sums(&p);
		}
	}
}

static void make4(struct bytes *b, uint8_t proto, unsigned payload)
{
	ip4_begin(b, proto);
	put_zeroes(b, 20 + payload);
	random_payload(20);
	b->b[32] = 0x50;
	ip4_seal(b);
	l4_seal(b, 20, proto);
}

static void make6(struct bytes *b, uint8_t proto, unsigned payload)
{
	ip6_begin(b, proto);
	put_zeroes(b, 20 + payload);
	random_payload(40);
	b->b[52] = 0x50;
	ip6_seal(b);
	l4_seal(b, 40, proto);
}

static void the_checksum_follows_whatever_is_written_into_a_transport_header(void **state)
{
	(void)state;
	every_place_of_a_header(make4, IPPROTO_TCP, 16, 28);
	every_place_of_a_header(make6, IPPROTO_TCP, 16, 28);
	every_place_of_a_header(make4, IPPROTO_UDP, 6, 20);
	every_place_of_a_header(make6, IPPROTO_UDP, 6, 20);
	every_place_of_a_header(make4, IPPROTO_ICMP, 2, 20);
	every_place_of_a_header(make6, IPPROTO_ICMPV6, 2, 20);
}

static void a_new_address_changes_both_checksums(void **state)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };

	(void)state;
	for (unsigned n = 0; n < 4000; n++) {
		uint8_t proto = protos[n & 1];
		uint8_t value[16];
		struct packet p;
		bool v4 = n & 2, dst = n & 4;
		struct mangle how = {
			.base = MANGLE_NETWORK,
			.sums = v4 ? SUM | PSEUDO : PSEUDO,
			.sum_off = 10,
			.bits = v4 ? 32 : 128,
			.bit = v4 ? (dst ? 128 : 96) : (dst ? 192 : 64),
		};

		(v4 ? make4 : make6)(&m, proto, n % 100);
		p = parsed();
		for (unsigned i = 0; i < 16; i++)
			value[i] = n % 8 == 7 ? 0xff : random_byte();
		assert_int_equal(packet_mangle(&p, &how, value), MANGLED);
		assert_memory_equal(p.data + how.bit / 8, v4 ? value + 12 : value, how.bits / 8);
		assert_memory_equal(dst ? &p.daddr : &p.saddr, v4 ? value + 12 : value,
				    how.bits / 8);
		expect_sums(&p);
	}
}

static void fields_of_the_ip_header_change_its_checksum_alone(void **state)
{
	static const struct {
		unsigned bit, bits;
	} fields[] = { { 8, 6 }, { 14, 2 }, { 64, 8 }, { 32, 16 }, { 49, 1 } };

	(void)state;
	for (unsigned n = 0; n < 5 * 256; n++) {
		unsigned bits = fields[n % 5].bits, bit = fields[n % 5].bit;
		uint64_t v = random_bits(bits);
		struct packet p;

		make4(&m, IPPROTO_TCP, 3);
		p = parsed();
		assert_int_equal(mangle(&p, MANGLE_NETWORK, bit, bits, SUM, 10, v), MANGLED);
		assert_int_equal(bits_at(p.data, bit, bits), v);
		expect_sums(&p);
	}
}

static void what_has_no_checksum_is_only_written(void **state)
{
	struct packet p;

	(void)state;
	tcp6(&m, TCP_ACK, 5);
	p = parsed();
	assert_int_equal(mangle(&p, MANGLE_NETWORK, 56, 8, 0, 0, 3), MANGLED);
	assert_int_equal(p.data[7], 3);
	assert_int_equal(mangle(&p, MANGLE_NETWORK, 12, 20, 0, 0, 0x12345), MANGLED);
	assert_int_equal(get32(p.data), 0x60012345);
	expect_sums(&p);
	/* Asked for no checksum it breaks one, as `@th` does. */
	assert_int_equal(mangle(&p, MANGLE_TRANSPORT, 16, 16, 0, 0, 81), MANGLED);
	assert_int_equal(p.dport, htons(81));
	assert_int_not_equal(l4_sum(p.data, p.len, p.l4_off, IPPROTO_TCP), 0xffff);
}

static void udp_without_a_checksum_stays_without(void **state)
{
	struct packet p;

	(void)state;
	udp4(&m, 9);
	set16(m.b + 26, 0);
	p = parsed();
	assert_int_equal(mangle(&p, MANGLE_NETWORK, 96, 32, SUM | PSEUDO, 10, 0x01020304),
			 MANGLED);
	assert_int_equal(mangle(&p, MANGLE_TRANSPORT, 16, 16, SUM, 6, 54), MANGLED);
	assert_int_equal(get16(p.data + 26), 0);
	assert_int_equal(get16(p.data + 22), 54);
	assert_int_equal(checksum_fold(checksum_add(0, p.data, 20)), 0xffff);
}

/* 16 bits of anything that make the sum come out as 0, which UDP writes as 0xffff. */
static void udps_checksum_never_becomes_none(void **state)
{
	struct packet p;
	uint16_t field;

	(void)state;
	for (unsigned n = 0; n < 50; n++) {
		make4(&m, IPPROTO_UDP, 12);
		memcpy(&field, m.b + 26, 2);
		/* What is left of the sum goes into the last two bytes. */
		field = checksum_fold((uint64_t)field + (m.b[50] | (uint64_t)m.b[51] << 8));
		p = parsed();
		assert_int_equal(mangle(&p, MANGLE_TRANSPORT, 30 * 8, 16, SUM, 6,
					ntohs(field)), MANGLED);
		assert_int_equal(get16(p.data + 26), 0xffff);
		expect_sums(&p);
	}
}

static void an_sctp_packet_gets_its_crc_anew(void **state)
{
	struct packet p;

	(void)state;
	ip4_begin(&m, IPPROTO_SCTP);
	put_zeroes(&m, 12 + 33);
	random_payload(20);
	ip4_seal(&m);
	p = parsed();
	assert_false(packet_checksum_ok(&p));
	assert_int_equal(mangle(&p, MANGLE_TRANSPORT, 16, 16, CRC, 8, 80), MANGLED);
	assert_true(packet_checksum_ok(&p));
	assert_int_equal(p.dport, htons(80));
}

/* __skb_checksum_complete() is over the whole packet. */
static void no_checksum_is_right_behind_a_header_whose_own_is_wrong(void **state)
{
	struct packet p;

	(void)state;
	for (unsigned udp = 0; udp < 2; udp++) {
		if (udp)
			udp4(&m, 5);
		else
			tcp4(&m, TCP_SYN, 5);
		p = parsed();
		assert_true(packet_checksum_ok(&p));
		/* A field without its checksum, as `@nh` writes it. */
		assert_int_equal(mangle(&p, MANGLE_NETWORK, 32, 16, 0, 0, 4711), MANGLED);
		assert_false(packet_checksum_ok(&p));
		p.vnet.flags = VIRTIO_NET_HDR_F_DATA_VALID;
		assert_true(packet_checksum_ok(&p));
	}
	/* IPv6 has none; UDP may have none. */
	tcp6(&m, TCP_SYN, 5);
	p = parsed();
	assert_int_equal(mangle(&p, MANGLE_NETWORK, 12, 20, 0, 0, 4711), MANGLED);
	assert_true(packet_checksum_ok(&p));
	udp4(&m, 9);
	set16(m.b + 26, 0);
	p = parsed();
	assert_int_equal(mangle(&p, MANGLE_NETWORK, 32, 16, 0, 0, 4711), MANGLED);
	assert_true(packet_checksum_ok(&p));
}

/* ---- super-packets ---- */

/* The checksum as it will be when somebody fills it in. */
static void expect_filled_in(const struct packet *p)
{
	uint8_t *field = p->data + p->vnet.csum_start + p->vnet.csum_offset;
	uint16_t check = (uint16_t)~checksum_fold(checksum_add(
		0, p->data + p->vnet.csum_start, p->len - p->vnet.csum_start));

	memcpy(field, &check, 2);
	expect_sums(p);
}

static struct packet super(bool v4, uint8_t *bytes)
{
	struct virtio_net_hdr v = v4 ? tso_header(VIRTIO_NET_HDR_GSO_TCPV4, 20, 1460) :
				       tso_header(VIRTIO_NET_HDR_GSO_TCPV6, 40, 1440);
	struct packet p;
	uint16_t partial;

	(v4 ? tcp4 : tcp6)(&m, TCP_ACK, 60001);
	random_payload(v.csum_start + 20u);
	memcpy(bytes, m.b, m.len);
	assert_int_equal(packet_parse(bytes, m.len, &v, &p), REASON_NONE);
	partial = checksum_fold(
		checksum_pseudo(p.family, &p.saddr, &p.daddr, IPPROTO_TCP, p.l4_len));
	memcpy(bytes + p.l4_off + 16, &partial, 2);
	return p;
}

static void a_super_packet_keeps_the_sum_of_its_pseudo_header(void **state)
{
	static uint8_t bytes[PACKET_MAX];
	struct virtio_net_hdr before;
	struct packet p;

	(void)state;
	for (unsigned n = 0; n < 200; n++) {
		bool v4 = n & 1;

		p = super(v4, bytes);
		before = p.vnet;
		if (n & 2)
			assert_int_equal(v4 ? mangle(&p, MANGLE_NETWORK, 96, 32, SUM | PSEUDO,
						     10, random_bits(32)) :
					      mangle(&p, MANGLE_NETWORK, 64, 128, PSEUDO, 0,
						     random_bits(64)), MANGLED);
		assert_int_equal(mangle(&p, MANGLE_TRANSPORT, 16, 16, SUM, 16, n), MANGLED);
		assert_int_equal(mangle(&p, MANGLE_NETWORK, 8, 6, v4 ? SUM : 0, 10, n % 64),
				 MANGLED);
		assert_memory_equal(&p.vnet, &before, sizeof(before));
		expect_filled_in(&p);
	}
}

static void a_checksum_is_filled_in_before_its_header_moves(void **state)
{
	const struct virtio_net_hdr v = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					  .csum_start = 20, .csum_offset = 6 };
	static uint8_t bytes[2000];
	struct packet p;
	uint16_t partial;

	(void)state;
	udp4(&m, 99);
	random_payload(28);
	memcpy(bytes, m.b, m.len);
	assert_int_equal(packet_parse(bytes, m.len, &v, &p), REASON_NONE);
	partial = checksum_fold(
		checksum_pseudo(p.family, &p.saddr, &p.daddr, IPPROTO_UDP, p.l4_len));
	memcpy(bytes + 26, &partial, 2);
	assert_int_equal(mangle(&p, MANGLE_NETWORK, 50, 1, SUM, 10, 1), MANGLED);
	assert_true(p.flags & PACKET_MOVED);
	packet_follow(&p);
	assert_int_equal(p.flags, PACKET_FRAGMENT | PACKET_L4_HEADER | PACKET_PORTS);
	assert_int_equal(p.vnet.flags, 0);
	expect_sums(&p);
}

/* ---- the view ---- */

static void the_view_follows_what_is_written(void **state)
{
	struct packet p;

	(void)state;
	tcp4(&m, TCP_ACK, 5);
	p = parsed();
	p.hash = 5;
	assert_int_equal(mangle(&p, MANGLE_TRANSPORT, 0, 16, SUM, 16, 4242), MANGLED);
	assert_int_equal(mangle(&p, MANGLE_TRANSPORT, 104, 8, SUM, 16, TCP_SYN), MANGLED);
	assert_int_equal(p.sport, htons(4242));
	assert_int_equal(p.tcp_flags, TCP_SYN);
	assert_int_equal(p.hash, 0);
	/* Options that would lie behind the packet. */
	assert_int_equal(mangle(&p, MANGLE_TRANSPORT, 96, 4, SUM, 16, 15), MANGLED);
	assert_false(p.flags & PACKET_L4_HEADER);
	assert_true(p.flags & PACKET_PORTS);
	assert_false(p.flags & PACKET_MOVED);
}

static void where_headers_lie_is_found_anew_when_it_is_asked_for(void **state)
{
	struct packet p;

	(void)state;
	tcp4(&m, TCP_ACK, 25);
	p = parsed();
	assert_int_equal(mangle(&p, MANGLE_NETWORK, 72, 8, SUM | PSEUDO, 10, IPPROTO_UDP),
			 MANGLED);
	assert_int_equal(mangle(&p, MANGLE_NETWORK, 4, 4, SUM, 10, 6), MANGLED);
	assert_int_equal(p.l4_proto, IPPROTO_TCP);
	assert_int_equal(p.l4_off, 20);
	packet_follow(&p);
	assert_int_equal(p.l4_proto, IPPROTO_UDP);
	assert_int_equal(p.l4_off, 24);
	assert_int_equal(p.l4_len, 41);
	assert_int_equal(p.flags, PACKET_PORTS | PACKET_L4_HEADER);
	/* A header that is longer than the packet, or none. */
	for (unsigned hlen = 0; hlen < 16; hlen++) {
		m.len = 0;
		udp4(&m, 5);
		p = parsed();
		assert_int_equal(mangle(&p, MANGLE_NETWORK, 4, 4, SUM, 10, hlen), MANGLED);
		packet_follow(&p);
		if (hlen < 5 || hlen * 4 > p.len) {
			assert_int_equal(p.flags, PACKET_NO_L4);
			assert_int_equal(p.l4_off, p.len);
		} else {
			assert_int_equal(p.l4_off, hlen * 4);
			assert_int_equal(p.l4_len, p.len - hlen * 4);
		}
	}
}

static void what_is_not_there_is_not_written(void **state)
{
	struct packet p;

	(void)state;
	ip4_begin(&m, IPPROTO_TCP);
	PUT(&m, 0, 1, 0, 2);
	ip4_seal(&m);
	p = parsed();
	/* Its own checksum lies behind the packet; so does what the pseudo-header is in. */
	assert_int_equal(mangle(&p, MANGLE_TRANSPORT, 0, 16, SUM, 16, 1), MANGLED_BREAK);
	assert_int_equal(mangle(&p, MANGLE_NETWORK, 96, 32, SUM | PSEUDO, 10, 1),
			 MANGLED_BREAK);
	assert_int_equal(mangle(&p, MANGLE_TRANSPORT, 24, 16, 0, 0, 1), MANGLED_BREAK);
	assert_int_equal(mangle(&p, MANGLE_INNER, 0, 8, 0, 0, 1), MANGLED_BREAK);
	assert_memory_equal(p.data, m.b, m.len);
	assert_int_equal(mangle(&p, MANGLE_TRANSPORT, 16, 16, 0, 0, 1), MANGLED);
	/* Nothing is known of the transport header in a later fragment. */
	ip4_begin(&m, IPPROTO_TCP);
	put_zeroes(&m, 40);
	set16(m.b + 6, 1);
	ip4_seal(&m);
	p = parsed();
	assert_int_equal(mangle(&p, MANGLE_TRANSPORT, 0, 16, SUM, 16, 1), MANGLED_BREAK);
	assert_int_equal(mangle(&p, MANGLE_NETWORK, 96, 32, SUM | PSEUDO, 10, 1), MANGLED);
	assert_int_equal(checksum_fold(checksum_add(0, p.data, 20)), 0xffff);
}

static void the_data_is_behind_the_transport_header(void **state)
{
	struct packet p;

	(void)state;
	make4(&m, IPPROTO_UDP, 20);
	p = parsed();
	assert_int_equal(mangle(&p, MANGLE_INNER, 24, 24, PSEUDO, 0, 0x010203), MANGLED);
	assert_int_equal(get32(p.data + 31) >> 8, 0x010203);
	expect_sums(&p);
	make4(&m, IPPROTO_TCP, 20);
	m.b[32] = 0x60;
	l4_seal(&m, 20, IPPROTO_TCP);
	p = parsed();
	assert_int_equal(mangle(&p, MANGLE_INNER, 0, 8, PSEUDO, 0, 0xab), MANGLED);
	assert_int_equal(p.data[44], 0xab);
	expect_sums(&p);
}

/* ---- TCP options ---- */

/* A SYN with these options and some data. */
#define SYN(...)                                                                               \
	do {                                                                                   \
		const uint8_t options[] = { __VA_ARGS__ };                                     \
		ip4_begin(&m, IPPROTO_TCP);                                                    \
		put_tcp(&m, TCP_SYN);                                                          \
		m.b[32] = (uint8_t)((20 + sizeof(options)) / 4 << 4);                          \
		put(&m, options, sizeof(options));                                             \
		put_zeroes(&m, 7);                                                             \
		ip4_seal(&m);                                                                  \
		l4_seal(&m, 20, IPPROTO_TCP);                                                  \
	} while (0)

static void expect_options(const struct packet *p, const uint8_t *options, size_t n)
{
	assert_memory_equal(p->data + 40, options, n);
	expect_sums(p);
}
#define OPTIONS(p, ...)                                                                        \
	expect_options(p, (const uint8_t[]){ __VA_ARGS__ },                                    \
		       sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void a_segment_size_is_made_smaller_never_larger(void **state)
{
	struct packet p;

	(void)state;
	SYN(2, 4, 0x05, 0xb4);
	p = parsed();
	assert_int_equal(packet_set_tcp_option(&p, 2, 2, 2, (uint8_t[]){ 0x05, 0xb5 }), MANGLED);
	OPTIONS(&p, 2, 4, 0x05, 0xb4);
	assert_int_equal(packet_set_tcp_option(&p, 2, 2, 2, (uint8_t[]){ 0x04, 0xff }), MANGLED);
	OPTIONS(&p, 2, 4, 0x04, 0xff);
	/* At an odd place. */
	SYN(1, 2, 4, 0x05, 0xb4, 1, 1, 0);
	p = parsed();
	assert_int_equal(packet_set_tcp_option(&p, 2, 2, 2, (uint8_t[]){ 0x04, 0xff }), MANGLED);
	OPTIONS(&p, 1, 2, 4, 0x04, 0xff, 1, 1, 0);
}

static void other_options_are_set_to_anything(void **state)
{
	struct packet p;

	(void)state;
	SYN(1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2);
	p = parsed();
	assert_int_equal(packet_set_tcp_option(&p, 8, 6, 4, (uint8_t[]){ 9, 8, 7, 6 }), MANGLED);
	OPTIONS(&p, 1, 1, 8, 10, 0, 0, 0, 1, 9, 8, 7, 6);
	/* It has no such bytes. */
	assert_int_equal(packet_set_tcp_option(&p, 8, 7, 4, (uint8_t[]){ 9, 8, 7, 6 }),
			 MANGLED_BREAK);
	/* There is none. */
	assert_int_equal(packet_set_tcp_option(&p, 5, 2, 4, (uint8_t[]){ 9, 8, 7, 6 }), MANGLED);
	OPTIONS(&p, 1, 1, 8, 10, 0, 0, 0, 1, 9, 8, 7, 6);
}

static void an_option_is_replaced_by_padding(void **state)
{
	struct packet p;

	(void)state;
	SYN(1, 30, 5, 0xaa, 0xbb, 0xcc, 4, 2, 3, 3, 7, 0);
	p = parsed();
	assert_int_equal(packet_reset_tcp_option(&p, 30), MANGLED);
	OPTIONS(&p, 1, 1, 1, 1, 1, 1, 4, 2, 3, 3, 7, 0);
	assert_int_equal(packet_reset_tcp_option(&p, 99), MANGLED);
	assert_int_equal(packet_reset_tcp_option(&p, 3), MANGLED);
	OPTIONS(&p, 1, 1, 1, 1, 1, 1, 4, 2, 1, 1, 1, 0);
	/* The first of its kind alone. */
	assert_int_equal(packet_reset_tcp_option(&p, 1), MANGLED);
	assert_int_equal(packet_reset_tcp_option(&p, 0), MANGLED);
	OPTIONS(&p, 1, 1, 1, 1, 1, 1, 4, 2, 1, 1, 1, 0);
}

static void options_that_end_behind_the_header_are_left_alone(void **state)
{
	struct packet p;

	(void)state;
	SYN(1, 1, 2, 200);
	p = parsed();
	assert_int_equal(packet_reset_tcp_option(&p, 2), MANGLED_DROP);
	assert_int_equal(packet_set_tcp_option(&p, 2, 2, 2, (uint8_t[]){ 0, 1 }),
			 MANGLED_BREAK);
	OPTIONS(&p, 1, 1, 2, 200);
	udp4(&m, 60);
	p = parsed();
	assert_int_equal(packet_reset_tcp_option(&p, 2), MANGLED_BREAK);
	assert_int_equal(packet_set_tcp_option(&p, 2, 2, 2, (uint8_t[]){ 0, 1 }),
			 MANGLED_BREAK);
}

/* A SYN that leaves its checksum to others, as the host's own do. */
static void a_partial_checksum_does_not_know_options(void **state)
{
	const struct virtio_net_hdr v = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					  .csum_start = 20, .csum_offset = 16 };
	static uint8_t bytes[200];
	struct packet p;
	uint16_t partial;

	(void)state;
	SYN(2, 4, 0x05, 0xb4);
	memcpy(bytes, m.b, m.len);
	assert_int_equal(packet_parse(bytes, m.len, &v, &p), REASON_NONE);
	partial = checksum_fold(
		checksum_pseudo(p.family, &p.saddr, &p.daddr, IPPROTO_TCP, p.l4_len));
	memcpy(bytes + 36, &partial, 2);
	assert_int_equal(packet_set_tcp_option(&p, 2, 2, 2, (uint8_t[]){ 0x04, 0xff }), MANGLED);
	assert_memory_equal(bytes + 36, &partial, 2);
	assert_memory_equal(&p.vnet, &v, sizeof(v));
	expect_filled_in(&p);
}

/* The host splits it up later, and gives every segment the options of the first. */
static void a_super_packets_segment_size_is_changed_and_nothing_else(void **state)
{
	static const uint8_t options[] = { 1, 1, 2, 4, 0x05, 0xb4, 1, 0 };
	static uint8_t bytes[PACKET_MAX], before[PACKET_MAX];
	struct virtio_net_hdr v;
	struct packet p;

	(void)state;
	for (unsigned v4 = 0; v4 < 2; v4++) {
		p = super(v4, bytes);
		v = p.vnet;
		v.hdr_len = (uint16_t)(v.hdr_len + sizeof(options));
		bytes[p.l4_off + 12] = (20 + sizeof(options)) / 4 << 4;
		memcpy(bytes + p.l4_off + 20, options, sizeof(options));
		memcpy(before, bytes, m.len);
		assert_int_equal(packet_parse(bytes, m.len, &v, &p), REASON_NONE);
		assert_int_equal(packet_set_tcp_option(&p, 2, 2, 2, (uint8_t[]){ 0x04, 0xff }),
				 MANGLED);
		before[p.l4_off + 24] = 0x04;
		before[p.l4_off + 25] = 0xff;
		assert_memory_equal(bytes, before, m.len);
		assert_memory_equal(&p.vnet, &v, sizeof(v));
		expect_filled_in(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_checksum_follows_whatever_is_written_into_a_transport_header),
		cmocka_unit_test(a_new_address_changes_both_checksums),
		cmocka_unit_test(fields_of_the_ip_header_change_its_checksum_alone),
		cmocka_unit_test(what_has_no_checksum_is_only_written),
		cmocka_unit_test(udp_without_a_checksum_stays_without),
		cmocka_unit_test(udps_checksum_never_becomes_none),
		cmocka_unit_test(an_sctp_packet_gets_its_crc_anew),
		cmocka_unit_test(no_checksum_is_right_behind_a_header_whose_own_is_wrong),
		cmocka_unit_test(a_super_packet_keeps_the_sum_of_its_pseudo_header),
		cmocka_unit_test(a_checksum_is_filled_in_before_its_header_moves),
		cmocka_unit_test(the_view_follows_what_is_written),
		cmocka_unit_test(where_headers_lie_is_found_anew_when_it_is_asked_for),
		cmocka_unit_test(what_is_not_there_is_not_written),
		cmocka_unit_test(the_data_is_behind_the_transport_header),
		cmocka_unit_test(a_segment_size_is_made_smaller_never_larger),
		cmocka_unit_test(other_options_are_set_to_anything),
		cmocka_unit_test(an_option_is_replaced_by_padding),
		cmocka_unit_test(options_that_end_behind_the_header_are_left_alone),
		cmocka_unit_test(a_partial_checksum_does_not_know_options),
		cmocka_unit_test(a_super_packets_segment_size_is_changed_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
