/* check_set.c - what is looked up in sets and maps: keys, items, data.
 *
 * The items of an anonymous set go through a content as those of named sets do (set.h): it
 * sorts them as nft lists them, and finds those that are the same or overlap. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset/check.h"
#include "ruleset/parse.h"

/* ---- keys ---- */

/* An address of either family is no type, even where the table has one family (as nft). */
static bool has_type(struct checker *ck, const struct expr *e)
{
	switch (expr_selector(e)) {
	case SELECTOR_CT_ORIGINAL_SADDR:
	case SELECTOR_CT_ORIGINAL_DADDR:
	case SELECTOR_CT_REPLY_SADDR:
	case SELECTOR_CT_REPLY_DADDR:
		diag_error(ck->d, &e->span, "as a key this needs its family: write \"ip\" or "
			   "\"ip6\" before the address");
		return false;
	default:
		return true;
	}
}

bool check_key(struct checker *ck, struct expr **key)
{
	struct expr *list = *key;
	struct key_type type = { .n = 0 };

	if (list->kind != EXPR_CONCAT)
		return has_type(ck, list) && check_field(ck, key);
	for (size_t i = 0; i < list->list.n; i++) {
		if (ck->apart)
			protocols_init(&ck->proto, ck->proto.family);
		if (!has_type(ck, list->list.item[i]) || !check_field(ck, &list->list.item[i]))
			return false;
		if (!key_type_add(&type, expr_type(list->list.item[i]), false)) {
			diag_error(ck->d, &list->list.item[i]->span,
				   "a concatenation has at most %d bytes, four for each part "
				   "or more", SET_KEY_MAX);
			return false;
		}
	}
	return true;
}

/* In a set no range of hours goes beyond midnight: nothing turns it. */
static bool check_part(struct checker *ck, const struct datatype *dt, struct expr **e)
{
	return check_constant(ck, dt, e) &&
	       ((*e)->kind != EXPR_RANGE || check_forward(ck, dt, *e));
}

bool check_typed(struct checker *ck, const struct key_type *type, struct expr **e)
{
	struct text names = TEXT_INIT;

	if (type->n == 1)
		return check_part(ck, type->part[0], e);
	if ((*e)->kind != EXPR_CONCAT || (*e)->list.n != type->n) {
		key_type_print(type, &names);
		diag_error(ck->d, &(*e)->span, "%u values joined by dots are needed here: %s",
			   type->n, text_str(&names));
		text_fini(&names);
		return false;
	}
	for (unsigned i = 0; i < type->n; i++) {
		if (!check_part(ck, type->part[i], &(*e)->list.item[i]))
			return false;
	}
	return true;
}

/* ---- items of a set within a rule ---- */

static bool needs_data(const struct items *items, const struct expr *e)
{
	static const char *const what[] = {
		[DATA_NONE] = "",
		[DATA_VALUES] = "value",
		[DATA_VERDICTS] = "verdict, such as accept",
		[DATA_OBJECTS] = "name of an object",
	};

	diag_error(items->ck->d, &e->span, "\":\" and a %s are needed here",
		   what[items->type.kind]);
	return false;
}

/* Behind the colon of a verdict map stands something else. */
static bool no_verdict(const struct items *items, const struct expr *data)
{
	const char *words[PARSE_VERDICTS_MAX + 1];
	const char *near = NULL;

	if (data->kind == EXPR_SYMBOL) {
		words[parse_verdict_words(words)] = NULL;
		near = suggest(data->symbol, strlen(data->symbol), words);
		diag_error(items->ck->d, &data->span, "\"%s\" is no verdict", data->symbol);
	} else {
		diag_error(items->ck->d, &data->span, "this is no verdict, such as accept");
	}
	if (near)
		diag_hint(items->ck->d, "did you mean \"%s\"?", near);
	return false;
}

static bool check_object(const struct items *items, const struct expr *e)
{
	const struct table *t = items->ck->table;

	if (e->kind != EXPR_SYMBOL)
		return needs_data(items, e);
	/* Without a table the text is wrong already. */
	if (!t || object_find(t, items->type.objects, e->symbol) != MODEL_NONE)
		return true;
	diag_error(items->ck->d, &e->span, "there is no %s \"%s\" in table %s %s",
		   object_kind_name(items->type.objects), e->symbol, family_name(t->family),
		   t->name);
	return false;
}

