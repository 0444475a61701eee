/* stmt.c - statements of rules: copied, walked through, finished. */
#include "ruleset/model.h"

#include <stdlib.h>
#include <string.h>

/* Where the expressions of a statement stand: every kind that has some is here. */
#define STMT_EXPRS 4
static size_t stmt_exprs(struct stmt *s, struct expr **ret[STMT_EXPRS])
{
	size_t n = 0;

	switch (s->kind) {
	case STMT_MATCH:
		ret[n++] = &s->match.left;
		ret[n++] = &s->match.right;
		break;
	case STMT_VMAP:
		ret[n++] = &s->vmap.key;
		ret[n++] = &s->vmap.set;
		break;
	case STMT_OBJECT:
		ret[n++] = &s->object.key;
		ret[n++] = &s->object.set;
		break;
	case STMT_SET_META:
	case STMT_SET_CT:
		ret[n++] = &s->set.value;
		break;
	case STMT_DYNSET:
		ret[n++] = &s->dynset.set;
		ret[n++] = &s->dynset.key;
		ret[n++] = &s->dynset.data;
		break;
	case STMT_WRITE:
		ret[n++] = &s->write.target;
		ret[n++] = &s->write.value;
		break;
	case STMT_NAT:
		if (s->nat.addr)
			ret[n++] = &s->nat.addr;
		if (s->nat.port)
			ret[n++] = &s->nat.port;
		break;
	default:
		break;
	}
	return n;
}

/* Where its string stands, or NULL. */
static char **stmt_string(struct stmt *s)
{
	switch (s->kind) {
	case STMT_VERDICT:
		return &s->verdict.chain;
	case STMT_LOG:
		return (char **)&s->log.prefix;
	case STMT_OBJECT:
		return &s->object.name;
	default:
		return NULL;
	}
}

void stmt_fini(struct stmt *s)
{
	struct expr **exprs[STMT_EXPRS];
	char **string = stmt_string(s);

	for (size_t n = stmt_exprs(s, exprs); n-- > 0;)
		expr_free(*exprs[n]);
	if (string)
		free(*string);
	if (s->kind == STMT_DYNSET)
		stmts_fini(&s->dynset.stmts);
	else if (s->kind == STMT_VERDICT)
		chain_unref(s->verdict.block);
	s->kind = STMT_NONE;
}

static bool stmt_clone(struct stmt *to, const struct stmt *from)
{
	struct expr **exprs[STMT_EXPRS];
	char **string;
	bool ok = true;
	size_t n;

	*to = *from;
	n = stmt_exprs(to, exprs);
	for (size_t i = 0; i < n; i++) {
		/* What could not be copied belongs to the other still. */
		struct expr *copy = ok && *exprs[i] ? expr_clone(*exprs[i]) : NULL;

		ok = ok && (copy || !*exprs[i]);
		*exprs[i] = copy;
	}
	string = stmt_string(to);
	if (string && *string) {
		*string = ok ? strdup(*string) : NULL;
		ok = *string != NULL;
	}
	if (from->kind == STMT_DYNSET) {
		to->dynset.stmts = (struct stmts){ 0 };
		ok = ok && stmts_clone(&to->dynset.stmts, from->dynset.stmts.v,
				       from->dynset.stmts.n);
	} else if (from->kind == STMT_VERDICT) {
		chain_ref(to->verdict.block);
	}
	return ok;
}

void stmt_walk(struct stmt *s, void (*visit)(void *arg, struct expr *e), void *arg)
{
	struct expr **exprs[STMT_EXPRS];
	size_t n = stmt_exprs(s, exprs);

	for (size_t i = 0; i < n; i++)
		expr_walk(*exprs[i], visit, arg);
}

bool stmts_reserve(struct stmts *s, size_t n)
{
	struct stmt *v = n > s->n ? realloc(s->v, n * sizeof(*v)) : NULL;

	if (!v)
		return n <= s->n;
	s->v = v;
	s->cap = n;
	return true;
}

void stmts_fit(struct stmts *s)
{
	struct stmt *v = s->n ? realloc(s->v, s->n * sizeof(*v)) : NULL;

	if (!v)
		return;
	s->v = v;
	s->cap = s->n;
}

void stmts_settle(struct stmts *s, struct stmts *spare)
{
	struct stmt *v = spare->v ? NULL : malloc(s->n * sizeof(*v));

	if (!v) {
		stmts_fit(s);
		return;
	}
	memcpy(v, s->v, s->n * sizeof(*v));
	*spare = (struct stmts){ .v = s->v, .cap = s->cap };
	s->v = v;
	s->cap = s->n;
}

bool stmts_insert(struct stmts *s, size_t at, const struct stmt *stmt)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 4;
		struct stmt *grown = realloc(s->v, cap * sizeof(*grown));

		if (!grown) {
			struct stmt lost = *stmt;

			stmt_fini(&lost);
			return false;
		}
		s->v = grown;
		s->cap = cap;
	}
	memmove(s->v + at + 1, s->v + at, (s->n - at) * sizeof(*s->v));
	s->v[at] = *stmt;
	s->n++;
	return true;
}

bool stmts_add(struct stmts *s, const struct stmt *stmt)
{
	return stmts_insert(s, s->n, stmt);
}

bool stmts_clone(struct stmts *to, const struct stmt *v, size_t n)
{
	*to = (struct stmts){ .v = calloc(n + !n, sizeof(*v)), .cap = n + !n };
	if (!to->v)
		return false;
	while (to->n < n) {
		to->n++;
		if (!stmt_clone(&to->v[to->n - 1], &v[to->n - 1])) {
			stmts_fini(to);
			return false;
		}
	}
	return true;
}

void stmts_fini(struct stmts *s)
{
	for (size_t i = 0; i < s->n; i++)
		stmt_fini(&s->v[i]);
	free(s->v);
	*s = (struct stmts){ 0 };
}

bool stmt_is_look_up(const struct stmt *s)
{
	const struct expr *right = s->match.right;

	if (s->match.left->kind == EXPR_CONCAT || right->kind == EXPR_SETREF)
		return true;
	for (size_t i = 0; right->kind == EXPR_SET && i < right->list.n; i++) {
		const enum expr_kind kind = right->list.item[i]->kind;

		if (kind == EXPR_ALL || kind == EXPR_ELEMENT || kind == EXPR_MAPPING)
			return true;
	}
	return false;
}
