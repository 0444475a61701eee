/* ctfwctl - shows and changes what ctfwd does; tries rulesets on captures. */
#include <fcntl.h>
#include <stdlib.h>

#include "ctfw/config.h"
#include "ctl/command.h"

/* Where one of the first three descriptors is closed, the next file that is opened, the
 * daemon's socket perhaps, would take its place: be printed to, or read as standard input.
 * What is read-only in its stead is at its end at once, and refuses to be written to. */
static void fill_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
			return;
}

int main(int argc, char **argv)
{
	struct ctl ctl = { .program = "ctfwctl", .out = stdout, .err = stderr };
	int status;

	fill_descriptors();
	ctl.socket = getenv("CTFW_SOCKET");
	if (!ctl.socket || !*ctl.socket)
		ctl.socket = CONFIG_SOCKET;
	status = ctl_main(&ctl, argc, argv);
	/* A listing that did not get out whole is a failure: the disk was full. */
	if (fflush(stdout) || ferror(stdout)) {
		perror("ctfwctl: standard output");
		status = 1;
	}
	return status;
}
