/* exthdr.c - see exthdr.h. */
#include "ruleset/exthdr.h"

#include <string.h>

#include "ruleset/datatype.h"

const struct exthdr exthdrs[] = {
#define HEADER(class_, name_, number_)                                                         \
	{.class = EXTHDR_##class_,                                                             \
	 .name = name_,                                                                        \
	 .type = &datatype_boolean,                                                            \
	 .number = number_,                                                                    \
	 .len = 1},
#define HEADER_FIELD(class_, name_, number_, field_, type_, off_, len_)                        \
	{.class = EXTHDR_##class_,                                                             \
	 .name = name_,                                                                        \
	 .field = field_,                                                                      \
	 .type = &datatype_##type_,                                                            \
	 .number = number_,                                                                    \
	 .off = off_,                                                                          \
	 .len = len_},
#include "ruleset/exthdr.def"
#undef HEADER
#undef HEADER_FIELD
	{.class = EXTHDR_NONE},
};

const struct exthdr *exthdr_find(enum exthdr_class class, const char *name, const char *field)
{
	for (const struct exthdr *h = exthdrs; h->class; h++) {
		if (h->class == class && !strcmp(h->name, name) &&
		    (field && h->field ? !strcmp(h->field, field) : field == h->field))
			return h;
	}
	return NULL;
}

const struct exthdr *exthdr_at(enum exthdr_class class, uint8_t number, unsigned off,
			       unsigned len)
{
	for (const struct exthdr *h = exthdrs; h->class; h++) {
		if (h->class == class && h->number == number && h->field && h->off == off &&
		    h->len == len)
			return h;
	}
	return NULL;
}

const struct exthdr *exthdr_number(enum exthdr_class class, uint8_t number)
{
	for (const struct exthdr *h = exthdrs; h->class; h++) {
		if (h->class == class && h->number == number && !h->field)
			return h;
	}
	return NULL;
}

bool expr_exthdr(const struct expr *selector, struct exthdr *ret)
{
	const struct selector_arg *arg = &selector->arg;

	switch (selector->selector) {
	case SELECTOR_IP6_EXTHDR:
	case SELECTOR_IP_OPTION:
	case SELECTOR_TCP_OPTION:
	case SELECTOR_SCTP_CHUNK:
		*ret = exthdrs[arg->a];
		return true;
	case SELECTOR_TCP_OPTION_RAW:
		*ret = (struct exthdr){
			.class = EXTHDR_TCP,
			.field = arg->d ? "" : NULL,
			.type = selector->type,
			.number = (uint8_t)arg->b,
			.off = (uint16_t)arg->c,
			.len = (uint16_t)(arg->d ? arg->d : 1),
		};
		return true;
	default:
		return false;
	}
}
