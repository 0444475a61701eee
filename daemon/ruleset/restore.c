/* restore.c - a ruleset from the text that save.c wrote.
 *
 * The text is loaded as any other; then each object gets its numbers.  A text that does not
 * fit its numbers is damaged.
 *
 * A second ruleset may be restored beside a first, of which it is an earlier state.  What is in
 * both has one slot: the first one's rule or object owns it, and the second's holds on to that
 * one, as copies do.
 *
 * One that is called back when it has long been replaced is restored beside that in force as
 * well.  But its slots went back with its rules, and may have been given to others since: what
 * is not in both gets new ones. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/state.h"
#include "ruleset/save.h"
#include "ruleset/transaction.h"

/* The numbers, as far as they are read.  Sticky: after the first that is wrong all are 0. */
struct numbers {
	const char *p, *end;
	bool bad;
	uint64_t policies[RULESET_POLICY_NUMBERS / 64 + 1]; /* numbers that were read */
	/* The ruleset that has its slots already, or NULL, and its table and chain of the same
	 * handles as those that are being read. */
	const struct ruleset *beside;
	bool recalled; /* slots that it does not have are not ours any more */
	bool full;     /* there was no slot left */
	bool renumbered;
	const struct table *table;
	const struct chain *chain;
	size_t rule; /* of that chain: probably the next one's */
	uint32_t variants[SET_VARIANTS_MAX]; /* of a set's text: the numbers that they have */
};

static uint64_t take(struct numbers *in, const char *word)
{
	size_t len = strlen(word);
	uint64_t n = 0;

	if (in->bad || (size_t)(in->end - in->p) < len || memcmp(in->p, word, len))
		goto bad;
	in->p += len;
	if (in->p == in->end || *in->p < '0' || *in->p > '9')
		goto bad;
	while (in->p < in->end && *in->p >= '0' && *in->p <= '9') {
		unsigned digit = (unsigned)(*in->p++ - '0');

		if (n > (UINT64_MAX - digit) / 10)
			goto bad;
		n = n * 10 + digit;
	}
	return n;
bad:
	in->bad = true;
	return 0;
}

/* Whether the number of a policy was read before; 0 is none. */
static bool is_taken(struct numbers *in, uint64_t number)
{
	uint64_t *word = &in->policies[number / 64], bit = UINT64_C(1) << number % 64;
	bool taken = number && *word & bit;

	*word |= bit;
	return taken;
}

static void want(struct numbers *in, bool ok)
{
	in->bad = in->bad || !ok;
}

static void restore_slot(struct numbers *in, const char *word, enum state_kind kind,
			 struct stateful *state, struct counters *counters)
{
	uint64_t slot = take(in, word);
	int err;

	want(in, slot <= UINT32_MAX);
	if (!counters || in->bad || slot == STATE_NONE)
		return;
	err = in->recalled ? -EINVAL : stateful_claim(counters, kind, (uint32_t)slot);
	if (!err) {
		state->slot = (uint32_t)slot;
		return;
	}
	in->full = in->full || err == -ENOMEM;
	/* Beside another it comes late: who takes slots for lists of flows may have that one. */
	want(in, in->beside);
	in->full = in->full || (!in->bad && !stateful_give(counters, kind, state));
}

static struct rule *rule_of_handle(struct numbers *in, uint64_t handle)
{
	const struct chain *c = in->chain;
	size_t at = in->rule;

	if (!c)
		return NULL;
	if (at >= c->n_rules || c->rules[at]->handle != handle)
		at = chain_find_rule(c, handle);
	if (at == MODEL_NONE)
		return NULL;
	in->rule = at + 1;
	return c->rules[at];
}

/* The rule of the same handle beside it, when all the slots that are read next are its own: the
 * numbers then stand behind them. */
static struct rule *rule_beside(struct numbers *in, struct rule *r)
{
	struct rule *twin = rule_of_handle(in, r->handle);
	const char *start = in->p;
	size_t slots = 0;

	if (in->bad || !twin || twin->n_stmts != r->n_stmts)
		return NULL;
	for (size_t i = 0; i < r->n_stmts; i++) {
		const struct stmt *s = &twin->stmts[i];

		if (stmt_state_kind(s) != stmt_state_kind(&r->stmts[i]))
			goto another;
		if (stmt_state_kind(s) && take(in, " ") != s->state.slot)
			goto another;
		slots += stmt_state_kind(s) && s->state.slot != STATE_NONE;
	}
	if (slots && !in->bad)
		return twin;
another:
	in->p = start;
	in->bad = false;
	return NULL;
}

