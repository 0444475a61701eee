/* flow_json.c - flows as JSON, and back: type Flow.
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
#include "ctfw/helper.h"
#include "control/flow_words.h"

static const struct {
	const char *name;
	uint8_t l3;
} families[] = { { "ipv4", L3_IPV4 }, { "ipv6", L3_IPV6 } };
#define N_FAMILIES (sizeof(families) / sizeof(families[0]))

const char *words_family(uint8_t l3)
{
	for (size_t i = 0; i < N_FAMILIES; i++)
		if (families[i].l3 == l3)
			return families[i].name;
	return "none";
}

uint8_t words_family_parse(const char *name)
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

/* Keys stand in the places of ports. */
static bool proto_has_keys(uint8_t l4)
{
	return l4 == IPPROTO_GRE;
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
	else if (proto_has_keys(tuple->l4))
		text_printf(t, "\"srckey\":%u,\"dstkey\":%u,", ntohs(tuple->sport),
			    ntohs(tuple->dport));
	if (tuple->l4 == IPPROTO_SCTP)
		text_printf(t, "\"vtag\":%" PRIu32 ",", ntohl(f->proto.sctp.vtag[dir]));
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

static void labels_encode(const uint64_t labels[2], struct text *t)
{
	const char *comma = "";

	if (!labels || !(labels[0] | labels[1]))
		return;
	text_puts(t, "\"labels\":[");
	for (unsigned bit = 0; bit < 128; bit++) {
		if (!(labels[bit / 64] >> bit % 64 & 1))
			continue;
		text_printf(t, "%s%u", comma, bit);
		comma = ",";
	}
	text_puts(t, "],");
}

void control_flow_encode(const struct flow *f, const uint64_t labels[2], uint64_t mono,
			 struct text *t)
{
	const struct tuple *tuple = &f->tuple[DIR_ORIGINAL];

	text_printf(t, "{\"id\":%" PRIu32 ",\"family\":\"%s\",\"protonum\":%u,\"zone\":%u,",
		    f->id, words_family(tuple->l3), tuple->l4, tuple->zone);
	side_encode(f, DIR_ORIGINAL, t);
	side_encode(f, DIR_REPLY, t);
	status_encode(f->status, t);
	labels_encode(labels, t);
	if (ct_helper_name(f->helper))
		text_printf(t, "\"helper\":\"%s\",", ct_helper_name(f->helper));
	if (f->tuple[DIR_REPLY].zone != tuple->zone)
		text_printf(t, "\"reply_zone\":%u,", f->tuple[DIR_REPLY].zone);
	if (tuple->l4 == IPPROTO_TCP)
		text_printf(t, "\"tcp_state\":\"%s\",", tcp_state_name(f->proto.tcp.state));
	if (tuple->l4 == IPPROTO_SCTP)
		text_printf(t, "\"sctp_state\":\"%s\",",
			    sctp_state_name(f->proto.sctp.state));
	text_printf(t,
		    "\"timeout\":%" PRIu64 ",\"mark\":%" PRIu32 ",\"start\":%" PRIu64 ".%09u}",
		    (uint64_t)(flow_remaining(f, mono) / NSEC_PER_SEC), (uint32_t)f->mark,
		    (uint64_t)(f->start / NSEC_PER_SEC),
		    (unsigned)(f->start % NSEC_PER_SEC));
}

void control_show_encode(const struct conntrack *ct, struct text *t)
{
	bool acct = conntrack_shows_acct(ct), timestamp = conntrack_shows_timestamp(ct);

	text_printf(t, "[%s%s%s]", acct ? "\"acct\"" : "", acct && timestamp ? "," : "",
		    timestamp ? "\"timestamp\"" : "");
}

/* ---- decode ---- */

bool words_labels_decode(const json_t *numbers, uint64_t ret_labels[2])
{
	uint64_t labels[2] = { 0 };
	const json_t *number;
	size_t i;

	if (!json_is_array(numbers))
		return false;
	json_array_foreach (numbers, i, number) {
		json_int_t bit = json_integer_value(number);

		if (!json_is_integer(number) || bit < 0 || bit > 127)
			return false;
		labels[bit / 64] |= 1ULL << bit % 64;
	}
	ret_labels[0] = labels[0];
	ret_labels[1] = labels[1];
	return true;
}


/* A member that is an integer of 0..max.  0, -ENOENT when absent, -EINVAL. */
int words_number(const json_t *object, const char *name, uint64_t max, uint64_t *ret_value)
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

bool words_tcp_state_parse(const char *name, uint8_t *ret_state)
{
	for (unsigned s = TCPS_NONE; name && s < TCPS_COUNT; s++)
		if (strcmp(tcp_state_name(s), name) == 0) {
			*ret_state = (uint8_t)s;
			return true;
		}
	return false;
}

bool words_sctp_state_parse(const char *name, uint8_t *ret_state)
{
	for (unsigned s = SCTPS_NONE; name && s < SCTPS_COUNT; s++)
		if (strcmp(sctp_state_name(s), name) == 0) {
			*ret_state = (uint8_t)s;
			return true;
		}
	return false;
}

bool words_status_decode(const json_t *names, uint32_t *ret_status)
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
	uint64_t a = 0, b = 0, id = 0, vtag = 0;

	if (!addr_decode(side, "src", t->l3, &t->src) ||
	    !addr_decode(side, "dst", t->l3, &t->dst))
		return -EINVAL;
	if (proto_has_ports(t->l4)) {
		if (words_number(side, "sport", 65535, &a) ||
		    words_number(side, "dport", 65535, &b))
			return -EINVAL;
		t->sport = htons((uint16_t)a);
		t->dport = htons((uint16_t)b);
	} else if (proto_has_keys(t->l4)) {
		if (words_number(side, "srckey", 65535, &a) ||
		    words_number(side, "dstkey", 65535, &b))
			return -EINVAL;
		t->sport = htons((uint16_t)a);
		t->dport = htons((uint16_t)b);
	} else if (proto_is_icmp(t->l4)) {
		if (words_number(side, "type", 255, &a) ||
		    words_number(side, "code", 255, &b) || words_number(side, "id", 65535, &id))
			return -EINVAL;
		icmp[0] = (uint8_t)a;
		icmp[1] = (uint8_t)b;
		t->sport = htons((uint16_t)id);
	}
	if (t->l4 == IPPROTO_SCTP) {
		if (words_number(side, "vtag", UINT32_MAX, &vtag) == -EINVAL)
			return -EINVAL;
		f->proto.sctp.vtag[dir] = htonl((uint32_t)vtag);
	}
	if (words_number(side, "packets", INT64_MAX, &f->acct[dir].packets) ||
	    words_number(side, "bytes", INT64_MAX, &f->acct[dir].bytes))
		return -EINVAL;
	return 0;
}

