/* Tests of translation: a packet is rewritten, read anew, and every checksum computed. */
#include "unit/packet/view.h"

#include "ctfw/translate.h"

static uint64_t seed = 7;

static uint8_t random_byte(void)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint8_t)(seed >> 56);
}

static void fill(uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		at[i] = random_byte();
}

static struct translation random_end(uint8_t family)
{
	struct translation to = { .id = (uint16_t)(random_byte() << 8 | random_byte()) };

	fill(to.addr.b, addr_bits(family) / 8);
	/* Packets with odd addresses would not be parsed again. */
	to.addr.b[0] = family == L3_IPV4 ? 10 : 0xfd;
	return to;
}

static struct translation end_of(const struct packet *p, enum translate_side side, uint16_t id)
{
	return (struct translation){ side == TRANSLATE_SRC ? p->saddr : p->daddr, id };
}

/* ---- packets ---- */

/* All protocols whose header is known, one whose is not, and where they have what tells flows
 * apart: by side, from the transport header on. */
static const struct protocol {
	const char *name;
	uint8_t proto, type;
	int id[2];
	bool any_family;
} protocols[] = {
	{ "tcp", IPPROTO_TCP, 0, { 0, 2 }, true },
	{ "udp", IPPROTO_UDP, 0, { 0, 2 }, true },
	{ "udplite", IPPROTO_UDPLITE, 0, { 0, 2 }, true },
	{ "sctp", IPPROTO_SCTP, 0, { 0, 2 }, true },
	{ "gre 0", IPPROTO_GRE, 0, { -1, -1 }, true },
	{ "gre 1", IPPROTO_GRE, 1, { -1, 6 }, true },
	{ "esp", IPPROTO_ESP, 0, { -1, -1 }, true },
	{ "echo", IPPROTO_ICMP, 8, { 4, 4 }, false },
	{ "echo reply", IPPROTO_ICMP, 0, { 4, 4 }, false },
	{ "timestamp", IPPROTO_ICMP, 13, { 4, 4 }, false },
	{ "timestamp reply", IPPROTO_ICMP, 14, { 4, 4 }, false },
	{ "information", IPPROTO_ICMP, 15, { 4, 4 }, false },
	{ "information reply", IPPROTO_ICMP, 16, { 4, 4 }, false },
	{ "address mask", IPPROTO_ICMP, 17, { 4, 4 }, false },
	{ "address mask reply", IPPROTO_ICMP, 18, { 4, 4 }, false },
	{ "unreachable", IPPROTO_ICMP, 3, { -1, -1 }, false },
	{ "router advertisement", IPPROTO_ICMP, 9, { -1, -1 }, false },
	{ "ipv6 echo", IPPROTO_ICMPV6, 128, { 4, 4 }, false },
	{ "ipv6 echo reply", IPPROTO_ICMPV6, 129, { 4, 4 }, false },
	{ "node information", IPPROTO_ICMPV6, 139, { -1, -1 }, false },
	{ "too big", IPPROTO_ICMPV6, 2, { -1, -1 }, false },
};
#define PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

static bool goes_over(const struct protocol *t, bool v4)
{
	return t->any_family || v4 == (t->proto == IPPROTO_ICMP);
}

static void seal(struct bytes *b, uint32_t off, const struct protocol *t)
{
	uint8_t *l4 = b->b + off;
	uint32_t crc;

	switch (t->proto) {
	case IPPROTO_UDPLITE: /* all is covered; the kernel has UDP's number in it */
		memset(l4 + 6, 0, 2);
		crc = (uint16_t)~l4_sum(b->b, b->len, off, IPPROTO_UDP);
		memcpy(l4 + 6, &crc, 2);
		break;
	case IPPROTO_SCTP:
		crc = checksum_sctp(l4, b->len - off);
		memcpy(l4 + 8, &crc, 4);
		break;
	case IPPROTO_GRE:
	case IPPROTO_ESP:
		break;
	default:
		l4_seal(b, off, t->proto);
	}
}