/* It counts where its twin counts, which keeps the slots. */
static void share_slots(struct rule *r, struct rule *twin)
{
	r->origin = rule_ref(twin->origin ? twin->origin : twin);
	for (size_t i = 0; i < r->n_stmts; i++) {
		if (stmt_state_kind(&r->stmts[i]))
			r->stmts[i].state.slot = twin->stmts[i].state.slot;
	}
}

static void restore_rule(struct numbers *in, struct rule *r, uint64_t last,
			 struct counters *counters)
{
	struct rule *twin;
	size_t slots = 0;

	r->handle = take(in, "\nrule ");
	want(in, r->handle && r->handle <= last);
	for (size_t i = 0; i < r->n_stmts; i++)
		slots += stmt_state_kind(&r->stmts[i]) != STATE_KIND_NONE;
	want(in, take(in, " slots ") == slots);
	r->counters = counters;
	twin = rule_beside(in, r);
	if (twin) {
		share_slots(r, twin);
		return;
	}
	for (size_t i = 0; i < r->n_stmts && !in->bad; i++) {
		struct stmt *s = &r->stmts[i];

		if (stmt_state_kind(s))
			restore_slot(in, " ", stmt_state_kind(s), &s->state, counters);
	}
}

/* As rule_beside(), of an object. */
static struct object *object_beside(struct numbers *in, const struct object *o)
{
	size_t at = in->table ? object_find_handle(in->table, o->kind, o->handle) : MODEL_NONE;
	struct object *twin = at == MODEL_NONE ? NULL : in->table->objects[at];
	const char *start = in->p;

	if (in->bad || !twin || twin->state.slot == STATE_NONE)
		return NULL;
	if (take(in, " slot ") == twin->state.slot && !in->bad)
		return twin;
	in->p = start;
	in->bad = false;
	return NULL;
}

/* Two policies of one number would share what it says. */
static void restore_object(struct numbers *in, struct object *o, uint64_t last,
			   struct counters *counters)
{
	struct object *twin;
	uint64_t number;

	o->handle = take(in, "\nobject ");
	want(in, o->handle && o->handle <= last);
	if (object_state_kind(o->kind)) {
		o->counters = counters;
		twin = object_beside(in, o);
		if (twin) {
			o->origin = object_ref(twin->origin ? twin->origin : twin);
			o->state.slot = twin->state.slot;
			return;
		}
		restore_slot(in, " slot ", object_state_kind(o->kind), &o->state, counters);
		return;
	}
	number = take(in, " number ");
	want(in, number <= RULESET_POLICY_NUMBERS &&
			 (!number || (o->kind == KIND_CT_TIMEOUT && !is_taken(in, number))));
	/* One that is called back gets a number as one that is read does: ruleset_number(). */
	if (!in->bad && !in->recalled)
		o->ct.number = (uint16_t)number;
}

/* ---- sets: their elements name chains and objects by handle, and have slots ---- */

/* The handles that chains or objects had when the text was loaded, and have. */
struct handles {
	uint64_t *was;
	size_t n;
};

static uint64_t chain_now(const struct table *t, const struct handles *chains, uint64_t was)
{
	for (size_t i = 0; i < chains->n; i++) {
		if (chains->was[i] == was)
			return t->chains[i]->handle;
	}
	return 0;
}

static uint64_t object_now(const struct table *t, const struct handles *objects, uint64_t was)
{
	for (size_t i = 0; i < objects->n; i++) {
		if (objects->was[i] == was)
			return t->objects[i]->handle;
	}
	return 0;
}

static void restore_data(const struct table *t, const struct handles *chains,
			 const struct handles *objects, const struct set *s,
			 struct set_element *el)
{
	struct set_verdict v;
	uint64_t handle;

	if (s->kind == DATA_VERDICTS) {
		memcpy(&v, el->data, sizeof(v));
		v.chain = v.chain ? chain_now(t, chains, v.chain) : 0;
		memcpy(el->data, &v, sizeof(v));
	} else if (s->kind == DATA_OBJECTS) {
		memcpy(&handle, el->data, sizeof(handle));
		handle = object_now(t, objects, handle);
		memcpy(el->data, &handle, sizeof(handle));
	}
}

