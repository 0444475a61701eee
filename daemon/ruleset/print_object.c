/* print_object.c - named objects as nft lists them: in blocks, or in one line for echoes. */
#include <inttypes.h>

#include "ctfw/clock.h"
#include "ruleset/check.h"
#include "ruleset/print.h"

/* What differs between the two. */
struct style {
	const char *indent, *end;
};

static void print_helper(const struct object *o, const struct style *st, struct text *out)
{
	text_printf(out, "%stype \"%s\" protocol ", st->indent, o->ct.helper);
	text_printf(out, "%s%s", object_l4_name(o->ct.l4), st->end);
	text_printf(out, "%sl3proto %s%s", st->indent, family_name(o->l3), st->end);
}

/* What nft's defaults say is not shown. */
static void print_policy(const struct object *o, const struct style *st, struct text *out)
{
	const char *sep = "";

	text_printf(out, "%spolicy = { ", st->indent);
	for (unsigned i = 1; i < POLICY_COUNT; i++) {
		if (policy_states[i].l4 != o->ct.l4 ||
		    policy_states[i].seconds == o->ct.seconds[i])
			continue;
		text_printf(out, "%s%s : %" PRIu32, sep, policy_states[i].name,
			    o->ct.seconds[i]);
		sep = ", ";
	}
	text_printf(out, " }%s", st->end);
}

static void print_timeout(const struct object *o, const struct style *st, struct text *out)
{
	text_printf(out, "%sprotocol %s%s", st->indent, object_l4_name(o->ct.l4), st->end);
	text_printf(out, "%sl3proto %s%s", st->indent, family_name(o->l3), st->end);
	print_policy(o, st, out);
}

static void print_expectation(const struct object *o, unsigned flags, const struct style *st,
			      struct text *out)
{
	const struct value timeout = { .num = o->ct.timeout / NSEC_PER_MSEC };

	text_printf(out, "%sprotocol %s%s", st->indent, object_l4_name(o->ct.l4), st->end);
	text_printf(out, "%sdport %u%s", st->indent, o->ct.dport, st->end);
	text_printf(out, "%stimeout ", st->indent);
	value_print(out, &datatype_time, &timeout, flags);
	text_puts(out, st->end);
	text_printf(out, "%ssize %u%s", st->indent, o->ct.size, st->end);
	text_printf(out, "%sl3proto %s%s", st->indent, family_name(o->l3), st->end);
}

static void print_line(const struct object *o, unsigned flags, const struct style *st,
		       struct text *out)
{
	struct text line = TEXT_INIT;

	if (print_stateful_object(o, flags, &line))
		text_printf(out, "%s%s%s", st->indent, text_str(&line),
			    *st->end == '\n' ? st->end : " ");
	text_fini(&line);
}

static void print_content(const struct object *o, unsigned flags, const struct style *st,
			  struct text *out)
{
	if (o->comment)
		text_printf(out, "%scomment \"%s\"%s", st->indent, o->comment,
			    *st->end == '\n' ? st->end : " ");
	switch (o->kind) {
	case KIND_CT_HELPER:
		print_helper(o, st, out);
		break;
	case KIND_CT_TIMEOUT:
		print_timeout(o, st, out);
		break;
	case KIND_CT_EXPECTATION:
		print_expectation(o, flags, st, out);
		break;
	case KIND_COUNTER:
	case KIND_QUOTA:
	case KIND_LIMIT:
		print_line(o, flags, st, out);
		break;
	case KIND_NONE:
	case KIND_COUNT:
		break;
	}
}

void print_object(const struct object *o, unsigned flags, struct text *out)
{
	static const struct style block = { "\t\t", "\n" };

	text_printf(out, "\t%s %s {", object_kind_name(o->kind), o->name);
	if (flags & PRINT_HANDLE)
		text_printf(out, " # handle %" PRIu64, o->handle);
	text_putc(out, '\n');
	print_content(o, flags, &block, out);
	text_puts(out, "\t}\n");
}

void print_object_line(const struct object *o, unsigned flags, struct text *out)
{
	static const struct style line = { "", "; " };

	text_puts(out, "{ ");
	/* Where nft puts it, though what follows becomes a comment. */
	if (flags & PRINT_HANDLE)
		text_printf(out, "# handle %" PRIu64 " ", o->handle);
	print_content(o, flags, &line, out);
	text_puts(out, "} ");
}
