/* print_stmt.c - statements as nft lists them. */
#include <inttypes.h>

#include "ruleset/stmt.h"

/* ---- expressions ---- */

static const char *operator_text(enum expr_kind kind)
{
	switch (kind) {
	case EXPR_AND:
		return "&";
	case EXPR_OR:
		return "|";
	case EXPR_XOR:
		return "^";
	case EXPR_LSHIFT:
		return "<<";
	case EXPR_RSHIFT:
		return ">>";
	default:
		return "";
	}
}

/* What binds more loosely is put in parentheses. */
static unsigned precedence(enum expr_kind kind)
{
	switch (kind) {
	case EXPR_LSHIFT:
	case EXPR_RSHIFT:
		return 1;
	case EXPR_AND:
		return 2;
	case EXPR_XOR:
		return 3;
	case EXPR_OR:
		return 4;
	default:
		return 0;
	}
}

/* The constant of an operation of this kind: several flags are one themselves. */
static void print_operand(const struct expr *e, enum expr_kind kind, unsigned flags,
			  struct text *out)
{
	bool several = kind != EXPR_OR && e->type->bitmask &&
		       !value_is_zero(e->type, &e->value) &&
		       !value_is_one_flag(e->type, &e->value);

	text_puts(out, several ? "(" : "");
	print_expr(e, flags, out);
	text_puts(out, several ? ")" : "");
}

static void print_operation(const struct expr *e, unsigned flags, struct text *out)
{
	bool looser = precedence(e->op.left->kind) > precedence(e->kind);

	text_puts(out, looser ? "(" : "");
	print_expr(e->op.left, flags, out);
	text_printf(out, "%s %s ", looser ? ")" : "", operator_text(e->kind));
	if (e->kind == EXPR_LSHIFT || e->kind == EXPR_RSHIFT)
		text_printf(out, "%" PRIu64, e->op.right->value.num);
	else
		print_operand(e->op.right, e->kind, flags, out);
}

/* Ends of ranges are never shown by name.  Where nft cuts off what is less than a second
 * although nobody asked for seconds, its listing would be another rule: we show all. */
static void print_bound(const struct expr *e, unsigned flags, struct text *out)
{
	if (e->type == &datatype_time && e->value.num % 1000 &&
	    !(flags & (PRINT_NUMERIC | PRINT_NUMERIC_TIME))) {
		time_print(out, e->value.num);
		return;
	}
	value_print_whole(out, e->type, &e->value,
			  (flags | PRINT_NUMERIC) & ~(unsigned)PRINT_SERVICE);
}

static void print_items(const struct expr *e, unsigned flags, struct text *out)
{
	text_puts(out, "{ ");
	for (size_t i = 0; i < e->list.n; i++) {
		if (i)
			text_puts(out, ", ");
		print_expr(e->list.item[i], flags, out);
	}
	text_puts(out, " }");
}

void print_verdict(enum rule_verdict verdict, const char *chain, struct text *out)
{
	static const char *const names[] = {
		[RULE_NONE] = "",	  [RULE_ACCEPT] = "accept",
		[RULE_DROP] = "drop",	  [RULE_CONTINUE] = "continue",
		[RULE_RETURN] = "return", [RULE_JUMP] = "jump",
		[RULE_GOTO] = "goto",
	};

	text_puts(out, names[verdict]);
	if (chain)
		text_printf(out, " %s", chain);
}

