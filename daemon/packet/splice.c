/* splice.c - other bytes in what a packet carries, and more or less of them (nf_nat_helper.c).
 *
 * What a helper rewrites is text of a few words: how long the rest of the packet is decides
 * what it costs, and it is moved and summed once a change. */
#include <netinet/in.h>

#include "ctfw/mangle.h"
#include "packet/sums.h"

#define IPV4_LENGTH 2
#define IPV4_CHECKSUM 10
#define IPV6_HEADER 40
#define IPV6_LENGTH 4
#define TCP_CHECKSUM 16
#define UDP_HEADER 8
#define UDP_LENGTH 4
#define UDP_CHECKSUM 6

/* Where the payload begins, from p->data; false: it has none that may be changed. */
static bool find_payload(const struct packet *p, uint32_t *ret_at)
{
	const uint8_t *l4 = p->data + p->l4_off;

	if (!(p->flags & PACKET_L4_HEADER) || p->flags & PACKET_FRAGMENT)
		return false;
	switch (p->l4_proto) {
	case IPPROTO_TCP:
		*ret_at = p->l4_off + (uint32_t)(l4[12] >> 4) * 4;
		return true;
	case IPPROTO_UDP:
		*ret_at = p->l4_off + UDP_HEADER;
		return true;
	default:
		return false;
	}
}

static void put_ip_length(struct packet *p)
{
	uint16_t length;

	if (p->family == L3_IPV6) {
		store16(p->data + IPV6_LENGTH, htons((uint16_t)(p->len - IPV6_HEADER)));
		return;
	}
	length = htons((uint16_t)p->len);
	sum_adjust(p->data + IPV4_CHECKSUM,
		   sum_change16(load16(p->data + IPV4_LENGTH), length));
	store16(p->data + IPV4_LENGTH, length);
}

/* nf_nat_csum_recalc() */
static void put_checksum(struct packet *p, uint32_t old_l4_len)
{
	bool udp = p->l4_proto == IPPROTO_UDP;
	uint8_t *l4 = p->data + p->l4_off, *field = l4 + (udp ? UDP_CHECKSUM : TCP_CHECKSUM);
	uint64_t pseudo;
	uint16_t sum;

	if (sum_is_partial(p)) {
		sum_adjust_partial(field, sum_change16(htons((uint16_t)old_l4_len),
						       htons((uint16_t)p->l4_len)));
		return;
	}
	if (udp && load16(field) == 0)
		return;
	store16(field, 0);
	pseudo = checksum_pseudo(p->family, &p->saddr, &p->daddr, p->l4_proto, p->l4_len);
	sum = (uint16_t)~checksum_fold(checksum_add(pseudo, l4, p->l4_len));
	store16(field, udp && sum == 0 ? UINT16_MAX : sum);
}

/* Several datagrams, which are cut apart by their length. */
static bool is_bundle(const struct packet *p)
{
	return p->vnet.gso_type == VIRTIO_NET_HDR_GSO_UDP_L4;
}

bool packet_splice(struct packet *p, uint32_t off, uint32_t old_len, const void *bytes,
		   uint32_t len, uint32_t room)
{
	uint32_t at, new_len, behind, old_l4_len = p->l4_len;

	if (!find_payload(p, &at) || off > p->len - at || old_len > p->len - at - off ||
	    (is_bundle(p) && len != old_len))
		return false;
	at += off;
	behind = p->len - at - old_len;
	if (len > PACKET_MAX || at + len + behind > (room < PACKET_MAX ? room : PACKET_MAX))
		return false;
	new_len = at + len + behind;
	memmove(p->data + at + len, p->data + at + old_len, behind);
	memcpy(p->data + at, bytes, len);
	p->l4_len = p->l4_len + new_len - p->len;
	p->len = new_len;
	put_ip_length(p);
	if (p->l4_proto == IPPROTO_UDP)
		store16(p->data + p->l4_off + UDP_LENGTH, htons((uint16_t)p->l4_len));
	put_checksum(p, old_l4_len);
	return true;
}
