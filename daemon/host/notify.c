/* notify.c - readiness, status and the watchdog, by libsystemd. */
#include "host/notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

/* A line would end with it, and what follows be taken for another variable; and the text
 * is the filter's, who must not speak for us. */
static int line_length(const char *s)
{
	return (int)strcspn(s, "\r\n");
}

void notify_ready(const char *status)
{
	sd_notifyf(0, "READY=1\nSTATUS=%.*s", line_length(status), status);
}

void notify_status(const char *status)
{
	sd_notifyf(0, "STATUS=%.*s", line_length(status), status);
}

void notify_reloading(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=Reloading",
		   (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000);
}

void notify_stopping(void)
{
	sd_notify(0, "STOPPING=1\nSTATUS=Stopping");
}

void notify_watchdog(void)
{
	sd_notify(0, "WATCHDOG=1");
}

uint64_t notify_watchdog_interval(void)
{
	uint64_t usec;

	return sd_watchdog_enabled(0, &usec) > 0 ? usec : 0;
}

void notify_store(const char *name, int fd)
{
	char text[300];

	snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%.*s", line_length(name), name);
	sd_pid_notify_with_fds(0, 0, text, &fd, 1);
}

void notify_forget(const char *name)
{
	sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%.*s", line_length(name), name);
}

void notify_barrier(uint64_t usec)
{
	sd_notify_barrier(0, usec);
}
