/* arena.c - the mapping that outlives the process, and its header.
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

#include "base/arena_private.h"

#define PAGE	     4096u
#define HEADER_BYTES PAGE

static const uint8_t magic[8] = {'c', 't', 'f', 'w', 'a', 'r', 'e', 'n'};
const struct siphash_key arena_check_key = {0x61726e6163746677, 0x0123456789abcdef};

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
	h.texts_off =
		h.counters_off + round_up((uint64_t)ARENA_COUNTERS * 16) * (1 + g->workers);
	h.exts_off = h.texts_off + h.text_bytes * ARENA_TEXTS;
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
	return (uint32_t)siphash_bytes(&arena_check_key, bytes, sizeof(bytes));
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
	for (unsigned i = 0; i < ARENA_TEXTS; i++)
		a->text[i] = (char *)mem + layout->texts_off + i * layout->text_bytes;
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

void arena_make_header(const struct arena_geometry *g, const uint8_t boot_id[16],
		       const uint8_t key[16], struct arena_header *ret_header)
{
	struct arena_header *h = ret_header;

	arena_layout(g, h);
	memcpy(h->boot_id, boot_id, sizeof(h->boot_id));
	memcpy(h->key, key, sizeof(h->key));
	atomic_store_explicit(&h->next_flow_id, 1, memory_order_relaxed);
	h->header_check = header_check(h);
}

void arena_format(void *mem, const struct arena_geometry *g, const uint8_t boot_id[16],
		  const uint8_t key[16], struct arena *ret_arena)
{
	arena_make_header(g, boot_id, key, mem);
	point(ret_arena, mem, mem);
}

/* Before any other field of it means anything. */
static int check_layout(const struct arena_header *h, size_t len)
{
	if (len < HEADER_BYTES || memcmp(h->magic, magic, sizeof(magic)) != 0)
		return -EINVAL;
	return h->layout == ARENA_LAYOUT ? 0 : -ESTALE;
}

int arena_attach(void *mem, size_t len, const struct arena_geometry *want,
		 const uint8_t boot_id[16], struct arena *ret_arena)
{
	const struct arena_header *h = mem;
	struct arena_header layout;
	int err = check_layout(h, len);

	if (err)
		return err;
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
	    h->text_bytes != layout.text_bytes || h->total != layout.total ||
	    len < layout.total)
		return -E2BIG;
	point(ret_arena, mem, &layout);
	return 0;
}

int arena_geometry_of(const void *mem, size_t len, const uint8_t boot_id[16],
		      struct arena_geometry *ret_geometry, uint8_t ret_key[16])
{
	const struct arena_header *h = mem;
	struct arena_geometry g;
	struct arena here;
	int err = check_layout(h, len);

	if (err)
		return err;
	g = (struct arena_geometry){
		.flow_records = h->flow_records,
		.workers = h->workers,
		.text_bytes = h->text_bytes,
		.expect_records = h->expect_records,
		.element_records = h->element_records,
	};
	if (!g.workers || g.workers > ARENA_MAX_WORKERS || !g.text_bytes ||
	    g.text_bytes > UINT32_MAX)
		return -EINVAL;
	err = arena_attach((void *)(uintptr_t)mem, len, &g, boot_id, &here);
	if (err)
		return err == -E2BIG ? -EINVAL : err;
	*ret_geometry = g;
	memcpy(ret_key, h->key, sizeof(h->key));
	return 0;
}

/* The areas in their order. */
enum { AREA_HEADER, AREA_FLOWS, AREA_EXPECTS, AREA_COUNTERS, AREA_TEXTS, AREA_EXTS,
       AREA_ELEMENTS, AREA_STATES, AREAS };

static void areas_of(const struct arena_geometry *g, uint64_t ret_begin[AREAS + 1],
		     uint64_t ret_bytes[AREAS])
{
	struct arena_header h;

	arena_layout(g, &h);
	ret_begin[AREA_HEADER] = ret_bytes[AREA_HEADER] = 0;
	ret_begin[AREA_FLOWS] = h.flows_off;
	ret_bytes[AREA_FLOWS] = (uint64_t)h.flow_records * ARENA_FLOW_SIZE;
	ret_begin[AREA_EXPECTS] = h.expects_off;
	ret_bytes[AREA_EXPECTS] = (uint64_t)h.expect_records * ARENA_EXPECT_SIZE;
	ret_begin[AREA_COUNTERS] = h.counters_off;
	ret_bytes[AREA_COUNTERS] = (uint64_t)ARENA_COUNTERS * 16 * (1 + h.workers);
	ret_begin[AREA_TEXTS] = h.texts_off;
	ret_bytes[AREA_TEXTS] = h.text_bytes * ARENA_TEXTS;
	ret_begin[AREA_EXTS] = h.exts_off;
	ret_bytes[AREA_EXTS] = (uint64_t)h.flow_records * ARENA_EXT_SIZE;
	ret_begin[AREA_ELEMENTS] = h.elements_off;
	ret_bytes[AREA_ELEMENTS] = (uint64_t)h.element_records * ARENA_ELEMENT_SIZE;
	ret_begin[AREA_STATES] = h.states_off;
	ret_bytes[AREA_STATES] = (uint64_t)ARENA_STATES * ARENA_STATE_SIZE;
	ret_begin[AREAS] = h.total;
}

bool arena_moves(const struct arena_geometry *from, const struct arena_geometry *to,
		 uint64_t offset, uint64_t *ret_to, uint64_t *ret_len)
{
	uint64_t begin[AREAS + 1], bytes[AREAS], new_begin[AREAS + 1], new_bytes[AREAS];
	uint64_t at, most;
	unsigned i = 0;

	areas_of(from, begin, bytes);
	areas_of(to, new_begin, new_bytes);
	while (i + 1 < AREAS && offset >= begin[i + 1])
		i++;
	at = offset - begin[i];
	most = bytes[i] < new_bytes[i] ? bytes[i] : new_bytes[i];
	/* Texts of another size, were there any, would lie elsewhere. */
	if (at >= most || (i == AREA_TEXTS && bytes[i] != new_bytes[i])) {
		*ret_len = begin[i + 1] > offset ? begin[i + 1] - offset : 1;
		return false;
	}
	*ret_to = new_begin[i] + at;
	*ret_len = most - at;
	return true;
}

void arena_inherit(void *header, const void *from)
{
	const size_t at = offsetof(struct arena_header, next_flow_id);

	memcpy((uint8_t *)header + at, (const uint8_t *)from + at,
	       sizeof(struct arena_header) - at);
}

int arena_reserve(void *from, uint64_t bytes)
{
	uint64_t before = (uintptr_t)from % PAGE;

	if (!bytes)
		return 0;
	return madvise((uint8_t *)from - before, round_up(before + bytes),
		       MADV_POPULATE_WRITE) < 0 ? -errno : 0;
}

void arena_set_workers(struct arena *a, bool fresh, uint32_t workers)
{
	struct arena_header *h = a->header;

	if (fresh || (h->workers_used && h->workers_used < workers))
		h->workers_used = workers;
}

int arena_reserve_extensions(const struct arena *a)
{
	return arena_reserve(a->exts, (uint64_t)a->header->flow_records * ARENA_EXT_SIZE);
}

int arena_reserve_elements(const struct arena *a)
{
	return arena_reserve(a->elements,
			     (uint64_t)a->header->element_records * ARENA_ELEMENT_SIZE);
}
