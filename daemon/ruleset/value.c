/* value.c - arithmetic on values: numbers up to 64 bits, addresses, names. */
#include <string.h>

#include "ruleset/datatype.h"

/* Bytes of VALUE_ADDR: a number between has its bits at the end of sixteen. */
static unsigned addr_len(const struct datatype *dt)
{
	return dt->bits == 32 ? 4 : 16;
}

static uint64_t ones(unsigned bits)
{
	return bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

int value_cmp(const struct datatype *dt, const struct value *a, const struct value *b)
{
	switch (dt->class) {
	case VALUE_NUMBER:
		return a->num < b->num ? -1 : a->num > b->num;
	case VALUE_ADDR:
		return memcmp(a->addr.b, b->addr.b, addr_len(dt));
	case VALUE_STRING:
		return memcmp(a->str.s, b->str.s, sizeof(a->str.s));
	case VALUE_NONE:
		break;
	}
	return 0;
}

static uint64_t number_op(const struct datatype *dt, enum expr_kind kind, uint64_t a,
			  uint64_t b)
{
	uint64_t r = 0;

	switch (kind) {
	case EXPR_AND:
		r = a & b;
		break;
	case EXPR_OR:
		r = a | b;
		break;
	case EXPR_XOR:
		r = a ^ b;
		break;
	case EXPR_LSHIFT:
		r = b < 64 ? a << b : 0;
		break;
	case EXPR_RSHIFT:
		r = b < 64 ? a >> b : 0;
		break;
	default:
		break;
	}
	return r & ones(dt->bits);
}

static struct value addr_shift(const struct datatype *dt, enum expr_kind kind,
			       const struct value *a, uint64_t n)
{
	struct value r = {0};

	for (unsigned i = 0; n < dt->bits && i < dt->bits - n; i++) {
		unsigned low = i, high = i + (unsigned)n;
		struct value bit;

		if (!value_has_flag(dt, a, kind == EXPR_LSHIFT ? low : high))
			continue;
		bit = value_flag(dt, kind == EXPR_LSHIFT ? high : low);
		r = value_op(dt, EXPR_OR, &r, &bit);
	}
	return r;
}

struct value value_op(const struct datatype *dt, enum expr_kind kind, const struct value *a,
		      const struct value *b)
{
	struct value r = { 0 };

	if (dt->class == VALUE_NUMBER) {
		r.num = number_op(dt, kind, a->num, b->num);
		return r;
	}
	if (kind == EXPR_LSHIFT || kind == EXPR_RSHIFT)
		return addr_shift(dt, kind, a, b->num);
	for (unsigned i = 0; i < addr_len(dt); i++) {
		uint8_t x = a->addr.b[i], y = b->addr.b[i];

		r.addr.b[i] = kind == EXPR_AND ? x & y : kind == EXPR_OR ? x | y : x ^ y;
	}
	return r;
}

struct value value_mask(const struct datatype *dt, unsigned len)
{
	struct value r = { 0 };

	if (dt->class == VALUE_NUMBER) {
		r.num = ones(dt->bits) & ~ones(dt->bits - len);
		return r;
	}
	for (unsigned i = addr_len(dt) * 8 - dt->bits, end = i + len; i < end; i++)
		r.addr.b[i / 8] |= (uint8_t)(0x80 >> i % 8);
	return r;
}

struct value value_ones(const struct datatype *dt)
{
	return value_mask(dt, dt->bits);
}

/* How many ones it begins with: the only length that it can have. */
static unsigned leading_ones(const struct datatype *dt, const struct value *mask)
{
	unsigned len = 0, from = dt->class == VALUE_ADDR ? addr_len(dt) * 8 - dt->bits : 0;

	if (dt->class == VALUE_NUMBER) {
		while (len < dt->bits && mask->num >> (dt->bits - 1 - len) & 1)
			len++;
		return len;
	}
	while (len < dt->bits && mask->addr.b[(from + len) / 8] & 0x80 >> (from + len) % 8)
		len++;
	return len;
}

int value_mask_len(const struct datatype *dt, const struct value *mask)
{
	unsigned len = leading_ones(dt, mask);
	struct value m = value_mask(dt, len);

	return value_cmp(dt, &m, mask) ? -1 : (int)len;
}

bool value_is_zero(const struct datatype *dt, const struct value *v)
{
	struct value zero = { 0 };

	return !value_cmp(dt, v, &zero);
}

bool value_is_ones(const struct datatype *dt, const struct value *v)
{
	struct value all = value_ones(dt);

	return !value_cmp(dt, v, &all);
}

bool value_has_flag(const struct datatype *dt, const struct value *v, unsigned n)
{
	if (dt->class == VALUE_NUMBER)
		return v->num >> n & 1;
	return v->addr.b[addr_len(dt) - 1 - n / 8] >> n % 8 & 1;
}

struct value value_flag(const struct datatype *dt, unsigned n)
{
	struct value v = { 0 };

	if (dt->class == VALUE_NUMBER)
		v.num = UINT64_C(1) << n;
	else
		v.addr.b[addr_len(dt) - 1 - n / 8] = (uint8_t)(1u << n % 8);
	return v;
}

bool value_is_one_flag(const struct datatype *dt, const struct value *v)
{
	unsigned set = 0;

	for (unsigned n = 0; n < dt->bits; n++)
		set += value_has_flag(dt, v, n);
	return set == 1;
}

bool value_next(const struct datatype *dt, const struct value *v, struct value *ret_next)
{
	struct value r = *v;

	if (value_is_ones(dt, v))
		return false;
	if (dt->class == VALUE_NUMBER) {
		r.num++;
	} else {
		for (unsigned i = addr_len(dt); i-- > 0 && !++r.addr.b[i];)
			;
	}
	*ret_next = r;
	return true;
}

bool value_str_covers(const struct value *pattern, const struct value *v)
{
	size_t len = strnlen(pattern->str.s, sizeof(pattern->str.s));

	if (!pattern->str.wildcard)
		return !v->str.wildcard && !memcmp(pattern->str.s, v->str.s, sizeof(v->str.s));
	return !memcmp(pattern->str.s, v->str.s, len);
}
