/* compile.c - model to program: tables, chains, rules, statements.
 *
 * Runs once a change, in one thread; what it makes is immutable.  Each table is compiled
 * for the packets that it sees: ip for IPv4, ip6 for IPv6, inet for each of both.  Dormant
 * tables are left out (their base chains are not hooked, and nobody else can jump there). */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset/stmt.h"

/* Make room for one more element of size in *array, which holds n of *cap. */
static bool room(struct builder *b, void **array, uint32_t *cap, uint32_t n, size_t size)
{
	uint32_t want;
	void *more;

	if (b->failed)
		return false;
	if (n < *cap)
		return true;
	want = *cap ? *cap * 2 : 64;
	more = want > *cap ? realloc(*array, want * size) : NULL;
	if (!more) {
		b->failed = true;
		return false;
	}
	*array = more;
	*cap = want;
	return true;
}
#define ROOM(b, what)                                                                          \
	room(b, (void **)&(b)->program->what, &(b)->cap_##what, (b)->program->n_##what,        \
	     sizeof(*(b)->program->what))

void compile_emit(struct builder *b, struct insn insn)
{
	if (ROOM(b, code))
		b->program->code[b->program->n_code++] = insn;
}

uint32_t compile_pair(struct builder *b, struct wide first, struct wide second)
{
	if (!ROOM(b, pairs))
		return 0;
	b->program->pairs[b->program->n_pairs] = (struct wide_pair){ first, second };
	return b->program->n_pairs++;
}

uint32_t compile_lookup(struct builder *b, struct wide_range *ranges, size_t n, unsigned bits)
{
	struct lookup *l;

	if (!ROOM(b, lookups))
		return 0;
	l = lookup_new(ranges, n, bits);
	if (!l) {
		b->failed = true;
		return 0;
	}
	b->program->lookups[b->program->n_lookups] = l;
	return b->program->n_lookups++;
}

bool compile_room_set(struct builder *b)
{
	return ROOM(b, sets);
}

bool compile_room_nat(struct builder *b)
{
	return ROOM(b, nats);
}

bool compile_room_dynset(struct builder *b)
{
	return ROOM(b, dynsets);
}

bool compile_room_state(struct builder *b)
{
	return ROOM(b, states);
}

bool compile_room_variant(struct builder *b)
{
	return ROOM(b, variants);
}

bool compile_room_target(struct builder *b)
{
	return ROOM(b, targets);
}

uint32_t compile_made(struct builder *b, const struct program_made *made)
{
	for (uint32_t i = b->program->n_made; made->expr && i-- > 0;) {
		if (b->program->made[i].expr == made->expr)
			return i;
	}
	if (!ROOM(b, made))
		return 0;
	memcpy(&b->program->made[b->program->n_made], made, sizeof(*made));
	return b->program->n_made++;
}

uint32_t compile_mangle(struct builder *b, const struct mangle *m)
{
	if (!ROOM(b, mangles))
		return 0;
	b->program->mangles[b->program->n_mangles] = *m;
	return b->program->n_mangles++;
}

static void emit(struct builder *b, enum op op, uint32_t a)
{
	compile_emit(b, (struct insn){ .op = (uint8_t)op, .a = a });
}

/* ---- statements ---- */

/* Destination unreachable, and its codes for what NFT_REJECT_ICMPX_* says for both families
 * (nft_reject_icmp_code(), nft_reject_icmpv6_code(); RFC 792, RFC 1812 5.2.7.1, RFC 4443
 * 3.1). */
#define ICMP_UNREACHABLE   3
#define ICMPV6_UNREACHABLE 1
static const struct {
	uint8_t icmp, icmpv6;
} icmpx[] = {
	{ 0, 0 },  /* no-route */
	{ 3, 4 },  /* port-unreachable */
	{ 1, 3 },  /* host-unreachable */
	{ 13, 1 }, /* admin-prohibited */
};
#define ICMPX_PORT_UNREACH 1

static enum outcome compile_reject(struct builder *b, const struct stmt *s)
{
	bool v4 = b->l3 == L3_IPV4;
	unsigned code = s->reject.code;
	struct insn insn = { .op = OP_REJECT, .a = b->rule };

