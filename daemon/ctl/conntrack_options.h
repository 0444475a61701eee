/* conntrack_options.h - between the two halves of ctfwctl conntrack's command line:
 * conntrack_args.c reads the options one by one, conntrack_check.c says whether they go
 * together. */
#ifndef CTFW_CTL_CONNTRACK_OPTIONS_H
#define CTFW_CTL_CONNTRACK_OPTIONS_H

#include "ctl/conntrack_args.h"

/* Keys of options that have no letter. */
enum {
	OPT_SPECIAL = 256, /* those that hang on the protocol come first */
	OPT_SPORT = OPT_SPECIAL,
	OPT_DPORT,
	OPT_REPLY_SPORT,
	OPT_REPLY_DPORT,
	OPT_STATE,
	OPT_ICMP_TYPE,
	OPT_ICMP_CODE,
	OPT_ICMP_ID,
	OPT_SRCKEY,
	OPT_DSTKEY,
	OPT_REPLY_SRCKEY,
	OPT_REPLY_DSTKEY,
	OPT_ORIG_VTAG,
	OPT_REPLY_VTAG,
	OPT_SPECIAL_END,
	OPT_ALIAS_SRC,
	OPT_ALIAS_DST,
	OPT_ORIG_ZONE,
	OPT_REPLY_ZONE,
	OPT_MASK_SRC,
	OPT_MASK_DST,
	OPT_LABEL_ADD,
	OPT_LABEL_DEL,
	OPT_REFUSED,
};

/* Of the option with this key, the first; "" when there is none. */
const char *conntrack_option_name(int key);
/* Whether it says what is to be done: -L and its like. */
bool conntrack_is_command(int key);
/* A wrong command line: the reason, and where to read more.  Returns the exit status. */
int conntrack_wrong(struct ctl *ctl, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Take what hangs on other options, and see that all go together; argv: the operands.  0, or
 * the exit status with the reason on ctl->err. */
int conntrack_check(struct ctl *ctl, struct conntrack_request *r, int argc, char **argv);

#endif
