/* generation.c - the ruleset in force.
 *
 * A change goes through three steps that may fail (apply, compile, save) before the one
 * that cannot (swap).  The save comes before the swap: should the process die between the
 * two, the next one starts with a ruleset that was right and about to be in force.
 *
 * What is saved is the whole once in a while, and else the elements that a change was about.
 * Changes of elements alone make no ruleset of its own among those that are kept: a script that
 * adds an address each second would leave nothing else there.
 *
 * A trial begins in the arena before the change that it is about: a process that dies between
 * the two leaves one that would undo nothing.  It ends there behind the undo, so that this is
 * done again rather than not at all.
 *
 * At a start packets wait.  What an undo goes back to is not read before somebody needs it, or
 * generation_settle() is called; and what was restored is not saved again. */
#include "ctfw/generation.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

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
	bool on_trial;
	struct ruleset *former; /* what an undo goes back to; NULL while it was not read yet */
	struct generation_trial trial;
	size_t restored_bytes;  /* of text that was read, and what it took not given back yet */
	uint64_t file_undone;   /* real ns */
	void (*changed)(void *arg, const struct ruleset *old, const struct ruleset *new,
			bool anew);
	void *changed_arg;
};

/* How one ruleset takes the place of another. */
struct change {
	enum arena_save how; /* 0: it is what the arena has */
	bool step;      /* commands made it of that one, and the arena may have it as a step */
	bool anew;      /* nothing of that one is kept */
	bool file;      /* it is what a file holds */
	uint64_t until; /* of the trial that it begins, monotonic ns; 0: of none */
	struct arena_note note; /* at: now */
};

static const char *const cause_names[CAUSE_COUNT] = {
	[CAUSE_NONE] = "none",	     [CAUSE_START] = "start", [CAUSE_RELOAD] = "reload",
	[CAUSE_COMMAND] = "command", [CAUSE_FILE] = "file",   [CAUSE_ROLLBACK] = "rollback",
};

const char *generation_cause_name(uint32_t cause)
{
	return cause_names[cause < CAUSE_COUNT ? cause : CAUSE_NONE];
}

/* The first line, and nothing in it that a terminal would take for more than text. */
static void take_line(char *line, size_t size, const char *what)
{
	size_t n = 0;

	while (*what == '\n' || *what == ' ' || *what == '\t')
		what++;
	for (; n + 1 < size && what[n] && what[n] != '\n'; n++)
		line[n] = (unsigned char)what[n] < ' ' || what[n] == 0x7f ? ' ' : what[n];
	line[n] = '\0';
}

static struct change new_change(const struct generation_request *request, struct instant now)
{
	struct change c = { .how = ARENA_SAVE_NEW, .note = { .at = now.real } };

	c.until = request ? request->until : 0;
	c.note.cause = request ? request->cause : CAUSE_COMMAND;
	c.note.uid = request ? request->uid : GENERATION_NOBODY;
	if (request && request->what)
		take_line(c.note.what, sizeof(c.note.what), request->what);
	return c;
}

/* What a text becomes while it is read is many times as much memory as what stays of it: that
 * of a large one goes back to the system. */
#define LARGE_TEXT (1u << 20)

static void give_memory_back(size_t text_len)
{
	if (text_len >= LARGE_TEXT)
		malloc_trim(0);
}

/* ---- the arena ---- */

/* Whether it makes no difference to what is in force, or nothing is yet: it is none that
 * anybody would go back to. */
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
	struct arena_note note = c->note;
	enum arena_save how = elements ? ARENA_SAVE_AGAIN : c->how;
	struct text saved = TEXT_INIT;
	int err = -ENOMEM;

	note.rules = ruleset_size(rs).rules;
	ruleset_save(rs, &saved);
	if (!text_failed(&saved) && how == ARENA_SAVE_NEW && is_no_other(g, &saved))
		how = ARENA_SAVE_AGAIN;
	if (!text_failed(&saved))
		err = arena_save_text(g->arena, how, text_str(&saved), saved.len,
				      elements || !note.at ? NULL : &note);
	text_fini(&saved);
	return err;
}

/* The change alone, where a step tells it and there is room; else the whole. */
static int save(struct generation *g, const struct ruleset *rs, const struct change *c,
		struct diag *d)
{
	size_t len;
	const char *step = c->step ? ruleset_step(rs, &len) : NULL;
	int err;

