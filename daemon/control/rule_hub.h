/* rule_hub.h - changes of the ruleset on their way to those who watch. */
#ifndef CTFW_CONTROL_RULE_HUB_H
#define CTFW_CONTROL_RULE_HUB_H

#include "control/lines.h"

/* What may wait for one listener: more is skipped, whole changes at a time. */
#define RULE_HUB_PENDING (4u << 20)
/* What is written of one change for all of them together, before the last: nobody is served
 * meanwhile.  The others are told that they missed one. */
#define RULE_HUB_WRITTEN (32u << 20)

/* One who watches. */
struct rule_listener {
	struct line_queue queue; /* first; changes that do not fit are skipped */
	struct ruleset_watch watch;
	struct locale locale; /* that changes are told in */
	bool generations; /* a line for each change, too */
	struct rule_listener *next;
};

void rule_hub_listen(struct rule_hub *hub, struct rule_listener *l);
void rule_hub_unlisten(struct rule_hub *hub, struct rule_listener *l);

#endif
