/* stateful.c - slots of statements and objects, and the arithmetic of limits. */
#include "ruleset/stateful.h"

#include <errno.h>

#include "ctfw/clock.h"
#include "ctfw/state.h"
#include "ruleset/connlimit.h"

static void begin(struct states *states, enum state_kind kind, const struct stateful *s)
{
	_Atomic uint64_t *word = state_at(states, s->slot)->word;
	uint64_t now = states_now(states), ago;

	if (kind == STATE_QUOTA)
		state_quota_set(word, s->quota.used);
	if (kind == STATE_LAST && s->last.used) {
		ago = s->last.ago * NSEC_PER_MSEC;
		state_last_set(word, ago < now ? now - ago : 0);
	}
}

bool stateful_give(struct counters *c, enum state_kind kind, struct stateful *s)
{
	struct states *states = counters_states(c);

	if (kind == STATE_COUNTER) {
		s->slot = counter_alloc(c, s->initial);
		return s->slot != COUNTER_NONE;
	}
	s->slot = kind == STATE_CONNLIMIT ? connlimit_new(states) : state_new(states);
	if (s->slot == STATE_NONE)
		return false;
	begin(states, kind, s);
	return true;
}

int stateful_claim(struct counters *c, enum state_kind kind, uint32_t slot)
{
	struct states *states = counters_states(c);

	if (kind == STATE_COUNTER)
		return counter_claim(c, slot);
	if (kind == STATE_CONNLIMIT)
		return connlimit_claim(states, slot) ? 0 : -EINVAL;
	return state_claim(states, slot);
}

void stateful_release(struct counters *c, enum state_kind kind, uint32_t slot)
{
	if (!c || slot == STATE_NONE)
		return;
	if (kind == STATE_COUNTER)
		counter_release(c, slot);
	else if (kind == STATE_CONNLIMIT)
		connlimit_free(counters_states(c), slot);
	else
		state_free(counters_states(c), slot);
}

/* nft_limit_init(): of packets it holds a burst of them; of bytes what comes in a unit, and the
 * burst. */
bool limit_bucket(const struct limit_spec *l, uint64_t *ret_size, uint64_t *ret_packet)
{
	const uint64_t unit_ns = l->unit * NSEC_PER_SEC;
	unsigned __int128 size;

	*ret_packet = unit_ns / l->rate;
	if (l->bytes)
		size = (unsigned __int128)unit_ns * ((unsigned __int128)l->rate + l->burst) /
		       l->rate;
	else
		size = (unsigned __int128)*ret_packet *
		       (l->burst ? l->burst : LIMIT_BURST_DEFAULT);
	if (size > STATE_LIMIT_MAX)
		return false;
	*ret_size = (uint64_t)size;
	return true;
}

uint64_t quota_used(const struct counters *c, const struct stateful *s, bool reset)
{
	struct state *st = c ? state_at(counters_states(c), s->slot) : NULL;
	uint64_t used = !st ? s->quota.used : reset ? state_quota_reset(st->word) :
						      state_quota_read(st->word);

	return used < s->quota.bytes ? used : s->quota.bytes;
}
