/* datatype_ct.c - the types of what conntrack knows of flows. */
#include "ruleset/datatype_rows.h"

#include <errno.h>

static const struct symbol ct_states[] = {
	{"invalid", CT_STATE_INVALID},	       {"new", CT_STATE_NEW},
	{"established", CT_STATE_ESTABLISHED}, {"related", CT_STATE_RELATED},
	{"untracked", CT_STATE_UNTRACKED},     {NULL, 0},
};

static const struct symbol ct_dirs[] = {
	{"original", DIR_ORIGINAL},
	{"reply", DIR_REPLY},
	{NULL, 0},
};

static const struct symbol ct_statuses[] = {
	{"expected", FLOW_EXPECTED}, {"seen-reply", FLOW_SEEN_REPLY},
	{"assured", FLOW_ASSURED},   {"confirmed", FLOW_CONFIRMED},
	{"snat", FLOW_SNAT},	     {"dnat", FLOW_DNAT},
	{"dying", FLOW_DYING},	     {NULL, 0},
};

/* enum ip_conntrack_events */
static const struct symbol ct_events[] = {
	{"new", 1 << 0},     {"related", 1 << 1},   {"destroy", 1 << 2}, {"reply", 1 << 3},
	{"assured", 1 << 4}, {"protoinfo", 1 << 5}, {"helper", 1 << 6},	 {"mark", 1 << 7},
	{"seqadj", 1 << 8},  {"secmark", 1 << 9},   {"label", 1 << 10},	 {NULL, 0},
};

NUMBER(ct_state, 32, "conntrack state", "ct state", .symbols = ct_states, .bitmask = true,
       .hex = 1);
NUMBER(ct_dir, 8, "conntrack direction", "ct direction", .symbols = ct_dirs);
NUMBER(ct_status, 32, "conntrack status", "ct status", .symbols = ct_statuses, .bitmask = true,
       .hex = 1);
NUMBER(ct_event, 32, "conntrack event bits", "ct event", .symbols = ct_events, .bitmask = true,
       .hex = 1);

static int parse_label(const struct datatype *dt, const char *text, struct value *ret,
		       const char **ret_why)
{
	uint64_t number;

	if (!datatype_number(text, &number)) {
		*ret_why = "is no ct label: they are numbers here, 0 to 127";
		return -EINVAL;
	}
	if (number >= dt->bits) {
		*ret_why = "is out of range: the highest ct label is 127";
		return -EINVAL;
	}
	*ret = value_flag(dt, (unsigned)number);
	return 0;
}

/* 128 flags as a number of that width, the first byte counting most; written as bit numbers. */
const struct datatype datatype_ct_label = {
	.name = "ct_label",
	.desc = "conntrack label",
	.what = "ct label",
	.class = VALUE_ADDR,
	.bits = 128,
	.bitmask = true,
	.parse = parse_label,
};
