/* conntrack_args.h - the command line of ctfwctl conntrack. */
#ifndef CTFW_CTL_CONNTRACK_ARGS_H
#define CTFW_CTL_CONNTRACK_ARGS_H

#include "ctfw/conntrack.h"
#include "ctl/command.h"

#define CONNTRACK_USAGE 2 /* exit status for a wrong command line */

enum conntrack_table { TABLE_CONNTRACK = 1, TABLE_EXPECT, TABLE_DYING, TABLE_UNCONFIRMED };

enum conntrack_output {
	OUTPUT_EXTENDED = 1 << 0,
	OUTPUT_ID = 1 << 1,
	OUTPUT_TIMESTAMP = 1 << 2,
	OUTPUT_KTIMESTAMP = 1 << 3,
	OUTPUT_XML = 1 << 4,
	OUTPUT_SAVE = 1 << 5,
	OUTPUT_LABELS = 1 << 6,
	OUTPUT_USERSPACE = 1 << 7,
};

enum conntrack_event { EVENT_NEW = 1, EVENT_UPDATE = 2, EVENT_DESTROY = 4, EVENT_ALL = 7 };

struct conntrack_request {
	int what; /* 'L', 'G', 'D', 'I', 'A', 'U', 'E', 'F', 'C', 'S' or 'R' */
	enum conntrack_table table;
	const char *file;  /* -R */
	uint64_t given[2]; /* options that were, by their row */
	/* Conditions; of -I what the flow is to be. */
	struct flow_filter filter;
	uint32_t status;    /* of -u, as bits to be set */
	uint32_t timeout;   /* -t */
	uint64_t label_add[2], label_del[2];
	bool has_vtag[2]; /* of SCTP, by direction */
	uint32_t vtag[2];
	unsigned output;    /* enum conntrack_output */
	unsigned events;    /* enum conntrack_event */
	bool zero;

	/* Options whose meaning hangs on the protocol, as they were given. */
	const char *special[16];
	const char *mask[2]; /* of --src and --dst, likewise */
};

extern const struct command_option conntrack_options_table[];

/* argv[0] is skipped.  0, or the exit status with the reason on ctl->err. */
int conntrack_args_parse(struct ctl *ctl, const struct command *self, int argc, char **argv,
			 struct conntrack_request *ret_request);
/* Whether an option was given, by its key in the table. */
bool conntrack_given(const struct conntrack_request *r, int key);
/* "ctfwctl v1.0 (ctfw): ..." on ctl->err, as conntrack(8) begins its lines. */
void conntrack_say(struct ctl *ctl, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
