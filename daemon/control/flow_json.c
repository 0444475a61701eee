/* flow_json.c - flows and filters as JSON, and back: types Flow and FlowFilter.
 *
 * A dump may hold a million flows, so they are written straight into the reply; nothing in
 * them needs escaping.  ctfwctl reads them back into a struct flow, which is what
 * flow_print() takes.  Both directions stand here, so that they agree. */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

#include "ctfw/clock.h"
#include "ctfw/conntrack.h"
#include "ctfw/control.h"

static const struct {
	const char *name;
	uint8_t l3;
} families[] = { { "ipv4", L3_IPV4 }, { "ipv6", L3_IPV6 } };
#define N_FAMILIES (sizeof(families) / sizeof(families[0]))

static const char *family_name(uint8_t l3)
{
	for (size_t i = 0; i < N_FAMILIES; i++)
		if (families[i].l3 == l3)
			return families[i].name;
	return "none";
}

static uint8_t family_parse(const char *name)
{
	for (size_t i = 0; name && i < N_FAMILIES; i++)
		if (strcmp(families[i].name, name) == 0)
			return families[i].l3;
	return L3_NONE;
}

static bool proto_has_ports(uint8_t l4)
{
	return l4 == IPPROTO_TCP || l4 == IPPROTO_UDP || l4 == IPPROTO_UDPLITE ||
	       l4 == IPPROTO_SCTP;
}

static bool proto_is_icmp(uint8_t l4)
{
	return l4 == IPPROTO_ICMP || l4 == IPPROTO_ICMPV6;
}

/* ---- encode ---- */

static void side_encode(const struct flow *f, enum flow_dir dir, struct text *t)
{
	const struct tuple *tuple = &f->tuple[dir];
	const uint8_t *icmp = (const uint8_t *)&tuple->dport;
	char src[ADDR_TEXT], dst[ADDR_TEXT];

	text_printf(t, "\"%s\":{\"src\":\"%s\",\"dst\":\"%s\",",
		    dir == DIR_ORIGINAL ? "original" : "reply",
		    addr_print(tuple->l3, &tuple->src, src),
		    addr_print(tuple->l3, &tuple->dst, dst));
	if (proto_has_ports(tuple->l4))
		text_printf(t, "\"sport\":%u,\"dport\":%u,", ntohs(tuple->sport),
			    ntohs(tuple->dport));
	else if (proto_is_icmp(tuple->l4))
		text_printf(t, "\"type\":%u,\"code\":%u,\"id\":%u,", icmp[0], icmp[1],
			    ntohs(tuple->sport));
	else if (tuple->l4 == IPPROTO_GRE)
		text_printf(t, "\"srckey\":%u,\"dstkey\":%u,", ntohs(tuple->sport),
			    ntohs(tuple->dport));
	text_printf(t, "\"packets\":%" PRIu64 ",\"bytes\":%" PRIu64 "},", f->acct[dir].packets,
		    f->acct[dir].bytes);
}

static void status_encode(uint32_t status, struct text *t)
{
	const char *comma = "";

	text_puts(t, "\"status\":[");
	for (unsigned bit = 0; bit < 32; bit++) {
		const char *name = status & 1u << bit ? flow_status_name(1u << bit) : NULL;

		if (!name)
			continue;
		text_printf(t, "%s\"%s\"", comma, name);
		comma = ",";
	}
	text_puts(t, "],");
}

void control_flow_encode(const struct flow *f, uint64_t mono, struct text *t)
{
	const struct tuple *tuple = &f->tuple[DIR_ORIGINAL];

	text_printf(t, "{\"id\":%" PRIu32 ",\"family\":\"%s\",\"protonum\":%u,\"zone\":%u,",
		    f->id, family_name(tuple->l3), tuple->l4, tuple->zone);
	side_encode(f, DIR_ORIGINAL, t);
	side_encode(f, DIR_REPLY, t);
	status_encode(f->status, t);
	if (tuple->l4 == IPPROTO_TCP)
		text_printf(t, "\"tcp_state\":\"%s\",", tcp_state_name(f->proto.tcp.state));
	if (tuple->l4 == IPPROTO_SCTP)
		text_printf(t, "\"sctp_state\":\"%s\",",
			    sctp_state_name(f->proto.sctp.state));
	text_printf(t,
		    "\"timeout\":%" PRIu64 ",\"mark\":%" PRIu32 ",\"start\":%" PRIu64 ".%06u}",
		    (uint64_t)(flow_remaining(f, mono) / NSEC_PER_SEC), (uint32_t)f->mark,
		    (uint64_t)(f->start / NSEC_PER_SEC),
		    (unsigned)(f->start % NSEC_PER_SEC / 1000));
}

/* ---- decode ---- */

/* A member that is an integer of 0..max.  0, -ENOENT when absent, -EINVAL. */
static int get_number(const json_t *object, const char *name, uint64_t max, uint64_t *ret_value)
{
	const json_t *value = json_object_get(object, name);
	json_int_t n = json_integer_value(value);

	if (!value || json_is_null(value))
		return -ENOENT;
	if (!json_is_integer(value) || n < 0 || (uint64_t)n > max)
		return -EINVAL;
	*ret_value = (uint64_t)n;
	return 0;
}

