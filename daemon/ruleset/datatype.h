/* datatype.h - the types of values: their names, constants, text and arithmetic. */
#ifndef CTFW_RULESET_DATATYPE_H
#define CTFW_RULESET_DATATYPE_H

#include "ruleset/model.h"

extern const struct datatype datatype_inet_proto, datatype_nf_proto, datatype_ether_type,
	datatype_inet_service, datatype_mark, datatype_ifname, datatype_ipv4_addr,
	datatype_ipv6_addr, datatype_ct_state, datatype_ct_dir, datatype_ct_status,
	datatype_tcp_flag, datatype_icmp_type, datatype_icmp_code, datatype_icmpv6_type,
	datatype_icmpv6_code, datatype_icmpx_code, datatype_time, datatype_helper,
	datatype_ct_label, datatype_ct_event, datatype_dscp, datatype_ecn, datatype_igmp_type,
	datatype_dccp_pkttype, datatype_mh_type, datatype_boolean, datatype_bitmask8,
	datatype_classid, datatype_iface_index, datatype_iface_type, datatype_devgroup,
	datatype_pkt_type, datatype_realm, datatype_fib_addrtype, datatype_date, datatype_day,
	datatype_hour;

/* Numbers of 1 to 128 bits, above 64 as VALUE_ADDR: the low bits of sixteen bytes.  Those of
 * xintegers print in hexadecimal. */
#define DATATYPE_MAX_BITS 128
extern const struct datatype datatype_integers[DATATYPE_MAX_BITS + 1],
	datatype_xintegers[DATATYPE_MAX_BITS + 1];
static inline const struct datatype *datatype_integer(unsigned bits)
{
	return &datatype_integers[bits];
}
/* For selector.def. */
#define datatype_integer1  datatype_integers[1]
#define datatype_integer2  datatype_integers[2]
#define datatype_integer3  datatype_integers[3]
#define datatype_integer4  datatype_integers[4]
#define datatype_integer5  datatype_integers[5]
#define datatype_integer6  datatype_integers[6]
#define datatype_integer8  datatype_integers[8]
#define datatype_integer12 datatype_integers[12]
#define datatype_integer13 datatype_integers[13]
#define datatype_integer16 datatype_integers[16]
#define datatype_integer20 datatype_integers[20]
#define datatype_integer24 datatype_integers[24]
#define datatype_integer32 datatype_integers[32]
#define datatype_integer64 datatype_integers[64]

/* Types that a set's declaration may name; NULL when there is none of that name. */
const struct datatype *datatype_find(const char *name, size_t len);
/* Their names, NULL at the end. */
#define DATATYPE_NAMES_MAX 128
void datatype_names(const char *ret_names[DATATYPE_NAMES_MAX + 1]);

/* A constant as it was written in that locale.  0; -ENOENT: no such name; -ERANGE: too large,
 * or too long; -EINVAL: nothing of this type, *ret_why says in what way. */
int value_parse(const struct datatype *dt, const struct locale *locale, const char *text,
		struct value *ret_value, const char **ret_why);
/* One value, as it stands alone, in a set or as an end of a range; flags: enum print_flag.
 * Told in the locale of the text.  Several flags print as "a | b". */
void value_print(struct text *out, const struct datatype *dt, const struct value *v,
		 unsigned flags);
/* Flags as a list: a,b. */
void value_print_flags(struct text *out, const struct datatype *dt, const struct value *v,
		       unsigned flags);
/* Milliseconds as 1d2h3m4s5ms. */
void time_print(struct text *out, uint64_t ms);
/* The reverse; a number alone is seconds.  0, -EINVAL, or -ERANGE beyond max_ms. */
int time_parse(const char *text, uint64_t max_ms, uint64_t *ret_ms);
/* A number, symbolic where it has a name, never split into flags. */
void value_print_whole(struct text *out, const struct datatype *dt, const struct value *v,
		       unsigned flags);

/* Order of values as numbers; of names as strings. */
int value_cmp(const struct datatype *dt, const struct value *a, const struct value *b);
/* kind: AND, OR, XOR, and of numbers LSHIFT and RSHIFT, cut to the type's width. */
struct value value_op(const struct datatype *dt, enum expr_kind kind, const struct value *a,
		      const struct value *b);
struct value value_ones(const struct datatype *dt);
/* The upper len bits set. */
struct value value_mask(const struct datatype *dt, unsigned len);
/* How many upper bits are set, when no others are; else -1. */
int value_mask_len(const struct datatype *dt, const struct value *mask);
bool value_is_zero(const struct datatype *dt, const struct value *v);
bool value_is_ones(const struct datatype *dt, const struct value *v);
/* Of flags: whether flag n is set, whether it is the only one; the value of flag n alone. */
bool value_has_flag(const struct datatype *dt, const struct value *v, unsigned n);
bool value_is_one_flag(const struct datatype *dt, const struct value *v);
struct value value_flag(const struct datatype *dt, unsigned n);
/* The next one.  False when there is none: v was the last. */
bool value_next(const struct datatype *dt, const struct value *v, struct value *ret_next);
/* Whether str matches the pattern, which may be a wildcard. */
bool value_str_covers(const struct value *pattern, const struct value *v);

/* The name in a list of symbols nearest to a misspelt one, or NULL. */
const char *symbol_suggest(const struct symbol *symbols, const char *word);
/* The name of a number, or NULL. */
const char *symbol_name(const struct datatype *dt, uint64_t number);
/* By name; NULL when there is none. */
const struct symbol *symbol_find(const struct symbol *symbols, const char *word);

#endif
