/* trace_hub.h - records of traced packets on their way to those who watch. */
#ifndef CTFW_CONTROL_TRACE_HUB_H
#define CTFW_CONTROL_TRACE_HUB_H

#include "ctfw/control.h"

/* What may wait for one listener: more is skipped. */
#define TRACE_HUB_PENDING (1u << 20)

/* One who watches. */
struct trace_listener {
	struct text pending; /* lines that were not taken yet; the listener takes them */
	uint64_t skipped;    /* records that were lost since then */
	unsigned print;	     /* enum print_flag */
	bool waits;	     /* wake() is to be called; set by the listener */
	struct trace_listener *next;
	void (*wake)(void *arg);
	void *arg;
};

/* 0 or -ENOMEM. */
int trace_hub_listen(struct trace_hub *hub, struct trace_listener *l);
void trace_hub_unlisten(struct trace_hub *hub, struct trace_listener *l);

#endif