	switch (s->reject.with) {
	case REJECT_TCP_RESET: /* for TCP only: others do not match (nft adds the test) */
		compile_emit(b, (struct insn){
					.op = OP_TEST(LOAD_PROTO, TEST_EQ),
					.a = IPPROTO_TCP,
					.b = UINT32_MAX,
				});
		insn.k = true;
		break;
	case REJECT_ICMP:
	case REJECT_ICMPV6:
		if ((s->reject.with == REJECT_ICMP) != v4)
			return OUTCOME_NEVER;
		break;
	default:
		if (s->reject.with == REJECT_DEFAULT ||
		    code >= sizeof(icmpx) / sizeof(icmpx[0]))
			code = ICMPX_PORT_UNREACH;
		code = v4 ? icmpx[code].icmp : icmpx[code].icmpv6;
		break;
	}
	if (!insn.k)
		insn.off = (uint16_t)((v4 ? ICMP_UNREACHABLE : ICMPV6_UNREACHABLE) << 8 | code);
	compile_emit(b, insn);
	return OUTCOME_GOES_ON;
}

static void compile_verdict(struct builder *b, const struct stmt *s)
{
	size_t target;

	switch (s->verdict.verdict) {
	case RULE_ACCEPT:
		emit(b, OP_ACCEPT, b->rule);
		break;
	case RULE_DROP:
		emit(b, OP_DROP, b->rule);
		break;
	case RULE_RETURN:
		emit(b, OP_RETURN, 0);
		break;
	case RULE_JUMP:
	case RULE_GOTO:
		target = chain_find(b->table, s->verdict.chain);
		if (target == MODEL_NONE)
			abort(); /* transaction lets no rule name a chain that is not there */
		/* The number, until all chains have their place. */
		compile_emit(b,
			     (struct insn){
				     .op = s->verdict.verdict == RULE_JUMP ? OP_JUMP : OP_GOTO,
				     .a = b->first_chain + (uint32_t)target,
				     .b = b->rule,
			     });
		break;
	default: /* continue: what the next statement would do anyway */
		break;
	}
}

static void compile_log(struct builder *b, const struct stmt *s)
{
	if (!ROOM(b, logs))
		return;
	b->program->logs[b->program->n_logs] = &s->log;
	emit(b, OP_LOG, b->program->n_logs++);
}

/* ---- what rules do to flows ---- */

static void emit_action(struct builder *b, const struct ct_action *action, bool from_acc)
{
	struct program *p = b->program;

	if (!ROOM(b, actions))
		return;
	p->actions[p->n_actions] = *action;
	compile_emit(b, (struct insn){ .op = OP_ACT, .k = from_acc, .a = p->n_actions,
				       .b = b->rule });
	p->n_actions++;
}

static const enum ct_action_kind action_kinds[KIND_COUNT] = {
	[KIND_CT_HELPER] = CT_ACTION_HELPER,
	[KIND_CT_TIMEOUT] = CT_ACTION_TIMEOUT,
	[KIND_CT_EXPECTATION] = CT_ACTION_EXPECTATION,
};

/* An object for maps; what it remembers has no place in a check. */
static void add_object(struct builder *b, const struct object *o)
{
	const enum state_kind kind = object_state_kind(o->kind);
	struct program *p = b->program;
	struct program_object po = { .handle = o->handle, .acts = !kind };

	if (kind && (!p->counters || o->state.slot == STATE_NONE))
		return;
	if (!ROOM(b, objects) || !ROOM(b, states) || !ROOM(b, actions))
		return;
	if (kind) {
		po.at = p->n_states++;
		p->states[po.at] = compile_state_of(kind, &o->state);
		/* A counter's slot is none of these. */
		if (kind != STATE_COUNTER)
			p->states[po.at].word =
				state_at(counters_states(p->counters), o->state.slot)->word;
	} else {
		po.at = p->n_actions++;
		p->actions[po.at] = (struct ct_action){
			.kind = action_kinds[o->kind], .object = &o->ct
		};
	}
	p->objects[p->n_objects++] = po;
	b->n_objects++;
}

static int by_object(const void *a, const void *b)
{
	const struct program_object *x = a, *y = b;

	return (x->handle > y->handle) - (x->handle < y->handle);
}

/* The table's objects, for maps that name them. */
static void add_objects(struct builder *b)
{
	const struct table *t = b->table;

	b->first_object = b->program->n_objects;
	b->n_objects = 0;
	for (size_t i = 0; i < t->n_objects && !b->failed; i++)
		add_object(b, t->objects[i]);
	if (b->n_objects)
		qsort(b->program->objects + b->first_object, b->n_objects,
		      sizeof(*b->program->objects), by_object);
}

