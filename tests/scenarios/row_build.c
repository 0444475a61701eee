/* row_build.c - the bytes that a packet row means. */
#include "row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { F_FIN = 1, F_SYN = 2, F_RST = 4, F_ACK = 16 };

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static int64_t or_else(int64_t value, int64_t otherwise)
{
	return value == ROW_UNSET ? otherwise : value;
}

static uint32_t sum_add(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	if (len % 2)
		sum += (uint32_t)p[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* How much UDPLite's checksum covers; 0: all. */
static size_t covered_by(const uint8_t *l4, size_t len)
{
	size_t covered = len < 8 ? 0 : (size_t)(l4[4] << 8 | l4[5]);

	return covered > len ? len : covered;
}

static uint16_t sum_l4(const struct row *r, const uint8_t *l4, size_t len)
{
	size_t addr_len = r->from->family == 4 ? 4 : 16;
	uint8_t tail[8] = { 0 };
	uint32_t sum = 0;

	if (r->proto != 1) {
		sum = sum_add(sum, r->from->addr, addr_len);
		sum = sum_add(sum, r->to->addr, addr_len);
		put32(tail, (uint32_t)len);
		tail[7] = (uint8_t)or_else(r->pseudo, r->proto);
		sum = sum_add(sum, tail, sizeof(tail));
	}
	if (r->gso != ROW_UNSET) /* the rest is yet to be filled in */
		return (uint16_t)sum;
	if (r->proto == 136 && covered_by(l4, len))
		len = covered_by(l4, len);
	return (uint16_t)~sum_add(sum, l4, len);
}

/* Where the checksum lies, or 0. */
static size_t sum_offset(uint8_t proto)
{
	switch (proto) {
	case 6:
		return 16;
	case 17:
	case 136:
		return 6;
	case 1:
	case 58:
		return 2;
	default:
		return 0;
	}
}

static size_t put_payload(const struct row *r, uint8_t *p)
{
	size_t len = (size_t)or_else(r->len, (int64_t)r->data.len);

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)('a' + i % 26);
	memcpy(p, r->data.b, r->data.len < len ? r->data.len : len);
	return len;
}

static uint16_t port_of(int64_t said, const struct row_host *h)
{
	return (uint16_t)or_else(said, h->port);
}

/* ---- TCP ---- */

/* The connection's record, and which side of it the sender is. */
static struct row_flow *flow_of(struct row_context *c, const struct row *r, unsigned *ret_side)
{
	const uint8_t *addr[2] = { r->from->addr, r->to->addr };
	uint16_t port[2] = { port_of(r->sport, r->from), port_of(r->dport, r->to) };
	struct row_flow *f;

	for (size_t i = 0; i < c->n_flows; i++) {
		f = &c->flows[i];
		for (unsigned s = 0; s < 2; s++) {
			if (f->side[0].port == port[s] && f->side[1].port == port[!s] &&
			    memcmp(f->side[0].addr, addr[s], 16) == 0 &&
			    memcmp(f->side[1].addr, addr[!s], 16) == 0) {
				*ret_side = s;
				return f;
			}
		}
	}
	/* More than anybody follows by eye: begin anew. */
	f = &c->flows[c->n_flows < ROW_FLOWS ? c->n_flows++ : 0];
	for (unsigned s = 0; s < 2; s++) {
		memcpy(f->side[s].addr, addr[s], 16);
		f->side[s].port = port[s];
		f->side[s].next = s == 0 ? 100 : 500;
	}
	*ret_side = 0;
	return f;
}

static size_t put_tcp_options(const struct row *r, uint8_t *p)
{
	size_t n = 0;

	if (r->mss != ROW_UNSET) {
		p[n] = 2;
		p[n + 1] = 4;
		put16(p + n + 2, (uint32_t)r->mss);
		n += 4;
	}
	if (r->wscale != ROW_UNSET) {
		p[n] = 3;
		p[n + 1] = 3;
		p[n + 2] = (uint8_t)r->wscale;
		n += 3;
	}
	if (r->sackok) {
		p[n++] = 4;
		p[n++] = 2;
	}
	if (r->sack.set) {
		p[n] = p[n + 1] = 1; /* as stacks align it */
		p[n + 2] = 5;
		p[n + 3] = (uint8_t)(2 + r->sack.len);
		memcpy(p + n + 4, r->sack.b, r->sack.len);
		n += 4 + r->sack.len;
	}
	memcpy(p + n, r->opt.b, r->opt.len);
	n += r->opt.len;
	while (n % 4)
		p[n++] = 0;
	return n;
}

static size_t put_tcp(struct row_context *c, const struct row *r, uint8_t *p)
{
	unsigned side;
	struct row_flow *f = flow_of(c, r, &side);
	size_t options, payload;
	uint32_t seq, ack;

	seq = (uint32_t)or_else(r->seq, f->side[side].next);
	ack = (uint32_t)or_else(r->ack, r->tcp_flags & F_ACK ? f->side[!side].next : 0);
	memset(p, 0, 20);
	put16(p, port_of(r->sport, r->from));
	put16(p + 2, port_of(r->dport, r->to));
	put32(p + 4, seq);
	put32(p + 8, ack);
	options = put_tcp_options(r, p + 20);
	p[12] = (uint8_t)(or_else(r->doff, (int64_t)(20 + options) / 4) << 4);
	p[12] |= (uint8_t)or_else(r->reserved, 0);
	p[13] = r->tcp_flags;
	put16(p + 14, (uint32_t)or_else(r->win, 8192));
	payload = put_payload(r, p + 20 + options);
	f->side[side].next = seq + (uint32_t)payload + !!(r->tcp_flags & F_SYN) +
			     !!(r->tcp_flags & F_FIN);
	return 20 + options + payload;
}

/* ---- SCTP ---- */

/* Bytes behind the chunk's header; an INIT's first four are its tag. */
static const struct {
	const char *name;
	uint8_t type, body;
} chunk_names[] = {
	{ "data", 0, 12 }, { "init", 1, 16 }, { "init-ack", 2, 16 }, { "sack", 3, 12 },
	{ "heartbeat", 4, 8 }, { "heartbeat-ack", 5, 8 }, { "abort", 6, 0 },
	{ "shutdown", 7, 4 }, { "shutdown-ack", 8, 0 }, { "error", 9, 4 },
	{ "cookie-echo", 10, 8 }, { "cookie-ack", 11, 0 }, { "shutdown-complete", 14, 0 },
	{ "forward-tsn", 192, 4 }, { "unknown", 63, 4 },
};

/* One chunk, "NAME[/t][:LENGTH]"; what it takes or -1. */
static int put_chunk(const struct row *r, const char *word, uint8_t *p, uint32_t tag)
{
	size_t len = strcspn(word, "/:"), payload = 0;
	const char *length = strchr(word, ':');

	for (size_t i = 0; i < sizeof(chunk_names) / sizeof(chunk_names[0]); i++) {
		if (strlen(chunk_names[i].name) != len ||
		    strncmp(chunk_names[i].name, word, len) != 0)
			continue;
		memset(p, 0, 4u + chunk_names[i].body);
		if (chunk_names[i].type == 0)
			payload = put_payload(r, p + 4 + chunk_names[i].body);
		p[0] = chunk_names[i].type;
		p[1] = strstr(word, "/t") != NULL;
		if (p[0] == 1 || p[0] == 2)
			put32(p + 4, tag);
		payload += 4u + chunk_names[i].body;
		put16(p + 2, length ? (uint32_t)atoi(length + 1) : (uint32_t)payload);
		while (payload % 4)
			p[payload++] = 0;
		return (int)payload;
	}
	return -1;
}

static int put_sctp(struct row_context *c, const struct row *r, uint8_t *p,
		    char error[ROW_ERROR])
{
	unsigned side;
	struct row_flow *f = flow_of(c, r, &side);
	bool init = strncmp(r->chunks, "init", 4) == 0 && r->chunks[4] != '-';
	char words[ROW_HEX], *save;
	size_t n = 12;

	if (r->itag != ROW_UNSET)
		f->side[side].next = (uint32_t)r->itag;
	memset(p, 0, 12);
	put16(p, port_of(r->sport, r->from));
	put16(p + 2, port_of(r->dport, r->to));
	put32(p + 4, (uint32_t)or_else(r->vtag, init ? 0 : f->side[!side].next));
	memcpy(words, r->chunks, sizeof(words));
	for (char *w = strtok_r(words, ",", &save); w && strcmp(w, "-") != 0;
	     w = strtok_r(NULL, ",", &save)) {
		int len = put_chunk(r, w, p + n, f->side[side].next);

		if (len < 0) {
			snprintf(error, ROW_ERROR, "\"%.60s\" is not a chunk of SCTP", w);
			return -1;
		}
		n += (size_t)len;
	}
	return (int)n;
}

/* Over everything, with zeros in its place, least byte first. */
static void put_crc(const struct row *r, uint8_t *p, size_t len)
{
	uint32_t crc = UINT32_MAX;

	if (len < 12)
		return;
	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	crc = (uint32_t)or_else(r->sum, ~crc) ^ (r->sum_bad ? 0x5555u : 0);
	for (int i = 0; i < 4; i++)
		p[8 + i] = (uint8_t)(crc >> 8 * i);
}

/* ---- others ---- */

static size_t put_udp(const struct row *r, uint8_t *p)
{
	size_t len = 8 + put_payload(r, p + 8);

	put16(p, port_of(r->sport, r->from));
	put16(p + 2, port_of(r->dport, r->to));
	put16(p + 4, (uint32_t)or_else(r->proto == 136 ? r->cover : r->ulen, (int64_t)len));
	put16(p + 6, 0);
	return len;
}

/* Version 1 is PPTP's: with the length of what it carries, and the receiver's call id. */
static size_t put_gre(const struct row *r, uint8_t *p)
{
	size_t hlen = r->gre_version == 1 ? 8 : 4, len = put_payload(r, p + hlen);

	p[0] = r->gre_version == 1 ? 0x20 : 0;
	p[1] = (uint8_t)r->gre_version;
	put16(p + 2, (uint32_t)or_else(r->gre_proto, r->gre_version == 1 ? 0x880b : 0x0800));
	if (hlen == 8) {
		put16(p + 4, (uint32_t)len);
		put16(p + 6, (uint32_t)or_else(r->key, 0));
	}
	return hlen + len;
}

static int patch_bytes(uint8_t *p, size_t len, const struct row_patch *patches, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (patches[i].off + patches[i].bytes.len > len)
			return -1;
		memcpy(p + patches[i].off, patches[i].bytes.b, patches[i].bytes.len);
	}
	return 0;
}

