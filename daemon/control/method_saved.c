/* method_saved.c - Rulesets and Rollback: what was in force before, and back to it.
 *
 * While anything is on trial a Rollback without a number ends that: what was in force before it
 * is what whoever calls wants back.  Which of the two it is the daemon decides, since the trial
 * may end by itself before the call is there. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "control/trial.h"

static json_t *describe(const struct control_context *ctx, unsigned number)
{
	struct arena_note note;
	uint64_t bytes;
	json_t *o;

	generation_saved_note(ctx->generation, number, &note, &bytes);
	o = json_pack("{si sf ss so so sI sI}", "number", (int)number, "since",
		      (double)note.at / 1e9, "cause", generation_cause_name(note.cause), "uid",
		      note.uid == GENERATION_NOBODY ? json_null() : json_integer(note.uid),
		      "what", control_json_text(note.what, strlen(note.what)), "bytes",
		      (json_int_t)bytes, "rules", (json_int_t)note.rules);
	return o;
}

static void rulesets(struct control_session *s, const json_t *params)
{
	const struct control_context *ctx = session_context(s);
	unsigned n = generation_saved(ctx->generation);
	json_t *all = json_array();

	(void)params;
	for (unsigned i = 0; i < n; i++)
		json_array_append_new(all, describe(ctx, i));
	session_reply(s, json_pack("{so si sI sI}", "rulesets", all, "kept", ARENA_FORMER,
				   "room", (json_int_t)generation_room(ctx->generation),
				   "crowded_out",
				   (json_int_t)generation_crowded_out(ctx->generation)));
}

/* ---- Rollback ---- */

static void log_file(const struct control_context *ctx)
{
	ctx->log(ctx->arg,
		 "the ruleset file is as it was, and not what runs: a reload reads it again");
}

static void failed(struct control_session *s, const struct diag *d)
{
	session_failed(s, d->text.len ? text_str(&d->text) : "out of memory");
}

static void undo(struct control_session *s)
{
	const struct control_context *ctx = session_context(s);
	json_t *trial = trial_encode(ctx);
	bool file = json_is_true(json_object_get(trial, "file"));
	struct diag d = DIAG_INIT;

	if (generation_undo(ctx->generation, ctx->now(ctx->arg), &d)) {
		json_decref(trial);
		failed(s, &d);
	} else {
		ctx->log(ctx->arg, "what was on trial is undone, as a client asked");
		if (d.text.len)
			ctx->log(ctx->arg, text_str(&d.text));
		if (file)
			log_file(ctx);
		session_reply(s, json_pack("{so sb}", "undone", trial, "file", file));
	}
	diag_fini(&d);
}

static void tell_back(struct control_session *s, json_t *ruleset)
{
	const struct control_context *ctx = session_context(s);
	bool file = generation_file_undone(ctx->generation) != 0;
	struct text line = TEXT_INIT;

	text_printf(&line,
		    "back to the ruleset before, number %" PRIu64
		    " (%s: %s), as a client asked",
		    (uint64_t)json_integer_value(json_object_get(ruleset, "number")),
		    json_string_value(json_object_get(ruleset, "cause")),
		    json_string_value(json_object_get(ruleset, "what")));
	ctx->log(ctx->arg, text_str(&line));
	text_fini(&line);
	if (file)
		log_file(ctx);
	session_reply(s, json_pack("{so so* sb}", "ruleset", ruleset, "trial",
				   trial_encode(ctx), "file", file));
}

static void back_to(struct control_session *s, unsigned number, uint64_t until)
{
	const struct control_context *ctx = session_context(s);
	const struct generation_request request = { .until = until, .uid = session_uid(s) };
	struct diag d = DIAG_INIT;
	json_t *ruleset = NULL;
	int err = -ENOENT;

	if (number && number < generation_saved(ctx->generation)) {
		ruleset = describe(ctx, number);
		err = ruleset ? generation_rollback(ctx->generation, number, &request,
						    ctx->now(ctx->arg), &d) :
				-ENOMEM;
	}
	if (err == -ENOENT) {
		session_error(s, CONTROL_INTERFACE ".NoFormerRuleset", NULL);
	} else if (err) {
		failed(s, &d);
	} else {
		if (until)
			trial_log_begin(ctx);
		tell_back(s, ruleset);
		ruleset = NULL;
	}
	json_decref(ruleset);
	diag_fini(&d);
}

static void rollback(struct control_session *s, const json_t *params)
{
	const struct control_context *ctx = session_context(s);
	const json_t *number = json_object_get(params, "number");
	struct generation_trial trial;
	json_int_t n = number && !json_is_null(number) ? json_integer_value(number) : 0;
	uint64_t until;

	if (!trial_decode(ctx, params, &until))
		session_invalid(s, "confirm");
	else if (!n && !until && generation_trial(ctx->generation, &trial))
		undo(s);
	else
		back_to(s, n < 0 || n > ARENA_FORMER ? 0 : n ? (unsigned)n : 1, until);
}

static const struct method_param rollback_params[] = {
	{ "number", 'i', false },
	{ "confirm", 'i', false },
	{ NULL, 0, false },
};

const struct method saved_methods[] = {
	{ .name = CONTROL_INTERFACE ".Rulesets", .call = rulesets },
	{
		.name = CONTROL_INTERFACE ".Rollback",
		.change = true,
		.params = rollback_params,
		.call = rollback,
	},
	{ .name = NULL },
};
