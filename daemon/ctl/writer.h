/* writer.h - text for people: columns that stand under each other, and human units. */
#ifndef CTFW_CTL_WRITER_H
#define CTFW_CTL_WRITER_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define COLUMNS_MAX 8

/* Rows of cells, printed at once when all widths are known. */
struct columns {
	const char *align; /* a letter a column: 'l'eft or 'r'ight */
	size_t n;
	char **cells; /* n a row */
	size_t rows, room;
	int failed;
};

/* align: as above, at most COLUMNS_MAX letters; it must outlive c. */
void columns_init(struct columns *c, const char *align);
/* One row: as many strings as there are columns; they are copied. */
void columns_row(struct columns *c, ...);
/* Print each row behind `indent` spaces, with two spaces between columns, and start over. */
void columns_print(struct columns *c, FILE *out, int indent);
void columns_fini(struct columns *c);

#define UNIT_TEXT 32

/* 999 B, 1.2 kB, 34 MB: powers of 1000, three digits at most. */
const char *unit_bytes(uint64_t bytes, char buf[UNIT_TEXT]);
/* 12 s, 3 min 4 s, 5 h 6 min, 7 d 8 h: the two largest units. */
const char *unit_duration(uint64_t seconds, char buf[UNIT_TEXT]);
/* 2024-01-31 23:59:59, local time; "-" for none (0 or below). */
const char *unit_time(double seconds, char buf[UNIT_TEXT]);
const char *unit_count(uint64_t n, char buf[UNIT_TEXT]);

#endif
