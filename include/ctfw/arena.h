/* arena.h - all mutable state, in one mapping that outlives the process.
 *
 * The arena is a run of memory, for the daemon a file in its runtime directory
 * mapped shared, for a replay private memory.  Records in it have a fixed size,
 * are addressed by 32-bit index and hold no pointer; whatever is an index into them
 * (hash tables, free lists) is private memory, rebuilt by a scan.
 *
 *     +--------+---------+---------+-------------+----------+----------+----------+---------+
 *     | header | flows   | expect- | counters:   | saved    | exten-   | elements | states  |
 *     | 4 KiB  | records | ations  | base, then  | rulesets | sions    | records  | records |
 *     |        | x 256 B | records | a column a  | ARENA_-  | records  | x 192 B  | x 64 B  |
 *     |        |         | x 256 B | worker      | TEXTS    | x 64 B   |          |         |
 *     +--------+---------+---------+-------------+----------+----------+----------+---------+
 *
 * One of the saved rulesets is in force, and behind its text lie the changes since; others are
 * those that were in force before it, each with its changes.  The last is there while changes
 * are on trial: what an undo goes back to.
 *
 * A flow's extension is the record with its own index: what few flows need (labels, a
 * helper's notes).  Those pages are touched by such flows only, and have no room of their
 * own until arena_reserve_extensions() was called.  Nor have elements of dynamic sets, until
 * arena_reserve_elements() was.
 *
 * Life-cycle: arena_size() says how much to map, arena_format() makes an empty one,
 * arena_attach() checks one that a former process left.  The memory belongs to the
 * caller and must be page-aligned and zero for arena_format().
 *
 * Ownership: flows, expectations and extensions belong to conntrack, the counters to counter.h,
 * elements to set_dynamic.h, the states to state.h, the saved ruleset to whoever holds the
 * ruleset (one thread). */
#ifndef CTFW_ARENA_H
#define CTFW_ARENA_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <stdatomic.h>

#define ARENA_LAYOUT 7 /* raised whenever a record changes its layout */
#define ARENA_FLOW_SIZE 256
#define ARENA_EXPECT_SIZE 256
#define ARENA_EXT_SIZE 64
#define ARENA_ELEMENT_SIZE 192
#define ARENA_MAX_WORKERS 64
#define ARENA_COUNTERS 262144
#define ARENA_STATES 262144
#define ARENA_STATE_SIZE 64
#define ARENA_TEXT_BYTES (64u << 20)
#define ARENA_FORMER 10 /* rulesets that are kept behind the one in force */
/* That one, the others, the next while it is written, and what an undo goes back to. */
#define ARENA_TEXTS (ARENA_FORMER + 3)
#define ARENA_NOTE_TEXT 92

/* What is known of a saved ruleset; the arena only keeps it. */
struct arena_note {
	uint64_t at; /* in force since, real ns */
	uint64_t file_undone; /* as the header had it when it was replaced: kept by the arena */
	uint32_t cause, uid, rules;
	char what[ARENA_NOTE_TEXT]; /* ends with NUL */
};

/* Changes on trial, and what goes with them. */
struct arena_trial {
	uint64_t until; /* when they are undone, monotonic ns; 0: there are none */
	uint64_t begun; /* when the first of them was made, real ns */
	/* When what the ruleset file held was undone, real ns; 0: it runs, or was never
	 * read. */
	uint64_t file_undone;
	uint32_t file; /* a ruleset file is among them */
};

struct arena_text {
	uint64_t len;
	uint64_t check;
	/* Bytes of the changes behind it that count; written after them. */
	_Atomic uint64_t changes;
	struct arena_note note;
};

