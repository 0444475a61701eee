/* suggest.c - "did you mean": the nearest of some words. */
#include "ctfw/diag.h"

#include <ctype.h>
#include <string.h>

#define WORD_MAX 32

/* Letters of another case are the same: who writes DROP means drop. */
static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
	size_t d[WORD_MAX + 1][WORD_MAX + 1];

	for (size_t i = 0; i <= n; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		for (size_t j = 1; j <= m; j++) {
			size_t cost = !same(a[i - 1], b[j - 1]);

			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1,
				       d[i - 1][j - 1] + cost);
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) &&
			    same(a[i - 2], b[j - 1]) && d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[n][m];
}

const char *suggest(const char *word, size_t len, const char *const *candidates)
{
	const char *best = NULL;
	size_t best_distance = 3;

	if (len == 0 || len > WORD_MAX)
		return NULL;
	for (; *candidates; candidates++) {
		size_t n = strlen(*candidates), dist;

		/* A word that was cut short is likelier than one of the same length. */
		if (n > len && len >= 4 && memcmp(*candidates, word, len) == 0)
			return *candidates;
		if (n > WORD_MAX)
			continue;
		dist = distance(word, len, *candidates, n);
		if (dist < best_distance && dist * 2 < (n > len ? n : len)) {
			best = *candidates;
			best_distance = dist;
		}
	}
	return best;
}
