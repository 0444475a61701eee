/* steer_watch.c - hears what changes in the host, and looks whether all is as it should be.
 *
 * What the kernel tells says only that there is something to look at, and is thrown away
 * then: a look compares all of it, is right after an overrun too, and takes a millisecond
 * or two.  What is told of other interfaces and tables is passed over.
 *
 * A look comes a moment behind the first change.  One that had something to mend doubles
 * the pause to the next, up to just below a second, and one that had nothing ends that: so
 * whoever deletes in a loop does not keep us busy, and finds it all back within a second.
 * A look that takes long, as with thousands of interfaces, is repeated less often.
 *
 * Some changes are not told at all (accept_local): once in ten seconds is looked anyway. */
#include <errno.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <netlink/socket.h>
#include <string.h>
#include <sys/socket.h>

#include "ctfw/hostclock.h"
#include "steer/steer_private.h"

#define QUIET (15 * NSEC_PER_MSEC)
#define PAUSE_MAX (800 * NSEC_PER_MSEC)
#define SHARE 20 /* a look may take one part of so many of the time */
#define SLOW (10 * NSEC_PER_SEC)
#define TELL_AGAIN (10 * NSEC_PER_SEC)
#define MESSAGES_A_TURN 256

/* ---- what is told ---- */

int steer_watch_open(struct steer *s)
{
	int err;

	s->watch = nl_socket_alloc();
	if (!s->watch)
		return steer_fail(s, -ENOMEM, "cannot watch the host");
	nl_socket_disable_seq_check(s->watch);
	err = nl_connect(s->watch, NETLINK_ROUTE);
	if (!err)
		err = nl_socket_set_nonblocking(s->watch);
	if (!err)
		err = nl_socket_add_memberships(s->watch, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
						RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
						RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE,
						RTNLGRP_IPV6_RULE, RTNLGRP_TC,
						RTNLGRP_IPV4_NETCONF, RTNLGRP_NONE);
	return err ? steer_fail(s, -EIO, "cannot watch the host by rtnetlink") : 0;
}

void steer_watch_close(struct steer *s)
{
	nl_socket_free(s->watch);
	s->watch = NULL;
}

int steer_fd(const struct steer *s)
{
	return nl_socket_get_fd(s->watch);
}

static bool is_named(const struct steer *s, const char *name)
{
	const struct config *c = s->config;
	size_t i;

	for (i = 0; i < c->n_captures; i++) {
		if (!strcmp(name, c->captures[i].ifname) ||
		    !strcmp(name, c->captures[i].in_name) ||
		    !strcmp(name, c->captures[i].out_name))
			return true;
	}
	for (i = 0; i < c->n_tuns; i++) {
		if (!strcmp(name, c->tuns[i].ifname))
			return true;
	}
	return false;
}

static bool is_captured(const struct steer *s, uint32_t index)
{
	size_t i;

	for (i = 0; i < s->view.n_captures; i++) {
		if (s->view.captures[i].real.link.index == index)
			return true;
	}
	return false;
}

static bool is_our_table(const struct steer *s, const struct nlmsghdr *msg)
{
	const struct rtmsg *hdr = nlmsg_data(msg);
	struct nlattr *attr = nlmsg_find_attr((struct nlmsghdr *)msg, sizeof(*hdr), RTA_TABLE);
	uint32_t table = attr ? nla_get_u32(attr) : hdr->rtm_table;
	size_t n;

	for (n = 0; n < s->config->n_captures; n++) {
		if (table == plan_own_table(&s->config->steer, n) ||
		    table == plan_source_table(&s->config->steer, n))
			return true;
	}
	return table == s->config->steer.table;
}

/* By its index as well: it may have got another name.  With lo what closes for sources goes. */
static bool is_our_link(const struct steer *s, const struct nlmsghdr *msg)
{
	const struct ifinfomsg *hdr = nlmsg_data(msg);
	struct nlattr *name =
		nlmsg_find_attr((struct nlmsghdr *)msg, sizeof(*hdr), IFLA_IFNAME);

	return !name || is_named(s, nla_get_string(name)) || hdr->ifi_index == STEER_LO_INDEX ||
	       is_captured(s, (uint32_t)hdr->ifi_index);
}

