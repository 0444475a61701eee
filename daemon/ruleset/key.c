/* key.c - constants as the bytes of keys and data of sets, and back. */
#include "ruleset/key.h"

#include <string.h>

#include "ruleset/check.h"
#include "ruleset/exthdr.h"

static unsigned part_bytes(const struct datatype *dt)
{
	return dt->class == VALUE_STRING ? sizeof(((struct value *)0)->str.s) :
					   (dt->bits + 7u) / 8;
}

/* Of VALUE_ADDR: numbers lie at the end of sixteen bytes. */
static unsigned first_byte(const struct datatype *dt)
{
	return dt->bits == 32 ? 0 : 16 - part_bytes(dt);
}

static unsigned padded(unsigned bytes)
{
	return (bytes + 3) & ~3u;
}

/* ---- types ---- */

size_t key_len(const struct key_type *type)
{
	size_t len = 0;

	for (unsigned i = 0; i < type->n; i++)
		len += padded(part_bytes(type->part[i]));
	return len;
}

bool key_type_add(struct key_type *type, const struct datatype *dt, bool network)
{
	if (type->n == SET_PARTS_MAX || key_len(type) + part_bytes(dt) > SET_KEY_MAX)
		return false;
	type->network[type->n] = network || dt->class == VALUE_ADDR ||
				 dt == &datatype_inet_service;
	type->part[type->n++] = dt;
	return true;
}

static void add_field(struct key_type *type, const struct expr *e)
{
	const struct expr *selector = expr_bottom(e);
	struct exthdr h;

	key_type_add(type, expr_type(e),
		     expr_field(selector).base != BASE_NONE || expr_exthdr(selector, &h));
}

struct key_type key_type_of(const struct expr *left)
{
	struct key_type type = { .n = 0 };

	if (left->kind != EXPR_CONCAT) {
		add_field(&type, left);
		return type;
	}
	for (size_t i = 0; i < left->list.n; i++)
		add_field(&type, left->list.item[i]);
	return type;
}

/* Integers are of one type when they are of one size. */
static bool same_type(const struct datatype *a, const struct datatype *b)
{
	return a == b || (a->class == b->class && a->bits == b->bits &&
			  !strcmp(a->name, b->name));
}

bool key_type_equal(const struct key_type *a, const struct key_type *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++) {
		if (!same_type(a->part[i], b->part[i]))
			return false;
	}
	return true;
}

bool key_type_takes(const struct key_type *type, const struct key_type *from)
{
	if (type->n != from->n)
		return false;
	for (unsigned i = 0; i < type->n; i++) {
		const struct datatype *to = type->part[i], *field = from->part[i];

		if (!same_type(to, field) &&
		    (to->class == VALUE_STRING || to->bits != field->bits ||
		     strcmp(field->name, "integer") != 0))
			return false;
	}
	return true;
}

void key_type_print(const struct key_type *type, struct text *out)
{
	for (unsigned i = 0; i < type->n; i++)
		text_printf(out, "%s%s", i ? " . " : "", type->part[i]->name);
}

struct set_shape key_shape(const struct key_type *type)
{
	struct set_shape shape = { .n_parts = (uint8_t)type->n };

	for (unsigned i = 0; i < type->n; i++) {
		const struct datatype *dt = type->part[i];

		shape.part[i].bytes = (uint8_t)part_bytes(dt);
		shape.part[i].order = dt->class == VALUE_STRING ? SET_ORDER_STRING :
				      type->network[i]		? SET_ORDER_NETWORK :
								  SET_ORDER_HOST;
	}
	return shape;
}

/* ---- to bytes ---- */

/* Big-endian, as long as the type is. */
static void put(const struct datatype *dt, const struct value *v, uint8_t *to)
{
	unsigned n = part_bytes(dt);

	switch (dt->class) {
	case VALUE_ADDR:
		memcpy(to, v->addr.b + first_byte(dt), n);
		break;
	case VALUE_STRING:
		memcpy(to, v->str.s, n);
		break;
	default:
		for (unsigned i = 0; i < n; i++)
			to[i] = n - 1 - i < 8 ? (uint8_t)(v->num >> 8 * (n - 1 - i)) : 0;
		break;
	}
}

