/* conntrack_expect.h - ctfwctl conntrack's table `expect`. */
#ifndef CTFW_CTL_CONNTRACK_EXPECT_H
#define CTFW_CTL_CONNTRACK_EXPECT_H

#include "ctl/conntrack_args.h"

/* -L, -G, -D, -F or -C.  The exit status. */
int conntrack_expectations(struct ctl *ctl, const struct conntrack_request *r);

#endif
