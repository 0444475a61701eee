/* integer.c - plain numbers of every width, as fields of headers have them. */
#include "ruleset/datatype.h"

#define INTEGER(bits_, hex_)                                                                   \
	[bits_] = {.name = "integer",                                                          \
		   .desc = "integer",                                                          \
		   .what = "number",                                                           \
		   .class = (bits_) > 64 ? VALUE_ADDR : VALUE_NUMBER,                          \
		   .bits = bits_,                                                              \
		   .hex = hex_}
#define FOUR(n, hex)                                                                           \
	INTEGER((n) + 1, hex), INTEGER((n) + 2, hex), INTEGER((n) + 3, hex),                   \
		INTEGER((n) + 4, hex)
#define SIXTEEN(n, hex)                                                                        \
	FOUR(n, hex), FOUR((n) + 4, hex), FOUR((n) + 8, hex), FOUR((n) + 12, hex)
#define ALL(hex)                                                                               \
	SIXTEEN(0, hex), SIXTEEN(16, hex), SIXTEEN(32, hex), SIXTEEN(48, hex),                 \
		SIXTEEN(64, hex), SIXTEEN(80, hex), SIXTEEN(96, hex), SIXTEEN(112, hex)

const struct datatype datatype_integers[DATATYPE_MAX_BITS + 1] = {ALL(0)};
const struct datatype datatype_xintegers[DATATYPE_MAX_BITS + 1] = {ALL(1)};
