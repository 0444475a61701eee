/* generation_private.h - what generation.c and generation_save.c share. */
#ifndef CTFW_ENGINE_GENERATION_PRIVATE_H
#define CTFW_ENGINE_GENERATION_PRIVATE_H

#include "ctfw/generation.h"

struct generation {
	struct engine *engine;
	struct counters *counters;
	struct arena *arena;
	struct ruleset *ruleset;
	struct ruleset *read; /* what was saved, until it is in force */
	uint64_t serial;
	uint64_t expire_at; /* monotonic ns: when to look for what has expired */
	bool on_trial;
	struct ruleset *former; /* what an undo goes back to; NULL while it was not read yet */
	bool unsaved; /* the arena has what was undone, and the trial of it */
	bool too_large; /* and it is no use to try again */
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
	bool undoes;    /* it ends the trial */
	uint64_t until; /* of the trial that it begins, monotonic ns; 0: of none */
	uint64_t file_undone; /* once it is in force, real ns */
	struct arena_note note; /* at: now */
};

/* Save what is about to be in force: the change alone, where a step tells it and there is room;
 * else the whole.  0, -ENOMEM, -EFBIG, -ENOSPC, with a word in d. */
int generation_save(struct generation *g, const struct ruleset *rs, const struct change *c,
		    struct diag *d);
/* What could not be saved, now that there may be room again. */
void generation_save_again(struct generation *g);
/* Whether anything is on trial, and what goes with that. */
void generation_save_trial(struct generation *g);
/* The same once a change is in force. */
struct arena_trial generation_trial_after(const struct generation *g, const struct change *c);

#endif
