/* eval.c - packet and flow to verdict, as nft_do_chain() does it.
 *
 * Workers run this without locks: a program is immutable, and what is written is the
 * caller's (struct eval) or the worker's own column of counters. */
#include <endian.h>
#include <netinet/in.h>
#include <string.h>

#include "ruleset/eval_trace.h"

static inline uint32_t eval_be16(const uint8_t *p)
{
	uint16_t x;

	memcpy(&x, p, sizeof(x));
	return be16toh(x);
}

static inline uint32_t eval_be32(const uint8_t *p)
{
	uint32_t x;

	memcpy(&x, p, sizeof(x));
	return be32toh(x);
}

static inline struct wide eval_wide(const uint8_t *p)
{
	uint64_t d[2];

	memcpy(d, p, sizeof(d));
	return (struct wide){ be64toh(d[0]), be64toh(d[1]) };
}

static inline uint32_t eval_status(const struct flow *f)
{
	return atomic_load_explicit(&f->status, memory_order_relaxed);
}

/* Whether n bytes of a transport header can be read. */
static inline bool eval_has_transport(const struct packet *p, uint32_t n)
{
	return !(p->flags & (PACKET_NO_L4 | PACKET_LATER_FRAGMENT)) && p->l4_len >= n;
}

/* Of ports, `off` one of them in struct packet.  The first may be all that is there. */
static inline bool eval_has_port(const struct packet *p, uint32_t off)
{
	return p->flags & PACKET_PORTS ||
	       (off == offsetof(struct packet, sport) && eval_has_transport(p, 2));
}

/* `ct mark set`: without a flow it does nothing, and the rule goes on (nft_ct_set_eval). */
static inline void eval_set_ct_mark(struct eval *e, uint32_t mark)
{
	if (!e->flow)
		return;
	e->ct_mark = mark;
	e->ct_mark_set = true;
}

/* Few rules act on flows; inlined, it would crowd those that match. */
__attribute__((noinline)) static enum ct_acted
eval_act(struct eval *e, const struct ct_action *compiled, bool from_acc, uint32_t acc)
{
	struct ct_action action = *compiled;

	if (from_acc)
		action.value = acc;
	return e->act ? e->act(e, &action) : CT_ACTED;
}

/* What a map has for a key: as the statement that names the object itself. */
__attribute__((noinline)) static enum ct_acted
eval_mapped(const struct program *p, const struct insn *i, struct eval *e, const uint8_t *key)
{
	const struct program_object *o = eval_object(p, &p->sets[i->a], e, key);

	if (!o)
		return CT_ACTED_BREAK;
	if (o->acts)
		return eval_act(e, &p->actions[o->at], false, 0);
	if (p->states[o->at].kind != STATE_COUNTER)
		return eval_state(p, &p->states[o->at], e);
	eval_count(p, p->states[o->at].slot, e);
	return CT_ACTED;
}

/* A test of x; `miss` leaves the rule. */
#define MATCH_IF(condition)                                                                    \
	if (!(condition))                                                                      \
		goto miss;                                                                     \
	i++;                                                                                   \
	continue;

