/* plan_script.c - a plan as a shell script. */
#include "ctfw/plan.h"

void plan_script(const struct plan *p, struct text *out)
{
	size_t i;

	text_puts(out, "#!/bin/sh\nset -e\n");
	for (i = 0; i < p->n; i++) {
		text_puts(out, "# ");
		plan_words(&p->v[i], out);
		text_putc(out, '\n');
		plan_commands(&p->v[i], out);
	}
}
