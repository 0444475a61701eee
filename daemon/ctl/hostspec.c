/* hostspec.c - a hostview from words. */
#include "ctl/hostspec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 128

void hostspec_fini(struct hostspec *h)
{
	free(h->links);
	free(h->addrs);
	free(h->routes);
	*h = (struct hostspec)HOSTSPEC_INIT;
}

/* Room for one element more in an array that doubles at powers of two. */
static void *grow(void *array, size_t n, size_t size)
{
	if (n & (n - 1))
		return array;
	return realloc(array, (n ? 2 * n : 1) * size);
}

/* What the kernel's dev_valid_name() takes. */
static bool valid_name(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len < IFNAMSIZ && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       strcspn(name, "/: \t\n\v\f\r") == len;
}

int hostspec_link(struct hostspec *h, const char *name, uint32_t *ret_index)
{
	struct hostview_link *links;

	if (!valid_name(name))
		return -EINVAL;
	for (size_t i = 0; i < h->n_links; i++) {
		if (strcmp(h->links[i].name, name) == 0) {
			*ret_index = h->links[i].index;
			return 0;
		}
	}
	links = grow(h->links, h->n_links, sizeof(*links));
	if (!links)
		return -ENOMEM;
	h->links = links;
	links[h->n_links] = (struct hostview_link){ .index = (uint32_t)h->n_links + 1 };
	memcpy(links[h->n_links].name, name, strlen(name));
	*ret_index = links[h->n_links++].index;
	return 0;
}

static int wrong(char ret_error[HOSTSPEC_ERROR], const char *what, const char *word)
{
	snprintf(ret_error, HOSTSPEC_ERROR, "\"%.60s\" is not %s", word, what);
	return -EINVAL;
}

/* "left<by>name" in two; *ret_name is NULL when by is not there. */
static int split(const char *word, char by, char left[WORD_MAX], const char **ret_name)
{
	const char *at = strrchr(word, by);
	size_t len = at ? (size_t)(at - word) : strlen(word);

	if (len >= WORD_MAX)
		return -EINVAL;
	memcpy(left, word, len);
	left[len] = '\0';
	*ret_name = at ? at + 1 : NULL;
	return 0;
}

static int link_error(int err, const char *name, char ret_error[HOSTSPEC_ERROR])
{
	if (err == -EINVAL)
		return wrong(ret_error, "the name of an interface", name);
	return err;
}

/* "10.8.0.1" or "10.8.0.1/24", in place. */
static int split_subnet(char *text, struct hostview_addr *addr)
{
	char *slash = strchr(text, '/'), *end;
	unsigned long len;

	if (slash)
		*slash++ = '\0';
	if (addr_parse(text, &addr->prefix.family, &addr->prefix.addr) < 0)
		return -EINVAL;
	if (!slash)
		return 0;
	len = strtoul(slash, &end, 10);
	if (*slash < '0' || *slash > '9' || *end || len > addr_bits(addr->prefix.family))
		return -EINVAL;
	addr->subnet = (struct prefix){ .family = addr->prefix.family,
					.len = (uint8_t)len,
					.addr = addr->prefix.addr };
	return 0;
}

int hostspec_local(struct hostspec *h, const char *word, char ret_error[HOSTSPEC_ERROR])
{
	struct hostview_addr addr = { .kind = HOSTVIEW_LOCAL, .primary = true };
	struct hostview_addr *addrs;
	char text[WORD_MAX];
	const char *name;
	int err;

	if (split(word, '@', text, &name) < 0 || split_subnet(text, &addr) < 0)
		return wrong(ret_error, "an address: ADDR[/LENGTH] or ADDR[/LENGTH]@IFACE", word);
	addr.prefix.len = (uint8_t)addr_bits(addr.prefix.family);
	if (name) {
		err = hostspec_link(h, name, &addr.ifindex);
		if (err < 0)
			return link_error(err, name, ret_error);
	}
	addrs = grow(h->addrs, h->n_addrs, sizeof(*addrs));
	if (!addrs)
		return -ENOMEM;
	h->addrs = addrs;
	addrs[h->n_addrs++] = addr;
	return 0;
}

int hostspec_route(struct hostspec *h, const char *word, char ret_error[HOSTSPEC_ERROR])
{
	struct hostview_route route = { .metric = 0 };
	struct hostview_route *routes;
	char text[WORD_MAX];
	const char *name;
	int err;

	if (split(word, '=', text, &name) < 0 || !name)
		return wrong(ret_error, "a route: PREFIX=IFACE", word);
	if (prefix_parse(text, &route.prefix) < 0)
		return wrong(ret_error, "a prefix, or has bits set behind its length", text);
	err = hostspec_link(h, name, &route.ifindex);
	if (err < 0)
		return link_error(err, name, ret_error);
	routes = grow(h->routes, h->n_routes, sizeof(*routes));
	if (!routes)
		return -ENOMEM;
	h->routes = routes;
	routes[h->n_routes++] = route;
	return 0;
}

struct hostview *hostspec_build(const struct hostspec *h)
{
	return hostview_new(h->links, h->n_links, h->addrs, h->n_addrs, h->routes, h->n_routes);
}
