/* config_table.c - the rows of options.def as a table, and what is printed from it. */
#include "config/config_table.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

typedef struct config_daemon section_type_daemon;
typedef struct config_capture section_type_capture;
typedef struct config_tun section_type_tun;
typedef struct config_steer section_type_steer;
typedef struct conntrack_options section_type_conntrack;
typedef struct frag_options section_type_fragments;
typedef struct config_log section_type_log;

#define LIVE WHEN_LIVE
#define PORTS WHEN_PORTS
#define RESTART WHEN_RESTART
const struct option_row option_rows[] = {
#define OPTION(section, key, type, member, min, max, value, when, help) \
	{ SECTION_##section, key, TYPE_##type, offsetof(section_type_##section, member), \
	  { min, max }, value, when, help },
#include "config/options.def"
#undef OPTION
};
const size_t option_row_count = sizeof(option_rows) / sizeof(option_rows[0]);

static const struct {
	const char *name;
	bool named;
	const char *example, *about; /* for the sample file */
} sections[SECTION_COUNT] = {
	[SECTION_NONE] = { "", false, "", "" },
	[SECTION_daemon] = { "daemon", false, "", "The daemon itself." },
	[SECTION_capture] = { "capture", true, "wg0",
			      "An interface whose traffic is led through the daemon.\n"
			      "# One section for each; nothing is filtered without one." },
	[SECTION_tun] = { "tun", true, "ctfw0",
			  "A TUN for those who lead traffic into it by hand." },
	[SECTION_steer] = { "steer", false, "", "How captured traffic is led into the TUNs." },
	[SECTION_conntrack] = { "conntrack", false, "",
				"Connection tracking; the timeouts are in seconds and carry "
				"the\n# names of the kernel's net.netfilter.nf_conntrack_*." },
	[SECTION_fragments] = { "fragments", false, "",
				"Datagrams that come in fragments; they are judged whole." },
	[SECTION_log] = { "log", false, "", "What log statements write." },
};

const char *config_section_name(enum config_section s)
{
	return sections[s].name;
}

bool section_is_named(enum config_section section)
{
	return sections[section].named;
}

void *section_struct(struct config *c, enum config_section section, size_t index)
{
	switch (section) {
	case SECTION_daemon:
		return &c->daemon;
	case SECTION_capture:
		return &c->captures[index];
	case SECTION_tun:
		return &c->tuns[index];
	case SECTION_steer:
		return &c->steer;
	case SECTION_conntrack:
		return &c->conntrack;
	case SECTION_fragments:
		return &c->fragments;
	case SECTION_log:
		return &c->log;
	case SECTION_NONE:
	case SECTION_COUNT:
		break;
	}
	assert(!"a section without a struct");
	return NULL;
}

const struct option_row *option_find(enum config_section section, const char *key)
{
	size_t i;

	for (i = 0; i < option_row_count; i++) {
		if (option_rows[i].section == section && !strcmp(option_rows[i].key, key))
			return &option_rows[i];
	}
	return NULL;
}

bool config_option(size_t i, char range[128], struct config_option *ret_option)
{
	const struct option_row *row;

	if (i >= option_row_count)
		return false;
	row = &option_rows[i];
	config_value_range(row->type, row->range, range);
	*ret_option = (struct config_option){
		.section = row->section,
		.key = row->key,
		.range = range,
		.default_value = row->default_value,
		.live = row->when != WHEN_RESTART,
		.help = row->help,
	};
	return true;
}

static void sample_section(enum config_section s, struct text *out)
{
	const char *off = sections[s].named ? "#" : "";
	char range[128];
	size_t i;

	text_printf(out, "\n# %s\n", sections[s].about);
	text_printf(out, "%s[%s%s%s]\n", off, sections[s].name, sections[s].named ? " " : "",
		    sections[s].example);
	for (i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];

		if (row->section != s)
			continue;
		config_value_range(row->type, row->range, range);
		text_printf(out, "# %s\n#   (%s%s)\n", row->help, range,
			    row->when != WHEN_RESTART ? "" : "; needs a restart");
		text_printf(out, "#%s =%s%s\n", row->key, *row->default_value ? " " : "",
			    row->default_value);
	}
}

void config_sample(struct text *out)
{
	int s;

	text_puts(out,
		  "# ctfwd.conf - see ctfwd.conf(5).\n"
		  "#\n"
		  "# Every option is here with its default.  Take away the \"#\" in front\n"
		  "# of what is to be changed; check with `ctfwd -t`.\n");
	for (s = SECTION_NONE + 1; s < SECTION_COUNT; s++)
		sample_section((enum config_section)s, out);
}
