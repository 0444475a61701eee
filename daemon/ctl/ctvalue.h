/* ctvalue.h - values on the command line of ctfwctl conntrack, as conntrack(8) writes them. */
#ifndef CTFW_CTL_CTVALUE_H
#define CTFW_CTL_CTVALUE_H

#include "ctfw/conntrack.h"

/* Each is false for what is no such value.  A whole number in decimal, hexadecimal or octal: */
bool ctvalue_number(const char *text, uint64_t max, uint64_t *ret_value);
/* An address, or a prefix of which bits behind its length may be set: they do not count. */
bool ctvalue_prefix(const char *text, struct prefix *ret_prefix);
/* ADDR[/LEN] or ADDR:PORT, of IPv6 [ADDR]:PORT, the port also as text. */
enum ctvalue_wrong { CTVALUE_RIGHT = 0, CTVALUE_ADDR, CTVALUE_PORT };
enum ctvalue_wrong ctvalue_end(const char *text, struct prefix *ret_prefix, uint16_t *ret_port,
			       bool *ret_has_port, const char **ret_port_text);
/* A netmask, for an address that was given before it. */
bool ctvalue_mask(const char *text, struct prefix *p);
/* A protocol by name or number. */
bool ctvalue_proto(const char *text, uint8_t *ret_proto);
/* MARK[/MASK] */
bool ctvalue_mark(const char *text, struct flow_filter *f);
bool ctvalue_zone(const char *text, uint16_t *ret_zone, bool *ret_has);
/* Words with commas between them; each is looked up by `row`. */
bool ctvalue_list(const char *text, bool (*row)(const char *word, size_t len, void *arg),
		  void *arg);
/* Whether it is that name or the beginning of it, in small letters or capitals. */
bool ctvalue_is_word(const char *name, const char *word, size_t len);

#endif
