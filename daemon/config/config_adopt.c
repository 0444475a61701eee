/* config_adopt.c - what a reload may change, and what it must leave. */
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

		if (row->section != s || row->live ||
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
			name_section(section, name_of(running, section, i), "removed", out);
			n++;
		}
		for (i = 0; i < count(wanted, section); i++) {
			if (find_name(running, section, name_of(wanted, section, i)) <
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

		if (row->section == s && row->live)
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