struct arena_header {
	uint8_t magic[8];
	uint32_t layout;
	uint32_t header_check; /* over the immutable fields of this header */
	uint32_t flow_records; /* all, spare ones included */
	uint32_t flow_size;
	uint32_t expect_records;
	uint32_t expect_size;
	uint32_t ext_size; /* as many as flows */
	uint32_t counters;
	uint32_t workers;      /* columns of counters */
	uint32_t element_records; /* of dynamic sets */
	uint32_t element_size;
	uint32_t states;
	uint64_t flows_off, expects_off, counters_off, texts_off, exts_off, elements_off,
		states_off;
	uint64_t text_bytes;   /* of each of ARENA_TEXTS */
	uint64_t total;
	uint8_t boot_id[16];   /* the monotonic clock counts from this boot */
	uint64_t key[2];       /* of the flow table's hash; kept, so that ids stay stable */
	/* mutable */
	_Atomic uint32_t next_flow_id;
	/* Which texts are in force, and were: see arena_text.c.  Written last. */
	_Atomic uint64_t rulesets;
	/* Elements from here on were never used. */
	_Atomic uint32_t elements_fresh;
	struct arena_text text[ARENA_TEXTS];
	/* Former rulesets that went for want of room before there were too many of them. */
	uint32_t crowded_out;
	/* As in struct arena_trial. */
	_Atomic uint64_t trial_until;
	uint64_t trial_begun;
	uint32_t trial_file;
	uint64_t file_undone;
	/* Of the ruleset file and what it includes, as last read; 0: never. */
	uint64_t file_hash;
	uint32_t file_includes; /* it has so many */
	/* No worker from this number on has counted; 0: any may have. */
	uint32_t workers_used;
	/* When each worker last looked at its queues, monotonic ns; 0 not yet. */
	_Atomic uint64_t read_at[ARENA_MAX_WORKERS];
	/* Flows from here on were never used; 0: any may have been (nobody said so, once). */
	_Atomic uint32_t flows_fresh;
	/* What holds instead of these once `rulesets` is that word; 0: nothing does. */
	_Atomic uint64_t next_at;
	struct arena_trial next;
};

struct arena {
	struct arena_header *header;
	uint8_t *flows;    /* flow_records x ARENA_FLOW_SIZE */
	uint8_t *expects;  /* expect_records x ARENA_EXPECT_SIZE */
	uint8_t *exts;     /* flow_records x ARENA_EXT_SIZE */
	uint8_t *elements; /* element_records x ARENA_ELEMENT_SIZE */
	uint8_t *states;   /* ARENA_STATES x ARENA_STATE_SIZE */
	uint64_t *counters;
	char *text[ARENA_TEXTS];
};

struct arena_geometry {
	uint32_t flow_records;
	uint32_t workers; /* 1..ARENA_MAX_WORKERS */
	uint64_t text_bytes; /* of each saved ruleset; 0: ARENA_TEXT_BYTES */
	uint32_t expect_records;
	uint32_t element_records;
};

/* Bytes to map for this geometry. */
size_t arena_size(const struct arena_geometry *g);
/* Bytes from the start that are written to whatever is loaded (header, flows and
 * expectations): better allocated at once than when a page is first touched. */
size_t arena_committed(const struct arena_geometry *g);
/* Make an empty arena in zeroed memory of arena_size(g) bytes.  key: secret bytes for
 * the flow table's hash. */
void arena_format(void *mem, const struct arena_geometry *g, const uint8_t boot_id[16],
		  const uint8_t key[16], struct arena *ret_arena);
/* The header alone of an empty one, for whoever writes it to a file: what lies behind it, zeros
 * to the end of its page included, is to be there before. */
void arena_make_header(const struct arena_geometry *g, const uint8_t boot_id[16],
		       const uint8_t key[16], struct arena_header *ret_header);
/* Attach to what a former process left: layout, boot, sizes and the header's checksum
 * must be right.  0, -EINVAL (not an arena, or damaged), -ESTALE (another boot or
 * layout), -E2BIG (other geometry; the caller starts with a new one, and may take over what
 * fits). */
int arena_attach(void *mem, size_t len, const struct arena_geometry *want,
		 const uint8_t boot_id[16], struct arena *ret_arena);

/* The geometry and key of what a former process left, whatever these are: layout, boot, sizes
 * and the header's checksum must be right.  mem: the header's page at least; len: of the whole.
 * 0, or -EINVAL, -ESTALE as above. */
