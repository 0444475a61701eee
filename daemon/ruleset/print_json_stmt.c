/* print_json_stmt.c - statements as JSON. */
#include "ruleset/datatype.h"
#include "ruleset/parse.h"
#include "ruleset/print.h"
#include "ruleset/print_json.h"
#include "ruleset/stmt.h"

/* ---- matches ---- */

static const char *op_text(enum match_op op)
{
	static const char *const texts[] = {
		[MATCH_NONE] = "==", [MATCH_IMPLICIT] = "in", [MATCH_EQ] = "==",
		[MATCH_NE] = "!=",   [MATCH_LT] = "<",	      [MATCH_GT] = ">",
		[MATCH_LE] = "<=",   [MATCH_GE] = ">=",	      [MATCH_NOT] = "!",
	};

	return texts[op];
}

/* Flags under a mask of flags: both are lists. */
static bool is_masked(const struct stmt *s)
{
	const struct expr *left = s->match.left, *right = s->match.right;

	return right->kind == EXPR_VALUE && right->type->bitmask && left->kind == EXPR_AND &&
	       left->op.left->kind == EXPR_SELECTOR &&
	       (s->match.op == MATCH_EQ || s->match.op == MATCH_NE);
}

static void print_left(const struct stmt *s, unsigned flags, struct text *out)
{
	const struct expr *left = s->match.left;

	if (!is_masked(s)) {
		print_json_expr(left, flags, out);
		return;
	}
	out_open(out, '{');
	out_key(out, "&");
	out_open(out, '[');
	print_json_expr(left->op.left, flags, out);
	print_json_flags(left->op.right, true, flags, out);
	text_puts(out, "]}");
}

static void print_right(const struct stmt *s, unsigned flags, struct text *out)
{
	const struct expr *right = s->match.right;

	if (right->kind != EXPR_VALUE || !right->type->bitmask)
		print_json_expr(right, flags, out);
	else if (is_masked(s) || s->match.op == MATCH_IMPLICIT || s->match.op == MATCH_NOT)
		print_json_flags(right, true, flags, out);
	/* A field of a header compared with several flags shows them as one number. */
	else if (s->match.left->kind == EXPR_SELECTOR &&
		 s->match.left->selector == SELECTOR_TCP_FLAGS)
		print_json_value(right->type, &right->value, flags, out);
	else
		print_json_expr(right, flags, out);
}

static void print_match(const struct stmt *s, unsigned flags, struct text *out)
{
	out_open_object(out, "match");
	out_member(out, "op", op_text(s->match.op));
	out_key(out, "left");
	print_left(s, flags, out);
	out_key(out, "right");
	print_right(s, flags, out);
	out_close_object(out);
}

/* ---- the others ---- */

static void print_reject(const struct stmt *s, unsigned flags, struct text *out)
{
	static const struct {
		const char *name;
		const struct datatype *codes;
	} rejects[] = {
		[REJECT_TCP_RESET] = { "tcp reset", NULL },
		[REJECT_ICMP] = { "icmp", &datatype_icmp_code },
		[REJECT_ICMPV6] = { "icmpv6", &datatype_icmpv6_code },
		[REJECT_ICMPX] = { "icmpx", &datatype_icmpx_code },
	};
	struct value code = { .num = s->reject.code };

	out_open_object(out, "reject");
	out_member(out, "type", rejects[s->reject.with].name);
	if (rejects[s->reject.with].codes) {
		out_key(out, "expr");
		print_json_value(rejects[s->reject.with].codes, &code, flags, out);
	}
	out_close_object(out);
}

static void print_log_flags(unsigned log, struct text *out)
{
	static const struct {
		enum log_flag flag;
		const char *name;
	} names[] = {
		{ LOG_TCP_SEQUENCE, "tcp sequence" }, { LOG_TCP_OPTIONS, "tcp options" },
		{ LOG_IP_OPTIONS, "ip options" },     { LOG_SKUID, "skuid" },
		{ LOG_ETHER, "ether" },
	};
	bool several = log & (log - 1);

	out_key(out, "flags");
	if ((log & LOG_FLAGS_ALL) == LOG_FLAGS_ALL) {
		out_string(out, "all");
		return;
	}
	if (several)
		out_open(out, '[');
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (log & names[i].flag)
			out_string(out, names[i].name);
	}
	if (several)
		out_close(out, ']');
}

