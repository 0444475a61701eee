/* describe.c - describe EXPRESSION | TYPE: of what type something is, and its constants. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "ruleset/transaction.h"

/* What nft calls the kinds of expressions, by how their text begins. */
static const struct {
	const char *begins, *kind;
} kinds[] = {
	{ "meta ", "meta" },	 { "iif", "meta" },	  { "oif", "meta" },
	{ "sk", "meta" },	 { "mark", "meta" },	  { "pkttype", "meta" },
	{ "cpu", "meta" },	 { "time", "meta" },	  { "day", "meta" },
	{ "hour", "meta" },	 { "ct ", "ct" },	  { "fib ", "fib" },
	{ "rt ", "rt" },	 { "numgen ", "numgen" }, { "jhash ", "hash" },
	{ "symhash ", "hash" },	 { "socket ", "socket" }, { "tcp option ", "exthdr" },
	{ "ip option ", "exthdr" }, { "exthdr ", "exthdr" }, { "hbh ", "exthdr" },
	{ "rt0 ", "exthdr" },	 { "rt2 ", "exthdr" },	  { "srh ", "exthdr" },
	{ "frag ", "exthdr" },	 { "dst ", "exthdr" },	  { "mh ", "exthdr" },
};

static const char *kind_of(const char *text)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strncmp(text, kinds[i].begins, strlen(kinds[i].begins)))
			return kinds[i].kind;
	}
	return "payload";
}

static const char *basetype(const struct datatype *dt)
{
	if (!strcmp(dt->name, "integer") || !strcmp(dt->name, "string"))
		return NULL;
	if (dt->class == VALUE_STRING)
		return "string";
	if (!strcmp(dt->name, "ether_addr"))
		return "link layer address, integer";
	return dt->bitmask ? "bitmask, integer" : "integer";
}

static void print_type(const struct datatype *dt, bool expression, struct text *out)
{
	text_printf(out, "datatype %s (%s)", dt->name, dt->desc);
	if (basetype(dt))
		text_printf(out, " (basetype %s)", basetype(dt));
	if (expression && dt->class == VALUE_STRING)
		text_printf(out, ", %u characters\n", dt->bits / 8);
	else
		text_printf(out, ", %u bits\n", dt->bits);
}

/* To nft, names of services and of protocols are those of a file: it shows none of the first,
 * and the second without a heading. */
static void print_constants(const struct datatype *dt, struct text *out)
{
	bool hex = dt->hex || dt->bitmask;

	if (!dt->symbols || !strcmp(dt->name, "inet_service"))
		return;
	if (!strcmp(dt->name, "inet_proto")) {
		for (const struct symbol *s = dt->symbols; s->name; s++)
			text_printf(out, "\t%-30s\t%" PRIu64 "\n", s->name, s->value);
		return;
	}
	text_printf(out, "\npre-defined symbolic constants (in %s):\n",
		    hex ? "hexadecimal" : "decimal");
	for (const struct symbol *s = dt->symbols; s->name; s++) {
		if (hex)
			text_printf(out, "\t%-30s\t0x%0*" PRIx64 "\n", s->name,
				    (dt->bits + 7) / 8 * 2, s->value);
		else
			text_printf(out, "\t%-30s\t%20" PRIu64 "\n", s->name, s->value);
	}
}

int describe_apply(struct transaction *tx, const struct command *c)
{
	const struct expr *e = c->describes;
	const struct datatype *dt = c->type;

	if (e && e->kind == EXPR_SELECTOR) {
		dt = e->type ? e->type : selectors[e->selector].type;
		text_printf(&tx->out, "%s expression, ", kind_of(selectors[e->selector].text));
	} else if (e) {
		diag_error(tx->d, &e->span,
			   "this is neither a selector such as tcp dport nor the name of a "
			   "type");
		return -EINVAL;
	}
	print_type(dt, e != NULL, &tx->out);
	print_constants(dt, &tx->out);
	return 0;
}
