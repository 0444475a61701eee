/* generation.h - the ruleset in force: changed as a whole, saved, swapped.
 *
 * Owns the ruleset (the program belongs to the engine).  A change is applied, compiled,
 * put in force and saved in the arena, or nothing of it happens.  One thread.
 *
 * A change may be on trial: then what was in force before it is kept, here and in the arena,
 * and is put in force again unless the change is confirmed.  What is changed meanwhile is on
 * trial as well, since it was made on ground that may go; whoever asks for a trial then sets
 * its end anew.
 *
 * What was in force before is kept in the arena, ARENA_FORMER of them, each with the changes of
 * its elements.  What an undo takes away is none of them. */
#ifndef CTFW_GENERATION_H
#define CTFW_GENERATION_H

#include "ctfw/arena.h"
#include "ctfw/engine.h"
#include "ctfw/ruleset.h"

struct generation;

/* Reads what a former process saved, for which there need not be an engine, nor its flows.
 * Borrows both; arena NULL: nothing is saved.  A ruleset that is damaged or cannot be read
 * counts as none, is told in d, and stays saved until another is put in force.  NULL when out
 * of memory. */
struct generation *generation_read(struct counters *counters, struct arena *arena,
				   struct diag *d);
/* Puts it in force, once: that ruleset (*ret_restored says so; may be NULL), or an empty one.
 * What can wait is left for generation_settle().  0, or a negative errno, and then there is
 * only generation_free() to be called. */
int generation_start(struct generation *g, struct engine *engine, struct diag *d,
		     bool *ret_restored);
void generation_free(struct generation *g);
/* What was put off so that packets need not wait: to be called once, soon, and before elements
 * that no set has claimed are dropped.  Should it fail to read what an undo goes back to, that
 * is told in d, and what was on trial stays. */
void generation_settle(struct generation *g, struct diag *d);

/* What puts another ruleset in force. */
enum generation_cause {
	CAUSE_NONE = 0, /* nothing has been loaded yet */
	CAUSE_START,    /* the ruleset file, when the daemon started */
	CAUSE_RELOAD,   /* the ruleset file again */
	CAUSE_COMMAND,  /* a client's commands */
	CAUSE_FILE,     /* a client's file of them */
	CAUSE_ROLLBACK,
	CAUSE_COUNT
};
const char *generation_cause_name(uint32_t cause);

#define GENERATION_NOBODY UINT32_MAX

struct generation_request {
	/* When what is changed is undone unless it is confirmed, monotonic ns; 0: never. */
	uint64_t until;
	enum generation_cause cause;
	uint32_t uid;     /* of who asked; GENERATION_NOBODY: of no client */
	const char *what; /* a path, commands: of these the first line is kept */
};

/* Commands of a client: ruleset_apply() on the ruleset in force.  request NULL: nothing is
 * known of it.  0, -EINVAL with diagnostics, -ENOMEM, -EFBIG when it is too large to be
 * saved, -ENOSPC when the file system is full. */
int generation_apply(struct generation *g, const struct ruleset_input *input,
		     const struct generation_request *request, struct diag *d,
		     struct text *out);
/* A ruleset file in the place of everything: what `flush ruleset` and the file would do,
 * as one step.  Rules that stand unchanged in it get new handles and counters, as with
 * nft.  Errors as above. */
int generation_replace(struct generation *g, const struct ruleset_input *input,
		       const struct generation_request *request, struct diag *d);

/* ---- changes on trial ---- */

struct generation_trial {
	uint64_t until; /* monotonic ns: when generation_undo() is due, by whoever has a clock */
	uint64_t begun; /* real ns: when the first of them was made */
	bool file;      /* a ruleset file is among them */
};
/* Whether there are any. */
bool generation_trial(const struct generation *g, struct generation_trial *ret_trial);
/* They stay. */
void generation_confirm(struct generation *g);
/* What was in force before the first of them is in force again: its rules with their handles,
 * counters and elements.  Counters of rules that were there all the while have gone on; those
 * of the others are as they were.  What packets add to sets, what was reset and what was
 * changed in elements that expire is as it is.  0, with a word in d when that could not be saved
 * for want of room; -EINVAL when what an undo goes back to is damaged: then what was on trial
 * stays, and is on trial no more; another errno: the trial goes on. */
int generation_undo(struct generation *g, struct instant now, struct diag *d);
/* When what the ruleset file held was undone, real ns: since then something else is in force.
 * 0 when that never was, or the file was put in force again. */
uint64_t generation_file_undone(const struct generation *g);
/* What was in the ruleset file, and how many includes it has, when it was last put in force:
 * hash 0, never.  For whoever reads it: nothing else is made of it here. */
struct generation_file {
	uint64_t hash;
	uint32_t includes;
};
struct generation_file generation_file(const struct generation *g);
void generation_set_file(struct generation *g, struct generation_file file);
/* The file holds what was in force at that serial. */
void generation_file_saved(struct generation *g, uint64_t serial);

/* ---- what was in force before ---- */

/* How many rulesets are kept, the one in force, number 0, included; and what is known of
 * one. */
unsigned generation_saved(const struct generation *g);
void generation_saved_note(const struct generation *g, unsigned number,
			   struct arena_note *ret_note, uint64_t *ret_bytes);
/* Bytes that those from number 1 on may have together. */
uint64_t generation_room(const struct generation *g);
/* How many went for want of room, since the arena was made, before they were too old. */
uint32_t generation_crowded_out(const struct generation *g);
/* Put one of them in force, from number 1 on; the one in force becomes number 1.  Its rules
 * have the handles that they had.  What is in force now as well goes on counting; the rest
 * counts anew.  Cause and what of the request do not count.  0, -ENOENT, -EINVAL when it is
 * damaged, -ENOMEM, -ENOSPC. */
int generation_rollback(struct generation *g, unsigned number,
			const struct generation_request *request, struct instant now,
			struct diag *d);

/* changed() is called whenever another ruleset is in force, with the one before; anew: nothing
 * of it was kept.  One watcher. */
void generation_watch(struct generation *g,
		      void (*changed)(void *arg, const struct ruleset *old,
				      const struct ruleset *new, bool anew),
		      void *arg);

/* Give back the memory of elements that have expired, now and then; nothing that anybody sees
 * changes, so that nothing is saved, and it is no change for those who watch. */
void generation_expire(struct generation *g, uint64_t mono);

const struct ruleset *generation_ruleset(const struct generation *g);
/* Counts changes that were put in force. */
uint64_t generation_serial(const struct generation *g);

#endif
