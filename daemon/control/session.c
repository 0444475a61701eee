/* session.c - one connection's protocol: messages in, calls, replies out.
 *
 * Life of a message: bytes gather in `input` up to the NUL; run() parses it, finds the
 * method, checks rights and parameters, and calls it.  The method answers at once, or
 * leaves a step that run() takes again and again (a stream), or a ticket with the daemon
 * (a reload).  Only when it has answered is the next message taken.
 *
 * What is no message (no JSON, no object, no method) ends the connection: there is nobody
 * there who speaks Varlink.  A call that is merely wrong is answered with an error. */
#include "control/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct session_ticket {
	struct control_session *session; /* NULL when it has gone */
};

struct control_session {
	const struct control_context *ctx;
	bool may_change;
	uint32_t uid;
	void (*wake)(void *arg);
	void *wake_arg;

	struct text input; /* a message, or its beginning */
	bool complete;     /* input is a whole message */
	bool closing;
	struct text out;

	/* The call in progress. */
	bool busy, more, oneway;
	bool paused;       /* step has nothing to do */
	void (*step)(struct control_session *s, void *job);
	void *job;
	void (*job_free)(void *job);
	struct session_ticket *ticket;
};

static const struct method *const method_tables[] = {
	service_methods, status_methods, apply_methods, reload_methods, trial_methods,
	flow_methods,	 expect_methods, watch_methods, change_methods, rule_methods,
	trace_methods,	 saved_methods,
};

struct control_session *control_session_new(const struct control_context *ctx, bool may_change,
					    void (*wake)(void *arg), void *arg)
{
	struct control_session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->ctx = ctx;
	s->may_change = may_change;
	s->uid = GENERATION_NOBODY;
	s->wake = wake;
	s->wake_arg = arg;
	return s;
}

void control_session_set_uid(struct control_session *s, uint32_t uid)
{
	s->uid = uid;
}

static void call_end(struct control_session *s)
{
	if (s->job_free)
		s->job_free(s->job);
	s->step = NULL;
	s->job = NULL;
	s->job_free = NULL;
	s->busy = s->more = s->oneway = s->paused = false;
}

void control_session_free(struct control_session *s)
{
	if (!s)
		return;
	if (s->ticket)
		s->ticket->session = NULL;
	call_end(s);
	text_fini(&s->input);
	text_fini(&s->out);
	free(s);
}

/* ---- answers ---- */

const struct control_context *session_context(const struct control_session *s)
{
	return s->ctx;
}

bool session_may_change(const struct control_session *s)
{
	return s->may_change;
}

uint32_t session_uid(const struct control_session *s)
{
	return s->uid;
}

bool session_more(const struct control_session *s)
{
	return s->more;
}

void session_reply_text(struct control_session *s, const struct text *params, bool continues)
{
	if (!s->oneway) {
		text_puts(&s->out, "{\"parameters\":");
		text_append(&s->out, text_str(params), params->len);
		text_puts(&s->out, continues ? ",\"continues\":true}" : "}");
		text_putc(&s->out, '\0');
	}
	if (text_failed(params) || text_failed(&s->out))
		s->closing = true;
	if (!continues)
		call_end(s);
}

/* Serialise, append, drop the reference, end the call. */
static void answer(struct control_session *s, json_t *message)
{
	char *text = message && !s->oneway ? json_dumps(message, JSON_COMPACT) : NULL;

	if (text)
		text_append(&s->out, text, strlen(text) + 1);
	if ((!text && !s->oneway) || text_failed(&s->out))
		s->closing = true; /* no memory even to say so */
	free(text);
	json_decref(message);
	call_end(s);
}

void session_reply(struct control_session *s, json_t *params)
{
	if (params)
		answer(s, json_pack("{so}", "parameters", params));
	else
		session_failed(s, "out of memory");
}

void session_error(struct control_session *s, const char *name, json_t *params)
{
	answer(s, json_pack("{ss so}", "error", name, "parameters",
			    params ? params : json_object()));
}

void session_invalid(struct control_session *s, const char *param)
{
	session_error(s, VARLINK ".InvalidParameter", json_pack("{ss}", "parameter", param));
}

void session_failed(struct control_session *s, const char *message)
{
	session_error(s, CONTROL_INTERFACE ".Failed",
		      json_pack("{so}", "message",
				control_json_text(message, strlen(message))));
}

void session_continue(struct control_session *s,
		      void (*step)(struct control_session *s, void *job), void *job,
		      void (*job_free)(void *job))
{
	s->step = step;
	s->job = job;
	s->job_free = job_free;
}

void session_pause(struct control_session *s)
{
	s->paused = true;
}

struct session_ticket *session_wait(struct control_session *s)
{
	struct session_ticket *ticket = malloc(sizeof(*ticket));

	if (ticket)
		*ticket = (struct session_ticket){ s };
	s->ticket = ticket;
	return ticket;
}

struct control_session *session_of(struct session_ticket *ticket)
{
	struct control_session *s = ticket->session;

	free(ticket);
	if (s)
		s->ticket = NULL;
	return s;
}

void session_wake(struct control_session *s)
{
	s->paused = false;
	if (s->wake)
		s->wake(s->wake_arg);
}

/* ---- calls ---- */

static const struct method *method_find(const char *name)
{
	for (size_t i = 0; i < sizeof(method_tables) / sizeof(method_tables[0]); i++)
		for (const struct method *m = method_tables[i]; m->name; m++)
			if (strcmp(m->name, name) == 0)
				return m;
	return NULL;
}

