/* reason.h - reasons for which a packet ends, from reason.def. */
#ifndef CTFW_REASON_H
#define CTFW_REASON_H

enum reason {
	REASON_NONE = 0, /* goes on */
#define REASON(id, name, help) REASON_##id,
#include "ctfw/reason.def"
#undef REASON
	REASON_COUNT
};

/* "none" for REASON_NONE, never NULL. */
const char *reason_name(enum reason r);
const char *reason_help(enum reason r);

#endif
