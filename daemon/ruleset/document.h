/* document.h - a JSON text as a tree that knows where everything stands in it.
 *
 * jansson tells the place of a stray comma, but not that of a value that is well-formed and
 * wrong: errors in rulesets have a line, a column and carets in JSON as well, so the text is
 * read here (RFC 8259).  Nodes lie in one array, parents before their children: the first
 * child of n is n + 1, what follows n in its parent is n + n->size. */
#ifndef CTFW_RULESET_DOCUMENT_H
#define CTFW_RULESET_DOCUMENT_H

#include <string.h>

#include "ctfw/diag.h"

/* Levels of arrays and objects within each other. */
#define DOCUMENT_DEPTH 128

enum node_kind {
	NODE_NONE = 0,
	NODE_OBJECT,
	NODE_ARRAY,
	NODE_STRING,
	NODE_INTEGER, /* fits 64 bits; negative says its sign */
	NODE_REAL,
	NODE_TRUE,
	NODE_FALSE,
	NODE_NULL,
};

struct node {
	enum node_kind kind;
	bool negative;
	uint32_t size;	   /* nodes, itself and all below */
	uint32_t off, len; /* of the value in the text; of strings without the quotes */
	uint32_t key_off, key_len; /* of a member of an object */
	union {
		const char *s; /* NUL-terminated, unescaped, never with a NUL inside */
		uint64_t number;
	};
	const char *key; /* NULL: no member */
};

struct document {
	const struct source *source;
	struct node *nodes;
	size_t n, cap;
	/* Strings unescaped, in blocks that do not move. */
	struct document_block {
		struct document_block *next;
		size_t used, size;
		char bytes[];
	} *blocks;
};

/* Read a source; it must outlive the document.  0; -EINVAL with an error said; -ENOMEM. */
int document_read(struct document *doc, const struct source *source, struct diag *d);
void document_fini(struct document *doc);
/* A string of the document's own; NULL when out of memory. */
char *document_string(struct document *doc, size_t len);

/* Where a byte of the text belongs: nftables[0].add.rule.expr[1]. */
void document_path(const struct source *source, uint32_t off, struct text *out);

static inline const struct node *node_next(const struct node *n)
{
	return n + n->size;
}
#define NODE_EACH(child, parent)                                                               \
	for (const struct node *child = (parent) + 1; child < node_next(parent);               \
	     child = node_next(child))
/* A member by name, the last one of it; NULL when there is none or n is no object. */
const struct node *node_get(const struct node *n, const char *key);
size_t node_count(const struct node *n);
static inline bool node_is(const struct node *n, const char *s)
{
	return n && n->kind == NODE_STRING && !strcmp(n->s, s);
}
struct span node_span(const struct document *doc, const struct node *n);
struct span node_key_span(const struct document *doc, const struct node *n);
/* "a string", "an array": for messages. */
const char *node_kind_name(enum node_kind kind);

#endif
