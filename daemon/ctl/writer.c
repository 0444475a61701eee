/* writer.c - text for people: columns that stand under each other, and human units. */
#include "ctl/writer.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void columns_init(struct columns *c, const char *align)
{
	*c = (struct columns){ .align = align, .n = strlen(align) };
}

static bool columns_grow(struct columns *c)
{
	size_t room = c->room ? 2 * c->room : 16;
	char **cells = reallocarray(c->cells, room * c->n, sizeof(*cells));

	if (!cells)
		return false;
	c->cells = cells;
	c->room = room;
	return true;
}

void columns_row(struct columns *c, ...)
{
	va_list ap;

	if (c->failed || (c->rows == c->room && !columns_grow(c))) {
		c->failed = 1;
		return;
	}
	va_start(ap, c);
	for (size_t i = 0; i < c->n; i++) {
		char *cell = strdup(va_arg(ap, const char *));

		c->cells[c->rows * c->n + i] = cell;
		if (!cell)
			c->failed = 1;
	}
	va_end(ap);
	c->rows++;
}

void columns_print(struct columns *c, FILE *out, int indent)
{
	size_t width[COLUMNS_MAX] = { 0 };

	for (size_t i = 0; !c->failed && i < c->rows * c->n; i++)
		if (strlen(c->cells[i]) > width[i % c->n])
			width[i % c->n] = strlen(c->cells[i]);
	for (size_t row = 0; !c->failed && row < c->rows; row++) {
		fprintf(out, "%*s", indent, "");
		for (size_t i = 0; i < c->n; i++) {
			const char *cell = c->cells[row * c->n + i];
			bool last = i + 1 == c->n;

			if (c->align[i] == 'r')
				fprintf(out, "%*s%s", (int)width[i], cell, last ? "" : "  ");
			else if (last) /* no blanks at the end of a line */
				fputs(cell, out);
			else
				fprintf(out, "%-*s  ", (int)width[i], cell);
		}
		fputc('\n', out);
	}
	if (c->failed)
		fputs("(out of memory)\n", out);
	columns_fini(c);
}

void columns_fini(struct columns *c)
{
	for (size_t i = 0; i < c->rows * c->n; i++)
		free(c->cells[i]);
	free(c->cells);
	columns_init(c, c->align);
}

const char *unit_bytes(uint64_t bytes, char buf[UNIT_TEXT])
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double value = (double)bytes;
	size_t unit = 0;

	/* Before 999.5 becomes 1000. */
	while (value >= 999.5 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1000;
		unit++;
	}
	snprintf(buf, UNIT_TEXT, "%.*f %s", unit && value < 9.95 ? 1 : 0, value, units[unit]);
	return buf;
}

const char *unit_duration(uint64_t seconds, char buf[UNIT_TEXT])
{
	uint64_t min = seconds / 60, hours = min / 60, days = hours / 24;

	if (days)
		snprintf(buf, UNIT_TEXT, "%" PRIu64 " d %" PRIu64 " h", days, hours % 24);
	else if (hours)
		snprintf(buf, UNIT_TEXT, "%" PRIu64 " h %" PRIu64 " min", hours, min % 60);
	else if (min)
		snprintf(buf, UNIT_TEXT, "%" PRIu64 " min %" PRIu64 " s", min, seconds % 60);
	else
		snprintf(buf, UNIT_TEXT, "%" PRIu64 " s", seconds);
	return buf;
}

const char *unit_time(double seconds, char buf[UNIT_TEXT])
{
	time_t t = seconds > 0 && seconds < 1e11 ? (time_t)seconds : 0;
	struct tm tm;

	if (t == 0 || !localtime_r(&t, &tm) ||
	    !strftime(buf, UNIT_TEXT, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(buf, UNIT_TEXT, "-");
	return buf;
}

const char *unit_count(uint64_t n, char buf[UNIT_TEXT])
{
	snprintf(buf, UNIT_TEXT, "%" PRIu64, n);
	return buf;
}
