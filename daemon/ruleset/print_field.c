/* print_field.c - selectors as text, with what they are asked for. */
#include "ruleset/exthdr.h"
#include "ruleset/field.h"
#include "ruleset/print.h"

static void print_exthdr(const struct exthdr *h, struct text *out)
{
	static const char *const before[] = {
		[EXTHDR_IP6] = "",
		[EXTHDR_IP] = "ip option ",
		[EXTHDR_TCP] = "tcp option ",
		[EXTHDR_SCTP] = "sctp chunk ",
	};

	if (h->class == EXTHDR_IP6 && !h->field)
		text_puts(out, "exthdr ");
	text_printf(out, "%s%s", before[h->class], h->name);
	if (h->field)
		text_printf(out, " %s", h->field);
}

static void print_tcp_option_raw(const struct selector_arg *arg, struct text *out)
{
	if (arg->d)
		text_printf(out, "tcp option @%u,%u,%u", arg->b, arg->c, arg->d);
	else
		text_printf(out, "tcp option %u", arg->b);
}

static void print_raw(const struct selector_arg *arg, struct text *out)
{
	static const char *const bases[BASE_COUNT] = {
		[BASE_NETWORK] = "nh",
		[BASE_TRANSPORT] = "th",
		[BASE_INNER] = "ih",
	};

	text_printf(out, "@%s,%u,%u", bases[arg->a], arg->b, arg->c);
}

static void print_fib(const struct expr *e, struct text *out)
{
	static const struct {
		uint32_t flag;
		const char *word;
	} keys[] = {
		{FIB_SADDR, "saddr"}, {FIB_DADDR, "daddr"}, {FIB_MARK, "mark"},
		{FIB_IIF, "iif"},     {FIB_OIF, "oif"},
	};
	const char *sep = "fib ";

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!(e->arg.a & keys[i].flag))
			continue;
		text_printf(out, "%s%s", sep, keys[i].word);
		sep = " . ";
	}
	text_puts(out, e->selector == SELECTOR_FIB_OIF	     ? " oif"
		       : e->selector == SELECTOR_FIB_OIFNAME ? " oifname"
							     : " type");
}

/* mod, seed and offset. */
static void print_made(const struct expr *e, struct text *out)
{
	text_printf(out, " mod %u", e->arg.a);
	if (e->selector == SELECTOR_JHASH && e->arg.d)
		text_printf(out, " seed 0x%x", e->arg.c);
	if (e->arg.b)
		text_printf(out, " offset %u", e->arg.b);
}

void print_field(const struct expr *e, unsigned flags, struct text *out)
{
	struct exthdr h;

	switch (e->selector) {
	case SELECTOR_IP6_EXTHDR:
	case SELECTOR_IP_OPTION:
	case SELECTOR_TCP_OPTION:
	case SELECTOR_SCTP_CHUNK:
		expr_exthdr(e, &h);
		print_exthdr(&h, out);
		break;
	case SELECTOR_TCP_OPTION_RAW:
		print_tcp_option_raw(&e->arg, out);
		break;
	case SELECTOR_RAW:
		print_raw(&e->arg, out);
		break;
	case SELECTOR_FIB_OIF:
	case SELECTOR_FIB_OIFNAME:
	case SELECTOR_FIB_TYPE:
		print_fib(e, out);
		break;
	case SELECTOR_JHASH:
		text_puts(out, "jhash ");
		print_expr(e->arg.of, flags, out);
		print_made(e, out);
		break;
	case SELECTOR_NUMGEN_INC:
	case SELECTOR_NUMGEN_RANDOM:
	case SELECTOR_SYMHASH:
		text_puts(out, selectors[e->selector].text);
		print_made(e, out);
		break;
	default:
		text_puts(out, selectors[e->selector].text);
		break;
	}
}
