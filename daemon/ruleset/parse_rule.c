/* parse_rule.c - statements. */
#include "ruleset/stmt.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void rule_spec_fini(struct rule_spec *rule)
{
	for (size_t i = 0; i < rule->n_block; i++)
		rule_spec_fini(&rule->block[i]);
	free(rule->block);
	rule->block = NULL;
	rule->n_block = 0;
	stmts_fini(&rule->stmts);
	free(rule->comment);
	rule->comment = NULL;
}

/* ---- matches ---- */

static const struct {
	enum match_op op;
	int punct;
	const char *word;
} match_ops[] = {
	{ MATCH_EQ, PUNCT_EQ, "eq" }, { MATCH_NE, PUNCT_NE, "ne" },
	{ MATCH_LT, '<', "lt" },      { MATCH_GT, '>', "gt" },
	{ MATCH_LE, PUNCT_LE, "le" }, { MATCH_GE, PUNCT_GE, "ge" },
	{ MATCH_NOT, '!', "not" },
};

static enum match_op accept_match_op(struct parser *p)
{
	if (p->t.kind != TOKEN_PUNCT && p->t.kind != TOKEN_WORD)
		return MATCH_IMPLICIT;
	for (size_t i = 0; i < sizeof(match_ops) / sizeof(match_ops[0]); i++) {
		if (parse_accept(p, match_ops[i].punct) ||
		    parse_accept_word(p, match_ops[i].word))
			return match_ops[i].op;
	}
	return MATCH_IMPLICIT;
}

/* `flags a,b / c,d` is another way to write `flags & (c | d) == a | b`. */
static bool masked_match(struct parser *p, struct stmt *s, struct expr *mask)
{
	if (s->match.op != MATCH_IMPLICIT && s->match.op != MATCH_EQ &&
	    s->match.op != MATCH_NE) {
		diag_error(p->d, &s->span, "flags with a mask are compared with == or != only");
		expr_free(mask);
		return false;
	}
	if (s->match.op == MATCH_IMPLICIT)
		s->match.op = MATCH_EQ;
	s->match.left = expr_op(EXPR_AND, s->match.left, mask);
	return s->match.left || parse_oom(p);
}

/* Takes left over. */
static bool parse_match(struct parser *p, struct expr *left, struct stmt *s)
{
	struct expr *mask;

	*s = (struct stmt){ .kind = STMT_MATCH, .span = left->span };
	s->match.left = left;
	if (token_is_word(&p->t, "map")) {
		diag_error(p->d, &p->t.span,
			   "a map gives a value to be set: here only \"vmap\" "
			   "can follow, whose values are verdicts");
		return false;
	}
	s->match.op = accept_match_op(p);
	if (token_is(&p->t, '=')) {
		diag_error(p->d, &p->t.span,
			   "\"=\" is no operator: \"==\" compares, \"set\" gives a value");
		return false;
	}
	s->match.right = parse_right_masked(p, &mask);
	if (!s->match.right)
		return false;
	s->span = span_join(left->span, p->last);
	return !mask || masked_match(p, s, mask);
}

/* What can be set to a value. */
static const struct {
	enum selector_id target;
	enum stmt_kind kind;
} settable[] = {
	{ SELECTOR_META_NFTRACE, STMT_SET_META }, { SELECTOR_META_PRIORITY, STMT_SET_META },
	{ SELECTOR_META_MARK, STMT_SET_META },	  { SELECTOR_CT_MARK, STMT_SET_CT },
	{ SELECTOR_CT_LABEL, STMT_SET_CT },	  { SELECTOR_CT_EVENT, STMT_SET_CT },
	{ SELECTOR_CT_ZONE, STMT_SET_CT },	  { SELECTOR_CT_ORIGINAL_ZONE, STMT_SET_CT },
	{ SELECTOR_CT_REPLY_ZONE, STMT_SET_CT },
};

static enum stmt_kind kind_of_set(enum selector_id target)
{
	for (size_t i = 0; i < sizeof(settable) / sizeof(settable[0]); i++) {
		if (settable[i].target == target)
			return settable[i].kind;
	}
	return STMT_NONE;
}

/* Takes left over. */
static bool parse_set(struct parser *p, struct expr *left, struct stmt *s)
{
	enum selector_id target = left->selector;

	parse_advance(p); /* set */
	if (write_is_target(left))
		return write_parse(p, left, s);
	*s = (struct stmt){ .span = left->span };
	expr_free(left);
	if (parse_ct_given(p, target, s))
		return s->object.name || s->object.set;
	s->kind = kind_of_set(target);
	if (!s->kind) {
		diag_error(p->d, &s->span, "\"%s\" cannot be set", selectors[target].text);
		return false;
	}
	if (token_is(&p->t, '{')) {
		diag_error(p->d, &p->t.span, "one value is set, not a set of them");
		return false;
	}
	s->set.target = target;
	s->set.value = selectors[target].type->bitmask && !parse_at_selector(p) ?
			       parse_flag_list(p) : parse_value(p);
	if (!s->set.value)
		return false;
	s->span = span_join(s->span, p->last);
	return true;
}

