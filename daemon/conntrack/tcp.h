/* tcp.h - what the files of TCP's tracker share.
 *
 *    tcp.c          flags, the table of states, its exceptions, resets, timers
 *    tcp_window.c   whether a segment lies within what both sides allow each other
 *    tcp_options.c  window scale and selective acknowledgements */
#ifndef CTFW_CONNTRACK_TCP_H
#define CTFW_CONNTRACK_TCP_H

#include "conntrack/track.h"

#define TCP_HEADER 20
#define TCP_SCALE_MAX 14 /* RFC 7323 2.3: what is above counts as this */

/* What counts of a packet, by the kernel's numbers (get_conntrack_index). */
enum tcp_index {
	TCPI_SYN = 0,
	TCPI_SYNACK = 1,
	TCPI_FIN = 2,
	TCPI_ACK = 3,
	TCPI_RST = 4,
	TCPI_COUNT = 5,
};

/* flow_tcp_side.flags: the kernel's IP_CT_TCP_FLAG_*. */
enum side_flag {
	SIDE_WINDOW_SCALE = 0x01,
	SIDE_SACK_PERM = 0x02,
	SIDE_CLOSE_INIT = 0x04, /* its FIN was the first */
	SIDE_BE_LIBERAL = 0x08,
	SIDE_DATA_UNACKNOWLEDGED = 0x10,
	SIDE_MAXACK_SET = 0x20,
};

/* flow_tcp.last_flags: side flags of an ignored SYN, and these. */
enum last_flag {
	LAST_EXPECT_CHALLENGE = 0x40,  /* a SYN in LAST_ACK may be answered by an ACK */
	LAST_SIMULTANEOUS_OPEN = 0x80, /* both sides sent a SYN */
};

/* A segment, read once; numbers in host order. */
struct segment {
	uint32_t seq, ack;
	uint32_t end;   /* behind its last number: SYN and FIN count one each */
	uint32_t shift; /* what a helper that rewrote the receiver's data has added to its
			 * numbers, as ack and SACK name them (nf_ct_seq_offset); else 0 */
	uint16_t win;   /* as it stands there, not scaled */
	uint8_t flags;  /* byte 13 */
	uint8_t index;  /* enum tcp_index */
	uint8_t from;   /* enum tcp_state */
	uint8_t to;     /* enum tcp_state, or what the table says instead */
	uint8_t n_options; /* bytes */
	bool believed;     /* its numbers are not asked about */
	const uint8_t *options;
};

static inline uint32_t tcp_read32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Sequence numbers are compared modulo 2^32 (RFC 9293 3.4). */
static inline bool seq_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool seq_after(uint32_t a, uint32_t b)
{
	return seq_before(b, a);
}

/* ---- tcp_options.c ---- */

/* Learn from a SYN what its sender can do: scale and flags of `side` are set anew, liberality
 * stays.  A SYN without any option changes nothing (tcp_options). */
void tcp_options_read(const struct segment *s, struct flow_tcp_side *side);
/* The highest number that the segment acknowledges, selectively or not (tcp_sack). */
uint32_t tcp_sack_edge(const struct segment *s);

/* ---- tcp_window.c ---- */

/* Judge the segment by what both sides have said so far, and learn from it (tcp_in_window).
 * dir: whence it comes.  liberal: nothing is refused.  TRACK_ACCEPT; TRACK_IGNORE for what is
 * old or a little too much, which the receiver knows to deal with; TRACK_INVALID. */
enum track_verdict tcp_window(struct flow_tcp *tcp, enum flow_dir dir, const struct segment *s,
			      bool liberal);
/* What a flow's first segment says of its sender: of a SYN, or of one in mid-stream, behind
 * which nobody knows what the handshake agreed on. */
void tcp_window_begin(struct flow_tcp *tcp, const struct segment *s);
/* Both sides are forgotten, and met in mid-stream with liberality: nobody knows what the
 * handshake agreed on. */
void tcp_window_forget(struct flow_tcp *tcp);
/* A SYN+ACK answers the SYN that was noted: the flow begins again with these two. */
void tcp_window_resync(struct flow_tcp *tcp, enum flow_dir dir);

#endif