/* rp_filter of all interfaces, or of one of ours. */
static bool is_our_setting(const struct steer *s, const struct nlmsghdr *msg)
{
	const struct netconfmsg *hdr = nlmsg_data(msg);
	struct nlattr *index = nlmsg_find_attr(
		(struct nlmsghdr *)msg, NLMSG_ALIGN(sizeof(*hdr)), NETCONFA_IFINDEX);
	int32_t which = index ? (int32_t)nla_get_u32(index) : NETCONFA_IFINDEX_ALL;
	size_t i;

	if (which == NETCONFA_IFINDEX_ALL)
		return true;
	for (i = 0; i < s->view.n_captures; i++) {
		if ((uint32_t)which == s->view.captures[i].in.link.index ||
		    (uint32_t)which == s->view.captures[i].out.link.index)
			return true;
	}
	return false;
}

static bool concerns_us(const struct steer *s, const struct nlmsghdr *msg)
{
	switch (msg->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return is_our_link(s, msg);
	case RTM_NEWNETCONF:
		return is_our_setting(s, msg);
	case RTM_NEWADDR:
	case RTM_DELADDR:
	case RTM_NEWRULE:
	case RTM_DELRULE:
		return true;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return is_our_table(s, msg);
	case RTM_NEWQDISC:
	case RTM_DELQDISC:
	case RTM_NEWTFILTER:
	case RTM_DELTFILTER:
		return is_captured(s,
				   (uint32_t)((struct tcmsg *)nlmsg_data(msg))->tcm_ifindex);
	default:
		return false;
	}
}

static bool is_of_links(const struct nlmsghdr *msg)
{
	return msg->nlmsg_type == RTM_NEWLINK || msg->nlmsg_type == RTM_DELLINK ||
	       msg->nlmsg_type == RTM_NEWADDR || msg->nlmsg_type == RTM_DELADDR;
}

static bool any_concerns_us(struct steer *s, const char *said, int len)
{
	const struct nlmsghdr *msg = (const struct nlmsghdr *)said;
	bool any = false;

	for (; nlmsg_ok(msg, len); msg = nlmsg_next((struct nlmsghdr *)msg, &len)) {
		if (!concerns_us(s, msg))
			continue;
		any = true;
		s->moved |= is_of_links(msg);
	}
	return any;
}

void steer_heard(struct steer *s, uint64_t now)
{
	_Alignas(struct nlmsghdr) char said[16384];
	bool look = false;
	unsigned i;
	ssize_t n;

	for (i = 0; i < MESSAGES_A_TURN; i++) {
		n = recv(steer_fd(s), said, sizeof(said), MSG_DONTWAIT | MSG_TRUNC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != ENOBUFS)
			break;
		/* More was said than fits: that is a change, too, and perhaps one of links. */
		if (n < 0 || n > (ssize_t)sizeof(said))
			look = s->moved = true;
		else
			look |= any_concerns_us(s, said, (int)n);
	}
	if (look && !s->due)
		s->due = now + QUIET > s->not_before ? now + QUIET : s->not_before;
}

uint64_t steer_due(const struct steer *s)
{
	return s->due ? s->due : s->looked + SLOW;
}

/* ---- what is news to the operator ---- */

/* As it was when it was last looked at; a new one was away. */
static struct known *known(struct steer *s, const char *name, bool *ret_new)
{
	size_t i;

	*ret_new = false;
	for (i = 0; i < s->n_known; i++) {
		if (!strcmp(s->known[i].name, name))
			return &s->known[i];
	}
	*ret_new = true;
	/* There may be no more than half as many captures at a time. */
	if (s->n_known == CONFIG_PORTS_MAX)
		s->n_known = 0;
	memset(&s->known[s->n_known], 0, sizeof(s->known[0]));
	memcpy(s->known[s->n_known].name, name, strnlen(name, IFNAMSIZ - 1));
	return &s->known[s->n_known++];
}

static void tell_link(struct steer *s, const char *name, const struct view_link *real,
		      struct steer_news *news)
{
	bool is_new, up = view_is_up(real);
	struct known *k = known(s, name, &is_new);

	if (!real->found && (is_new || k->index))
		text_printf(&news->notice,
			    "%s is %s: nothing of it passes, and it is waited for\n", name,
			    is_new ? "not there" : "gone");
	else if (real->found && k->index != real->link.index && !(is_new && up))
		text_printf(&news->notice, "%s is there%s\n", name, up ? "" : ", and down");
	else if (real->found && up != k->up && !is_new)
		text_printf(&news->notice, "%s is %s\n", name, up ? "up" : "down");
	/* One that has another name now is not captured any more; of one that is gone there is
	 * nothing left. */
	if (k->index && k->index != real->link.index)
		steer_tc_release(s, k->index);
	news->changed |= is_new || k->index != real->link.index || k->up != up;
	k->index = real->link.index;
	k->up = up;
}

