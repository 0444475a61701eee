/* client.h - calls to the daemon: Varlink over its control socket. */
#ifndef CTFW_CTL_CLIENT_H
#define CTFW_CTL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "ctl/command.h"

struct client;

struct client_reply {
	json_t *message;      /* the whole of it: owned */
	const json_t *params; /* in it; NULL when it has none */
	const char *error;    /* in it; NULL: it went well */
	bool continues;       /* another reply follows */
};

/* Connect to ctl->socket.  NULL with the reason on ctl->err. */
struct client *client_open(struct ctl *ctl);
void client_close(struct client *c);

/* One call; method without its interface, params a reference that is taken.  Returns 0, or
 * -1 with the reason on ctl->err. */
int client_send(struct client *c, const char *method, json_t *params, bool more);
/* Wait for a reply, an error perhaps.  0, or -1 as above. */
int client_receive(struct client *c, struct client_reply *ret_reply);
void client_reply_fini(struct client_reply *r);

/* From a signal handler: client_receive() returns -1 now or the next time, and says nothing. */
void client_stop(struct client *c);
bool client_stopped(const struct client *c);
/* This one watches, and may wait for ever: SIGINT and SIGTERM stop it, one at a time; and no
 * longer, before it is closed. */
void client_catch_signals(struct client *c);
void client_ignore_signals(void);

/* One call with more, and the parameters of each of its replies, until there are no more or
 * each() returns something else than 0, which is what is returned then; or 1 with the reason
 * on ctl->err. */
int client_each(struct client *c, const char *method, json_t *params,
		int (*each)(void *arg, const json_t *params), void *arg);

/* Send and receive one reply: 0, or -1 with the reason on ctl->err, the daemon's own error
 * included. */
int client_call(struct client *c, const char *method, json_t *params,
		struct client_reply *ret_reply);
/* Connect, call, close. */
int ctl_call(struct ctl *ctl, const char *method, json_t *params,
	     struct client_reply *ret_reply);

/* The daemon's error in words, on ctl->err. */
void client_explain(struct ctl *ctl, const struct client_reply *r);

#endif