static bool tcp_state_parse(const char *name, uint8_t *ret_state)
{
	for (unsigned s = TCPS_NONE; name && s < TCPS_COUNT; s++)
		if (strcmp(tcp_state_name(s), name) == 0) {
			*ret_state = (uint8_t)s;
			return true;
		}
	return false;
}

static bool sctp_state_parse(const char *name, uint8_t *ret_state)
{
	for (unsigned s = SCTPS_NONE; name && s < SCTPS_COUNT; s++)
		if (strcmp(sctp_state_name(s), name) == 0) {
			*ret_state = (uint8_t)s;
			return true;
		}
	return false;
}

static bool status_decode(const json_t *names, uint32_t *ret_status)
{
	uint32_t status = 0;
	json_t *name;
	size_t i;

	if (!json_is_array(names))
		return false;
	json_array_foreach (names, i, name) {
		unsigned bit = 0;

		for (; bit < 32; bit++) {
			const char *known = flow_status_name(1u << bit);

			if (known && json_is_string(name) &&
			    strcmp(known, json_string_value(name)) == 0)
				break;
		}
		if (bit == 32)
			return false;
		status |= 1u << bit;
	}
	*ret_status = status;
	return true;
}

static bool addr_decode(const json_t *side, const char *name, uint8_t l3, union addr *ret_addr)
{
	const char *text = json_string_value(json_object_get(side, name));
	uint8_t family;

	return text && addr_parse(text, &family, ret_addr) == 0 && family == l3;
}

static int side_decode(const json_t *side, enum flow_dir dir, struct flow *f)
{
	struct tuple *t = &f->tuple[dir];
	uint8_t *icmp = (uint8_t *)&t->dport;
	uint64_t a = 0, b = 0, id = 0;

	if (!addr_decode(side, "src", t->l3, &t->src) ||
	    !addr_decode(side, "dst", t->l3, &t->dst))
		return -EINVAL;
	if (proto_has_ports(t->l4)) {
		if (get_number(side, "sport", 65535, &a) ||
		    get_number(side, "dport", 65535, &b))
			return -EINVAL;
		t->sport = htons((uint16_t)a);
		t->dport = htons((uint16_t)b);
	} else if (proto_is_icmp(t->l4)) {
		if (get_number(side, "type", 255, &a) || get_number(side, "code", 255, &b) ||
		    get_number(side, "id", 65535, &id))
			return -EINVAL;
		icmp[0] = (uint8_t)a;
		icmp[1] = (uint8_t)b;
		t->sport = htons((uint16_t)id);
	} else if (t->l4 == IPPROTO_GRE) {
		if (get_number(side, "srckey", 65535, &a) ||
		    get_number(side, "dstkey", 65535, &b))
			return -EINVAL;
		t->sport = htons((uint16_t)a);
		t->dport = htons((uint16_t)b);
	}
	if (get_number(side, "packets", INT64_MAX, &f->acct[dir].packets) ||
	    get_number(side, "bytes", INT64_MAX, &f->acct[dir].bytes))
		return -EINVAL;
	return 0;
}

int control_flow_decode(const json_t *object, struct flow *ret_flow)
{
	struct flow f = { .master = FLOW_NONE };
	uint64_t id, protonum, zone, timeout, mark;
	uint8_t l3 = family_parse(json_string_value(json_object_get(object, "family")));
	uint32_t status;
	const json_t *began = json_object_get(object, "start");
	double start = json_is_number(began) ? json_number_value(began) : -1;

	if (l3 == L3_NONE || get_number(object, "id", UINT32_MAX, &id) ||
	    get_number(object, "protonum", 255, &protonum) ||
	    get_number(object, "zone", 65535, &zone) ||
	    get_number(object, "timeout", UINT32_MAX, &timeout) ||
	    get_number(object, "mark", UINT32_MAX, &mark) || !(start >= 0 && start < 1e10) ||
	    !status_decode(json_object_get(object, "status"), &status))
		return -EINVAL;
	f.id = (uint32_t)id;
	for (int dir = 0; dir < 2; dir++) {
		f.tuple[dir].l3 = l3;
		f.tuple[dir].l4 = (uint8_t)protonum;
		f.tuple[dir].zone = (uint16_t)zone;
	}
	if (side_decode(json_object_get(object, "original"), DIR_ORIGINAL, &f) ||
	    side_decode(json_object_get(object, "reply"), DIR_REPLY, &f))
		return -EINVAL;
	if (protonum == IPPROTO_TCP &&
	    !tcp_state_parse(json_string_value(json_object_get(object, "tcp_state")),
			     &f.proto.tcp.state))
		return -EINVAL;
	if (protonum == IPPROTO_SCTP &&
	    !sctp_state_parse(json_string_value(json_object_get(object, "sctp_state")),
			      &f.proto.sctp.state))
		return -EINVAL;
	f.status = status;
	f.expires = timeout * NSEC_PER_SEC;
	f.mark = (uint32_t)mark;
	f.start = (uint64_t)(start * 1e6) * 1000;
	memcpy(ret_flow, &f, sizeof(f));
	return 0;
}