static void put_prefix(const struct expr *e, uint8_t *key, uint8_t *end)
{
	struct value ones = value_ones(e->type), mask = value_mask(e->type, e->prefix.len);
	struct value low = value_op(e->type, EXPR_XOR, &mask, &ones);
	struct value last = value_op(e->type, EXPR_OR, &e->prefix.value, &low);

	put(e->type, &e->prefix.value, key);
	put(e->type, &last, end);
}

/* All names that begin so. */
static void put_wildcard(const struct expr *e, uint8_t *key, uint8_t *end)
{
	size_t len = strnlen(e->value.str.s, sizeof(e->value.str.s));

	put(e->type, &e->value, key);
	memcpy(end, key, len);
	memset(end + len, 0xff, sizeof(e->value.str.s) - len);
}

static void put_bounds(const struct expr *e, uint8_t *key, uint8_t *end)
{
	switch (e->kind) {
	case EXPR_RANGE:
		put(e->type, &e->range.lo->value, key);
		put(e->type, &e->range.hi->value, end);
		break;
	case EXPR_PREFIX:
		put_prefix(e, key, end);
		break;
	default:
		if (key_is_interval(e)) {
			put_wildcard(e, key, end);
			break;
		}
		put(e->type, &e->value, key);
		put(e->type, &e->value, end);
		break;
	}
}

bool key_is_interval(const struct expr *e)
{
	switch (e->kind) {
	case EXPR_RANGE:
	case EXPR_PREFIX:
		return true;
	case EXPR_VALUE:
		return e->type->class == VALUE_STRING && e->value.str.wildcard;
	case EXPR_CONCAT:
		for (size_t i = 0; i < e->list.n; i++) {
			if (key_is_interval(e->list.item[i]))
				return true;
		}
		return false;
	default:
		return false;
	}
}

void key_bounds(const struct key_type *type, const struct expr *e, struct set_element *ret)
{
	size_t off = 0;

	if (e->kind != EXPR_CONCAT) {
		put_bounds(e, ret->key, ret->end);
		return;
	}
	for (unsigned i = 0; i < type->n; i++) {
		put_bounds(e->list.item[i], ret->key + off, ret->end + off);
		off += padded(part_bytes(type->part[i]));
	}
}

void key_data(const struct key_type *type, const struct expr *e, bool interval,
	      uint8_t ret[SET_DATA_MAX])
{
	struct set_element el = { .comment = NULL };
	size_t len = key_len(type);

	key_bounds(type, e, &el);
	memcpy(ret, el.key, len);
	if (interval)
		memcpy(ret + len, el.end, len);
}

/* ---- elements ---- */

unsigned key_data_bytes(const struct element_type *type)
{
	switch (type->kind) {
	case DATA_VALUES:
		return (unsigned)key_len(&type->data) << type->data_interval;
	case DATA_VERDICTS:
		return sizeof(struct set_verdict);
	case DATA_OBJECTS:
		return sizeof(uint64_t);
	case DATA_NONE:
		break;
	}
	return 0;
}

const struct expr *key_of(const struct expr *item)
{
	if (item->kind == EXPR_MAPPING)
		item = item->mapping.key;
	return item->kind == EXPR_ELEMENT ? item->element.key : item;
}

/* Chains go by handle, so that they keep their elements when they are renamed. */
static void put_verdict(const struct table *t, const struct expr *e, uint8_t *to)
{
	struct set_verdict v = { .verdict = e->verdict.verdict };
	size_t at = MODEL_NONE;

	if (e->verdict.chain && t)
		at = chain_find(t, e->verdict.chain);
	if (at != MODEL_NONE)
		v.chain = t->chains[at]->handle;
	memcpy(to, &v, sizeof(v));
}

/* So do objects. */
static void put_object(const struct table *t, enum object_kind kind, const struct expr *e,
		       uint8_t *to)
{
	size_t at = t ? object_find(t, kind, e->symbol) : MODEL_NONE;

	if (at != MODEL_NONE)
		memcpy(to, &t->objects[at]->handle, sizeof(uint64_t));
}

