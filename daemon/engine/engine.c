/* engine.c - a packet's way, in strict order.
 *
 *    1  parse                 engine_prepare()
 *    3  origin                which hook, which interfaces; spoofed sources end here
 *    2  fragments             held until their datagram is whole; forged ones never are
 *    4  chains before -200    raw
 *    5  conntrack             flow and state
 *    6  prerouting            not for the host's own packets; their destination is mapped
 *    7  input, forward or output
 *    8  postrouting           not for packets to the host; their source is mapped
 *   10  limits                what the host would refuse behind NAT, we answer
 *    9  help and confirm      a flow enters the table only now
 *   11  emit                  the packet, an answer, or nothing
 *
 * Each step says REASON_NONE, and the next one follows, or why the packet ends.  A packet
 * that ends leaves nothing behind: a flow that it would have begun was never in the table.
 *
 * Programs and hostviews are replaced by one other thread while workers run: a worker reads
 * each pointer once a packet and is not quiescent before it is done with it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/rcu.h"
#include "engine/private.h"

static int make_workers(struct engine *e)
{
	e->worker = aligned_alloc(128, e->workers * sizeof(*e->worker));
	if (!e->worker)
		return -ENOMEM;
	memset(e->worker, 0, e->workers * sizeof(*e->worker));
	/* Not touched before a datagram comes in fragments. */
	for (unsigned i = 0; i < e->workers; i++) {
		e->worker[i].fragments = calloc(1, sizeof(*e->worker[i].fragments));
		if (!e->worker[i].fragments)
			return -ENOMEM;
	}
	return 0;
}

static int make_fragments(struct engine *e, const struct frag_options *options)
{
	struct siphash_key key = conntrack_key(e->ct);
	struct frag_options defaults;

	frag_options_default(&defaults);
	e->fragments = frag_table_new(options ? options : &defaults, &key);
	e->id_key.k0 = siphash_pair(&key, 'i', 0);
	e->id_key.k1 = siphash_pair(&key, 'i', 1);
	for (unsigned i = 0; i < e->workers; i++)
		e->worker[i].random = siphash_pair(&key, 'r', i);
	return e->fragments ? 0 : -ENOMEM;
}

struct engine *engine_new(struct conntrack *ct, struct counters *counters,
			  const struct engine_options *options)
{
	struct engine *e;

	if (options->workers < 1 || options->workers > ARENA_MAX_WORKERS) {
		errno = EINVAL;
		return NULL;
	}
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->ct = ct;
	e->counters = counters;
	e->workers = options->workers;
	if (make_workers(e) < 0 || make_fragments(e, options->fragments) < 0) {
		engine_free(e);
		errno = ENOMEM;
		return NULL;
	}
	e->log = options->log;
	e->log_arg = options->log_arg;
	engine_set_rates(e, options->log_rate, options->reply_rate);
	return e;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	program_free(atomic_load(&e->program));
	hostview_free(atomic_load(&e->hostview));
	frag_table_free(e->fragments);
	for (unsigned i = 0; e->worker && i < e->workers; i++)
		free(e->worker[i].fragments);
	trace_free(e);
	free(e->worker);
	free(e);
}

static bool extends(const struct program *p)
{
	return (program_hooks(p, L3_IPV4) | program_hooks(p, L3_IPV6)) & PROGRAM_EXTENDS;
}

_Static_assert((int)RULESET_POLICY_NUMBERS == (int)CT_POLICY_MAX, "one for each");

int engine_compile(struct engine *e, struct ruleset *rs, const struct ruleset *former,
		   struct diag *d, struct program **ret_program)
{
	int err = ruleset_number(rs, former, d);
	struct program *p;

	if (err)
		return err;
	p = program_compile(rs);
	if (!p)
		return -ENOMEM;
	err = extends(p) ? conntrack_reserve_extensions(e->ct) : 0;
	if (err) {
		diag_error(d, NULL, "there is no memory for labels and helpers of flows: %s",
			   strerror(-err));
		program_free(p);
		return -EINVAL;
	}
	*ret_program = p;
	return 0;
}

void engine_set_program(struct engine *e, struct program *p)
{
	struct policies policies;
	struct program *old;

	policies_define(&policies, e->ct, p);
	old = atomic_exchange(&e->program, p);
	rcu_wait();
	conntrack_keep_policies(e->ct, policies.numbers);
	program_free(old);
}