/* Of random bytes, as far as its header allows. */
static void make(struct bytes *b, const struct protocol *t, bool v4, size_t payload)
{
	uint32_t off = v4 ? 20 : 40;
	uint8_t *l4 = b->b + off;

	(v4 ? ip4_begin : ip6_begin)(b, t->proto);
	put_zeroes(b, 20 + payload);
	fill(l4, 20 + payload);
	switch (t->proto) {
	case IPPROTO_TCP:
		l4[12] = 0x50;
		break;
	case IPPROTO_UDP:
		set16(l4 + 4, (unsigned)(20 + payload));
		break;
	case IPPROTO_UDPLITE:
		set16(l4 + 4, 0);
		break;
	case IPPROTO_GRE:
		l4[1] = t->type;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		l4[0] = t->type;
		break;
	}
	(v4 ? ip4_seal : ip6_seal)(b);
	seal(b, off, t);
}

static void expect_right(const struct packet *p)
{
	if (p->family == L3_IPV4)
		assert_int_equal(checksum_fold(checksum_add(0, p->data,
							    (p->data[0] & 15) * 4u)), 0xffff);
	assert_true(packet_checksum_ok(p));
}

/* What the view says is what the bytes say. */
static void expect_view(const struct packet *p)
{
	struct packet q;

	assert_int_equal(packet_parse(p->data, p->len, &p->vnet, &q), REASON_NONE);
	assert_memory_equal(&q.saddr, &p->saddr, 16);
	assert_memory_equal(&q.daddr, &p->daddr, 16);
	assert_int_equal(q.sport, p->sport);
	assert_int_equal(q.dport, p->dport);
	assert_int_equal(q.icmp_id, p->icmp_id);
	assert_int_equal(q.flags, p->flags);
	assert_int_equal(p->hash, 0);
}

static uint16_t id_at(const struct packet *p, int off)
{
	uint16_t id;

	memcpy(&id, p->data + p->l4_off + off, 2);
	return id;
}

/* ---- any packet ---- */

static void translate_one(const struct protocol *t, bool v4, enum translate_side side,
			  size_t payload)
{
	struct packet p, before;
	struct translation to, back;
	size_t addr_at = v4 ? (side == TRANSLATE_SRC ? 12 : 16) :
			      (side == TRANSLATE_SRC ? 8 : 24);

	make(&m, t, v4, payload);
	p = before = parsed();
	p.hash = 99;
	expect_right(&p);
	to = random_end(p.family);
	back = end_of(&p, side, t->id[side] >= 0 ? id_at(&p, t->id[side]) : 0);
	assert_true(packet_translate(&p, side, &to));
	assert_memory_equal(p.data + addr_at, &to.addr, v4 ? 4 : 16);
	if (t->id[side] >= 0)
		assert_int_equal(id_at(&p, t->id[side]), to.id);
	expect_right(&p);
	expect_view(&p);
	assert_memory_equal(side == TRANSLATE_SRC ? &p.daddr : &p.saddr,
			    side == TRANSLATE_SRC ? &before.daddr : &before.saddr, 16);
	assert_true(packet_translate(&p, side, &back));
	assert_memory_equal(p.data, m.b, m.len);
}

static void each_protocol_is_rewritten_and_every_checksum_is_right(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 400; n++) {
		for (unsigned i = 0; i < PROTOCOLS; i++) {
			for (unsigned v4 = 0; v4 < 2; v4++) {
				if (goes_over(&protocols[i], v4))
					translate_one(&protocols[i], v4, n & 1, n / 2);
			}
		}
	}
}

static void a_checksum_that_was_wrong_is_wrong_by_as_much(void **state)
{
	static const struct protocol *const summed[] = { &protocols[0], &protocols[1],
							 &protocols[2], &protocols[7] };
	struct translation to, back;
	struct packet p;

	(void)state;
	for (unsigned n = 0; n < 400; n++) {
		const struct protocol *t = summed[n % 4];
		enum translate_side side = n >> 2 & 1;

		make(&m, t, true, 50);
		m.b[60] ^= 0x55;
		p = parsed();
		assert_false(packet_checksum_ok(&p));
		to = random_end(L3_IPV4);
		back = end_of(&p, side, id_at(&p, t->id[side]));
		assert_true(packet_translate(&p, side, &to));
		assert_false(packet_checksum_ok(&p));
		assert_true(packet_translate(&p, side, &back));
		assert_memory_equal(p.data, m.b, m.len);
	}
}

