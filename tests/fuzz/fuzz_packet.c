/* fuzz_packet.c - parsing a packet, and all that follows from its view alone.
 *
 * Input: a virtio-net header of ten bytes, then the packet.  Whatever the bytes are, the
 * offsets of an accepted packet lie in it, and an answer to it is a right packet. */
#include <netinet/in.h>
#include <string.h>

#include "ctfw/build.h"
#include "ctfw/checksum.h"
#include "ctfw/engine.h"
#include "fuzz.h"

static void check_view(const struct packet *p, size_t size, bool quoted)
{
	uint32_t header = p->family == L3_IPV4 ? 20 : 40;

	CHECK(p->family == L3_IPV4 || p->family == L3_IPV6);
	CHECK(p->len <= size && p->len >= header);
	CHECK(p->l4_off >= header || (quoted && p->family == L3_IPV4));
	CHECK(p->l4_off + p->l4_len == p->len);
	if (p->flags & PACKET_NO_L4)
		CHECK(p->l4_proto == 0 && p->l4_len == 0);
	if (p->flags & (PACKET_NO_L4 | PACKET_LATER_FRAGMENT))
		CHECK(!(p->flags & (PACKET_PORTS | PACKET_L4_HEADER)));
	if (p->flags & PACKET_LATER_FRAGMENT)
		CHECK(p->flags & PACKET_FRAGMENT);
	if (p->flags & PACKET_PORTS)
		CHECK(p->l4_len >= 4);
	if (p->flags & PACKET_L4_HEADER)
		CHECK(p->l4_len >= (p->l4_proto == IPPROTO_TCP ? 20 : 8));
	if (p->vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		CHECK(p->vnet.csum_start >= p->l4_off &&
		      p->vnet.csum_start + p->vnet.csum_offset + 2u <= p->len);
}

static void check_answer(int len, const uint8_t *bytes)
{
	uint8_t *copy;
	struct packet a;

	if (len < 0)
		return;
	CHECK(len <= BUILD_MAX);
	copy = malloc((size_t)len);
	CHECK(copy);
	memcpy(copy, bytes, (size_t)len);
	CHECK(packet_parse(copy, (size_t)len, NULL, &a) == REASON_NONE ||
	      addr_is_loopback(L3_IPV6, &a.saddr)); /* an unsound `from` is the caller's */
	CHECK(a.len == (uint32_t)len && a.flags & PACKET_L4_HEADER && packet_checksum_ok(&a));
	CHECK(a.l4_proto != IPPROTO_TCP || a.tcp_flags & TCP_RST);
	CHECK(a.l4_proto == IPPROTO_TCP || packet_is_icmp_error(&a));
	free(copy);
}

static void log_it(const struct packet *p)
{
	static const struct log_spec spec = { .prefix = "fuzz ", .flags = 0xff };
	struct engine_log record = { p, HOOK_FORWARD, &spec, "in", "out", 1, 1 };
	char line[600];
	int len = logline_format(&record, line, sizeof(line));

	CHECK(len > 0 && strlen(line) < sizeof(line));
	for (const char *c = line; *c; c++)
		CHECK(*c >= ' ' && *c <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const union addr from = { .b = { 0xfd, 1, 2, 3 } };
	uint8_t out[BUILD_MAX];
	struct virtio_net_hdr vnet;
	struct packet p, quoted;
	enum reason reason;
	uint16_t check;
	uint8_t *bytes;
	size_t len;

	if (size < sizeof(vnet))
		return 0;
	memcpy(&vnet, data, sizeof(vnet));
	len = size - sizeof(vnet);
	bytes = malloc(len ? len : 1);
	CHECK(bytes);
	memcpy(bytes, data + sizeof(vnet), len);
	reason = packet_parse(bytes, len, &vnet, &p);
	if (reason == REASON_HEADER_CHECKSUM) {
		/* Chance would hardly ever get past it. */
		check = checksum_ipv4(bytes, (size_t)(bytes[0] & 15) * 4);
		memcpy(bytes + 10, &check, 2);
		reason = packet_parse(bytes, len, &vnet, &p);
		CHECK(reason != REASON_HEADER_CHECKSUM);
	}
	if (reason == REASON_NONE) {
		check_view(&p, len, false);
		packet_checksum_ok(&p);
		check_answer(build_tcp_reset(&p, out), out);
		check_answer(build_icmp_error(&p, p.family == L3_IPV4 ? 3 : 1, 3, 0, &from, out),
			     out);
		if (packet_is_icmp_error(&p) &&
		    packet_parse_quoted(&p, p.l4_off + 8u, &quoted) == 0)
			check_view(&quoted, p.l4_len - 8, true);
		log_it(&p);
	} else {
		CHECK(p.data == bytes && p.len <= len);
	}
	free(bytes);
	return 0;
}