void engine_set_hostview(struct engine *e, struct hostview *hv)
{
	struct hostview *old = atomic_exchange(&e->hostview, hv);

	rcu_wait();
	hostview_free(old);
	e->moved = true;
}

/* Each worker's share, at least one where there is any. */
static uint32_t share(uint32_t rate, unsigned workers)
{
	return (uint32_t)(((uint64_t)rate + workers - 1) / workers);
}

void engine_set_rates(struct engine *e, uint32_t log_rate, uint32_t reply_rate)
{
	atomic_store_explicit(&e->log_rate, share(log_rate, e->workers), memory_order_relaxed);
	atomic_store_explicit(&e->reply_rate, share(reply_rate, e->workers),
			      memory_order_relaxed);
}

void engine_set_fragments(struct engine *e, const struct frag_options *options)
{
	frag_table_set_options(e->fragments, options);
}

void engine_housekeep(struct engine *e, struct instant now)
{
	frag_expire(e->fragments, now.mono);
	nat_forget(e, now);
}

enum reason engine_prepare(struct engine *e, unsigned worker, uint8_t *data, size_t len,
			   const struct virtio_net_hdr *vnet, struct packet *ret_packet,
			   struct engine_trace *trace)
{
	struct engine_stats *stats = &e->worker[worker].stats;
	enum reason reason = packet_parse(data, len, vnet, ret_packet);

	count(&stats->packets_in, 1);
	count(&stats->bytes_in, len);
	if (reason != REASON_NONE) {
		count(&stats->dropped[reason], 1);
		if (trace) {
			memset(trace, 0, sizeof(*trace));
			trace->verdict = VERDICT_DROP;
			trace->by = BY_REASON;
			trace->reason = reason;
		}
		return reason;
	}
	if (ret_packet->vnet.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		count(&stats->super_packets, 1);
	/* A fragment's flow is known when its datagram is whole. */
	if (!(ret_packet->flags & FRAGMENTED))
		conntrack_prefetch(e->ct, ret_packet, (struct ct_zone){ 0, 0 });
	return REASON_NONE;
}

/* How many packets before its own a flow is fetched, and the link that leads to it twice as
 * many: what a packet costs, times that, is what memory takes to answer. */
#define AHEAD 4

void engine_prefetch(struct engine *e, const struct packet *p, unsigned n, unsigned i)
{
	/* Before the first one also what the former ones would have fetched. */
	unsigned link = i ? i + 2 * AHEAD : 0, flow = i ? i + AHEAD : 0;

	for (; link <= i + 2 * AHEAD && link < n; link++)
		conntrack_prefetch_link(e->ct, &p[link]);
	for (; flow <= i + AHEAD && flow < n; flow++)
		conntrack_prefetch_flow(e->ct, &p[flow]);
}

static void log_packet(struct eval *eval, enum hook hook, const struct log_spec *spec)
{
	struct way *way = eval->arg;
	struct engine *e = way->engine;
	uint32_t rate = atomic_load_explicit(&e->log_rate, memory_order_relaxed);
	struct engine_log record = {
		.packet = way->packet,
		.hook = hook,
		.spec = spec,
		.iifname = eval->iifname,
		.oifname = eval->oifname,
		.mark = eval->mark,
		.hop = eval->hop,
	};

	if (bucket_take(&way->worker->log, rate, way->now.mono))
		e->log(e->log_arg, eval->worker, &record);
	else
		count(&way->worker->stats.log_suppressed, 1);
}

/* The decision that is worth telling: of the packet's own hook rather than of one that all
 * pass, and a rule's rather than a policy's. */
static bool outweighs(const struct way *way, enum hook hook, const struct eval_result *next)
{
	bool own = hook == way->hook, own_before = way->decided_at == way->hook;

	if (next->verdict != VERDICT_ACCEPT || way->decided->by == BY_NONE)
		return true;
	if (own != own_before)
		return own;
	return next->by == BY_RULE || way->decided->by != BY_RULE;
}

/* In prerouting no route has been looked up yet: there is no oif (nf_hook_state's out). */
static enum verdict evaluate_unrouted(struct way *way, enum stage stage,
				      struct eval_result *result)
{
	struct eval *e = &way->eval;
	uint32_t oif = e->oif;
	char oifname[IFNAMSIZ];
	enum verdict verdict;

