/* helper_tftp.c - TFTP (RFC 1350; nf_conntrack_tftp.c, conntrack.md 8.4).
 *
 * The server answers a request from a port of its own choice to the one that asked. */
#include <netinet/in.h>

#include "conntrack/helper.h"

enum { TFTP_READ = 1, TFTP_WRITE = 2 };

static enum help read_tftp(struct help_packet *h)
{
	const struct tuple *original = &h->flow->tuple[DIR_ORIGINAL];
	const struct tuple *reply = &h->flow->tuple[DIR_REPLY];
	uint16_t opcode = cursor_be16(&h->payload);
	struct expect e;

	/* Zero where there are not two bytes. */
	if (opcode != TFTP_READ && opcode != TFTP_WRITE)
		return HELP_ACCEPT;
	e = help_expectation(h, 0, IPPROTO_UDP, &reply->src, &reply->dst, reply->dport);
	if (help_is_translated(h)) {
		/* Whoever sent the packet, it is the client that is answered. */
		e.dir = DIR_ORIGINAL;
		e.nat_addr = original->src;
		e.nat_port = original->sport;
	}
	return help_expect(h, &e, false) ? HELP_DROP : HELP_ACCEPT;
}

const struct helper helper_tftp = {
	.port = 69,
	.l4 = HELPER_UDP,
	.l3 = HELPER_IPV4 | HELPER_IPV6,
	.classes = { { .max = 1, .timeout = 300 } },
	.read = read_tftp,
};
