/* shown.h - the elements of a set as listings show them. */
#ifndef CTFW_RULESET_SHOWN_H
#define CTFW_RULESET_SHOWN_H

#include "ruleset/model.h"

struct shown_element {
	struct set_element el;
	const struct set_record *record; /* NULL: a transaction added it */
};

/* An element that a packet added. */
void set_record_show(const struct set *s, const struct set_record *record,
		     struct set_element *ret);

/* All of a set, in the order of a listing. */
struct shown_elements {
	const struct set *set;
	uint64_t mono;
	struct set_cursor cursor;
	struct set_content *sorted; /* of both kinds: each one's slot is its place in v.  NULL:
				     * there is but the content */
	struct shown_origin {
		const struct set_record *record;
		const uint32_t *slots;
		unsigned n_slots;
	} *v;
	size_t n, cap;
};
/* flags: with PRINT_SAVED without those that packets added, which are in the arena; with
 * PRINT_LOADABLE without such as no text could add. */
void shown_begin(struct shown_elements *m, const struct set *s, unsigned flags, uint64_t mono);
bool shown_next(struct shown_elements *m, struct shown_element *ret);
void shown_fini(struct shown_elements *m);

/* An element's statements, to be printed as those of a rule that has the set's counters; how
 * many.  They borrow from the set. */
size_t shown_stmts(const struct set *s, const struct shown_element *e, uint64_t mono,
		   struct stmt ret[SET_SLOTS_MAX]);

#endif
