/* generation.c - the ruleset in force.
 *
 * A change goes through three steps that may fail (apply, compile, save) before the one
 * that cannot (swap).  The save comes before the swap: should the process die between the
 * two, the next one starts with a ruleset that was right and about to be in force.
 *
 * What is saved is the whole once in a while, and else the elements that a change was about.
 *
 * A trial begins in the arena before the change that it is about: a process that dies between
 * the two leaves one that would undo nothing.  It ends there behind the undo, so that this is
 * done again rather than not at all. */
#include "ctfw/generation.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "ctfw/clock.h"

/* The program is compiled anew for it: not too often. */
#define EXPIRE_EVERY (10 * NSEC_PER_SEC)

struct generation {
	struct engine *engine;
	struct counters *counters;
	struct arena *arena;
	struct ruleset *ruleset;
	uint64_t serial;
	uint64_t expire_at; /* monotonic ns: when to look for what has expired */
	struct ruleset *former; /* what an undo goes back to; NULL: nothing is on trial */
	struct generation_trial trial;
	uint64_t file_undone;   /* real ns */
	void (*changed)(void *arg, const struct ruleset *old, const struct ruleset *new,
			bool anew);
	void *changed_arg;
};

/* How one ruleset takes the place of another. */
struct change {
	bool step;      /* commands made it of that one, and the arena may have it as a step */
	bool anew;      /* nothing of that one is kept */
	bool file;      /* it is what a file holds */
	uint64_t until; /* of the trial that it begins, monotonic ns; 0: of none */
	uint64_t real;  /* now */
};

/* What a text becomes while it is read is many times as much memory as what stays of it: that of a
 * large one goes back to the system. */
#define LARGE_TEXT (1u << 20)

static void give_memory_back(size_t text_len)
{
	if (text_len >= LARGE_TEXT)
		malloc_trim(0);
}

/* ---- the arena ---- */

/* The change alone, where a step tells it and there is room; else the whole. */
static int save(struct generation *g, const struct ruleset *rs, bool as_step, struct diag *d)
{
	struct text saved = TEXT_INIT;
	size_t len;
	const char *step = as_step ? ruleset_step(rs, &len) : NULL;
	int err;

	if (step && arena_save_change(g->arena, step, len) == 0)
		return 0;
	ruleset_save(rs, &saved);
	err = text_failed(&saved) ? -ENOMEM :
				    arena_save_text(g->arena, text_str(&saved), saved.len);
	if (err == -ENOSPC)
		diag_error(d, NULL, "the ruleset is too large to be saved");
	text_fini(&saved);
	return err;
}

static void save_trial(struct generation *g)
{
	struct arena_header *h;

	if (!g->arena)
		return;
	h = g->arena->header;
	h->file_undone = g->file_undone;
	h->trial_begun = g->trial.begun;
	h->trial_file = g->trial.file;
	atomic_store_explicit(&h->trial_until, g->former ? g->trial.until : 0,
			      memory_order_release);
}

/* ---- trials ---- */

/* What is in force now is what an undo goes back to. */
static int begin_trial(struct generation *g, const struct change *c, struct diag *d)
{
	struct text saved = TEXT_INIT;
	int err = 0;

	if (g->arena) {
		ruleset_save(g->ruleset, &saved);
		err = text_failed(&saved) ?
			      -ENOMEM :
			      arena_save_former(g->arena, text_str(&saved), saved.len);
		text_fini(&saved);
	}
	if (err == -ENOSPC)
		diag_error(d, NULL, "there is no room to keep the ruleset in force for an undo");
	if (err)
		return err;
	g->former = ruleset_ref(g->ruleset);
	g->trial = (struct generation_trial){ .until = c->until, .begun = c->real };
	save_trial(g);
	return 0;
}

/* Nothing is on trial any more. */
static void end_trial(struct generation *g)
{
	ruleset_unref(g->former);
	g->former = NULL;
	g->trial = (struct generation_trial){ 0 };
	save_trial(g);
}

