/* flow.c - a flow by itself: names, copies of one instant, identity.
 *
 * See flow.h for the record and its locking. */
#include "ctfw/flow.h"

#include <string.h>

#include "conntrack/record.h"
#include "ctfw/conntrack.h"
#include "ctfw/event.h"

#define IDENTITY_BEGIN offsetof(struct flow, id)
#define IDENTITY_END offsetof(struct flow, route)

_Static_assert(offsetof(struct flow, check) == 0 && IDENTITY_BEGIN == 4, "check comes first");

const char *tcp_state_name(unsigned state)
{
	static const char *const names[TCPS_COUNT] = {
		[TCPS_NONE] = "NONE",
		[TCPS_SYN_SENT] = "SYN_SENT",
		[TCPS_SYN_RECV] = "SYN_RECV",
		[TCPS_ESTABLISHED] = "ESTABLISHED",
		[TCPS_FIN_WAIT] = "FIN_WAIT",
		[TCPS_CLOSE_WAIT] = "CLOSE_WAIT",
		[TCPS_LAST_ACK] = "LAST_ACK",
		[TCPS_TIME_WAIT] = "TIME_WAIT",
		[TCPS_CLOSE] = "CLOSE",
		[TCPS_SYN_SENT2] = "SYN_SENT2",
	};

	return state < TCPS_COUNT ? names[state] : "NONE";
}

const char *sctp_state_name(unsigned state)
{
	static const char *const names[SCTPS_COUNT] = {
		[SCTPS_NONE] = "NONE",
		[SCTPS_CLOSED] = "CLOSED",
		[SCTPS_COOKIE_WAIT] = "COOKIE_WAIT",
		[SCTPS_COOKIE_ECHOED] = "COOKIE_ECHOED",
		[SCTPS_ESTABLISHED] = "ESTABLISHED",
		[SCTPS_SHUTDOWN_SENT] = "SHUTDOWN_SENT",
		[SCTPS_SHUTDOWN_RECD] = "SHUTDOWN_RECD",
		[SCTPS_SHUTDOWN_ACK_SENT] = "SHUTDOWN_ACK_SENT",
		[SCTPS_HEARTBEAT_SENT] = "HEARTBEAT_SENT",
	};

	return state < SCTPS_COUNT ? names[state] : "NONE";
}

const char *ct_state_name(enum ct_state s)
{
	switch (s) {
	case CT_STATE_INVALID:
		return "invalid";
	case CT_STATE_ESTABLISHED:
		return "established";
	case CT_STATE_RELATED:
		return "related";
	case CT_STATE_NEW:
		return "new";
	case CT_STATE_UNTRACKED:
		return "untracked";
	default:
		return "none";
	}
}

const char *flow_status_name(unsigned bit)
{
	switch (bit) {
	case FLOW_EXPECTED:
		return "expected";
	case FLOW_SEEN_REPLY:
		return "seen-reply";
	case FLOW_ASSURED:
		return "assured";
	case FLOW_CONFIRMED:
		return "confirmed";
	case FLOW_SNAT:
		return "snat";
	case FLOW_DNAT:
		return "dnat";
	case FLOW_SEQ_ADJ:
		return "seq-adj";
	case FLOW_DYING:
		return "dying";
	case FLOW_FIXED_TIMEOUT:
		return "fixed-timeout";
	case FLOW_HELPER:
		return "helper";
	default:
		return NULL;
	}
}

uint64_t flow_remaining(const struct flow *f, uint64_t mono)
{
	uint64_t expires = atomic_load_explicit(&f->expires, memory_order_relaxed);

	return expires > mono ? expires - mono : 0;
}

/* Copy what somebody may be writing: the word tells afterwards whether it was one instant's.
 * ThreadSanitizer would rightly call it a race, so it does not look here. */
__attribute__((no_sanitize("thread"))) void record_copy(const struct flow *from,
							 struct flow *to)
{
	const uint64_t *s = (const uint64_t *)from;
	uint64_t *d = (uint64_t *)to;

	/* Acquire: the word is not read before the last of them. */
	for (size_t i = 0; i < sizeof(*from) / sizeof(*s); i++)
		d[i] = __atomic_load_n(&s[i], __ATOMIC_ACQUIRE);
}

bool flow_snapshot(const struct flow *f, struct flow *ret_copy)
{
	struct flow copy;
	uint32_t before, status;
	unsigned rounds = 0;

	for (;;) {
		before = atomic_load_explicit(&f->word, memory_order_acquire);
		if (!(before & 1)) {
			record_copy(f, &copy);
			if (atomic_load_explicit(&f->word, memory_order_relaxed) == before)
				break;
		}
		spin(&rounds);
	}
	status = atomic_load_explicit(&copy.status, memory_order_relaxed);
	if (!(status & FLOW_CONFIRMED) || status & FLOW_DYING)
		return false;
	memcpy((void *)ret_copy, (const void *)&copy, sizeof(copy));
	return true;
}

void flow_set_mark(struct flow *f, uint32_t mark)
{
	if (atomic_exchange_explicit(&f->mark, mark, memory_order_relaxed) != mark)
		atomic_fetch_or_explicit(&f->events, CT_EVENT_MARK, memory_order_relaxed);
}

void flow_set_events(struct flow *f, uint16_t mask)
{
	atomic_store_explicit(&f->events_off, (uint16_t)~mask, memory_order_relaxed);
}

void flow_set_route(struct flow *f, enum flow_dir dir, uint64_t route)
{
	atomic_store_explicit(&f->route[dir], route, memory_order_relaxed);
}

uint32_t record_check(const struct siphash_key *key, const struct flow *f)
{
	uint32_t check = (uint32_t)siphash_bytes(key, (const uint8_t *)f + IDENTITY_BEGIN,
						 IDENTITY_END - IDENTITY_BEGIN);

	return check ? check : 1;
}
