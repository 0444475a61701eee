/* config_table.h - the rows of options.def, as a table. */
#ifndef CTFW_CONFIG_TABLE_H
#define CTFW_CONFIG_TABLE_H

#include "ctfw/config.h"
#include "config/config_value.h"

enum option_when {
	WHEN_NONE = 0,
	WHEN_LIVE,    /* a reload changes it */
	WHEN_PORTS,   /* the same, with another filter: see config_adopt_captures() */
	WHEN_RESTART, /* the daemon must be restarted */
};

struct option_row {
	enum config_section section;
	const char *key;
	enum config_type type;
	size_t offset; /* of the member in its section's struct */
	struct config_range range;
	const char *default_value;
	enum option_when when;
	const char *help;
};

extern const struct option_row option_rows[];
extern const size_t option_row_count;

/* [capture IFACE] and [tun NAME] are sections of their own for each name. */
bool section_is_named(enum config_section section);
/* The struct that holds the members of a section; index is of the named ones. */
void *section_struct(struct config *c, enum config_section section, size_t index);
/* The row, or NULL. */
const struct option_row *option_find(enum config_section section, const char *key);

#endif
