/* method_reload.c - Reload: what SIGHUP does, and how it went. */
#include <errno.h>
#include <string.h>

#include "control/trial.h"

/* Message and trial, where there are any. */
static json_t *answer(const struct control_context *ctx, const char *message)
{
	return json_pack("{so* so*}", "message",
			 message ? control_json_text(message, strlen(message)) : NULL, "trial",
			 trial_encode(ctx));
}

static void reload_done(void *arg, int err, const char *message)
{
	struct control_session *s = session_of(arg);

	if (!s)
		return; /* who asked has gone; the reload stands */
	if (!message)
		message = err ? "no reason was given" : NULL;
	if (err == -EAGAIN)
		session_error(s, CONTROL_INTERFACE ".TryAgain", NULL);
	else if (err)
		session_error(s, CONTROL_INTERFACE ".ReloadFailed",
			      json_pack("{so}", "message",
					control_json_text(message, strlen(message))));
	else
		session_reply(s, answer(session_context(s), message));
	session_wake(s);
}

static void reload(struct control_session *s, const json_t *params)
{
	const struct control_context *ctx = session_context(s);
	struct session_ticket *ticket;
	uint64_t until;

	if (!trial_decode(ctx, params, &until)) {
		session_invalid(s, "confirm");
		return;
	}
	ticket = session_wait(s);
	if (ticket)
		ctx->reload(ctx->arg, until, session_uid(s), reload_done, ticket);
	else
		session_failed(s, "out of memory");
}

static const struct method_param reload_params[] = {
	{ "confirm", 'i', false },
	{ NULL, 0, false },
};

const struct method reload_methods[] = {
	{
		.name = CONTROL_INTERFACE ".Reload",
		.change = true,
		.params = reload_params,
		.call = reload,
	},
	{ .name = NULL },
};
