/* notify.c - readiness, status and the watchdog, by libsystemd. */
#include "host/notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>

#include "ctfw/hostclock.h"

static uint64_t monotonic_us(void)
{
	return hostclock_mono() / 1000;
}

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
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=Reloading",
		   monotonic_us());
}

void notify_stopping(void)
{
	sd_notify(0, "STOPPING=1\nSTATUS=Stopping");
}

/* ---- what systemd is about ---- */

#define SYSTEMD "org.freedesktop.systemd1"
/* Asked three times.  To be wrong is to open, and the filter goes on meanwhile; systemd has its
 * own patience (TimeoutStopSec=). */
#define ASK_US 1000000

/* The job that systemd has for our unit; a copy, or NULL. */
static char *job_path(sd_bus *bus)
{
	sd_bus_message *m = NULL;
	const char *path = NULL;
	char *copy = NULL;
	uint32_t id;

	/* "self" is the unit of the process that asks. */
	if (sd_bus_get_property(bus, SYSTEMD, "/org/freedesktop/systemd1/unit/self",
				SYSTEMD ".Unit", "Job", NULL, &m, "(uo)") >= 0 &&
	    sd_bus_message_read(m, "(uo)", &id, &path) >= 0 && id)
		copy = strdup(path);
	sd_bus_message_unref(m);
	return copy;
}

/* The first call would wait for a bus that hangs, for much longer than for its answer. */
static bool bus_answers(sd_bus *bus)
{
	uint64_t t, until = monotonic_us() + ASK_US;
	int r;

	while ((r = sd_bus_is_ready(bus)) == 0 && (t = monotonic_us()) < until) {
		r = sd_bus_process(bus, NULL);
		if (r < 0 || (r == 0 && sd_bus_wait(bus, until - t) < 0))
			return false;
	}
	return r > 0;
}

bool notify_is_restart(void)
{
	sd_bus *bus = NULL;
	char *path = NULL, *type = NULL;
	bool restart = false;

	/* Started by systemd? */
	if (getenv("INVOCATION_ID") && sd_bus_open_system(&bus) >= 0 && bus_answers(bus) &&
	    sd_bus_set_method_call_timeout(bus, ASK_US) >= 0)
		path = job_path(bus);
	if (path && sd_bus_get_property_string(bus, SYSTEMD, path, SYSTEMD ".Job", "JobType",
					       NULL, &type) >= 0)
		restart = strcmp(type, "restart") == 0 || strcmp(type, "try-restart") == 0;
	free(type);
	free(path);
	sd_bus_close_unref(bus);
	return restart;
}

/* ---- watchdog ---- */

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
