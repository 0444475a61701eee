/* helpers.c - what a stranger's text costs a worker: one packet of each kind, as long as packets
 * are, by the helper that reads it.
 *
 *     bench-helpers RULES
 *
 * The median of so many packets, of flows of their own; beside each text one of the same
 * length in which there is nothing to find. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/world.h"
#include "ctfw/helper.h"
#include "ctfw/rcu.h"
#include "unit/packets.h"

#define TEXT_MAX 65000
#define ROUNDS 101
#define CLIENT "10.0.1.1"
#define SERVER "198.51.100.7"

static char text[TEXT_MAX + 128];
static uint16_t port = 1024;

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* `head`, and then `again` until it is long enough; the length. */
static size_t fill(const char *head, const char *again)
{
	size_t len = strlen(head), step = strlen(again);

	memcpy(text, head, len);
	for (; len + step <= TEXT_MAX; len += step)
		memcpy(text + len, again, step);
	return len;
}

static double pass(struct world *w, struct raw *r, bool reply)
{
	static uint8_t answer[BUILD_MAX];
	struct engine_result result;
	struct packet p;
	double start;

	if (engine_prepare(w->engine, 0, r->b, r->len, NULL, &p, NULL) != REASON_NONE)
		exit(1);
	start = now_us();
	engine_input(w->engine, 0, reply ? &w->out : &w->in, &p, w->now, answer, &result, NULL);
	rcu_quiescent();
	return now_us() - start;
}

static void put_text(struct raw *r, size_t len)
{
	memcpy(r->b + r->len - len, text, len);
	raw_fix_l4(r);
}

static double by_udp(struct world *w, uint16_t dport, size_t len)
{
	static struct raw r;

	raw_udp(&r, CLIENT, port, SERVER, dport, (unsigned)len);
	put_text(&r, len);
	return pass(w, &r, false);
}

static double by_tcp(struct world *w, uint16_t dport, size_t len)
{
	static struct raw r;

	raw_tcp(&r, CLIENT, port, SERVER, dport, TCP_SYN, 100, 0, 0);
	pass(w, &r, false);
	raw_tcp(&r, SERVER, dport, CLIENT, port, TCP_SYN | TCP_ACK, 500, 101, 0);
	raw_put16(r.b + 34, 65535);
	raw_fix_l4(&r);
	pass(w, &r, true);
	/* A first line is never read by FTP's. */
	raw_tcp(&r, CLIENT, port, SERVER, dport, TCP_ACK, 101, 501, 1);
	r.b[r.len - 1] = '\n';
	raw_fix_l4(&r);
	pass(w, &r, false);
	raw_tcp(&r, CLIENT, port, SERVER, dport, TCP_ACK, 102, 501, (unsigned)len);
	put_text(&r, len);
	return pass(w, &r, false);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(struct world *w, const char *what, size_t len, uint16_t dport,
		    double (*send)(struct world *w, uint16_t dport, size_t len))
{
	double us[ROUNDS];

	for (unsigned i = 0; i < ROUNDS; i++, port++) {
		us[i] = send(w, dport, len);
		conntrack_housekeep(w->ct, 0, w->now);
	}
	qsort(us, ROUNDS, sizeof(*us), by_value);
	printf("%-48s %6zu bytes: %8.1f us\n", what, len, us[ROUNDS / 2]);
}

int main(int argc, char **argv)
{
	struct conntrack_options options;
	struct world w;

	if (argc != 2) {
		fprintf(stderr, "usage: %s RULES\n", argv[0]);
		return 2;
	}
	world_init(&w, 10000, argv[1]);
	conntrack_options_default(&options);
	options.max_flows = 10000;
	options.helpers = HELPER_BIT(HELPER_FTP) | HELPER_BIT(HELPER_SIP);
	if (conntrack_set_options(w.ct, &options) < 0)
		return 1;
	measure(&w, "no helper, nothing to find", fill("", "a"), 5061, by_udp);
	measure(&w, "SIP, nothing to find", fill("", "a"), 5060, by_udp);
	measure(&w, "SIP, a Contact of many URIs",
		fill("SIP/2.0 200 OK\r\nCSeq: 0 REGISTER\r\nContact: <sip:1.1.1.1>", ",sip:"),
		5060, by_udp);
	measure(&w, "SIP, many Contacts",
		fill("SIP/2.0 200 OK\r\nCSeq: 0 REGISTER\r\n", "m: <sip:1.1.1.1>\r\n"), 5060,
		by_udp);
	measure(&w, "SIP, many media",
		fill("INVITE sip:b SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\nc=IN IP4 " CLIENT "\r\n",
		     "m=audio 4000\r\n"),
		5060, by_udp);
	measure(&w, "SIP over TCP, many messages",
		fill("", "ACK a\r\nCSeq:1\r\nl:40\r\n\r\nv=0\r\nc=IN IP4 " CLIENT
			 "\r\nm=audio 4000\r\n"),
		5060, by_tcp);
	measure(&w, "FTP, a command of many numbers", fill("PORT ", "1,"), 21, by_tcp);
	world_fini(&w);
	return 0;
}
