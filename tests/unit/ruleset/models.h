/* models.h - rulesets built by hand, for tests of what comes behind the parser.
 *
 * Everything is kept here and freed by models_free() after each test; a program's references
 * must be given back before. */
#ifndef TESTS_MODELS_H
#define TESTS_MODELS_H

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset/model.h"

#define MODELS_MAX 65536

static void *models[MODELS_MAX];
static size_t n_models;
static struct table *model_tables[MODELS_MAX / 8];
static size_t n_model_tables;

static inline void *model_alloc(size_t size)
{
	void *p = calloc(1, size);

	assert(p && n_models < MODELS_MAX);
	models[n_models++] = p;
	return p;
}

static inline int models_free(void **state)
{
	(void)state;
	while (n_model_tables > 0) {
		struct table *t = model_tables[--n_model_tables];

		for (size_t i = 0; i < t->n_chains; i++) {
			t->chains[i]->rules = NULL; /* the pool's */
			t->chains[i]->n_rules = 0;
		}
		table_unref(t);
	}
	while (n_models > 0)
		free(models[--n_models]);
	return 0;
}

/* ---- expressions; match() gives them their type ---- */

static inline struct expr *model_expr(enum expr_kind kind)
{
	struct expr *e = model_alloc(sizeof(*e));

	e->kind = kind;
	return e;
}

static inline struct expr *number(uint64_t n)
{
	struct expr *e = model_expr(EXPR_VALUE);

	e->value.num = n;
	return e;
}

static inline struct expr *address(const char *text)
{
	struct expr *e = model_expr(EXPR_VALUE);

	inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, &e->value.addr);
	return e;
}

/* An interface name, with a wildcard when it ends in '*'. */
static inline struct expr *name(const char *text)
{
	struct expr *e = model_expr(EXPR_VALUE);
	size_t len = strlen(text);

	e->value.str.wildcard = text[len - 1] == '*';
	memcpy(e->value.str.s, text, len - e->value.str.wildcard);
	return e;
}

static inline struct expr *range(struct expr *lo, struct expr *hi)
{
	struct expr *e = model_expr(EXPR_RANGE);

	e->range.lo = lo;
	e->range.hi = hi;
	return e;
}

static inline struct expr *prefix(struct expr *value, uint8_t len)
{
	struct expr *e = model_expr(EXPR_PREFIX);

	e->prefix.value = value->value;
	e->prefix.len = len;
	return e;
}

static inline struct expr *set_of(size_t n, struct expr **items)
{
	struct expr *e = model_expr(EXPR_SET);

	e->list.item = model_alloc(n * sizeof(*items));
	memcpy(e->list.item, items, n * sizeof(*items));
	e->list.n = n;
	return e;
}
#define SET(...)                                                                               \
	set_of(sizeof((struct expr *[]){ __VA_ARGS__ }) / sizeof(struct expr *),               \
	       (struct expr *[]){ __VA_ARGS__ })

static inline struct expr *selector(enum selector_id id)
{
	struct expr *e = model_expr(EXPR_SELECTOR);

	e->selector = id;
	return e;
}

static inline struct expr *op(enum expr_kind kind, struct expr *left, struct expr *right)
{
	struct expr *e = model_expr(kind);

	e->op.left = left;
	e->op.right = right;
	return e;
}

static inline void type_all(struct expr *e, const struct datatype *type)
{
	e->type = type;
	switch (e->kind) {
	case EXPR_RANGE:
		type_all(e->range.lo, type);
		type_all(e->range.hi, type);
		break;
	case EXPR_SET:
		for (size_t i = 0; i < e->list.n; i++)
			type_all(e->list.item[i], type);
		break;
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_XOR:
	case EXPR_LSHIFT:
	case EXPR_RSHIFT:
		type_all(e->op.left, type);
		type_all(e->op.right, type);
		break;
	default:
		break;
	}
}

/* ---- statements ---- */

