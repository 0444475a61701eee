/* rewritten.c - the ends of an emitted packet: what NAT made of them. */
#include "rewritten.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/packet.h"

/* A copy, since it is parsed, of the one packet that was emitted.  0, or -1 with the reason. */
static int parse_emitted(const struct expect_out *out, struct packet *ret_packet, struct text *t)
{
	uint8_t *copy;

	if (out->n != 1) {
		text_printf(t, "%zu packets were emitted", out->n);
		return -1;
	}
	copy = malloc(out->packet[0].len);
	if (!copy)
		return -1;
	memcpy(copy, out->packet[0].bytes, out->packet[0].len);
	if (packet_parse(copy, out->packet[0].len, NULL, ret_packet) == REASON_NONE)
		return 0;
	text_puts(t, "what was emitted is malformed");
	free(copy);
	return -1;
}

static struct row_host end_of(const struct packet *p, bool source)
{
	bool echo = p->l4_proto == IPPROTO_ICMP || p->l4_proto == IPPROTO_ICMPV6;
	struct row_host h = { .family = p->family == L3_IPV4 ? 4 : 6 };

	memcpy(h.addr, source ? &p->saddr : &p->daddr, sizeof(h.addr));
	h.port = ntohs(echo ? p->icmp_id : source ? p->sport : p->dport);
	return h;
}

static void print_end(const struct row_host *h, struct text *t)
{
	char buf[INET6_ADDRSTRLEN];

	inet_ntop(h->family == 4 ? AF_INET : AF_INET6, h->addr, buf, sizeof(buf));
	text_printf(t, h->family == 4 ? "%s:%u" : "[%s]:%u", buf, h->port);
}

static bool same_addr(const struct row_host *a, const struct row_host *b)
{
	return a->family == b->family && memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

/* "NAME" or "NAME:LOW-HIGH": a host, whose port it is unless others are said. */
static int check_end(const struct row_host *got, const char *value,
		     const struct row_context *rows, struct text *t)
{
	char name[ROW_WORD];
	unsigned low, high;
	const struct row_host *want;
	int n = sscanf(value, "%63[^:]:%u-%u", name, &low, &high);

	want = n >= 1 ? row_find_host(rows, name) : NULL;
	if (!want || n == 2) {
		text_printf(t, "\"%s\" is not HOST or HOST:LOW-HIGH", value);
		return -1;
	}
	if (n == 1)
		low = high = want->port;
	if (same_addr(got, want) && got->port >= low && got->port <= high)
		return 0;
	text_printf(t, "the packet has ");
	print_end(got, t);
	text_printf(t, " where %s is wanted", value);
	return -1;
}

static int check_sums(const struct packet *p, struct text *t)
{
	if (packet_checksum_ok(p))
		return 0;
	text_puts(t, "the checksum of what was emitted is wrong");
	return -1;
}

bool rewritten_is_key(const char *key)
{
	return strcmp(key, "src") == 0 || strcmp(key, "dst") == 0 || strcmp(key, "as") == 0;
}

int rewritten_check(const char *key, const char *value, const struct expect_out *out,
		    struct row_context *rows, struct text *t)
{
	struct packet p;
	struct row_host end;
	int err;

	if (parse_emitted(out, &p, t) < 0)
		return -1;
	err = check_sums(&p, t);
	end = end_of(&p, strcmp(key, "dst") != 0);
	if (!err && strcmp(key, "as") == 0) {
		snprintf(end.name, sizeof(end.name), "%s", value);
		err = row_set_host(rows, &end);
		if (err)
			text_printf(t, "there is no room for a host more");
	} else if (!err) {
		err = check_end(&end, value, rows, t);
	}
	free(p.data);
	return err;
}