	if (step && arena_save_change(g->arena, step, len) == 0)
		return 0;
	err = save_whole(g, rs, c);
	if (err == -ENOSPC)
		diag_error(d, NULL, "the ruleset is too large to be saved");
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
	atomic_store_explicit(&h->trial_until, g->on_trial ? g->trial.until : 0,
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
		diag_error(d, NULL,
			   "there is no room to keep the ruleset in force for an undo");
	if (err)
		return err;
	g->former = ruleset_ref(g->ruleset);
	g->on_trial = true;
	g->trial = (struct generation_trial){ .until = c->until, .begun = c->note.at };
	save_trial(g);
	return 0;
}

/* Nothing is on trial any more. */
static void end_trial(struct generation *g)
{
	ruleset_unref(g->former);
	g->former = NULL;
	g->on_trial = false;
	g->trial = (struct generation_trial){ 0 };
	save_trial(g);
	if (g->arena)
		arena_keep_former(g->arena);
}

/* A change is in force. */
static void note(struct generation *g, const struct change *c)
{
	if (c->file)
		g->file_undone = 0;
	if (g->on_trial && c->until)
		g->trial.until = c->until;
	if (g->on_trial && c->file)
		g->trial.file = true;
	save_trial(g);
}

static void tell_damage(struct diag *d)
{
	diag_error(d, NULL,
		   "changes were on trial, and what was there before is damaged: they stay");
}

/* Read what an undo goes back to, if that was put off. */
static void read_former(struct generation *g, struct diag *d)
{
	const char *text;
	size_t len;

	if (!g->on_trial || g->former)
		return;
	if (arena_former_text(g->arena, &text, &len) == 0 &&
	    ruleset_restore_beside(text, len, g->ruleset, g->counters, d, &g->former) == 0) {
		g->restored_bytes += len;
		return;
	}
	tell_damage(d);
	end_trial(g);
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
	bool begins = c->until && !g->on_trial;
	int err = engine_compile(g->engine, rs, g->ruleset, d, &program);

	if (err == 0 && begins)
		err = begin_trial(g, c, d);
	if (err == 0 && g->arena && c->how)
		err = save(g, rs, c, d);
	if (err == 0) {
		swap(g, rs, program, c->anew);
		program = NULL;
		note(g, c);
	} else if (begins && g->on_trial) {
		end_trial(g);
	}
	program_free(program);
	ruleset_unref(rs);
	return err;
}

/* ---- what a former process left ---- */

/* The changes that were saved behind one. */
static int replay(const struct generation *g, unsigned number, struct ruleset **rs,
		  struct diag *d)
{
	const char *text;
	size_t at = 0, len;
	int err;

