/* notify.h - what systemd is told (sd_notify(3)).  Without systemd, nothing happens.
 *
 * The keeper is what systemd started, and the only one that speaks. */
#ifndef CTFW_HOST_NOTIFY_H
#define CTFW_HOST_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

void notify_ready(const char *status);
void notify_status(const char *status);
/* RELOADING=1 with the time, as Type=notify-reload wants; notify_ready() ends it. */
void notify_reloading(void);
void notify_stopping(void);
/* Whether systemd stops us to start us again (restart, try-restart, a package's upgrade): asked
 * by D-Bus, which answers within a moment or not at all, and then it is an ordinary stop. */
bool notify_is_restart(void);
void notify_watchdog(void);
/* Microseconds within which notify_watchdog() is expected; 0: not at all. */
uint64_t notify_watchdog_interval(void);

/* Keep this descriptor for whoever is started after us, or no more; see fdstore.h. */
void notify_store(const char *name, int fd);
void notify_forget(const char *name);
/* Wait until everything that was told has been heard, for so many microseconds at most. */
void notify_barrier(uint64_t usec);

#endif
