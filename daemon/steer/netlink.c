/* netlink.c - rtnetlink in three verbs; see netlink.h. */
#include "ctfw/netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

/* Large enough for a dump's parts of 32 KB, which the kernel makes when it may. */
#define RECEIVE_BUFFER (1 << 20)

int netlink_open(struct netlink *nl)
{
	int one = 1, err;

	memset(nl, 0, sizeof(*nl));
	nl->sk = nl_socket_alloc();
	if (!nl->sk)
		return -ENOMEM;
	nl_socket_disable_auto_ack(nl->sk);
	err = nl_connect(nl->sk, NETLINK_ROUTE);
	if (err < 0) {
		err = errno ? -errno : -EIO;
		netlink_close(nl);
		return err;
	}
	nl_socket_set_buffer_size(nl->sk, RECEIVE_BUFFER, 0);
	/* Both are refinements that old kernels lack. */
	setsockopt(nl_socket_get_fd(nl->sk), SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(nl_socket_get_fd(nl->sk), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one,
		   sizeof(one));
	return 0;
}

void netlink_close(struct netlink *nl)
{
	nl_socket_free(nl->sk);
	nl->sk = NULL;
}

struct nl_msg *netlink_message(int type, int flags, const void *header, size_t len)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags | NLM_F_REQUEST);

	if (msg && nlmsg_append(msg, (void *)header, len, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

/* One request and its answers. */
struct exchange {
	struct netlink *nl;
	netlink_each *each;
	void *arg;
	int err;
	bool done;
	bool interrupted;
};

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct exchange *x = arg;

	if (x->each)
		x->each(x->arg, nlmsg_hdr(msg));
	return NL_OK;
}

static int on_end(struct nl_msg *msg, void *arg)
{
	struct exchange *x = arg;

	(void)msg;
	x->done = true;
	return NL_STOP;
}

static int on_interrupted(struct nl_msg *msg, void *arg)
{
	struct exchange *x = arg;

	(void)msg;
	x->interrupted = true;
	return NL_OK;
}

/* NLMSGERR_ATTR_MSG behind the quoted request, which may have been cut to its header. */
static void keep_words(struct netlink *nl, const struct nlmsghdr *hdr, const struct nlmsgerr *e)
{
	size_t quoted = sizeof(*e), total = (size_t)nlmsg_datalen(hdr);
	const struct nlattr *words;

	if (!(hdr->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(hdr->nlmsg_flags & NLM_F_CAPPED) && e->msg.nlmsg_len > sizeof(e->msg))
		quoted += NLMSG_ALIGN(e->msg.nlmsg_len - sizeof(e->msg));
	if (quoted >= total)
		return;
	words = nla_find((const struct nlattr *)((const char *)e + quoted),
			 (int)(total - quoted), NLMSGERR_ATTR_MSG);
	if (words)
		nla_strlcpy(nl->words, words, sizeof(nl->words));
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	struct exchange *x = arg;
	const struct nlmsghdr *hdr = (const struct nlmsghdr *)((const char *)e - NLMSG_HDRLEN);

	(void)from;
	x->err = e->error ? e->error : -EIO;
	x->done = true;
	keep_words(x->nl, hdr, e);
	return NL_STOP;
}

static int exchange(struct exchange *x, struct nl_msg *msg)
{
	struct nl_cb *cb;
	int err;

	x->nl->words[0] = '\0';
	cb = nl_cb_alloc(NL_CB_DEFAULT);
	if (!msg || !cb) {
		err = -ENOMEM;
		goto out;
	}
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, x);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_end, x);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_end, x);
	nl_cb_set(cb, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_interrupted, x);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, x);

	/* Not nl_send_auto(), which calls sendmsg(2): a filter may not (syscalls.def). */
	nl_complete_msg(x->nl->sk, msg);
	err = nl_sendto(x->nl->sk, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len);
	if (err < 0) {
		err = -EIO;
		goto out;
	}
	do {
		err = nl_recvmsgs(x->nl->sk, cb);
	} while (err >= 0 && !x->done);
	if (x->err)
		err = x->err;
	else if (!x->done)
		err = -EIO;
	else
		err = x->interrupted ? -EAGAIN : 0;
out:
	nl_cb_put(cb);
	nlmsg_free(msg);
	return err;
}

int netlink_call(struct netlink *nl, struct nl_msg *msg)
{
	struct exchange x = { .nl = nl };

	if (msg)
		nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_ACK;
	return exchange(&x, msg);
}

int netlink_ask(struct netlink *nl, struct nl_msg *msg, netlink_each *each, void *arg)
{
	struct exchange x = { .nl = nl, .each = each, .arg = arg };

	if (msg)
		nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_ACK;
	return exchange(&x, msg);
}

int netlink_dump(struct netlink *nl, struct nl_msg *msg, netlink_each *each, void *arg)
{
	struct exchange x = { .nl = nl, .each = each, .arg = arg };

	if (msg)
		nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_DUMP;
	return exchange(&x, msg);
}

bool netlink_parse_link(const struct nlmsghdr *msg, struct netlink_link *ret_link)
{
	struct nlattr *tb[IFLA_MAX + 1], *linkinfo[IFLA_INFO_MAX + 1];
	const struct ifinfomsg *info = nlmsg_data(msg);
	struct netlink_link l = { 0 };

	if (msg->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse((struct nlmsghdr *)msg, sizeof(*info), tb, IFLA_MAX, NULL) < 0 ||
	    !tb[IFLA_IFNAME])
		return false;
	l.index = (uint32_t)info->ifi_index;
	l.flags = info->ifi_flags;
	if (tb[IFLA_MTU])
		l.mtu = nla_get_u32(tb[IFLA_MTU]);
	nla_strlcpy(l.name, tb[IFLA_IFNAME], sizeof(l.name));
	l.type = info->ifi_type;
	if (tb[IFLA_GROUP])
		l.group = nla_get_u32(tb[IFLA_GROUP]);
	if (tb[IFLA_LINKINFO] &&
	    nla_parse_nested(linkinfo, IFLA_INFO_MAX, tb[IFLA_LINKINFO], NULL) == 0 &&
	    linkinfo[IFLA_INFO_KIND])
		nla_strlcpy(l.kind, linkinfo[IFLA_INFO_KIND], sizeof(l.kind));
	*ret_link = l;
	return true;
}

int netlink_family(uint8_t l3)
{
	return l3 == L3_IPV4 ? AF_INET : AF_INET6;
}

uint8_t netlink_l3(int family)
{
	return family == AF_INET ? L3_IPV4 : family == AF_INET6 ? L3_IPV6 : L3_NONE;
}

int netlink_put_addr(struct nl_msg *msg, int attribute, uint8_t l3, const union addr *addr)
{
	return nla_put(msg, attribute, (int)netlink_addr_len(l3), addr);
}

union addr netlink_get_addr(const struct nlattr *attribute)
{
	union addr a = { 0 };

	if (attribute)
		nla_memcpy(&a, (struct nlattr *)attribute, sizeof(a));
	return a;
}
