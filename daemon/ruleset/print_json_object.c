/* print_json_object.c - named objects as JSON. */
#include "ctfw/clock.h"
#include "ruleset/print_json.h"

static void print_helper(const struct object *o, struct text *out)
{
	out_member(out, "type", o->ct.helper);
	out_member(out, "protocol", object_l4_name(o->ct.l4));
	out_member(out, "l3proto", family_name(o->l3));
}

/* What nft's defaults say is not shown. */
static void print_timeout(const struct object *o, struct text *out)
{
	bool some = false;

	out_member(out, "protocol", object_l4_name(o->ct.l4));
	out_member(out, "l3proto", family_name(o->l3));
	out_key(out, "policy");
	for (unsigned i = 1; i < POLICY_COUNT; i++) {
		if (policy_states[i].l4 != o->ct.l4 ||
		    policy_states[i].seconds == o->ct.seconds[i])
			continue;
		if (!some)
			out_open(out, '{');
		some = true;
		out_member_number(out, policy_states[i].name, o->ct.seconds[i]);
	}
	if (some)
		out_close(out, '}');
	else
		out_null(out);
}

static void print_expectation(const struct object *o, struct text *out)
{
	out_member(out, "protocol", object_l4_name(o->ct.l4));
	out_member_number(out, "dport", o->ct.dport);
	out_member_number(out, "timeout", o->ct.timeout / NSEC_PER_MSEC);
	out_member_number(out, "size", o->ct.size);
	out_member(out, "l3proto", family_name(o->l3));
}

void print_json_object(const struct table *t, const struct object *o, unsigned flags,
		       struct text *out)
{
	out_open_object(out, object_kind_name(o->kind));
	out_member(out, "family", family_name(t->family));
	out_member(out, "name", o->name);
	out_member(out, "table", t->name);
	out_member_number(out, "handle", o->handle);
	if (o->comment)
		out_member(out, "comment", o->comment);
	switch (o->kind) {
	case KIND_CT_HELPER:
		print_helper(o, out);
		break;
	case KIND_CT_TIMEOUT:
		print_timeout(o, out);
		break;
	case KIND_CT_EXPECTATION:
		print_expectation(o, out);
		break;
	case KIND_COUNTER:
	case KIND_QUOTA:
	case KIND_LIMIT:
		print_json_stateful_object(o, flags, out);
		break;
	case KIND_NONE:
	case KIND_COUNT:
		break;
	}
	out_close_object(out);
}

/* One device is a string, several are an array.  nft's lacks the last two. */
void print_json_flowtable(const struct table *t, const struct flowtable *f, struct text *out)
{
	out_open_object(out, "flowtable");
	out_member(out, "family", family_name(t->family));
	out_member(out, "name", f->name);
	out_member(out, "table", t->name);
	out_member_number(out, "handle", f->handle);
	out_member(out, "hook", "ingress");
	out_key(out, "prio");
	out_int(out, f->priority);
	if (f->n_devices)
		out_key(out, "dev");
	if (f->n_devices > 1)
		out_open(out, '[');
	for (size_t i = 0; i < f->n_devices; i++)
		out_string(out, f->devices[i]);
	if (f->n_devices > 1)
		out_close(out, ']');
	if (f->offload)
		out_member(out, "flags", "offload");
	if (f->counter) {
		out_key(out, "counter");
		out_bool(out, true);
	}
	out_close_object(out);
}
