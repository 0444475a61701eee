/* fuzz_translate.c - rewriting one end of whatever packet, and of whatever ICMP errors quote.
 *
 * Input: a byte of choices, an id, an address, a virtio-net header of ten bytes, the packet.
 * Checksums that were right are right afterwards, a packet that is refused is untouched, and
 * rewritten back it is what it was. */
#include <netinet/in.h>
#include <string.h>

#include "ctfw/checksum.h"
#include "ctfw/translate.h"
#include "fuzz.h"

enum {
	CHOOSE_DST = 1,   /* the side */
	CHOOSE_ERROR = 2, /* as an ICMP error */
	CHOOSE_SUMS = 4,  /* after the checksums were made right */
};
#define CHOICES (1 + 2 + 16)

/* What is in a packet, as offsets from its first byte; 0: it has none. */
struct fields {
	uint32_t id;		   /* what is changed beside the address */
	uint32_t check;		   /* the transport's checksum */
	uint32_t header;	   /* the IP header's */
	bool check_ok, header_ok;  /* whether they are right */
};

static const union addr *end_of(const struct packet *p, enum translate_side side)
{
	return side == TRANSLATE_SRC ? &p->saddr : &p->daddr;
}

static uint16_t load16(const uint8_t *at)
{
	uint16_t v;

	memcpy(&v, at, 2);
	return v;
}

static bool header_ok(const struct packet *p)
{
	size_t hlen = (size_t)(p->data[0] & 15) * 4;

	return p->family != L3_IPV4 || checksum_fold(checksum_add(0, p->data, hlen)) == 0xffff;
}

/* Whatever the virtio-net header says.  Nothing but zeroes has one that is called wrong, which
 * is but the other zero. */
static bool check_ok(const struct packet *p)
{
	struct packet plain = *p;

	plain.vnet = (struct virtio_net_hdr){ 0 };
	return packet_checksum_ok(&plain) ||
	       (p->l4_proto == IPPROTO_ICMP &&
		checksum_add(0, p->data + p->l4_off, p->l4_len) == 0);
}

static struct fields find_fields(const struct packet *p, enum translate_side side)
{
	struct fields f = {
		.header = p->family == L3_IPV4 ? 10 : 0,
		.header_ok = header_ok(p),
		.check_ok = check_ok(p),
	};

	if (p->flags & (PACKET_NO_L4 | PACKET_LATER_FRAGMENT) || p->l4_len < 8)
		return f;
	switch (p->l4_proto) {
	case IPPROTO_TCP:
		f.id = p->l4_off + 2 * side;
		f.check = p->l4_len >= 20 ? p->l4_off + 16 : 0;
		break;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		f.id = p->l4_off + 2 * side;
		f.check = p->l4_off + 6u;
		/* UDPLite must have one. */
		if (p->l4_proto == IPPROTO_UDPLITE && load16(p->data + f.check) == 0)
			f.check_ok = false;
		break;
	case IPPROTO_SCTP:
		f.id = p->l4_off + 2 * side;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		f.id = p->l4_off + 4u;
		f.check = p->l4_off + 2u;
		break;
	case IPPROTO_GRE:
		f.id = p->l4_off + 6u;
		break;
	}
	return f;
}

static uint16_t id_of(const struct packet *p, const struct fields *f)
{
	return f->id ? load16(p->data + f->id) : 0;
}

/* An SCTP packet whose CRC was wrong, or is of more than is there: it becomes right. */
static bool is_mended(const struct packet *p, const struct fields *f)
{
	return p->l4_proto == IPPROTO_SCTP && !f->check_ok;
}

/* Make its checksums right, as chance hardly ever does. */
static void seal(const struct packet *p, const struct fields *f)
{
	uint64_t sum = 0;
	uint16_t check;

	if (f->header) {
		check = checksum_ipv4(p->data, (size_t)(p->data[0] & 15) * 4);
		memcpy(p->data + f->header, &check, 2);
	}
	if (!f->check)
		return;
	if (p->l4_proto != IPPROTO_ICMP)
		sum = checksum_pseudo(p->family, &p->saddr, &p->daddr, p->l4_proto, p->l4_len);
	memset(p->data + f->check, 0, 2);
	check = (uint16_t)~checksum_fold(
		checksum_add(sum, p->data + p->l4_off, p->l4_len));
	memcpy(p->data + f->check, &check, 2);
}

/* Both zeroes of a sum are the same to whoever checks it. */
static void one_zero(uint8_t *bytes, uint32_t at)
{
	if (at && load16(bytes + at) == 0xffff)
		memset(bytes + at, 0, 2);
}

static void one_zero_each(uint8_t *packet, const struct fields *f)
{
	one_zero(packet, f->header);
	one_zero(packet, f->check);
}

static void expect_sound(const struct packet *p, const struct fields *was)
{
	CHECK(!was->header_ok || header_ok(p));
	CHECK(!was->check_ok || check_ok(p) || p->vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM);
}

