/* regular.c - files that are nothing but files. */
#include "ctfw/regular.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int regular_open(int dir, const char *path)
{
	/* A regular file takes no notice of O_NONBLOCK. */
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int err = 0;

	if (fd < 0)
		return errno == ENXIO ? -EMEDIUMTYPE : -errno; /* a socket */
	if (fstat(fd, &st) < 0)
		err = -errno;
	else if (S_ISDIR(st.st_mode))
		err = -EISDIR;
	else if (!S_ISREG(st.st_mode))
		err = -EMEDIUMTYPE;
	if (!err)
		return fd;
	close(fd);
	return err;
}

const char *regular_error(int err)
{
	return err == -EMEDIUMTYPE ? "no regular file" : strerror(-err);
}