	while ((err = arena_saved_change(g->arena, number, &at, &text, &len)) == 0) {
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
	err = arena_saved_text(g->arena, 0, &text, &len);
	if (err == -ENOENT)
		return NULL;
	if (err < 0) {
		diag_error(d, NULL, "the saved ruleset is damaged");
		return NULL;
	}
	if (ruleset_restore(text, len, g->counters, d, &rs) < 0)
		rs = NULL;
	if (rs && replay(g, 0, &rs, d) < 0) {
		ruleset_unref(rs);
		rs = NULL;
	}
	g->restored_bytes += len;
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
	g->on_trial = until && arena_former_text(g->arena, &text, &len) == 0;
	if (g->on_trial)
		g->trial = (struct generation_trial){ until, h->trial_begun,
						      h->trial_file != 0 };
	else if (until)
		tell_damage(d);
	save_trial(g);
}

struct generation *generation_new(struct engine *engine, struct counters *counters,
				  struct arena *arena, struct diag *d, bool *ret_restored)
{
	struct generation *g = calloc(1, sizeof(*g));
	struct change start = { .how = ARENA_SAVE_AGAIN, .anew = true };
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
	if (!rs) {
		rs = ruleset_new(counters);
		/* Of which nobody wants to know what was known of the other. */
		start.note.at = 1;
	}
	if (restored) {
		/* Before the first change is noted, by which the arena would forget it. */
		g->ruleset = ruleset_ref(rs);
		restore_trial(g, d);
		if (!ruleset_renumbered(rs))
			start.how = 0;
	}
	if (!rs || install(g, rs, &start, d) < 0) {
		generation_free(g);
		return NULL;
	}
	return g;
}

void generation_settle(struct generation *g, struct diag *d)
{
	read_former(g, d);
	give_memory_back(g->restored_bytes);
	g->restored_bytes = 0;
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

int generation_apply(struct generation *g, const struct ruleset_input *input,
		     const struct generation_request *request, struct diag *d,
		     struct text *out)
{
	struct change c = new_change(request, input->now);
	struct ruleset_input beside = *input;
	struct ruleset *next = NULL;
	int err;

	read_former(g, d);
	c.step = true;
	beside.former = g->former;
	err = ruleset_apply(g->ruleset, &beside, d, out, &next);
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

int generation_replace(struct generation *g, const struct ruleset_input *input,
		       const struct generation_request *request, struct diag *d)
{
	struct change c = new_change(request, input->now);
	struct ruleset *next = NULL;
	int err;

	read_former(g, d);
	c.anew = c.file = true;
	err = from_nothing(g->counters, input, d, &next);
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
	if (g->on_trial)
		*ret_trial = g->trial;
	return g->on_trial;
}

void generation_confirm(struct generation *g)
{
	end_trial(g);
}

int generation_undo(struct generation *g, struct instant now, struct diag *d)
{
	bool file = g->trial.file;
	const struct change c = { .how = ARENA_SAVE_UNDO, .anew = file };
	struct arena_note note = { .file_undone = g->file_undone };
	uint64_t bytes;
	int err;

	read_former(g, d);
	if (!g->on_trial)
		return 0;
	err = install(g, ruleset_ref(g->former), &c, d);
	if (err)
		return err;
	if (g->arena)
		arena_saved_note(g->arena, 0, &note, &bytes);
	g->file_undone = file ? now.real : note.file_undone;
	end_trial(g);
	return 0;
}

uint64_t generation_file_undone(const struct generation *g)
{
	return g->file_undone;
}

struct generation_file generation_file(const struct generation *g)
{
	const struct arena_header *h = g->arena ? g->arena->header : NULL;

	return h ? (struct generation_file){ h->file_hash, h->file_includes } :
		   (struct generation_file){ 0 };
}

void generation_set_file(struct generation *g, struct generation_file file)
{
	if (!g->arena)
		return;
	g->arena->header->file_hash = file.hash;
	g->arena->header->file_includes = file.includes;
}

void generation_file_saved(struct generation *g, uint64_t serial)
{
	if (serial != g->serial)
		return;
	g->file_undone = 0;
	save_trial(g);
}

/* ---- what was in force before ---- */

unsigned generation_saved(const struct generation *g)
{
	return g->arena ? arena_saved(g->arena) : 0;
}

void generation_saved_note(const struct generation *g, unsigned number,
			   struct arena_note *ret_note, uint64_t *ret_bytes)
{
	arena_saved_note(g->arena, number, ret_note, ret_bytes);
}

uint64_t generation_room(const struct generation *g)
{
	return g->arena ? g->arena->header->text_bytes : 0;
}

uint32_t generation_crowded_out(const struct generation *g)
{
	return g->arena ? g->arena->header->crowded_out : 0;
}

/* What the ruleset file held is undone by going back to before it was read. */
static uint64_t file_undone_by(const struct generation *g, unsigned number, uint64_t real)
{
	struct arena_note note;
	uint64_t bytes;

	arena_saved_note(g->arena, number, &note, &bytes);
	if (note.file_undone)
		return note.file_undone;
	while (number--) {
		arena_saved_note(g->arena, number, &note, &bytes);
		if (note.cause == CAUSE_START || note.cause == CAUSE_RELOAD)
			return real;
	}
	return 0;
}

static int recall(const struct generation *g, unsigned number, struct diag *d,
		  struct ruleset **ret_rs)
{
	const char *text;
	size_t len;
	int err = arena_saved_text(g->arena, number, &text, &len);

	if (err) {
		diag_error(d, NULL, "the ruleset that was kept is damaged");
		return err;
	}
	err = ruleset_recall(text, len, g->ruleset, g->counters, d, ret_rs);
	if (!err) {
		err = replay(g, number, ret_rs, d);
		if (err)
			ruleset_unref(*ret_rs);
	}
	give_memory_back(len);
	return err;
}

int generation_rollback(struct generation *g, unsigned number,
			const struct generation_request *request, struct instant now,
			struct diag *d)
{
	struct change c = new_change(request, now);
	struct ruleset *rs = NULL;
	struct arena_note to;
	uint64_t bytes, file_undone;
	int err;

	if (!number || number >= generation_saved(g))
		return -ENOENT;
	read_former(g, d);
	arena_saved_note(g->arena, number, &to, &bytes);
	file_undone = file_undone_by(g, number, now.real);
	err = recall(g, number, d, &rs);
	if (err)
		return err;
	c.note.cause = CAUSE_ROLLBACK;
	memcpy(c.note.what, to.what, sizeof(to.what));
	err = install(g, rs, &c, d);
	if (!err) {
		g->file_undone = file_undone;
		save_trial(g);
	}
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