/* Behind the word vmap; takes key over. */
static bool parse_vmap(struct parser *p, struct expr *key, struct stmt *s)
{
	*s = (struct stmt){ .kind = STMT_VMAP, .span = key->span };
	s->vmap.key = key;
	s->vmap.set = parse_map_set(p);
	s->span = span_join(key->span, p->last);
	return s->vmap.set != NULL;
}

static bool parse_match_or_set(struct parser *p, struct stmt *s)
{
	struct expr *left = parse_left(p);

	if (!left)
		return false;
	if (left->kind == EXPR_SELECTOR && token_is_word(&p->t, "set"))
		return parse_set(p, left, s);
	if (left->kind == EXPR_SYMBOL) {
		*s = (struct stmt){ .kind = STMT_MATCH, .span = left->span };
		s->match.left = left;
		diag_error(p->d, &left->span, "\"%s\" is neither a match nor a statement",
			   left->symbol);
		return false;
	}
	return parse_accept_word(p, "vmap") ? parse_vmap(p, left, s) : parse_match(p, left, s);
}

/* ---- statements ---- */

static const struct {
	const char *word;
	enum rule_verdict verdict;
} verdicts[] = {
	{ "accept", RULE_ACCEPT }, { "drop", RULE_DROP }, { "continue", RULE_CONTINUE },
	{ "return", RULE_RETURN }, { "jump", RULE_JUMP }, { "goto", RULE_GOTO },
};

bool parse_at_verdict(struct parser *p)
{
	return parse_word(p, &p->t)->verdict != RULE_NONE;
}

bool parse_accept_verdict(struct parser *p, enum rule_verdict *ret_verdict)
{
	enum rule_verdict verdict = parse_word(p, &p->t)->verdict;

	if (!verdict)
		return false;
	parse_advance(p);
	*ret_verdict = verdict;
	return true;
}

char *parse_target(struct parser *p)
{
	struct token name;
	struct expr *e;
	char *chain = NULL;

	if (token_is(&p->t, '$')) {
		e = parse_variable(p);
		if (e && e->kind == EXPR_SYMBOL) {
			chain = strdup(e->symbol);
			if (!chain)
				parse_oom(p);
		} else if (e) {
			diag_error(p->d, &p->last, "this variable is not the name of a chain");
		}
		expr_free(e);
		return chain;
	}
	if (!parse_name(p, "the name of a chain", &name))
		return NULL;
	chain = strndup(name.s, name.len);
	return chain ? chain : parse_oom(p);
}

/* One rule of a block, which becomes the last of those of the rule that has it. */
static bool parse_block_rule(struct parser *p, struct command *c, size_t arg)
{
	struct rule_spec *of = p->rule;
	struct rule_spec *grown =
		parse_grow(p, of->block, of->n_block, &of->cap_block, sizeof(*grown));
	bool ok;

	(void)c;
	(void)arg;
	if (!grown)
		return false;
	of->block = grown;
	grown += of->n_block++;
	*grown = (struct rule_spec){ .chain = of->chain, .within = true };
	ok = parse_rule(p, grown);
	p->rule = of;
	return ok;
}

/* At the {.  As in the kernel, no block is in another. */
static bool parse_rule_block(struct parser *p)
{
	if (!p->rule || p->rule->within) {
		diag_error(p->d, &p->t.span,
			   "there are no blocks within blocks: write the name of a chain");
		return false;
	}
	p->rule->has_block = true;
	return parse_block(p, NULL, 0, parse_block_rule);
}

static bool parse_verdict(struct parser *p, struct stmt *s, enum rule_verdict verdict)
{
	s->kind = STMT_VERDICT;
	s->verdict.verdict = verdict;
	if (verdict != RULE_JUMP && verdict != RULE_GOTO)
		return true;
	if (token_is(&p->t, '{'))
		return parse_rule_block(p);
	s->verdict.chain = parse_target(p);
	return s->verdict.chain != NULL;
}

/* What follows `with` names the codes of a type. */
static const struct {
	const char *word;
	enum reject_with with;
	const struct datatype *codes;
} reject_kinds[] = {
	{ "icmp", REJECT_ICMP, &datatype_icmp_code },
	{ "icmpv6", REJECT_ICMPV6, &datatype_icmpv6_code },
	{ "icmpx", REJECT_ICMPX, &datatype_icmpx_code },
};

