/* table.c - the flow table alone: how soon a filter that starts again has its flows, and what
 * somebody can do who fills the table on purpose.
 *
 *     bench-table recover [FLOWS [ROUNDS]]   conntrack_new() over an arena full of flows, in
 *                                            memory that is mapped anew as by a new process
 *     bench-table flood [FLOWS]              chains and look-ups when the table is full, and
 *                                            when an attacker picks tuples that share a bucket
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "conntrack/private.h"
#include "ctfw/rcu.h"

struct bench {
	struct arena_geometry geometry;
	struct conntrack_options options;
	struct arena arena;
	struct conntrack *ct;
	struct instant now;
	size_t size;
	void *mem;
	int fd;
};

static const uint8_t boot_id[16] = { 1 }, key[16] = { 2, 3, 5, 7, 11 };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void map(struct bench *b)
{
	b->mem = mmap(NULL, b->size, PROT_READ | PROT_WRITE, MAP_SHARED, b->fd, 0);
	if (b->mem == MAP_FAILED)
		die("mmap");
}

static void bench_init(struct bench *b, uint32_t flows)
{
	memset(b, 0, sizeof(*b));
	b->geometry = (struct arena_geometry){ .flow_records = conntrack_records(flows),
					       .workers = 1, .text_bytes = 65536 };
	b->size = arena_size(&b->geometry);
	b->fd = memfd_create("arena", 0);
	if (b->fd < 0 || ftruncate(b->fd, (off_t)b->size) < 0)
		die("arena");
	map(b);
	arena_format(b->mem, &b->geometry, boot_id, key, &b->arena);
	b->now = (struct instant){ 1000 * NSEC_PER_SEC, 1700000000 * NSEC_PER_SEC };
	conntrack_options_default(&b->options);
	b->options.max_flows = flows;
	rcu_register();
	b->ct = conntrack_new(&b->arena, &b->options, 1, b->now);
	if (!b->ct)
		die("conntrack");
}

static void bench_fini(struct bench *b)
{
	conntrack_free(b->ct);
	munmap(b->mem, b->size);
	close(b->fd);
	rcu_unregister();
}

/* A UDP packet of flow number i, or of a tuple of its own. */
static void packet_of(struct packet *p, uint8_t bytes[28], uint32_t client, uint16_t sport)
{
	client = htonl(client);
	sport = htons(sport);
	memset(bytes, 0, 28);
	memcpy(bytes, "\x45\0\0\x1c\0\0\x40\0\x40\x11", 10);
	memcpy(bytes + 12, &client, 4);
	memcpy(bytes + 16, "\xc6\x33\x64\x07", 4);
	memcpy(bytes + 20, &sport, 2);
	bytes[23] = 53;
	bytes[25] = 8;
	*p = (struct packet){ .data = bytes, .len = 28, .l4_len = 8, .l4_off = 20,
			      .family = L3_IPV4, .l4_proto = IPPROTO_UDP,
			      .flags = PACKET_PORTS | PACKET_L4_HEADER };
	memcpy(&p->saddr, bytes + 12, 4);
	memcpy(&p->daddr, bytes + 16, 4);
	memcpy(&p->sport, bytes + 20, 2);
	memcpy(&p->dport, bytes + 22, 2);
}

static enum reason begin(struct bench *b, uint32_t client, uint16_t sport)
{
	uint8_t bytes[28];
	struct packet p;
	struct ct_ref ref;
	enum reason reason;

	packet_of(&p, bytes, client, sport);
	reason = conntrack_in(b->ct, 0, &p, (struct ct_zone){ 0 }, b->now, &ref);
	if (reason == REASON_NONE)
		reason = conntrack_confirm(b->ct, 0, &p, b->now, &ref);
	return reason;
}

