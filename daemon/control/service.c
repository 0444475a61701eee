/* service.c - org.varlink.service: what every Varlink service tells of itself. */
#include <string.h>

#include "control/session.h"

static const char varlink_text[] =
	"# What a Varlink service tells of itself.\n"
	"interface org.varlink.service\n"
	"\n"
	"method GetInfo() -> (\n"
	"  vendor: string,\n"
	"  product: string,\n"
	"  version: string,\n"
	"  url: string,\n"
	"  interfaces: []string\n"
	")\n"
	"\n"
	"method GetInterfaceDescription(interface: string) -> (description: string)\n"
	"\n"
	"error InterfaceNotFound (interface: string)\n"
	"\n"
	"error MethodNotFound (method: string)\n"
	"\n"
	"error MethodNotImplemented (method: string)\n"
	"\n"
	"error InvalidParameter (parameter: string)\n"
	"\n"
	"error PermissionDenied ()\n"
	"\n"
	"error ExpectedMore ()\n";

static void get_info(struct control_session *s, const json_t *params)
{
	(void)params;
	session_reply(s, json_pack("{ss ss ss ss s[ss]}", "vendor", "ctfw", "product", "ctfwd",
				   "version", CTFW_VERSION, "url", "", "interfaces", VARLINK,
				   CONTROL_INTERFACE));
}

static void get_description(struct control_session *s, const json_t *params)
{
	const char *name = json_string_value(json_object_get(params, "interface"));
	const char *text = NULL;

	if (strcmp(name, CONTROL_INTERFACE) == 0)
		text = control_interface_text;
	else if (strcmp(name, VARLINK) == 0)
		text = varlink_text;
	if (text)
		session_reply(s, json_pack("{ss}", "description", text));
	else
		session_error(s, VARLINK ".InterfaceNotFound",
			      json_pack("{ss}", "interface", name));
}

static const struct method_param description_params[] = {
	{ "interface", 's', true },
	{ NULL, 0, false },
};

const struct method service_methods[] = {
	{ .name = VARLINK ".GetInfo", .call = get_info },
	{
		.name = VARLINK ".GetInterfaceDescription",
		.params = description_params,
		.call = get_description,
	},
	{ .name = NULL },
};