/* An object is named by the table's own rules only, and cannot go while they do. */
static void compile_object(struct builder *b, const struct stmt *s)
{
	size_t at = object_find(b->table, s->object.kind, s->object.name);

	if (at == MODEL_NONE)
		abort(); /* transaction lets no rule name an object that is not there */
	if (object_state_kind(s->object.kind)) {
		compile_state(b, object_state_kind(s->object.kind),
			      &b->table->objects[at]->state);
		return;
	}
	emit_action(b,
		    &(struct ct_action){
			    .kind = action_kinds[s->object.kind],
			    .object = &b->table->objects[at]->ct,
		    },
		    false);
}

/* ct label set: the flags as they are in struct flow_ext. */
static void compile_label(struct builder *b, const struct expr *value)
{
	struct ct_action action = { .kind = CT_ACTION_LABEL };

	for (unsigned n = 0; n < 128; n++)
		action.label[n / 64] |=
			(uint64_t)value_has_flag(value->type, &value->value, n) << n % 64;
	emit_action(b, &action, false);
}

static enum outcome compile_set_ct(struct builder *b, const struct stmt *s)
{
	const enum selector_id target = s->set.target;
	const struct ct_action zone = {
		.kind = CT_ACTION_ZONE,
		.original = target != SELECTOR_CT_REPLY_ZONE,
		.reply = target != SELECTOR_CT_ORIGINAL_ZONE,
	};

	if (target == SELECTOR_CT_LABEL) {
		compile_label(b, s->set.value);
		return OUTCOME_GOES_ON;
	}
	if (compile_value(b, selectors[s->set.target].type, VALUE_FOR_HOST, s->set.value) ==
	    OUTCOME_NEVER)
		return OUTCOME_NEVER;
	if (target == SELECTOR_CT_MARK)
		emit(b, OP_SET_CT_MARK, 0);
	else if (target == SELECTOR_CT_EVENT)
		emit_action(b, &(struct ct_action){ .kind = CT_ACTION_EVENT }, true);
	else
		emit_action(b, &zone, true);
	return OUTCOME_GOES_ON;
}

static enum outcome compile_stmt(struct builder *b, const struct stmt *s)
{
	struct program_rule *r = &b->program->rules[b->rule];

	switch (s->kind) {
	case STMT_MATCH:
		return compile_match(b, s);
	case STMT_VMAP:
		return compile_vmap(b, s);
	case STMT_DYNSET:
		r->effects = true;
		return compile_dynset(b, s);
	case STMT_VERDICT:
		compile_verdict(b, s);
		break;
	case STMT_REJECT:
		return compile_reject(b, s);
	case STMT_COUNTER:
	case STMT_LIMIT:
	case STMT_QUOTA:
	case STMT_LAST:
	case STMT_CONNLIMIT:
		r->effects = true;
		compile_state(b, stmt_state_kind(s), &s->state);
		break;
	case STMT_LOG:
		r->effects = true;
		compile_log(b, s);
		break;
	case STMT_SET_META:
		r->effects = true;
		if (compile_value(b, selectors[s->set.target].type, VALUE_FOR_HOST,
				  s->set.value) == OUTCOME_NEVER)
			return OUTCOME_NEVER;
		emit(b,
		     s->set.target == SELECTOR_META_NFTRACE   ? OP_SET_TRACE :
		     s->set.target == SELECTOR_META_PRIORITY ? OP_SET_PRIORITY :
								OP_SET_MARK,
		     0);
		break;
	case STMT_SET_CT:
		r->effects = true;
		return compile_set_ct(b, s);
	case STMT_OBJECT:
		r->effects = true;
		if (s->object.set)
			return compile_object_map(b, s);
		compile_object(b, s);
		break;
	case STMT_NOTRACK:
		r->effects = true;
		emit_action(b, &(struct ct_action){ .kind = CT_ACTION_NOTRACK }, false);
		break;
	case STMT_NAT:
		r->effects = true;
		return compile_nat(b, s);
	case STMT_RESET_OPTION:
		r->effects = true;
		reset_compile(b, s);
		break;
	case STMT_WRITE:
		r->effects = true;
		return write_compile(b, s);
	case STMT_NONE:
		break;
	}
	return OUTCOME_GOES_ON;
}

/* ---- rules, chains, tables ---- */

