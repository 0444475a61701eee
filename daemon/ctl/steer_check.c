/* steer_check.c - ctfwctl steer check: what leads around ctfwd, or breaks what it does. */
#include "ctl/check.h"
#include "ctl/check_print.h"
#include "ctl/steer.h"

static int print_found(struct ctl *ctl, const struct checker *c, bool json)
{
	unsigned errors = checker_count(c, SEVERITY_ERROR);
	unsigned warnings = checker_count(c, SEVERITY_WARNING);
	unsigned notes = checker_count(c, SEVERITY_NOTE);
	json_t *all;

	if (json) {
		all = json_pack("{sI sI sI so}", "errors", (json_int_t)errors, "warnings",
				(json_int_t)warnings, "notes", (json_int_t)notes, "findings",
				check_json(c));
		if (!all)
			return ctl_error(ctl, "out of memory");
		json_dumpf(all, ctl->out, JSON_INDENT(2));
		fputc('\n', ctl->out);
		json_decref(all);
	} else {
		if (!c->config->n_captures)
			fputs("Nothing is captured.\n", ctl->out);
		check_print(ctl->out, c);
		fputs("Found: ", ctl->out);
		check_print_counts(ctl->out, errors, warnings, notes);
		fputc('\n', ctl->out);
	}
	return errors ? 1 : 0;
}

int steer_run_check(struct ctl *ctl, const struct config *config,
		       const struct steer_options *o)
{
	struct diag d = DIAG_INIT;
	struct checker c;
	int status;

	if (checker_init(&c, config, &d))
		return steer_tell(ctl, &d);
	status = checker_run(&c) ? ctl_error(ctl, "out of memory") :
				   print_found(ctl, &c, o->json);
	checker_fini(&c);
	diag_fini(&d);
	return status;
}
