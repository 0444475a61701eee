/* datatype_net.c - the types of what headers say: protocols, ports, kinds of messages.
 *
 * Names are nftables' own, or those of IANA's registries (protocol.def, service.def): what a
 * host's /etc says is not asked, so that a ruleset means the same everywhere. */
#include "ruleset/datatype_rows.h"

static const struct symbol protocols[] = {
#define PROTOCOL(number, name, alias) {name, number},
#include "ruleset/protocol.def"
#undef PROTOCOL
#define PROTOCOL(number, name, alias) {alias, number},
#include "ruleset/protocol.def"
#undef PROTOCOL
	{NULL, 0},
};

static const struct symbol services[] = {
#define SERVICE(name, port) {name, port},
#define ALIAS(name, port)   {name, port},
#include "ruleset/service.def"
#undef SERVICE
#undef ALIAS
	{NULL, 0},
};

static const struct symbol nf_protos[] = {
	{"ipv4", 2},
	{"ipv6", 10},
	{NULL, 0},
};

static const struct symbol ether_types[] = {
	{"ip", 0x0800},	    {"arp", 0x0806},  {"ip6", 0x86dd}, {"8021q", 0x8100},
	{"8021ad", 0x88a8}, {"vlan", 0x8100}, {NULL, 0},
};

static const struct symbol tcp_flags[] = {
	{"fin", 0x01}, {"syn", 0x02}, {"rst", 0x04}, {"psh", 0x08}, {"ack", 0x10},
	{"urg", 0x20}, {"ecn", 0x40}, {"cwr", 0x80}, {NULL, 0},
};

static const struct symbol icmp_types[] = {
	{"echo-reply", 0},	     {"destination-unreachable", 3},
	{"source-quench", 4},	     {"redirect", 5},
	{"echo-request", 8},	     {"router-advertisement", 9},
	{"router-solicitation", 10}, {"time-exceeded", 11},
	{"parameter-problem", 12},   {"timestamp-request", 13},
	{"timestamp-reply", 14},     {"info-request", 15},
	{"info-reply", 16},	     {"address-mask-request", 17},
	{"address-mask-reply", 18},  {NULL, 0},
};

static const struct symbol icmp_codes[] = {
	{"net-unreachable", 0},	  {"host-unreachable", 1}, {"prot-unreachable", 2},
	{"port-unreachable", 3},  {"net-prohibited", 9},   {"host-prohibited", 10},
	{"admin-prohibited", 13}, {"frag-needed", 4},	   {NULL, 0},
};

static const struct symbol icmpv6_types[] = {
	{"destination-unreachable", 1}, {"packet-too-big", 2},
	{"time-exceeded", 3},		{"parameter-problem", 4},
	{"echo-request", 128},		{"echo-reply", 129},
	{"mld-listener-query", 130},	{"mld-listener-report", 131},
	{"mld-listener-done", 132},	{"mld-listener-reduction", 132},
	{"nd-router-solicit", 133},	{"nd-router-advert", 134},
	{"nd-neighbor-solicit", 135},	{"nd-neighbor-advert", 136},
	{"nd-redirect", 137},		{"router-renumbering", 138},
	{"ind-neighbor-solicit", 141},	{"ind-neighbor-advert", 142},
	{"mld2-listener-report", 143},	{NULL, 0},
};

static const struct symbol icmpv6_codes[] = {
	{"no-route", 0},
	{"admin-prohibited", 1},
	{"addr-unreachable", 3},
	{"port-unreachable", 4},
	{"policy-fail", 5},
	{"reject-route", 6},
	{NULL, 0},
};

static const struct symbol icmpx_codes[] = {
	{"port-unreachable", 1},
	{"admin-prohibited", 3},
	{"no-route", 0},
	{"host-unreachable", 2},
	{NULL, 0},
};