/* A change is in force. */
static void note(struct generation *g, const struct change *c)
{
	if (c->file)
		g->file_undone = 0;
	if (g->former && c->until)
		g->trial.until = c->until;
	if (g->former && c->file)
		g->trial.file = true;
	save_trial(g);
}

/* ---- a change ---- */

static void swap(struct generation *g, struct ruleset *rs, struct program *program, bool anew)
{
	struct ruleset *former = g->ruleset;

	engine_set_program(g->engine, program);
	g->ruleset = ruleset_ref(rs);
	g->serial++;
	if (g->changed && former)
		g->changed(g->changed_arg, former, rs, anew);
	ruleset_unref(former);
}

/* Takes the reference to rs, also when it fails. */
static int install(struct generation *g, struct ruleset *rs, const struct change *c,
		   struct diag *d)
{
	struct program *program = NULL;
	bool begins = c->until && !g->former;
	int err = engine_compile(g->engine, rs, g->ruleset, d, &program);

	if (err == 0 && begins)
		err = begin_trial(g, c, d);
	if (err == 0 && g->arena)
		err = save(g, rs, c->step, d);
	if (err == 0) {
		swap(g, rs, program, c->anew);
		program = NULL;
		note(g, c);
	} else if (begins && g->former) {
		end_trial(g);
	}
	program_free(program);
	ruleset_unref(rs);
	return err;
}

/* ---- what a former process left ---- */

/* The changes that were saved behind it. */
static int replay(const struct generation *g, struct ruleset **rs, struct diag *d)
{
	const char *text;
	size_t at = 0, len;
	int err;

	while ((err = arena_saved_change(g->arena, &at, &text, &len)) == 0) {
		err = ruleset_replay(rs, text, len, d);
		if (err < 0)
			return err;
	}
	if (err == -ENOENT)
		return 0;
	diag_error(d, NULL, "a change of the saved ruleset is damaged");
	return err;
}

/* The ruleset that a former process saved, or NULL. */
static struct ruleset *restore(struct generation *g, struct diag *d)
{
	struct ruleset *rs = NULL;
	const char *text;
	size_t len;
	int err;

	if (!g->arena)
		return NULL;
	err = arena_saved_text(g->arena, &text, &len);
	if (err == -ENOENT)
		return NULL;
	if (err < 0) {
		diag_error(d, NULL, "the saved ruleset is damaged");
		return NULL;
	}
	if (ruleset_restore(text, len, g->counters, d, &rs) < 0)
		rs = NULL;
	if (rs && replay(g, &rs, d) < 0) {
		ruleset_unref(rs);
		rs = NULL;
	}
	give_memory_back(len);
	return rs;
}

/* The trial goes on, unless what it would go back to is damaged. */
static void restore_trial(struct generation *g, struct diag *d)
{
	const struct arena_header *h = g->arena->header;
	uint64_t until = atomic_load_explicit(&h->trial_until, memory_order_acquire);
	const char *text;
	size_t len;

	g->file_undone = h->file_undone;
	if (until &&
	    (arena_former_text(g->arena, &text, &len) < 0 ||
	     ruleset_restore_beside(text, len, g->ruleset, g->counters, d, &g->former) < 0))
		diag_error(d, NULL,
			   "changes were on trial, and what was there before is damaged: they "
			   "stay");
	if (g->former)
		g->trial = (struct generation_trial){ until, h->trial_begun,
						      h->trial_file != 0 };
	save_trial(g);
}

struct generation *generation_new(struct engine *engine, struct counters *counters,
				  struct arena *arena, struct diag *d, bool *ret_restored)
{
	struct generation *g = calloc(1, sizeof(*g));
	const struct change start = { .anew = true };
	struct ruleset *rs;
	bool restored;

	if (!g)
		return NULL;
	g->engine = engine;
	g->counters = counters;
	g->arena = arena;
	rs = restore(g, d);
	restored = rs != NULL;
	if (ret_restored)
		*ret_restored = restored;
	if (!rs)
		rs = ruleset_new(counters);
	if (restored) {
		/* Before the first change is noted, by which the arena would forget it. */
		g->ruleset = ruleset_ref(rs);
		restore_trial(g, d);
	}
	if (!rs || install(g, rs, &start, d) < 0) {
		generation_free(g);
		return NULL;
	}
	return g;
}

