/* config_adopt.c - what a reload may change, and what it must leave.
 *
 * Captures come, go and change as a whole: keeper and steering are the ones to whom that
 * matters, and the filter that runs never sees it, since another takes its place. */
#include <errno.h>
#include <string.h>

#include "config/config_table.h"

static size_t find_name(const struct config *c, enum config_section s, const char *name)
{
	size_t i, n = s == SECTION_capture ? c->n_captures : c->n_tuns;

	for (i = 0; i < n; i++) {
		if (!strcmp(s == SECTION_capture ? c->captures[i].ifname : c->tuns[i].ifname,
			    name))
			break;
	}
	return i;
}

static const char *name_of(const struct config *c, enum config_section s, size_t index)
{
	return s == SECTION_capture ? c->captures[index].ifname : c->tuns[index].ifname;
}

static size_t count(const struct config *c, enum config_section s)
{
	return s == SECTION_capture ? c->n_captures : s == SECTION_tun ? c->n_tuns : 1;
}

/* Not const: section_struct() serves both. */
static char *member(const struct config *c, const struct option_row *row, size_t index)
{
	return (char *)section_struct((struct config *)c, row->section, index) + row->offset;
}

static void name_option(const struct config *c, const struct option_row *row, size_t index,
			struct text *out)
{
	text_puts(out, out->len ? ", " : "");
	if (section_is_named(row->section))
		text_printf(out, "[%s %s] %s", config_section_name(row->section),
			    name_of(c, row->section, index), row->key);
	else
		text_puts(out, row->key);
}

static void name_section(enum config_section s, const char *name, const char *what,
			 struct text *out)
{
	text_printf(out, "%s[%s %s] (%s)", out->len ? ", " : "", config_section_name(s), name,
		    what);
}

/* Options of one section that differ and cannot be changed now. */
static int compare_section(const struct config *running, size_t ri, const struct config *wanted,
			   size_t wi, enum config_section s, struct text *out)
{
	int n = 0;
	size_t i;

	for (i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];

		if (row->section != s || row->when != WHEN_RESTART ||
		    config_value_equal(row->type, member(running, row, ri),
				       member(wanted, row, wi)))
			continue;
		name_option(running, row, ri, out);
		n++;
	}
	return n;
}

static int compare(const struct config *running, const struct config *wanted, struct text *out)
{
	int s, n = 0;
	size_t i, j;

	for (s = SECTION_NONE + 1; s < SECTION_COUNT; s++) {
		enum config_section section = (enum config_section)s;

		if (!section_is_named(section)) {
			n += compare_section(running, 0, wanted, 0, section, out);
			continue;
		}
		for (i = 0; i < count(running, section); i++) {
			j = find_name(wanted, section, name_of(running, section, i));
			if (j < count(wanted, section)) {
				n += compare_section(running, i, wanted, j, section, out);
				continue;
			}
			if (section == SECTION_capture)
				continue;
			name_section(section, name_of(running, section, i), "removed", out);
			n++;
		}
		for (i = 0; i < count(wanted, section); i++) {
			if (section == SECTION_capture ||
			    find_name(running, section, name_of(wanted, section, i)) <
				    count(running, section))
				continue;
			name_section(section, name_of(wanted, section, i), "new", out);
			n++;
		}
	}
	return n;
}

static void adopt_section(struct config *running, size_t ri, const struct config *wanted,
			  size_t wi, enum config_section s)
{
	size_t i;

	for (i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];

		if (row->section == s && row->when == WHEN_LIVE)
			config_value_copy(row->type, member(running, row, ri),
					  member(wanted, row, wi));
	}
}

int config_adopt(struct config *running, const struct config *wanted, struct text *ret_restart)
{
	int s, n = compare(running, wanted, ret_restart);
	size_t i, j;

	if (text_failed(ret_restart))
		return -ENOMEM;
	for (s = SECTION_NONE + 1; s < SECTION_COUNT; s++) {
		enum config_section section = (enum config_section)s;

		for (i = 0; i < count(running, section); i++) {
			j = section_is_named(section)
				    ? find_name(wanted, section, name_of(running, section, i))
				    : 0;
			if (j < count(wanted, section))
				adopt_section(running, i, wanted, j, section);
		}
	}
	return n;
}

bool config_captures_differ(const struct config *a, const struct config *b)
{
	size_t i, k;

	if (a->n_captures != b->n_captures)
		return true;
	for (i = 0; i < a->n_captures; i++) {
		/* Their order counts, too. */
		if (strcmp(a->captures[i].ifname, b->captures[i].ifname) != 0)
			return true;
		for (k = 0; k < option_row_count; k++) {
			const struct option_row *row = &option_rows[k];

			if (row->section == SECTION_capture && row->when == WHEN_PORTS &&
			    !config_value_equal(row->type, member(a, row, i),
						member(b, row, i)))
				return true;
		}
	}
	return false;
}

void config_adopt_captures(struct config *running, struct config *wanted)
{
	struct config_capture *former = running->captures;
	size_t n = running->n_captures;

	running->captures = wanted->captures;
	running->n_captures = wanted->n_captures;
	wanted->captures = former;
	wanted->n_captures = n;
}
