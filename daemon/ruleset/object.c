/* object.c - named objects of tables: made, found, numbered. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset/model.h"

const char *object_kind_name(enum object_kind kind)
{
	static const char *const names[KIND_COUNT] = {
		[KIND_NONE] = "object",
#define OBJECT(id, text, word, plural) [KIND_##id] = text,
#include "ruleset/object.def"
#undef OBJECT
	};

	return names[kind];
}

const char *object_l4_name(uint8_t l4)
{
	return l4 == IPPROTO_TCP ? "tcp" : "udp";
}

const struct policy_row policy_states[POLICY_COUNT] = {
#define POLICY(id, l4_, name_, seconds_, timeout)                                              \
	[POLICY_##id] = { .name = name_, .l4 = l4_, .seconds = seconds_ },
#include "ctfw/policy.def"
#undef POLICY
};

struct object *object_new(enum object_kind kind, const char *name, size_t len)
{
	struct object *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->refs = 1;
	o->kind = kind;
	o->state.slot = STATE_NONE;
	o->name = strndup(name, len);
	if (!o->name) {
		free(o);
		return NULL;
	}
	return o;
}

struct object *object_ref(struct object *o)
{
	o->refs++;
	return o;
}

void object_unref(struct object *o)
{
	if (!o || --o->refs)
		return;
	if (!o->origin)
		stateful_release(o->counters, object_state_kind(o->kind), o->state.slot);
	object_unref(o->origin);
	free((char *)o->ct.helper);
	free(o->name);
	free(o->comment);
	free(o);
}

size_t object_find(const struct table *t, enum object_kind kind, const char *name)
{
	size_t at = SIZE_MAX, place;
	uint64_t handle;

	while ((handle = name_index_next(&t->object_index, name, &at))) {
		place = object_find_handle(t, kind, handle);
		if (place != MODEL_NONE && !strcmp(t->objects[place]->name, name))
			return place;
	}
	return MODEL_NONE;
}

bool table_add_object(struct table *t, struct object *o)
{
	if (!o || !model_grow(&t->objects, t->n_objects, &t->cap_objects) ||
	    !name_index_put(&t->object_index, o->name, o->handle)) {
		object_unref(o);
		return false;
	}
	t->objects[t->n_objects++] = o;
	return true;
}

void table_remove_object(struct table *t, size_t at)
{
	name_index_remove(&t->object_index, t->objects[at]->name, t->objects[at]->handle);
	object_unref(t->objects[at]);
	t->n_objects--;
	memmove(t->objects + at, t->objects + at + 1,
		(t->n_objects - at) * sizeof(struct object *));
}

/* ---- numbers of timeout policies ---- */

#define WORDS ((RULESET_POLICY_NUMBERS + 64) / 64)

struct numbers {
	uint64_t used[WORDS];
};

static bool is_used(const struct numbers *n, unsigned number)
{
	return n->used[number / 64] >> number % 64 & 1;
}

static void use(struct numbers *n, unsigned number)
{
	n->used[number / 64] |= UINT64_C(1) << number % 64;
}

/* The numbers that a ruleset has given. */
static void collect(struct numbers *n, const struct ruleset *rs)
{
	for (size_t i = 0; i < rs->n_tables; i++) {
		const struct table *t = rs->tables[i];

		for (size_t j = 0; j < t->n_objects; j++) {
			if (t->objects[j]->kind == KIND_CT_TIMEOUT)
				use(n, t->objects[j]->ct.number);
		}
	}
}

/* The number of the policy that was here before; 0: none, or one of another protocol. */
static uint16_t former_number(const struct ruleset *former, const struct table *t,
			      const struct object *o)
{
	size_t table = table_find(former, t->family, t->name), at;
	const struct object *old;

	if (table == MODEL_NONE)
		return 0;
	at = object_find(former->tables[table], KIND_CT_TIMEOUT, o->name);
	if (at == MODEL_NONE)
		return 0;
	old = former->tables[table]->objects[at];
	return old->ct.l4 == o->ct.l4 ? old->ct.number : 0;
}

/* One that neither ruleset uses: flows may have the former's until it is gone. */
static uint16_t free_number(const struct numbers *mine, const struct numbers *former)
{
	for (unsigned number = 1; number <= RULESET_POLICY_NUMBERS; number++) {
		if (!is_used(mine, number) && !is_used(former, number))
			return (uint16_t)number;
	}
	return 0;
}

int ruleset_number(struct ruleset *rs, const struct ruleset *former, struct diag *d)
{
	struct numbers mine = { { 1 } }, theirs = { { 1 } };

	collect(&mine, rs);
	if (former)
		collect(&theirs, former);
	for (size_t i = 0; i < rs->n_tables; i++) {
		const struct table *t = rs->tables[i];

		for (size_t j = 0; j < t->n_objects; j++) {
			struct object *o = t->objects[j];
			uint16_t number;

			if (o->kind != KIND_CT_TIMEOUT || o->ct.number)
				continue;
			number = former ? former_number(former, t, o) : 0;
			if (!number || is_used(&mine, number))
				number = free_number(&mine, &theirs);
			if (!number) {
				/* Only what was damaged while it was saved has so many. */
				diag_error(d, NULL,
					   "no number is left for the ct timeout \"%s\"",
					   o->name);
				return -EINVAL;
			}
			o->ct.number = number;
			use(&mine, number);
		}
	}
	return 0;
}
