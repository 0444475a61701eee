/* generation_save.c - the ruleset in force, and what is on trial, into the arena.
 *
 * What is saved is the whole once in a while, and else the elements that a change was about. */
#include <errno.h>

#include "engine/generation_private.h"

/* Whether it makes no difference to what is in force, or that is damaged or was there before
 * anything was loaded: it is none that anybody would go back to. */
static bool is_no_other(const struct generation *g, const struct text *saved)
{
	const char *text, *change;
	struct arena_note note;
	uint64_t bytes;
	size_t len, at = 0;

	if (arena_saved_text(g->arena, 0, &text, &len))
		return true;
	arena_saved_note(g->arena, 0, &note, &bytes);
	if (note.cause == CAUSE_NONE)
		return true;
	if (!ruleset_saved_alike(text, len, text_str(saved), saved->len))
		return false;
	return arena_saved_change(g->arena, 0, &at, &change, &len) == -ENOENT;
}

static int save_whole(struct generation *g, const struct ruleset *rs, const struct change *c)
{
	const bool elements = c->step && ruleset_elements_alone(rs);
	const struct arena_trial trial = generation_trial_after(g, c);
	struct arena_note note = c->note;
	enum arena_save how = g->unsaved ? ARENA_SAVE_UNDO :
			      elements	 ? ARENA_SAVE_AGAIN :
					   c->how;
	struct text saved = TEXT_INIT;
	int err = -ENOMEM;

	note.rules = ruleset_size(rs).rules;
	ruleset_save(rs, &saved);
	if (!text_failed(&saved) && how == ARENA_SAVE_NEW && is_no_other(g, &saved))
		how = ARENA_SAVE_AGAIN;
	if (!text_failed(&saved))
		err = arena_save_text(g->arena, how, text_str(&saved), saved.len,
				      elements || !note.at ? NULL : &note, &trial);
	text_fini(&saved);
	g->unsaved = g->unsaved && err;
	g->too_large = err == -EFBIG;
	return err;
}

int generation_save(struct generation *g, const struct ruleset *rs, const struct change *c,
		    struct diag *d)
{
	size_t len;
	const char *step = c->step && !g->unsaved ? ruleset_step(rs, &len) : NULL;
	int err;

	if (step && arena_save_change(g->arena, step, len) == 0)
		return 0;
	err = save_whole(g, rs, c);
	if (err == -EFBIG)
		diag_error(d, NULL, "the ruleset is too large to be kept through a restart");
	if (err == -ENOSPC)
		diag_error(d, NULL, "the runtime directory's file system is full: the ruleset "
				    "could not be kept through a restart");
	return err;
}

struct arena_trial generation_trial_after(const struct generation *g, const struct change *c)
{
	struct arena_trial t = { .file_undone = c->file_undone };

	if (!g->on_trial || c->undoes)
		return t;
	t.until = c->until ? c->until : g->trial.until;
	t.begun = g->trial.begun;
	t.file = g->trial.file || c->file;
	return t;
}

void generation_save_trial(struct generation *g)
{
	const struct arena_trial trial = {
		.until = g->on_trial ? g->trial.until : 0,
		.begun = g->trial.begun,
		.file_undone = g->file_undone,
		.file = g->trial.file,
	};

	if (g->arena && !g->unsaved)
		arena_set_trial(g->arena, &trial);
}

void generation_save_again(struct generation *g)
{
	const struct change c = { .how = ARENA_SAVE_UNDO, .undoes = true,
				  .file_undone = g->file_undone };

	if (!g->unsaved || g->too_large || save_whole(g, g->ruleset, &c))
		return;
	generation_save_trial(g);
	arena_keep_former(g->arena);
}
