/* arena_text.c - saved rulesets: the one in force, those before it, what an undo goes back to.
 *
 * Which text is which is one word, so that a crash at any instant leaves the order as it was
 * or as it should be:
 *
 *     bit 0        4                  40       44           48
 *     +--------+--------+- - - - -+--------+-----------+
 *     | in     | before |         | ten    | new since |
 *     | force  | it     |         | before | a trial   |
 *     +--------+--------+- - - - -+--------+-----------+
 *
 * each four bits: 1 + the index of a text, 0 for none.  A text that is none of these is free,
 * and has no memory: there is always one, which the next ruleset is written to.  What an undo
 * goes back to is a text of its own.
 *
 * What is on trial changes with the rulesets, and has no room in that word.  So what is to
 * hold is written beside it before, with the word that it belongs to, and counts once that is
 * there. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "base/arena_private.h"

#define PAGE	    4096u
#define UNDO	    (ARENA_TEXTS - 1) /* the text that an undo goes back to */
#define NUMBERS_MAX (ARENA_FORMER + 1)

_Static_assert(UNDO <= 15, "four bits a text");
_Static_assert(NUMBERS_MAX <= 11, "the word has eleven");
_Static_assert(NUMBERS_MAX < UNDO, "one is free");

/* ---- the word ---- */

struct order {
	unsigned n, text[NUMBERS_MAX];
	unsigned new; /* of these since a trial began; at most NUMBERS_MAX */
};

/* Up to the first that cannot be. */
static struct order read_order(const struct arena *a)
{
	uint64_t word = atomic_load_explicit(&a->header->rulesets, memory_order_acquire);
	struct order o = { .new = word >> 44 & 15 };
	uint32_t seen = 0;

	for (; o.n < NUMBERS_MAX; o.n++) {
		unsigned text = (unsigned)(word >> 4 * o.n & 15);

		if (!text || text > UNDO || seen >> text & 1)
			break;
		seen |= 1u << text;
		o.text[o.n] = text - 1;
	}
	return o;
}

static uint64_t order_word(const struct order *o)
{
	uint64_t word = (uint64_t)(o->new < NUMBERS_MAX ? o->new : NUMBERS_MAX) << 44;

	for (unsigned i = 0; i < o->n; i++)
		word |= (uint64_t)(o->text[i] + 1) << 4 * i;
	return word;
}

static void write_order(struct arena *a, const struct order *o)
{
	/* Only now does a reader after a crash look there. */
	atomic_store_explicit(&a->header->rulesets, order_word(o), memory_order_release);
}

static bool is_in(const struct order *o, unsigned text)
{
	for (unsigned i = 0; i < o->n; i++) {
		if (o->text[i] == text)
			return true;
	}
	return false;
}

static unsigned free_text(const struct order *o)
{
	unsigned text = 0;

	while (is_in(o, text))
		text++;
	return text;
}

/* ---- texts and their memory ---- */

static uint64_t text_check(const char *text, size_t len)
{
	return siphash_bytes(&arena_check_key, text, len);
}

static uint64_t padded(uint64_t n)
{
	return (n + 7) & ~UINT64_C(7);
}

static uint64_t text_bytes(const struct arena *a, unsigned i)
{
	const struct arena_text *t = &a->header->text[i];
	uint64_t changes = atomic_load_explicit(&t->changes, memory_order_relaxed);

	if (t->len > a->header->text_bytes || changes > a->header->text_bytes)
		return a->header->text_bytes;
	return padded(t->len) + changes;
}

/* Where this cannot be done the memory is used again by the next text that comes here. */
static void give_back(const struct arena *a, unsigned i)
{
	madvise(a->text[i], a->header->text_bytes, MADV_REMOVE);
}

/* One of them, when it is whole. */
static int read_text(const struct arena *a, unsigned i, const char **ret_text, size_t *ret_len)
{
	const struct arena_header *h = a->header;
	uint64_t len = h->text[i].len;

	if (len > h->text_bytes || h->text[i].check != text_check(a->text[i], (size_t)len))
		return -EINVAL;
	*ret_text = a->text[i];
	*ret_len = (size_t)len;
	return 0;
}

static void write_text(struct arena *a, unsigned i, const char *text, size_t len)
{
	struct arena_text *t = &a->header->text[i];

	memcpy(a->text[i], text, len);
	t->len = len;
	t->check = text_check(text, len);
	atomic_store_explicit(&t->changes, 0, memory_order_relaxed);
}

/* ---- trials ---- */

/* It holds from when that order is written. */
static void write_next(struct arena *a, const struct arena_trial *trial, const struct order *o)
{
	struct arena_header *h = a->header;

	/* What is written there may be read until then. */
	atomic_store_explicit(&h->next_at, 0, memory_order_release);
	if (!trial)
		return;
	h->next = *trial;
	atomic_store_explicit(&h->next_at, order_word(o), memory_order_release);
}

static void set_until(struct arena *a, uint64_t until)
{
	atomic_store_explicit(&a->header->trial_until, until, memory_order_release);
}