static void udp_without_a_checksum_stays_without(void **state)
{
	struct translation to;
	struct packet p;

	(void)state;
	for (unsigned v4 = 0; v4 < 2; v4++) {
		make(&m, &protocols[1], v4, 9);
		set16(m.b + (v4 ? 26 : 46), 0);
		p = parsed();
		to = random_end(p.family);
		assert_true(packet_translate(&p, TRANSLATE_DST, &to));
		assert_int_equal(id_at(&p, 6), 0);
		assert_int_equal(p.dport, to.id);
		expect_right(&p);
	}
}

/* The port for which the sum comes out as 0, which UDP and UDPLite write as 0xffff. */
static void udps_checksum_never_becomes_none(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 200; n++) {
		const struct protocol *t = &protocols[1 + n % 2];
		struct translation to;
		struct packet p;

		make(&m, t, true, 30);
		p = parsed();
		to = end_of(&p, TRANSLATE_SRC,
			    checksum_fold((uint64_t)p.sport + id_at(&p, 6)));
		assert_true(packet_translate(&p, TRANSLATE_SRC, &to));
		assert_int_equal(id_at(&p, 6), 0xffff);
		expect_right(&p);
	}
}

/* ---- what is not all there ---- */

static void a_header_that_is_cut_short_is_refused_untouched(void **state)
{
	struct translation to = random_end(L3_IPV4);

	(void)state;
	for (unsigned i = 0; i < PROTOCOLS; i++) {
		for (unsigned len = 0; len < 20; len++) {
			const struct protocol *t = &protocols[i];
			bool opaque = t->proto == IPPROTO_ESP;
			struct packet p;

			make(&m, t, true, 0);
			m.len = 20 + len;
			ip4_seal(&m);
			p = parsed();
			assert_int_equal(packet_translate(&p, TRANSLATE_DST, &to),
					 opaque || len >= 8);
			if (!opaque && len < 8)
				assert_memory_equal(p.data, m.b, m.len);
			else
				expect_view(&p);
		}
	}
}

static void tcp_without_all_of_its_header_changes_its_port_alone(void **state)
{
	struct translation to = random_end(L3_IPV4);
	struct packet p;

	(void)state;
	make(&m, &protocols[0], true, 0);
	m.len = 20 + 19;
	ip4_seal(&m);
	p = parsed();
	assert_true(packet_translate(&p, TRANSLATE_SRC, &to));
	assert_int_equal(p.sport, to.id);
	assert_memory_equal(p.data + 22, m.b + 22, 17);
}

static void gre_of_an_unknown_version_goes_out_but_not_in(void **state)
{
	static const struct protocol gre = { "gre 2", IPPROTO_GRE, 2, { -1, -1 }, true };
	struct translation to = random_end(L3_IPV4);
	struct packet p;

	(void)state;
	make(&m, &gre, true, 4);
	p = parsed();
	assert_false(packet_translate(&p, TRANSLATE_DST, &to));
	assert_memory_equal(p.data, m.b, m.len);
	assert_true(packet_translate(&p, TRANSLATE_SRC, &to));
	assert_memory_equal(p.data + 20, m.b + 20, m.len - 20);
}

static void a_later_fragment_changes_its_address_alone(void **state)
{
	struct translation to;
	struct packet p;

	(void)state;
	make(&m, &protocols[0], true, 33);
	set16(m.b + 6, 1);
	ip4_seal(&m);
	p = parsed();
	to = random_end(L3_IPV4);
	assert_true(packet_translate(&p, TRANSLATE_SRC, &to));
	assert_memory_equal(p.data + 20, m.b + 20, m.len - 20);
	expect_right(&p);
	expect_view(&p);

	ip6_begin(&m, IPPROTO_FRAGMENT);
	PUT(&m, IPPROTO_UDP, 0, 0, 8, 1, 2, 3, 4);
	put_zeroes(&m, 33);
	fill(m.b + 48, 33);
	ip6_seal(&m);
	p = parsed();
	to = random_end(L3_IPV6);
	assert_true(packet_translate(&p, TRANSLATE_DST, &to));
	assert_memory_equal(p.data + 40, m.b + 40, m.len - 40);
	expect_view(&p);
}