/* The view is what is read anew. */
static void expect_view(const struct packet *p)
{
	struct packet q;

	if (packet_parse(p->data, p->len, &p->vnet, &q) != REASON_NONE)
		return; /* an address that nobody may have */
	CHECK(addr_equal(&p->saddr, &q.saddr) && addr_equal(&p->daddr, &q.daddr));
	CHECK(p->flags == q.flags && p->l4_off == q.l4_off && p->l4_len == q.l4_len);
	CHECK(p->sport == q.sport && p->dport == q.dport && p->icmp_id == q.icmp_id);
	CHECK(p->icmp_type == q.icmp_type && p->tcp_flags == q.tcp_flags);
}

/* before: the packet's bytes as they are. */
static void translate(struct packet *p, enum translate_side side, const struct translation *to,
		      uint8_t *before)
{
	struct fields was = find_fields(p, side);
	struct translation back = { *end_of(p, side), id_of(p, &was) };

	if (!packet_translate(p, side, to)) {
		CHECK(memcmp(before, p->data, p->len) == 0);
		return;
	}
	CHECK(addr_equal(end_of(p, side), &to->addr));
	expect_sound(p, &was);
	expect_view(p);
	CHECK(packet_translate(p, side, &back));
	one_zero_each(before, &was);
	one_zero_each(p->data, &was);
	CHECK(is_mended(p, &was) || memcmp(before, p->data, p->len) == 0);
}

static void translate_error(struct packet *p, enum translate_side side,
			    const struct translation *to, uint8_t *before)
{
	enum translate_side other = side == TRANSLATE_SRC ? TRANSLATE_DST : TRANSLATE_SRC;
	struct fields was = find_fields(p, side), quoted = { 0 };
	struct translation back = { .addr = *end_of(p, side) };
	uint32_t at = p->l4_off + 8u;
	bool reversible = was.check_ok;
	struct packet q = { 0 };

	if (packet_parse_quoted(p, at, &q) == 0 && (q.family == L3_IPV6 || q.l4_off >= 20)) {
		quoted = find_fields(&q, other);
		back.id = id_of(&q, &quoted);
		reversible &= addr_equal(end_of(&q, other), &back.addr) &&
			      !is_mended(&q, &quoted);
	}
	if (!packet_translate_error(p, side, to)) {
		CHECK(memcmp(before, p->data, p->len) == 0);
		return;
	}
	CHECK(packet_parse_quoted(p, at, &q) == 0);
	CHECK(addr_equal(end_of(p, side), &to->addr) && addr_equal(end_of(&q, other), &to->addr));
	expect_sound(p, &was);
	expect_sound(&q, &quoted);
	expect_view(p);
	CHECK(packet_translate_error(p, side, &back));
	one_zero_each(before, &was);
	one_zero_each(before + at, &quoted);
	one_zero_each(p->data, &was);
	one_zero_each(p->data + at, &quoted);
	CHECK(!reversible || memcmp(before, p->data, p->len) == 0);
}

/* An error as it comes for a flow of ours: what it quotes has its own address on the other
 * side. */
static void make_plausible(struct packet *p, enum translate_side side)
{
	size_t size = addr_bits(p->family) / 8, src = p->family == L3_IPV4 ? 12 : 8;
	struct packet q;

	if (packet_parse_quoted(p, p->l4_off + 8u, &q) < 0 ||
	    (q.family == L3_IPV4 && q.l4_off < 20))
		return;
	memcpy(q.data + src + (side == TRANSLATE_SRC ? size : 0),
	       p->data + src + (side == TRANSLATE_SRC ? 0 : size), size);
	if (packet_parse_quoted(p, p->l4_off + 8u, &q) == 0) {
		struct fields f = find_fields(&q, side);

		seal(&q, &f);
	}
}

static void run(struct packet *p, uint8_t choices, const struct translation *to)
{
	enum translate_side side = choices & CHOOSE_DST ? TRANSLATE_DST : TRANSLATE_SRC;
	struct fields f = find_fields(p, side);
	uint8_t *before = malloc(p->len);

	CHECK(before);
	if (choices & CHOOSE_SUMS) {
		if (packet_is_icmp_error(p))
			make_plausible(p, side);
		seal(p, &f);
	}
	memcpy(before, p->data, p->len);
	if (choices & CHOOSE_ERROR)
		translate_error(p, side, to, before);
	else
		translate(p, side, to, before);
	free(before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct translation to = { 0 };
	struct virtio_net_hdr vnet;
	enum reason reason;
	struct packet p;
	uint16_t check;
	uint8_t *bytes;
	size_t len;

	if (size < CHOICES + sizeof(vnet))
		return 0;
	memcpy(&to.id, data + 1, sizeof(to.id));
	memcpy(&vnet, data + CHOICES, sizeof(vnet));
	len = size - CHOICES - sizeof(vnet);
	bytes = malloc(len ? len : 1);
	CHECK(bytes);
	memcpy(bytes, data + CHOICES + sizeof(vnet), len);
	reason = packet_parse(bytes, len, &vnet, &p);
	if (reason == REASON_HEADER_CHECKSUM) {
		check = checksum_ipv4(bytes, (size_t)(bytes[0] & 15) * 4);
		memcpy(bytes + 10, &check, 2);
		reason = packet_parse(bytes, len, &vnet, &p);
	}
	if (reason == REASON_NONE) {
		memcpy(&to.addr, data + 3, addr_bits(p.family) / 8);
		run(&p, data[0], &to);
	}
	free(bytes);
	return 0;
}