/* Where an element of a named map leads; of those within rules, who adds the rule asks. */
static bool check_target(const struct items *items, const struct expr *e)
{
	const struct table *t = items->ck->table;
	size_t at;

	if (!e->verdict.chain)
		return true;
	at = chain_find(t, e->verdict.chain);
	if (at != MODEL_NONE && t->chains[at]->bound)
		at = MODEL_NONE; /* only its rule leads there */
	if (at != MODEL_NONE && t->chains[at]->type == CHAIN_REGULAR)
		return true;
	diag_error(items->ck->d, &e->span,
		   at == MODEL_NONE ? "there is no chain \"%s\" in this table" :
				      "%s is a chain with a hook: nothing can lead there",
		   e->verdict.chain);
	return false;
}

static bool check_data(struct items *items, struct item *item, struct expr *e)
{
	struct checker *ck = items->ck;
	const enum data_kind kind = items->type.kind;

	if (kind == DATA_NONE) {
		if (e->kind != EXPR_MAPPING)
			return true;
		diag_error(ck->d, &e->span, "this is a set, not a map: no \":\" here");
		return false;
	}
	if (e->kind != EXPR_MAPPING)
		return items->deleting || needs_data(items, e);
	item->data = e->mapping.data;
	if (kind == DATA_OBJECTS)
		return check_object(items, item->data);
	if (kind == DATA_VERDICTS && item->data->kind != EXPR_VERDICT)
		return no_verdict(items, item->data);
	if (kind != DATA_VERDICTS && item->data->kind == EXPR_VERDICT)
		return needs_data(items, item->data);
	if (kind == DATA_VERDICTS)
		return !items->set || check_target(items, item->data);
	if (!check_typed(ck, &items->type.data, &e->mapping.data))
		return false;
	item->data = e->mapping.data;
	if (!items->set || items->type.data_interval || !key_is_interval(item->data))
		return true;
	diag_error(ck->d, &item->data->span,
		   "the values of this map are no intervals: declare them so");
	return false;
}

static bool check_more(struct items *items, const struct expr *e)
{
	const struct element_extra *extra = e->element.extra;
	const struct set *s = items->set;

	if (!s) {
		if (!extra->timeout && !extra->expires && !extra->stmts.n)
			return true;
		diag_error(items->ck->d, &e->span,
			   "elements with timeouts or statements are for sets that have "
			   "a name");
		return false;
	}
	if ((extra->timeout || extra->expires) && !(s->flags & SET_TIMEOUT)) {
		diag_error(items->ck->d, &e->span,
			   "the elements of this set do not expire: it has no flag timeout");
		return false;
	}
	/* What was saved says when. */
	if (!items->ck->verbatim && extra->expires > element_timeout(s, extra)) {
		diag_error(items->ck->d, &e->span, "%s",
			   element_timeout(s, extra) ?
				   "an element cannot last longer than its timeout" :
				   "what expires has a timeout: neither this element nor its "
				   "set has one");
		return false;
	}
	if (extra->stmts.n && !s->stmts.n && !(s->flags & SET_DYNAMIC)) {
		diag_error(items->ck->d, &extra->stmts.v[0].span,
			   "this set declares no statements for its elements, nor is it "
			   "dynamic");
		return false;
	}
	return !extra->stmts.n || check_own_stmts(items->ck->d, &extra->stmts, s);
}

static bool may_be_interval(struct items *items, const struct expr *key)
{
	const struct set *s = items->set;

	if (!s || s->flags & SET_INTERVAL || key->kind == EXPR_ALL || !key_is_interval(key))
		return true;
	diag_error(items->ck->d, &key->span,
		   "this set has no intervals: declare it with flags interval");
	return false;
}

/* Where the key stands. */
static struct expr **item_key(struct expr **e)
{
	if ((*e)->kind == EXPR_MAPPING)
		e = &(*e)->mapping.key;
	if ((*e)->kind == EXPR_ELEMENT)
		e = &(*e)->element.key;
	return e;
}

static bool collect(struct items *items, struct expr *set);

static bool collect_item(struct items *items, struct expr **e)
{
	struct item item = { .e = *e };
	struct expr **key = item_key(e), *element;

	if ((*e)->kind == EXPR_SET)
		return collect(items, *e);
	element = (*e)->kind == EXPR_MAPPING ? (*e)->mapping.key : *e;
	if (element->kind == EXPR_ELEMENT) {
		if (!check_more(items, element))
			return false;
		item.extra = element->element.extra;
	}
	if ((*key)->kind != EXPR_ALL && !check_typed(items->ck, &items->type.key, key))
		return false;
	if (!may_be_interval(items, *key) || !check_data(items, &item, *e))
		return false;
	item.key = *key;
	if (items->n == items->cap) {
		size_t cap = items->cap ? items->cap * 2 : 16;
		struct item *grown = realloc(items->v, cap * sizeof(*grown));

		if (!grown)
			return check_oom(items->ck);
		items->v = grown;
		items->cap = cap;
	}
	items->v[items->n++] = item;
	return true;
}