/* Which of the two is not known here: what stands before the last dot, or behind it? */
static void unknown_method(struct control_session *s, const char *name)
{
	const char *dot = strrchr(name, '.');
	size_t len = dot ? (size_t)(dot - name) : 0;
	bool known = (len == strlen(CONTROL_INTERFACE) &&
		      memcmp(name, CONTROL_INTERFACE, len) == 0) ||
		     (len == strlen(VARLINK) && memcmp(name, VARLINK, len) == 0);

	if (known)
		session_error(s, VARLINK ".MethodNotFound", json_pack("{ss}", "method", name));
	else
		session_error(s, VARLINK ".InterfaceNotFound",
			      json_pack("{ss%}", "interface", name, len));
}

static bool param_fits(const struct method_param *p, const json_t *value)
{
	if (!value || json_is_null(value))
		return !p->required;
	switch (p->type) {
	case 's':
		return json_is_string(value);
	case 'i':
		return json_is_integer(value);
	case 'b':
		return json_is_boolean(value);
	case 'a':
		return json_is_array(value);
	case 'o':
		return json_is_object(value);
	}
	return false;
}

/* The name of the first parameter that is unknown, missing or of another type. */
static const char *params_wrong(const struct method *m, json_t *params)
{
	static const struct method_param none[] = { { NULL, 0, false } };
	const struct method_param *known = m->params ? m->params : none, *p;
	const char *name;
	json_t *value;

	json_object_foreach (params, name, value) {
		for (p = known; p->name && strcmp(p->name, name) != 0; p++)
			;
		if (!p->name)
			return name;
	}
	for (p = known; p->name; p++)
		if (!param_fits(p, json_object_get(params, p->name)))
			return p->name;
	return NULL;
}

/* One member of the message that is a boolean or absent; -EINVAL for another type. */
static int flag_get(const json_t *message, const char *name, bool *ret_flag)
{
	const json_t *value = json_object_get(message, name);

	if (value && !json_is_boolean(value) && !json_is_null(value))
		return -EINVAL;
	*ret_flag = json_is_true(value);
	return 0;
}

static void call_method(struct control_session *s, const char *name, bool upgrade,
			json_t *params)
{
	const struct method *m = method_find(name);
	const char *wrong;

	if (!m) {
		unknown_method(s, name);
		return;
	}
	if (upgrade) { /* no method of ours turns the connection into another protocol */
		session_error(s, VARLINK ".MethodNotImplemented",
			      json_pack("{ss}", "method", name));
		return;
	}
	if (m->change && !s->may_change) {
		session_error(s, VARLINK ".PermissionDenied", NULL);
		return;
	}
	if (s->oneway) /* a stream that nobody hears */
		s->more = false;
	wrong = params_wrong(m, params);
	if (wrong)
		session_invalid(s, wrong);
	else if (m->stream && !s->more && !s->oneway)
		session_error(s, VARLINK ".ExpectedMore", NULL);
	else
		m->call(s, params);
}

/* A whole message is there: begin its call, or see that there is none in it. */
static void message_begin(struct control_session *s)
{
	json_t *message = json_loadb(s->input.s, s->input.len, JSON_REJECT_DUPLICATES, NULL);
	const char *name = json_string_value(json_object_get(message, "method"));
	json_t *params = json_object_get(message, "parameters"), *none = json_object();
	bool upgrade;

	text_fini(&s->input);
	s->complete = false;
	if (!name || !none || (params && !json_is_object(params) && !json_is_null(params)) ||
	    flag_get(message, "more", &s->more) || flag_get(message, "oneway", &s->oneway) ||
	    flag_get(message, "upgrade", &upgrade)) {
		s->closing = true;
		s->more = s->oneway = false;
	} else {
		s->busy = true;
		call_method(s, name, upgrade, json_is_object(params) ? params : none);
	}
	json_decref(none);
	json_decref(message);
}

static size_t message_max(const struct control_session *s)
{
	return s->may_change ? CONTROL_MESSAGE_MAX : CONTROL_MESSAGE_MAX_READER;
}

size_t control_session_input(struct control_session *s, const void *bytes, size_t len)
{
	const char *nul;
	size_t take;

	if (s->closing || s->complete || s->busy)
		return 0;
	nul = memchr(bytes, '\0', len);
	take = nul ? (size_t)(nul - (const char *)bytes) : len;
	if (take > message_max(s) - s->input.len) {
		session_error(s, CONTROL_INTERFACE ".MessageTooLong",
			      json_pack("{sI}", "limit", (json_int_t)message_max(s)));
		text_fini(&s->input);
		s->closing = true;
		return len;
	}
	text_append(&s->input, bytes, take);
	if (text_failed(&s->input))
		s->closing = true;
	s->complete = nul != NULL;
	return take + (nul != NULL);
}

/* Move what was written, without a copy where there is nothing to append to. */
static void hand_over(struct text *from, struct text *to)
{
	if (to->len == 0 && !to->failed) {
		text_fini(to);
		*to = *from;
	} else {
		text_append(to, text_str(from), from->len);
		free(from->s);
	}
	*from = (struct text)TEXT_INIT;
}

enum control_state control_session_run(struct control_session *s, struct text *out)
{
	if (s->closing)
		; /* what was said before still goes out */
	else if (s->busy && s->step && !s->paused)
		s->step(s, s->job);
	else if (!s->busy && s->complete)
		message_begin(s);

	hand_over(&s->out, out);
	if (s->closing || text_failed(out))
		return CONTROL_CLOSE;
	if (!s->busy)
		return s->complete ? CONTROL_WRITE : CONTROL_READ;
	if (s->paused)
		return CONTROL_PAUSE;
	return s->step ? CONTROL_WRITE : CONTROL_WAIT;
}

size_t control_session_partial(const struct control_session *s)
{
	return s->complete ? 0 : s->input.len;
}
