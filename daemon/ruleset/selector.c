/* selector.c - selector.def and payload.def as data. */
#include "ruleset/datatype.h"
#include "ruleset/field.h"

const struct selector selectors[SELECTOR_COUNT] = {
#define SELECTOR(id, text_, type_, l3_, l4_, depends_)                                         \
	[SELECTOR_##id] = { .text = text_,                                                     \
			    .type = &datatype_##type_,                                         \
			    .l3 = l3_,                                                         \
			    .l4 = l4_,                                                         \
			    .depends = depends_ },
#define PAYLOAD(id, text_, type_, l3_, l4_, depends_, ...)                                     \
	[SELECTOR_##id] = { .text = text_,                                                     \
			    .type = &datatype_##type_,                                         \
			    .l3 = l3_,                                                         \
			    .l4 = l4_,                                                         \
			    .depends = depends_ },
#include "ruleset/selector.def"
#undef SELECTOR
#undef PAYLOAD
};

static const struct field fields[SELECTOR_COUNT] = {
#define PAYLOAD(id, text, type, l3, l4, depends, base_, off_, len_, key_)                      \
	[SELECTOR_##id] = { .base = BASE_##base_, .off = off_, .len = len_, .key = key_ },
#include "ruleset/payload.def"
#undef PAYLOAD
};

struct field expr_field(const struct expr *selector)
{
	return fields[selector->selector];
}