/* The slot of an element that the other ruleset has: a new one, which begins with what a
 * counter shows now.  Other state begins anew. */
static uint32_t slot_like(struct counters *counters, enum state_kind kind, uint32_t slot)
{
	struct stateful state = { .slot = STATE_NONE };

	if (kind == STATE_COUNTER && slot < ARENA_COUNTERS)
		state.initial = counter_read(counters, slot);
	return stateful_give(counters, kind, &state) ? state.slot : STATE_NONE;
}

/* Whether it is the slot of that element in the other ruleset still, for such a statement; i:
 * in its slots. */
static bool has_slot(const struct set *twin, const struct set_element *el, unsigned i,
		     enum state_kind kind, uint64_t slot)
{
	const struct stmts *stmts;
	struct set_element now;

	if (!twin)
		return false;
	if (el->catch_all ? !set_content_get_catch_all(twin->content, 0, &now) :
			    !set_content_get(twin->content, el->key, el->end, 0, &now))
		return false;
	if (!now.slots || i >= now.n_slots || now.slots[i] != slot)
		return false;
	stmts = variant_stmts(twin->slots, now.slots[SLOTS_VARIANT]);
	return stmt_state_kind(&stmts->v[i - SLOTS_FIRST]) == kind;
}

static uint32_t restore_element_slot(const struct numbers *in, const struct set *twin,
				     struct counters *counters, enum state_kind kind,
				     const struct set_element *el, unsigned i, uint64_t slot)
{
	if (in->recalled)
		return slot_like(counters, kind,
				 has_slot(twin, el, i, kind, slot) ? (uint32_t)slot :
								     COUNTER_NONE);
	if (stateful_claim(counters, kind, (uint32_t)slot) == 0)
		return (uint32_t)slot;
	return in->beside ? slot_like(counters, kind, (uint32_t)slot) : COUNTER_NONE;
}

/* slots: those of its variant's statements, which the text has made. */
static void restore_slots(struct numbers *in, struct slot_home *home, const struct set *twin,
			  struct counters *counters, const struct set_element *el,
			  uint32_t slots[SET_SLOTS_MAX])
{
	const struct stmts *stmts = variant_stmts(home, slots[SLOTS_VARIANT]);

	slot_home_hold(home, slots);
	for (unsigned i = SLOTS_FIRST; i < SLOTS_FIRST + stmts->n; i++) {
		const enum state_kind kind = stmt_state_kind(&stmts->v[i - SLOTS_FIRST]);
		uint64_t slot = take(in, " ");

		slots[i] = COUNTER_NONE;
		want(in, slot <= UINT32_MAX);
		if (!counters || in->bad || slot == COUNTER_NONE)
			continue;
		slots[i] = restore_element_slot(in, twin, counters, kind, el, i, slot);
		want(in, in->beside || slots[i] != COUNTER_NONE);
	}
}

/* The elements anew, with the handles and slots that they had, of that home. */
static bool restore_elements(struct numbers *in, const struct table *t,
			     const struct handles *chains, const struct handles *objects,
			     struct set *s, const struct set *twin, struct slot_home *home)
{
	struct set_shape shape = *set_content_shape(s->content);
	struct set_content *content = NULL;
	struct set_cursor cursor = { 0 };
	struct set_batch *batch;
	uint32_t slots[SET_SLOTS_MAX];
	struct set_element el;
	struct set_error error;
	bool ok;

	shape.slots = &home->slots;
	batch = set_batch_new(&shape, SET_ADD);
	ok = batch && !set_content_new(&shape, &content);
	while (ok && !in->bad && set_content_next(s->content, &cursor, 0, &el)) {
		restore_data(t, chains, objects, s, &el);
		if (el.slots) {
			memcpy(slots, el.slots, el.n_slots * sizeof(*slots));
			slots[SLOTS_VARIANT] = in->variants[slots[SLOTS_VARIANT]];
			restore_slots(in, home, twin, home->counters, &el, slots);
			el.slots = slots;
		}
		ok = !set_batch_put(batch, &el);
	}
	ok = ok && !set_content_change(content, batch, 0, &error);
	set_batch_free(batch);
	if (!ok) {
		set_content_unref(content);
		return false;
	}
	set_content_unref(s->content);
	s->content = content;
	set_share_slots(s, home);
	return true;
}

