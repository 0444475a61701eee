/* conntrack_check.c - whether the options of ctfwctl conntrack go together, as conntrack 1.4.7
 * judges, and those that hang on the protocol. */
#include "ctl/conntrack_options.h"
#include "ctl/ctvalue.h"

#include <netinet/in.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof(table[0]))

/* Which commands take an option, where not all of -L -G -D -I -A -U -E do. */
static const struct {
	int key;
	const char *commands;
} allowed[] = {
	{ 't', "IAU" },
	{ 'm', "LDIAUE" },
	{ 'z', "L" },
	{ 'e', "E" },
	{ 'b', "E" },
	{ 'n', "LDEU" },
	{ 'g', "LDEU" },
	{ 'j', "LDEU" },
	{ 'o', "LGDUE" },
	{ 'l', "LDUE" },
	{ OPT_LABEL_ADD, "IAU" },
	{ OPT_LABEL_DEL, "U" },
	{ OPT_MASK_SRC, "LDUE" },
	{ OPT_MASK_DST, "LDUE" },
	{ OPT_ORIG_VTAG, "IAU" },
	{ OPT_REPLY_VTAG, "IAU" },
};

static const struct {
	const char *name;
	enum conntrack_table table;
} tables[] = {
	{ "conntrack", TABLE_CONNTRACK }, { "expect", TABLE_EXPECT }, { "dying", TABLE_DYING },
	{ "unconfirmed", TABLE_UNCONFIRMED },
};

/* ---- what hangs on the protocol ---- */

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE ||
	       proto == IPPROTO_SCTP || proto == IPPROTO_DCCP;
}

static bool is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

static bool is_gre(uint8_t proto)
{
	return proto == IPPROTO_GRE;
}

static bool is_sctp(uint8_t proto)
{
	return proto == IPPROTO_SCTP;
}

static bool has_state(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_SCTP;
}

