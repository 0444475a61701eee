/* steering.h - the keeper's part in steering: when to look, and what to say of it.
 *
 * steer.h does the work.  Here it is called at the right moments, what it finds goes to the
 * log and, as JSON, to the filter for Status. */
#ifndef CTFW_HOST_STEERING_H
#define CTFW_HOST_STEERING_H

#include <jansson.h>

#include "ctfw/config.h"
#include "ctfw/diag.h"

struct steering;

/* As steer_up(). */
int steering_up(const struct config *config, struct steering **ret_steering, struct diag *d);
/* The configuration has changed; captures: also what is captured, and the TUNs are there. */
void steering_adopt(struct steering *s, bool captures);
/* As steer_down(); where that fails, as at a death.  Returns what that means for the traffic, a
 * part of a sentence, or NULL when there is nothing to say.  NULL is fine. */
const char *steering_down(struct steering *s);
/* At a stop for a restart: it stays as it is, as at a death.  NULL is fine. */
void steering_leave(struct steering *s);
/* In a child, or as at a death: nothing of the host is touched, and the opener, where there is
 * one, does what it is for.  NULL is fine. */
void steering_forget(struct steering *s);

/* For poll(2); -1 for NULL. */
int steering_fd(const struct steering *s);
/* Monotonic ns; UINT64_MAX for NULL. */
uint64_t steering_due(const struct steering *s);
/* The descriptor is readable, or it is due. */
void steering_turn(struct steering *s, bool readable, uint64_t now);
/* Whether there is news for Status since it was last asked for. */
bool steering_has_news(struct steering *s);
/* A TUN was deleted by others. */
bool steering_lost_tun(const struct steering *s);
/* It was made anew. */
void steering_made_tun(struct steering *s);
/* Type Steering of org.ctfw.varlink; a new reference, or NULL when out of memory. */
json_t *steering_status(const struct steering *s);

#endif
