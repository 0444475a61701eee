/* hostspec.h - a hostview from words: the host as someone describes it who has only its
 * packets (replay's --local and --route).
 *
 * Life-cycle: zeroed, words are added, hostspec_build() makes the snapshot, hostspec_fini().
 * Interfaces get their indices in the order in which they are first named.  One thread. */
#ifndef CTFW_CTL_HOSTSPEC_H
#define CTFW_CTL_HOSTSPEC_H

#include <stddef.h>

#include "ctfw/hostview.h"

#define HOSTSPEC_ERROR 160

struct hostspec {
	struct hostview_link *links;
	struct hostview_addr *addrs;
	struct hostview_route *routes;
	size_t n_links, n_addrs, n_routes;
};

#define HOSTSPEC_INIT { 0 }

void hostspec_fini(struct hostspec *h);
/* "ADDR", "ADDR@IFACE", "ADDR/LENGTH@IFACE" with its subnet: an address of the host.  0, -ENOMEM,
 * or -EINVAL with a message that says what is wrong with the word. */
int hostspec_local(struct hostspec *h, const char *word, char ret_error[HOSTSPEC_ERROR]);
/* "PREFIX=IFACE": what lies behind an interface. */
int hostspec_route(struct hostspec *h, const char *word, char ret_error[HOSTSPEC_ERROR]);
/* The index of an interface, made when it is new.  0, -ENOMEM, -EINVAL: no such name can be. */
int hostspec_link(struct hostspec *h, const char *name, uint32_t *ret_index);
/* NULL when out of memory. */
struct hostview *hostspec_build(const struct hostspec *h);

#endif
