/* check_link.c - captured interfaces themselves: whether they are there, what stands on top of
 * them, and programs that they run. */
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ctl/check.h"

/* BPF_TCX_INGRESS, which is newer than many a header. */
#define TCX_INGRESS 46

/* ---- there and up ---- */

void check_absent(struct checker *c)
{
	size_t i;

	for (i = 0; i < c->config->n_captures; i++) {
		const char *name = c->config->captures[i].ifname;
		const struct check_link *l = check_link_named(c, name);

		if (!l)
			check_found(c, "there is no interface %s", name);
		else if (!(l->link.flags & IFF_UP))
			check_found(c, "%s is down", name);
	}
}

/* ---- what stands on top ---- */

/* Kinds that take frames off the interface below, before or behind tc; tunnels and veth name a
 * lower interface too, but their packets are IP there like others. */
static bool takes_frames(const char *kind)
{
	static const char *const kinds[] = { "vlan",   "macvlan", "macvtap", "ipvlan",
					     "ipvtap", "macsec" };
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strcmp(kind, kinds[i]))
			return true;
	}
	return false;
}

/* Where ARP is spoken, frames with a tag are led into the TUN of the interface below, to be
 * dropped there. */
static bool loses_frames(const struct checker *c, const struct check_link *l, const char *lower)
{
	const struct check_link *below = check_link_named(c, lower);

	return !strcmp(l->link.kind, "vlan") && below && !(below->link.flags & IFF_NOARP);
}

void check_stacked(struct checker *c)
{
	size_t i;

	for (i = 0; i < c->host.n_links; i++) {
		const struct check_link *l = &c->host.links[i];
		const char *lower = check_link_name(c, l->lower);

		if (!l->lower || !takes_frames(l->link.kind) || !check_capture(c, lower))
			continue;
		check_found(c, "%s, a %s, is on top of %s", l->link.name, l->link.kind, lower);
		check_todo(c, "# capture %s %s, or take it away: ip link del %s", l->link.name,
			   loses_frames(c, l, lower) ? "in the place of that" : "as well",
			   l->link.name);
	}
}

/* ---- programs ---- */

/* How many programs run as tcx at the interface's ingress, which no tc(8) lists.  Negative:
 * nobody tells. */
static int count_tcx(uint32_t index)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = index; /* there an ifindex */
	attr.query.attach_type = TCX_INGRESS;
	if (syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof(attr)) == 0)
		return (int)attr.query.prog_cnt;
	/* None, or a kernel without tcx. */
	return errno == ENOENT || errno == EINVAL || errno == ENOSYS ? 0 : -errno;
}

void check_program(struct checker *c)
{
	size_t i;
	int n;

	for (i = 0; i < c->config->n_captures; i++) {
		const char *name = c->config->captures[i].ifname;
		const struct check_link *l = check_link_named(c, name);

		if (!l)
			continue;
		if (l->xdp) {
			check_found(c, "%s runs an XDP program", name);
			check_todo(c, "# to see it: ip -details link show dev %s", name);
		}
		n = count_tcx(l->link.index);
		if (n > 0) {
			check_found(c, "%s runs %d tcx program%s at its ingress", name, n,
				    n == 1 ? "" : "s");
			check_todo(c, "# to see what: bpftool net show dev %s", name);
		} else if (n < 0) {
			check_blind(c, "tcx programs of %s: %s", name, strerror(-n));
		}
	}
}