void print_expr(const struct expr *e, unsigned flags, struct text *out)
{
	switch (e->kind) {
	case EXPR_SELECTOR:
		print_field(e, flags, out);
		break;
	case EXPR_VALUE:
		value_print(out, e->type, &e->value, flags);
		break;
	case EXPR_RANGE:
		print_bound(e->range.lo, flags, out);
		text_putc(out, '-');
		print_bound(e->range.hi, flags, out);
		break;
	case EXPR_PREFIX:
		value_print_whole(out, e->type, &e->prefix.value, flags);
		text_printf(out, "/%u", e->prefix.len);
		break;
	case EXPR_SET:
		print_items(e, flags, out);
		break;
	case EXPR_CONCAT:
		for (size_t i = 0; i < e->list.n; i++) {
			text_puts(out, i ? " . " : "");
			print_expr(e->list.item[i], flags, out);
		}
		break;
	case EXPR_SETREF:
		text_printf(out, "@%s", e->symbol);
		break;
	case EXPR_MAP:
		print_expr(e->map.key, flags, out);
		text_puts(out, " map ");
		print_expr(e->map.set, flags, out);
		break;
	case EXPR_MAPPING:
		print_expr(e->mapping.key, flags, out);
		text_puts(out, " : ");
		print_expr(e->mapping.data, flags, out);
		break;
	case EXPR_VERDICT:
		print_verdict(e->verdict.verdict, e->verdict.chain, out);
		break;
	case EXPR_ALL:
		text_putc(out, '*');
		break;
	case EXPR_ELEMENT:
		print_expr(e->element.key, flags, out);
		if (e->element.extra->comment)
			text_printf(out, " comment \"%s\"", e->element.extra->comment);
		break;
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_XOR:
	case EXPR_LSHIFT:
	case EXPR_RSHIFT:
		print_operation(e, flags, out);
		break;
	case EXPR_NONE:
	case EXPR_SYMBOL: /* an object, in a map */
		text_printf(out, "\"%s\"", e->symbol);
		break;
	case EXPR_LIST:
		break;
	}
}

/* ---- matches ---- */

static const char *match_op_text(enum match_op op)
{
	switch (op) {
	case MATCH_EQ:
		return "== ";
	case MATCH_NE:
		return "!= ";
	case MATCH_LT:
		return "< ";
	case MATCH_GT:
		return "> ";
	case MATCH_LE:
		return "<= ";
	case MATCH_GE:
		return ">= ";
	case MATCH_NOT:
		return "! ";
	case MATCH_IMPLICIT:
	case MATCH_NONE:
		break;
	}
	return "";
}

static bool has_name(const struct datatype *dt, uint64_t number)
{
	if (dt->class != VALUE_NUMBER)
		return false;
	for (const struct symbol *s = dt->symbols; s && s->name; s++) {
		if (s->value == number)
			return true;
	}
	return false;
}

/* `flags a / a,b`: equality under a mask, unless it is a single flag compared with itself. */
static bool print_masked_flags(const struct stmt *s, unsigned flags, struct text *out)
{
	const struct expr *left = s->match.left, *right = s->match.right;
	const struct datatype *dt = right->type;

	if (right->kind != EXPR_VALUE || !dt->bitmask || left->kind != EXPR_AND ||
	    left->op.left->kind != EXPR_SELECTOR ||
	    (s->match.op != MATCH_EQ && s->match.op != MATCH_NE))
		return false;
	if (value_is_one_flag(dt, &right->value) &&
	    !value_cmp(dt, &right->value, &left->op.right->value))
		return false;
	/* Behind the slash a number alone would be a prefix length. */
	if (value_is_one_flag(dt, &left->op.right->value) &&
	    !has_name(dt, left->op.right->value.num))
		return false;
	print_expr(left->op.left, flags, out);
	text_puts(out, s->match.op == MATCH_NE ? " != " : " ");
	value_print_flags(out, dt, &right->value, flags);
	text_puts(out, " / ");
	value_print_flags(out, dt, &left->op.right->value, flags);
	return true;
}