static void compile_rule(struct builder *b, const struct rule *rule, uint32_t chain)
{
	struct program *p = b->program;
	uint32_t start = p->n_code;

	if (!ROOM(b, rules))
		return;
	b->rule = p->n_rules;
	b->known_l3 = b->table->family != FAMILY_INET;
	b->known_l4 = false;
	p->rules[p->n_rules++] = (struct program_rule){
		.handle = rule->handle,
		.chain = chain,
		.start = start,
		.depends = DEPENDS_FLOW,
	};
	for (size_t i = 0; i < rule->n_stmts && !b->failed; i++) {
		if (compile_stmt(b, &rule->stmts[i]) == OUTCOME_NEVER) {
			p->rules[b->rule].never = true;
			break;
		}
	}
	if (b->failed)
		return;
	p->rules[b->rule].end = p->n_code;
	for (uint32_t i = start; i < p->n_code; i++)
		p->code[i].next = p->n_code;
}

/* Before NAT or behind: of equal priority, what was hooked up later comes first. */
static enum stage stage_of(const struct builder *b, const struct chain *c)
{
	bool to = c->hook == HOOK_PREROUTING || c->hook == HOOK_OUTPUT;
	int32_t nat = to ? HOOK_PRIORITY_DNAT : HOOK_PRIORITY_SNAT;
	uint64_t registered = b->nat_registered[b->l3 == L3_IPV6];

	if (c->type == CHAIN_NAT)
		return STAGE_NAT;
	/* Before the other hooks conntrack has always been. */
	if (to && c->priority < HOOK_PRIORITY_CONNTRACK)
		return STAGE_EARLY;
	if (!registered || c->hook == HOOK_FORWARD || c->priority < nat)
		return STAGE_MAIN;
	return c->priority == nat && c->registered > registered ? STAGE_MAIN : STAGE_LATE;
}

static void compile_base(struct builder *b, const struct chain *c, uint32_t number)
{
	if (!ROOM(b, bases))
		return;
	b->program->bases[b->program->n_bases++] = (struct program_base){
		.chain = number,
		.start = b->program->chains[number].start,
		.drop = c->drop,
		.slot = (uint8_t)program_slot(b->l3, c->hook, stage_of(b, c)),
		.priority = c->priority,
		.registered = c->registered,
	};
}

static void compile_chain(struct builder *b, const struct chain *c, uint32_t number)
{
	b->program->chains[number].start = b->program->n_code;
	for (size_t i = 0; i < c->n_rules && !b->failed; i++)
		compile_rule(b, c->rules[i], number);
	emit(b, OP_RETURN, 0);
	if (c->type != CHAIN_REGULAR)
		compile_base(b, c, number);
}

static void compile_table(struct builder *b, const struct table *t)
{
	struct program *p = b->program;
	uint32_t start = p->n_code;

	b->table = t;
	b->first_chain = p->n_chains;
	for (size_t i = 0; i < t->n_chains; i++) {
		if (!ROOM(b, chains))
			return;
		p->chains[p->n_chains++] = (struct program_chain){
			.family = family_name(t->family),
			.table = t->name,
			.name = t->chains[i]->name,
		};
	}
	compile_targets(b);
	add_objects(b);
	for (size_t i = 0; i < t->n_chains; i++)
		compile_chain(b, t->chains[i], b->first_chain + (uint32_t)i);
	for (uint32_t i = b->first_target; i < p->n_targets && !b->failed; i++)
		p->targets[i].start = p->chains[p->targets[i].start].start;
	for (uint32_t i = start; i < p->n_code && !b->failed; i++) {
		if (p->code[i].op == OP_JUMP || p->code[i].op == OP_GOTO)
			p->code[i].a = p->chains[p->code[i].a].start;
	}
}

static bool table_sees(const struct table *t, uint8_t l3)
{
	if (t->flags & TABLE_DORMANT)
		return false;
	return t->family == FAMILY_INET || (t->family == FAMILY_IP) == (l3 == L3_IPV4);
}

/* By slot, then as the kernel runs them: a lower priority first, among equal ones the one
 * that was registered last (nf_hook_entries_grow). */
static int base_compare(const void *a, const void *b)
{
	const struct program_base *x = a, *y = b;

	if (x->slot != y->slot)
		return x->slot < y->slot ? -1 : 1;
	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return (x->registered < y->registered) - (x->registered > y->registered);
}

static void hook_up(struct program *p)
{
	if (p->n_bases)
		qsort(p->bases, p->n_bases, sizeof(*p->bases), base_compare);
	for (uint32_t i = p->n_bases; i-- > 0;) {
		struct program_slot *s = &p->slot[p->bases[i].slot];

		s->first = i;
		s->n++;
	}
}

