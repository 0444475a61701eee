/* config.h - ctfwd.conf: what the operator wants of the daemon.
 *
 * Every option is a row of daemon/config/options.def: section, key, type, range, default
 * and help.  The parser, the messages, the sample file and the check of the man page come
 * from that table.
 *
 * A configuration is parsed whole or not at all; nothing in it is ignored in silence.  It
 * is immutable for its readers, and belongs to one thread of each process. */
#ifndef CTFW_CONFIG_H
#define CTFW_CONFIG_H

#include <limits.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctfw/addr.h"
#include "ctfw/conntrack.h"
#include "ctfw/diag.h"
#include "ctfw/engine.h"
#include "ctfw/text.h"

#define CONFIG_FILE CTFW_SYSCONFDIR "/ctfw/ctfwd.conf"
/* Where the control socket is unless the configuration says otherwise. */
#define CONFIG_SOCKET CTFW_RUNSTATEDIR "/ctfw/ctfwd.sock"
#define CONFIG_PATH_MAX 1024
#define CONFIG_NAME_MAX 33 /* of a user or a group, NUL included */
#define CONFIG_PORTS_MAX 64 /* TUNs in all */
/* What the arena has room for at most: max-flows, expect-max, max-elements. */
#define CONFIG_FLOWS_MAX 16777216
#define CONFIG_EXPECT_MAX 65536
#define CONFIG_ELEMENTS_MAX 16777216

/* An address of an interface: unlike in a prefix, the bits behind the length count. */
struct config_address {
	uint8_t family; /* enum l3 */
	uint8_t len;
	union addr addr;
};

struct config_networks {
	struct prefix *p;
	size_t n;
};

struct config_addresses {
	struct config_address *p;
	size_t n;
};

struct config_daemon {
	char ruleset[CONFIG_PATH_MAX];
	char runtime_directory[CONFIG_PATH_MAX];
	char control_socket[CONFIG_PATH_MAX]; /* ctfwd.sock in the above, unless set */
	char control_group[CONFIG_NAME_MAX];  /* "": the user's own group */
	char user[CONFIG_NAME_MAX];
	uint32_t workers; /* 0: as many as suit the machine, see config_workers() */
	uint32_t spin;    /* microseconds */
	uint32_t max_wait; /* milliseconds */
	uint32_t reply_rate;
	uint32_t max_elements;
};

/* [capture IFACE]: two TUNs of ours for an interface of the host. */
struct config_capture {
	char ifname[IFNAMSIZ]; /* zero-padded, as all names of interfaces here */
	struct config_networks networks; /* behind it; at least one */
	uint32_t hooks; /* 1 << HOOK_INPUT | ... */
	bool spoof_check;
	bool fail_closed; /* nothing passes while there is no daemon */
	char in_name[IFNAMSIZ], out_name[IFNAMSIZ]; /* IFACE-in, IFACE-out unless set */
	uint32_t mtu; /* 0: that of the interface */
	uint32_t txqueuelen;
};

/* [tun NAME]: a TUN that the operator leads traffic into. */
struct config_tun {
	char ifname[IFNAMSIZ];
	uint32_t role; /* enum port_role */
	char interface[IFNAMSIZ]; /* what iifname and oifname show; ifname unless set */
	struct config_addresses addresses; /* put on the TUN by the daemon; may be none */
	struct config_networks networks; /* behind it, for spoof-check; may be none */
	uint32_t hooks;
	bool spoof_check;
	uint32_t mtu; /* 0: the kernel's default, 1500 */
	uint32_t txqueuelen;
};

struct config_steer {
	uint32_t table;    /* routing table, 1..4294967295 */
	uint32_t priority; /* of the first ip rule; the last is 40 above */
	uint32_t protocol; /* rtm_protocol of what we put in: 1..255 */
};

/* struct conntrack_options and struct frag_options are the sections of their names. */

struct config_log {
	uint32_t rate; /* lines a second of `log` statements; 0 none */
};

struct config {
	char name[CONFIG_PATH_MAX]; /* of the file, as the operator gave it */
	struct config_daemon daemon;
	struct config_capture *captures;
	size_t n_captures;
	struct config_tun *tuns;
	size_t n_tuns;
	struct config_steer steer;
	struct conntrack_options conntrack;
	struct frag_options fragments;
	struct config_log log;
};

/* Parse a text; name is for messages.  0, -EINVAL with diagnostics in d, or -ENOMEM. */
int config_parse(const char *name, const char *text, size_t len, struct diag *d,
		 struct config **ret_config);
/* Read a file and parse it.  As above; a file that cannot be read, or that is no regular one
 * (regular.h), is a diagnostic and the errno of it. */
int config_load(const char *path, struct diag *d, struct config **ret_config);
/* The same of a pipe as well, for whoever may be kept waiting. */
int config_load_any(const char *path, struct diag *d, struct config **ret_config);
void config_free(struct config *c);

/* Whether a capture has networks of a family. */
bool config_capture_has(const struct config_capture *c, uint8_t l3);

/* What `workers = auto` means for so many CPUs: one up to four, then half of them. */
unsigned config_workers(const struct config *c, unsigned cpus);

/* Take over from wanted what may change while the daemon runs.  The rest stays as it is in
 * running, and its options are named in ret_restart ("workers, [capture wg1]") for those
 * that differ.  Returns how many these are, or -ENOMEM with running unchanged. */
int config_adopt(struct config *running, const struct config *wanted, struct text *ret_restart);

/* Whether both capture the same, in the same way: all that matters to TUNs and steering.  What
 * config_adopt() takes over does not count. */
bool config_captures_differ(const struct config *a, const struct config *b);
/* Take over all [capture] sections of wanted, and leave it ours: whoever holds pointers to
 * them has them until wanted is freed. */
void config_adopt_captures(struct config *running, struct config *wanted);

/* ---- the table ---- */

enum config_section {
	SECTION_NONE = 0,
	SECTION_daemon,
	SECTION_capture,
	SECTION_tun,
	SECTION_steer,
	SECTION_conntrack,
	SECTION_fragments,
	SECTION_log,
	SECTION_COUNT
};
/* "daemon", "capture", ...; the latter two are followed by a name. */
const char *config_section_name(enum config_section s);

struct config_option {
	enum config_section section;
	const char *key;
	const char *range;         /* for people: "1..64 or auto" */
	const char *default_value; /* as it would be written; "" for none */
	bool live;                 /* changed by a reload */
	const char *help;
};
/* Row i of the table, from 0; false behind the last.  Strings of range live in the caller's
 * buffer of 128 bytes. */
bool config_option(size_t i, char range[128], struct config_option *ret_option);
/* The sample file, every option in it. */
void config_sample(struct text *out);

#endif
