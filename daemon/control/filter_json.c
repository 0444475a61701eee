/* filter_json.c - filters of flows as JSON, and back: type FlowFilter. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "control/flow_words.h"
#include "ctfw/conntrack.h"

/* Members that are numbers: where they go, and the flag that says that they count. */
enum width { WIDTH_8 = 1, WIDTH_16 = 2, WIDTH_32 = 4 };
#define NUMBER(name, member, flag, width, max) \
	{ name, offsetof(struct flow_filter, member), offsetof(struct flow_filter, flag), \
	  width, max }
#define NO_FLAG SIZE_MAX

static const struct number {
	const char *name;
	size_t member, flag;
	enum width width;
	uint32_t max;
} numbers[] = {
	{ "id", offsetof(struct flow_filter, id), NO_FLAG, WIDTH_32, UINT32_MAX },
	NUMBER("protonum", proto, has_proto, WIDTH_8, 255),
	NUMBER("sport", sport, has_sport, WIDTH_16, 65535),
	NUMBER("dport", dport, has_dport, WIDTH_16, 65535),
	NUMBER("reply_sport", reply_sport, has_reply_sport, WIDTH_16, 65535),
	NUMBER("reply_dport", reply_dport, has_reply_dport, WIDTH_16, 65535),
	NUMBER("icmp_type", icmp_type, has_icmp_type, WIDTH_8, 255),
	NUMBER("icmp_code", icmp_code, has_icmp_code, WIDTH_8, 255),
	NUMBER("icmp_id", icmp_id, has_icmp_id, WIDTH_16, 65535),
	NUMBER("snat_port", snat_port, has_snat_port, WIDTH_16, 65535),
	NUMBER("dnat_port", dnat_port, has_dnat_port, WIDTH_16, 65535),
	NUMBER("zone", zone, has_zone, WIDTH_16, 65535),
	NUMBER("orig_zone", orig_zone, has_orig_zone, WIDTH_16, 65535),
	NUMBER("reply_zone", reply_zone, has_reply_zone, WIDTH_16, 65535),
	NUMBER("mark", mark, has_mark, WIDTH_32, UINT32_MAX),
	{ "mark_mask", offsetof(struct flow_filter, mark_mask), NO_FLAG, WIDTH_32, UINT32_MAX },
};

static const struct {
	const char *name;
	size_t member;
} prefixes[] = {
	{ "src", offsetof(struct flow_filter, src) },
	{ "dst", offsetof(struct flow_filter, dst) },
	{ "reply_src", offsetof(struct flow_filter, reply_src) },
	{ "reply_dst", offsetof(struct flow_filter, reply_dst) },
	{ "snat_addr", offsetof(struct flow_filter, snat_addr) },
	{ "dnat_addr", offsetof(struct flow_filter, dnat_addr) },
};

static const struct {
	const char *name;
	size_t member;
} statuses[] = {
	{ "status", offsetof(struct flow_filter, status) },
	{ "status_clear", offsetof(struct flow_filter, status_clear) },
	{ "nat", offsetof(struct flow_filter, nat) },
	{ "nat_all", offsetof(struct flow_filter, nat_all) },
};

#define COUNT(table) (sizeof(table) / sizeof(table[0]))

static bool *flag_of(struct flow_filter *f, const struct number *n)
{
	return n->flag == NO_FLAG ? NULL : (bool *)((char *)f + n->flag);
}

static uint32_t number_get(const struct flow_filter *f, const struct number *n)
{
	const char *at = (const char *)f + n->member;

	switch (n->width) {
	case WIDTH_8:
		return *(const uint8_t *)at;
	case WIDTH_16:
		return *(const uint16_t *)at;
	default:
		return *(const uint32_t *)at;
	}
}

static void number_set(struct flow_filter *f, const struct number *n, uint32_t value)
{
	char *at = (char *)f + n->member;

	switch (n->width) {
	case WIDTH_8:
		*(uint8_t *)at = (uint8_t)value;
		break;
	case WIDTH_16:
		*(uint16_t *)at = (uint16_t)value;
		break;
	default:
		*(uint32_t *)at = value;
	}
	if (n->flag != NO_FLAG)
		*flag_of(f, n) = true;
}

/* ---- encode ---- */