static bool parse_reject_code(struct parser *p, struct stmt *s, const struct datatype *codes)
{
	const struct symbol *symbol;
	uint64_t number;
	char *word;

	parse_accept_word(p, "type");
	if (p->t.kind == TOKEN_NUMBER) {
		if (!parse_number(p, "a code", UINT8_MAX, &number))
			return false;
		s->reject.code = (uint8_t)number;
		return true;
	}
	if (p->t.kind != TOKEN_WORD) {
		parse_expected(p, "a code, such as admin-prohibited");
		return false;
	}
	word = strndup(p->t.s, p->t.len);
	if (!word) {
		parse_oom(p);
		return false;
	}
	symbol = symbol_find(codes->symbols, word);
	if (symbol) {
		s->reject.code = (uint8_t)symbol->value;
		parse_advance(p);
	} else {
		const char *near = symbol_suggest(codes->symbols, word);

		diag_error(p->d, &p->t.span, "unknown %s \"%s\"", codes->what, word);
		if (near)
			diag_hint(p->d, "did you mean \"%s\"?", near);
	}
	free(word);
	return symbol != NULL;
}

static bool parse_reject(struct parser *p, struct stmt *s)
{
	s->kind = STMT_REJECT;
	s->reject.with = REJECT_DEFAULT;
	if (!parse_accept_word(p, "with"))
		return true;
	if (parse_accept_word(p, "tcp")) {
		s->reject.with = REJECT_TCP_RESET;
		if (parse_accept_word(p, "reset"))
			return true;
		parse_expected(p, "\"reset\"");
		return false;
	}
	for (size_t i = 0; i < sizeof(reject_kinds) / sizeof(reject_kinds[0]); i++) {
		if (parse_accept_word(p, reject_kinds[i].word)) {
			s->reject.with = reject_kinds[i].with;
			return parse_reject_code(p, s, reject_kinds[i].codes);
		}
	}
	parse_expected(p, "\"tcp reset\", \"icmp\", \"icmpv6\" or \"icmpx\"");
	return false;
}

static bool parse_notrack(struct parser *p, struct stmt *s)
{
	(void)p;
	s->kind = STMT_NOTRACK;
	return true;
}

/* What a filter behind a TUN cannot do, ever. */
static const struct {
	const char *word, *why;
} impossible[] = {
	{ "queue", "this daemon is the userspace that packets are queued to" },
	{ "dup", "what is written to a TUN goes where the host routes it, and nowhere else" },
	{ "fwd", "what is written to a TUN goes where the host routes it, and nowhere else" },
	{ "tproxy", "the packets here belong to no local socket" },
	{ "synproxy", "it would have to answer for hosts whose sequence numbers the host's own "
		      "stack must translate" },
	{ "flow", "every packet comes through the TUN: there is nothing to offload it to" },
};

static bool refuse_statement(struct parser *p, struct stmt *s)
{
	(void)s;
	for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++) {
		if (strlen(impossible[i].word) == p->last.len &&
		    !memcmp(impossible[i].word, p->last.source->text + p->last.off,
			    p->last.len)) {
			diag_error(p->d, &p->last, "there is no \"%s\" here: %s",
				   impossible[i].word, impossible[i].why);
			return false;
		}
	}
	diag_error(p->d, &p->last, "the statement \"%.*s\" is not supported by this version",
		   (int)p->last.len, p->last.source->text + p->last.off);
	return false;
}

static const struct {
	const char *word;
	bool (*parse)(struct parser *p, struct stmt *s);
} statements[] = {
	{ "counter", parse_counter },
	{ "limit", parse_limit },
	{ "quota", parse_quota },
	{ "last", parse_last },
	{ "log", parse_log },
	{ "reject", parse_reject },
	{ "notrack", parse_notrack },
	{ "reset", reset_parse },
	{ "snat", nat_parse_snat },
	{ "dnat", nat_parse_dnat },
	{ "masquerade", nat_parse_masquerade },
	{ "redirect", nat_parse_redirect },
#define REFUSED(word)                                                                          \
	{                                                                                      \
		word, refuse_statement                                                         \
	}
	REFUSED("queue"),
	REFUSED("dup"),
	REFUSED("fwd"),
	REFUSED("tproxy"),
	REFUSED("synproxy"),
	REFUSED("flow"),
	{ "add", parse_dynset_add },
	{ "update", parse_dynset_update },
	{ "delete", parse_dynset_delete },
	{ "set", parse_dynset_set },
	REFUSED("map"),
	{ "meter", parse_meter },
	REFUSED("xt"),
	REFUSED("secmark"),
#undef REFUSED
};