static void without_a_transport_header_the_address_is_changed(void **state)
{
	struct translation to = random_end(L3_IPV6);
	struct packet p;

	(void)state;
	ip6_begin(&m, IPPROTO_NONE);
	put_zeroes(&m, 30);
	ip6_seal(&m);
	p = parsed();
	assert_true(packet_translate(&p, TRANSLATE_SRC, &to));
	assert_memory_equal(p.data + 8, &to.addr, 16);
	assert_memory_equal(p.data + 24, m.b + 24, m.len - 24);
	expect_view(&p);
}

static void a_routing_header_does_not_change_whose_address_counts(void **state)
{
	struct translation to = random_end(L3_IPV6);
	struct packet p;
	uint16_t check;

	(void)state;
	ip6_begin(&m, IPPROTO_ROUTING);
	PUT(&m, IPPROTO_UDP, 2, 0, 1, 0, 0, 0, 0);
	put_zeroes(&m, 16);
	fill(m.b + 48, 16);
	put_udp(&m, 40);
	ip6_seal(&m);
	check = (uint16_t)~l4_sum(m.b, m.len, 64, IPPROTO_UDP);
	memcpy(m.b + 70, &check, 2);
	p = parsed();
	expect_right(&p);
	assert_true(packet_translate(&p, TRANSLATE_DST, &to));
	expect_right(&p);
	expect_view(&p);
}

/* ---- offload ---- */

static void expect_filled_in(const struct packet *p)
{
	uint8_t *field = p->data + p->vnet.csum_start + p->vnet.csum_offset;
	uint16_t check = (uint16_t)~checksum_fold(checksum_add(
		0, p->data + p->vnet.csum_start, p->len - p->vnet.csum_start));
	struct packet q = *p;

	memcpy(field, &check, 2);
	q.vnet = (struct virtio_net_hdr){ 0 };
	expect_right(&q);
}

static void a_super_packet_keeps_the_sum_of_its_pseudo_header(void **state)
{
	static uint8_t bytes[PACKET_MAX];

	(void)state;
	for (unsigned n = 0; n < 160; n++) {
		bool v4 = n & 1, tcp = n & 2;
		uint16_t off = v4 ? 20 : 40;
		struct virtio_net_hdr before, v = {
			.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			.gso_type = tcp ? (v4 ? VIRTIO_NET_HDR_GSO_TCPV4 :
						VIRTIO_NET_HDR_GSO_TCPV6) :
					  VIRTIO_NET_HDR_GSO_UDP_L4,
			.hdr_len = (uint16_t)(off + (tcp ? 20 : 8)),
			.gso_size = 1200,
			.csum_start = off,
			.csum_offset = tcp ? 16 : 6,
		};
		struct translation to = random_end(v4 ? L3_IPV4 : L3_IPV6);
		struct packet p;
		uint16_t partial;

		make(&m, &protocols[!tcp], v4, 60001);
		memcpy(bytes, m.b, m.len);
		assert_int_equal(packet_parse(bytes, m.len, &v, &p), REASON_NONE);
		partial = checksum_fold(checksum_pseudo(p.family, &p.saddr, &p.daddr,
							p.l4_proto, p.l4_len));
		memcpy(bytes + off + v.csum_offset, &partial, 2);
		before = p.vnet;
		assert_true(packet_translate(&p, n >> 2 & 1, &to));
		assert_memory_equal(&p.vnet, &before, sizeof(before));
		expect_view(&p);
		partial = checksum_fold(checksum_pseudo(p.family, &p.saddr, &p.daddr,
							p.l4_proto, p.l4_len));
		assert_int_equal(id_at(&p, v.csum_offset), partial);
		expect_filled_in(&p);
	}
}

