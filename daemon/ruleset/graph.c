/* graph.c - where chains lead: no circles, not too deep, and nothing where it cannot be.
 *
 * Tables that nobody else shares are those that the attempt changed; only they are looked at.
 * Chains are sorted so that each comes before those that it leads to (Kahn 1962), without
 * recursion: a ruleset may be a hundred thousand chains in a row. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset/site.h"
#include "ruleset/transaction.h"

/* NFT_JUMP_STACK_SIZE: a chain with a hook may lead one less deep. */
#define MAX_DEPTH 16

struct node {
	size_t first, n; /* its edges */
	size_t in;	 /* edges to it, as far as not taken away yet */
	size_t level;	 /* steps from a chain with a hook */
	unsigned hooks;	 /* from which base chains it is reached: SITE_BIT()s */
	unsigned holds;	 /* 1 << enum site_id of its statements */
	bool sorted, reached;
};

struct graph {
	const struct table *t;
	struct node *nodes;
	size_t *edges; /* where they lead, sorted by where they begin */
	size_t n_edges, cap_edges;
	size_t *order;
	size_t n_order;
	unsigned holds; /* 1 << enum site_id of what was walked over */
	bool failed; /* out of memory */
};

static bool add_edge(struct graph *g, size_t to)
{
	if (g->n_edges == g->cap_edges) {
		size_t cap = g->cap_edges ? g->cap_edges * 2 : 64;
		size_t *grown = realloc(g->edges, cap * sizeof(*grown));

		if (!grown)
			return false;
		g->edges = grown;
		g->cap_edges = cap;
	}
	g->edges[g->n_edges++] = to;
	g->nodes[to].in++;
	return true;
}

static void add_target(void *arg, const char *chain)
{
	struct graph *g = arg;
	size_t to = chain_find(g->t, chain);

	g->failed = g->failed || (to != MODEL_NONE && !add_edge(g, to));
}

static void add_map_target(void *arg, uint64_t chain)
{
	struct graph *g = arg;
	size_t to = chain_find_handle(g->t, chain);

	g->failed = g->failed || (to != MODEL_NONE && !add_edge(g, to));
}

/* A map by name leads wherever its elements do. */
static void add_expr(void *arg, struct expr *e)
{
	struct graph *g = arg;
	size_t at = e->kind == EXPR_SETREF ? set_find_named(g->t, e->symbol) : MODEL_NONE;

	g->holds |= 1u << expr_site(e);
	if (at != MODEL_NONE)
		set_each_target(g->t->sets[at], add_map_target, arg);
}

static bool add_rule_edges(struct graph *g, struct node *node, const struct rule *r)
{
	g->holds = 0;
	for (size_t i = 0; i < r->n_stmts; i++) {
		g->holds |= 1u << stmt_site(&r->stmts[i]);
		stmt_each_target(&r->stmts[i], add_target, g);
		stmt_walk((struct stmt *)&r->stmts[i], add_expr, g);
	}
	node->holds |= g->holds;
	return !g->failed;
}

static bool build(struct graph *g)
{
	g->nodes = calloc(g->t->n_chains + 1, sizeof(*g->nodes));
	g->order = calloc(g->t->n_chains + 1, sizeof(*g->order));
	if (!g->nodes || !g->order)
		return false;
	for (size_t i = 0; i < g->t->n_chains; i++) {
		const struct chain *c = g->t->chains[i];

		g->nodes[i].first = g->n_edges;
		for (size_t j = 0; j < c->n_rules; j++) {
			if (!add_rule_edges(g, &g->nodes[i], c->rules[j]))
				return false;
		}
		g->nodes[i].n = g->n_edges - g->nodes[i].first;
		if (c->type != CHAIN_REGULAR) {
			g->nodes[i].reached = true;
			g->nodes[i].hooks = SITE_BIT(c->type, c->hook);
		}
	}
	return true;
}

/* What a sorted chain says about those that it leads to. */
static void pass_on(struct graph *g, const struct node *from)
{
	for (size_t i = 0; i < from->n; i++) {
		size_t to = g->edges[from->first + i];
		struct node *node = &g->nodes[to];

		node->hooks |= from->hooks;
		if (from->reached) {
			node->reached = true;
			if (node->level < from->level + 1)
				node->level = from->level + 1;
		}
		if (--node->in == 0)
			g->order[g->n_order++] = to;
	}
}