static void print_log(const struct log_spec *log, struct text *out)
{
	bool level = !(log->flags & LOG_HAS_GROUP) && log->level != LOG_LEVEL_WARN;

	if (!log->prefix && !log->flags && !level) {
		out_word(out, "log");
		return;
	}
	out_open_object(out, "log");
	if (log->prefix)
		out_member(out, "prefix", log->prefix);
	if (log->flags & LOG_HAS_GROUP)
		out_member_number(out, "group", log->group);
	if (log->flags & LOG_HAS_SNAPLEN)
		out_member_number(out, "snaplen", log->snaplen);
	if (log->flags & LOG_HAS_THRESHOLD)
		out_member_number(out, "queue-threshold", log->queue_threshold);
	if (level)
		out_member(out, "level", log_levels[log->level]);
	if (log->flags & LOG_FLAGS_ALL)
		print_log_flags(log->flags & LOG_FLAGS_ALL, out);
	out_close_object(out);
}

static void print_set_stmt(const struct stmt *s, unsigned flags, struct text *out)
{
	const struct expr target = { .kind = EXPR_SELECTOR, .selector = s->set.target };

	out_open_object(out, "mangle");
	out_key(out, "key");
	print_json_expr(&target, flags, out);
	out_key(out, "value");
	if (s->set.target == SELECTOR_CT_EVENT && s->set.value->kind == EXPR_VALUE)
		print_json_flags(s->set.value, true, flags, out);
	else
		print_json_expr(s->set.value, flags, out);
	out_close_object(out);
}

static void print_write(const struct stmt *s, unsigned flags, struct text *out)
{
	out_open_object(out, "mangle");
	out_key(out, "key");
	print_json_expr(s->write.target, flags, out);
	out_key(out, "value");
	print_json_expr(s->write.value, flags, out);
	out_close_object(out);
}

static void print_reset(const struct stmt *s, struct text *out)
{
	const char *name = reset_option_name(s->option);

	out_open_object(out, "reset");
	out_key(out, "tcp option");
	out_open(out, '{');
	if (name)
		out_member(out, "name", name);
	else
		out_member_number(out, "base", s->option);
	if (!name) {
		out_member_number(out, "offset", 0);
		out_member_number(out, "len", 0);
	}
	out_close(out, '}');
	out_close_object(out);
}

static void print_nat_flags(const struct stmt *s, struct text *out)
{
	unsigned flags = s->nat.flags & ~(unsigned)NAT_FAMILY;
	bool several = flags & (flags - 1);
	const char *word;

	if (!flags)
		return;
	out_key(out, "flags");
	if (several)
		out_open(out, '[');
	for (unsigned i = 0; (word = nat_flag_word(flags, i)); i++) {
		if (*word)
			out_string(out, word);
	}
	if (flags & NAT_PREFIX)
		out_string(out, "netmap");
	if (several)
		out_close(out, ']');
}

static void print_nat(const struct rule *r, const struct stmt *s, unsigned flags,
		      struct text *out)
{
	if (!s->nat.addr && !s->nat.port && !s->nat.flags) {
		out_word(out, nat_word(s->nat.type));
		return;
	}
	out_open_object(out, nat_word(s->nat.type));
	if (s->nat.addr && (r->family == FAMILY_INET || s->nat.flags & NAT_FAMILY))
		out_member(out, "family", s->nat.l3 == L3_IPV4 ? "ip" : "ip6");
	if (s->nat.addr) {
		out_key(out, "addr");
		print_json_expr(s->nat.addr, flags, out);
	}
	if (s->nat.port) {
		out_key(out, "port");
		print_json_expr(s->nat.port, flags, out);
	}
	print_nat_flags(s, out);
	if (s->nat.flags & NAT_PREFIX)
		out_member(out, "type_flags", "prefix");
	out_close_object(out);
}

static void print_named(const char *key, const char *name, struct text *out)
{
	out_open(out, '{');
	out_member(out, key, name);
	out_close(out, '}');
}

static void print_given(const struct stmt *s, unsigned flags, struct text *out)
{
	const char *kind = object_kind_name(s->object.kind);

	if (s->object.name) {
		print_named(kind, s->object.name, out);
		return;
	}
	out_open_object(out, kind);
	out_key(out, "map");
	out_open(out, '{');
	out_key(out, "key");
	print_json_expr(s->object.key, flags, out);
	out_key(out, "data");
	print_json_expr(s->object.set, flags, out);
	out_close(out, '}');
	out_close_object(out);
}

