/* locale.h - what a text is written in and read in, where that is not the same everywhere: the
 * local time of whoever writes or reads, and their names of ct labels.
 *
 * The library asks no host for it: who calls says what counts.  NULL is UTC and no names,
 * everywhere. */
#ifndef CTFW_LOCALE_H
#define CTFW_LOCALE_H

#include <stdbool.h>

#include "ctfw/zone.h"

#define LABELS 128 /* ct labels of a flow */

#define LABEL_NAMES_MAX 256 /* a label may have several, of which the first is shown */
#define LABEL_NAME_SIZE 64  /* with the NUL */

struct label_names {
	size_t n;
	struct label_name {
		uint8_t label;
		char name[LABEL_NAME_SIZE];
	} names[LABEL_NAMES_MAX];
};

struct locale {
	struct zone zone;
	struct label_names labels;
};

static inline const struct zone *locale_zone(const struct locale *l)
{
	return l ? &l->zone : NULL;
}

/* False, with nothing added, for a label that there is not, for a name that could not be
 * written or would be read as a number, and for one too many.  Where a name stands twice, its
 * first label counts. */
bool label_names_add(struct label_names *names, unsigned label, const char *name, size_t len);
/* By name; -1 when there is none. */
int label_names_find(const struct label_names *names, const char *name, size_t len);
/* Its first name, or NULL. */
const char *label_names_of(const struct label_names *names, unsigned label);

#endif