/* The set of the same handle beside it, or NULL. */
static const struct set *set_beside(const struct numbers *in, const struct set *s)
{
	size_t at = in->table ? set_find_handle(in->table, s->handle) : MODEL_NONE;

	return at == MODEL_NONE ? NULL : in->table->sets[at];
}

/* Keys and data of the two are as long. */
static bool is_alike(const struct set *s, const struct set *twin)
{
	const struct set_shape *a = set_content_shape(s->content);
	const struct set_shape *b = set_content_shape(twin->content);

	return set_key_offset(a, a->n_parts) == set_key_offset(b, b->n_parts) &&
	       a->data_bytes == b->data_bytes;
}

/* Both have what packets added, whose records name its statements by number: then they have the
 * numbers together.  What the text has under another number is known by what it says. */
static struct slot_home *home_beside(struct numbers *in, const struct set *s,
				     const struct set *twin)
{
	const struct slot_home *own = s->slots;

	if (twin && twin->dynamic && set_is_dynamic(s) && is_alike(s, twin) &&
	    variants_merge(twin->slots, own, in->variants))
		return twin->slots;
	for (uint32_t i = 0; i < own->n_variants; i++)
		in->variants[i] = i;
	return s->slots;
}

/* The elements that packets added to the set of the same handle, and number, beside it. */
static struct set_dynamic *dynamic_beside(const struct set *s, const struct set *twin,
					  uint64_t number)
{
	if (!number || !twin || !twin->dynamic || !set_is_dynamic(s) ||
	    set_dynamic_number(twin->dynamic) + 1 != number || !is_alike(s, twin))
		return NULL;
	return set_dynamic_ref(twin->dynamic);
}

static void restore_set(struct numbers *in, struct set *s, const struct table *t,
			const struct handles *chains, const struct handles *objects,
			struct counters *counters)
{
	struct slot_home *own = s->slots, *home;
	const struct set *twin;
	uint64_t number;

	s->handle = take(in, "\nset ");
	want(in, s->handle && s->handle <= t->last_handle);
	want(in, take(in, " slots ") == save_count_slots(s));
	s->slots->counters = counters;
	twin = set_beside(in, s);
	home = home_beside(in, s, twin);
	if (!in->bad && (home != own || save_has_slots(s) || s->kind == DATA_VERDICTS ||
			 s->kind == DATA_OBJECTS))
		want(in, restore_elements(in, t, chains, objects, s,
				       twin && is_alike(s, twin) ? twin : NULL, home));
	number = take(in, " dynamic ");
	want(in, number <= UINT32_MAX / 2);
	if (counters && number && variants_count_flows(s->slots))
		want(in, !states_reserve(counters_states(counters)));
	if (in->bad || !number)
		return;
	/* Only with the numbers that their statements have. */
	if (twin && s->slots == twin->slots)
		s->dynamic = dynamic_beside(s, twin, number);
	/* One that cannot be taken up begins anew. */
	if (!s->dynamic && (in->recalled || (twin && twin->dynamic) ||
			    set_make_dynamic(s, counters, (uint32_t)number))) {
		in->renumbered = true;
		want(in, !set_make_dynamic(s, counters, 0));
	}
}

/* ---- tables ---- */

static bool note_handles(const struct table *t, struct handles *chains, struct handles *objects)
{
	chains->was = calloc(t->n_chains + 1, sizeof(*chains->was));
	objects->was = calloc(t->n_objects + 1, sizeof(*objects->was));
	if (!chains->was || !objects->was)
		return false;
	for (; chains->n < t->n_chains; chains->n++)
		chains->was[chains->n] = t->chains[chains->n]->handle;
	for (; objects->n < t->n_objects; objects->n++)
		objects->was[objects->n] = t->objects[objects->n]->handle;
	return true;
}

static const struct table *table_beside(const struct numbers *in, uint64_t handle)
{
	for (size_t i = 0; in->beside && i < in->beside->n_tables; i++) {
		if (in->beside->tables[i]->handle == handle)
			return in->beside->tables[i];
	}
	return NULL;
}