	memcpy(oifname, e->oifname, IFNAMSIZ);
	memset(e->oifname, 0, IFNAMSIZ);
	e->oif = 0;
	verdict = program_eval(way->program, HOOK_PREROUTING, stage, e, result);
	memcpy(e->oifname, oifname, IFNAMSIZ);
	e->oif = oif;
	return verdict;
}

enum reason evaluate(struct way *way, enum hook hook, enum stage stage)
{
	struct eval_result *next = &way->verdicts[way->decided == &way->verdicts[0]];
	enum verdict verdict;

	if (hook == HOOK_PREROUTING)
		verdict = evaluate_unrouted(way, stage, next);
	else
		verdict = program_eval(way->program, hook, stage, &way->eval, next);
	if (way->eval.ct_mark_set) {
		way->eval.ct_mark_set = false;
		if (way->ct.flow)
			flow_set_mark(way->ct.flow, way->eval.ct_mark);
	}
	if (verdict == VERDICT_NONE)
		return REASON_NONE;
	if (outweighs(way, hook, next)) {
		way->decided = next;
		way->decided_at = hook;
	}
	switch (verdict) {
	case VERDICT_DROP:
		return next->by == BY_POLICY ? REASON_POLICY : REASON_RULE;
	case VERDICT_REJECT:
		return REASON_REJECT;
	default:
		return REASON_NONE;
	}
}

static inline enum reason chains(struct way *way, enum hook hook, enum stage stage)
{
	return way->hooked & PROGRAM_HOOK(hook, stage) ? evaluate(way, hook, stage) :
							 REASON_NONE;
}

/* Other hooks' packets are tracked, and let through. */
static inline bool is_filtered(const struct way *way)
{
	return way->port->hooks & 1u << way->hook;
}

/* Where there are no chains of type nat any more, flows that have a mapping keep it. */
static inline bool nat_is_due(const struct way *way)
{
	return way->ct.flow && (way->hooked & PROGRAM_NAT || nat_rewrites(way->ct.flow));
}

/* Step 4: what is hooked before conntrack sees no flow. */
static enum reason raw(struct way *way)
{
	enum hook hook = way->hook == HOOK_OUTPUT ? HOOK_OUTPUT : HOOK_PREROUTING;

	if (!(way->hooked & PROGRAM_HOOK(hook, STAGE_EARLY)))
		return REASON_NONE;
	if (way->hooked & PROGRAM_INTERFACES)
		origin_interfaces(way);
	return chains(way, hook, STAGE_EARLY);
}

/* Step 5. */
static enum reason track(struct way *way)
{
	enum reason reason;

	if (way->eval.ct_state == CT_STATE_UNTRACKED) { /* by a rule */
		way->ct.state = CT_STATE_UNTRACKED;
		return REASON_NONE;
	}
	reason = conntrack_in(way->engine->ct, way->eval.worker, way->packet, way->zone,
			      way->now, &way->ct);
	if (reason != REASON_NONE)
		return reason;
	way->has_zone = false;
	way->eval.flow = way->ct.flow;
	way->eval.ct_state = way->ct.state;
	way->eval.ct_dir = way->ct.dir;
	if (way->ct.flow)
		way->eval.ct_mark =
			atomic_load_explicit(&way->ct.flow->mark, memory_order_relaxed);
	if (way->hooked & PROGRAM_INTERFACES)
		origin_interfaces(way);
	if (way->hooked & GIVEN_ASKED)
		given_look(way);
	return REASON_NONE;
}

/* The chains of a hook around its NAT; whether the port has them run is asked behind it once
 * more, since the packet may be for another hook then. */
static enum reason pass_all(struct way *way, enum hook hook)
{
	enum reason reason = REASON_NONE;

	if (is_filtered(way))
		reason = chains(way, hook, STAGE_MAIN);
	if (reason == REASON_NONE && nat_is_due(way) && hook != HOOK_FORWARD)
		reason = nat(way, hook);
	if (reason == REASON_NONE && is_filtered(way))
		reason = chains(way, hook, STAGE_LATE);
	return reason;
}

/* Mostly there is nothing at most hooks. */
static inline enum reason pass(struct way *way, enum hook hook)
{
	return way->hooked & PROGRAM_HOOK_ANY(hook) || nat_is_due(way) ? pass_all(way, hook) :
									 REASON_NONE;
}

/* Steps 6 to 8. */
static enum reason filter(struct way *way)
{
	enum reason reason;

