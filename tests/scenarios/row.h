/* row.h - a packet row of a scenario: what it says, and the bytes that it means.
 *
 * row_parse() reads the words before "=>", row_build() makes the packet.  Both know nothing
 * of the firewall: the checksums and lengths are this file's own arithmetic, so that a
 * mistake in the engine's does not hide itself. */
#ifndef SCENARIOS_ROW_H
#define SCENARIOS_ROW_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROW_HOSTS 32
#define ROW_FLOWS 64
#define ROW_LABELS 256
#define ROW_BYTES 66000
#define ROW_ERROR 200
#define ROW_WORD 64
#define ROW_PATCHES 8
#define ROW_HEX 2048

struct row_host {
	char name[ROW_WORD];
	uint8_t family; /* 4 or 6 */
	uint8_t addr[16];
	uint16_t port;
};

/* Both sides' next sequence numbers of a TCP connection, or the tags that they chose in SCTP,
 * for rows that leave them out. */
struct row_flow {
	struct {
		uint8_t addr[16];
		uint16_t port;
		uint32_t next;
	} side[2];
};

/* A packet kept for what comes later: errors that quote it, its fragments. */
struct row_label {
	char name[ROW_WORD];
	uint8_t *bytes;
	size_t len;
};

/* What rows share within a scenario. */
struct row_context {
	struct row_host hosts[ROW_HOSTS];
	size_t n_hosts;
	struct row_flow flows[ROW_FLOWS];
	size_t n_flows;
	struct row_label labels[ROW_LABELS];
	size_t n_labels;
	uint16_t ip_id;
};

struct row_hex {
	uint8_t b[ROW_HEX];
	size_t len;
	bool set;
};

struct row_patch {
	size_t off;
	struct row_hex bytes;
};

#define ROW_UNSET INT64_MIN

/* Numbers are ROW_UNSET when the row does not say them. */
struct row {
	char label[ROW_WORD];
	const struct row_host *from, *to;
	uint8_t *raw; /* the packet itself, malloc'ed; else NULL */
	size_t raw_len;
	uint8_t proto;

	/* the IP header */
	int64_t ttl, tos, id, offset, version, ihl, totlen, totlen_add;
	bool df, mf, last, ipsum_bad;
	struct row_hex ipopt;
	char ext[ROW_HEX]; /* IPv6 extension headers: "hbh:HEX,dst:HEX,frag" */

	/* behind it */
	int64_t sport, sport_last, dport;
	uint8_t tcp_flags;
	int64_t seq, ack, win, doff, reserved, mss, wscale, ulen, cover, pseudo;
	bool sackok;
	struct row_hex sack; /* its blocks */
	struct row_hex opt;
	int64_t len, l4cut, sum;
	bool sum_bad;
	struct row_hex data;
	char chunks[ROW_HEX]; /* SCTP's: "init", "cookie-echo,data", "abort/t:0" */
	int64_t vtag, itag;
	int64_t gre_version, gre_proto, key;
	int64_t icmp_type, icmp_code, icmp_id, icmp_seq, quote;
	char about[ROW_WORD];
	char part[ROW_WORD]; /* the label of a datagram, of which this is a fragment */
	int64_t part_from, part_to;
	struct row_patch quote_patch[ROW_PATCHES];
	size_t n_quote_patches;

	/* the whole */
	int64_t cut, pad, gso;
	struct row_hex vnet;
	struct row_patch patch[ROW_PATCHES];
	size_t n_patches;
};

/* "NAME ADDR[:PORT]", an IPv6 address with a port in brackets.  0 or -1 with a message. */
int row_host(struct row_context *c, char **words, size_t n, char ret_error[ROW_ERROR]);
/* NULL: there is none of that name. */
const struct row_host *row_find_host(const struct row_context *c, const char *name);
/* A host, new or in place of the one of its name.  -1: there are too many. */
int row_set_host(struct row_context *c, const struct row_host *host);
/* The words of a row before "=>". */
int row_parse(const struct row_context *c, char **words, size_t n, char ret_error[ROW_ERROR],
	      struct row *ret_row);
void row_fini(struct row *r);
/* The bytes (malloc'ed: of exactly that size, so that reading behind them is found) and the
 * virtio-net header.  Advances the connection's sequence numbers and keeps the packet under
 * its label. */
int row_build(struct row_context *c, const struct row *r, char ret_error[ROW_ERROR],
	      uint8_t **ret_bytes, size_t *ret_len, struct virtio_net_hdr *ret_vnet);
void row_context_fini(struct row_context *c);
/* The last packet of that label; NULL. */
const struct row_label *row_label(const struct row_context *c, const char *name);

int row_parse_hex(const char *text, size_t max, uint8_t *ret_bytes, size_t *ret_len);

#endif