static const struct chain *chain_beside(const struct numbers *in, uint64_t handle)
{
	size_t at = in->table ? chain_find_handle(in->table, handle) : MODEL_NONE;

	return at == MODEL_NONE ? NULL : in->table->chains[at];
}

static void restore_chains(struct numbers *in, struct table *t, const struct ruleset *rs)
{
	uint64_t last = 0;

	for (size_t i = 0; i < t->n_chains && !in->bad; i++) {
		struct chain *c = t->chains[i];

		c->bound = in->end - in->p > 1 && in->p[1] == 'b';
		c->handle = take(in, c->bound ? "\nblock " : "\nchain ");
		c->registered = take(in, " registered ");
		in->chain = chain_beside(in, c->handle);
		in->rule = 0;
		/* They are looked for by halves. */
		want(in, c->handle > last && c->handle <= t->last_handle);
		want(in, c->registered <= rs->last_registered);
		want(in, take(in, " rules ") == c->n_rules);
		for (size_t j = 0; j < c->n_rules && !in->bad; j++)
			restore_rule(in, c->rules[j], t->last_handle, rs->counters);
		last = c->handle;
	}
}

/* Handles of one kind are each another. */
static bool each_is_found(struct table *t)
{
	bool ok = table_reindex(t);

	for (size_t i = 0; i < t->n_sets && ok; i++)
		ok = set_find_named(t, t->sets[i]->name) == i;
	for (size_t i = 0; i < t->n_objects && ok; i++)
		ok = object_find(t, t->objects[i]->kind, t->objects[i]->name) == i;
	return ok;
}

/* ---- blocks ---- */

/* What leads to the blocks of a table's rules. */
struct binding {
	struct numbers *in;
	const struct table *t;
	unsigned *leads; /* by the chain's place */
};

static void leads_to_name(void *arg, const char *chain)
{
	struct binding *b = arg;

	b->leads[chain_find(b->t, chain)]++;
}

/* Elements lead to no block. */
static void leads_to_handle(void *arg, uint64_t chain)
{
	struct binding *b = arg;
	size_t at = chain_find_handle(b->t, chain);

	want(b->in, at == MODEL_NONE || !b->t->chains[at]->bound);
}

/* The rule at that place has its block, which stands behind and is in no other. */
static void bind_rule(struct binding *b, size_t chain, struct rule *r)
{
	for (size_t i = 0; i < r->n_stmts; i++) {
		struct stmt *s = &r->stmts[i];
		size_t at;

		stmt_each_target(s, leads_to_name, b);
		if (s->kind != STMT_VERDICT || !s->verdict.chain)
			continue;
		at = chain_find(b->t, s->verdict.chain);
		if (!b->t->chains[at]->bound)
			continue;
		want(b->in, at > chain && !b->t->chains[chain]->bound);
		if (!b->in->bad)
			s->verdict.block = chain_ref(b->t->chains[at]);
	}
}

/* One rule leads to each block, and nothing else does. */
static void bind_blocks(struct numbers *in, struct table *t)
{
	struct binding b = { .in = in, .t = t,
			     .leads = calloc(t->n_chains + 1, sizeof(*b.leads)) };

	want(in, b.leads);
	for (size_t i = 0; i < t->n_chains && !in->bad; i++) {
		for (size_t j = 0; j < t->chains[i]->n_rules; j++)
			bind_rule(&b, i, t->chains[i]->rules[j]);
	}
	for (size_t i = 0; i < t->n_sets && !in->bad; i++)
		set_each_target(t->sets[i], leads_to_handle, &b);
	for (size_t i = 0; i < t->n_chains && !in->bad; i++)
		want(in, !t->chains[i]->bound ||
				 (b.leads[i] == 1 && t->chains[i]->type == CHAIN_REGULAR));
	free(b.leads);
}

