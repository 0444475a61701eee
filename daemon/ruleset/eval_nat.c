/* eval_nat.c - what a NAT statement asks for, for this packet (nft_nat_eval). */
#include <endian.h>
#include <string.h>

#include "ruleset/program.h"

static void take_addr(union addr *addr, const struct eval *e, const uint8_t *key, uint8_t at)
{
	if (at != NAT_CONSTANT)
		memcpy(addr, key + at, e->packet->family == L3_IPV4 ? 4 : 16);
}

static void take_port(uint16_t *port, const uint8_t *key, uint8_t at)
{
	uint16_t x;

	if (at == NAT_CONSTANT)
		return;
	memcpy(&x, key + at, sizeof(x));
	*port = be16toh(x);
}

bool eval_nat(const struct program_nat *nat, struct eval *e, enum hook hook, const uint8_t *key)
{
	struct nat_request request = { .type = nat->type, .range = nat->range };

	take_addr(&request.range.min_addr, e, key, nat->min_addr);
	take_addr(&request.range.max_addr, e, key, nat->max_addr);
	take_port(&request.range.min_port, key, nat->min_port);
	take_port(&request.range.max_port, key, nat->max_port);
	e->mapped = true;
	return !e->nat || e->nat(e, hook, &request);
}
