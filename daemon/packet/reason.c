/* reason.c - names and help of reason.def. */
#include "ctfw/reason.h"

struct reason_row {
	const char *name, *help;
};

static const struct reason_row reason_rows[REASON_COUNT] = {
	[REASON_NONE] = { "none", "the packet goes on" },
#define REASON(id, name, help) [REASON_##id] = { name, help },
#include "ctfw/reason.def"
#undef REASON
};

static const struct reason_row *reason_row(enum reason r)
{
	return &reason_rows[(unsigned)r < REASON_COUNT ? r : REASON_NONE];
}

const char *reason_name(enum reason r)
{
	return reason_row(r)->name;
}

const char *reason_help(enum reason r)
{
	return reason_row(r)->help;
}
