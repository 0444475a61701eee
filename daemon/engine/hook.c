/* hook.c - the names of the hooks and of the ports' roles. */
#include "ctfw/hook.h"

#include "ctfw/engine.h"

const char *hook_name(enum hook h)
{
	static const char *const names[HOOK_COUNT] = {
		[HOOK_NONE] = "none",
		[HOOK_PREROUTING] = "prerouting",
		[HOOK_INPUT] = "input",
		[HOOK_FORWARD] = "forward",
		[HOOK_OUTPUT] = "output",
		[HOOK_POSTROUTING] = "postrouting",
	};

	return (unsigned)h < HOOK_COUNT ? names[h] : "none";
}

const char *port_role_name(enum port_role role)
{
	static const char *const names[] = {
		[PORT_NONE] = "none",
		[PORT_IN] = "in",
		[PORT_OUT] = "out",
		[PORT_BOTH] = "both",
		[PORT_RETURN] = "return",
	};

	return (unsigned)role < sizeof(names) / sizeof(*names) ? names[role] : "none";
}
