/* datatype_ct.c - the types of what conntrack knows of flows. */
#include "ruleset/datatype_rows.h"

#include <errno.h>
#include <string.h>

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

static int parse_label(const struct locale *locale, const char *text, struct value *ret,
		       const char **ret_why)
{
	int named = locale ? label_names_find(&locale->labels, text, strlen(text)) : -1;
	uint64_t number = named < 0 ? LABELS : (uint64_t)named;

	if (named < 0 && !datatype_number(text, &number)) {
		*ret_why = "is no ct label: neither a number of 0 to 127 nor a name in "
			   "connlabel.conf";
		return -EINVAL;
	}
	if (number >= LABELS) {
		*ret_why = "is out of range: the highest ct label is 127";
		return -EINVAL;
	}
	*ret = value_flag(&datatype_ct_label, (unsigned)number);
	return 0;
}

static void print_label(struct text *out, unsigned n)
{
	const char *name = out->locale ? label_names_of(&out->locale->labels, n) : NULL;

	if (name)
		text_printf(out, "\"%s\"", name);
	else
		text_printf(out, "%u", n);
}

/* 128 flags as a number of that width, the first byte counting most; written as bit numbers, or
 * by the names that they have. */
const struct datatype datatype_ct_label = {
	.name = "ct_label",
	.desc = "conntrack label",
	.what = "ct label",
	.class = VALUE_ADDR,
	.bits = 128,
	.bitmask = true,
	.parse_local = parse_label,
	.print_flag = print_label,
};