int arena_geometry_of(const void *mem, size_t len, const uint8_t boot_id[16],
		      struct arena_geometry *ret_geometry, uint8_t ret_key[16]);
/* Where the bytes from `offset` on, of an arena of geometry `from`, belong in one of geometry
 * `to`: true and *ret_to; false: nowhere, there are fewer records of that kind.  Either is so
 * for *ret_len bytes, at least one.  The header is to be handed on by arena_inherit(). */
bool arena_moves(const struct arena_geometry *from, const struct arena_geometry *to,
		 uint64_t offset, uint64_t *ret_to, uint64_t *ret_len);
/* What changes in a header, of one into another that was just made with its key. */
void arena_inherit(void *header, const void *from);

/* So many workers count from now on, and no more did if the arena is fresh.  Before
 * counters_new(). */
void arena_set_workers(struct arena *a, bool fresh, uint32_t workers);

/* Make sure that the extensions have memory, before the first of them is written: where the
 * file system is full a write would kill the process.  0, or a negative errno. */
int arena_reserve_extensions(const struct arena *a);
/* The same for the elements of dynamic sets. */
int arena_reserve_elements(const struct arena *a);

/* ---- saved rulesets (arena_text.c) ----
 *
 * Number 0 is in force, 1 was before it, and so on up to ARENA_FORMER.  Those from 1 on have
 * text_bytes together: the oldest go when there is no room. */

enum arena_save {
	ARENA_SAVE_NEW = 1, /* the one in force becomes number 1 */
	ARENA_SAVE_AGAIN,   /* it takes the place of the one in force */
	ARENA_SAVE_UNDO,    /* likewise, and those since arena_save_former() go as well */
};

/* Save a ruleset beside the others and then switch to it, so that a crash at any instant leaves
 * one of the two whole.  note NULL: that of the one in force or, with ARENA_SAVE_UNDO, of what
 * the undo goes back to.  trial: what arena_trial() says from that instant on, as if both were
 * one; arena_set_trial() is to follow; NULL: as before.  -EFBIG when it is too long; -ENOSPC
 * when the file system is full, the room of all others but the one in force included. */
int arena_save_text(struct arena *a, enum arena_save how, const char *text, size_t len,
		    const struct arena_note *note, const struct arena_trial *trial);
/* Changes on trial: as a crash at any instant leaves them, the former or the new. */
void arena_set_trial(struct arena *a, const struct arena_trial *trial);
struct arena_trial arena_trial(const struct arena *a);
/* How many there are, the one in force included. */
unsigned arena_saved(const struct arena *a);
/* One of them, *ret_text pointing into the arena; -ENOENT when there is none, -EINVAL when it
 * is damaged. */
int arena_saved_text(const struct arena *a, unsigned number, const char **ret_text,
		     size_t *ret_len);
/* What is known of one that there is, and its bytes, changes included. */
void arena_saved_note(const struct arena *a, unsigned number, struct arena_note *ret_note,
		      uint64_t *ret_bytes);
/* Put a change behind the ruleset in force: what is saved is then that ruleset and all changes
 * since, and a crash at any instant leaves it with this one or without.  -ENOENT when there is
 * no ruleset; -ENOSPC when there is no room, or when so many changes are there that it is time
 * to save the whole again. */
int arena_save_change(struct arena *a, const char *text, size_t len);
/* The next change of a saved ruleset, in their order; begin with *at 0.  -ENOENT after the
 * last; -EINVAL when it is damaged. */
int arena_saved_change(const struct arena *a, unsigned number, size_t *at,
		       const char **ret_text, size_t *ret_len);
/* What an undo goes back to, beside the others: saved before a trial begins, and read as long
 * as that lasts.  0; -EFBIG when it is too long; -ENOSPC when there is no memory for it;
 * -EINVAL when it is damaged. */
int arena_save_former(struct arena *a, const char *text, size_t len);
int arena_former_text(const struct arena *a, const char **ret_text, size_t *ret_len);
void arena_former_note(const struct arena *a, struct arena_note *ret_note);
/* There is no trial any more: those since arena_save_former() stay. */
void arena_keep_former(struct arena *a);

#endif