struct element_type set_element_type(const struct set *s)
{
	return (struct element_type){
		.key = s->key,
		.kind = s->kind,
		.data = s->data,
		.data_interval = s->data_interval,
		.objects = s->objects,
	};
}

void key_element(const struct element_type *type, const struct table *t,
		 const struct expr *item, struct set_element *ret)
{
	const struct expr *key = key_of(item);

	memset(ret, 0, sizeof(*ret));
	if (key->kind == EXPR_ALL)
		ret->catch_all = true;
	else
		key_bounds(&type->key, key, ret);
	if (item->kind != EXPR_MAPPING)
		return; /* to be deleted, or looked for */
	if (type->kind == DATA_VERDICTS)
		put_verdict(t, item->mapping.data, ret->data);
	else if (type->kind == DATA_VALUES)
		key_data(&type->data, item->mapping.data, type->data_interval, ret->data);
	else if (type->kind == DATA_OBJECTS)
		put_object(t, type->objects, item->mapping.data, ret->data);
}

/* ---- from bytes ---- */

static struct value get(const struct datatype *dt, const uint8_t *from)
{
	unsigned n = part_bytes(dt);
	struct value v = { 0 };

	switch (dt->class) {
	case VALUE_ADDR:
		memcpy(v.addr.b + first_byte(dt), from, n);
		break;
	case VALUE_STRING:
		memcpy(v.str.s, from, n);
		break;
	default:
		for (unsigned i = 0; i < n; i++)
			v.num = v.num << 8 | from[i];
		break;
	}
	return v;
}

static struct expr *value_expr(const struct datatype *dt, const struct value *v)
{
	struct expr *e = expr_new(EXPR_VALUE, (struct span){ 0 });

	if (e) {
		e->type = dt;
		e->value = *v;
	}
	return e;
}

/* The length of the prefix from lo to hi, or -1. */
static int prefix_len(const struct datatype *dt, const struct value *lo, const struct value *hi)
{
	struct value ones = value_ones(dt), mask = value_op(dt, EXPR_XOR, lo, hi), base;
	int len;

	mask = value_op(dt, EXPR_XOR, &mask, &ones);
	len = dt->prefix ? value_mask_len(dt, &mask) : -1;
	base = value_op(dt, EXPR_AND, lo, &mask);
	return len >= 0 && !value_cmp(dt, &base, lo) ? len : -1;
}

static struct expr *bounds_expr(const struct datatype *dt, const uint8_t *key,
				const uint8_t *end)
{
	struct value lo = get(dt, key), hi = get(dt, end);
	struct expr *e = value_expr(dt, &lo);
	int len;

	if (!e || !memcmp(key, end, part_bytes(dt)))
		return e;
	if (dt->class == VALUE_STRING) {
		e->value.str.wildcard = true;
		return e;
	}
	len = prefix_len(dt, &lo, &hi);
	if (len >= 0) {
		e->kind = EXPR_PREFIX;
		e->prefix.value = lo;
		e->prefix.len = (uint8_t)len;
		e->prefix.of = NULL;
		return e;
	}
	e->kind = EXPR_RANGE;
	e->range.lo = value_expr(dt, &lo);
	e->range.hi = value_expr(dt, &hi);
	if (e->range.lo && e->range.hi)
		return e;
	expr_free(e);
	return NULL;
}

struct expr *key_expr(const struct key_type *type, const struct set_element *el)
{
	struct expr *list;
	size_t off = 0;

	if (el->catch_all)
		return expr_new(EXPR_ALL, (struct span){ 0 });
	if (type->n == 1)
		return bounds_expr(type->part[0], el->key, el->end);
	list = expr_new(EXPR_CONCAT, (struct span){ 0 });
	for (unsigned i = 0; list && i < type->n; i++) {
		if (!expr_add(list, bounds_expr(type->part[i], el->key + off, el->end + off))) {
			expr_free(list);
			return NULL;
		}
		off += padded(part_bytes(type->part[i]));
	}
	return list;
}

struct expr *key_data_expr(const struct key_type *type, const uint8_t *data, bool interval)
{
	struct set_element el = { .comment = NULL };
	size_t len = key_len(type);

	memcpy(el.key, data, len);
	memcpy(el.end, interval ? data + len : data, len);
	return key_expr(type, &el);
}
