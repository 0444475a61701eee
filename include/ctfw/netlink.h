/* netlink.h - rtnetlink in three verbs: call, dump, look at one link.
 *
 * libnl-3 carries the bytes; what it loses, the kernel's own errno and its words on a
 * refusal, is kept here.  A netlink belongs to one thread, blocks, and needs privileges
 * only for calls that change something. */
#ifndef CTFW_NETLINK_H
#define CTFW_NETLINK_H

#include <linux/netlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctfw/addr.h"

struct netlink {
	struct nl_sock *sk;
	char words[128]; /* the kernel's on the last refusal; "" when it gave none */
};

/* Called for each message of a dump; the message lives until it returns. */
typedef void netlink_each(void *arg, const struct nlmsghdr *msg);

int netlink_open(struct netlink *nl);
void netlink_close(struct netlink *nl);

/* A message of that type with its fixed header.  NULL: out of memory. */
struct nl_msg *netlink_message(int type, int flags, const void *header, size_t len);
/* Send, and wait for the answer.  0, or what the kernel says.  Frees the message; NULL is
 * -ENOMEM, so that a message may be built and sent in one go. */
int netlink_call(struct netlink *nl, struct nl_msg *msg);
/* Ask for one object; each is called with it.  0, or what the kernel says. */
int netlink_ask(struct netlink *nl, struct nl_msg *msg, netlink_each *each, void *arg);
/* Ask for all objects of a kind.  -EAGAIN: they changed meanwhile, and each has seen some of
 * them twice or not at all. */
int netlink_dump(struct netlink *nl, struct nl_msg *msg, netlink_each *each, void *arg);

struct netlink_link {
	uint32_t index;
	uint32_t mtu;
	unsigned flags; /* IFF_... */
	char name[IFNAMSIZ];
	uint16_t type; /* ARPHRD_... */
	uint32_t group;
	char kind[IFNAMSIZ];
};
/* The payload of an RTM_NEWLINK. */
bool netlink_parse_link(const struct nlmsghdr *msg, struct netlink_link *ret_link);

/* AF_INET, AF_INET6 of L3_IPV4, L3_IPV6, and back (L3_NONE when it is neither). */
int netlink_family(uint8_t l3);
uint8_t netlink_l3(int family);
/* Bytes of an address of that family. */
static inline size_t netlink_addr_len(uint8_t l3)
{
	return l3 == L3_IPV4 ? 4 : 16;
}
/* Add an address as an attribute. */
int netlink_put_addr(struct nl_msg *msg, int attribute, uint8_t l3, const union addr *addr);
/* The address in an attribute; zeroes when there is none. */
union addr netlink_get_addr(const struct nlattr *attribute);

#endif
