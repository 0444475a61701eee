/* ctfwctl - shows and changes what ctfwd does; tries rulesets on captures. */
#include <stdlib.h>

#include "ctl/command.h"

int main(int argc, char **argv)
{
	struct ctl ctl = { .program = "ctfwctl", .out = stdout, .err = stderr };
	int status;

	ctl.socket = getenv("CTFW_SOCKET");
	if (!ctl.socket || !*ctl.socket)
		ctl.socket = CTFW_RUNSTATEDIR "/ctfw/ctfwd.sock";
	status = ctl_main(&ctl, argc, argv);
	/* A listing that did not get out whole is a failure: the disk was full. */
	if (fflush(stdout) || ferror(stdout)) {
		perror("ctfwctl: standard output");
		status = 1;
	}
	return status;
}