const struct row_label *row_label(const struct row_context *c, const char *name)
{
	/* The last one of that name. */
	for (size_t i = c->n_labels; i-- > 0;)
		if (strcmp(c->labels[i].name, name) == 0)
			return &c->labels[i];
	return NULL;
}

/* The packet that an ICMP error is about, as far as it quotes it. */
static int put_quote(const struct row_context *c, const struct row *r, uint8_t *p,
		     char error[ROW_ERROR])
{
	const struct row_label *label = row_label(c, r->about);
	size_t len;

	if (!label) {
		snprintf(error, ROW_ERROR, "no packet before has the label %s", r->about);
		return -1;
	}
	len = label->bytes[0] >> 4 == 4 ? (size_t)(label->bytes[0] & 15) * 4 + 8 : 1232;
	len = (size_t)or_else(r->quote, (int64_t)len);
	if (len > label->len)
		len = label->len;
	memcpy(p, label->bytes, len);
	if (patch_bytes(p, len, r->quote_patch, r->n_quote_patches) < 0) {
		snprintf(error, ROW_ERROR, "quote-set writes behind what is quoted");
		return -1;
	}
	return (int)len;
}

static int put_icmp(const struct row_context *c, const struct row *r, uint8_t *p,
		    char error[ROW_ERROR])
{
	int body;

	memset(p, 0, 8);
	p[0] = (uint8_t)r->icmp_type;
	p[1] = (uint8_t)r->icmp_code;
	/* Errors have other things there, mostly zero. */
	put16(p + 4, (uint32_t)or_else(r->icmp_id, *r->about ? 0 : 7));
	put16(p + 6, (uint32_t)or_else(r->icmp_seq, *r->about ? 0 : 1));
	body = *r->about ? put_quote(c, r, p + 8, error) : (int)put_payload(r, p + 8);
	return body < 0 ? -1 : 8 + body;
}