int control_flow_decode(const json_t *object, struct flow *ret_flow)
{
	struct flow f = { .master = FLOW_NONE };
	uint64_t id, protonum, zone, timeout, mark;
	uint8_t l3 = words_family_parse(json_string_value(json_object_get(object, "family")));
	uint32_t status;
	const json_t *began = json_object_get(object, "start");
	double start = json_is_number(began) ? json_number_value(began) : -1;

	if (l3 == L3_NONE || words_number(object, "id", UINT32_MAX, &id) ||
	    words_number(object, "protonum", 255, &protonum) ||
	    words_number(object, "zone", 65535, &zone) ||
	    words_number(object, "timeout", UINT32_MAX, &timeout) ||
	    words_number(object, "mark", UINT32_MAX, &mark) || !(start >= 0 && start < 1e10) ||
	    !words_status_decode(json_object_get(object, "status"), &status))
		return -EINVAL;
	f.id = (uint32_t)id;
	for (int dir = 0; dir < 2; dir++) {
		f.tuple[dir].l3 = l3;
		f.tuple[dir].l4 = (uint8_t)protonum;
		f.tuple[dir].zone = (uint16_t)zone;
	}
	if (words_number(object, "reply_zone", 65535, &zone) == 0)
		f.tuple[DIR_REPLY].zone = (uint16_t)zone;
	if (side_decode(json_object_get(object, "original"), DIR_ORIGINAL, &f) ||
	    side_decode(json_object_get(object, "reply"), DIR_REPLY, &f))
		return -EINVAL;
	if (protonum == IPPROTO_TCP &&
	    !words_tcp_state_parse(json_string_value(json_object_get(object, "tcp_state")),
			     &f.proto.tcp.state))
		return -EINVAL;
	if (protonum == IPPROTO_SCTP &&
	    !words_sctp_state_parse(json_string_value(json_object_get(object, "sctp_state")),
			      &f.proto.sctp.state))
		return -EINVAL;
	f.status = status;
	f.expires = timeout * NSEC_PER_SEC;
	f.mark = (uint32_t)mark;
	f.start = (uint64_t)(start * 1e6) * 1000; /* as fine as a double is */
	memcpy(ret_flow, &f, sizeof(f));
	return 0;
}
