/* selector.c - selector.def and payload.def as data. */
#include "ruleset/datatype.h"
#include "ruleset/exthdr.h"
#include "ruleset/field.h"

#include <string.h>

const struct selector selectors[SELECTOR_COUNT] = {
#define SELECTOR(id, text_, type_, l3_, l4_, depends_)                                         \
	[SELECTOR_##id] = {.text = text_,                                                      \
			   .type = &datatype_##type_,                                          \
			   .l3 = l3_,                                                          \
			   .l4 = l4_,                                                          \
			   .depends = depends_},
#define PAYLOAD(id, text_, type_, l3_, l4_, depends_, ...)                                     \
	[SELECTOR_##id] = {.text = text_,                                                      \
			   .type = &datatype_##type_,                                          \
			   .l3 = l3_,                                                          \
			   .l4 = l4_,                                                          \
			   .depends = depends_},
#include "ruleset/selector.def"
#undef SELECTOR
#undef PAYLOAD
};

static const struct field fields[SELECTOR_COUNT] = {
#define PAYLOAD(id, text, type, l3, l4, depends, base_, off_, len_, key_)                      \
	[SELECTOR_##id] = {.base = BASE_##base_, .off = off_, .len = len_, .key = key_},
#include "ruleset/payload.def"
#undef PAYLOAD
};

struct field selector_field(enum selector_id selector)
{
	return fields[selector];
}

struct field expr_field(const struct expr *selector)
{
	if (selector->selector == SELECTOR_RAW)
		return (struct field){
			.base = selector->arg.a,
			.off = selector->arg.b,
			.len = (uint16_t)selector->arg.c,
		};
	return fields[selector->selector];
}

bool expr_in_host_order(const struct expr *left)
{
	const struct expr *selector = expr_bottom(left);
	const struct datatype *type = selector->type;
	struct exthdr h;

	return expr_has_shift(left) ||
	       (type->class == VALUE_NUMBER && !expr_field(selector).base &&
		!expr_exthdr(selector, &h) && type != &datatype_inet_service &&
		type != &datatype_ether_type);
}

/* Integers have no size of their own: a set cannot be made of them by name. */
static bool has_name(const struct datatype *dt)
{
	return strcmp(dt->name, "integer") != 0;
}

/* Of what is no selector's. */
static const struct datatype *const other_types[] = { &datatype_mh_type, &datatype_icmpx_code };
#define N_OTHER_TYPES (sizeof(other_types) / sizeof(other_types[0]))

static bool is_named(const struct datatype *dt, const char *name, size_t len)
{
	return has_name(dt) && strlen(dt->name) == len && !memcmp(dt->name, name, len);
}

const struct datatype *datatype_find(const char *name, size_t len)
{
	for (unsigned id = 1; id < SELECTOR_COUNT; id++) {
		const struct datatype *dt = selectors[id].type;

		if (is_named(dt, name, len))
			return dt;
	}
	for (size_t i = 0; i < N_OTHER_TYPES; i++) {
		if (is_named(other_types[i], name, len))
			return other_types[i];
	}
	return NULL;
}

void datatype_names(const char *ret_names[DATATYPE_NAMES_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < N_OTHER_TYPES; i++)
		ret_names[n++] = other_types[i]->name;
	for (unsigned id = 1; id < SELECTOR_COUNT && n < DATATYPE_NAMES_MAX; id++) {
		const struct datatype *dt = selectors[id].type;
		size_t i = 0;

		while (i < n && strcmp(ret_names[i], dt->name))
			i++;
		if (i == n && has_name(dt))
			ret_names[n++] = dt->name;
	}
	ret_names[n] = NULL;
}
