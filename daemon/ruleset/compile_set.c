/* compile_set.c - what is looked up in sets and maps: the key's bytes, the set, what it has. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/clock.h"
#include "ruleset/check.h"
#include "ruleset/compile.h"
#include "ruleset/key.h"

enum outcome compile_key_at(struct builder *b, const struct expr *key,
			    const struct key_type *of, unsigned at)
{
	const struct key_type type = key_type_of(key);
	const struct set_shape shape = key_shape(&type);
	enum outcome outcome = OUTCOME_GOES_ON;

	for (unsigned i = 0; i < type.n && outcome == OUTCOME_GOES_ON; i++) {
		const struct expr *part = key->kind == EXPR_CONCAT ? key->list.item[i] : key;
		const unsigned off = at + (unsigned)set_key_offset(&shape, i),
			       n = shape.part[i].bytes;
		bool wide;

		outcome = compile_field(b, part, &wide);
		compile_emit(b, (struct insn){
					.op = wide ? OP_WIDE_KEY : OP_KEY,
					.k = (uint8_t)n,
					.off = (uint16_t)off,
				});
		/* What was shifted is in the host's byte order, and nft compares it so with
		 * elements that are in the other one. */
		if (of && of->network[i] && n <= 8 && expr_has_shift(part) &&
		    compile_is_turned(part))
			compile_turn(b, off, n);
	}
	return outcome;
}

/* set: what it is looked up in. */
static enum outcome compile_key(struct builder *b, const struct expr *key,
				const struct expr *set)
{
	const struct set *named = NULL;
	size_t at;

	if (set->kind == EXPR_SETREF) {
		at = set_find_named(b->table, set->symbol);
		if (at == MODEL_NONE)
			abort(); /* check lets no rule name a set that is not there */
		named = b->table->sets[at];
	}
	return compile_key_at(b, key,
			      named && !(named->flags & SET_INTERVAL) ? &named->key : NULL, 0);
}

/* ---- contents ---- */

static int fill(const struct builder *b, const struct element_type *type,
		const struct expr *items, struct set_content *content)
{
	struct set_batch *batch = set_batch_new(set_content_shape(content), SET_ADD);
	struct set_error error;
	struct set_element el;
	int err = batch ? 0 : -ENOMEM;

	for (size_t i = 0; i < items->list.n && !err; i++) {
		key_element(type, b->table, items->list.item[i], &el);
		err = set_batch_put(batch, &el);
	}
	if (!err)
		err = set_content_change(content, batch, 0, &error);
	set_batch_free(batch);
	if (err == -EINVAL)
		abort(); /* check has seen that it can be */
	return err;
}

/* Of a set within a rule. */
static struct set_content *make_content(const struct builder *b,
					const struct element_type *type,
					const struct expr *items)
{
	struct set_shape shape = key_shape(&type->key);
	struct set_content *content = NULL;

	shape.data_bytes = (uint8_t)key_data_bytes(type);
	for (size_t i = 0; i < items->list.n; i++)
		shape.interval = shape.interval || key_is_interval(key_of(items->list.item[i]));
	if (set_content_new(&shape, &content) || fill(b, type, items, content)) {
		set_content_unref(content);
		return NULL;
	}
	return content;
}

/* The number of the set that an expression names, or is. */
static uint32_t add_set(struct builder *b, const struct element_type *type,
			const struct expr *set)
{
	struct program *p = b->program;
	struct program_set *s;
	size_t at;

	if (!compile_room_set(b))
		return 0;
	s = &p->sets[p->n_sets];
	*s = (struct program_set){
		.first_target = b->first_target,
		.first_object = b->first_object,
		.n_objects = b->n_objects,
		.n_targets = p->n_targets - b->first_target,
	};
	if (set->kind == EXPR_SETREF) {
		at = set_find_named(b->table, set->symbol);
		if (at == MODEL_NONE)
			abort(); /* check lets no rule name a set that is not there */
		s->named = b->table->sets[at];
		s->dynamic = s->named->dynamic;
		s->content = set_content_ref(s->named->content);
		s->variants = compile_variants(b, s->named);
	} else {
		s->content = make_content(b, type, set);
	}
	if (!s->content) {
		b->failed = true;
		return 0;
	}
	return p->n_sets++;
}

/* ---- statements and values ---- */

enum outcome compile_look_up(struct builder *b, const struct stmt *s)
{
	const struct element_type type = { .key = key_type_of(s->match.left) };

	if (compile_key(b, s->match.left, s->match.right) == OUTCOME_NEVER)
		return OUTCOME_NEVER;
	compile_emit(b, (struct insn){
				.op = OP_SET,
				.k = s->match.op == MATCH_NE,
				.a = add_set(b, &type, s->match.right),
			});
	return OUTCOME_GOES_ON;
}

enum outcome compile_vmap(struct builder *b, const struct stmt *s)
{
	const struct element_type type = {
		.key = key_type_of(s->vmap.key), .kind = DATA_VERDICTS
	};

	if (compile_key(b, s->vmap.key, s->vmap.set) == OUTCOME_NEVER)
		return OUTCOME_NEVER;
	compile_emit(b, (struct insn){
				.op = OP_VMAP,
				.a = add_set(b, &type, s->vmap.set),
				.b = b->rule,
			});
	compile_emit(b, (struct insn){ .op = OP_ACCEPT, .a = b->rule });
	compile_emit(b, (struct insn){ .op = OP_DROP, .a = b->rule });
	compile_emit(b, (struct insn){ .op = OP_RETURN });
	return OUTCOME_GOES_ON;
}

