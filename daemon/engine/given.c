/* given.c - what rules do to a packet's flow, and what rules ask of it now and then (nft_ct.c;
 * conntrack.md 1.6, 1.7, 1.9 and 4.8).
 *
 * Before conntrack a rule can give the packet a zone, which stands for a flow until its own is
 * found (the kernel's template), or take it out of tracking.  Behind it, a flow that begins can
 * be given a helper, a timeout policy, an expectation; any flow labels and its events.  Where
 * an action makes no sense it does nothing, as in the kernel, but for the expectation: without
 * one the rule does not match. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#include "ctfw/helper.h"
#include "engine/private.h"

/* ---- timeout policies ---- */

/* Where conntrack has what a policy's states say. */
static const uint8_t timeout_of[POLICY_COUNT] = {
#define POLICY(id, l4, name, seconds, timeout) [POLICY_##id] = timeout,
#include "ctfw/policy.def"
#undef POLICY
};

static const struct {
	uint8_t l4;
	enum policy_state first; /* of a flow that begins */
} firsts[] = {
	{ IPPROTO_TCP, POLICY_TCP_SYN_SENT },
	{ IPPROTO_UDP, POLICY_UDP_UNREPLIED },
};

static const uint8_t protocol_of[POLICY_COUNT] = {
#define POLICY(id, l4, name, seconds, timeout) [POLICY_##id] = l4,
#include "ctfw/policy.def"
#undef POLICY
};

static void define(void *arg, const struct ct_object *object)
{
	struct policies *p = arg;
	struct ct_policy policy = { .l4 = object->l4 };

	for (unsigned i = 0; i < TIMEOUT_COUNT; i++)
		policy.timeout[i] = CT_POLICY_UNSAID;
	for (unsigned i = 1; i < POLICY_COUNT; i++) {
		if (protocol_of[i] == object->l4)
			policy.timeout[timeout_of[i]] = object->seconds[i];
	}
	for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
		if (firsts[i].l4 == object->l4)
			policy.first = object->seconds[firsts[i].first];
	}
	conntrack_define_policy(p->ct, object->number, &policy);
	p->numbers[object->number / 64] |= UINT64_C(1) << object->number % 64;
}

void policies_define(struct policies *p, struct conntrack *ct, const struct program *program)
{
	*p = (struct policies){ .ct = ct };
	if (program)
		program_each_timeout(program, define, p);
}

/* ---- actions ---- */

/* Something is attached to the packet already: its flow, or what stands for one. */
static bool is_settled(const struct way *way)
{
	return way->ct.flow || way->has_zone;
}

static void set_zone(struct way *way, const struct ct_action *a)
{
	if (is_settled(way))
		return;
	way->has_zone = true;
	way->zone.original = a->original ? (uint16_t)a->value : 0;
	way->zone.reply = a->reply ? (uint16_t)a->value : 0;
	/* It was computed without a zone. */
	way->packet->hash = 0;
	way->eval.ct_state = CT_STATE_NEW;
}

static void set_untracked(struct way *way)
{
	if (!is_settled(way))
		way->eval.ct_state = CT_STATE_UNTRACKED;
}

static void set_label(struct way *way, const struct ct_action *a)
{
	struct conntrack *ct = way->engine->ct;

	conntrack_set_label(ct, way->eval.worker, &way->ct, a->label);
	way->eval.ext = conntrack_ext(ct, way->eval.worker, &way->ct);
}

/* Rules may say so for every packet of the flow: the first is the one that counts. */
static void set_helper(struct way *way, const struct ct_object *object)
{
	const struct tuple *t;

	if (!way->ct.flow || !way->ct.unconfirmed)
		return;
	t = &way->ct.flow->tuple[DIR_ORIGINAL];
	if (t->l4 == object->l4 && (!object->l3 || object->l3 == t->l3))
		conntrack_set_helper(way->engine->ct, way->eval.worker, &way->ct,
				     ct_helper_find(object->helper, object->l4));
}

static enum ct_acted expect(struct way *way, const struct ct_object *object)
{
	const struct ct_expectation_spec spec = {
		.l3 = object->l3,
		.l4proto = object->l4,
		.size = object->size,
		.dport = htons(object->dport),
		.timeout = object->timeout,
	};

	switch (conntrack_add_expectation(way->engine->ct, way->eval.worker, &way->ct, &spec,
					  way->now)) {
	case 0:
		return CT_ACTED;
	case -ENOENT:
		return CT_ACTED_BREAK;
	default:
		return CT_ACTED_DROP;
	}
}

enum ct_acted given_act(struct eval *e, const struct ct_action *a)
{
	struct way *way = e->arg;
	struct conntrack *ct = way->engine->ct;

	switch (a->kind) {
	case CT_ACTION_NOTRACK:
		set_untracked(way);
		break;
	case CT_ACTION_ZONE:
		set_zone(way, a);
		break;
	case CT_ACTION_LABEL:
		set_label(way, a);
		break;
	case CT_ACTION_EVENT:
		if (way->ct.flow)
			flow_set_events(way->ct.flow, (uint16_t)a->value);
		break;
	case CT_ACTION_TIMEOUT:
		conntrack_set_policy(ct, e->worker, &way->ct, a->object->number);
		break;
	case CT_ACTION_HELPER:
		set_helper(way, a->object);
		break;
	case CT_ACTION_EXPECTATION:
		return expect(way, a->object);
	case CT_ACTION_NONE:
		break;
	}
	return CT_ACTED;
}

/* ---- what rules ask ---- */

/* The helper that made the flow's master expect it; NULL when nobody did. */
static const char *helper_of_master(const struct flow *f)
{
	static const char names[HELPER_COUNT][16] = {
#define HELPER(id, symbol, name) [HELPER_##id] = name,
#include "ctfw/helper.def"
#undef HELPER
	};
	unsigned kind = atomic_load_explicit(&f->master_helper, memory_order_relaxed);

	return kind > HELPER_NONE && kind < HELPER_COUNT ? names[kind] : NULL;
}

void given_look(struct way *way)
{
	struct conntrack *ct = way->engine->ct;

	if (!way->ct.flow)
		return;
	if (way->hooked & PROGRAM_LABELS)
		way->eval.ext = conntrack_ext(ct, way->eval.worker, &way->ct);
	if (way->hooked & PROGRAM_HELPERS)
		way->eval.helper = helper_of_master(way->ct.flow);
	if (way->hooked & PROGRAM_IDS)
		conntrack_need_id(ct, &way->ct);
}