/* A tunnel over UDP whose own checksum is there, and what it carries is yet to be summed. */
static void what_is_to_be_filled_in_deeper_is_not_the_tunnels_own(void **state)
{
	const struct virtio_net_hdr v = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					  .csum_start = 20 + 8 + 8 + 14 + 20,
					  .csum_offset = 6 };
	static uint8_t bytes[2000];
	struct translation to = random_end(L3_IPV4);
	struct packet p;

	(void)state;
	make(&m, &protocols[1], true, 200);
	memcpy(bytes, m.b, m.len);
	assert_int_equal(packet_parse(bytes, m.len, &v, &p), REASON_NONE);
	assert_true(packet_translate(&p, TRANSLATE_SRC, &to));
	assert_memory_equal(&p.vnet, &v, sizeof(v));
	p.vnet = (struct virtio_net_hdr){ 0 };
	expect_right(&p);
}

/* ---- ICMP errors ---- */

static struct bytes inner;

/* An error to (TRANSLATE_DST) or from (TRANSLATE_SRC) the end that is translated: of what it
 * quotes that is the other side. */
static void make_error(const struct protocol *t, bool v4, enum translate_side side, size_t quoted)
{
	size_t len = v4 ? 4 : 16, src = v4 ? 12 : 8, dst = v4 ? 16 : 24;

	make(&inner, t, v4, 60);
	(v4 ? ip4_begin : ip6_begin)(&m, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	if (side == TRANSLATE_DST)
		memcpy(m.b + dst, inner.b + src, len);
	else
		memcpy(m.b + src, inner.b + dst, len);
	put_icmp(&m, v4 ? 3 : 1, 3);
	put(&m, inner.b, quoted);
	(v4 ? ip4_seal : ip6_seal)(&m);
	l4_seal(&m, v4 ? 20 : 40, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static void translate_error(const struct protocol *t, bool v4, enum translate_side side,
			    size_t quoted)
{
	enum translate_side other = !side;
	struct packet p, q;
	struct translation to, back;
	bool partial_crc = t->proto == IPPROTO_SCTP && quoted < inner.len;

	make_error(t, v4, side, quoted);
	p = parsed();
	assert_int_equal(packet_parse_quoted(&p, p.l4_off + 8u, &q), 0);
	to = random_end(p.family);
	back = end_of(&p, side, t->id[other] >= 0 ? id_at(&q, t->id[other]) : 0);
	assert_true(packet_translate_error(&p, side, &to));
	expect_right(&p);
	expect_view(&p);
	assert_memory_equal(side == TRANSLATE_DST ? &p.daddr : &p.saddr, &to.addr, 16);
	assert_int_equal(packet_parse_quoted(&p, p.l4_off + 8u, &q), 0);
	assert_memory_equal(other == TRANSLATE_DST ? &q.daddr : &q.saddr, &to.addr, 16);
	if (v4)
		assert_int_equal(checksum_fold(checksum_add(0, q.data, 20)), 0xffff);
	if (t->id[other] >= 0)
		assert_int_equal(id_at(&q, t->id[other]), to.id);
	if (quoted == inner.len)
		expect_right(&q);
	assert_true(packet_translate_error(&p, side, &back));
	if (!partial_crc) /* it was computed anew, over what is there */
		assert_memory_equal(p.data, m.b, m.len);
}

static void errors_are_rewritten_with_what_they_quote(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PROTOCOLS; i++) {
		for (unsigned v4 = 0; v4 < 2; v4++) {
			size_t header = v4 ? 20 : 40;

			if (!goes_over(&protocols[i], v4))
				continue;
			for (size_t quoted = header + 8; quoted <= header + 80; quoted++) {
				translate_error(&protocols[i], v4, TRANSLATE_SRC, quoted);
				translate_error(&protocols[i], v4, TRANSLATE_DST, quoted);
			}
		}
	}
}

static void eight_quoted_bytes_are_enough_and_seven_are_not(void **state)
{
	struct translation to = random_end(L3_IPV4);
	struct packet p;

	(void)state;
	for (size_t quoted = 0; quoted < 8; quoted++) {
		make_error(&protocols[0], true, TRANSLATE_DST, 20 + quoted);
		p = parsed();
		assert_false(packet_translate_error(&p, TRANSLATE_DST, &to));
		assert_memory_equal(p.data, m.b, m.len);
	}
	make_error(&protocols[0], true, TRANSLATE_DST, 28);
	p = parsed();
	assert_true(packet_translate_error(&p, TRANSLATE_DST, &to));
}

static void udps_checksum_is_among_the_eight_bytes(void **state)
{
	struct translation to = random_end(L3_IPV4);
	struct packet p;
	uint16_t check;

	(void)state;
	make_error(&protocols[1], true, TRANSLATE_DST, 28);
	p = parsed();
	assert_true(packet_translate_error(&p, TRANSLATE_DST, &to));
	/* As it would be in the whole packet. */
	memcpy(inner.b + 12, &to.addr, 4);
	memcpy(inner.b + 20, &to.id, 2);
	memset(inner.b + 26, 0, 2);
	check = (uint16_t)~l4_sum(inner.b, inner.len, 20, IPPROTO_UDP);
	assert_memory_equal(p.data + 20 + 8 + 26, &check, 2);
}

static void a_quoted_first_fragment_is_rewritten(void **state)
{
	struct translation to = random_end(L3_IPV4);
	struct packet p, q;

	(void)state;
	make(&inner, &protocols[1], true, 60);
	set16(inner.b + 6, 0x2000);
	ip4_checksum(&inner);
	ip4_begin(&m, IPPROTO_ICMP);
	put_icmp(&m, 11, 0);
	put(&m, inner.b, 60);
	ip4_seal(&m);
	l4_seal(&m, 20, IPPROTO_ICMP);
	p = parsed();
	assert_true(packet_translate_error(&p, TRANSLATE_DST, &to));
	expect_right(&p);
	assert_int_equal(packet_parse_quoted(&p, 28, &q), 0);
	assert_int_equal(q.sport, to.id);
	assert_int_equal(checksum_fold(checksum_add(0, q.data, 20)), 0xffff);
}

static void what_is_no_sound_error_is_refused_untouched(void **state)
{
	static const struct {
		unsigned at;
		uint8_t to;
		bool seal;
	} faults[] = {
		{ 20, 8, true },     /* an echo */
		{ 20, 5, true },     /* a redirect */
		{ 24, 0xff, false }, /* its checksum is wrong */
		{ 28 + 0, 0x44, true }, /* what it quotes has its ports in its IP header */
		{ 28 + 7, 1, true },    /* or is a later fragment */
		{ 28 + 0, 0x4f, true }, /* or ends within its options */
	};
	struct translation to = random_end(L3_IPV4);
	struct packet p;

	(void)state;
	for (unsigned i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		make_error(&protocols[0], true, TRANSLATE_DST, 48);
		m.b[faults[i].at] = faults[i].to;
		if (faults[i].seal)
			l4_seal(&m, 20, IPPROTO_ICMP);
		p = parsed();
		assert_false(packet_translate_error(&p, TRANSLATE_DST, &to));
		assert_memory_equal(p.data, m.b, m.len);
	}
	tcp4(&m, TCP_ACK, 50);
	p = parsed();
	assert_false(packet_translate_error(&p, TRANSLATE_DST, &to));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_protocol_is_rewritten_and_every_checksum_is_right),
		cmocka_unit_test(a_checksum_that_was_wrong_is_wrong_by_as_much),
		cmocka_unit_test(udp_without_a_checksum_stays_without),
		cmocka_unit_test(udps_checksum_never_becomes_none),
		cmocka_unit_test(a_header_that_is_cut_short_is_refused_untouched),
		cmocka_unit_test(tcp_without_all_of_its_header_changes_its_port_alone),
		cmocka_unit_test(gre_of_an_unknown_version_goes_out_but_not_in),
		cmocka_unit_test(a_later_fragment_changes_its_address_alone),
		cmocka_unit_test(without_a_transport_header_the_address_is_changed),
		cmocka_unit_test(a_routing_header_does_not_change_whose_address_counts),
		cmocka_unit_test(a_super_packet_keeps_the_sum_of_its_pseudo_header),
		cmocka_unit_test(what_is_to_be_filled_in_deeper_is_not_the_tunnels_own),
		cmocka_unit_test(errors_are_rewritten_with_what_they_quote),
		cmocka_unit_test(eight_quoted_bytes_are_enough_and_seven_are_not),
		cmocka_unit_test(udps_checksum_is_among_the_eight_bytes),
		cmocka_unit_test(a_quoted_first_fragment_is_rewritten),
		cmocka_unit_test(what_is_no_sound_error_is_refused_untouched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
