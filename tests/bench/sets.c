/* sets.c - sets: how soon a million prefixes are loaded, as text and alone, what they cost, how
 * soon one is found, and what one more or one less takes; and what a packet pays that adds an
 * element to a dynamic set. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#include "ctfw/rcu.h"
#include "ctfw/ruleset.h"
#include "ctfw/set_dynamic.h"
#include "ruleset/set.h"

#define LOOKUPS 2000000

static const struct set_shape prefixes = {
	.part = {{4, SET_ORDER_NETWORK}}, .n_parts = 1, .interval = true, .auto_merge = true};
static const struct set_shape prefixes6 = {
	.part = {{16, SET_ORDER_NETWORK}}, .n_parts = 1, .interval = true, .auto_merge = true};
static const struct set_shape services = {
	.part = {{4, SET_ORDER_NETWORK}, {2, SET_ORDER_NETWORK}},
	.n_parts = 2,
};
static const struct set_shape boxes = {
	.part = {{4, SET_ORDER_NETWORK}, {2, SET_ORDER_NETWORK}},
	.n_parts = 2,
	.interval = true,
};

static uint64_t seed = 1;

static uint32_t next_random(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 32);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s failed\n", what);
	exit(1);
}

static void put32(uint8_t *at, uint32_t x)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(x >> (24 - 8 * i));
}

/* Prefixes of 19 to 32 bits: of a million nearly 800,000 are left when they are joined. */
static void put_prefix(struct set_element *e, unsigned bytes)
{
	unsigned host = next_random() % 14;
	uint32_t mask = (uint32_t)(((uint64_t)1 << host) - 1), addr = next_random();

	put32(e->key, addr & ~mask);
	put32(e->end, addr | mask);
	memset(e->end + 4, 0xff, bytes - 4u);
}

static struct set_element random_element(const struct set_shape *s)
{
	struct set_element e = {0};

	put_prefix(&e, s->part[0].bytes);
	if (!s->interval)
		put32(e.key, next_random());
	if (s->n_parts > 1) {
		uint32_t from = next_random(), to = from | (next_random() & 0x1f0000);

		put32(e.key + 4, from & 0xffff0000);
		put32(e.end + 4, to & 0xffff0000);
	}
	return e;
}

/* Bytes that are allocated, by malloc() and what it maps. */
static double allocated(void)
{
	struct mallinfo2 m = mallinfo2();

	return (double)m.uordblks + (double)m.hblkhd;
}

static struct set_content *load(const struct set_shape *s, size_t n)
{
	double before = allocated(), start = now_ms(), put;
	struct set_batch *b = set_batch_new(s, SET_ADD);
	struct set_content *c = NULL;
	struct set_error error;

	must(b && set_content_new(s, &c) == 0, "memory");
	for (size_t i = 0; i < n; i++) {
		struct set_element e = random_element(s);

		must(set_batch_put(b, &e) == 0, "put");
	}
	put = now_ms();
	must(set_content_change(c, b, 0, &error) == 0, "change");
	printf("  %zu loaded in %.0f ms (%.0f to collect them, %.0f to sort and add them), "
	       "%zu elements\n",
	       n, now_ms() - start, put - start, now_ms() - put, set_content_count(c));
	set_batch_free(b);
	printf("  %.1f bytes an element\n",
	       (allocated() - before) / (double)set_content_count(c));
	return c;
}

static void look_up(const struct set_content *c, const char *what, const uint8_t *keys)
{
	struct set_hit hit;
	double start = now_ms();
	unsigned found = 0;

	for (size_t i = 0; i < LOOKUPS; i++)
		found += set_find(c, keys + i * SET_KEY_MAX, 0, &hit);
	printf("  %.0f ns to look up %s (%.0f%% found)\n", (now_ms() - start) * 1e6 / LOOKUPS,
	       what, 100.0 * found / LOOKUPS);
}

