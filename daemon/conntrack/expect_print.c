/* expect_print.c - an expectation as a line of conntrack -L expect (conntrack-tools 1.4.7). */
#include <arpa/inet.h>
#include <string.h>

#include "ctfw/expect.h"
#include "ctfw/text.h"

static void print_tuple(const char *prefix, const struct tuple *t, struct text *out)
{
	char src[ADDR_TEXT], dst[ADDR_TEXT];

	text_printf(out, "%ssrc=%s %sdst=%s ", prefix, addr_print(t->l3, &t->src, src), prefix,
		    addr_print(t->l3, &t->dst, dst));
	text_printf(out,
		    t->l4 == IPPROTO_GRE ? "srckey=0x%x dstkey=0x%x " : "sport=%u dport=%u ",
		    ntohs(t->sport), ntohs(t->dport));
}

struct tuple expect_mask(const struct expect *e)
{
	struct tuple mask = {
		.src = e->src_mask,
		.sport = e->sport_mask,
		.dport = 0xffff,
		.l3 = e->tuple.l3,
		.l4 = e->tuple.l4,
	};

	/* The destination is exact. */
	memset(&mask.dst, 0xff, addr_bits(mask.l3) / 8);
	return mask;
}

static void print_flags(uint32_t flags, struct text *out)
{
	if (flags & EXPECT_PERMANENT)
		text_puts(out, flags & EXPECT_INACTIVE ? "PERMANENT," : "PERMANENT ");
	if (flags & EXPECT_INACTIVE)
		text_puts(out, "INACTIVE ");
}

void expect_print(const struct expect *e, uint64_t mono, struct text *t)
{
	const struct tuple mask = expect_mask(e);
	uint64_t expires = atomic_load_explicit(&e->expires, memory_order_relaxed);
	const char *helper = ct_helper_name(e->helper);

	text_printf(t, "%u ", (unsigned)(expires > mono ? (expires - mono) / NSEC_PER_SEC : 0));
	text_printf(t, "proto=%u ", e->tuple.l4);
	print_tuple("", &e->tuple, t);
	print_tuple("mask-", &mask, t);
	print_tuple("master-", &e->master_tuple, t);
	if (e->tuple.zone)
		text_printf(t, "zone=%u ", e->tuple.zone);
	print_flags(atomic_load_explicit(&e->flags, memory_order_relaxed), t);
	text_printf(t, "class=%u", e->class);
	if (helper)
		text_printf(t, " helper=%s", helper);
}
