/* trace.h - what packets with `meta nftrace` set met, told to whoever listens.
 *
 * Each worker writes into a ring of its own and never waits: when the ring is full the record is
 * skipped, and counted.  One thread reads.  While nobody listens a packet pays for one load. */
#ifndef CTFW_TRACE_H
#define CTFW_TRACE_H

#include "ctfw/engine.h"
#include "ctfw/ruleset.h"

/* Of the packet: both headers, with room for options. */
#define TRACE_BYTES 128
#define TRACE_NAME  256

struct trace_record {
	struct instant time;
	uint32_t id; /* of the packet */
	uint32_t mark;
	uint8_t l3;  /* enum l3 */
	bool first;  /* of its base chain */
	bool policy; /* and no rule */
	enum trace_verdict verdict;
	uint64_t handle; /* of the rule */
	char iifname[16], oifname[16]; /* padded with zeroes; all zero: none */
	const char *family; /* static */
	char table[TRACE_NAME], chain[TRACE_NAME], target[TRACE_NAME];
	uint16_t len; /* of bytes */
	uint8_t bytes[TRACE_BYTES];
};

/* One listener more; with the first, packets are traced.  0 or -ENOMEM.  One fewer. */
int engine_trace_listen(struct engine *e);
void engine_trace_unlisten(struct engine *e);
/* The earliest record of all workers; false when there is none. */
bool engine_trace_next(struct engine *e, struct trace_record *ret_record);
/* How many were skipped since the last call. */
uint64_t engine_trace_skipped(struct engine *e);

#endif