	if (way->hook == HOOK_OUTPUT) {
		reason = pass(way, HOOK_OUTPUT);
	} else {
		reason = pass(way, HOOK_PREROUTING);
		/* ip_forward() counts this host before its first hook.  What comes by a port of
		 * role in or return will be forwarded behind us, what comes by others has been. */
		way->eval.hop = way->hook == HOOK_FORWARD && (way->port->role == PORT_IN ||
							      way->port->role == PORT_RETURN);
		if (reason == REASON_NONE)
			reason = pass(way, way->hook);
	}
	if (reason == REASON_NONE && way->hook != HOOK_INPUT)
		reason = pass(way, HOOK_POSTROUTING);
	return reason;
}

/* A flow waits for it, but it is none of its packets: the host, which has no socket for it, would
 * answer with a RST or an error, and end the flow. */
static bool is_late_answer(const struct way *way)
{
	return way->port->role == PORT_RETURN && way->hook == HOOK_INPUT &&
	       way->ct.state == CT_STATE_INVALID;
}

/* The flow that a port of role return knew of has gone meanwhile. */
static bool has_lost_its_flow(const struct way *way)
{
	return way->port->role == PORT_RETURN && way->hook == HOOK_INPUT &&
	       way->ct.unconfirmed && way->ct.state == CT_STATE_NEW;
}

static enum reason give_back(struct way *way)
{
	way->given_back = true;
	way->ct = (struct ct_ref){ .state = CT_STATE_UNTRACKED };
	return REASON_NONE;
}

/* Step 9.  A helper may lengthen what NAT has rewritten: then its length is asked for again, and
 * an answer quotes what was sent, which lies where it came. */
static enum reason help(struct way *way)
{
	struct packet *p = way->packet;
	uint8_t *sent = p->data;
	uint32_t len = p->len;
	enum reason reason = conntrack_help(way->engine->ct, way->eval.worker, p, way->now,
					    &way->ct);

	if (reason != REASON_NONE || p->len <= len)
		return reason;
	reason = limits(way);
	if (reason != REASON_NONE) {
		p->data = sent;
		p->len = len;
		p->l4_len = len - p->l4_off;
	}
	return reason;
}

static enum reason judge(struct way *way)
{
	enum reason reason = origin(way);

