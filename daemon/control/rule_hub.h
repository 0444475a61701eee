/* rule_hub.h - changes of the ruleset on their way to those who watch. */
#ifndef CTFW_CONTROL_RULE_HUB_H
#define CTFW_CONTROL_RULE_HUB_H

#include "ctfw/control.h"

/* What may wait for one listener: more is skipped, whole changes at a time. */
#define RULE_HUB_PENDING (4u << 20)

/* One who watches: private to the hub but for what stands first. */
struct rule_listener {
	struct text pending; /* lines that were not taken yet; the listener takes them */
	uint64_t skipped;    /* changes that did not fit since then */
	struct ruleset_watch watch;
	bool generations; /* a line for each change, too */
	bool waits;	  /* wake() is to be called; set by the listener */
	struct rule_listener *next;
	void (*wake)(void *arg); /* there is something */
	void *arg;
};

void rule_hub_listen(struct rule_hub *hub, struct rule_listener *l);
void rule_hub_unlisten(struct rule_hub *hub, struct rule_listener *l);

#endif
