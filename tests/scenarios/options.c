/* options.c - the options of [conntrack], as a scenario's `config` says them: a row each. */
#include "options.h"

#include <stdlib.h>
#include <string.h>

#include "ctfw/helper.h"

static int set_switch(void *member, const char *value)
{
	*(bool *)member = strcmp(value, "yes") == 0;
	return *(bool *)member || strcmp(value, "no") == 0 ? 0 : -1;
}

static int set_number(void *member, const char *value)
{
	char *end;

	*(uint32_t *)member = (uint32_t)strtoul(value, &end, 10);
	return *end ? -1 : 0;
}

static int set_loose(void *member, const char *value)
{
	static const char *const names[] = {
		[TCP_LOOSE_NO] = "no", [TCP_LOOSE_YES] = "yes", [TCP_LOOSE_COLD] = "cold",
	};

	for (int i = TCP_LOOSE_NO; i <= TCP_LOOSE_COLD; i++) {
		if (strcmp(names[i], value) == 0) {
			*(enum tcp_loose *)member = (enum tcp_loose)i;
			return 0;
		}
	}
	return -1;
}

/* "ftp,sip", or off */
static int set_helpers(void *member, const char *value)
{
	char *copy = strdup(value), *save;
	int err = copy ? 0 : -1;
	uint32_t *helpers = member;

	*helpers = 0;
	for (char *w = copy ? strtok_r(copy, ",", &save) : NULL; w && !err;
	     w = strtok_r(NULL, ",", &save)) {
		uint8_t kind = HELPER_COUNT - 1;

		while (kind && strcmp(ct_helper_name(kind), w) != 0)
			kind--;
		if (kind)
			*helpers |= HELPER_BIT(kind);
		else if (strcmp(w, "off") != 0)
			err = -1;
	}
	free(copy);
	return err;
}

/* "10", "10%" */
static int set_share(void *member, const char *value)
{
	*(struct ct_share *)member = (struct ct_share){ .n = (uint32_t)atoi(value),
							.percent = strchr(value, '%') != NULL };
	return 0;
}

/* WORD,WORD,... as in ctfwd.conf. */
static int set_reserve_for(void *member, const char *value)
{
	struct ct_reserve *list = member;
	char copy[256], *word, *save;

	if (strlen(value) >= sizeof(copy))
		return -1;
	strcpy(copy, value);
	list->n = 0;
	for (word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		if (list->n == CT_RESERVE_MAX ||
		    ct_reserve_parse(word, &list->rule[list->n++]) < 0)
			return -1;
	}
	return 0;
}

#define MEMBER(member) offsetof(struct conntrack_options, member)

static const struct {
	const char *name;
	size_t at;
	int (*set)(void *member, const char *value);
} options[] = {
	{ "checksum", MEMBER(checksum), set_switch },
	{ "max-flows", MEMBER(max_flows), set_number },
	{ "reserve", MEMBER(reserve), set_share },
	{ "reserve-for", MEMBER(reserve_for), set_reserve_for },
	{ "helpers", MEMBER(helpers), set_helpers },
	{ "expect-max", MEMBER(expect_max), set_number },
	{ "tcp-loose", MEMBER(tcp_loose), set_loose },
	{ "tcp-loose-cold", MEMBER(tcp_loose_cold), set_number },
	{ "tcp-be-liberal", MEMBER(tcp_be_liberal), set_switch },
	{ "tcp-ignore-invalid-rst", MEMBER(tcp_ignore_invalid_rst), set_switch },
	{ "tcp-max-retrans", MEMBER(tcp_max_retrans), set_number },
#define TIMEOUT(id, option, seconds, help)                                                     \
	{ option, MEMBER(timeout[TIMEOUT_##id]), set_number },
#include "ctfw/timeout.def"
#undef TIMEOUT
};

int option_set(struct conntrack_options *o, const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (strcmp(options[i].name, name) == 0)
			return options[i].set((char *)o + options[i].at, value);
	}
	return -1;
}
