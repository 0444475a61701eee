/* arena.c - the mapping that outlives the process: its header and the saved ruleset.
 *
 * See arena.h for the layout.  What a former process left is hostile until checked: every
 * offset used later comes from arena_layout() for the geometry wanted, never from the
 * file, and the header must agree with it. */
#include "ctfw/arena.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "ctfw/siphash.h"

#define PAGE	     4096u
#define HEADER_BYTES PAGE
#define FORMER	     2 /* which of the saved rulesets an undo goes back to */

static const uint8_t magic[8] = {'c', 't', 'f', 'w', 'a', 'r', 'e', 'n'};
/* For checks against accidents, not against an enemy: whoever may write the arena is us. */
static const struct siphash_key check_key = {0x61726e6163746677, 0x0123456789abcdef};

_Static_assert(sizeof(struct arena_header) <= HEADER_BYTES, "the header has a page");

static uint64_t round_up(uint64_t n)
{
	return (n + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

/* The immutable part of a header for this geometry. */
static void arena_layout(const struct arena_geometry *g, struct arena_header *ret_header)
{
	struct arena_header h = {0};

	memcpy(h.magic, magic, sizeof(magic));
	h.layout = ARENA_LAYOUT;
	h.flow_records = g->flow_records;
	h.flow_size = ARENA_FLOW_SIZE;
	h.counters = ARENA_COUNTERS;
	h.workers = g->workers;
	h.states = ARENA_STATES;
	h.expect_records = g->expect_records;
	h.expect_size = ARENA_EXPECT_SIZE;
	h.ext_size = ARENA_EXT_SIZE;
	h.element_records = g->element_records;
	h.element_size = ARENA_ELEMENT_SIZE;
	h.flows_off = HEADER_BYTES;
	h.expects_off = h.flows_off + round_up((uint64_t)g->flow_records * ARENA_FLOW_SIZE);
	h.counters_off =
		h.expects_off + round_up((uint64_t)g->expect_records * ARENA_EXPECT_SIZE);
	/* The base and a column a worker, 16 bytes a slot. */
	h.text_bytes = round_up(g->text_bytes ? g->text_bytes : ARENA_TEXT_BYTES);
	h.text_off[0] =
		h.counters_off + round_up((uint64_t)ARENA_COUNTERS * 16) * (1 + g->workers);
	h.text_off[1] = h.text_off[0] + h.text_bytes;
	h.text_off[2] = h.text_off[1] + h.text_bytes;
	h.exts_off = h.text_off[2] + h.text_bytes;
	h.elements_off = h.exts_off + round_up((uint64_t)g->flow_records * ARENA_EXT_SIZE);
	h.states_off =
		h.elements_off + round_up((uint64_t)g->element_records * ARENA_ELEMENT_SIZE);
	h.total = h.states_off + round_up((uint64_t)ARENA_STATES * ARENA_STATE_SIZE);
	*ret_header = h;
}

/* Over the fields from layout to key, the checksum itself counted as zero. */
static uint32_t header_check(const struct arena_header *h)
{
	uint8_t bytes[offsetof(struct arena_header, next_flow_id)];

	memcpy(bytes, h, sizeof(bytes));
	memset(bytes + offsetof(struct arena_header, header_check), 0, sizeof(h->header_check));
	return (uint32_t)siphash_bytes(&check_key, bytes, sizeof(bytes));
}

static void point(struct arena *a, uint8_t *mem, const struct arena_header *layout)
{
	a->header = (struct arena_header *)mem;
	a->flows = mem + layout->flows_off;
	a->expects = mem + layout->expects_off;
	a->exts = mem + layout->exts_off;
	a->elements = mem + layout->elements_off;
	a->states = mem + layout->states_off;
	a->counters = (uint64_t *)(mem + layout->counters_off);
	for (int i = 0; i < 3; i++)
		a->text[i] = (char *)mem + layout->text_off[i];
}

size_t arena_size(const struct arena_geometry *g)
{
	struct arena_header h;

	arena_layout(g, &h);
	return (size_t)h.total;
}

size_t arena_committed(const struct arena_geometry *g)
{
	struct arena_header h;

	arena_layout(g, &h);
	return (size_t)h.counters_off;
}

void arena_format(void *mem, const struct arena_geometry *g, const uint8_t boot_id[16],
		  const uint8_t key[16], struct arena *ret_arena)
{
	struct arena_header *h = mem;

	arena_layout(g, h);
	memcpy(h->boot_id, boot_id, sizeof(h->boot_id));
	memcpy(h->key, key, sizeof(h->key));
	atomic_store_explicit(&h->next_flow_id, 1, memory_order_relaxed);
	h->header_check = header_check(h);
	point(ret_arena, mem, h);
}

int arena_attach(void *mem, size_t len, const struct arena_geometry *want,
		 const uint8_t boot_id[16], struct arena *ret_arena)
{
	const struct arena_header *h = mem;
	struct arena_header layout;

	if (len < HEADER_BYTES || memcmp(h->magic, magic, sizeof(magic)) != 0)
		return -EINVAL;
	if (h->layout != ARENA_LAYOUT)
		return -ESTALE;
	if (h->header_check != header_check(h))
		return -EINVAL;
	if (memcmp(h->boot_id, boot_id, sizeof(h->boot_id)) != 0)
		return -ESTALE;
	arena_layout(want, &layout);
	if (h->flow_records != layout.flow_records || h->flow_size != layout.flow_size ||
	    h->expect_records != layout.expect_records ||
	    h->expect_size != layout.expect_size || h->ext_size != layout.ext_size ||
	    h->element_records != layout.element_records ||
	    h->element_size != layout.element_size || h->counters != layout.counters ||
	    h->workers != layout.workers || h->states != layout.states ||
	    h->text_bytes != layout.text_bytes || h->total != layout.total || len < layout.total)
		return -E2BIG;
	point(ret_arena, mem, &layout);
	return 0;
}

/* A file system without room says so here rather than by a signal later. */
static int reserve(uint8_t *from, uint64_t bytes)
{
	if (!bytes)
		return 0;
	return madvise(from, round_up(bytes), MADV_POPULATE_WRITE) < 0 ? -errno : 0;
}

int arena_reserve_extensions(const struct arena *a)
{
	return reserve(a->exts, (uint64_t)a->header->flow_records * ARENA_EXT_SIZE);
}

int arena_reserve_elements(const struct arena *a)
{
	return reserve(a->elements, (uint64_t)a->header->element_records * ARENA_ELEMENT_SIZE);
}

static uint64_t text_check(const char *text, size_t len)
{
	return siphash_bytes(&check_key, text, len);
}

int arena_save_text(struct arena *a, const char *text, size_t len)
{
	struct arena_header *h = a->header;
	uint32_t current = atomic_load_explicit(&h->text_current, memory_order_relaxed);
	unsigned next = current == 1 ? 1 : 0;

	if (len > h->text_bytes)
		return -ENOSPC;
	memcpy(a->text[next], text, len);
	h->text[next].len = len;
	h->text[next].check = text_check(text, len);
	atomic_store_explicit(&h->text[next].changes, 0, memory_order_relaxed);
	/* Only now does a reader after a crash look there. */
	atomic_store_explicit(&h->text_current, next + 1, memory_order_release);
	return 0;
}

/* One of the three, when it is whole. */
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

int arena_saved_text(const struct arena *a, const char **ret_text, size_t *ret_len)
{
	uint32_t current = atomic_load_explicit(&a->header->text_current, memory_order_acquire);

	if (current == 0)
		return -ENOENT;
	if (current > 2)
		return -EINVAL;
	return read_text(a, current - 1, ret_text, ret_len);
}

int arena_save_former(struct arena *a, const char *text, size_t len)
{
	struct arena_header *h = a->header;

	if (len > h->text_bytes || reserve((uint8_t *)a->text[FORMER], len))
		return -ENOSPC;
	memcpy(a->text[FORMER], text, len);
	h->text[FORMER].len = len;
	h->text[FORMER].check = text_check(text, len);
	return 0;
}

int arena_former_text(const struct arena *a, const char **ret_text, size_t *ret_len)
{
	return read_text(a, FORMER, ret_text, ret_len);
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

/* A restart makes all of them again, one by one: few, measured by what saving the whole costs. */
static uint64_t changes_most(uint64_t text_len)
{
	return 65536 + text_len / 32;
}

static uint64_t padded(uint64_t n)
{
	return (n + 7) & ~UINT64_C(7);
}

int arena_save_change(struct arena *a, const char *text, size_t len)
{
	struct arena_header *h = a->header;
	uint32_t current = atomic_load_explicit(&h->text_current, memory_order_relaxed);
	struct change_head head = {.len = len};
	uint64_t changes, room, all = padded(sizeof(head) + len);
	char *at;

	if (current != 1 && current != 2)
		return -ENOENT;
	at = a->text[current - 1] + padded(h->text[current - 1].len);
	room = h->text_bytes - padded(h->text[current - 1].len);
	changes = atomic_load_explicit(&h->text[current - 1].changes, memory_order_relaxed);
	if (len > room || all > room - changes ||
	    changes + all > changes_most(h->text[current - 1].len))
		return -ENOSPC;
	head.check = text_check(text, len);
	memcpy(at + changes, &head, sizeof(head));
	memcpy(at + changes + sizeof(head), text, len);
	/* Only now does a reader after a crash look there. */
	atomic_store_explicit(&h->text[current - 1].changes, changes + all,
			      memory_order_release);
	return 0;
}

int arena_saved_change(const struct arena *a, size_t *at, const char **ret_text,
		       size_t *ret_len)
{
	const struct arena_header *h = a->header;
	uint32_t current = atomic_load_explicit(&h->text_current, memory_order_acquire);
	uint64_t len, changes, room;
	struct change_head head;
	const char *first;

	if (current != 1 && current != 2)
		return -ENOENT;
	len = h->text[current - 1].len;
	changes = atomic_load_explicit(&h->text[current - 1].changes, memory_order_acquire);
	if (len > h->text_bytes || changes > h->text_bytes - padded(len) || changes % 8)
		return -EINVAL;
	if (*at == changes)
		return -ENOENT;
	first = a->text[current - 1] + padded(len) + *at;
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
