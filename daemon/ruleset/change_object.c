/* change_object.c - named objects of tables: added, and deleted when no rule names them. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/helper_kind.h"
#include "ruleset/transaction.h"

_Static_assert((int)FAMILY_IP == L3_IPV4 && (int)FAMILY_IP6 == L3_IPV6, "NFPROTO_*");

/* ---- what an object says ---- */

static int missing(struct transaction *tx, const struct object_spec *spec, const char *what)
{
	diag_error(tx->d, &spec->name.span, "this %s has no %s",
		   object_kind_name(spec->object->kind), what);
	return -EINVAL;
}

/* The family is the table's unless said. */
static int settle_family(struct transaction *tx, enum family family,
			 const struct object_spec *spec)
{
	struct object *o = spec->object;

	if (!spec->l3_span.source)
		o->l3 = family;
	if (object_state_kind(o->kind))
		return 0;
	/* A policy for flows that the table never sees is no mistake to nft, nor is a helper
	 * for more of them than it sees. */
	if (o->kind == KIND_CT_TIMEOUT ||
	    (o->kind == KIND_CT_HELPER && o->l3 == FAMILY_INET))
		return 0;
	if (family != FAMILY_INET && o->l3 != family) {
		diag_error(tx->d, &spec->l3_span, "there are flows of %s only in this table",
			   family_name(family));
		return -EINVAL;
	}
	return 0;
}

static int unknown_helper(struct transaction *tx, const struct object_spec *spec)
{
	const char *names[HELPER_COUNT] = { NULL };
	const char *type = spec->object->ct.helper;
	const uint8_t other =
		spec->object->ct.l4 == IPPROTO_TCP ? IPPROTO_UDP : IPPROTO_TCP;
	const char *near;

	if (ct_helper_find(type, other)) {
		diag_error(tx->d, &spec->l4_span, "the helper \"%s\" is for %s", type,
			   object_l4_name(other));
		return -EINVAL;
	}
	diag_error(tx->d, &spec->type_span, "there is no helper \"%s\" in this version", type);
	for (unsigned kind = HELPER_NONE + 1; kind < HELPER_COUNT; kind++)
		names[kind - 1] = ct_helper_name(kind);
	near = suggest(type, strlen(type), names);
	if (near)
		diag_hint(tx->d, "did you mean \"%s\"?", near);
	return -EINVAL;
}

static int check_helper(struct transaction *tx, const struct object_spec *spec)
{
	struct object *o = spec->object;
	enum ct_helper kind;

	if (!o->ct.helper)
		return missing(tx, spec, "type: write type \"ftp\" protocol tcp;");
	kind = ct_helper_find(o->ct.helper, o->ct.l4);
	if (!kind)
		return unknown_helper(tx, spec);
	/* Of both families those that it knows, as in the kernel. */
	if (o->l3 == FAMILY_INET && !ct_helper_knows(kind, L3_IPV6))
		o->l3 = FAMILY_IP;
	if (o->l3 != FAMILY_INET && !ct_helper_knows(kind, (uint8_t)o->l3)) {
		diag_error(tx->d, &spec->type_span, "the helper \"%s\" does not know %s",
			   o->ct.helper, family_name(o->l3));
		return -EINVAL;
	}
	return 0;
}

static unsigned find_state(uint8_t l4, const struct token *name)
{
	for (unsigned i = 1; i < POLICY_COUNT; i++) {
		if (policy_states[i].l4 == l4 && token_is_word(name, policy_states[i].name))
			return i;
	}
	return POLICY_NONE;
}

static int unknown_state(struct transaction *tx, uint8_t l4, const struct token *name)
{
	const char *names[POLICY_COUNT + 1];
	const char *near;
	size_t n = 0;

	for (unsigned i = 1; i < POLICY_COUNT; i++) {
		if (policy_states[i].l4 == l4)
			names[n++] = policy_states[i].name;
	}
	names[n] = NULL;
	diag_error(tx->d, &name->span, "%s has no state \"%.*s\"", object_l4_name(l4),
		   (int)name->len, name->s);
	near = suggest(name->s, name->len, names);
	if (near)
		diag_hint(tx->d, "did you mean \"%s\"?", near);
	return -EINVAL;
}

static int check_timeout(struct transaction *tx, const struct object_spec *spec)
{
	struct ct_object *ct = &spec->object->ct;
	int err = 0;

	if (!ct->l4)
		return missing(tx, spec, "protocol: tcp or udp");
	for (unsigned i = 1; i < POLICY_COUNT; i++)
		ct->seconds[i] = policy_states[i].seconds;
	for (size_t i = 0; i < spec->n_values; i++) {
		unsigned state = find_state(ct->l4, &spec->values[i].state);

		if (state)
			ct->seconds[state] = spec->values[i].seconds;
		else
			err = unknown_state(tx, ct->l4, &spec->values[i].state);
	}
	return err;
}

