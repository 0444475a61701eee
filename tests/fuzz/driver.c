/* driver.c - a fuzz target's main where there is no libFuzzer.
 *
 *     fuzz-NAME [-s SECONDS] [-n RUNS] [-r SEED] [-d DICTIONARY] SEEDS...
 *
 * Runs every seed (files, or all files of a directory), then random mutations of them until
 * the seconds or the runs are over.  The same SEED gives the same mutations.  An input that
 * ends the process is left in the file fuzz-crash, to be given as the only seed with -n 0.
 *
 * It knows nothing of coverage, so it finds little that is new; it is there so that every
 * run of the tests goes over what was found before, and around it. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

#include "fuzz.h"

#define INPUT_MAX (1u << 16)

struct blob {
	uint8_t *bytes;
	size_t len;
};

struct blobs {
	struct blob *all;
	size_t n;
};

/* For the one who dies. */
static const uint8_t *current;
static size_t current_len;

static void save_current(void)
{
	int fd = open("fuzz-crash", O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd >= 0) {
		if (write(fd, current, current_len) == (ssize_t)current_len) {
			static const char told[] = "the input is in the file fuzz-crash\n";

			(void)!write(STDERR_FILENO, told, sizeof(told) - 1);
		}
		close(fd);
	}
}

static void on_signal(int sig)
{
	save_current();
	signal(sig, SIG_DFL);
	raise(sig);
}

/* A sanitizer's, where one is linked. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void run(const uint8_t *bytes, size_t len)
{
	/* Its end is the memory's end: whoever reads behind it is seen. */
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		exit(2);
	if (len)
		memcpy(copy, bytes, len);
	current = copy;
	current_len = len;
	LLVMFuzzerTestOneInput(copy, len);
	current_len = 0;
	free(copy);
}

static void blobs_add(struct blobs *b, const void *bytes, size_t len)
{
	struct blob *grown = realloc(b->all, (b->n + 1) * sizeof(*grown));
	uint8_t *copy;

	if (!grown)
		exit(2);
	copy = malloc(len ? len : 1);
	if (!copy)
		exit(2);
	if (len)
		memcpy(copy, bytes, len);
	b->all = grown;
	b->all[b->n++] = (struct blob){ copy, len };
}

static void blobs_fini(struct blobs *b)
{
	for (size_t i = 0; i < b->n; i++)
		free(b->all[i].bytes);
	free(b->all);
}

static void load_file(struct blobs *b, const char *path)
{
	static uint8_t buf[INPUT_MAX];
	FILE *f = fopen(path, "rb");

	if (!f) {
		perror(path);
		exit(2);
	}
	blobs_add(b, buf, fread(buf, 1, sizeof(buf), f));
	fclose(f);
}

