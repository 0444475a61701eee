/* generation.c - the ruleset in force.
 *
 * A change goes through three steps that may fail (apply, compile, save) before the one
 * that cannot (swap).  The save comes before the swap: should the process die between the
 * two, the next one starts with a ruleset that was right and about to be in force.
 *
 * Changes of elements alone make no ruleset of its own among those that are kept: a script that
 * adds an address each second would leave nothing else there.
 *
 * A trial begins in the arena before the change that it is about: a process that dies between
 * the two leaves one that would undo nothing.  It ends there in the same instant as the undo,
 * and so does whatever else is to be known of file and trial change with the ruleset.
 *
 * An undo is for whoever is locked out, so it must not wait for room in a file system.  Where
 * it cannot be saved it is in force without: the arena stays as it is, trial included, so that
 * the next process would undo it again, until a later attempt or another change can be saved.
 * No other trial begins before that.
 *
 * A saved ruleset that cannot be read stays where it is, though something else is in force: for
 * want of memory, say.  Nothing that was never asked for is ever saved, for the next process
 * would take it for what was.
 *
 * At a start packets wait.  What an undo goes back to is not read before somebody needs it, or
 * generation_settle() is called; and what was restored is not saved again. */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/clock.h"
#include "engine/generation_private.h"

/* The program is compiled anew for it: not too often. */
#define EXPIRE_EVERY (10 * NSEC_PER_SEC)

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