static bool ends_value(const struct token *t, const struct word *w)
{
	/* Also types of messages and states of flows, or no keyword elsewhere. */
	if (token_is_word(t, "redirect") || token_is_word(t, "snat") ||
	    token_is_word(t, "dnat") || token_is_word(t, "last") ||
	    token_is_word(t, "secmark"))
		return false;
	return w->statement || w->verdict || token_is_word(t, "comment");
}

void parse_learn_statement(const struct token *t, struct word *w)
{
	static_assert(sizeof(statements) / sizeof(statements[0]) < UINT8_MAX, "they are numbered");
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		if (token_is_word(t, statements[i].word))
			w->statement = (uint8_t)(1 + i);
	}
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		if (token_is_word(t, verdicts[i].word))
			w->verdict = (uint8_t)verdicts[i].verdict;
	}
	w->ends_value = ends_value(t, w);
}

bool parse_at_statement(struct parser *p)
{
	return parse_word(p, &p->t)->ends_value;
}

size_t parse_verdict_words(const char *ret_words[PARSE_VERDICTS_MAX])
{
	size_t n = sizeof(verdicts) / sizeof(verdicts[0]);

	static_assert(sizeof(verdicts) / sizeof(verdicts[0]) <= PARSE_VERDICTS_MAX,
		      "all of them");
	for (size_t i = 0; i < n; i++)
		ret_words[i] = verdicts[i].word;
	return n;
}

size_t parse_statement_words(const char *ret_words[PARSE_STATEMENTS_MAX])
{
	size_t n = 0;

	static_assert(sizeof(statements) / sizeof(statements[0]) +
				      sizeof(verdicts) / sizeof(verdicts[0]) <=
			      PARSE_STATEMENTS_MAX,
		      "all of them");
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		if (statements[i].parse != refuse_statement)
			ret_words[n++] = statements[i].word;
	}
	return n + parse_verdict_words(ret_words + n);
}

/* At ct: what follows makes it a statement. */
static bool is_count(struct parser *p)
{
	struct token next = parse_peek(p);

	return token_is_word(&next, "count");
}

bool parse_statement(struct parser *p, struct stmt *s)
{
	struct token first = p->t;
	enum rule_verdict verdict;
	unsigned row;
	bool ok;

	*s = (struct stmt){ .span = first.span };
	if (parse_accept_verdict(p, &verdict)) {
		ok = parse_verdict(p, s, verdict);
		s->span = span_join(first.span, p->last);
		return ok;
	}
	if (token_is_word(&first, "ct") && is_count(p)) {
		parse_advance(p);
		parse_advance(p);
		ok = parse_connlimit(p, s);
		s->span = span_join(first.span, p->last);
		return ok;
	}
	row = parse_word(p, &first)->statement;
	if (!row)
		return parse_match_or_set(p, s);
	parse_advance(p);
	if (!statements[row - 1].parse(p, s))
		return false;
	s->span = span_join(first.span, p->last);
	return true;
}

/* A statement of a rule, behind the one before it, if any. */
static bool parse_next(struct parser *p, const struct stmt *before, struct stmt *s)
{
	struct hint_place place = {.before = before, .first = p->t, .last = p->last};
	unsigned errors = p->d->errors;

	if (parse_statement(p, s))
		return true;
	if (p->d->errors == errors + 1 && !parse_selector_known(&place.first) &&
	    !parse_word(p, &place.first)->statement && !parse_word(p, &place.first)->verdict)
		parse_hint(p, &place);
	return false;
}

bool parse_rule(struct parser *p, struct rule_spec *rule)
{
	struct span first = p->t.span;
	struct stmt s;

	p->rule = rule;
	rule->stmts = p->spare;
	p->spare = (struct stmts){ 0 };
	do {
		size_t n = rule->stmts.n;

		if (!parse_next(p, n ? &rule->stmts.v[n - 1] : NULL, &s)) {
			stmt_fini(&s);
			return false;
		}
		if (!stmts_add(&rule->stmts, &s)) {
			parse_oom(p);
			return false;
		}
		rule->span = span_join(first, p->last);
	} while (!parse_at_separator(p) && !token_is_word(&p->t, "comment") &&
		 !token_is(&p->t, '}'));
	stmts_settle(&rule->stmts, &p->spare);
	if (parse_accept_word(p, "comment") && !parse_comment(p, &rule->comment))
		return false;
	if (parse_at_separator(p))
		return true;
	parse_expected(p, "the end of the rule: \";\" or a new line");
	return false;
}