#define LOAD(id, there, value)                                                                 \
	case OP_TEST(LOAD_##id, TEST_EQ):                                                      \
		MATCH_IF((there) && ((value) & i->b) == i->a)                                  \
	case OP_TEST(LOAD_##id, TEST_NE):                                                      \
		MATCH_IF((there) && ((value) & i->b) != i->a)                                  \
	case OP_TEST(LOAD_##id, TEST_IN):                                                      \
		MATCH_IF((there) && (value) - i->a <= i->b)                                    \
	case OP_TEST(LOAD_##id, TEST_OUT):                                                     \
		MATCH_IF((there) && (value) - i->a > i->b)                                     \
	case OP_TEST(LOAD_##id, TEST_GET):                                                     \
		if (!(there))                                                                  \
			goto miss;                                                             \
		acc = (value);                                                                 \
		i++;                                                                           \
		continue;

#define WIDE_TESTS(id, value)                                                                  \
	case OP_TEST(LOAD_##id, TEST_EQ):                                                      \
		MATCH_IF(wide_matches((value), &prog->pairs[i->a]))                            \
	case OP_TEST(LOAD_##id, TEST_NE):                                                      \
		MATCH_IF(!wide_matches((value), &prog->pairs[i->a]))                           \
	case OP_TEST(LOAD_##id, TEST_IN):                                                      \
		MATCH_IF(wide_within((value), &prog->pairs[i->a]))                             \
	case OP_TEST(LOAD_##id, TEST_OUT):                                                     \
		MATCH_IF(!wide_within((value), &prog->pairs[i->a]))                            \
	case OP_TEST(LOAD_##id, TEST_GET):                                                     \
		wide = (value);                                                                \
		i++;                                                                           \
		continue;

#define WIDE(id, there, bytes) WIDE_TESTS(id, eval_wide(bytes))

static inline bool wide_matches(struct wide x, const struct wide_pair *p)
{
	return (x.hi & p->second.hi) == p->first.hi && (x.lo & p->second.lo) == p->first.lo;
}

static inline bool wide_within(struct wide x, const struct wide_pair *p)
{
	return !wide_below(x, p->first) && !wide_below(p->second, x);
}

/* ---- keys and data of sets ---- */

static inline void put_key(uint8_t *to, uint32_t x)
{
	x = htobe32(x);
	memcpy(to, &x, sizeof(x));
}

/* The last n bytes of it, padded. */
static inline void put_wide_key(uint8_t *to, struct wide x, unsigned n)
{
	uint64_t d[2] = { htobe64(x.hi), htobe64(x.lo) };

	memset(to + (n & ~3u), 0, n & 3 ? 4 : 0);
	memcpy(to, (uint8_t *)d + sizeof(d) - n, n);
}

static inline void turn_key(uint8_t *key, unsigned n)
{
	for (unsigned i = 0; i < n / 2; i++) {
		uint8_t first = key[i];

		key[i] = key[n - 1 - i];
		key[n - 1 - i] = first;
	}
}

static inline struct wide get_data(const uint8_t *from, unsigned n)
{
	uint64_t d[2] = { 0, 0 };

	memcpy((uint8_t *)d + sizeof(d) - n, from, n);
	return (struct wide){ be64toh(d[0]), be64toh(d[1]) };
}

/* Where the chain with this handle begins, which the transaction knows to be there. */
static uint32_t find_target(const struct program *p, uint32_t set, uint64_t handle)
{
	const struct program_target *t = p->targets + p->sets[set].first_target;
	uint32_t n = p->sets[set].n_targets;

	while (n > 1) {
		uint32_t half = n / 2;

		t += t[half].handle <= handle ? half : 0;
		n -= half;
	}
	return t->start;
}

/* Where evaluation goes on. */
struct frame {
	const struct insn *i;
	const struct insn *back[PROGRAM_JUMPS];
	unsigned depth;
};

/* What run() returns where it goes on traced. */
static const struct insn traced_from_here;

/* Run a base chain from f on.  Returns the instruction that decided, or NULL: the policy does.
 * tracing NULL: untraced; this becomes two functions, of which that one knows nothing of the
 * other. */
static inline __attribute__((always_inline)) const struct insn *
run(const struct program *prog, struct frame *f, struct eval *e, enum hook hook,
    struct tracing *tracing)
{
	const struct packet *pk = e->packet;
	uint32_t state = e->ct_state ? e->ct_state : CT_STATE_INVALID;
	const struct insn *const code = prog->code, *i = f->i;
	const struct insn **const back = f->back;
	unsigned depth = f->depth;
	uint32_t acc = 0;
	struct wide wide = { 0, 0 }, field;
	struct set_verdict verdict;
	uint8_t key[KEY_BYTES];
	struct set_hit hit;

	for (;;) {
		if (tracing)
			trace_step(tracing, i, depth);
		switch (i->op) {
#include "ruleset/load.def"
			WIDE_TESTS(WIDE_ACC, wide)
		case OP_BITS:
			acc = (acc & i->a) ^ i->b;
			i++;
			continue;
		case OP_WIDE_BITS:
			wide.hi = (wide.hi & prog->pairs[i->a].first.hi) ^
				  prog->pairs[i->a].second.hi;
			wide.lo = (wide.lo & prog->pairs[i->a].first.lo) ^
				  prog->pairs[i->a].second.lo;
			i++;
			continue;
		case OP_SHIFT:
			acc = i->k ? acc >> i->a : acc << i->a;
			i++;
			continue;
		case OP_WIDE_SHIFT:
			wide = eval_wide_shift(wide, i);
			i++;
			continue;
		case OP_TURN:
			acc = (acc & ~(UINT32_MAX >> (32 - 8 * i->k))) |
			      __builtin_bswap32(acc) >> (32 - 8 * i->k);
			i++;
			continue;
		case OP_NARROW:
			acc = (uint32_t)(i->a < 64 ? wide.lo >> i->a : wide.hi >> (i->a - 64));
			i++;
			continue;
		case OP_VALUE:
			acc = i->a;
			i++;
			continue;
		case OP_WIDE_VALUE:
			wide = prog->pairs[i->a].first;
			i++;
			continue;
		case OP_LOOKUP:
			MATCH_IF(lookup_find(prog->lookups[i->a], acc) != i->k)
		case OP_WIDE_LOOKUP:
			MATCH_IF(lookup_find_wide(prog->lookups[i->a], wide) != i->k)
		case OP_COUNT:
			eval_count(prog, i->a, e);
			i++;
			continue;
		case OP_LOG:
			if (e->log)
				e->log(e, hook, prog->logs[i->a]);
			i++;
			continue;
		case OP_CT:
			/* Not into wide itself: it stays in registers. */
			if (!eval_ct(e, i->k, i->off, &field))
				goto miss;
			wide = field;
			acc = (uint32_t)field.lo;
			i++;
			continue;
		case OP_FIELD:
			if (!eval_field(e, prog, i, &field))
				goto miss;
			wide = field;
			acc = (uint32_t)field.lo;
			i++;
			continue;
		case OP_STATE:
			switch (eval_state(prog, &prog->states[i->a], e)) {
			case CT_ACTED_BREAK:
				goto miss;
			case CT_ACTED_DROP:
				return i;
			default:
				break;
			}
			i++;
			continue;
		case OP_ACT:
			switch (eval_act(e, &prog->actions[i->a], i->k, acc)) {
			case CT_ACTED_BREAK:
				goto miss;
			case CT_ACTED_DROP:
				return i;
			default:
				break;
			}
			state = e->ct_state ? e->ct_state : CT_STATE_INVALID;
			i++;
			continue;
		case OP_WRITE:
			if (eval_write(e, &prog->mangles[i->a],
				       i->k ? wide : (struct wide){ 0, acc }) != MANGLED)
				goto miss;
			i++;
			continue;
		case OP_SET_OPTION:
		case OP_RESET_OPTION:
			switch (i->op == OP_SET_OPTION ?
					eval_set_option(e, i, acc) :
					packet_reset_tcp_option(e->packet, (uint8_t)i->b)) {
			case MANGLED_BREAK:
				goto miss;
			case MANGLED_DROP:
				return i;
			default:
				break;
			}
			i++;
			continue;
		case OP_OBJECT:
			switch (eval_mapped(prog, i, e, key)) {
			case CT_ACTED_BREAK:
				goto miss;
			case CT_ACTED_DROP:
				return i;
			default:
				break;
			}
			state = e->ct_state ? e->ct_state : CT_STATE_INVALID;
			i++;
			continue;
		case OP_SET_PRIORITY:
			e->priority = acc;
			i++;
			continue;
		case OP_SET_MARK:
			e->mark = acc;
			i++;
			continue;
		case OP_SET_CT_MARK:
			eval_set_ct_mark(e, acc);
			i++;
			continue;
		case OP_KEY:
			put_key(key + i->off, acc << (32 - 8 * i->k));
			i++;
			continue;
		case OP_WIDE_KEY:
			put_wide_key(key + i->off, wide, i->k);
			i++;
			continue;
		case OP_TURN_KEY:
			turn_key(key + i->off, i->k);
			i++;
			continue;
		case OP_HASH:
			acc = eval_hash(&prog->made[i->a], key + i->off);
			i++;
			continue;
		case OP_SET:
			MATCH_IF(i->k ? eval_lacks(&prog->sets[i->a], e, key) :
					eval_find(prog, &prog->sets[i->a], e, key, &hit))
		case OP_DYNSET:
			switch (eval_dynset(prog, &prog->dynsets[i->a], e, key,
					    key + KEY_DATA)) {
			case CT_ACTED_BREAK:
				goto miss;
			case CT_ACTED_DROP:
				return i;
			default:
				break;
			}
			i++;
			continue;
		case OP_MAP:
			if (!eval_find(prog, &prog->sets[i->a], e, key, &hit))
				goto miss;
			wide = get_data(hit.data, i->k);
			acc = (uint32_t)wide.lo;
			i++;
			continue;
		case OP_MAP_BYTES:
			if (!eval_find(prog, &prog->sets[i->a], e, key, &hit))
				goto miss;
			memcpy(key + i->off, hit.data, i->k);
			i++;
			continue;
		case OP_NAT:
			return i + (eval_nat(&prog->nats[i->a], e, hook, key) ? NAT_ACCEPT :
										NAT_DROP);
		case OP_VMAP:
			if (!eval_find(prog, &prog->sets[i->a], e, key, &hit))
				goto miss;
			memcpy(&verdict, hit.data, sizeof(verdict));
			switch (verdict.verdict) {
			case RULE_ACCEPT:
				return i + VMAP_ACCEPT;
			case RULE_RETURN:
				i += VMAP_RETURN;
				continue;
			case RULE_CONTINUE:
				i += VMAP_END;
				continue;
			case RULE_JUMP:
				if (depth == PROGRAM_JUMPS)
					return i + VMAP_DROP;
				back[depth++] = i + VMAP_END;
				/* fallthrough */
			case RULE_GOTO:
				i = code + find_target(prog, i->a, verdict.chain);
				continue;
			default:
				return i + VMAP_DROP;
			}
		case OP_SET_TRACE:
			e->nftrace = acc != 0;
			i++;
			if (tracing || !e->nftrace || !e->trace)
				continue;
			f->i = i;
			f->depth = depth;
			return &traced_from_here;
		case OP_JUMP:
			/* Deeper nesting was refused at load; as the kernel: then drop. */
			if (depth == PROGRAM_JUMPS)
				return i;
			back[depth++] = i + 1;
			i = code + i->a;
			continue;
		case OP_GOTO:
			i = code + i->a;
			continue;
		case OP_RETURN:
			if (!depth)
				return NULL;
			i = back[--depth];
			continue;
		default: /* ACCEPT, DROP, REJECT */
			return i;
		}
miss:
		if (tracing)
			tracing->missed = true;
		i = code + i->next;
	}
}

#undef LOAD
#undef WIDE

__attribute__((noinline)) static const struct insn *
run_traced(const struct program *prog, struct frame *f, struct eval *e, enum hook hook,
	   const struct program_base *base)
{
	struct tracing tracing = { .prog = prog, .e = e, .hook = hook };
	const struct insn *i;

	/* It goes on behind the instruction that said so, which may be its rule's last. */
	trace_begin(&tracing, f->i == prog->code + base->start ? NULL : f->i - 1, f->depth);
	i = run(prog, f, e, hook, &tracing);
	trace_end(&tracing, i, base);
	return i;
}

static const struct insn *run_base(const struct program *prog, const struct program_base *base,
				   struct eval *e, enum hook hook)
{
	struct frame f; /* back[] is not cleared: that would cost more than most chains */
	const struct insn *i;

	f.i = prog->code + base->start;
	f.depth = 0;
	if (e->nftrace && e->trace)
		return run_traced(prog, &f, e, hook, base);
	i = run(prog, &f, e, hook, NULL);
	return i == &traced_from_here ? run_traced(prog, &f, e, hook, base) : i;
}

static void result_rule(const struct insn *i, enum verdict verdict, struct eval_result *result)
{
	result->verdict = verdict;
	result->by = BY_RULE;
	result->at = i->op == OP_JUMP || i->op == OP_ACT || i->op == OP_STATE ||
				     i->op == OP_OBJECT ?
			     i->b :
			     i->a;
	if (verdict == VERDICT_REJECT) {
		result->reject.tcp_reset = i->k;
		result->reject.icmp_type = (uint8_t)(i->off >> 8);
		result->reject.icmp_code = (uint8_t)i->off;
	}
}

static void result_policy(const struct program *p, const struct program_base *b,
			  enum verdict verdict, struct eval_result *result)
{
	result->verdict = verdict;
	result->by = BY_POLICY;
	result->at = (uint32_t)(b - p->bases);
}

/* Show rules the packet, or what they see of it. */
static void look_at(struct eval *e, struct packet *packet, struct packet *seen)
{
	e->packet = packet;
	if (packet->flags & (PACKET_NO_L4 | PACKET_AUTH) && packet->family == L3_IPV6) {
		eval_view(packet, seen);
		e->packet = seen;
	}
}

static enum verdict eval_chains(const struct program *p, enum hook hook, enum stage stage,
				struct eval *e, struct packet *packet,
				struct eval_result *result)
{
	const struct program_slot *s = &p->slot[program_slot(e->packet->family, hook, stage)];
	const struct program_base *b, *end;
	const struct insn *accepted = NULL;
	struct packet seen;

	if (!s->n)
		return VERDICT_NONE;
	e->mapped = false;
	look_at(e, packet, &seen);
	b = p->bases + s->first;
	end = b + s->n;
	for (; b < end; b++) {
		const struct insn *i = run_base(p, b, e, hook);

		if (e->packet->flags & PACKET_MOVED) {
			packet_follow(packet);
			look_at(e, packet, &seen);
		}
		if (!i && b->drop) {
			result_policy(p, b, VERDICT_DROP, result);
			return VERDICT_DROP;
		}
		if (!i)
			continue;
		if (i->op == OP_ACCEPT) {
			accepted = i;
			if (e->mapped)
				break;
			continue;
		}
		result_rule(i, i->op == OP_REJECT ? VERDICT_REJECT : VERDICT_DROP, result);
		return result->verdict;
	}
	if (accepted)
		result_rule(accepted, VERDICT_ACCEPT, result);
	else
		result_policy(p, end - 1, VERDICT_ACCEPT, result);
	return VERDICT_ACCEPT;
}

enum verdict program_eval(const struct program *p, enum hook hook, enum stage stage,
			  struct eval *e, struct eval_result *result)
{
	struct packet *packet = e->packet;
	enum verdict verdict = eval_chains(p, hook, stage, e, packet, result);

	if (e->packet != packet) {
		packet_reread(packet); /* rules may have changed what they saw */
		e->packet = packet;
	}
	return verdict;
}

struct decider program_decider(const struct program *p, const struct eval_result *result)
{
	const struct program_rule *r = result->by == BY_RULE ? &p->rules[result->at] : NULL;
	const struct program_chain *c = &p->chains[r ? r->chain : p->bases[result->at].chain];

	return (struct decider){
		.family = c->family,
		.table = c->table,
		.chain = c->name,
		.handle = r ? r->handle : 0,
	};
}

unsigned program_hooks(const struct program *p, uint8_t family)
{
	return p->hooks[family == L3_IPV6];
}
