/* import.c - the kernel's own conntrack entries.  See import.h. */
#include "host/import.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netlink/netfilter/ct.h>
#include <netlink/netfilter/nfnl.h>
#include <netlink/netlink.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/log.h"

#define MESSAGE_BYTES (128 * 1024)
#define TRIES 3 /* a dump that was interrupted by changes is asked for again */
#define STATUS_TAKEN (FLOW_SEEN_REPLY | FLOW_ASSURED | FLOW_FIXED_TIMEOUT)

/* ---- what an entry is for us ---- */

static bool is_in(const struct config_networks *n, const struct tuple *t, const union addr *a)
{
	for (size_t i = 0; i < n->n; i++)
		if (prefix_contains(&n->p[i], t->l3, a))
			return true;
	return false;
}

static bool is_captured(const struct config *c, const struct tuple *t, const union addr *a)
{
	for (size_t i = 0; i < c->n_captures; i++)
		if (is_in(&c->captures[i].networks, t, a))
			return true;
	for (size_t i = 0; i < c->n_tuns; i++)
		if (is_in(&c->tuns[i].networks, t, a))
			return true;
	return false;
}

/* libnl tells the state of TCP only; SCTP's is guessed. */
static uint8_t state_of(const struct import_entry *e)
{
	switch (e->tuple[DIR_ORIGINAL].l4) {
	case IPPROTO_TCP:
		return e->tcp_state;
	case IPPROTO_SCTP:
		return e->status & FLOW_SEEN_REPLY ? SCTPS_ESTABLISHED : SCTPS_COOKIE_WAIT;
	default:
		return 0;
	}
}

static void put(const struct import_entry *e, const struct tuple *original,
		const struct tuple *reply, struct flow_spec *ret_spec)
{
	memset(ret_spec, 0, sizeof(*ret_spec)); /* padding, too: it goes into a file */
	ret_spec->tuple[DIR_ORIGINAL] = *original;
	ret_spec->tuple[DIR_REPLY] = *reply;
	ret_spec->status = e->status & STATUS_TAKEN;
	ret_spec->timeout = e->timeout < CT_TIMEOUT_MAX ? e->timeout : CT_TIMEOUT_MAX;
	ret_spec->mark = e->mark;
	ret_spec->state = state_of(e);
}

unsigned import_flows(const struct config *c, const struct import_entry *e,
		      struct flow_spec ret_spec[2])
{
	const struct tuple *o = &e->tuple[DIR_ORIGINAL], *r = &e->tuple[DIR_REPLY];
	struct tuple inverse;
	unsigned n = 0;

	if (is_captured(c, o, &o->src) && tuple_invert(o, &inverse) == 0)
		put(e, o, &inverse, &ret_spec[n++]);
	if (is_captured(c, r, &r->src) && tuple_invert(r, &inverse) == 0) {
		put(e, &inverse, r, &ret_spec[n]);
		/* Without NAT it is the same once more. */
		if (n == 0 || !tuple_equal(&ret_spec[0].tuple[0], &ret_spec[1].tuple[0]))
			n++;
	}
	return n;
}

/* ---- the keeper asks ---- */

struct reader {
	const struct config *config;
	int fd;
	uint32_t written, max;
	int err;
};

static bool take_addr(struct nl_addr *addr, uint8_t l3, union addr *ret_addr)
{
	unsigned len = l3 == L3_IPV4 ? 4 : 16;

	if (!addr || nl_addr_get_len(addr) != len)
		return false;
	memset(ret_addr, 0, sizeof(*ret_addr));
	memcpy(ret_addr, nl_addr_get_binary_addr(addr), len);
	return true;
}

static bool take_l4(const struct nfnl_ct *ct, int dir, struct tuple *t)
{
	uint8_t *icmp = (uint8_t *)&t->dport;

	switch (t->l4) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
		t->sport = htons(nfnl_ct_get_src_port(ct, dir));
		t->dport = htons(nfnl_ct_get_dst_port(ct, dir));
		return nfnl_ct_test_src_port(ct, dir) && nfnl_ct_test_dst_port(ct, dir);
	case IPPROTO_ICMP:
		t->sport = htons(nfnl_ct_get_icmp_id(ct, dir));
		icmp[0] = nfnl_ct_get_icmp_type(ct, dir);
		icmp[1] = nfnl_ct_get_icmp_code(ct, dir);
		return nfnl_ct_test_icmp_id(ct, dir);
	case IPPROTO_ICMPV6: /* libnl does not tell its id */
		return false;
	default:
		return true;
	}
}

