/* compile_value.c - what statements set: constants, what maps have, and fields.
 *
 * A field that is set to one of another type or length gets the first bytes of an nf_tables
 * register, whatever they are: a field of a header lies there as in the packet, and what was
 * shifted in the host's byte order, with what was shifted out of its bytes; for headers nft
 * turns that around (stmt_evaluate_arg), for NAT it does not.  Here registers hold numbers:
 * OP_TURN and its like make the number that those bytes are.
 *
 * Not so where a field gets less bytes than a number in the host's order has: nft sets it to
 * the number's upper part, here it gets the lower one. */
#include "ruleset/check.h"
#include "ruleset/compile.h"
#include "ruleset/key.h"

static void emit(struct builder *b, enum op op, unsigned k, unsigned a)
{
	compile_emit(b, (struct insn){ .op = (uint8_t)op, .k = (uint8_t)k, .a = a });
}

static unsigned bytes_of(const struct datatype *dt)
{
	return (dt->bits + 7u) / 8;
}

/* The first four bytes of the register as the host's number. */
static void emit_register(struct builder *b, unsigned bytes, bool turned)
{
	if (bytes > 4)
		emit(b, OP_NARROW, 0, turned ? 0 : 8 * (bytes - 4));
	if (!turned && bytes > 1)
		emit(b, OP_TURN, bytes > 4 ? 4 : bytes, 0);
}

static void emit_for_host(struct builder *b, const struct datatype *dt, unsigned bytes,
			  bool turned)
{
	emit_register(b, bytes, turned);
	if (dt->bits < 32)
		compile_emit(b, (struct insn){ .op = OP_BITS,
					       .a = UINT32_MAX >> (32 - 8 * bytes_of(dt)) });
}

static void emit_for_packet(struct builder *b, const struct datatype *dt, enum value_for what,
			    unsigned bytes, bool turned)
{
	const unsigned to = bytes_of(dt);
	const bool turn = turned && what == VALUE_FOR_HEADER;

	if (to > 4 || (bytes == to && (!turned || turn || bytes == 1)))
		return;
	if (turn && bytes > to) {
		if (bytes > 4)
			emit(b, OP_NARROW, 0, 0);
		return;
	}
	emit_register(b, bytes, turned);
	if (turn && bytes > 1)
		emit(b, OP_TURN, bytes, 0);
	emit(b, OP_TURN, 4, 0);
	if (to < 4)
		emit(b, OP_SHIFT, true, 32 - 8 * to);
}

enum outcome compile_value(struct builder *b, const struct datatype *dt, enum value_for what,
			   const struct expr *e)
{
	struct key_type to = { .n = 0 };
	enum outcome outcome;
	unsigned bytes;
	bool wide;

	if (e->kind == EXPR_MAP) {
		key_type_add(&to, dt, false);
		return compile_map(b, e, &to);
	}
	if (e->kind == EXPR_VALUE) {
		compile_constant(b, e);
		return OUTCOME_GOES_ON;
	}
	outcome = compile_whole(b, e, &wide);
	bytes = bytes_of(expr_type(e));
	if (expr_type(e) == dt && !expr_has_shift(e))
		return outcome;
	if (what == VALUE_FOR_HOST)
		emit_for_host(b, dt, bytes, compile_is_turned(e));
	else
		emit_for_packet(b, dt, what, bytes, compile_is_turned(e));
	return outcome;
}