/* Keys in no order, so that nothing is in a cache by chance. */
static void look_ups(const struct set_content *c)
{
	size_t n = set_content_count(c), at = 0;
	uint8_t *keys = malloc((size_t)LOOKUPS * SET_KEY_MAX);
	uint8_t *there = malloc(n * SET_KEY_MAX);
	struct set_cursor cursor = {0};
	struct set_element e;
	double start = now_ms();

	must(keys && there, "memory");
	while (set_content_next(c, &cursor, 0, &e))
		memcpy(there + at++ * SET_KEY_MAX, e.key, SET_KEY_MAX);
	printf("  %.0f ms to walk through all of them\n", now_ms() - start);
	for (size_t i = 0; i < LOOKUPS; i++)
		memcpy(keys + i * SET_KEY_MAX, there + next_random() % at * SET_KEY_MAX,
		       SET_KEY_MAX);
	look_up(c, "what is there", keys);
	for (size_t i = 0; i < LOOKUPS; i++) {
		e = random_element(set_content_shape(c));
		memcpy(keys + i * SET_KEY_MAX, e.key, SET_KEY_MAX);
	}
	look_up(c, "anything", keys);
	free(keys);
	free(there);
}

static struct set_content *change_one(struct set_content *c, enum set_op op,
				      struct set_element *e)
{
	struct set_batch *b = set_batch_new(set_content_shape(c), op);
	struct set_content *own = set_content_own(set_content_ref(c));
	struct set_error error;

	must(b && own && set_batch_put(b, e) == 0, "memory");
	/* It may overlap or be gone; that takes as long. */
	if (set_content_change(own, b, 0, &error) == 0)
		set_content_unref(c);
	set_batch_free(b);
	return own;
}

/* One change a transaction: each leaves the former contents to whoever has them. */
static struct set_content *change_some(struct set_content *c)
{
	enum { N = 2000 };
	struct set_element e[N];
	double start;

	for (unsigned i = 0; i < N; i++)
		e[i] = random_element(set_content_shape(c));
	start = now_ms();
	for (unsigned i = 0; i < N; i++)
		c = change_one(c, SET_ADD, &e[i]);
	printf("  %.1f us to add one", (now_ms() - start) * 1e3 / N);
	start = now_ms();
	for (unsigned i = 0; i < N; i++)
		c = change_one(c, SET_DELETE, &e[i]);
	printf(", %.1f us to delete one\n", (now_ms() - start) * 1e3 / N);
	return c;
}

static void bench(const char *what, const struct set_shape *s, size_t n)
{
	struct set_content *c;

	printf("%s\n", what);
	c = load(s, n);
	look_ups(c);
	set_content_unref(change_some(c));
}

/* ---- dynamic sets ---- */

enum step { STEP_ADD, STEP_UPDATE, STEP_FIND, STEP_DELETE };

static void each_key(struct set_dynamic *s, enum step step, const char *what, uint32_t n)
{
	double start = now_ms();
	unsigned done = 0;

	for (uint32_t i = 0; i < n; i++) {
		/* In no order, and each once. */
		uint32_t x = i * 2654435761u;
		uint8_t key[4];
		struct set_value v = {.key = key, .timeout = 60000000000};
		struct set_record *r;

		memcpy(key, &x, sizeof(key));
		if (step == STEP_FIND)
			done += set_dynamic_find(s, key, 1) != NULL;
		else if (step == STEP_DELETE)
			done += set_dynamic_delete(s, key, 1);
		else if (step == STEP_ADD)
			done += set_dynamic_add(s, 0, &v, 1, &r) == SET_ADDED;
		else
			done += set_dynamic_update(s, 0, &v, 1, &r) == SET_FOUND;
	}
	printf("  %.0f ns to %s one", (now_ms() - start) * 1e6 / n, what);
	must(done == n, what);
	printf("\n");
}

