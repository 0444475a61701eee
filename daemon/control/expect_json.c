/* expect_json.c - expectations as JSON, and back: type Expectation.
 *
 * Written as text, as flows are; ctfwctl reads them back into a struct expect, which is what
 * expect_print() takes. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "control/flow_words.h"
#include "ctfw/clock.h"
#include "ctfw/expect.h"
#include "ctfw/text.h"

static const struct {
	const char *name;
	uint32_t flag;
} flags[] = { { "permanent", EXPECT_PERMANENT }, { "inactive", EXPECT_INACTIVE } };
#define N_FLAGS (sizeof(flags) / sizeof(flags[0]))

/* ---- encode ---- */

static void side_encode(const char *name, const struct tuple *t, struct text *out)
{
	char src[ADDR_TEXT], dst[ADDR_TEXT];

	text_printf(out, "\"%s\":{\"src\":\"%s\",\"dst\":\"%s\",\"sport\":%u,\"dport\":%u},",
		    name, addr_print(t->l3, &t->src, src), addr_print(t->l3, &t->dst, dst),
		    ntohs(t->sport), ntohs(t->dport));
}

static void flags_encode(uint32_t set, struct text *out)
{
	const char *comma = "";

	text_puts(out, "\"flags\":[");
	for (size_t i = 0; i < N_FLAGS; i++) {
		if (!(set & flags[i].flag))
			continue;
		text_printf(out, "%s\"%s\"", comma, flags[i].name);
		comma = ",";
	}
	text_puts(out, "],");
}

void control_expect_encode(const struct expect *e, uint64_t mono, struct text *t)
{
	const struct tuple mask = expect_mask(e);
	const char *helper = ct_helper_name(e->helper);
	uint64_t expires = atomic_load_explicit(&e->expires, memory_order_relaxed);

	text_printf(t, "{\"id\":%u,\"family\":\"%s\",\"protonum\":%u,\"zone\":%u,", e->id,
		    words_family(e->tuple.l3), e->tuple.l4, e->tuple.zone);
	side_encode("tuple", &e->tuple, t);
	side_encode("mask", &mask, t);
	side_encode("master", &e->master_tuple, t);
	flags_encode(atomic_load_explicit(&e->flags, memory_order_relaxed), t);
	text_printf(t, "\"class\":%u,\"class_name\":\"%s\",", e->class,
		    ct_helper_class_name(e->helper, e->class));
	if (helper)
		text_printf(t, "\"helper\":\"%s\",", helper);
	text_printf(t, "\"timeout\":%llu}",
		    (unsigned long long)(expires > mono ? (expires - mono) / NSEC_PER_SEC : 0));
}

/* ---- decode ---- */

static bool addr_decode(const json_t *side, const char *name, uint8_t l3, union addr *ret_addr)
{
	const char *text = json_string_value(json_object_get(side, name));
	uint8_t family;

	return text && addr_parse(text, &family, ret_addr) == 0 && family == l3;
}

static bool side_decode(const json_t *side, struct tuple *t)
{
	uint64_t sport, dport;

	if (!addr_decode(side, "src", t->l3, &t->src) ||
	    !addr_decode(side, "dst", t->l3, &t->dst) ||
	    words_number(side, "sport", 65535, &sport) ||
	    words_number(side, "dport", 65535, &dport))
		return false;
	t->sport = htons((uint16_t)sport);
	t->dport = htons((uint16_t)dport);
	return true;
}

static bool flags_decode(const json_t *names, uint32_t *ret_flags)
{
	const json_t *name;
	uint32_t set = 0;
	size_t i;

	if (!json_is_array(names))
		return false;
	json_array_foreach (names, i, name) {
		size_t known = 0;

		while (known < N_FLAGS && (!json_is_string(name) ||
					   strcmp(json_string_value(name), flags[known].name)))
			known++;
		if (known == N_FLAGS)
			return false;
		set |= flags[known].flag;
	}
	*ret_flags = set;
	return true;
}

/* Absent: a rule made it.  HELPER_COUNT: no such helper. */
static unsigned helper_decode(const json_t *name)
{
	unsigned kind = HELPER_NONE + 1;

	if (!name || json_is_null(name))
		return HELPER_NONE;
	while (kind < HELPER_COUNT && (!json_is_string(name) ||
				       strcmp(json_string_value(name), ct_helper_name(kind))))
		kind++;
	return kind;
}

int control_expect_decode(const json_t *object, struct expect *ret_expect)
{
	uint8_t l3 = words_family_parse(json_string_value(json_object_get(object, "family")));
	unsigned helper = helper_decode(json_object_get(object, "helper"));
	uint64_t id, protonum, zone, class, timeout;
	struct tuple mask = { .l3 = l3 };
	struct expect e = { 0 };
	uint32_t set;

	if (l3 == L3_NONE || helper == HELPER_COUNT ||
	    words_number(object, "id", UINT32_MAX, &id) ||
	    words_number(object, "protonum", 255, &protonum) ||
	    words_number(object, "zone", 65535, &zone) ||
	    words_number(object, "class", HELPER_CLASSES - 1, &class) ||
	    words_number(object, "timeout", UINT32_MAX, &timeout) ||
	    !flags_decode(json_object_get(object, "flags"), &set))
		return -EINVAL;
	e.tuple.l3 = e.master_tuple.l3 = l3;
	if (!side_decode(json_object_get(object, "tuple"), &e.tuple) ||
	    !side_decode(json_object_get(object, "mask"), &mask) ||
	    !side_decode(json_object_get(object, "master"), &e.master_tuple))
		return -EINVAL;
	e.id = (uint32_t)id;
	e.tuple.l4 = (uint8_t)protonum;
	e.tuple.zone = (uint16_t)zone;
	e.src_mask = mask.src;
	e.sport_mask = mask.sport;
	e.class = (uint8_t)class;
	e.helper = (uint8_t)helper;
	e.flags = set;
	e.expires = timeout * NSEC_PER_SEC;
	memcpy((void *)ret_expect, (const void *)&e, sizeof(e));
	return 0;
}