/* A fragment of a datagram that was labelled: its data, and what the IP header says of it. */
static int put_part(const struct row_context *c, struct row *r, uint8_t *p,
		    char error[ROW_ERROR])
{
	const struct row_label *whole = row_label(c, r->part);
	int64_t hlen, data, len;

	if (!whole) {
		snprintf(error, ROW_ERROR, "no packet before has the label %s", r->part);
		return -1;
	}
	hlen = whole->bytes[0] >> 4 == 4 ? (whole->bytes[0] & 15) * 4 : 40;
	data = (int64_t)whole->len - hlen;
	if (r->part_to == ROW_UNSET)
		r->part_to = data;
	len = r->part_to - r->part_from;
	if (r->part_from < 0 || len < 0 || r->part_to > data) {
		snprintf(error, ROW_ERROR, "%s has %d bytes of data", r->part, (int)data);
		return -1;
	}
	r->proto = whole->bytes[hlen == 40 ? 6 : 9];
	r->offset = or_else(r->offset, r->part_from);
	r->mf = r->mf || (!r->last && r->part_to < data);
	if (hlen == 40 && !*r->ext)
		strcpy(r->ext, "frag");
	else if (hlen != 40 && r->id == ROW_UNSET)
		r->id = whole->bytes[4] << 8 | whole->bytes[5];
	memcpy(p, whole->bytes + hlen + r->part_from, (size_t)len);
	memcpy(p, r->data.b, r->data.len < (size_t)len ? r->data.len : (size_t)len);
	return (int)len;
}