static inline enum selector_id selector_of(const struct expr *e)
{
	while (e->kind != EXPR_SELECTOR)
		e = e->op.left;
	return e->selector;
}

static inline struct stmt match_expr(struct expr *left, enum match_op how, struct expr *right)
{
	struct stmt s = { .kind = STMT_MATCH };
	const struct datatype *type = selectors[selector_of(left)].type;

	s.match.left = left;
	s.match.op = how;
	s.match.right = right;
	type_all(left, type);
	type_all(right, type);
	return s;
}

static inline struct stmt match(enum selector_id id, enum match_op how, struct expr *right)
{
	return match_expr(selector(id), how, right);
}

static inline struct stmt verdict(enum rule_verdict v)
{
	return (struct stmt){ .kind = STMT_VERDICT, .verdict = { .verdict = v } };
}

static inline struct stmt jump(enum rule_verdict v, const char *chain)
{
	struct stmt s = verdict(v);

	s.verdict.chain = strcpy(model_alloc(strlen(chain) + 1), chain);
	return s;
}

static inline struct stmt reject(enum reject_with with, uint8_t code)
{
	return (struct stmt){ .kind = STMT_REJECT, .reject = { .with = with, .code = code } };
}

static inline struct stmt count_in(uint32_t slot)
{
	return (struct stmt){ .kind = STMT_COUNTER, .counter = { .slot = slot } };
}

/* target: META_MARK or CT_MARK. */
static inline struct stmt set_to(enum selector_id target, struct expr *value)
{
	struct stmt s = { .kind = target == SELECTOR_CT_MARK ? STMT_SET_CT : STMT_SET_META };

	s.set.target = target;
	s.set.value = value;
	type_all(value, selectors[target].type);
	return s;
}

/* ---- objects ---- */

static inline void *append(void **array, size_t *n, void *element)
{
	void **more = model_alloc((*n + 1) * sizeof(*more));

	if (*n)
		memcpy(more, *array, *n * sizeof(*more));
	more[(*n)++] = element;
	*array = more;
	return element;
}

static inline struct ruleset *model_ruleset(struct counters *counters)
{
	struct ruleset *rs = model_alloc(sizeof(*rs));

	rs->refs = 1; /* the pool's: nobody else frees it */
	rs->counters = counters;
	return rs;
}

static inline struct table *add_table(struct ruleset *rs, enum family family, const char *text)
{
	struct table *t = table_new(family, text, strlen(text));

	assert(t && n_model_tables < sizeof(model_tables) / sizeof(model_tables[0]));
	model_tables[n_model_tables++] = t;
	return append((void **)&rs->tables, &rs->n_tables, t);
}

static inline struct chain *add_chain(struct table *t, const char *text)
{
	struct chain *c = chain_new(text, strlen(text));

	c->handle = ++t->last_handle;
	if (!table_add_chain(t, c))
		abort();
	return c;
}

static inline struct chain *add_base(struct ruleset *rs, struct table *t, const char *text,
				     enum hook hook, int32_t priority, bool drop)
{
	struct chain *c = add_chain(t, text);

	c->type = CHAIN_FILTER;
	c->hook = hook;
	c->priority = priority;
	c->drop = drop;
	c->registered = ++rs->last_registered;
	return c;
}

static inline struct rule *add_rule_of(struct chain *c, uint64_t handle, size_t n,
				       const struct stmt *stmts)
{
	struct rule *r = model_alloc(sizeof(*r));

	r->refs = 1;
	r->handle = handle;
	r->stmts = model_alloc(n * sizeof(*stmts));
	memcpy(r->stmts, stmts, n * sizeof(*stmts));
	r->n_stmts = n;
	return append((void **)&c->rules, &c->n_rules, r);
}
#define RULE(chain, handle, ...)                                                               \
	add_rule_of((chain), (handle),                                                         \
		    sizeof((struct stmt[]){ __VA_ARGS__ }) / sizeof(struct stmt),              \
		    (struct stmt[]){ __VA_ARGS__ })

#endif
