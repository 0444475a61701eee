/* track.h - a packet at the tracker of its protocol (the kernel's l4proto->packet()).
 *
 * A tracker judges one packet of one flow and changes flow->proto and nothing else; what is
 * the same for all protocols (status bits, timer, accounting, death) follows from its
 * verdict and is done by the caller, who holds the flow's lock. */
#ifndef CTFW_CONNTRACK_TRACK_H
#define CTFW_CONNTRACK_TRACK_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctfw/conntrack.h"

/* A named timeout policy as workers read it. */
struct policy {
	_Atomic uint64_t timeout[TIMEOUT_COUNT]; /* ns, or POLICY_UNSAID */
	_Atomic uint64_t first;                       /* ns: when the flow begins */
	_Atomic uint8_t l4;                           /* 0: not defined */
};
#define POLICY_UNSAID UINT64_MAX

/* The options as workers read them: the control side changes them at any time. */
struct settings {
	_Atomic uint64_t timeout[TIMEOUT_COUNT]; /* ns */
	const struct policy *policy;             /* by number, CT_POLICY_MAX + 1 of them */
	_Atomic uint32_t max_flows;
	_Atomic bool acct, timestamp; /* shown; they are always kept */
	_Atomic uint8_t tcp_loose;    /* enum tcp_loose */
	_Atomic bool checksum;
	/* See reserve.c. */
	_Atomic uint32_t reserved; /* flows */
	_Atomic uint32_t reserve_rules;
	_Atomic uint64_t reserve_for[CT_RESERVE_MAX][3];
	_Atomic uint64_t cold_until;  /* monotonic ns: until when TCP_LOOSE_COLD picks up */
	_Atomic bool be_liberal, ignore_invalid_rst; /* TCP's, as the next one */
	_Atomic uint8_t max_retrans;
	_Atomic uint32_t helpers;  /* HELPER_BIT()s */
	_Atomic uint32_t expect_max;
};

enum track_verdict {
	TRACK_ACCEPT = 1, /* counted, and the timer starts anew */
	TRACK_IGNORE,     /* accepted; neither timer nor counters move */
	TRACK_INVALID,    /* no part of the flow, which stays as it is (but see sctp.c) */
	TRACK_KILL,       /* accepted and counted, and the flow ends with it */
	TRACK_AGAIN,      /* the flow is over and the packet begins another: look again */
};

struct track {
	const struct settings *settings;
	struct flow *flow;
	const struct packet *packet;
	uint64_t now;    /* monotonic ns */
	uint32_t status; /* the flow's status bits before this packet */
	uint8_t dir;     /* enum flow_dir */
	bool begins;     /* the flow begins with this packet */
	/* TCP: what a helper has added to the other direction's sequence numbers where this
	 * packet acknowledges them (nf_ct_seq_offset); 0 unless one rewrites their data. */
	uint32_t ack_shift;

	/* What the tracker says beside its verdict; zero before. */
	uint64_t timeout;    /* ns, with TRACK_ACCEPT; with TRACK_INVALID 0, or the flow's time
			      * is cut short to this */
	uint32_t set_status; /* status bits to set, whatever the verdict */
};

/* How many flows anybody's may be: what is not reserved.  A reload changes one number after the
 * other, and may be met between them. */
static inline uint32_t settings_open(uint32_t max_flows, uint32_t reserved)
{
	return max_flows > reserved ? max_flows - reserved : 0;
}

static inline uint64_t settings_timeout(const struct settings *s, enum ct_timeout which)
{
	return atomic_load_explicit(&s->timeout[which], memory_order_relaxed);
}

/* The timeout that holds for the flow, ns: what its policy says, if it has one that says
 * something, else the option. */
static inline uint64_t flow_timeout(const struct settings *s, const struct flow *f,
				    enum ct_timeout which)
{
	unsigned number = atomic_load_explicit(&f->policy, memory_order_relaxed);
	uint64_t ns;

	if (__builtin_expect(number == 0 || number > CT_POLICY_MAX, 1))
		return settings_timeout(s, which);
	ns = atomic_load_explicit(&s->policy[number].timeout[which], memory_order_relaxed);
	return ns == POLICY_UNSAID ? settings_timeout(s, which) : ns;
}

/* The same: trackers ask this and nothing else. */
static inline uint64_t track_timeout(const struct track *t, enum ct_timeout which)
{
	return flow_timeout(t->settings, t->flow, which);
}

enum track_verdict tcp_track(struct track *t);
enum track_verdict udp_track(struct track *t);
enum track_verdict udplite_track(struct track *t);
enum track_verdict icmp_track(struct track *t);
enum track_verdict icmpv6_track(struct track *t);
enum track_verdict sctp_track(struct track *t);
enum track_verdict gre_track(struct track *t);
enum track_verdict generic_track(struct track *t);

/* One family's protocol in the other is no more than a protocol of that number. */
static inline bool is_icmp(const struct packet *p)
{
	return p->l4_proto == (p->family == L3_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) &&
	       !(p->flags & PACKET_LATER_FRAGMENT);
}
/* What a packet of ICMP or ICMPv6 is before it is looked up (nf_conntrack_handle_icmp). */
enum icmp_class {
	ICMP_CLASS_ORDINARY = 1, /* tracked like any other protocol */
	ICMP_CLASS_INVALID,
	ICMP_CLASS_UNTRACKED, /* neighbour discovery and multicast listeners */
	ICMP_CLASS_ERROR,     /* belongs to the flow of the packet that it quotes */
};
/* For ERROR, *ret_sought is the tuple that the flow must have in one direction: the inverse of
 * the quoted packet's. */
enum icmp_class icmp_classify(const struct conntrack *ct, const struct packet *p, uint16_t zone,
			      struct tuple *ret_sought);

#endif
