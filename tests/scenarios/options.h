/* options.h - the options of [conntrack], as a scenario's `config` says them. */
#ifndef SCENARIOS_OPTIONS_H
#define SCENARIOS_OPTIONS_H

#include "ctfw/conntrack.h"

/* 0, or -1: no option is called that, or the value is not one for it. */
int option_set(struct conntrack_options *o, const char *name, const char *value);

#endif