static void restore_table(struct numbers *in, struct table *t, const struct ruleset *rs)
{
	struct handles chains = { 0 }, objects = { 0 };

	t->handle = take(in, "\ntable ");
	t->last_handle = take(in, " last ");
	in->table = table_beside(in, t->handle);
	want(in, t->handle && t->handle <= rs->last_table_handle);
	want(in, take(in, " chains ") == t->n_chains);
	want(in, take(in, " objects ") == t->n_objects);
	want(in, take(in, " sets ") == t->n_sets);
	want(in, take(in, " flowtables ") == t->n_flowtables);
	want(in, note_handles(t, &chains, &objects));
	for (size_t i = 0; i < t->n_objects && !in->bad; i++)
		restore_object(in, t->objects[i], t->last_handle, rs->counters);
	for (size_t i = 0; i < t->n_flowtables && !in->bad; i++) {
		t->flowtables[i]->handle = take(in, "\nflowtable ");
		want(in, t->flowtables[i]->handle && t->flowtables[i]->handle <= t->last_handle);
	}
	restore_chains(in, t, rs);
	for (size_t i = 0; i < t->n_sets && !in->bad; i++)
		restore_set(in, t->sets[i], t, &chains, &objects, rs->counters);
	want(in, in->bad || each_is_found(t));
	if (!in->bad)
		bind_blocks(in, t);
	free(chains.was);
	free(objects.was);
	/* No handle is ever given twice. */
	if (in->recalled && in->table && in->table->last_handle > t->last_handle)
		t->last_handle = in->table->last_handle;
}

static void raise_last(struct ruleset *rs, const struct ruleset *beside)
{
	if (rs->last_table_handle < beside->last_table_handle)
		rs->last_table_handle = beside->last_table_handle;
	if (rs->last_registered < beside->last_registered)
		rs->last_registered = beside->last_registered;
}

/* Nothing of rs is shared yet: the text alone made it. */
static bool restore_numbers(struct numbers *in, struct ruleset *rs)
{
	want(in, take(in, "ctfw ruleset ") == SAVE_VERSION);
	want(in, take(in, "\ntables ") == rs->n_tables);
	rs->last_table_handle = take(in, " last ");
	rs->last_registered = take(in, " registered ");
	for (size_t i = 0; i < rs->n_tables && !in->bad; i++)
		restore_table(in, rs->tables[i], rs);
	return !in->bad && in->end - in->p == 1;
}

static int restore(const char *text, size_t len, struct numbers *in, struct counters *counters,
		   struct diag *d, struct ruleset **ret_rs)
{
	const char *rules = memmem(text, len, "\n\n", 2);
	struct ruleset *empty, *rs = NULL;
	struct text shown = TEXT_INIT;
	int err;

	if (!rules) {
		diag_error(d, NULL,
			   "the saved ruleset is damaged: it has no end of its numbers");
		return -EINVAL;
	}
	in->p = text;
	in->end = rules + 1;
	rules += 2;
	/* Without counters, so that the text's make no slots of their own. */
	empty = ruleset_new(NULL);
	if (!empty)
		return -ENOMEM;
	err = transaction_apply(empty,
				&(struct ruleset_input){ .name = "<saved>",
							 .text = rules,
							 .len = (size_t)(text + len - rules) },
				true, d, &shown, &rs);
	text_fini(&shown);
	if (!err)
		rs->counters = counters;
	if (!err && !restore_numbers(in, rs))
		err = -EINVAL;
	else if (!err)
		rs->renumbered = in->renumbered;
	if (in->full) {
		diag_error(d, NULL, "there is no room for what the saved rules count and remember");
		err = -ENOSPC;
	} else if (rs && err) {
		diag_error(d, NULL,
			   "the saved ruleset is damaged: its numbers do not fit its text");
	}
	ruleset_unref(empty);
	if (err)
		ruleset_unref(rs);
	else
		*ret_rs = rs;
	return err;
}

int ruleset_restore(const char *text, size_t len, struct counters *counters, struct diag *d,
		    struct ruleset **ret_rs)
{
	return ruleset_restore_beside(text, len, NULL, counters, d, ret_rs);
}

int ruleset_restore_beside(const char *text, size_t len, const struct ruleset *beside,
			   struct counters *counters, struct diag *d, struct ruleset **ret_rs)
{
	struct numbers in = { .beside = beside };

	return restore(text, len, &in, counters, d, ret_rs);
}

bool ruleset_renumbered(const struct ruleset *rs)
{
	return rs->renumbered;
}

int ruleset_recall(const char *text, size_t len, const struct ruleset *present,
		   struct counters *counters, struct diag *d, struct ruleset **ret_rs)
{
	struct numbers in = { .beside = present, .recalled = true };
	int err = restore(text, len, &in, counters, d, ret_rs);

	if (!err)
		raise_last(*ret_rs, present);
	return err;
}