void arena_set_trial(struct arena *a, const struct arena_trial *trial)
{
	struct arena_header *h = a->header;

	/* The first word that ends it, the last that begins it. */
	if (!trial->until)
		set_until(a, 0);
	h->file_undone = trial->file_undone;
	h->trial_begun = trial->begun;
	h->trial_file = trial->file;
	set_until(a, trial->until);
	atomic_store_explicit(&h->next_at, 0, memory_order_release);
}

struct arena_trial arena_trial(const struct arena *a)
{
	const struct arena_header *h = a->header;
	uint64_t next = atomic_load_explicit(&h->next_at, memory_order_acquire);

	if (next && next == atomic_load_explicit(&h->rulesets, memory_order_acquire))
		return h->next;
	return (struct arena_trial){
		.until = atomic_load_explicit(&h->trial_until, memory_order_acquire),
		.begun = h->trial_begun,
		.file_undone = h->file_undone,
		.file = h->trial_file,
	};
}

/* ---- save ---- */

/* The oldest goes before it is too old. */
static void crowd_out(struct arena *a, struct order *o)
{
	o->n--;
	a->header->crowded_out++;
}

/* Those since a trial began, but the one in force, which an undo replaces: their memory is free
 * for what it goes back to. */
static void drop_new(struct arena *a, struct order *o)
{
	struct order kept = { .n = o->n ? 1 : 0, .text = { o->text[0] } };

	if (!o->new)
		return;
	for (unsigned i = 1 + o->new; i < o->n; i++)
		kept.text[kept.n++] = o->text[i];
	write_order(a, &kept);
	for (unsigned i = 1; i < o->n; i++) {
		if (!is_in(&kept, o->text[i]))
			give_back(a, o->text[i]);
	}
	*o = kept;
}

/* What the order is to be, but for the new ruleset: those behind it. */
static struct order behind(struct arena *a, const struct order *was, enum arena_save how)
{
	const bool one_more = how == ARENA_SAVE_NEW;
	struct order o = { .new = was->new + one_more };
	uint64_t bytes = 0;

	for (unsigned i = one_more ? 0 : 1; i < was->n && o.n < ARENA_FORMER; i++) {
		bytes += text_bytes(a, was->text[i]);
		o.text[o.n++] = was->text[i];
	}
	while (o.n && bytes > a->header->text_bytes) {
		bytes -= text_bytes(a, o.text[o.n - 1]);
		crowd_out(a, &o);
	}
	return o;
}

/* Memory for a text, or none: a part of it would be missing elsewhere, in a file system that is
 * full. */
static int reserve_text(const struct arena *a, unsigned text, size_t len)
{
	if (!arena_reserve(a->text[text], len))
		return 0;
	give_back(a, text);
	return -ENOSPC;
}

/* Whether the file system has room for a text, once that of all but the one in force is given
 * back: so that nobody's goes for one that is too large all the same. */
static bool would_have_room(const struct arena *a, const struct order *o, unsigned text,
			    size_t len)
{
	uint64_t room = 0;

	while (room < len && !arena_reserve(a->text[text] + room, 1))
		room += PAGE;
	give_back(a, text);
	for (unsigned i = 1; i < o->n; i++)
		room += (text_bytes(a, o->text[i]) + PAGE - 1) / PAGE * PAGE;
	return room >= len;
}

/* Where the file system is full the memory of former rulesets is used. */
static int make_room(struct arena *a, struct order *o, unsigned text, size_t len)
{
	int err = reserve_text(a, text, len);

	if (err && !would_have_room(a, o, text, len))
		return err;
	while (err && o->n > 1) {
		unsigned oldest = o->text[o->n - 1];

		crowd_out(a, o);
		write_order(a, o);
		give_back(a, oldest);
		err = reserve_text(a, text, len);
	}
	return err;
}

static void take_note(struct arena *a, unsigned text, const struct arena_note *note)
{
	struct arena_note *at = &a->header->text[text].note;

	*at = note ? *note : (struct arena_note){ 0 };
	at->what[sizeof(at->what) - 1] = '\0';
}

/* It is about to be replaced. */
static void note_file(struct arena *a, unsigned text)
{
	a->header->text[text].note.file_undone = a->header->file_undone;
}

int arena_save_text(struct arena *a, enum arena_save how, const char *text, size_t len,
		    const struct arena_note *note, const struct arena_trial *trial)
{
	struct order was = read_order(a), o;
	unsigned new;

	if (len > a->header->text_bytes)
		return -EFBIG;
	if (how == ARENA_SAVE_UNDO)
		drop_new(a, &was);
	new = free_text(&was);
	give_back(a, new);
	if (make_room(a, &was, new, len))
		return -ENOSPC;
	if (!note && how == ARENA_SAVE_UNDO)
		note = &a->header->text[UNDO].note;
	else if (!note && was.n)
		note = &a->header->text[was.text[0]].note;
	write_text(a, new, text, len);
	take_note(a, new, note);
	if (was.n)
		note_file(a, was.text[0]);
	o = behind(a, &was, how);
	memmove(&o.text[1], &o.text[0], o.n * sizeof(o.text[0]));
	o.text[0] = new;
	o.n++;
	write_next(a, trial, &o);
	write_order(a, &o);
	for (unsigned i = 0; i < was.n; i++) {
		if (!is_in(&o, was.text[i]))
			give_back(a, was.text[i]);
	}
	return 0;
}