/* A field of a header compared with several flags shows them as one number. */
static void print_right(const struct stmt *s, unsigned flags, struct text *out)
{
	const struct expr *right = s->match.right;

	/* A number there would be an interface. */
	if (right->type == &datatype_boolean &&
	    expr_selector(s->match.left) == SELECTOR_FIB_OIF)
		flags &= ~(unsigned)PRINT_NUMERIC;
	if (right->kind != EXPR_VALUE || !right->type->bitmask) {
		print_expr(right, flags, out);
	} else if (s->match.op == MATCH_IMPLICIT || s->match.op == MATCH_NOT) {
		value_print_flags(out, right->type, &right->value, flags);
	} else if (s->match.left->kind == EXPR_SELECTOR &&
		   s->match.left->selector == SELECTOR_TCP_FLAGS) {
		value_print_whole(out, right->type, &right->value, flags);
	} else {
		print_expr(right, flags, out);
	}
}

/* Whether == is left out behind operations: where nft turns a number around to compare bounds.
 */
static bool has_bounds(const struct stmt *s)
{
	const struct expr *left = s->match.left, *right = s->match.right;

	if (expr_bottom(left)->type->bits <= 8 || !expr_in_host_order(left))
		return false;
	for (size_t i = 0; right->kind == EXPR_SET && i < right->list.n; i++) {
		if (right->list.item[i]->kind == EXPR_RANGE)
			return true;
	}
	return right->kind == EXPR_RANGE;
}

static void print_match(const struct stmt *s, unsigned flags, struct text *out)
{
	const struct expr *right = s->match.right;
	bool shown;

	if (print_masked_flags(s, flags, out))
		return;
	print_expr(s->match.left, flags, out);
	text_putc(out, ' ');
	/* What needs no operator has none, but for flags, where it would mean another one. */
	shown = s->match.op != MATCH_EQ ||
		(s->match.left->kind != EXPR_SELECTOR && s->match.left->kind != EXPR_CONCAT &&
		 !has_bounds(s)) ||
		(right->kind == EXPR_VALUE && right->type->bitmask);
	if (shown)
		text_puts(out, match_op_text(s->match.op));
	print_right(s, flags, out);
}

/* ---- the others ---- */

static const struct {
	const char *name;
	const struct datatype *codes;
	int unsaid; /* the code that `reject` alone means; -1: none in tables of inet */
} rejects[] = {
	[REJECT_ICMP] = { "icmp", &datatype_icmp_code, 3 },
	[REJECT_ICMPV6] = { "icmpv6", &datatype_icmpv6_code, 4 },
	[REJECT_ICMPX] = { "icmpx", &datatype_icmpx_code, 1 },
};

static void print_reject(const struct rule *r, const struct stmt *s, unsigned flags,
			 struct text *out)
{
	struct value code = { .num = s->reject.code };

	text_puts(out, "reject");
	if (s->reject.with == REJECT_TCP_RESET)
		text_puts(out, " with tcp reset");
	if (s->reject.with < REJECT_ICMP ||
	    (s->reject.code == rejects[s->reject.with].unsaid &&
	     (s->reject.with == REJECT_ICMPX || r->family != FAMILY_INET)))
		return;
	text_printf(out, " with %s ", rejects[s->reject.with].name);
	value_print_whole(out, rejects[s->reject.with].codes, &code, flags);
}

static void print_log_flags(unsigned log, struct text *out)
{
	if ((log & LOG_FLAGS_ALL) == LOG_FLAGS_ALL) {
		text_puts(out, " flags all");
		return;
	}
	if (log & (LOG_TCP_SEQUENCE | LOG_TCP_OPTIONS)) {
		text_puts(out, " flags tcp ");
		text_puts(out, log & LOG_TCP_SEQUENCE ? "sequence" : "");
		text_puts(out, (log & LOG_TCP_SEQUENCE) && (log & LOG_TCP_OPTIONS) ? "," : "");
		text_puts(out, log & LOG_TCP_OPTIONS ? "options" : "");
	}
	if (log & LOG_IP_OPTIONS)
		text_puts(out, " flags ip options");
	if (log & LOG_SKUID)
		text_puts(out, " flags skuid");
	if (log & LOG_ETHER)
		text_puts(out, " flags ether");
}