static const struct special {
	bool (*fits)(uint8_t proto);
	uint32_t max;
	size_t member, flag, width;
} specials[OPT_SPECIAL_END - OPT_SPECIAL] = {
#define SPECIAL(key, fits, max, name, flag)                                                    \
	[key - OPT_SPECIAL] = { fits, max, offsetof(struct conntrack_request, name),           \
				offsetof(struct conntrack_request, flag),                      \
				sizeof(((struct conntrack_request *)0)->name) }
#define CONDITION(key, fits, max, name)                                                        \
	SPECIAL(key, fits, max, filter.name, filter.has_##name)
	CONDITION(OPT_SPORT, has_ports, 65535, sport),
	CONDITION(OPT_DPORT, has_ports, 65535, dport),
	CONDITION(OPT_REPLY_SPORT, has_ports, 65535, reply_sport),
	CONDITION(OPT_REPLY_DPORT, has_ports, 65535, reply_dport),
	CONDITION(OPT_ICMP_TYPE, is_icmp, 255, icmp_type),
	CONDITION(OPT_ICMP_CODE, is_icmp, 255, icmp_code),
	CONDITION(OPT_ICMP_ID, is_icmp, 65535, icmp_id),
	CONDITION(OPT_SRCKEY, is_gre, 65535, sport),
	CONDITION(OPT_DSTKEY, is_gre, 65535, dport),
	CONDITION(OPT_REPLY_SRCKEY, is_gre, 65535, reply_sport),
	CONDITION(OPT_REPLY_DSTKEY, is_gre, 65535, reply_dport),
	SPECIAL(OPT_ORIG_VTAG, is_sctp, UINT32_MAX, vtag[DIR_ORIGINAL], has_vtag[DIR_ORIGINAL]),
	SPECIAL(OPT_REPLY_VTAG, is_sctp, UINT32_MAX, vtag[DIR_REPLY], has_vtag[DIR_REPLY]),
	[OPT_STATE - OPT_SPECIAL] = { has_state, 0, 0, 0, 0 },
};

static int take_state(struct ctl *ctl, struct flow_filter *f, const char *arg)
{
	for (unsigned s = SCTPS_NONE; f->proto == IPPROTO_SCTP && s < SCTPS_COUNT; s++)
		if (strcmp(sctp_state_name(s), arg) == 0) {
			f->sctp_state = (uint8_t)s;
			f->has_sctp_state = true;
			return 0;
		}
	if (f->proto == IPPROTO_SCTP)
		return conntrack_wrong(ctl, "unknown SCTP state `%s'", arg);
	for (unsigned s = TCPS_NONE; s < TCPS_COUNT; s++)
		if (strcmp(tcp_state_name(s), arg) == 0) {
			f->tcp_state = (uint8_t)s;
			f->has_state = true;
			return 0;
		}
	/* What older tools call the state of both sides' SYNs. */
	if (strcmp(arg, "LISTEN") == 0) {
		f->tcp_state = TCPS_SYN_SENT2;
		f->has_state = true;
		return 0;
	}
	return conntrack_wrong(ctl, "unknown TCP state `%s'", arg);
}

static void put(struct conntrack_request *r, const struct special *special, uint32_t value)
{
	char *at = (char *)r + special->member;

	switch (special->width) {
	case 1:
		*(uint8_t *)at = (uint8_t)value;
		break;
	case 2:
		*(uint16_t *)at = (uint16_t)value;
		break;
	default:
		*(uint32_t *)at = value;
	}
	*((bool *)((char *)r + special->flag)) = true;
}

/* Once the protocol is known. */
static int take_specials(struct ctl *ctl, struct conntrack_request *r)
{
	struct flow_filter *f = &r->filter;

	for (int i = 0; i < OPT_SPECIAL_END - OPT_SPECIAL; i++) {
		const struct special *special = &specials[i];
		const char *arg = r->special[i];
		uint64_t value;

		if (!arg)
			continue;
		if (!f->has_proto || !special->fits(f->proto))
			return conntrack_wrong(ctl, "unknown option `--%s'%s",
					       conntrack_option_name(OPT_SPECIAL + i),
					       f->has_proto ? " for this protocol" :
							      " without -p");
		if (i == OPT_STATE - OPT_SPECIAL) {
			int status = take_state(ctl, f, arg);

			if (status)
				return status;
			continue;
		}
		if (!ctvalue_number(arg, special->max, &value))
			return conntrack_wrong(ctl, "Bad parameter `%s'", arg);
		put(r, special, (uint32_t)value);
	}
	return 0;
}

/* ---- the whole of it ---- */

/* Addresses of one family; it becomes the filter's, as with conntrack(8). */
static int check_families(struct ctl *ctl, struct flow_filter *f)
{
	const struct prefix *all[] = { &f->src, &f->dst, &f->reply_src, &f->reply_dst,
				       &f->snat_addr, &f->dnat_addr };

	for (size_t i = 0; i < COUNT(all); i++) {
		if (all[i]->family == L3_NONE)
			continue;
		if (f->family == L3_NONE)
			f->family = all[i]->family;
		if (f->family != all[i]->family)
			return conntrack_wrong(ctl, "mismatched address family");
	}
	return 0;
}

/* Wherever --mask-src and --mask-dst stood. */
static int take_masks(struct ctl *ctl, struct conntrack_request *r)
{
	static const char *const names[] = { "src", "dst" };
	struct prefix *all[] = { &r->filter.src, &r->filter.dst };

	for (size_t i = 0; i < COUNT(all); i++) {
		if (!r->mask[i])
			continue;
		if (!all[i]->family)
			return conntrack_wrong(ctl, "Can't use --mask-%s without --%s",
					       names[i], names[i]);
		if (!ctvalue_mask(r->mask[i], all[i]))
			return conntrack_wrong(ctl, "Invalid mask `%s'", r->mask[i]);
	}
	return 0;
}

bool conntrack_is_command(int key)
{
	return key < 256 && strchr("LGDIAUEFCSR", key);
}

static bool takes(int action, int key)
{
	if (strchr("FCSR", action))
		return action == 'F' && key == 'f';
	for (size_t i = 0; i < COUNT(allowed); i++)
		if (allowed[i].key == key)
			return strchr(allowed[i].commands, action);
	return true;
}

/* The same for expectations. */
static bool expect_takes(int action, int key)
{
	if (action == 'L')
		return key == 'f' || key == 'o';
	if (action == 'E')
		return key == 'e' || key == 'b' || key == 'o';
	if (action == 'F')
		return false;
	return key < OPT_SPECIAL ? strchr("psdrqfw", key) != NULL :
				   key < OPT_SPECIAL_END && key != OPT_STATE;
}

static int check_options(struct ctl *ctl, const struct conntrack_request *r)
{
	for (const struct command_option *o = conntrack_options_table; o->key; o++)
		if (!conntrack_is_command(o->key) && conntrack_given(r, o->key) &&
		    (!takes(r->what, o->key) ||
		     (r->table == TABLE_EXPECT && !expect_takes(r->what, o->key))))
			return conntrack_wrong(ctl, "Illegal option `--%s' with this command",
					       conntrack_option_name(o->key));
	if (r->output & OUTPUT_SAVE && r->output & ~(unsigned)OUTPUT_SAVE) {
		conntrack_say(ctl, "cannot combine save output with any other output type, use "
				   "-o save only");
		return 1;
	}
	return 0;
}

static int need(struct ctl *ctl, const char *name)
{
	return conntrack_wrong(ctl, "You need to supply the `--%s' option for this command",
			       name);
}

/* What -G and -D expect cannot do without: conntrack(8) wants the ports of the reply too, and
 * looks at none of them. */
static int check_expect_needs(struct ctl *ctl, const struct flow_filter *f)
{
	if (!f->src.family)
		return need(ctl, "src");
	if (!f->dst.family)
		return need(ctl, "dst");
	if (!f->has_proto)
		return need(ctl, "protonum");
	if (has_ports(f->proto) && !f->has_sport)
		return need(ctl, "sport");
	return !has_ports(f->proto) || f->has_dport ? 0 : need(ctl, "dport");
}

/* What -G, -I and -A cannot do without. */
static int check_needs(struct ctl *ctl, const struct conntrack_request *r)
{
	const struct flow_filter *f = &r->filter;

	if (r->table == TABLE_EXPECT)
		return strchr("GD", r->what) ? check_expect_needs(ctl, f) : 0;
	if (strchr("LDE", r->what) && conntrack_given(r, 'u') && !f->status &&
	    !f->status_clear) {
		conntrack_say(ctl, "Operation failed: invalid parameters");
		return 1;
	}
	if (strchr("IAU", r->what) &&
	    ((f->has_state && f->tcp_state == TCPS_NONE) ||
	     (f->has_sctp_state && f->sctp_state == SCTPS_NONE)))
		return conntrack_wrong(ctl, "a flow cannot be put into the state NONE");
	if (!strchr("GIA", r->what) || r->table != TABLE_CONNTRACK)
		return 0;
	if (!f->has_proto)
		return need(ctl, "protonum");
	if (!f->src.family && !f->reply_dst.family)
		return need(ctl, "orig-src");
	if (!f->dst.family && !f->reply_src.family)
		return need(ctl, "orig-dst");
	if (has_ports(f->proto) && !f->has_sport && !f->has_reply_dport)
		return need(ctl, "orig-port-src");
	if (has_ports(f->proto) && !f->has_dport && !f->has_reply_sport)
		return need(ctl, "orig-port-dst");
	if (is_icmp(f->proto) && !f->has_icmp_type)
		return need(ctl, "icmp-type");
	if (is_icmp(f->proto) && !f->has_icmp_code)
		return need(ctl, "icmp-code");
	if (is_gre(f->proto) && !(f->has_sport && f->has_dport) &&
	    !(f->has_reply_sport && f->has_reply_dport))
		return conntrack_wrong(ctl, "you have to specify `--srckey' and `--dstkey'");
	if (r->what == 'G')
		return 0;
	if (has_state(f->proto) && !f->has_state && !f->has_sctp_state)
		return need(ctl, "state");
	if (is_sctp(f->proto) && !r->has_vtag[DIR_ORIGINAL])
		return need(ctl, "orig-vtag");
	if (is_sctp(f->proto) && !r->has_vtag[DIR_REPLY])
		return need(ctl, "reply-vtag");
	return conntrack_given(r, 't') ? 0 : need(ctl, "timeout");
}

static bool is_part(const struct prefix *p)
{
	return p->family && p->len < addr_bits(p->family);
}

/* Where one flow or expectation is meant, its addresses are whole. */
static int check_whole(struct ctl *ctl, const struct conntrack_request *r)
{
	const struct flow_filter *f = &r->filter;

	if (!strchr(r->table == TABLE_EXPECT ? "GD" : "GIA", r->what))
		return 0;
	if (is_part(&f->src))
		return conntrack_wrong(ctl, "Illegal option `--mask-src' with this command");
	if (is_part(&f->dst))
		return conntrack_wrong(ctl, "Illegal option `--mask-dst' with this command");
	if (is_part(&f->reply_src))
		return conntrack_wrong(ctl, "CIDR notation unavailable for `--reply-src'");
	if (is_part(&f->reply_dst))
		return conntrack_wrong(ctl, "CIDR notation unavailable for `--reply-dst'");
	return 0;
}

static int take_table(struct ctl *ctl, struct conntrack_request *r, int argc, char **argv)
{
	r->table = TABLE_CONNTRACK;
	if (argc > 1)
		return conntrack_wrong(ctl, "unexpected `%s'", argv[1]);
	for (size_t i = 0; argc && i <= COUNT(tables); i++) {
		if (i == COUNT(tables))
			return conntrack_wrong(ctl, "unknown type `%s'", argv[0]);
		if (*argv[0] && strncmp(tables[i].name, argv[0], strlen(argv[0])) == 0) {
			r->table = tables[i].table;
			break;
		}
	}
	if (r->table > TABLE_EXPECT && r->what != 'L')
		return conntrack_wrong(ctl, "Can't do that command with tables `dying' and "
					    "`unconfirmed'");
	if (r->table == TABLE_EXPECT && !strchr("LGDEFC", r->what))
		return conntrack_wrong(ctl, "Can't do --%s on expectations%s",
				       conntrack_option_name(r->what),
				       strchr("IAU", r->what) ?
					       ": helpers and rules make them" :
					       "");
	return 0;
}

int conntrack_check(struct ctl *ctl, struct conntrack_request *r, int argc, char **argv)
{
	int status;

	if (!r->what)
		return conntrack_wrong(ctl, "one of -L, -G, -D, -I, -A, -U, -E, -F, -C, -S and "
					    "-R, please");
	status = take_table(ctl, r, argc, argv);
	if (!status)
		status = check_options(ctl, r);
	if (!status)
		status = take_specials(ctl, r);
	if (!status)
		status = take_masks(ctl, r);
	if (!status)
		status = check_families(ctl, &r->filter);
	if (!status)
		status = check_whole(ctl, r);
	if (!status)
		status = check_needs(ctl, r);
	if (!r->events)
		r->events = EVENT_ALL;
	return status;
}
