/* tcp_options.c - the options of a TCP header that matter on its way (RFC 9293 3.1, RFC 7323,
 * RFC 2018; tcp_options() and tcp_sack() of nf_conntrack_proto_tcp.c).
 *
 * The list is the sender's and may be anything.  Where it is malformed reading ends, and what
 * stood before counts, as in the kernel. */
#include "conntrack/tcp.h"

enum option_kind {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_WINDOW_SCALE = 3,
	OPTION_SACK_PERM = 4,
	OPTION_SACK = 5,
	OPTION_TIMESTAMP = 8,
};

enum option_len {
	LEN_HEAD = 2, /* kind and length */
	LEN_SACK_PERM = 2,
	LEN_WINDOW_SCALE = 3,
	LEN_SACK_BLOCK = 8,
	LEN_TIMESTAMP = 10,
};

/* The next option at or behind *at; its length is right and it lies before `end`.  NULL: there
 * is none. */
static const uint8_t *next_option(const uint8_t *at, const uint8_t *end)
{
	while (at < end && *at == OPTION_NOP)
		at++;
	if (end - at < LEN_HEAD || *at == OPTION_END || at[1] < LEN_HEAD || at[1] > end - at)
		return NULL;
	return at;
}

void tcp_options_read(const struct segment *s, struct flow_tcp_side *side)
{
	const uint8_t *at = s->options, *end = at + s->n_options;

	if (!s->n_options)
		return;
	side->td_scale = 0;
	side->flags &= SIDE_BE_LIBERAL;
	for (; (at = next_option(at, end)); at += at[1]) {
		if (at[0] == OPTION_SACK_PERM && at[1] == LEN_SACK_PERM) {
			side->flags |= SIDE_SACK_PERM;
		} else if (at[0] == OPTION_WINDOW_SCALE && at[1] == LEN_WINDOW_SCALE) {
			side->td_scale = at[2] < TCP_SCALE_MAX ? at[2] : TCP_SCALE_MAX;
			side->flags |= SIDE_WINDOW_SCALE;
		}
	}
}

/* Nearly every segment of a connection has these twelve bytes and no others. */
static bool has_only_timestamps(const struct segment *s)
{
	static const uint32_t head = (uint32_t)OPTION_NOP << 24 | OPTION_NOP << 16 |
				     OPTION_TIMESTAMP << 8 | LEN_TIMESTAMP;

	return s->n_options == 2 + LEN_TIMESTAMP && tcp_read32(s->options) == head;
}

uint32_t tcp_sack_edge(const struct segment *s)
{
	const uint8_t *at = s->options, *end = at + s->n_options;
	uint32_t edge = s->ack;

	if (has_only_timestamps(s))
		return edge;
	for (; (at = next_option(at, end)); at += at[1]) {
		unsigned len = at[1];

		if (at[0] != OPTION_SACK || len == LEN_HEAD ||
		    (len - LEN_HEAD) % LEN_SACK_BLOCK)
			continue;
		for (unsigned i = LEN_HEAD; i < len; i += LEN_SACK_BLOCK) {
			uint32_t right = tcp_read32(at + i + 4);

			if (seq_after(right, edge))
				edge = right;
		}
		break;
	}
	return edge;
}
