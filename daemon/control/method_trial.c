/* method_trial.c - Confirm: what is on trial stays; and NoteSaved, by which what runs is no
 * longer something else than the ruleset file.
 *
 * Apply, Reload and Rollback begin a trial; it ends here, by Rollback, or by the daemon's
 * clock.  Nothing of it hangs on a connection. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/trial.h"
#include "ctfw/clock.h"

#define HASH_DIGITS 16

/* ---- for all methods ---- */

bool trial_decode(const struct control_context *ctx, const json_t *params, uint64_t *ret_until)
{
	const json_t *confirm = json_object_get(params, "confirm");
	json_int_t seconds = json_integer_value(confirm);

	*ret_until = 0;
	if (!confirm || json_is_null(confirm))
		return true;
	if (seconds < 1 || seconds > CONTROL_TRIAL_MAX)
		return false;
	*ret_until = ctx->now(ctx->arg).mono + (uint64_t)seconds * NSEC_PER_SEC;
	return true;
}

/* Seconds that are left, none of them begun: what was asked for, when just asked. */
static uint64_t seconds_left(const struct control_context *ctx, uint64_t until)
{
	uint64_t mono = ctx->now(ctx->arg).mono;

	return until > mono ? (until - mono + NSEC_PER_SEC - 1) / NSEC_PER_SEC : 0;
}

json_t *trial_encode(const struct control_context *ctx)
{
	struct generation_trial trial;

	if (!generation_trial(ctx->generation, &trial))
		return NULL;
	return json_pack("{sf sI sb}", "begun", (double)trial.begun / 1e9, "undone_in",
			 (json_int_t)seconds_left(ctx, trial.until), "file", trial.file);
}

void trial_log_begin(const struct control_context *ctx)
{
	struct generation_trial trial;
	struct text line = TEXT_INIT;

	if (!generation_trial(ctx->generation, &trial))
		return;
	text_printf(&line,
		    "changes of the ruleset are on trial: undone in %" PRIu64
		    " seconds unless \"ctfwctl confirm\" comes",
		    seconds_left(ctx, trial.until));
	ctx->log(ctx->arg, text_str(&line));
	text_fini(&line);
}

/* ---- methods ---- */

static void confirm(struct control_session *s, const json_t *params)
{
	const struct control_context *ctx = session_context(s);
	json_t *trial = trial_encode(ctx);

	(void)params;
	if (!trial) {
		session_error(s, CONTROL_INTERFACE ".NothingOnTrial", NULL);
		return;
	}
	generation_confirm(ctx->generation);
	ctx->log(ctx->arg, "what was on trial is confirmed, and stays");
	session_reply(s, trial);
}

/* False when it is no such number. */
static bool decode_hash(const json_t *value, uint64_t *ret_hash)
{
	const char *text = json_string_value(value);

	if (!text || strlen(text) != HASH_DIGITS ||
	    strspn(text, "0123456789abcdef") != HASH_DIGITS)
		return false;
	*ret_hash = strtoull(text, NULL, 16);
	return true;
}

/* What is in the file by now does not count: somebody may have edited it since. */
static void note_saved(struct control_session *s, const json_t *params)
{
	const struct control_context *ctx = session_context(s);
	json_int_t serial = json_integer_value(json_object_get(params, "generation"));
	const json_t *hash = json_object_get(params, "hash");
	struct generation_file file = { 0 }; /* what is saved includes nothing */
	struct diag d = DIAG_INIT;
	int err;

	if (hash && !json_is_null(hash) && !decode_hash(hash, &file.hash)) {
		session_invalid(s, "hash");
		return;
	}
	generation_file_saved(ctx->generation, (uint64_t)serial);
	generation_set_file(ctx->generation, file);
	err = ctx->saved(ctx->arg, &d);
	ctx->log(ctx->arg, "a client has saved what runs to the ruleset file");
	if (err)
		ctx->log(ctx->arg, text_str(&d.text));
	session_reply(s, json_pack("{so}", "unreadable",
				   err ? control_json_text(text_str(&d.text), d.text.len) :
					 json_null()));
	diag_fini(&d);
}

static const struct method_param saved_params[] = {
	{ "generation", 'i', true },
	{ "hash", 's', false },
	{ NULL, 0, false },
};

const struct method trial_methods[] = {
	{ .name = CONTROL_INTERFACE ".Confirm", .change = true, .call = confirm },
	{
		.name = CONTROL_INTERFACE ".NoteSaved",
		.change = true,
		.params = saved_params,
		.call = note_saved,
	},
	{ .name = NULL },
};
