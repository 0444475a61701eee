/* words.c - every word that a man page must know, a line each: its kind, and the word.
 *
 *     option SECTION KEY
 *     command NAME
 *     flag COMMAND --long or -x
 *     check NAME
 *     reason NAME */
#include <stdio.h>

#include "ctfw/config.h"
#include "ctfw/reason.h"
#include "ctl/check.h"
#include "ctl/command.h"

int main(void)
{
	struct config_option option;
	char range[128];

	for (size_t i = 0; config_option(i, range, &option); i++)
		printf("option %s %s\n", config_section_name(option.section), option.key);
	for (int r = REASON_NONE + 1; r < REASON_COUNT; r++)
		printf("reason %s\n", reason_name((enum reason)r));
	for (const struct check *c = checks; c->name; c++)
		printf("check %s\n", c->name);
	for (const struct command *const *c = commands; *c; c++) {
		printf("command %s\n", (*c)->name);
		for (const struct command_option *o = (*c)->options; o && o->key; o++) {
			if (!o->help)
				continue;
			if (o->name)
				printf("flag %s --%s\n", (*c)->name, o->name);
			if (o->key < 256)
				printf("flag %s -%c\n", (*c)->name, o->key);
		}
	}
	return 0;
}