static void bench_dynamic(uint32_t n)
{
	const struct arena_geometry g = {
		.flow_records = 1, .workers = 1, .text_bytes = 1, .element_records = n};
	const struct set_dynamic_spec spec = {.key_bytes = 4};
	const uint8_t boot_id[16] = {1}, key[16] = {2, 3, 5, 7};
	struct set_dynamic *s = NULL;
	struct set_elements *e;
	struct arena arena;
	double start;
	void *mem = mmap(NULL, arena_size(&g), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	must(mem != MAP_FAILED, "memory");
	arena_format(mem, &g, boot_id, key, &arena);
	rcu_register();
	e = set_elements_new(&arena, NULL, 1, 0);
	must(e && !set_elements_reserve(e) && !set_dynamic_new(e, &spec, &s), "memory");
	printf("A dynamic set of %u IPv4 addresses\n", n);
	each_key(s, STEP_ADD, "add", n);
	each_key(s, STEP_FIND, "look up", n);
	each_key(s, STEP_UPDATE, "update", n);
	set_dynamic_unref(s);
	set_elements_free(e);
	start = now_ms();
	e = set_elements_new(&arena, NULL, 1, 0);
	printf("  %.0f ms to take them all up again\n", now_ms() - start);
	must(!set_dynamic_claim(e, SET_DYNAMIC_SETS, &spec, &s), "claim");
	each_key(s, STEP_DELETE, "delete", n);
	set_dynamic_unref(s);
	set_elements_free(e);
	rcu_unregister();
	munmap(mem, arena_size(&g));
}

/* ---- as text ---- */

/* The same prefixes as a ruleset. */
static void print_ruleset(size_t n, FILE *out)
{
	fputs("table ip bench {\nset prefixes {\ntype ipv4_addr; flags interval; auto-merge\n"
	      "elements = {\n",
	      out);
	for (size_t i = 0; i < n; i++) {
		struct set_element e = random_element(&prefixes);
		uint32_t host = 0;

		for (int k = 0; k < 4; k++)
			host = host << 8 | (e.key[k] ^ e.end[k]);
		fprintf(out, "%u.%u.%u.%u/%d,\n", e.key[0], e.key[1], e.key[2], e.key[3],
			host ? __builtin_clz(host) : 32);
	}
	fputs("}\n}\n}\n", out);
}

static void list(const struct ruleset *rs)
{
	struct text out = TEXT_INIT;
	double start = now_ms();

	ruleset_print(rs, 0, &out);
	printf("  listed in %.0f ms, %.0f MB of text\n", now_ms() - start,
	       (double)out.len / 1e6);
	text_fini(&out);
}

/* All that a transaction does, and then one more element. */
static void bench_text(size_t n)
{
	static const char more[] = "add element ip bench prefixes { 240.0.0.1 }";
	struct ruleset *empty = ruleset_new(NULL), *rs = NULL, *next = NULL;
	struct text out = TEXT_INIT;
	struct diag d = DIAG_INIT;
	struct ruleset_input input = {.name = "bench"};
	struct rusage usage;
	char *text = NULL;
	FILE *file = open_memstream(&text, &input.len);
	double start;

	must(empty && file, "memory");
	print_ruleset(n, file);
	fclose(file);
	input.text = text;
	start = now_ms();
	must(!ruleset_apply(empty, &input, &d, &out, &rs), "load");
	getrusage(RUSAGE_SELF, &usage);
	printf("The IPv4 prefixes as text\n  loaded in %.0f ms, with %ld MB at most\n",
	       now_ms() - start, usage.ru_maxrss / 1024);
	list(rs);
	input = (struct ruleset_input){.name = "bench", .text = more, .len = sizeof(more) - 1};
	start = now_ms();
	must(!ruleset_apply(rs, &input, &d, &out, &next), "add element");
	printf("  %.0f us to add one element\n", (now_ms() - start) * 1e3);
	ruleset_unref(next);
	ruleset_unref(rs);
	ruleset_unref(empty);
	text_fini(&out);
	diag_fini(&d);
	free(text);
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? (size_t)atol(argv[1]) : 1000000;

	if (argc > 2 && strcmp(argv[2], "print") == 0) {
		print_ruleset(n, stdout);
		return 0;
	}
	bench_text(n);
	bench("IPv4 prefixes, joined", &prefixes, n);
	bench("IPv6 prefixes, joined", &prefixes6, n);
	bench("IPv4 address . port", &services, n);
	bench("IPv4 prefix . range of ports", &boxes, n / 100);
	bench_dynamic((uint32_t)n);
	return 0;
}