static void sort(struct graph *g)
{
	for (size_t i = 0; i < g->t->n_chains; i++) {
		if (!g->nodes[i].in)
			g->order[g->n_order++] = i;
	}
	for (size_t i = 0; i < g->n_order; i++) {
		g->nodes[g->order[i]].sorted = true;
		pass_on(g, &g->nodes[g->order[i]]);
	}
}

/* ---- errors at the statement that brought them ---- */

static bool names(const struct token *t, const char *name)
{
	return strlen(name) == t->len && !memcmp(t->s, name, t->len);
}

/* The chains of a mention; false when it is of another table, or gone. */
static bool mentioned(const struct graph *g, const struct mention *m, size_t *ret_from,
		      size_t *ret_to)
{
	char from[256];
	size_t len = m->chain.len < 255 ? m->chain.len : 255;

	if (m->family != g->t->family || !names(&m->table, g->t->name))
		return false;
	memcpy(from, m->chain.s, len);
	from[len] = '\0';
	*ret_from = chain_find(g->t, from);
	*ret_to = m->target ? chain_find(g->t, m->target) : *ret_from;
	return *ret_from != MODEL_NONE && *ret_to != MODEL_NONE;
}

static int circle_error(struct transaction *tx, const struct graph *g)
{
	for (size_t i = tx->n_mentions; i-- > 0;) {
		const struct mention *m = &tx->mentions[i];
		size_t from, to;

		if (m->target && mentioned(g, m, &from, &to) && !g->nodes[from].sorted &&
		    !g->nodes[to].sorted) {
			diag_error(tx->d, &m->span,
				   "chain %s leads back to itself: this closes the circle",
				   m->target);
			return -EINVAL;
		}
	}
	diag_error(tx->d, NULL, "chains of table %s %s lead back to themselves",
		   family_name(g->t->family), g->t->name);
	return -EINVAL;
}

static int depth_error(struct transaction *tx, const struct graph *g)
{
	for (size_t i = tx->n_mentions; i-- > 0;) {
		const struct mention *m = &tx->mentions[i];
		size_t from, to;

		if (m->target && mentioned(g, m, &from, &to) &&
		    g->nodes[to].level >= MAX_DEPTH) {
			diag_error(tx->d, &m->span, "chains lead to others %u deep at most",
				   MAX_DEPTH - 1);
			return -EINVAL;
		}
	}
	diag_error(tx->d, NULL, "chains of table %s %s lead to others more than %u deep",
		   family_name(g->t->family), g->t->name, MAX_DEPTH - 1);
	return -EINVAL;
}

/* The place that is forbidden to what a chain holds; SITE_NONE: none is. */
static enum site_id misplaced(const struct node *n)
{
	for (unsigned id = 1; id < SITE_COUNT; id++) {
		if (n->holds & 1u << id && n->hooks & ~sites[id].allowed)
			return id;
	}
	return SITE_NONE;
}

static int site_error(struct transaction *tx, const struct graph *g, enum site_id id)
{
	for (size_t i = 0; i < tx->n_mentions; i++) {
		const struct mention *m = &tx->mentions[i];
		size_t from, to;

		if (m->site == id && mentioned(g, m, &from, &to) &&
		    g->nodes[from].hooks & ~sites[id].allowed) {
			diag_error(tx->d, &m->span, "%s", sites[id].why);
			return -EINVAL;
		}
	}
	diag_error(tx->d, NULL, "%s", sites[id].why);
	return -EINVAL;
}

static int judge(struct transaction *tx, const struct graph *g)
{
	enum site_id site;

	if (g->n_order < g->t->n_chains)
		return circle_error(tx, g);
	for (size_t i = 0; i < g->t->n_chains; i++) {
		if (g->nodes[i].reached && g->nodes[i].level >= MAX_DEPTH)
			return depth_error(tx, g);
		site = misplaced(&g->nodes[i]);
		if (site)
			return site_error(tx, g, site);
	}
	return 0;
}

int graph_check(struct transaction *tx)
{
	int err = 0;

	for (size_t i = 0; i < tx->rs->n_tables && !err; i++) {
		struct graph g = { .t = tx->rs->tables[i] };

		if (g.t->refs > 1)
			continue;
		if (build(&g)) {
			sort(&g);
			err = judge(tx, &g);
		} else {
			err = -ENOMEM;
		}
		free(g.nodes);
		free(g.edges);
		free(g.order);
	}
	return err;
}
