/* method_reload.c - Reload: what SIGHUP does, and how it went. */
#include <string.h>

#include "control/session.h"

static void reload_done(void *arg, int err, const char *message)
{
	struct control_session *s = session_of(arg);

	if (!s)
		return; /* who asked has gone; the reload stands */
	if (!message)
		message = err ? "no reason was given" : NULL;
	if (err)
		session_error(s, CONTROL_INTERFACE ".ReloadFailed",
			      json_pack("{so}", "message",
					control_json_text(message, strlen(message))));
	else if (message)
		session_reply(s, json_pack("{so}", "message",
					   control_json_text(message, strlen(message))));
	else
		session_reply(s, json_object());
	session_wake(s);
}

static void reload(struct control_session *s, const json_t *params)
{
	const struct control_context *ctx = session_context(s);
	struct session_ticket *ticket;

	(void)params;
	ticket = session_wait(s);
	if (ticket)
		ctx->reload(ctx->arg, reload_done, ticket);
	else
		session_failed(s, "out of memory");
}

const struct method reload_methods[] = {
	{ .name = CONTROL_INTERFACE ".Reload", .change = true, .call = reload },
	{ .name = NULL },
};
