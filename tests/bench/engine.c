/* engine.c - what the engine alone costs: nanoseconds a packet, bytes a flow, and how many
 * flows it begins in a second.
 *
 *     bench-engine RULES [FLOWS [ROUNDS]]       packets of established TCP flows
 *     bench-engine RULES -m FLOWS               memory of that many flows, and their packets
 *
 * With rules that map sources, other bits of an address for all alike, answers go to what the
 * first packet has become.
 *
 * One core, packets from memory, of 64 bytes, as a tunnel delivers them: checksums known to
 * be good.  Each packet belongs to a flow chosen at random, and goes either way.  As in a
 * worker, packets lie in a buffer that was written just now (by read() there, by a copy
 * that is not timed here), are prepared by the batch and then judged in order. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/world.h"
#include "ctfw/rcu.h"
#include "unit/packets.h"

#define BATCH_MAX 64
#define SLOT 128
#define PACKETS 500000 /* a round */
#define PAYLOAD 24 /* 64 bytes in all */

static const struct virtio_net_hdr valid = { .flags = VIRTIO_NET_HDR_F_DATA_VALID };

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

static uint32_t random_state = 1;

static uint32_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state;
}

static uint32_t mapped; /* what NAT changes of a client's address, network byte order */

/* A packet of flow number i. */
static size_t make(uint8_t *buf, uint32_t i, bool reply, uint8_t flags)
{
	static struct raw template[2];
	struct raw *r = &template[reply];
	uint32_t client = htonl(0x0a000000 | (0x100 + i / 50000));
	uint16_t port = htons((uint16_t)(10000 + i % 50000));

	if (!r->len) {
		if (reply)
			raw_tcp(r, "198.51.100.7", 443, "10.0.1.1", 1, TCP_ACK, 1001, 101,
				PAYLOAD);
		else
			raw_tcp(r, "10.0.1.1", 1, "198.51.100.7", 443, TCP_ACK, 101, 1001,
				PAYLOAD);
	}
	client ^= reply ? mapped : 0;
	memcpy(r->b + (reply ? 16 : 12), &client, 4);
	memcpy(r->b + 20 + (reply ? 2 : 0), &port, 2);
	r->b[33] = flags;
	raw_fix_ipv4(r);
	memcpy(buf, r->b, r->len);
	return r->len;
}

static void judge(struct world *w, struct packet *p, bool reply)
{
	uint8_t answer[BUILD_MAX];
	struct engine_result result;

	engine_input(w->engine, 0, reply ? &w->out : &w->in, p, w->now, answer, &result, NULL);
	if (result.action != ENGINE_PASS) {
		fprintf(stderr, "bench: a packet was dropped: %s\n",
			reason_name(result.reason));
		exit(1);
	}
}

/* What that changed of its source. */
static uint32_t pass(struct world *w, uint32_t i, bool reply, uint8_t flags)
{
	uint8_t buf[SLOT];
	size_t len = make(buf, i, reply, flags);
	struct packet p;
	uint32_t source;

	if (engine_prepare(w->engine, 0, buf, len, &valid, &p, NULL) != REASON_NONE)
		exit(1);
	source = p.saddr.w[0];
	judge(w, &p, reply);
	return source ^ p.saddr.w[0];
}

static void establish(struct world *w, uint32_t flows)
{
	for (uint32_t i = 0; i < flows; i++) {
		mapped = pass(w, i, false, TCP_SYN);
		pass(w, i, true, TCP_SYN | TCP_ACK);
		pass(w, i, false, TCP_ACK);
		rcu_quiescent();
	}
}

/* A flow is new until its handshake is over: three packets, and to make them is counted too. */
static void report_new(struct world *w, uint32_t flows)
{
	uint64_t start = now_ns(), ns;

	establish(w, flows);
	ns = now_ns() - start;
	printf("%8u flows: %.0f new ones a second, handshakes and all (%.0f ns each)\n", flows,
	       1e9 * flows / (double)ns, (double)ns / flows);
	fflush(stdout);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return values[n / 2];
}