static int no_dots(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static void load(struct blobs *b, const char *path)
{
	struct stat st;
	struct dirent **names;
	int n;

	if (stat(path, &st) < 0) {
		perror(path);
		exit(2);
	}
	if (!S_ISDIR(st.st_mode)) {
		load_file(b, path);
		return;
	}
	/* Sorted: the order is part of what a SEED means. */
	n = scandir(path, &names, no_dots, alphasort);
	for (int i = 0; i < n; i++) {
		char file[4096];

		snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
		load_file(b, file);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

/* libFuzzer's format: a word in quotes a line, \xNN, \\ and \" in it, # for comments. */
static void load_words(struct blobs *b, const char *path)
{
	char line[512], word[512];
	FILE *f = fopen(path, "r");

	if (!f) {
		perror(path);
		exit(2);
	}
	while (fgets(line, sizeof(line), f)) {
		const char *p = line[0] == '#' ? NULL : strchr(line, '"');
		size_t len = 0;
		unsigned hex;

		if (!p)
			continue;
		for (p++; *p && *p != '"'; p++) {
			if (*p == '\\' && sscanf(p, "\\x%2x", &hex) == 1) {
				word[len++] = (char)hex;
				p += 3;
			} else {
				p += *p == '\\' && p[1];
				word[len++] = *p;
			}
		}
		blobs_add(b, word, len);
	}
	fclose(f);
}

/* ---- mutation ---- */

static uint64_t state;

/* xorshift64*, Vigna 2016. */
static uint32_t next(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)((state * 0x2545f4914f6cdd1dULL) >> 32);
}

static size_t below(size_t n)
{
	return n ? next() % n : 0;
}

static void replace(struct blob *m, size_t at, size_t old, const uint8_t *with, size_t len)
{
	if (m->len - old + len > INPUT_MAX)
		return;
	memmove(m->bytes + at + len, m->bytes + at + old, m->len - at - old);
	if (len)
		memmove(m->bytes + at, with, len);
	m->len += len - old;
}

static void mutate_byte(struct blob *m)
{
	static const uint8_t odd[] = { 0,    1,	   4,	 5,    0x0f, 0x10,
				       0x3f, 0x40, 0x7f, 0x80, 0xfe, 0xff };
	size_t at = below(m->len);

	if (m->len == 0)
		return;
	switch (next() % 4) {
	case 0:
		m->bytes[at] ^= (uint8_t)(1 << next() % 8);
		break;
	case 1:
		m->bytes[at] = (uint8_t)next();
		break;
	case 2:
		m->bytes[at] = odd[below(sizeof(odd))];
		break;
	default:
		m->bytes[at] = (uint8_t)(m->bytes[at] + (next() % 2 ? 1 : -1));
	}
}

static void mutate(struct blob *m, const struct blobs *seeds, const struct blobs *words)
{
	size_t at = below(m->len + 1), len = below(m->len - at + 1);
	const struct blob *other;
	uint8_t chunk[64];

	switch (next() % 8) {
	case 0: /* cut out */
		replace(m, at, below(16) < 12 && len > 8 ? below(8) : len, NULL, 0);
		return;
	case 1: /* double */
		len = len > sizeof(chunk) ? sizeof(chunk) : len;
		memcpy(chunk, m->bytes + at, len);
		replace(m, at, 0, chunk, len);
		return;
	case 2: /* cross with another seed */
		other = &seeds->all[below(seeds->n)];
		len = below(other->len + 1);
		replace(m, at, m->len - at, other->bytes + other->len - len, len);
		return;
	case 3: /* a word */
		if (words->n) {
			other = &words->all[below(words->n)];
			replace(m, at, next() % 2 || len > 32 ? 0 : len, other->bytes,
				other->len);
			return;
		}
		/* fall through */
	default:
		mutate_byte(m);
	}
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	static uint8_t buf[2 * INPUT_MAX];
	struct blobs seeds = { 0 }, words = { 0 };
	double limit = 3, start = seconds();
	long runs = -1, done = 0;
	int opt;

	state = 4711;
	while ((opt = getopt(argc, argv, "s:n:r:d:")) != -1) {
		switch (opt) {
		case 's':
			limit = atof(optarg);
			break;
		case 'n':
			runs = atol(optarg);
			break;
		case 'r':
			state = strtoull(optarg, NULL, 0) | 1;
			break;
		case 'd':
			load_words(&words, optarg);
			break;
		default:
			fprintf(stderr, "usage: %s [-s SECONDS] [-n RUNS] [-r SEED] "
				"[-d DICTIONARY] SEEDS...\n", argv[0]);
			return 2;
		}
	}
	for (int i = optind; i < argc; i++)
		load(&seeds, argv[i]);
	if (!seeds.n) {
		fprintf(stderr, "%s: no seeds\n", argv[0]);
		return 2;
	}
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(save_current);
	signal(SIGABRT, on_signal);

	for (size_t i = 0; i < seeds.n; i++)
		run(seeds.all[i].bytes, seeds.all[i].len);
	while (runs < 0 ? seconds() - start < limit : done < runs) {
		const struct blob *seed = &seeds.all[below(seeds.n)];
		struct blob m = { buf, seed->len };

		memcpy(buf, seed->bytes, seed->len);
		for (unsigned n = 1 + next() % 6; n; n--)
			mutate(&m, &seeds, &words);
		run(m.bytes, m.len);
		done++;
	}
	printf("%zu seeds, %ld mutations, %.1f s\n", seeds.n, done, seconds() - start);
	blobs_fini(&seeds);
	blobs_fini(&words);
	return 0;
}