void generation_free(struct generation *g)
{
	if (!g)
		return;
	ruleset_unref(g->former);
	ruleset_unref(g->ruleset);
	free(g);
}

/* ---- commands, files, time ---- */

int generation_apply(struct generation *g, const struct ruleset_input *input, uint64_t until,
		     struct diag *d, struct text *out)
{
	const struct change c = { .step = true, .until = until, .real = input->now.real };
	struct ruleset *next = NULL;
	int err = ruleset_apply(g->ruleset, input, d, out, &next);

	if (!err && next == g->ruleset)
		ruleset_unref(next);
	else if (!err)
		err = install(g, next, &c, d);
	give_memory_back(input->len);
	return err;
}

void generation_expire(struct generation *g, uint64_t mono)
{
	struct ruleset *next = NULL;
	struct program *program = NULL;
	struct diag d = DIAG_INIT;

	if (mono < g->expire_at)
		return;
	g->expire_at = mono + EXPIRE_EVERY;
	if (ruleset_expire(g->ruleset, mono, &next) < 0)
		return;
	if (next != g->ruleset &&
	    engine_compile(g->engine, next, g->ruleset, &d, &program) == 0) {
		struct ruleset *former = g->ruleset;

		engine_set_program(g->engine, program);
		g->ruleset = ruleset_ref(next);
		ruleset_unref(former);
	}
	ruleset_unref(next);
	diag_fini(&d);
}

/* What the file makes of nothing. */
static int from_nothing(struct counters *counters, const struct ruleset_input *input,
			struct diag *d, struct ruleset **ret_rs)
{
	struct ruleset *empty = ruleset_new(counters);
	struct text out = TEXT_INIT;
	int err = empty ? ruleset_apply(empty, input, d, &out, ret_rs) : -ENOMEM;

	text_fini(&out);
	ruleset_unref(empty);
	return err;
}

int generation_replace(struct generation *g, const struct ruleset_input *input, uint64_t until,
		       struct diag *d)
{
	const struct change c = {
		.anew = true, .file = true, .until = until, .real = input->now.real
	};
	struct ruleset *next = NULL;
	int err = from_nothing(g->counters, input, d, &next);

	if (!err)
		err = install(g, next, &c, d);
	give_memory_back(input->len);
	return err;
}

int generation_check(struct generation *g, const struct ruleset_input *input, struct diag *d)
{
	struct ruleset_input checked = *input;
	struct ruleset *next = NULL;
	int err;

	checked.check = true;
	err = from_nothing(g->counters, &checked, d, &next);
	if (err == 0)
		ruleset_unref(next);
	return err;
}

/* ---- changes on trial, for others ---- */

bool generation_trial(const struct generation *g, struct generation_trial *ret_trial)
{
	if (g->former)
		*ret_trial = g->trial;
	return g->former != NULL;
}

void generation_confirm(struct generation *g)
{
	end_trial(g);
}

int generation_undo(struct generation *g, struct instant now, struct diag *d)
{
	bool file = g->trial.file;
	const struct change c = { .anew = file, .real = now.real };
	int err;

	if (!g->former)
		return 0;
	err = install(g, ruleset_ref(g->former), &c, d);
	if (err)
		return err;
	if (file)
		g->file_undone = now.real;
	end_trial(g);
	return 0;
}

uint64_t generation_file_undone(const struct generation *g)
{
	return g->file_undone;
}

void generation_file_saved(struct generation *g, uint64_t serial)
{
	if (serial != g->serial)
		return;
	g->file_undone = 0;
	save_trial(g);
}

void generation_watch(struct generation *g,
		      void (*changed)(void *arg, const struct ruleset *old,
				      const struct ruleset *new, bool anew),
		      void *arg)
{
	g->changed = changed;
	g->changed_arg = arg;
}

const struct ruleset *generation_ruleset(const struct generation *g)
{
	return g->ruleset;
}

uint64_t generation_serial(const struct generation *g)
{
	return g->serial;
}