static bool collect(struct items *items, struct expr *set)
{
	for (size_t i = 0; i < set->list.n; i++) {
		if (!collect_item(items, &set->list.item[i]))
			return false;
	}
	return true;
}

static int put_item(const struct items *items, struct set_batch *batch, uint32_t at)
{
	struct set_element el;

	key_element(&items->type, items->ck->table, items->v[at].e, &el);
	el.slots = &at;
	el.n_slots = 1;
	return set_batch_put(batch, &el);
}

static bool conflict(const struct items *items, const struct set_error *err)
{
	const struct span *span = &items->v[err->index].key->span;
	struct diag *d = items->ck->d;

	switch (err->why) {
	case SET_CONFLICTS:
		diag_error(d, &items->v[err->with].key->span,
			   "this overlaps with another item of the set");
		break;
	case SET_OTHER_DATA:
		diag_error(d, span, "this stands in the map already, for something else");
		break;
	default:
		diag_error(d, span, "intervals of concatenations overlap too much here");
		break;
	}
	return false;
}

static void keep_slots(void *arg, const uint32_t *slots, unsigned n)
{
	(void)arg;
	(void)slots;
	(void)n;
}

/* Make the items anew in the order of the content: keys as it has them, the rest from the
 * items that they were. */
static struct expr *rebuild(struct items *items, const struct set_content *content,
			    struct span span)
{
	struct expr *set = expr_new(EXPR_SET, span), *e;
	struct set_cursor cursor = { 0 };
	struct set_element el;

	if (set)
		set->type = items->type.key.part[0];
	while (set && set_content_next(content, &cursor, 0, &el)) {
		struct item *item = &items->v[*el.slots];

		e = key_expr(&items->type.key, &el);
		if (e && item->extra) {
			struct expr *outer = expr_new(EXPR_ELEMENT, span);

			if (!outer) {
				expr_free(e);
				goto failed;
			}
			outer->element.key = e;
			outer->element.extra = item->extra;
			/* The old one is freed with what is left of the set. */
			if (item->e->kind == EXPR_MAPPING)
				item->e->mapping.key->element.extra = NULL;
			else
				item->e->element.extra = NULL;
			e = outer;
		}
		if (e && item->data) {
			struct expr *outer = expr_new(EXPR_MAPPING, span);

			if (!outer) {
				expr_free(e);
				goto failed;
			}
			outer->mapping.key = e;
			outer->mapping.data = item->data;
			item->e->mapping.data = NULL;
			e = outer;
		}
		if (!expr_add(set, e))
			goto failed;
	}
	return set;
failed:
	expr_free(set);
	return NULL;
}

static bool has_interval(const struct items *items)
{
	for (size_t i = 0; i < items->n; i++) {
		if (key_is_interval(items->v[i].key))
			return true;
	}
	return false;
}

static bool sort_items(struct items *items, struct expr **set)
{
	const struct set_slots slots = { .release = keep_slots };
	struct set_shape shape = key_shape(&items->type.key);
	struct set_content *content = NULL;
	struct set_batch *batch = NULL;
	struct set_error error = { 0 };
	struct expr *sorted;
	bool ok = false;
	int err;

	shape.interval = has_interval(items);
	shape.slots = &slots;
	shape.data_bytes = (uint8_t)key_data_bytes(&items->type);
	shape.auto_merge = items->type.kind == DATA_NONE;
	err = set_content_new(&shape, &content);
	if (!err)
		batch = set_batch_new(&shape, SET_ADD);
	if (!err && !batch)
		err = -ENOMEM;
	for (size_t i = 0; i < items->n && !err; i++)
		err = put_item(items, batch, (uint32_t)i);
	if (!err)
		err = set_content_change(content, batch, 0, &error);
	if (err == -EINVAL) {
		conflict(items, &error);
		goto out;
	}
	sorted = err ? NULL : rebuild(items, content, (*set)->span);
	if (!sorted) {
		check_oom(items->ck);
		goto out;
	}
	expr_free(*set);
	*set = sorted;
	ok = true;
out:
	set_batch_free(batch);
	set_content_unref(content);
	return ok;
}

