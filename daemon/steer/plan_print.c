/* plan_print.c - items of a plan in words, and as commands of ip(8) and tc(8). */
#include <linux/if_ether.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

#include "steer/steer_private.h"

static const char *const names[PLAN_KIND_COUNT] = {
	[PLAN_NONE] = "none",	  [PLAN_TUN] = "tun",	  [PLAN_LINK] = "link",
	[PLAN_ADDRESS] = "address", [PLAN_ROUTE] = "route", [PLAN_RULE] = "rule",
	[PLAN_LOCAL] = "local",	  [PLAN_QDISC] = "qdisc", [PLAN_FILTER] = "filter",
};

const char *plan_kind_name(enum plan_kind k)
{
	return k < PLAN_KIND_COUNT ? names[k] : names[PLAN_NONE];
}

/* ---- words ---- */

static const char *family_word(uint8_t l3)
{
	return l3 == L3_IPV4 ? "IPv4" : "IPv6";
}

static const char *prefix_word(const struct prefix *p, char buf[PREFIX_TEXT])
{
	return p->len ? prefix_print(p, buf) : "anything";
}

/* Of those that rules of ours are for. */
static const char *const ip_protos[] = { [IPPROTO_ICMP] = "icmp",
					 [IPPROTO_TCP] = "tcp",
					 [IPPROTO_UDP] = "udp" };

static void rule_words(const struct plan_item *item, struct text *out)
{
	const struct plan_rule *r = &item->rule;
	char buf[PREFIX_TEXT];

	switch (r->action) {
	case FR_ACT_GOTO:
		if (r->ip_proto)
			text_printf(out, "what this host sends by %s goes past the look at who may "
					 "send broadcasts",
				    ip_protos[r->ip_proto]);
		else
			text_printf(out, "what comes back from %s goes on as usual", r->iif);
		break;
	case FR_ACT_UNREACHABLE:
		text_printf(out, "what enters %s and is not led into a TUN goes nowhere%s",
			    r->iif, r->pref ? "" : ", not to this host either");
		break;
	case FR_ACT_TO_TBL:
		if (r->past)
			text_printf(out,
				    "whether %s may send broadcasts is looked up in table %u",
				    prefix_word(&r->to, buf), r->table);
		else if (r->iif[0])
			text_printf(out, "what enters %s is looked up in table %u", r->iif,
				    r->table);
		else
			text_printf(out, "what is for %s is looked up in table %u",
				    prefix_word(&r->to, buf), r->table);
		break;
	default:
		text_printf(out, "the end of ctfw's rules, at %u", r->pref);
	}
	text_printf(out, " (%s)", family_word(item->l3));
}

static void route_words(const struct plan_item *item, struct text *out)
{
	const struct plan_route *r = &item->route;
	char buf[PREFIX_TEXT];

	text_printf(out, "in table %u, %s (%s) ", r->table, prefix_word(&r->to, buf),
		    family_word(item->l3));
	switch (r->type) {
	case RTN_UNICAST:
		text_printf(out, "leads to %s", item->dev);
		break;
	case RTN_LOCAL:
		text_printf(out, "is this host's own, on %s", item->dev);
		break;
	case RTN_MULTICAST:
		if (r->with)
			text_printf(out, "may send broadcasts, as long as there are %s and %s",
				    item->dev, item->capture->ifname);
		else if (item->l3 == L3_IPV4)
			text_puts(out, "may not send broadcasts when no other route lets it");
		else
			text_printf(out, "is heard on %s", item->dev);
		break;
	default:
		text_puts(out, "leads nowhere when no other route takes it");
	}
}