static void print_log(const struct log_spec *log, struct text *out)
{
	text_puts(out, "log");
	if (log->prefix)
		text_printf(out, " prefix \"%s\"", log->prefix);
	if (log->flags & LOG_HAS_GROUP)
		text_printf(out, " group %u", log->group);
	if (log->flags & LOG_HAS_SNAPLEN)
		text_printf(out, " snaplen %" PRIu32, log->snaplen);
	if (log->flags & LOG_HAS_THRESHOLD)
		text_printf(out, " queue-threshold %" PRIu32, log->queue_threshold);
	if (!(log->flags & LOG_HAS_GROUP) && log->level != LOG_LEVEL_WARN)
		text_printf(out, " level %s", log_levels[log->level]);
	print_log_flags(log->flags, out);
}

static void print_set_stmt(const struct stmt *s, unsigned flags, struct text *out)
{
	const struct expr *value = s->set.value;

	text_printf(out, "%s set ", selectors[s->set.target].text);
	if (s->set.target == SELECTOR_CT_EVENT && value->kind == EXPR_VALUE)
		value_print_flags(out, value->type, &value->value, flags);
	else
		print_expr(value, flags, out);
}

static void print_given(const struct stmt *s, unsigned flags, struct text *out)
{
	text_printf(out, "%s %s ", object_kind_name(s->object.kind),
		    object_state_kind(s->object.kind) ? "name" : "set");
	if (s->object.name) {
		text_printf(out, "\"%s\"", s->object.name);
		return;
	}
	print_expr(s->object.key, flags, out);
	text_puts(out, " map ");
	print_expr(s->object.set, flags, out);
}

/* jump { rule; ... }.  Handles of the rules within it say nothing to anybody. */
static void print_block(const struct stmt *s, unsigned flags, struct text *out)
{
	const struct chain *block = s->verdict.block;
	bool line = flags & PRINT_ONE_LINE;

	print_verdict(s->verdict.verdict, NULL, out);
	text_puts(out, line ? " { " : " {\n");
	for (size_t i = 0; i < block->n_rules; i++) {
		text_puts(out, line ? "" : "\t\t\t");
		print_rule(block->rules[i], flags & ~(unsigned)PRINT_HANDLE, out);
		text_puts(out, line ? "; " : "\n");
	}
	text_puts(out, line ? "}" : "\t\t}");
}

void print_stmt(const struct rule *r, const struct stmt *s, unsigned flags, struct text *out)
{
	switch (s->kind) {
	case STMT_MATCH:
		print_match(s, flags, out);
		break;
	case STMT_VERDICT:
		if (s->verdict.block && !(flags & PRINT_SAVED))
			print_block(s, flags, out);
		else
			print_verdict(s->verdict.verdict, s->verdict.chain, out);
		break;
	case STMT_DYNSET:
		print_dynset(r, s, flags, out);
		break;
	case STMT_VMAP:
		print_expr(s->vmap.key, flags, out);
		text_puts(out, " vmap ");
		print_expr(s->vmap.set, flags, out);
		break;
	case STMT_REJECT:
		print_reject(r, s, flags, out);
		break;
	case STMT_COUNTER:
	case STMT_LIMIT:
	case STMT_QUOTA:
	case STMT_LAST:
	case STMT_CONNLIMIT:
		print_stateful(r, s, flags, out);
		break;
	case STMT_LOG:
		print_log(&s->log, out);
		break;
	case STMT_SET_META:
	case STMT_SET_CT:
		print_set_stmt(s, flags, out);
		break;
	case STMT_RESET_OPTION:
		reset_print(s, out);
		break;
	case STMT_NAT:
		nat_print(r, s, flags, out);
		break;
	case STMT_WRITE:
		write_print(s, flags, out);
		break;
	case STMT_OBJECT:
		print_given(s, flags, out);
		break;
	case STMT_NOTRACK:
		text_puts(out, "notrack");
		break;
	case STMT_NONE:
		break;
	}
}