enum outcome compile_object_map(struct builder *b, const struct stmt *s)
{
	const struct element_type type = {
		.key = key_type_of(s->object.key),
		.kind = DATA_OBJECTS,
		.objects = s->object.kind,
	};

	if (compile_key(b, s->object.key, s->object.set) == OUTCOME_NEVER)
		return OUTCOME_NEVER;
	compile_emit(b, (struct insn){
				.op = OP_OBJECT,
				.k = s->object.kind == KIND_CT_HELPER,
				.a = add_set(b, &type, s->object.set),
				.b = b->rule,
			});
	return OUTCOME_GOES_ON;
}

enum outcome compile_map(struct builder *b, const struct expr *map, const struct key_type *to)
{
	const struct element_type type = {
		.key = key_type_of(map->map.key), .kind = DATA_VALUES, .data = *to
	};
	const struct set_shape shape = key_shape(to);

	if (compile_key(b, map->map.key, map->map.set) == OUTCOME_NEVER)
		return OUTCOME_NEVER;
	compile_emit(b, (struct insn){
				.op = OP_MAP,
				.k = shape.part[0].bytes,
				.a = add_set(b, &type, map->map.set),
			});
	return OUTCOME_GOES_ON;
}

enum outcome compile_map_bytes(struct builder *b, const struct expr *map,
			       const struct key_type *to, bool interval, unsigned at)
{
	const struct element_type type = {
		.key = key_type_of(map->map.key),
		.kind = DATA_VALUES,
		.data = *to,
		.data_interval = interval,
	};

	if (compile_key(b, map->map.key, map->map.set) == OUTCOME_NEVER)
		return OUTCOME_NEVER;
	compile_emit(b, (struct insn){
				.op = OP_MAP_BYTES,
				.k = (uint8_t)key_data_bytes(&type),
				.off = (uint16_t)at,
				.a = add_set(b, &type, map->map.set),
			});
	return OUTCOME_GOES_ON;
}

/* The data of an element behind its key: constants or fields. */
static enum outcome compile_data(struct builder *b, const struct set *set,
				 const struct expr *data)
{
	const struct set_shape shape = key_shape(&set->data);
	struct set_element el = { .comment = NULL };

	if (expr_selector(data->kind == EXPR_CONCAT ? data->list.item[0] : data))
		return compile_key_at(b, data, &set->data, KEY_DATA);
	key_bounds(&set->data, data, &el);
	/* Four bytes at a time. */
	for (size_t off = 0; off < set_key_offset(&shape, shape.n_parts); off += 4) {
		uint32_t word;

		memcpy(&word, el.key + off, sizeof(word));
		compile_emit(b, (struct insn){ .op = OP_VALUE, .a = be32toh(word) });
		compile_emit(b, (struct insn){
					.op = OP_KEY,
					.k = 4,
					.off = (uint16_t)(KEY_DATA + off),
				});
	}
	return OUTCOME_GOES_ON;
}

/* Of the records of a statement's elements: the words that name lists of flows. */
static uint8_t list_words(const struct stmts *stmts)
{
	unsigned word = 0;
	uint8_t lists = 0;

	for (size_t i = 0; i < stmts->n; i++) {
		if (stmts->v[i].kind == STMT_CONNLIMIT)
			lists |= (uint8_t)(1u << word);
		word += stmts->v[i].kind == STMT_COUNTER ? 2 : 1;
	}
	return lists;
}

enum outcome compile_dynset(struct builder *b, const struct stmt *s)
{
	struct program *p = b->program;
	size_t at = set_find_named(b->table, s->dynset.set->symbol);
	const struct stmts *stmts;
	const struct set *set;
	uint32_t variant;

	if (at == MODEL_NONE)
		abort(); /* check lets no rule name a set that is not there */
	set = b->table->sets[at];
	stmts = s->dynset.stmts.n ? &s->dynset.stmts : &set->stmts;
	variant = variant_find(set->slots, stmts);
	if (variant == VARIANT_NONE)
		abort(); /* the transaction has settled it */
	if (compile_key(b, s->dynset.key, s->dynset.set) == OUTCOME_NEVER ||
	    (s->dynset.data && compile_data(b, set, s->dynset.data) == OUTCOME_NEVER))
		return OUTCOME_NEVER;
	if (!compile_room_dynset(b))
		return OUTCOME_GOES_ON;
	p->dynsets[p->n_dynsets] = (struct program_dynset){
		.set = set->dynamic,
		.content = set->content,
		.op = s->dynset.op,
		.has_data = s->dynset.data != NULL,
		.timeout = (s->dynset.timeout ? s->dynset.timeout : set->timeout) *
			   NSEC_PER_MSEC,
		.variants = compile_variants(b, set),
		.variant = (uint16_t)variant,
		.lists = list_words(stmts),
	};
	compile_emit(b, (struct insn){ .op = OP_DYNSET, .a = p->n_dynsets++ });
	return OUTCOME_GOES_ON;
}

/* ---- chains that verdict maps lead to ---- */

static int by_handle(const void *a, const void *b)
{
	const struct program_target *x = a, *y = b;

	return (x->handle > y->handle) - (x->handle < y->handle);
}

void compile_targets(struct builder *b)
{
	struct program *p = b->program;

	b->first_target = p->n_targets;
	for (size_t i = 0; i < b->table->n_chains; i++) {
		if (!compile_room_target(b))
			return;
		/* The number, until all chains have their place. */
		p->targets[p->n_targets++] = (struct program_target){
			.handle = b->table->chains[i]->handle,
			.start = b->first_chain + (uint32_t)i,
		};
	}
	if (p->n_targets > b->first_target)
		qsort(p->targets + b->first_target, p->n_targets - b->first_target,
		      sizeof(*p->targets), by_handle);
}