	if (reason == REASON_NONE && way->port->role == PORT_RETURN && origin_is_hosts_own(way))
		return give_back(way);
	if (reason == REASON_NONE && way->packet->flags & FRAGMENTED) {
		reason = fragment_collect(way);
		if (way->held)
			return REASON_NONE;
	}
	if (reason == REASON_NONE && is_filtered(way))
		reason = raw(way);
	if (reason == REASON_NONE)
		reason = track(way);
	if (has_lost_its_flow(way))
		return give_back(way);
	if (reason == REASON_NONE && is_late_answer(way))
		reason = REASON_LATE_ANSWER;
	if (reason == REASON_NONE)
		reason = filter(way);
	if (reason == REASON_NONE && way->rewritten)
		reason = limits(way);
	if (reason == REASON_NONE)
		reason = help(way);
	if (reason == REASON_NONE)
		reason = conntrack_confirm(way->engine->ct, way->eval.worker, way->packet,
					   way->now, &way->ct);
	return reason;
}

/* Step 11. */
static void emit(struct way *way, enum reason reason)
{
	struct engine_stats *stats = &way->worker->stats;

	if (way->held) {
		way->result->action = ENGINE_HOLD;
		return;
	}
	if (way->given_back)
		count(&stats->given_back, 1);
	else
		count(&stats->hook_packets[way->hook], 1);
	if (reason == REASON_NONE && way->together) {
		fragment_emit(way);
		return;
	}
	if (reason == REASON_NONE) {
		way->result->action = ENGINE_PASS;
		count(&stats->packets_out, 1);
		count(&stats->bytes_out, way->packet->len);
		return;
	}
	way->result->action = ENGINE_DROP;
	way->result->reason = reason;
	if (reason == REASON_REJECT || reason == REASON_TTL || reason == REASON_TOO_BIG)
		answer(way, reason);
	/* Once a packet: what went unanswered for its number counts as that. */
	count(&stats->dropped[way->result->reason], way->packets);
}

static void tell(const struct way *way, enum reason reason, struct engine_trace *trace)
{
	const struct eval_result *decided = way->decided;

	memset(trace, 0, sizeof(*trace));
	trace->hook = way->hook;
	trace->ct_state = way->ct.state;
	trace->ct_dir = way->ct.dir;
	trace->ct_has_dir = way->ct.flow != NULL;
	if (way->held)
		return;
	switch (reason) {
	case REASON_NONE:
		trace->verdict = VERDICT_ACCEPT;
		trace->by = decided->by == BY_NONE ? BY_POLICY : decided->by;
		break;
	case REASON_RULE:
	case REASON_POLICY:
	case REASON_REJECT:
		trace->verdict = decided->verdict;
		trace->by = decided->by;
		trace->hook = way->decided_at;
		break;
	default:
		trace->verdict = VERDICT_DROP;
		trace->by = BY_REASON;
		trace->reason = reason;
	}
	if (trace->by != BY_REASON && decided->by != BY_NONE) {
		struct decider decider = program_decider(way->program, decided);

		trace->family = decider.family;
		trace->table = decider.table;
		trace->chain = decider.chain;
		trace->handle = decider.handle;
	}
	if (way->ct.flow && !way->ct.unconfirmed)
		trace->has_flow = flow_snapshot(way->ct.flow, &trace->flow);
}

/* Every member by itself, here and below: one assignment would be a loop over all the bytes,
 * which costs more than the rest of the engine's own work. */
static void eval_begin(struct eval *e, struct way *way, unsigned worker)
{
	e->packet = way->packet;
	e->flow = NULL;
	e->ext = NULL;
	e->ct_state = CT_STATE_NONE;
	e->ct_dir = DIR_ORIGINAL;
	e->ct_mark = 0;
	e->ct_mark_set = false;
	e->mark = 0;
	e->priority = 0;
	e->host = way->hostview;
	e->random = &way->worker->random;
	e->hop = 0;
	e->iif = e->oif = 0;
	memset(e->iifname, 0, sizeof(e->iifname));
	memset(e->oifname, 0, sizeof(e->oifname));
	e->worker = worker;
	e->now = way->now;
	e->helper = NULL;
	e->counted.n = 0;
	e->act = given_act;
	e->log = way->engine->log ? log_packet : NULL;
	e->nat = nat_choose;
	e->mapped = false;
	e->nftrace = false;
	e->trace_id = 0;
	e->trace = atomic_load_explicit(&way->engine->traced, memory_order_acquire) ?
			   trace_packet :
			   NULL;
	e->arg = way;
}

void engine_input(struct engine *e, unsigned worker, const struct engine_port *port,
		  struct packet *p, struct instant now, uint8_t *reply,
		  struct engine_result *ret_result, struct engine_trace *trace)
{
	struct way way;
	enum reason reason;

#ifndef NDEBUG
	memset(&way, 0x5a, sizeof(way)); /* a member that is forgotten below shows in tests */
#endif
	way.engine = e;
	way.worker = &e->worker[worker];
	way.port = port;
	way.program = atomic_load_explicit(&e->program, memory_order_acquire);
	way.hostview = atomic_load_explicit(&e->hostview, memory_order_acquire);
	way.hooked = way.program ? program_hooks(way.program, p->family) : 0;
	way.packet = p;
	way.now = now;
	way.hook = way.decided_at = HOOK_NONE;
	way.ct = (struct ct_ref){ 0 };
	way.zone = (struct ct_zone){ 0 };
	way.has_zone = false;
	eval_begin(&way.eval, &way, worker);
	way.decided = &way.verdicts[0];
	way.decided->verdict = VERDICT_NONE;
	way.decided->by = BY_NONE;
	way.packets = 1;
	way.held = way.together = way.rewritten = way.redirected = way.given_back = false;
	way.reply = reply;
	way.result = ret_result;
	*ret_result = (struct engine_result){ 0 };
	reason = judge(&way);
	if (way.eval.counted.n)
		program_settle(way.program, &way.eval, reason == REASON_NONE ? way.ct.flow : NULL);
	emit(&way, reason);
	if (trace)
		tell(&way, reason, trace);
}

void engine_write_failed(struct engine *e, unsigned worker, size_t len)
{
	struct engine_stats *stats = &e->worker[worker].stats;

	count(&stats->dropped[REASON_WRITE], 1);
	/* It did not go out after all. */
	count(&stats->packets_out, (uint64_t)-1);
	count(&stats->bytes_out, -(uint64_t)len);
}

void engine_waited(struct engine *e, unsigned worker, uint64_t packets, uint64_t bytes)
{
	struct engine_stats *stats = &e->worker[worker].stats;

	count(&stats->packets_in, packets);
	count(&stats->bytes_in, bytes);
	count(&stats->dropped[REASON_WAITED], packets);
}