static bool take_tuple(const struct nfnl_ct *ct, int dir, struct tuple *t)
{
	memset(t, 0, sizeof(*t));
	t->l3 = nfnl_ct_get_family(ct) == AF_INET ? L3_IPV4 : L3_IPV6;
	t->l4 = nfnl_ct_get_proto(ct);
	t->zone = nfnl_ct_test_zone(ct) ? nfnl_ct_get_zone(ct) : 0;
	return nfnl_ct_test_proto(ct) && take_addr(nfnl_ct_get_src(ct, dir), t->l3, &t->src) &&
	       take_addr(nfnl_ct_get_dst(ct, dir), t->l3, &t->dst) && take_l4(ct, dir, t);
}

static void write_flows(struct reader *r, const struct import_entry *e)
{
	struct flow_spec spec[2];
	unsigned n = import_flows(r->config, e, spec);

	for (unsigned i = 0; i < n && r->written < r->max && !r->err; i++) {
		if (write(r->fd, &spec[i], sizeof(spec[i])) != (ssize_t)sizeof(spec[i]))
			r->err = -ENOSPC;
		r->written++;
	}
}

static int on_entry(struct nl_msg *msg, void *arg)
{
	struct reader *r = arg;
	struct nfnl_ct *ct = NULL;
	struct import_entry e = { 0 };

	if (nfnlmsg_ct_parse(nlmsg_hdr(msg), &ct) < 0 || !ct)
		return NL_OK; /* not one that it understands */
	if ((nfnl_ct_get_family(ct) == AF_INET || nfnl_ct_get_family(ct) == AF_INET6) &&
	    take_tuple(ct, 0, &e.tuple[DIR_ORIGINAL]) &&
	    take_tuple(ct, 1, &e.tuple[DIR_REPLY])) {
		e.status = nfnl_ct_get_status(ct);
		e.timeout = nfnl_ct_get_timeout(ct);
		e.mark = nfnl_ct_test_mark(ct) ? nfnl_ct_get_mark(ct) : 0;
		e.tcp_state = nfnl_ct_test_tcp_state(ct) ? nfnl_ct_get_tcp_state(ct) : 0;
		write_flows(r, &e);
	}
	nfnl_ct_put(ct);
	return r->err ? NL_STOP : NL_OK;
}

static int dump(struct nl_sock *sock, struct reader *r)
{
	int err = -NLE_DUMP_INTR;

	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_entry, r);
	for (int i = 0; i < TRIES && err == -NLE_DUMP_INTR; i++) {
		/* What was heard before takes no room from what is heard now. */
		if (ftruncate(r->fd, 0) < 0 || lseek(r->fd, 0, SEEK_SET) < 0)
			return -errno;
		r->written = 0;
		err = nfnl_ct_dump_request(sock);
		if (err >= 0)
			err = nl_recvmsgs_default(sock);
	}
	if (err == -NLE_DUMP_INTR) {
		log_say(LEVEL_WARNING, "the kernel's connections changed each time they were read: "
				       "some may not go on");
		err = 0; /* most of it was heard */
	}
	if (r->written == r->max)
		log_say(LEVEL_WARNING, "max-flows is reached: %" PRIu32 " of the kernel's "
				       "connections go on, others may not", r->max);
	return r->err ? r->err : err < 0 ? -EPROTO : 0;
}

int import_read(const struct config *c, int *ret_fd)
{
	struct reader r = { .config = c, .max = c->conntrack.max_flows };
	struct nl_sock *sock = nl_socket_alloc();
	int err = -ENOMEM;

	r.fd = memfd_create("ctfwd-import", MFD_CLOEXEC);
	if (sock && r.fd >= 0)
		err = nfnl_connect(sock) < 0 ? -EPROTONOSUPPORT : 0;
	if (!err) {
		nl_socket_set_msg_buf_size(sock, MESSAGE_BYTES);
		err = dump(sock, &r);
	}
	nl_socket_free(sock);
	if (err && r.fd >= 0)
		close(r.fd);
	if (!err)
		*ret_fd = r.fd;
	return err;
}

/* ---- the filter takes ---- */

int import_load(int fd, struct conntrack *ct, struct instant now,
		struct import_result *ret_result)
{
	struct import_result result = { 0 };
	struct flow_spec spec;
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, &spec, sizeof(spec), at)) == (ssize_t)sizeof(spec)) {
		if (conntrack_create(ct, &spec, now) == 0)
			result.taken++;
		else
			result.refused++;
		at += n;
	}
	*ret_result = result;
	return n < 0 ? -errno : 0;
}
