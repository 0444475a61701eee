/* run.h - ctfwctl as a function: its words in, its exit status and texts out. */
#ifndef TESTS_CTL_RUN_H
#define TESTS_CTL_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ctl/commands.h"

static char *run_out, *run_err;
static const char *run_socket = "/nonexistent/socket";

static inline int run_words(char **argv)
{
	struct ctl ctl = { .program = "ctfwctl", .socket = run_socket };
	size_t out_len, err_len;
	int argc = 0, status;

	free(run_out);
	free(run_err);
	ctl.out = open_memstream(&run_out, &out_len);
	ctl.err = open_memstream(&run_err, &err_len);
	while (argv[argc])
		argc++;
	status = ctl_main(&ctl, argc, argv);
	fclose(ctl.out);
	fclose(ctl.err);
	return status;
}
#define RUN(...) run_words((char *[]){ "ctfwctl", __VA_ARGS__, NULL })

static inline void run_fini(void)
{
	free(run_out);
	free(run_err);
	run_out = run_err = NULL;
}

static inline void expect(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

#endif
