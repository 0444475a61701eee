/* generation.c - the ruleset in force.
 *
 * A change goes through three steps that may fail (apply, compile, save) before the one
 * that cannot (swap).  The save comes before the swap: should the process die between the
 * two, the next one starts with a ruleset that was right and about to be in force.
 *
 * What is saved is the whole once in a while, and else the elements that a change was about. */
#include "ctfw/generation.h"

#include <errno.h>
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
	void (*changed)(void *arg, const struct ruleset *old, const struct ruleset *new,
			bool anew);
	void *changed_arg;
};

/* The change alone, where a step tells it and there is room; else the whole. */
static int save(struct generation *g, const struct ruleset *rs, bool anew, struct diag *d)
{
	struct text saved = TEXT_INIT;
	size_t len;
	const char *step = anew ? NULL : ruleset_step(rs, &len);
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

/* Takes the reference to rs, also when it fails.  anew: it was not made from the one before. */
static int install(struct generation *g, struct ruleset *rs, bool anew, struct diag *d)
{
	struct ruleset *former;
	struct program *program = NULL;
	int err = engine_compile(g->engine, rs, g->ruleset, d, &program);

	if (err == 0 && g->arena)
		err = save(g, rs, anew, d);
	if (err == 0) {
		engine_set_program(g->engine, program);
		program = NULL;
		former = g->ruleset;
		g->ruleset = ruleset_ref(rs);
		g->serial++;
		if (g->changed && former)
			g->changed(g->changed_arg, former, rs, anew);
		ruleset_unref(former);
	}
	program_free(program);
	ruleset_unref(rs);
	return err;
}

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
		return NULL;
	if (replay(g, &rs, d) < 0) {
		ruleset_unref(rs);
		return NULL;
	}
	return rs;
}

struct generation *generation_new(struct engine *engine, struct counters *counters,
				  struct arena *arena, struct diag *d, bool *ret_restored)
{
	struct generation *g = calloc(1, sizeof(*g));
	struct ruleset *rs;

	if (!g)
		return NULL;
	g->engine = engine;
	g->counters = counters;
	g->arena = arena;
	rs = restore(g, d);
	if (ret_restored)
		*ret_restored = rs != NULL;
	if (!rs)
		rs = ruleset_new(counters);
	if (!rs || install(g, rs, true, d) < 0) {
		generation_free(g);
		return NULL;
	}
	return g;
}

void generation_free(struct generation *g)
{
	if (!g)
		return;
	ruleset_unref(g->ruleset);
	free(g);
}

int generation_apply(struct generation *g, const struct ruleset_input *input, struct diag *d,
		     struct text *out)
{
	struct ruleset *next = NULL;
	int err = ruleset_apply(g->ruleset, input, d, out, &next);

	if (err < 0)
		return err;
	if (next == g->ruleset) {
		ruleset_unref(next);
		return 0;
	}
	return install(g, next, false, d);
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

int generation_replace(struct generation *g, const struct ruleset_input *input, struct diag *d)
{
	struct ruleset *next = NULL;
	int err = from_nothing(g->counters, input, d, &next);

	return err < 0 ? err : install(g, next, true, d);
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