static void print_dynset_elem(const struct stmt *s, unsigned flags, struct text *out)
{
	if (!s->dynset.timeout) {
		print_json_expr(s->dynset.key, flags, out);
		return;
	}
	out_open_object(out, "elem");
	out_key(out, "val");
	print_json_expr(s->dynset.key, flags, out);
	out_member_number(out, "timeout", s->dynset.timeout / 1000);
	out_close_object(out);
}

static void print_dynset_stmts(const struct rule *r, const struct stmt *s, unsigned flags,
			       struct text *out)
{
	if (!dynset_shows_stmts(s, flags))
		return;
	out_key(out, "stmt");
	out_open(out, '[');
	for (size_t i = 0; i < s->dynset.stmts.n; i++)
		print_json_stmt(r, &s->dynset.stmts.v[i], flags | PRINT_STATELESS, out);
	out_close(out, ']');
}

static void print_meter(const struct rule *r, const struct stmt *s, unsigned flags,
			struct text *out)
{
	out_open_object(out, "meter");
	out_key(out, "key");
	print_dynset_elem(s, flags, out);
	out_key(out, "stmt");
	print_json_stmt(r, &s->dynset.stmts.v[0], flags | PRINT_STATELESS, out);
	out_member_number(out, "size", s->dynset.size);
	out_member(out, "name", s->dynset.set->symbol);
	out_close_object(out);
}

static void print_dynset_json(const struct rule *r, const struct stmt *s, unsigned flags,
			      struct text *out)
{
	static const char *const ops[] = {
		[DYNSET_ADD] = "add",
		[DYNSET_UPDATE] = "update",
		[DYNSET_DELETE] = "delete",
	};
	const char *word = s->dynset.data ? "map" : "set";

	if (s->dynset.meter) {
		print_meter(r, s, flags, out);
		return;
	}
	out_open_object(out, word);
	out_member(out, "op", ops[s->dynset.op]);
	out_key(out, "elem");
	print_dynset_elem(s, flags, out);
	if (s->dynset.data) {
		out_key(out, "data");
		print_json_expr(s->dynset.data, flags, out);
	}
	out_key(out, word);
	print_json_expr(s->dynset.set, flags, out);
	print_dynset_stmts(r, s, flags, out);
	out_close_object(out);
}

/* libnftables-json(5) has no words for blocks: nft writes what a listing shows. */
static void print_block(const struct rule *r, const struct stmt *s, unsigned flags,
			struct text *out)
{
	struct text block = TEXT_IN(out->locale);

	print_stmt(r, s, flags, &block);
	out_string(out, text_str(&block));
	text_fini(&block);
}

void print_json_stmt(const struct rule *r, const struct stmt *s, unsigned flags,
		     struct text *out)
{
	switch (s->kind) {
	case STMT_MATCH:
		print_match(s, flags, out);
		break;
	case STMT_VERDICT:
		if (s->verdict.block)
			print_block(r, s, flags, out);
		else
			print_json_verdict(s->verdict.verdict, s->verdict.chain, out);
		break;
	case STMT_REJECT:
		print_reject(s, flags, out);
		break;
	case STMT_COUNTER:
	case STMT_LIMIT:
	case STMT_QUOTA:
	case STMT_LAST:
	case STMT_CONNLIMIT:
		print_json_stateful(r, s, flags, out);
		break;
	case STMT_LOG:
		print_log(&s->log, out);
		break;
	case STMT_SET_META:
	case STMT_SET_CT:
		print_set_stmt(s, flags, out);
		break;
	case STMT_RESET_OPTION:
		print_reset(s, out);
		break;
	case STMT_NAT:
		print_nat(r, s, flags, out);
		break;
	case STMT_WRITE:
		print_write(s, flags, out);
		break;
	case STMT_OBJECT:
		print_given(s, flags, out);
		break;
	case STMT_NOTRACK:
		out_word(out, "notrack");
		break;
	case STMT_DYNSET:
		print_dynset_json(r, s, flags, out);
		break;
	case STMT_VMAP:
		print_json_map("vmap", s->vmap.key, s->vmap.set, flags, out);
		break;
	case STMT_NONE:
		break;
	}
}