static void fill(struct bench *b, uint32_t flows)
{
	for (uint32_t i = 0; i < flows; i++) {
		begin(b, 0x0a000000 + i / 60000, (uint16_t)(1024 + i % 60000));
		rcu_quiescent();
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* ---- recover ---- */

static void recover(uint32_t flows, unsigned rounds)
{
	double *ms = calloc(rounds, sizeof(*ms));
	struct bench b;

	if (!ms)
		die("memory");
	bench_init(&b, flows);
	fill(&b, flows);
	for (unsigned i = 0; i < rounds; i++) {
		double start;

		conntrack_free(b.ct);
		munmap(b.mem, b.size);
		start = now_ms();
		map(&b);
		if (arena_attach(b.mem, b.size, &b.geometry, boot_id, &b.arena) < 0)
			die("attach");
		b.ct = conntrack_new(&b.arena, &b.options, 1, b.now);
		if (!b.ct)
			die("conntrack");
		ms[i] = now_ms() - start;
	}
	qsort(ms, rounds, sizeof(*ms), by_value);
	printf("%8u flows back in %.0f ms (median of %u; least %.0f): %.0f ns a flow\n",
	       conntrack_recovery(b.ct).kept, ms[rounds / 2], rounds, ms[0],
	       ms[rounds / 2] * 1e6 / flows);
	free(ms);
	bench_fini(&b);
}

/* ---- flood ---- */

static unsigned chain_length(const struct table *t, uint32_t bucket)
{
	unsigned n = 0;

	for (uint32_t ref = table_first(t, bucket); ref; ref = table_next(t, ref))
		n++;
	return n;
}

static void report_chains(const struct bench *b, const char *when)
{
	const struct table *t = &b->ct->table;
	unsigned longest = 0;
	double walked = 0, links = 0;

	for (uint32_t i = 0; i <= t->mask; i++) {
		unsigned n = chain_length(t, i);

		longest = n > longest ? n : longest;
		links += n;
		walked += (double)n * n;
	}
	printf("%s: %.0f links in %u buckets, longest chain %u, a link's own is %.2f long\n",
	       when, links, t->mask + 1, longest, links > 0 ? walked / links : 0);
}

/* What a packet of no flow costs while there is no room: look-up and early drop's search. */
static void report_lookups(struct bench *b, const char *when)
{
	enum { N = 200000 };
	static double ns[N];
	struct conntrack_stats before, after;

	conntrack_stats(b->ct, &before);
	for (unsigned i = 0; i < N; i++) {
		double start = now_ms();

		begin(b, 0x0b000000 + i / 60000, (uint16_t)(i % 60000));
		ns[i] = (now_ms() - start) * 1e6;
		rcu_quiescent();
		/* Records of flows that went are handed out again by housekeeping. */
		if (i % 8192 == 0)
			conntrack_housekeep(b->ct, 1, b->now);
	}
	conntrack_stats(b->ct, &after);
	qsort(ns, N, sizeof(ns[0]), by_value);
	printf("%s: a new flow's packet takes %.0f ns (median), %.0f (99%%), %.0f (99.9%%); "
	       "of %u "
	       "%llu came in, %llu were dropped, %llu flows went early\n",
	       when, ns[N / 2], ns[N / 100 * 99], ns[N / 1000 * 999], N,
	       (unsigned long long)(after.created - before.created),
	       (unsigned long long)(after.drop - before.drop),
	       (unsigned long long)(after.early_drop - before.early_drop));
}

static void assure_all(struct bench *b)
{
	for (uint32_t i = 0; i < b->ct->table.n_records; i++)
		atomic_fetch_or(&b->ct->table.records[i].status, FLOW_ASSURED);
}

/* Tuples that share one bucket by the key that the attacker takes for ours. */
static unsigned attack(struct bench *b, const struct siphash_key *guess, unsigned wanted)
{
	unsigned sent = 0, in = 0;

	for (uint32_t client = 0x0c000000; sent < wanted; client++) {
		for (unsigned port = 1; port < 65536 && sent < wanted; port++) {
			uint8_t bytes[28];
			struct packet p;
			struct tuple t;

			packet_of(&p, bytes, client, (uint16_t)port);
			tuple_from_packet(&p, 0, &t);
			if ((tuple_hash(guess, &t) & b->ct->table.mask) != 7)
				continue;
			sent++;
			in += begin(b, client, (uint16_t)port) == REASON_NONE;
		}
	}
	return in;
}

static void flood(uint32_t flows)
{
	const struct siphash_key guess = { 1, 2 };
	struct conntrack_stats stats;
	struct bench b;
	unsigned in;

	bench_init(&b, flows);
	report_lookups(&b, "Empty");
	bench_fini(&b);
	bench_init(&b, flows);
	in = attack(&b, &guess, 300);
	printf("300 tuples that share a bucket by another key: %u came in\n", in);
	report_chains(&b, "Then");
	in = attack(&b, &b.ct->key, 300);
	conntrack_stats(b.ct, &stats);
	printf("300 tuples that share a bucket by our key, were it known: %u came in, %llu "
	       "found the chain too long\n", in, (unsigned long long)stats.chaintoolong);
	report_chains(&b, "Then");
	fill(&b, flows);
	report_chains(&b, "Full");
	report_lookups(&b, "Full of flows that nobody answers");
	assure_all(&b);
	report_lookups(&b, "Full of assured flows");
	bench_fini(&b);
}

int main(int argc, char **argv)
{
	uint32_t flows = argc > 2 ? (uint32_t)atoi(argv[2]) : 0;

	if (argc > 1 && strcmp(argv[1], "recover") == 0)
		recover(flows ? flows : 1000000, argc > 3 ? (unsigned)atoi(argv[3]) : 5);
	else if (argc > 1 && strcmp(argv[1], "flood") == 0)
		flood(flows ? flows : 262144);
	else {
		fprintf(stderr, "usage: %s recover [FLOWS [ROUNDS]] | flood [FLOWS]\n",
			argv[0]);
		return 2;
	}
	return 0;
}
