/* datatype_rows.h - for the files that define types: datatype*.c. */
#ifndef CTFW_RULESET_DATATYPE_ROWS_H
#define CTFW_RULESET_DATATYPE_ROWS_H

#include "ruleset/datatype.h"

/* A type of numbers; further members may follow. */
#define NUMBER(id, bits_, desc_, what_, ...)                                                   \
	const struct datatype datatype_##id = {.name = #id,                                    \
					       .desc = desc_,                                  \
					       .what = what_,                                  \
					       .class = VALUE_NUMBER,                          \
					       .bits = bits_,                                  \
					       __VA_ARGS__}

/* A whole number and nothing else, of up to 64 bits. */
bool datatype_number(const char *text, uint64_t *ret_number);

#endif
