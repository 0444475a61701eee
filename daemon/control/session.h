/* session.h - private to control/: a call in progress, and how methods answer it. */
#ifndef CTFW_CONTROL_SESSION_H
#define CTFW_CONTROL_SESSION_H

#include "ctfw/control.h"

#define VARLINK "org.varlink.service"

struct control_session;

struct method_param {
	const char *name; /* NULL ends the list */
	char type;        /* 's'tring, 'i'nteger, 'b'oolean, 'a'rray, 'o'bject */
	bool required;
};

struct method {
	const char *name; /* with its interface */
	bool change;      /* only for peers that may change */
	bool stream;      /* only with "more" */
	const struct method_param *params; /* NULL: none */
	/* Answer the call, or begin to: session_continue(), session_wait(). */
	void (*call)(struct control_session *s, const json_t *params);
};

/* Each ends with a row without name. */
extern const struct method service_methods[], status_methods[], apply_methods[], flow_methods[],
	expect_methods[], watch_methods[], rule_methods[], trace_methods[], change_methods[],
	reload_methods[], trial_methods[], saved_methods[];

/* ---- what a method may do with its session ---- */

const struct control_context *session_context(const struct control_session *s);
bool session_may_change(const struct control_session *s);
uint32_t session_uid(const struct control_session *s);
/* The caller takes a stream of replies. */
bool session_more(const struct control_session *s);

/* The answer.  Takes the reference; NULL answers Failed, since memory ran out. */
void session_reply(struct control_session *s, json_t *params);
/* An answer in JSON text: the object of parameters.  continues: others follow. */
void session_reply_text(struct control_session *s, const struct text *params, bool continues);
void session_error(struct control_session *s, const char *name, json_t *params);
void session_invalid(struct control_session *s, const char *param);
void session_failed(struct control_session *s, const char *message);

/* Go on later: step is called once for each run, until it has answered.  job is freed
 * with it, or with the session. */
void session_continue(struct control_session *s,
		      void (*step)(struct control_session *s, void *job), void *job,
		      void (*job_free)(void *job));
/* From within step: nothing to do until session_wake(), which may come at any time. */
void session_pause(struct control_session *s);
/* Answer when the daemon says so.  The ticket outlives the session: take it with
 * session_of(), which is NULL when the peer has gone. */
struct session_ticket;
struct session_ticket *session_wait(struct control_session *s);
/* Uses the ticket up; the session, if there is one, must then be answered. */
struct control_session *session_of(struct session_ticket *ticket);
/* After an answer from outside of a run, or a pause. */
void session_wake(struct control_session *s);

/* Parameter `print`: false when it is no list of control_print_flags. */
bool control_print_decode(const json_t *names, unsigned *ret_flags);

#endif