/* What an instruction needs that the engine does not do for every packet. */
static unsigned needs_of(const struct program *p, const struct insn *i)
{
	switch (i->op) {
	case OP_LOG:
	case OP_SET_TRACE:
	case OP_NAT: /* masquerade and redirect ask which interface it is */
		return PROGRAM_INTERFACES;
	case OP_CT:
		return i->k == CT_FIELD_LABEL  ? PROGRAM_LABELS :
		       i->k == CT_FIELD_HELPER ? PROGRAM_HELPERS :
		       i->k == CT_FIELD_ID     ? PROGRAM_IDS :
						 0;
	case OP_OBJECT:
		return i->k ? PROGRAM_EXTENDS : 0;
	case OP_ACT:
		/* Helpers keep their notes in extensions. */
		return p->actions[i->a].kind == CT_ACTION_LABEL ||
				       p->actions[i->a].kind == CT_ACTION_HELPER ?
			       PROGRAM_EXTENDS :
			       0;
	default:
		return i->op < OP_BITS && i->op / TEST_COUNT == LOAD_WIDE_EVAL ?
			       PROGRAM_INTERFACES :
			       0;
	}
}

/* What the engine wants to know before it asks. */
static void summarise(struct program *p)
{
	unsigned all = 0;

	for (uint32_t i = 0; i < p->n_code; i++)
		all |= needs_of(p, &p->code[i]);
	for (unsigned v6 = 0; v6 < 2; v6++) {
		uint8_t family = v6 ? L3_IPV6 : L3_IPV4;

		p->hooks[v6] = all;
		for (enum hook hook = HOOK_PREROUTING; hook < HOOK_COUNT; hook++) {
			for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
				if (p->slot[program_slot(family, hook, stage)].n)
					p->hooks[v6] |= PROGRAM_HOOK(hook, stage);
			}
			if (p->slot[program_slot(family, hook, STAGE_NAT)].n)
				p->hooks[v6] |= PROGRAM_NAT;
		}
	}
}

/* The first of a family's chains of type nat hooks NAT up, at all four hooks. */
static void hook_nat(struct builder *b, const struct ruleset *rs)
{
	uint64_t *registered = &b->nat_registered[b->l3 == L3_IPV6];

	for (size_t i = 0; i < rs->n_tables; i++) {
		const struct table *t = rs->tables[i];

		for (size_t j = 0; table_sees(t, b->l3) && j < t->n_chains; j++) {
			const struct chain *c = t->chains[j];

			if (c->type == CHAIN_NAT &&
			    (!*registered || c->registered < *registered))
				*registered = c->registered;
		}
	}
}

struct program *program_compile(struct ruleset *rs)
{
	static const uint8_t l3[] = { L3_IPV4, L3_IPV6 };
	struct builder b = { .program = calloc(1, sizeof(*b.program)) };

	if (!b.program)
		return NULL;
	b.program->ruleset = ruleset_ref(rs);
	b.program->counters = rs->counters;
	for (size_t i = 0; i < sizeof(l3); i++) {
		b.l3 = l3[i];
		hook_nat(&b, rs);
		for (size_t j = 0; j < rs->n_tables && !b.failed; j++) {
			if (table_sees(rs->tables[j], b.l3))
				compile_table(&b, rs->tables[j]);
		}
	}
	if (b.failed) {
		program_free(b.program);
		return NULL;
	}
	hook_up(b.program);
	summarise(b.program);
	return b.program;
}

void program_free(struct program *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; i < p->n_lookups; i++)
		free(p->lookups[i]);
	for (uint32_t i = 0; i < p->n_sets; i++)
		set_content_unref(p->sets[i].content);
	free(p->sets);
	free(p->dynsets);
	free(p->targets);
	free(p->objects);
	free(p->lookups);
	free(p->code);
	free(p->bases);
	free(p->chains);
	free(p->rules);
	free(p->pairs);
	free(p->logs);
	free(p->actions);
	free(p->states);
	free(p->variants);
	free(p->made);
	free(p->mangles);
	free(p->nats);
	ruleset_unref(p->ruleset);
	free(p);
}

void program_each_timeout(const struct program *p,
			  void (*each)(void *arg, const struct ct_object *object), void *arg)
{
	for (size_t i = 0; i < p->ruleset->n_tables; i++) {
		const struct table *t = p->ruleset->tables[i];

		for (size_t j = 0; j < t->n_objects; j++) {
			if (t->objects[j]->kind == KIND_CT_TIMEOUT)
				each(arg, &t->objects[j]->ct);
		}
	}
}