void plan_words(const struct plan_item *item, struct text *out)
{
	char buf[ADDR_TEXT];

	switch (item->kind) {
	case PLAN_TUN:
		text_printf(out, "the TUN %s", item->dev);
		break;
	case PLAN_LINK:
		text_printf(out, "%s is up, has no link-local address and takes any source",
			    item->dev);
		if (item->link.mtu)
			text_printf(out, "; mtu %u", item->link.mtu);
		break;
	case PLAN_ADDRESS:
		text_printf(out, "%s has %s %s/%u", item->dev,
			    item->address.silent ? "an IPv4 address, if only" : "the address",
			    addr_print(item->l3, &item->address.addr, buf), item->address.len);
		break;
	case PLAN_ROUTE:
		route_words(item, out);
		break;
	case PLAN_RULE:
		rule_words(item, out);
		break;
	case PLAN_LOCAL:
		text_printf(out, "this host's own addresses come behind these rules (%s)",
			    family_word(item->l3));
		break;
	case PLAN_QDISC:
		text_printf(out, "%s has a qdisc for filters", item->dev);
		break;
	case PLAN_FILTER:
		text_printf(out, "what enters %s %s%s: %s", item->dev,
			    item->filter.to[0] ? "goes to " : "stays with the kernel",
			    item->filter.to, steer_matches[item->filter.match].words);
		break;
	default:
		break;
	}
}

/* ---- commands ---- */

static const char *family_option(uint8_t l3)
{
	return l3 == L3_IPV4 ? "-4" : "-6";
}

/* For a shell. */
static void put_name(const char *name, struct text *out)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._@+-";

	if (name[strspn(name, plain)] == '\0') {
		text_puts(out, name);
		return;
	}
	text_putc(out, '\'');
	for (; *name; name++) {
		if (*name == '\'')
			text_puts(out, "'\\''");
		else
			text_putc(out, *name);
	}
	text_putc(out, '\'');
}

static const char *prefix_argument(const struct prefix *p, char buf[PREFIX_TEXT])
{
	return p->len ? prefix_print(p, buf) : "default";
}

static void print_protocol(uint8_t protocol, struct text *out)
{
	static const char *const words[] = { [RTPROT_KERNEL] = "kernel",
					     [RTPROT_BOOT] = "boot",
					     [RTPROT_STATIC] = "static" };

	if (protocol < sizeof(words) / sizeof(words[0]) && words[protocol])
		text_printf(out, " protocol %s", words[protocol]);
	else
		text_printf(out, " protocol %u", protocol);
}

/* With slashes, since a name may have a dot in it. */
static void sysctl_command(const char *dev, const char *key, int value, struct text *out)
{
	text_puts(out, "sysctl -q -w net/ipv4/conf/");
	put_name(dev, out);
	text_printf(out, "/%s=%d\n", key, value);
}

static void link_commands(const struct plan_item *item, struct text *out)
{
	text_puts(out, "ip link set dev ");
	put_name(item->dev, out);
	text_puts(out, " addrgenmode none");
	if (item->link.mtu)
		text_printf(out, " mtu %u", item->link.mtu);
	text_printf(out, " txqueuelen %u", item->link.txqueuelen);
	if (item->link.group)
		text_printf(out, " group %u", item->link.group);
	text_putc(out, '\n');
	sysctl_command(item->dev, "rp_filter", 0, out);
	sysctl_command(item->dev, "accept_local", 1, out);
	text_puts(out, "ip link set dev ");
	put_name(item->dev, out);
	text_puts(out, " up\n");
}

static void route_command(const struct plan_item *item, struct text *out)
{
	static const char *const types[] = { [RTN_UNICAST] = "",
					     [RTN_LOCAL] = "local ",
					     [RTN_MULTICAST] = "multicast ",
					     [RTN_UNREACHABLE] = "unreachable " };
	const struct plan_route *r = &item->route;
	char buf[PREFIX_TEXT > ADDR_TEXT ? PREFIX_TEXT : ADDR_TEXT];

	text_printf(out, "ip %s route add %s%s", family_option(item->l3), types[r->type],
		    prefix_argument(&r->to, buf));
	if (r->type != RTN_UNREACHABLE && !r->with) {
		text_puts(out, " dev ");
		put_name(item->dev, out);
	}
	if (!addr_is_zero(&r->source))
		text_printf(out, " src %s", addr_print(item->l3, &r->source, buf));
	if (r->type == RTN_MULTICAST && item->l3 == L3_IPV4 && !r->with)
		text_puts(out, " scope global");
	text_printf(out, " table %u metric %u", r->table, r->metric);
	print_protocol(r->protocol, out);
	if (r->with) {
		text_puts(out, " nexthop dev ");
		put_name(item->dev, out);
		text_puts(out, " nexthop dev ");
		put_name(item->capture->ifname, out);
	}
	text_putc(out, '\n');
}