/* The transport part; its length or -1. */
static int put_l4(struct row_context *c, struct row *r, uint8_t *p, char error[ROW_ERROR])
{
	size_t at = sum_offset(r->proto);
	int len;

	if (*r->part)
		return put_part(c, r, p, error);
	switch (r->proto) {
	case 6:
		len = (int)put_tcp(c, r, p);
		break;
	case 17:
	case 136:
		len = (int)put_udp(r, p);
		break;
	case 132:
		len = put_sctp(c, r, p, error);
		break;
	case 47:
		len = (int)put_gre(r, p);
		break;
	case 1:
	case 58:
		len = r->icmp_type == ROW_UNSET ? (int)put_payload(r, p) :
						  put_icmp(c, r, p, error);
		break;
	default:
		len = (int)put_payload(r, p);
		break;
	}
	if (len < 0)
		return -1;
	if (r->l4cut != ROW_UNSET && r->l4cut < len)
		len = (int)r->l4cut;
	if (r->proto == 132)
		put_crc(r, p, (size_t)len);
	if (at && at + 2 <= (size_t)len) {
		uint16_t sum = sum_l4(r, p, (size_t)len);

		if ((r->proto == 17 || r->proto == 136) && sum == 0)
			sum = 0xffff;
		if (r->sum_bad)
			sum ^= 0x5555;
		put16(p + at, (uint32_t)or_else(r->sum, sum));
	}
	return len;
}

/* ---- IP ---- */

