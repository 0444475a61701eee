/* control.h - the control socket's protocol, without its socket.
 *
 * Varlink: JSON objects, each ended by a NUL byte (varlink.org).  A session is one
 * connection: it takes bytes in and gives bytes out; who owns the socket moves them
 * (host/control_server.c).  Methods, types and errors are described in
 * daemon/control/org.ctfw.varlink, which is installed, and embedded for
 * GetInterfaceDescription.
 *
 * Bounds, whatever the peer does: a session holds at most one message, of
 * CONTROL_MESSAGE_MAX bytes (CONTROL_MESSAGE_MAX_READER for those who may only look), and
 * takes no other while it works on one.  Long answers are made piece by piece: one call of
 * control_session_run() works for about a millisecond, and the owner calls it again when
 * the peer has read.
 *
 * One thread, registered with rcu and offline when it calls in; it is offline again when
 * the call returns. */
#ifndef CTFW_CONTROL_H
#define CTFW_CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "ctfw/diag.h"
#include "ctfw/engine.h"
#include "ctfw/flow.h"
#include "ctfw/generation.h"
#include "ctfw/locale.h"
#include "ctfw/text.h"

#define CONTROL_INTERFACE "org.ctfw"
#define CONTROL_MESSAGE_MAX (64u << 20) /* a ruleset file is one message */
#define CONTROL_TRIAL_MAX 86400 /* seconds that a change may be on trial */
/* Of those who may only look. */
#define CONTROL_MESSAGE_MAX_READER (64u << 10)
/* Bytes that they may have listed in a call before its last command. */
#define CONTROL_LISTED_MAX_READER (1u << 20)
/* Flows in one reply of a stream. */
#define CONTROL_CHUNK_FLOWS 200

/* Where events wait for those who listen: event_hub_collect() takes them from conntrack
 * and wakes the listeners.  It is called when conntrack's wake has been, and again after a
 * moment as long as it returns true: there may be more. */
struct event_hub;
/* Borrows ct; it must outlive all sessions.  NULL when out of memory. */
struct event_hub *event_hub_new(struct conntrack *ct);
void event_hub_free(struct event_hub *hub);
bool event_hub_collect(struct event_hub *hub);

/* The same for changes of the ruleset: it watches g, and must outlive all sessions. */
struct rule_hub;
struct rule_hub *rule_hub_new(struct generation *g);
void rule_hub_free(struct rule_hub *hub);

/* And for traced packets.  active() says from when on, and how long, trace_hub_collect() is to
 * be called now and then. */
struct trace_hub;
struct trace_hub *trace_hub_new(struct engine *e, struct generation *g,
				void (*active)(void *arg, bool on), void *arg);
void trace_hub_free(struct trace_hub *hub);
void trace_hub_collect(struct trace_hub *hub);

/* What the methods work on. */
struct set_elements;

struct control_context {
	struct engine *engine;
	struct conntrack *conntrack;
	const struct set_elements *elements;
	struct generation *generation;
	struct event_hub *events;
	struct rule_hub *rules;
	struct trace_hub *traces;
	unsigned workers; /* of the engine */
	struct instant (*now)(void *arg);
	/* The daemon's own part of Status: an object (new reference) with these members of
	 * Status, as org.ctfw.varlink describes them: filtering, since, captures, ports,
	 * config, ruleset (path and loaded alone: the rest is added), last_load, keeper_pid,
	 * filter_pid, restarts, steering.  NULL when out of memory. */
	json_t *(*status)(void *arg);
	/* Reload configuration and ruleset, then call done once (perhaps before returning):
	 * err 0 (message: what to know, or NULL), or a negative errno with a message for
	 * people.  until: the ruleset alone, on trial until then; 0: both, for good.  uid: of
	 * who asks. */
	void (*reload)(void *arg, uint64_t until, uint32_t uid,
		       void (*done)(void *done_arg, int err, const char *message),
		       void *done_arg);
	/* What is in force, or was a moment ago, is in the ruleset file.  0, or a negative errno
	 * with why in d when the next start could not read it. */
	int (*saved)(void *arg, struct diag *d);
	/* What a client has done, a line for the daemon's log. */
	void (*log)(void *arg, const char *line);
	void *arg;
};

/* ---- a session ---- */

struct control_session;

enum control_state {
	CONTROL_NONE = 0,
	CONTROL_READ,  /* waits for a message: feed it */
	CONTROL_WRITE, /* has more to say: run it again when the peer has read */
	CONTROL_WAIT,  /* waits for the daemon: wake() will be called */
	CONTROL_PAUSE, /* has nothing to say at present: wake() will be called, or never */
	CONTROL_CLOSE, /* send what there is, then close */
};

/* may_change: the peer is root or the daemon's own user.  wake: see CONTROL_WAIT; called
 * from within ctx->reload()'s done.  Borrows ctx.  NULL when out of memory. */
struct control_session *control_session_new(const struct control_context *ctx, bool may_change,
					    void (*wake)(void *arg), void *arg);
/* At any time, in the middle of a call too. */
void control_session_free(struct control_session *s);
/* Who the peer is; none unless told (GENERATION_NOBODY). */
void control_session_set_uid(struct control_session *s, uint32_t uid);

/* Bytes from the peer.  Takes them up to the end of the first message, which run() then
 * works on, and none in other states than CONTROL_READ.  Returns how many were taken. */
size_t control_session_input(struct control_session *s, const void *bytes, size_t len);
/* Work on the call in progress; appends what is to be sent to out. */
enum control_state control_session_run(struct control_session *s, struct text *out);
/* Bytes of an unfinished message. */
size_t control_session_partial(const struct control_session *s);

/* ---- flows as JSON, for both ends of the socket ---- */

/* Appends one object of type Flow; mono: now.  labels NULL: none. */
void control_flow_encode(const struct flow *f, const uint64_t labels[2], uint64_t mono,
			 struct text *t);
/* The flow as it was, expiring at `timeout` seconds behind 0.  0, or -EINVAL. */
int control_flow_decode(const json_t *object, struct flow *ret_flow);
/* The same for type Expectation. */
struct expect;
void control_expect_encode(const struct expect *e, uint64_t mono, struct text *t);
int control_expect_decode(const json_t *object, struct expect *ret_expect);
/* Type FlowFilter.  New reference, or NULL when out of memory. */
json_t *control_filter_encode(const struct flow_filter *filter);
/* 0, or -EINVAL with the member that is wrong. */
int control_filter_decode(const json_t *object, struct flow_filter *ret_filter,
			  const char **ret_member);

/* The parameters zone and labels of a method.  Decoding gives NULL, or the name of the parameter
 * that is wrong inside, with *ret_locale of no use; neither need be there. */
void control_locale_encode(const struct locale *l, json_t *params);
const char *control_locale_decode(const json_t *params, struct locale *ret_locale);

/* The enum print_flag's names in Apply's parameter `print`; name NULL ends. */
struct control_print_flag {
	const char *name;
	unsigned flag;
};
extern const struct control_print_flag control_print_flags[];

/* The installed interface file. */
extern const char control_interface_text[];

/* A JSON string from text that may hold anything: bytes that are not UTF-8 become U+FFFD.
 * New reference, or NULL when out of memory. */
json_t *control_json_text(const char *s, size_t len);

#endif
