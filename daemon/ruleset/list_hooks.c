/* list_hooks.c - list hooks: which chains a packet meets at each hook, in order, and where
 * among them conntrack stands. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

#include "ruleset/transaction.h"

/* What a hook runs; table NULL: a step of conntrack's. */
struct entry {
	int32_t priority;
	uint64_t registered; /* among equal priorities the latest runs first */
	const struct table *table;
	const char *name;
};

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	/* Conntrack is before chains of its priority, and what confirms behind them. */
	if (!x->table || !y->table)
		return (x->priority < 0) == !x->table ? -1 : 1;
	return (x->registered < y->registered) - (x->registered > y->registered);
}

/* Chains of the hook that packets of the family meet; returns how many. */
static size_t collect(const struct ruleset *rs, enum family family, enum hook hook,
		      struct entry *entries)
{
	size_t n = 0;

	for (size_t i = 0; i < rs->n_tables; i++) {
		const struct table *t = rs->tables[i];

		if (t->flags & TABLE_DORMANT ||
		    (t->family != family && t->family != FAMILY_INET))
			continue;
		for (size_t j = 0; j < t->n_chains; j++) {
			const struct chain *c = t->chains[j];

			if (c->type != CHAIN_REGULAR && c->hook == hook)
				entries[n++] = (struct entry){ c->priority, c->registered, t,
							       c->name };
		}
	}
	if (hook == HOOK_PREROUTING || hook == HOOK_OUTPUT)
		entries[n++] = (struct entry){ .priority = HOOK_PRIORITY_CONNTRACK,
					       .name = "conntrack" };
	if (hook == HOOK_INPUT || hook == HOOK_POSTROUTING)
		entries[n++] = (struct entry){ .priority = INT32_MAX,
					       .name = "conntrack_confirm" };
	return n;
}

static void print_entry(const struct entry *e, struct text *out)
{
	text_printf(out, "\t\t%c%010" PRId64,
		    e->priority < 0 ? '-' : e->priority ? '+' : ' ',
		    (int64_t)(e->priority < 0 ? -(int64_t)e->priority : e->priority));
	if (e->table)
		text_printf(out, " chain %s %s %s", family_name(e->table->family),
			    e->table->name, e->name);
	else
		text_printf(out, " %s", e->name);
	text_puts(out, " [ctfw]\n");
}

int list_hooks(struct transaction *tx, enum family wanted)
{
	static const enum family families[] = { FAMILY_IP, FAMILY_IP6 };
	struct entry *entries =
		malloc((ruleset_size(tx->rs).chains + 1) * sizeof(struct entry));

	if (!entries)
		return -ENOMEM;
	for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
		if (wanted != FAMILY_NONE && wanted != FAMILY_INET && wanted != families[f])
			continue;
		text_printf(&tx->out, "family %s {\n", family_name(families[f]));
		for (unsigned hook = HOOK_PREROUTING; hook < HOOK_COUNT; hook++) {
			size_t n = collect(tx->rs, families[f], hook, entries);

			if (!n)
				continue;
			qsort(entries, n, sizeof(*entries), compare);
			text_printf(&tx->out, "\thook %s {\n", hook_name(hook));
			for (size_t i = 0; i < n; i++)
				print_entry(&entries[i], &tx->out);
			text_puts(&tx->out, "\t}\n");
		}
		text_puts(&tx->out, "}\n");
	}
	free(entries);
	return 0;
}