static bool check_items(struct checker *ck, const struct expr *key, enum data_kind kind,
			const struct key_type *data, enum object_kind objects,
			struct expr **set)
{
	struct items items = {
		.ck = ck,
		.type = { .key = key_type_of(key), .kind = kind, .objects = objects },
	};
	bool ok;

	if (data)
		items.type.data = *data;
	/* Of NAT; who wants single values looks for others. */
	items.type.data_interval = data && 2 * key_len(data) <= SET_DATA_MAX;
	ok = collect(&items, *set);

	if (ok && !items.n) {
		diag_error(ck->d, &(*set)->span, "this set is empty");
		ok = false;
	}
	ok = ok && sort_items(&items, set);
	free(items.v);
	return ok;
}

/* ---- named sets ---- */

bool check_elements(struct items *items, const struct set *s, bool deleting,
		    struct expr *elements)
{
	items->set = s;
	items->type = set_element_type(s);
	items->deleting = deleting;
	return collect(items, elements);
}

static bool mismatch(struct checker *ck, const struct span *span, const char *what,
		     const struct key_type *has, const struct key_type *wants)
{
	struct text a = TEXT_INIT, b = TEXT_INIT;

	key_type_print(has, &a);
	key_type_print(wants, &b);
	diag_error(ck->d, span, "%s of type %s, %s is needed here", what, text_str(&a),
		   text_str(&b));
	text_fini(&a);
	text_fini(&b);
	return false;
}

bool check_no_set(struct checker *ck, const struct expr *ref)
{
	enum { MOST = 256 };
	const char *names[MOST + 1];
	const char *near;
	size_t n = 0;

	for (; n < ck->table->n_sets && n < MOST; n++)
		names[n] = ck->table->sets[n]->name;
	names[n] = NULL;
	diag_error(ck->d, &ref->span, "there is no set or map \"%s\" in table %s %s",
		   ref->symbol, family_name(ck->table->family), ck->table->name);
	near = suggest(ref->symbol, strlen(ref->symbol), names);
	if (near)
		diag_hint(ck->d, "did you mean \"%s\"?", near);
	return false;
}

static bool check_reference(struct checker *ck, const struct expr *key, enum data_kind kind,
			    const struct key_type *data, const struct expr *ref)
{
	const struct key_type type = key_type_of(key);
	const struct set *s;
	size_t at;

	/* The rest of the text is wrong already: only this rule is looked at. */
	if (!ck->table)
		return true;
	at = set_find_named(ck->table, ref->symbol);
	if (at == MODEL_NONE)
		return check_no_set(ck, ref);
	s = ck->table->sets[at];
	if (kind != DATA_NONE && s->kind != kind) {
		diag_error(ck->d, &ref->span, "%s is %s, a map of %s is needed here", s->name,
			   s->kind == DATA_NONE	    ? "no map" :
			   s->kind == DATA_VERDICTS ? "a map of verdicts" :
			   s->kind == DATA_OBJECTS  ? "a map of objects" :
						      "a map of values",
			   kind == DATA_VERDICTS  ? "verdicts" :
			   kind == DATA_OBJECTS ? "objects" :
						  "values");
		return false;
	}
	if (!key_type_equal(&s->key, &type))
		return mismatch(ck, &ref->span, "the keys of this set are", &s->key, &type);
	if (kind == DATA_VALUES && !key_type_equal(&s->data, data))
		return mismatch(ck, &ref->span, "the values of this map are", &s->data, data);
	return true;
}

bool check_look_up(struct checker *ck, const struct expr *key, enum data_kind kind,
		   const struct key_type *data, struct expr **set)
{
	if ((*set)->kind == EXPR_SETREF)
		return check_reference(ck, key, kind, data, *set);
	return check_items(ck, key, kind, data, KIND_NONE, set);
}

bool check_object_map(struct checker *ck, const struct expr *key, enum object_kind kind,
		      struct expr **set)
{
	const struct set *s;

	if ((*set)->kind != EXPR_SETREF)
		return check_items(ck, key, DATA_OBJECTS, NULL, kind, set);
	if (!check_reference(ck, key, DATA_OBJECTS, NULL, *set))
		return false;
	if (!ck->table)
		return true;
	s = ck->table->sets[set_find_named(ck->table, (*set)->symbol)];
	if (s->objects == kind)
		return true;
	diag_error(ck->d, &(*set)->span, "%s is a map of objects of type %s, %s is needed here",
		   s->name, object_kind_name(s->objects), object_kind_name(kind));
	return false;
}