/* ---- filters ---- */

static json_t *status_names(uint32_t status)
{
	json_t *names = json_array();

	for (unsigned bit = 0; bit < 32; bit++)
		if (status & 1u << bit && flow_status_name(1u << bit))
			json_array_append_new(names, json_string(flow_status_name(1u << bit)));
	return names;
}

static void set_prefix(json_t *o, const char *name, const struct prefix *p)
{
	char text[PREFIX_TEXT];

	if (p->family != L3_NONE)
		json_object_set_new(o, name, json_string(prefix_print(p, text)));
}

json_t *control_filter_encode(const struct flow_filter *filter)
{
	const struct {
		const char *name;
		bool set;
		uint32_t value;
	} numbers[] = {
		{ "id", filter->id != 0, filter->id },
		{ "protonum", filter->has_proto, filter->proto },
		{ "sport", filter->has_sport, filter->sport },
		{ "dport", filter->has_dport, filter->dport },
		{ "zone", filter->has_zone, filter->zone },
		{ "mark", filter->has_mark, filter->mark },
		{ "mark_mask", filter->has_mark, filter->mark_mask },
	};
	json_t *o = json_object();

	if (!o)
		return NULL;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i].set)
			json_object_set_new(o, numbers[i].name, json_integer(numbers[i].value));
	if (filter->family != L3_NONE)
		json_object_set_new(o, "family", json_string(family_name(filter->family)));
	set_prefix(o, "src", &filter->src);
	set_prefix(o, "dst", &filter->dst);
	set_prefix(o, "reply_src", &filter->reply_src);
	set_prefix(o, "reply_dst", &filter->reply_dst);
	if (filter->has_state)
		json_object_set_new(o, "tcp_state",
				    json_string(tcp_state_name(filter->tcp_state)));
	if (filter->status)
		json_object_set_new(o, "status", status_names(filter->status));
	if (filter->status_clear)
		json_object_set_new(o, "status_clear", status_names(filter->status_clear));
	return o;
}

/* A member of a filter that is a number; where in the filter it goes. */
static bool number_decode(const char *name, uint64_t n, struct flow_filter *f)
{
	if (strcmp(name, "id") == 0 && n && n <= UINT32_MAX) {
		f->id = (uint32_t)n;
	} else if (strcmp(name, "protonum") == 0 && n <= 255) {
		f->proto = (uint8_t)n;
		f->has_proto = true;
	} else if (strcmp(name, "sport") == 0 && n <= 65535) {
		f->sport = (uint16_t)n;
		f->has_sport = true;
	} else if (strcmp(name, "dport") == 0 && n <= 65535) {
		f->dport = (uint16_t)n;
		f->has_dport = true;
	} else if (strcmp(name, "zone") == 0 && n <= 65535) {
		f->zone = (uint16_t)n;
		f->has_zone = true;
	} else if (strcmp(name, "mark") == 0 && n <= UINT32_MAX) {
		f->mark = (uint32_t)n;
		f->has_mark = true;
	} else if (strcmp(name, "mark_mask") == 0 && n <= UINT32_MAX) {
		f->mark_mask = (uint32_t)n;
	} else {
		return false;
	}
	return true;
}

static bool string_decode(const char *name, const char *text, struct flow_filter *f)
{
	struct prefix *const prefixes[] = { &f->src, &f->dst, &f->reply_src, &f->reply_dst };
	static const char *const prefix_names[] = { "src", "dst", "reply_src", "reply_dst" };

	for (size_t i = 0; i < 4; i++)
		if (strcmp(name, prefix_names[i]) == 0)
			return prefix_parse(text, prefixes[i]) == 0;
	if (strcmp(name, "family") == 0)
		return (f->family = family_parse(text)) != L3_NONE;
	if (strcmp(name, "tcp_state") == 0)
		return f->has_state = tcp_state_parse(text, &f->tcp_state);
	return false;
}

static bool member_decode(const char *name, const json_t *value, struct flow_filter *f)
{
	if (json_is_null(value))
		return true;
	if (json_is_integer(value))
		return json_integer_value(value) >= 0 &&
		       number_decode(name, (uint64_t)json_integer_value(value), f);
	if (json_is_string(value))
		return string_decode(name, json_string_value(value), f);
	if (!json_is_array(value))
		return false;
	if (strcmp(name, "status") == 0)
		return status_decode(value, &f->status);
	if (strcmp(name, "status_clear") == 0)
		return status_decode(value, &f->status_clear);
	return false;
}

int control_filter_decode(const json_t *object, struct flow_filter *ret_filter,
			  const char **ret_member)
{
	struct flow_filter f = { .mark_mask = UINT32_MAX };
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)object, name, value)
		if (!member_decode(name, value, &f)) {
			*ret_member = name;
			return -EINVAL;
		}
	*ret_filter = f;
	return 0;
}
