/* eval_field.h - what the files behind eval_field() share: what is asked for rarely. */
#ifndef CTFW_RULESET_EVAL_FIELD_H
#define CTFW_RULESET_EVAL_FIELD_H

#include "ruleset/program.h"

/* Longest field, in bytes, when it begins and ends within some. */
#define FIELD_MAX_BYTES 17

/* bits bits (1 to 128) from bit `skip` (below 8) of these bytes on, as a number. */
struct wide field_bits(const uint8_t *bytes, unsigned skip, unsigned bits);
/* A transport header is there, if not in whole (NFT_PKTINFO_L4PROTO, fragoff 0). */
bool field_has_transport(const struct packet *pk);

/* The parts of eval_field(). */
bool eval_exthdr(const struct eval *e, const struct insn *i, struct wide *ret);
bool eval_host(const struct eval *e, const struct insn *i, struct wide *ret);
bool eval_made(const struct eval *e, struct program_made *made, enum field_kind kind,
	       struct wide *ret);
/* 32 bits that nobody can tell before. */
uint32_t eval_random(const struct eval *e);

#endif
