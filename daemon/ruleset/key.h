/* key.h - constants as the bytes of keys and data of sets (set.h), and back. */
#ifndef CTFW_RULESET_KEY_H
#define CTFW_RULESET_KEY_H

#include "ruleset/datatype.h"

/* False: more parts than a key can have, or more bytes. */
bool key_type_add(struct key_type *type, const struct datatype *dt, bool network);
/* Those of an expression that is checked: selectors with operations, or a CONCAT of these.  At
 * most SET_PARTS_MAX parts. */
struct key_type key_type_of(const struct expr *left);
bool key_type_equal(const struct key_type *a, const struct key_type *b);
/* Whether packets may add what is of type `from`: the same, part by part, or plain numbers as
 * long. */
bool key_type_takes(const struct key_type *type, const struct key_type *from);
/* Bytes with all paddings. */
size_t key_len(const struct key_type *type);
/* "ipv4_addr . inet_service" */
void key_type_print(const struct key_type *type, struct text *out);

/* The shape of sets of such keys; the rest of it is zero. */
struct set_shape key_shape(const struct key_type *type);

/* What the elements of a set are. */
struct element_type {
	struct key_type key;
	enum data_kind kind;
	struct key_type data; /* of DATA_VALUES */
	bool data_interval;   /* these have a beginning and an end */
	enum object_kind objects;
};
struct element_type set_element_type(const struct set *s);
unsigned key_data_bytes(const struct element_type *type);
/* The key of a checked item: within what is around it. */
const struct expr *key_of(const struct expr *item);
/* A checked item as an element; chains are of table t, which may be NULL.  Comment, timeouts
 * and slots stay empty. */
void key_element(const struct element_type *type, const struct table *t,
		 const struct expr *item, struct set_element *ret);

/* Whether a checked constant is more than one value. */
bool key_is_interval(const struct expr *e);
/* Key and end of a checked constant: a VALUE, RANGE or PREFIX, or a CONCAT of these. */
void key_bounds(const struct key_type *type, const struct expr *e, struct set_element *ret);
/* The constant that has these bounds, as nft lists it; NULL when out of memory. */
struct expr *key_expr(const struct key_type *type, const struct set_element *el);
/* Data that are values, likewise: with intervals the end stands behind the beginning. */
void key_data(const struct key_type *type, const struct expr *e, bool interval,
	      uint8_t ret[SET_DATA_MAX]);
struct expr *key_data_expr(const struct key_type *type, const uint8_t *data, bool interval);

#endif