static int check_expectation(struct transaction *tx, enum family family,
			     const struct object_spec *spec)
{
	const struct object *o = spec->object;

	if (!o->ct.l4)
		return missing(tx, spec, "protocol: tcp or udp");
	if (!o->ct.dport)
		return missing(tx, spec, "dport: a port from 1 on");
	if (!o->ct.timeout)
		return missing(tx, spec, "timeout: such as 2m");
	if (!o->ct.size)
		return missing(tx, spec, "size: how many are expected at once, from 1 to 255");
	if (family == FAMILY_INET && o->l3 == FAMILY_INET)
		return missing(tx, spec, "family: write l3proto ip; or l3proto ip6;");
	return 0;
}

static int check_object(struct transaction *tx, enum family family,
			const struct object_spec *spec)
{
	int err = settle_family(tx, family, spec);

	if (err)
		return err;
	switch (spec->object->kind) {
	case KIND_CT_HELPER:
		return check_helper(tx, spec);
	case KIND_CT_TIMEOUT:
		return check_timeout(tx, spec);
	case KIND_CT_EXPECTATION:
		return check_expectation(tx, family, spec);
	case KIND_COUNTER:
	case KIND_QUOTA:
	case KIND_LIMIT:
		return stateful_check(tx->d, &spec->name.span,
				      object_state_kind(spec->object->kind),
				      &spec->object->state) ? 0 : -EINVAL;
	case KIND_NONE:
	case KIND_COUNT:
		break;
	}
	return 0;
}

/* ---- add ---- */

/* Flows name their policies by number, of which there are so many. */
static int check_number(struct transaction *tx, const struct object_spec *spec)
{
	size_t policies = 0;

	if (spec->object->kind != KIND_CT_TIMEOUT)
		return 0;
	for (size_t i = 0; i < tx->rs->n_tables; i++) {
		const struct table *t = tx->rs->tables[i];

		for (size_t j = 0; j < t->n_objects; j++)
			policies += t->objects[j]->kind == KIND_CT_TIMEOUT;
	}
	if (policies < RULESET_MAX_POLICIES)
		return 0;
	diag_error(tx->d, &spec->name.span, "there are %u ct timeouts already, and no more fit",
		   RULESET_MAX_POLICIES);
	return -EINVAL;
}

/* What is there stays as it is, as with nft; but a quota is another one from now on, of which
 * as much is used (nft_quota_obj_update). */
static int update(struct table *t, size_t at, struct object_spec *spec)
{
	struct object *old = t->objects[at], *o = spec->object;
	char *comment;

	if (o->kind != KIND_QUOTA)
		return 0;
	comment = old->comment ? strdup(old->comment) : NULL;
	if (old->comment && !comment)
		return -ENOMEM;
	free(o->comment);
	o->comment = comment;
	o->handle = old->handle;
	o->l3 = old->l3;
	o->ct.l3 = old->ct.l3;
	o->state.quota.used = old->state.quota.used;
	o->state.slot = old->state.slot;
	o->counters = old->counters;
	o->origin = object_ref(old->origin ? old->origin : old);
	t->objects[at] = object_ref(o);
	object_unref(old);
	return 0;
}

int object_add(struct transaction *tx, struct table *t, struct object_spec *spec,
	       enum command_op op)
{
	struct echo echo = { .kind = ECHO_OBJECT, .op = op, .table = t->handle };
	int err = check_object(tx, t->family, spec);
	size_t at;

	if (err)
		return err;
	at = object_find(t, spec->object->kind, spec->object->name);
	if (at != MODEL_NONE) {
		if (op != COMMAND_CREATE)
			return update(t, at, spec);
		diag_error(tx->d, &spec->name.span, "the %s exists already",
			   object_kind_name(spec->object->kind));
		return -EINVAL;
	}
	err = check_number(tx, spec);
	if (err)
		return err;
	spec->object->ct.l3 =
		spec->object->l3 == FAMILY_INET ? L3_NONE : (uint8_t)spec->object->l3;
	spec->object->handle = echo.handle = ++t->last_handle;
	spec->object->refs++;
	if (!table_add_object(t, spec->object) ||
	    !transaction_fresh_object(tx, spec->object))
		return -ENOMEM;
	return transaction_echo(tx, &echo) ? 0 : -ENOMEM;
}

/* ---- names ---- */

