/* trace_hub.h - records of traced packets on their way to those who watch. */
#ifndef CTFW_CONTROL_TRACE_HUB_H
#define CTFW_CONTROL_TRACE_HUB_H

#include "control/lines.h"

/* What may wait for one listener: more is skipped. */
#define TRACE_HUB_PENDING (1u << 20)

/* One who watches. */
struct trace_listener {
	struct line_queue queue; /* first; records that do not fit are skipped */
	unsigned print;		 /* enum print_flag */
	struct locale locale;	 /* that records are told in */
	struct trace_listener *next;
};

/* 0 or -ENOMEM. */
int trace_hub_listen(struct trace_hub *hub, struct trace_listener *l);
void trace_hub_unlisten(struct trace_hub *hub, struct trace_listener *l);

#endif