static struct change new_change(const struct generation *g,
				const struct generation_request *request, struct instant now)
{
	struct change c = { .how = ARENA_SAVE_NEW, .note = { .at = now.real },
			    .file_undone = g->file_undone };

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

/* ---- trials ---- */

/* What is in force now is what an undo goes back to. */
static int begin_trial(struct generation *g, const struct change *c, struct diag *d)
{
	struct text saved = TEXT_INIT;
	int err = 0;

	generation_save_again(g);
	if (g->unsaved) {
		err = -ENOSPC;
	} else if (g->arena) {
		ruleset_save(g->ruleset, &saved);
		err = text_failed(&saved) ?
			      -ENOMEM :
			      arena_save_former(g->arena, text_str(&saved), saved.len);
		text_fini(&saved);
	}
	if (err && err != -ENOMEM)
		diag_error(d, NULL,
			   "there is no room to keep the ruleset in force for an undo");
	if (err)
		return err;
	g->former = ruleset_ref(g->ruleset);
	g->on_trial = true;
	g->trial = (struct generation_trial){ .until = c->until, .begun = c->note.at };
	generation_save_trial(g);
	return 0;
}

/* Nothing is on trial any more. */
static void end_trial(struct generation *g)
{
	ruleset_unref(g->former);
	g->former = NULL;
	g->on_trial = false;
	g->trial = (struct generation_trial){ 0 };
	generation_save_trial(g);
	if (g->arena && !g->unsaved)
		arena_keep_former(g->arena);
}

/* A change is in force. */
static void note(struct generation *g, const struct change *c)
{
	const struct arena_trial after = generation_trial_after(g, c);

	g->file_undone = after.file_undone;
	if (c->undoes) {
		end_trial(g);
		return;
	}
	if (g->on_trial)
		g->trial = (struct generation_trial){ after.until, after.begun,
						      after.file != 0 };
	generation_save_trial(g);
}

static void tell_damage(struct diag *d)
{
	diag_error(d, NULL,
		   "changes were on trial, and what was there before is damaged: they stay");
}

/* Read what an undo goes back to, if that was put off.  0; -EINVAL: it is damaged, and nothing
 * is on trial any more; -ENOMEM, -ENOSPC: another time, perhaps. */
static int read_former(struct generation *g, struct diag *d)
{
	const char *text;
	size_t len;
	int err;

	if (!g->on_trial || g->former)
		return 0;
	err = arena_former_text(g->arena, &text, &len);
	if (!err)
		err = ruleset_restore_beside(text, len, g->ruleset, g->counters, d,
					     &g->former);
	if (!err)
		g->restored_bytes += len;
	if (err != -EINVAL)
		return err;
	tell_damage(d);
	end_trial(g);
	return err;
}

/* For a change: it goes on also without a trial. */
static int want_former(struct generation *g, struct diag *d)
{
	int err = read_former(g, d);

	return err == -EINVAL ? 0 : err;
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
		err = generation_save(g, rs, c, d);
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
	err = ruleset_restore(text, len, g->counters, d, &rs);
	if (!err)
		err = replay(g, 0, &rs, d);
	if (err) {
		ruleset_unref(rs);
		rs = NULL;
	}
	if (err && !d->errors)
		diag_error(d, NULL, "the saved ruleset cannot be read: %s", strerror(-err));
	g->restored_bytes += len;
	return rs;
}

/* The trial goes on, unless what it would go back to is damaged. */
static void restore_trial(struct generation *g, struct diag *d)
{
	const struct arena_trial t = arena_trial(g->arena);
	const char *text;
	size_t len;

	g->file_undone = t.file_undone;
	g->on_trial = t.until && arena_former_text(g->arena, &text, &len) == 0;
	if (g->on_trial)
		g->trial = (struct generation_trial){ t.until, t.begun, t.file != 0 };
	else if (t.until)
		tell_damage(d);
	generation_save_trial(g);
}

/* Put in force what was saved.  0, -ENOMEM, -ENOSPC. */
static int go_on(struct generation *g, struct ruleset *rs, struct diag *d)
{
	struct change c = {
		.how = ruleset_renumbered(rs) ? ARENA_SAVE_AGAIN : 0,
		.anew = true,
	};

	/* Before the first change is noted, by which the arena would forget the trial. */
	g->ruleset = ruleset_ref(rs);
	restore_trial(g, d);
	c.file_undone = g->file_undone;
	return install(g, rs, &c, d);
}

/* Nothing, which is not saved. */
static int begin(struct generation *g, struct diag *d)
{
	struct ruleset *rs = ruleset_new(g->counters);
	struct program *program = NULL;
	int err = rs ? engine_compile(g->engine, rs, NULL, d, &program) : -ENOMEM;

	if (!err)
		swap(g, rs, program, true);
	ruleset_unref(rs);
	return err;
}

struct generation *generation_read(struct counters *counters, struct arena *arena,
				   struct diag *d)
{
	struct generation *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->counters = counters;
	g->arena = arena;
	g->read = restore(g, d);
	return g;
}

int generation_start(struct generation *g, struct engine *engine, struct diag *d,
		     bool *ret_restored)
{
	struct ruleset *rs = g->read;

	g->engine = engine;
	g->read = NULL;
	if (ret_restored)
		*ret_restored = rs != NULL;
	return rs ? go_on(g, rs, d) : begin(g, d);
}

void generation_settle(struct generation *g, struct diag *d)
{
	if (read_former(g, d) && !d->errors)
		diag_error(d, NULL, "out of memory: what an undo goes back to is read later");
	give_memory_back(g->restored_bytes);
	g->restored_bytes = 0;
}

void generation_free(struct generation *g)
{
	if (!g)
		return;
	ruleset_unref(g->former);
	ruleset_unref(g->read);
	ruleset_unref(g->ruleset);
	free(g);
}

/* ---- commands, files, time ---- */

int generation_apply(struct generation *g, const struct ruleset_input *input,
		     const struct generation_request *request, struct diag *d,
		     struct text *out)
{
	struct change c = new_change(g, request, input->now);
	struct ruleset_input beside = *input;
	struct ruleset *next = NULL;
	int err;

	err = want_former(g, d);
	if (err)
		return err;
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
	generation_save_again(g);
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
	struct change c = new_change(g, request, input->now);
	struct ruleset *next = NULL;
	int err;

	err = want_former(g, d);
	if (err)
		return err;
	c.anew = c.file = true;
	c.file_undone = 0;
	err = from_nothing(g->counters, input, d, &next);
	if (!err)
		err = install(g, next, &c, d);
	give_memory_back(input->len);
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

/* In force, though it cannot be saved. */
static int put_back(struct generation *g, const struct change *c, struct diag *d)
{
	struct program *program = NULL;
	int err = engine_compile(g->engine, g->former, g->ruleset, d, &program);

	if (err)
		return err;
	g->unsaved = g->arena != NULL;
	swap(g, g->former, program, c->anew);
	note(g, c);
	return 0;
}

int generation_undo(struct generation *g, struct instant now, struct diag *d)
{
	struct change c = { .how = ARENA_SAVE_UNDO, .undoes = true,
			    .anew = g->trial.file, .file_undone = g->file_undone };
	struct arena_note former;
	int err = read_former(g, d);

	if (err || !g->on_trial)
		return err;
	/* An earlier change may have been. */
	g->too_large = false;
	if (g->arena) {
		arena_former_note(g->arena, &former);
		c.file_undone = former.file_undone;
	}
	if (g->trial.file)
		c.file_undone = now.real;
	err = install(g, ruleset_ref(g->former), &c, d);
	/* Whatever it is that is in the way of a lasting undo. */
	return err ? put_back(g, &c, d) : 0;
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
	generation_save_trial(g);
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
	struct change c = new_change(g, request, now);
	struct ruleset *rs = NULL;
	struct arena_note to;
	uint64_t bytes;
	int err;

	if (!number || number >= generation_saved(g))
		return -ENOENT;
	err = want_former(g, d);
	if (err)
		return err;
	arena_saved_note(g->arena, number, &to, &bytes);
	c.file_undone = file_undone_by(g, number, now.real);
	err = recall(g, number, d, &rs);
	if (err)
		return err;
	c.note.cause = CAUSE_ROLLBACK;
	memcpy(c.note.what, to.what, sizeof(to.what));
	return install(g, rs, &c, d);
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