static void rule_command(const struct plan_item *item, struct text *out)
{
	const struct plan_rule *r = &item->rule;
	char buf[PREFIX_TEXT];

	text_printf(out, "ip %s rule add pref %u", family_option(item->l3), r->pref);
	if (r->iif[0]) {
		text_puts(out, " iif ");
		put_name(r->iif, out);
	}
	if (r->sourceless)
		text_puts(out, " from 0.0.0.0");
	if (r->ip_proto)
		text_printf(out, " ipproto %s", ip_protos[r->ip_proto]);
	if (r->to.len)
		text_printf(out, " to %s", prefix_print(&r->to, buf));
	if (r->action == FR_ACT_GOTO)
		text_printf(out, " goto %u", r->target);
	else if (r->action == FR_ACT_TO_TBL)
		text_printf(out, " lookup %u", r->table);
	else
		text_puts(out, r->action == FR_ACT_NOP ? " nop" : " unreachable");
	if (r->past)
		text_printf(out, " suppress_ifgroup %u", r->past);
	print_protocol(r->protocol, out);
	text_putc(out, '\n');
}

static const char *ether_word(uint16_t protocol)
{
	switch (protocol) {
	case ETH_P_IP:
		return "ip";
	case ETH_P_IPV6:
		return "ipv6";
	default:
		return protocol == ETH_P_8021Q ? "802.1Q" : "802.1ad";
	}
}

static void filter_command(const struct plan_item *item, struct text *out)
{
	const struct steer_match *m = &steer_matches[item->filter.match];

	text_puts(out, "tc filter add dev ");
	put_name(item->dev, out);
	text_printf(out, " ingress pref %u protocol %s handle ::%x u32", item->filter.pref,
		    ether_word(m->protocol), (unsigned)m->node);
	text_printf(out, " match u32 0x%x 0x%x at %d", m->value, m->mask, m->offset);
	if (m->mask2)
		text_printf(out, " match u32 0x%x 0x%x at %d", m->value2, m->mask2,
			    m->offset2);
	text_puts(out, " flowid 1:1");
	if (m->redirects) {
		text_puts(out, " action mirred egress redirect dev ");
		put_name(item->filter.to, out);
	}
	text_putc(out, '\n');
}

/* A rule that is added lands behind ours.  ip(8) adds none that is there already, so another
 * protocol helps while the kernel's moves; there is a rule for it at every moment. */
static void local_commands(const char *family, struct text *out)
{
	static const char *const steps[] = { "add", "boot",   "del", "kernel",
					     "add", "kernel", "del", "boot" };
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i += 2)
		text_printf(out, "ip %s rule %s pref 0 lookup local protocol %s\n", family,
			    steps[i], steps[i + 1]);
}

void plan_commands(const struct plan_item *item, struct text *out)
{
	char buf[ADDR_TEXT];

	switch (item->kind) {
	case PLAN_TUN:
		text_puts(out, "ip tuntap add dev ");
		put_name(item->dev, out);
		text_puts(out, " mode tun multi_queue vnet_hdr\n");
		break;
	case PLAN_LINK:
		link_commands(item, out);
		break;
	case PLAN_ADDRESS:
		text_printf(out, "ip %s address add %s/%u dev ", family_option(item->l3),
			    addr_print(item->l3, &item->address.addr, buf), item->address.len);
		put_name(item->dev, out);
		text_printf(out, "%s%s\n", item->l3 == L3_IPV6 ? " nodad" : "",
			    item->address.silent ? " scope host" : "");
		break;
	case PLAN_ROUTE:
		route_command(item, out);
		break;
	case PLAN_RULE:
		rule_command(item, out);
		break;
	case PLAN_LOCAL:
		local_commands(family_option(item->l3), out);
		break;
	case PLAN_QDISC:
		text_puts(out, "tc qdisc add dev ");
		put_name(item->dev, out);
		text_puts(out, " clsact\n");
		break;
	case PLAN_FILTER:
		filter_command(item, out);
		break;
	default:
		break;
	}
}
