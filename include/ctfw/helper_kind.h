/* helper_kind.h - which helpers there are, and for what: all that rules know of helpers.
 *
 * See helper.h for what they do. */
#ifndef CTFW_HELPER_KIND_H
#define CTFW_HELPER_KIND_H

#include <stdbool.h>
#include <stdint.h>

/* Kinds of helpers.  Numbers are stored with flows: they keep their meaning for as long as
 * ARENA_LAYOUT. */
enum ct_helper {
	HELPER_NONE = 0,
#define HELPER(id, symbol, name) HELPER_##id,
#include "ctfw/helper.def"
#undef HELPER
	HELPER_COUNT
};
#define HELPER_BIT(kind) (1u << (kind))

/* "ftp", ...; NULL for HELPER_NONE and what is no kind. */
const char *ct_helper_name(unsigned kind);
/* The helper of that name for this protocol; HELPER_NONE when there is none. */
enum ct_helper ct_helper_find(const char *name, uint8_t l4proto);
/* Whether it reads packets of that protocol, or of that family (enum l3). */
bool ct_helper_takes(enum ct_helper kind, uint8_t l4proto);
bool ct_helper_knows(enum ct_helper kind, uint8_t l3);

#endif
