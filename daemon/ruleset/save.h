/* save.h - what save.c writes and restore.c reads. */
#ifndef CTFW_RULESET_SAVE_H
#define CTFW_RULESET_SAVE_H

#include "ruleset/model.h"

#define SAVE_VERSION 4

/* Whether its elements may have slots: it need not be looked at each. */
bool save_has_slots(const struct set *s);
/* How many slots the statements of its elements have; of meters the text tells no elements. */
size_t save_count_slots(const struct set *s);

#endif