static void tell_restored(struct steer *s, uint64_t now, struct steer_news *news)
{
	if (!s->n_restored || (s->warned && now - s->warned < TELL_AGAIN))
		return;
	text_printf(&news->warning,
		    "others deleted what leads traffic here, and it was put back: %s",
		    text_str(&s->restored));
	if (s->n_restored > 1)
		text_printf(&news->warning, ", and %u more", s->n_restored - 1);
	text_putc(&news->warning, '\n');
	text_clear(&s->restored);
	s->n_restored = 0;
	s->warned = now;
}

/* Somebody may set it while we run; there is nothing to be done about it but to say so. */
static void tell_reverse_path(struct steer *s, struct steer_news *news)
{
	bool strict = s->view.rp_filter == STEER_STRICT;

	if (strict && !s->reverse_path)
		text_puts(&news->warning,
			  "net.ipv4.conf.all.rp_filter was set to 1: the kernel drops what "
			  "comes back from the TUNs; set it to 0 or 2\n");
	s->reverse_path = strict;
}

static void tell_warnings(struct steer *s, struct steer_news *news)
{
	struct text now = TEXT_INIT;

	plan_warn(s, &now);
	if (strcmp(text_str(&now), text_str(&s->warnings)) != 0)
		text_puts(&news->warning, text_str(&now));
	text_fini(&s->warnings);
	s->warnings = now;
}

/* ---- the look ---- */

static unsigned total(const struct steer_stats *stats)
{
	unsigned k, n = 0;

	for (k = 0; k < PLAN_KIND_COUNT; k++)
		n += (unsigned)stats->restored[k];
	return n;
}

static void set_pause(struct steer *s, uint64_t took, bool mended)
{
	uint64_t least = took * SHARE > QUIET ? took * SHARE : QUIET;

	s->pause = mended ? 2 * s->pause : least;
	if (s->pause < least)
		s->pause = least;
	if (s->pause > PAUSE_MAX)
		s->pause = PAUSE_MAX;
}

void steer_look(struct steer *s, struct steer_news *news)
{
	uint64_t begun = hostclock_mono(), now;
	struct steer_stats before = s->stats;
	struct diag d = DIAG_INIT;
	size_t i;
	int err;

	s->due = 0;
	s->d = &d;
	err = view_read(s);
	if (!err)
		err = steer_reconcile(s);
	s->moved = false;
	for (i = 0; !err && i < s->view.n_captures; i++)
		tell_link(s, s->config->captures[i].ifname, &s->view.captures[i].real, news);
	/* An interface that speaks ARP has come, and its table is others'. */
	if (!err)
		err = steer_route_check_own(s);
	tell_reverse_path(s, news);
	if (!err)
		tell_warnings(s, news);
	s->d = NULL;
	now = hostclock_mono();
	s->looked = now;
	set_pause(s, now - begun, err || total(&s->stats) != total(&before));
	s->not_before = now + s->pause;
	if (err) {
		/* An interface that went while we worked on it is no news. */
		s->due = s->not_before;
		if (!s->stats.failing && d.text.len)
			text_puts(&news->warning, text_str(&d.text));
	}
	s->stats.failing = err != 0;
	s->stats.guarded = s->view.guarded;
	s->stats.strict = s->reverse_path;
	tell_restored(s, now, news);
	news->changed |= memcmp(&before, &s->stats, sizeof(before)) != 0;
	diag_fini(&d);
}

/* ---- what status tells ---- */

const struct steer_stats *steer_stats(const struct steer *s)
{
	return &s->stats;
}

bool steer_is_there(const struct steer *s, const char *ifname)
{
	size_t i;

	for (i = 0; i < s->view.n_captures; i++) {
		if (!strcmp(s->config->captures[i].ifname, ifname))
			return view_is_up(&s->view.captures[i].real);
	}
	return false;
}

void steer_made_tun(struct steer *s)
{
	size_t i;

	for (i = 0; i < s->plan.n; i++) {
		struct plan_item *item = &s->plan.v[i];

		if (item->kind != PLAN_TUN || item->found)
			continue;
		/* The next look sees whether it is still there. */
		item->found = true;
		s->stats.restored[PLAN_TUN]++;
	}
}

bool steer_lost_tun(const struct steer *s)
{
	size_t i;

	for (i = 0; i < s->plan.n; i++) {
		if (s->plan.v[i].kind == PLAN_TUN && !s->plan.v[i].found)
			return true;
	}
	return false;
}