static json_t *status_names(uint32_t status)
{
	json_t *names = json_array();

	for (unsigned bit = 0; bit < 32; bit++)
		if (status & 1u << bit && flow_status_name(1u << bit))
			json_array_append_new(names, json_string(flow_status_name(1u << bit)));
	return names;
}

static json_t *label_numbers(const uint64_t label[2])
{
	json_t *bits = json_array();

	for (unsigned bit = 0; bit < 128; bit++)
		if (label[bit / 64] >> bit % 64 & 1)
			json_array_append_new(bits, json_integer(bit));
	return bits;
}

static bool is_set(const struct flow_filter *filter, const struct number *n)
{
	if (n->flag != NO_FLAG)
		return *((const bool *)((const char *)filter + n->flag));
	/* The id is any when it is 0; a mask belongs to its mark. */
	return n->member == offsetof(struct flow_filter, id) ? filter->id != 0 :
							       filter->has_mark;
}

json_t *control_filter_encode(const struct flow_filter *filter)
{
	char text[PREFIX_TEXT];
	json_t *o = json_object();

	if (!o)
		return NULL;
	for (size_t i = 0; i < COUNT(numbers); i++)
		if (is_set(filter, &numbers[i]))
			json_object_set_new(o, numbers[i].name,
					    json_integer(number_get(filter, &numbers[i])));
	if (filter->family != L3_NONE)
		json_object_set_new(o, "family", json_string(words_family(filter->family)));
	for (size_t i = 0; i < COUNT(prefixes); i++) {
		const struct prefix *p =
			(const struct prefix *)((const char *)filter + prefixes[i].member);

		if (p->family != L3_NONE)
			json_object_set_new(o, prefixes[i].name,
					    json_string(prefix_print(p, text)));
	}
	if (filter->has_state)
		json_object_set_new(o, "tcp_state",
				    json_string(tcp_state_name(filter->tcp_state)));
	if (filter->has_sctp_state)
		json_object_set_new(o, "sctp_state",
				    json_string(sctp_state_name(filter->sctp_state)));
	for (size_t i = 0; i < COUNT(statuses); i++) {
		uint32_t bits =
			*(const uint32_t *)((const char *)filter + statuses[i].member);

		if (bits)
			json_object_set_new(o, statuses[i].name, status_names(bits));
	}
	if (filter->label[0] | filter->label[1])
		json_object_set_new(o, "labels", label_numbers(filter->label));
	return o;
}

/* ---- decode ---- */

static bool number_decode(const char *name, json_int_t value, struct flow_filter *f)
{
	for (size_t i = 0; i < COUNT(numbers); i++) {
		if (strcmp(numbers[i].name, name) != 0)
			continue;
		if (value < 0 || value > numbers[i].max || (value == 0 && i == 0))
			return false;
		number_set(f, &numbers[i], (uint32_t)value);
		return true;
	}
	return false;
}

static bool string_decode(const char *name, const char *text, struct flow_filter *f)
{
	for (size_t i = 0; i < COUNT(prefixes); i++)
		if (strcmp(name, prefixes[i].name) == 0)
			return prefix_parse(text, (struct prefix *)((char *)f +
								    prefixes[i].member)) == 0;
	if (strcmp(name, "family") == 0)
		return (f->family = words_family_parse(text)) != L3_NONE;
	if (strcmp(name, "tcp_state") == 0)
		return f->has_state = words_tcp_state_parse(text, &f->tcp_state);
	if (strcmp(name, "sctp_state") == 0)
		return f->has_sctp_state = words_sctp_state_parse(text, &f->sctp_state);
	return false;
}

static bool member_decode(const char *name, const json_t *value, struct flow_filter *f)
{
	if (json_is_null(value))
		return true;
	if (json_is_integer(value))
		return number_decode(name, json_integer_value(value), f);
	if (json_is_string(value))
		return string_decode(name, json_string_value(value), f);
	if (strcmp(name, "labels") == 0)
		return words_labels_decode(value, f->label);
	for (size_t i = 0; i < COUNT(statuses); i++)
		if (strcmp(name, statuses[i].name) == 0)
			return words_status_decode(value, (uint32_t *)((char *)f +
								       statuses[i].member));
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