static size_t put_ipv4(const struct row *r, uint16_t id, size_t l4_len, uint8_t *p)
{
	size_t hlen = 20 + (r->ipopt.len + 3) / 4 * 4, total;
	uint32_t sum;

	memset(p, 0, hlen);
	memcpy(p + 20, r->ipopt.b, r->ipopt.len);
	total = (size_t)or_else(r->totlen,
				(int64_t)(hlen + l4_len) + or_else(r->totlen_add, 0));
	p[0] = (uint8_t)(or_else(r->version, 4) << 4 | or_else(r->ihl, (int64_t)hlen / 4));
	p[1] = (uint8_t)or_else(r->tos, 0);
	put16(p + 2, (uint32_t)total);
	put16(p + 4, (uint32_t)or_else(r->id, id));
	put16(p + 6, (r->df ? 0x4000u : 0) | (r->mf ? 0x2000u : 0) |
			     (uint32_t)(or_else(r->offset, 0) / 8));
	p[8] = (uint8_t)or_else(r->ttl, 64);
	p[9] = r->proto;
	memcpy(p + 12, r->from->addr, 4);
	memcpy(p + 16, r->to->addr, 4);
	sum = sum_add(0, p, hlen);
	put16(p + 10, (uint16_t)~sum ^ (r->ipsum_bad ? 0x5555u : 0));
	return hlen;
}

static const struct {
	const char *name;
	uint8_t number;
} ext_names[] = {
	{ "hbh", 0 }, { "routing", 43 }, { "frag", 44 },
	{ "ah", 51 }, { "dst", 60 }, { "none", 59 },
};

/* One extension header, its next header field left open: "NAME[:HEX]", the bytes behind the
 * first (next header).  Without them an empty one of 8 bytes.  Length or -1. */
static int put_ext(const struct row *r, char *word, uint8_t *p, uint8_t *ret_number)
{
	char *hex = strchr(word, ':');
	size_t len = 7;
	int found = -1;

	if (hex)
		*hex++ = '\0';
	for (size_t i = 0; i < sizeof(ext_names) / sizeof(ext_names[0]); i++)
		if (strcmp(ext_names[i].name, word) == 0)
			found = ext_names[i].number;
	if (found < 0)
		return -1;
	*ret_number = (uint8_t)found;
	memset(p, 0, 8);
	if (found == 59)
		return 0;
	if (found == 44) {
		put16(p + 2, (uint32_t)or_else(r->offset, 0) | r->mf);
		put32(p + 4, (uint32_t)or_else(r->id, 0));
	} else if (found != 43) {
		p[2] = 1, p[3] = 4; /* PadN fills it */
	}
	if (hex && row_parse_hex(hex, ROW_HEX, p + 1, &len) < 0)
		return -1;
	return (int)len + 1;
}