static void suggest_object(struct transaction *tx, const struct table *t, enum object_kind kind,
			   const char *name)
{
	enum { MOST = 256 };
	const char *names[MOST + 1];
	const char *near;
	size_t n = 0;

	for (size_t i = 0; i < t->n_objects && n < MOST; i++) {
		if (t->objects[i]->kind == kind)
			names[n++] = t->objects[i]->name;
	}
	names[n] = NULL;
	near = suggest(name, strlen(name), names);
	if (near)
		diag_hint(tx->d, "did you mean \"%s\"?", near);
}

size_t transaction_object(struct transaction *tx, const struct table *t, enum object_kind kind,
			  const char *name, const struct span *span)
{
	size_t at = object_find(t, kind, name);

	if (at == MODEL_NONE) {
		diag_error(tx->d, span, "there is no %s \"%s\" in table %s %s",
			   object_kind_name(kind), name, family_name(t->family), t->name);
		suggest_object(tx, t, kind, name);
	}
	return at;
}

size_t object_named(struct transaction *tx, const struct table *t, const struct command *c)
{
	char name[256];
	size_t len = c->name.len < 255 ? c->name.len : 255;

	if (c->place == PLACE_HANDLE) {
		size_t at = object_find_handle(t, c->kind, c->place_number);

		if (at != MODEL_NONE)
			return at;
		diag_error(tx->d, &c->place_span, "there is no %s with this handle in table %s",
			   object_kind_name(c->kind), t->name);
		return MODEL_NONE;
	}
	memcpy(name, c->name.s, len);
	name[len] = '\0';
	return transaction_object(tx, t, c->kind, name, &c->name.span);
}

/* ---- delete ---- */

struct object_user {
	const char *name;
	bool found;
};

/* Names of objects are the data of maps. */
static void find_name(void *arg, struct expr *e)
{
	struct object_user *u = arg;

	u->found = u->found ||
		   (e->kind == EXPR_MAPPING && e->mapping.data->kind == EXPR_SYMBOL &&
		    !strcmp(e->mapping.data->symbol, u->name));
}

static bool rule_names(const struct rule *r, const struct object *o)
{
	struct object_user u = { .name = o->name };

	for (size_t i = 0; i < r->n_stmts; i++) {
		const struct stmt *s = &r->stmts[i];

		if (s->kind != STMT_OBJECT || s->object.kind != o->kind)
			continue;
		if (s->object.name)
			u.found = u.found || !strcmp(s->object.name, o->name);
		else
			expr_walk(s->object.set, find_name, &u);
	}
	return u.found;
}

/* A rule that names it; its chain in *ret_chain. */
static const struct rule *find_user(const struct table *t, const struct object *o,
				    const struct chain **ret_chain)
{
	for (size_t i = 0; i < t->n_chains; i++) {
		for (size_t j = 0; j < t->chains[i]->n_rules; j++) {
			if (rule_names(t->chains[i]->rules[j], o)) {
				*ret_chain = t->chains[i];
				return t->chains[i]->rules[j];
			}
		}
	}
	return NULL;
}

/* A map of which an element names it. */
static const struct set *find_map(const struct table *t, const struct object *o)
{
	for (size_t i = 0; i < t->n_sets; i++) {
		const struct set *s = t->sets[i];
		struct set_cursor cursor = { 0 };
		struct set_element el;
		uint64_t handle;

		if (s->kind != DATA_OBJECTS || s->objects != o->kind)
			continue;
		while (set_content_next(s->content, &cursor, 0, &el)) {
			memcpy(&handle, el.data, sizeof(handle));
			if (handle == o->handle)
				return s;
		}
	}
	return NULL;
}

int object_delete(struct transaction *tx, const struct command *c, size_t table)
{
	struct table *t = tx->rs->tables[table];
	const struct span *span =
		c->place == PLACE_HANDLE ? &c->place_span : &c->name.span;
	size_t at = object_named(tx, t, c);
	const struct chain *chain;
	const struct rule *user;
	const struct set *map;
	bool used;

	if (at == MODEL_NONE)
		return -EINVAL;
	used = uses_may_name(tx, t, t->objects[at]->name);
	user = used ? find_user(t, t->objects[at], &chain) : NULL;
	if (user) {
		diag_error(tx->d, span,
			   "%s %s is in use: the rule with handle %llu of chain %s names it",
			   object_kind_name(c->kind), t->objects[at]->name,
			   (unsigned long long)user->handle, chain->name);
		return -EINVAL;
	}
	map = used ? find_map(t, t->objects[at]) : NULL;
	if (map) {
		diag_error(tx->d, span, "%s %s is in use: an element of the map %s names it",
			   object_kind_name(c->kind), t->objects[at]->name, map->name);
		return -EINVAL;
	}
	t = table_own(tx->rs, table);
	if (!t)
		return -ENOMEM;
	table_remove_object(t, at);
	return 0;
}