/* RFC 2474 and its kin; df and be are other names of cs0. */
static const struct symbol dscps[] = {
	{"cs0", 0x00},	 {"cs1", 0x08},	 {"cs2", 0x10},	 {"cs3", 0x18},	 {"cs4", 0x20},
	{"cs5", 0x28},	 {"cs6", 0x30},	 {"cs7", 0x38},	 {"df", 0x00},	 {"be", 0x00},
	{"lephb", 0x01}, {"af11", 0x0a}, {"af12", 0x0c}, {"af13", 0x0e}, {"af21", 0x12},
	{"af22", 0x14},	 {"af23", 0x16}, {"af31", 0x1a}, {"af32", 0x1c}, {"af33", 0x1e},
	{"af41", 0x22},	 {"af42", 0x24}, {"af43", 0x26}, {"va", 0x2c},	 {"ef", 0x2e},
	{NULL, 0},
};

static const struct symbol ecns[] = {
	{"not-ect", 0}, {"ect1", 1}, {"ect0", 2}, {"ce", 3}, {NULL, 0},
};

static const struct symbol igmp_types[] = {
	{"membership-query", 0x11},	{"membership-report-v1", 0x12},
	{"membership-report-v2", 0x16}, {"membership-report-v3", 0x22},
	{"leave-group", 0x17},		{NULL, 0},
};

static const struct symbol dccp_types[] = {
	{"request", 0}, {"response", 1}, {"data", 2},  {"ack", 3},
	{"dataack", 4}, {"closereq", 5}, {"close", 6}, {"reset", 7},
	{"sync", 8},	{"syncack", 9},	 {NULL, 0},
};

/* RFC 6275 6.1, RFC 5568, RFC 5096, RFC 5142 */
static const struct symbol mh_types[] = {
	{"binding-refresh-request", 0},
	{"home-test-init", 1},
	{"careof-test-init", 2},
	{"home-test", 3},
	{"careof-test", 4},
	{"binding-update", 5},
	{"binding-acknowledgement", 6},
	{"binding-error", 7},
	{"fast-binding-update", 8},
	{"fast-binding-acknowledgement", 9},
	{"fast-binding-advertisement", 10},
	{"experimental-mobility-header", 11},
	{"home-agent-switch-message", 12},
	{NULL, 0},
};

static const struct symbol booleans[] = {
	{"exists", 1},
	{"missing", 0},
	{NULL, 0},
};

NUMBER(inet_proto, 8, "Internet protocol", "protocol", .symbols = protocols);
NUMBER(nf_proto, 8, "netfilter protocol", "network protocol", .symbols = nf_protos);
NUMBER(ether_type, 16, "Ethernet protocol", "Ethernet protocol", .symbols = ether_types,
       .hex = 4);
NUMBER(inet_service, 16, "internet network service", "service", .symbols = services,
       .quoted = true);
NUMBER(tcp_flag, 8, "TCP flag", "TCP flag", .symbols = tcp_flags, .bitmask = true, .hex = 1);
NUMBER(icmp_type, 8, "ICMP type", "ICMP type", .symbols = icmp_types);
NUMBER(icmp_code, 8, "icmp code", "ICMP code", .symbols = icmp_codes);
NUMBER(icmpv6_type, 8, "ICMPv6 type", "ICMPv6 type", .symbols = icmpv6_types);
NUMBER(icmpv6_code, 8, "icmpv6 code", "ICMPv6 code", .symbols = icmpv6_codes);
NUMBER(icmpx_code, 8, "icmpx code", "ICMPX code", .symbols = icmpx_codes);
NUMBER(dscp, 6, "Differentiated Services Code Point", "code point", .symbols = dscps, .hex = 2);
NUMBER(ecn, 2, "Explicit Congestion Notification", "ECN code", .symbols = ecns, .hex = 1);
NUMBER(igmp_type, 8, "IGMP type", "IGMP type", .symbols = igmp_types);
NUMBER(dccp_pkttype, 4, "DCCP packet type", "DCCP type", .symbols = dccp_types);
NUMBER(mh_type, 8, "Mobility Header Type", "mobility header type", .symbols = mh_types);
NUMBER(boolean, 1, "boolean type", "boolean", .symbols = booleans);
/* Of eight bits whose names nobody knows. */
const struct datatype datatype_bitmask8 = {
	.name = "bitmask",
	.desc = "bitmask",
	.what = "number",
	.class = VALUE_NUMBER,
	.bits = 8,
	.hex = 1,
};