/* The IPv6 header and what extends it; length or -1. */
static int put_ipv6(const struct row *r, size_t l4_len, uint8_t *p)
{
	char ext[ROW_HEX], *word, *save;
	uint8_t *next = p + 6;
	size_t n = 40;

	memcpy(ext, r->ext, sizeof(ext));
	memset(p, 0, 40);
	p[0] = (uint8_t)(or_else(r->version, 6) << 4 | or_else(r->tos, 0) >> 4);
	p[1] = (uint8_t)(or_else(r->tos, 0) << 4);
	p[7] = (uint8_t)or_else(r->ttl, 64);
	memcpy(p + 8, r->from->addr, 16);
	memcpy(p + 24, r->to->addr, 16);
	for (word = strtok_r(ext, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		int len = put_ext(r, word, p + n, next);

		if (len < 0)
			return -1;
		if (len)
			next = p + n;
		n += (size_t)len;
	}
	if (*next != 59)
		*next = r->proto;
	put16(p + 4, (uint32_t)or_else(r->totlen,
				       (int64_t)(n - 40 + l4_len) + or_else(r->totlen_add, 0)));
	return (int)n;
}

static void put_vnet(const struct row *r, size_t l4_off, struct virtio_net_hdr *vnet)
{
	memset(vnet, 0, sizeof(*vnet));
	if (r->vnet.set) {
		memcpy(vnet, r->vnet.b,
		       r->vnet.len < sizeof(*vnet) ? r->vnet.len : sizeof(*vnet));
	} else if (r->gso != ROW_UNSET) {
		vnet->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		vnet->gso_type = r->from->family == 4 ? VIRTIO_NET_HDR_GSO_TCPV4 :
							VIRTIO_NET_HDR_GSO_TCPV6;
		vnet->gso_size = (uint16_t)r->gso;
		vnet->hdr_len = (uint16_t)(l4_off + 20);
		vnet->csum_start = (uint16_t)l4_off;
		vnet->csum_offset = 16;
	}
}

static int keep_label(struct row_context *c, const char *name, const uint8_t *bytes, size_t len)
{
	struct row_label *label;

	if (!*name)
		return 0;
	if (c->n_labels == ROW_LABELS || len == 0)
		return -1;
	label = &c->labels[c->n_labels];
	label->bytes = malloc(len);
	if (!label->bytes)
		return -1;
	memcpy(label->bytes, bytes, len);
	label->len = len;
	snprintf(label->name, sizeof(label->name), "%s", name);
	c->n_labels++;
	return 0;
}

/* The whole packet into p; its length or -1. */
static int put_packet(struct row_context *c, const struct row *r, uint8_t *p,
		      char error[ROW_ERROR], struct virtio_net_hdr *vnet)
{
	static uint8_t l4[ROW_BYTES];
	struct row said = *r;
	int l4_len = put_l4(c, &said, l4, error), hlen;

	if (l4_len < 0)
		return -1;
	hlen = r->from->family == 4 ? (int)put_ipv4(&said, ++c->ip_id, (size_t)l4_len, p) :
				      put_ipv6(&said, (size_t)l4_len, p);
	if (hlen < 0) {
		snprintf(error, ROW_ERROR,
			 "ext=%.60s: hbh, routing, frag, ah, dst or none, and hex", r->ext);
		return -1;
	}
	memcpy(p + hlen, l4, (size_t)l4_len);
	put_vnet(r, (size_t)hlen, vnet);
	return hlen + l4_len;
}

int row_build(struct row_context *c, const struct row *r, char error[ROW_ERROR],
	      uint8_t **ret_bytes, size_t *ret_len, struct virtio_net_hdr *vnet)
{
	static uint8_t buf[ROW_BYTES + 2000];
	size_t len;
	int built;

	memset(vnet, 0, sizeof(*vnet));
	if (r->raw) {
		memcpy(buf, r->raw, r->raw_len);
		len = r->raw_len;
	} else {
		built = put_packet(c, r, buf, error, vnet);
		if (built < 0)
			return -1;
		len = (size_t)built;
	}
	if (patch_bytes(buf, len, r->patch, r->n_patches) < 0) {
		snprintf(error, ROW_ERROR, "set writes behind the packet's end");
		return -1;
	}
	if (r->pad != ROW_UNSET) {
		memset(buf + len, 0, (size_t)r->pad);
		len += (size_t)r->pad;
	}
	if (r->cut != ROW_UNSET && (size_t)r->cut < len)
		len = (size_t)r->cut;
	if (keep_label(c, r->label, buf, len) < 0) {
		snprintf(error, ROW_ERROR, "no room for the label %s", r->label);
		return -1;
	}
	*ret_bytes = malloc(len ? len : 1);
	if (!*ret_bytes)
		return -1;
	memcpy(*ret_bytes, buf, len);
	*ret_len = len;
	return 0;
}

void row_context_fini(struct row_context *c)
{
	for (size_t i = 0; i < c->n_labels; i++)
		free(c->labels[i].bytes);
	memset(c, 0, sizeof(*c));
}