/* ---- read ---- */

unsigned arena_saved(const struct arena *a)
{
	return read_order(a).n;
}

int arena_saved_text(const struct arena *a, unsigned number, const char **ret_text,
		     size_t *ret_len)
{
	struct order o = read_order(a);

	/* A word that names none is damaged. */
	if (!o.n && atomic_load_explicit(&a->header->rulesets, memory_order_relaxed))
		return -EINVAL;
	if (number >= o.n)
		return -ENOENT;
	return read_text(a, o.text[number], ret_text, ret_len);
}

void arena_saved_note(const struct arena *a, unsigned number, struct arena_note *ret_note,
		      uint64_t *ret_bytes)
{
	struct order o = read_order(a);

	*ret_note = a->header->text[o.text[number]].note;
	ret_note->what[sizeof(ret_note->what) - 1] = '\0';
	*ret_bytes = text_bytes(a, o.text[number]);
}

/* ---- what an undo goes back to ---- */

static void forget_new(struct arena *a)
{
	struct order o = read_order(a);

	o.new = 0;
	write_order(a, &o);
}

int arena_save_former(struct arena *a, const char *text, size_t len)
{
	struct order o = read_order(a);

	if (len > a->header->text_bytes)
		return -EFBIG;
	if (reserve_text(a, UNDO, len))
		return -ENOSPC;
	write_text(a, UNDO, text, len);
	take_note(a, UNDO, o.n ? &a->header->text[o.text[0]].note : NULL);
	note_file(a, UNDO);
	forget_new(a);
	return 0;
}

int arena_former_text(const struct arena *a, const char **ret_text, size_t *ret_len)
{
	return read_text(a, UNDO, ret_text, ret_len);
}

void arena_former_note(const struct arena *a, struct arena_note *ret_note)
{
	*ret_note = a->header->text[UNDO].note;
	ret_note->what[sizeof(ret_note->what) - 1] = '\0';
}

void arena_keep_former(struct arena *a)
{
	forget_new(a);
	give_back(a, UNDO);
}

/* ---- changes ----
 *
 * Behind the text, each from a multiple of eight bytes on:
 *
 *     +--------+--------+- - - - - -+
 *     | length | check  | text      |
 *     +--------+--------+- - - - - -+
 */
struct change_head {
	uint64_t len, check;
};

/* A restart makes all of them again, one by one: few, measured by what saving the whole
 * costs. */
static uint64_t changes_most(uint64_t text_len)
{
	return 65536 + text_len / 32;
}

int arena_save_change(struct arena *a, const char *text, size_t len)
{
	struct order o = read_order(a);
	struct change_head head = { .len = len };
	uint64_t changes, room, all = padded(sizeof(head) + len);
	struct arena_text *t;
	char *at;

	if (!o.n)
		return -ENOENT;
	t = &a->header->text[o.text[0]];
	at = a->text[o.text[0]] + padded(t->len);
	room = a->header->text_bytes - padded(t->len);
	changes = atomic_load_explicit(&t->changes, memory_order_relaxed);
	if (len > room || all > room - changes || changes + all > changes_most(t->len) ||
	    arena_reserve(at + changes, all))
		return -ENOSPC;
	head.check = text_check(text, len);
	memcpy(at + changes, &head, sizeof(head));
	memcpy(at + changes + sizeof(head), text, len);
	/* Only now does a reader after a crash look there. */
	atomic_store_explicit(&t->changes, changes + all, memory_order_release);
	return 0;
}

int arena_saved_change(const struct arena *a, unsigned number, size_t *at,
		       const char **ret_text, size_t *ret_len)
{
	const uint64_t most = a->header->text_bytes;
	struct order o = read_order(a);
	const struct arena_text *t;
	uint64_t changes, room;
	struct change_head head;
	const char *first;

	if (number >= o.n)
		return -ENOENT;
	t = &a->header->text[o.text[number]];
	changes = atomic_load_explicit(&t->changes, memory_order_acquire);
	if (t->len > most || changes > most - padded(t->len) || changes % 8)
		return -EINVAL;
	if (*at == changes)
		return -ENOENT;
	first = a->text[o.text[number]] + padded(t->len) + *at;
	room = changes - *at;
	if (room < sizeof(head))
		return -EINVAL;
	memcpy(&head, first, sizeof(head));
	if (head.len > room - sizeof(head) ||
	    head.check != text_check(first + sizeof(head), (size_t)head.len))
		return -EINVAL;
	*at += padded(sizeof(head) + head.len);
	*ret_text = first + sizeof(head);
	*ret_len = (size_t)head.len;
	return 0;
}