/* What reading the clock twice shows when nothing lies between. */
static double clock_cost(void)
{
	static double ns[1001];

	for (size_t i = 0; i < 1001; i++) {
		uint64_t start = now_ns();

		ns[i] = (double)(now_ns() - start);
	}
	return median(ns, 1001);
}

/* Nanoseconds a packet of one wake-up. */
static double wake_up(struct world *w, uint32_t flows, unsigned batch)
{
	static _Alignas(64) uint8_t buf[BATCH_MAX][SLOT];
	static struct packet packet[BATCH_MAX];
	/* A batch comes from one port. */
	bool reply = next_random() & 1;
	size_t len[BATCH_MAX];
	uint64_t start, end;

	for (unsigned k = 0; k < batch; k++)
		len[k] = make(buf[k], next_random() % flows, reply, TCP_ACK);
	start = now_ns();
	for (unsigned k = 0; k < batch; k++) {
		if (engine_prepare(w->engine, 0, buf[k], len[k], &valid, &packet[k], NULL))
			abort();
	}
	for (unsigned k = 0; k < batch; k++) {
		engine_prefetch(w->engine, packet, batch, k);
		judge(w, &packet[k], reply);
	}
	rcu_quiescent();
	end = now_ns();
	w->now.mono += 1000;
	w->now.real += 1000;
	return (double)(end - start);
}

/* The median of all wake-ups of a round: those in which this process had to wait for the
 * processor do not count.  Of the rounds the median, and the least. */
static void report(struct world *w, uint32_t flows, unsigned batch, unsigned rounds)
{
	size_t wake_ups = PACKETS / batch;
	double *ns = calloc(wake_ups, sizeof(*ns)), *round = calloc(rounds, sizeof(*round));
	double clock = clock_cost(), middle;

	if (!ns || !round)
		exit(1);
	for (unsigned i = 0; i < rounds; i++) {
		for (size_t k = 0; k < wake_ups; k++)
			ns[k] = wake_up(w, flows, batch);
		round[i] = (median(ns, wake_ups) - clock) / batch;
	}
	middle = median(round, rounds);
	printf("%8u flows, %2u packets a wake-up: %6.1f ns a packet (least of %u rounds: "
	       "%.1f)\n",
	       flows, batch, middle, rounds, round[0]);
	fflush(stdout);
	free(round);
	free(ns);
}

/* Resident memory of this process in bytes. */
static double resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long pages = 0;

	if (!f || fscanf(f, "%*d %ld", &pages) != 1)
		exit(1);
	fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void memory(const char *rules, uint32_t flows)
{
	double before = resident(), empty, full;
	struct world w;

	world_init(&w, flows, rules);
	empty = resident();
	report_new(&w, flows);
	full = resident();
	printf("%8u flows: %.1f bytes a flow (%.1f with what an empty table takes)\n", flows,
	       (full - empty) / flows, (full - before) / flows);
	report(&w, flows, 64, 5);
	world_fini(&w);
}

int main(int argc, char **argv)
{
	uint32_t flows = argc > 2 ? (uint32_t)atoi(argv[2]) : 10000;
	unsigned rounds = argc > 3 ? (unsigned)atoi(argv[3]) : 9;
	struct world w;

	if (argc < 2) {
		fprintf(stderr, "usage: %s RULES [FLOWS [ROUNDS] | -m FLOWS]\n", argv[0]);
		return 2;
	}
	if (argc == 4 && strcmp(argv[2], "-m") == 0) {
		memory(argv[1], (uint32_t)atoi(argv[3]));
		return 0;
	}
	world_init(&w, flows + 1000, argv[1]);
	report_new(&w, flows);
	report(&w, flows, 64, rounds);
	report(&w, flows, 8, rounds);
	report(&w, flows, 1, rounds);
	world_fini(&w);
	return 0;
}
