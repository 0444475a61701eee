/* fuzz_config.c - ctfwd.conf.  An accepted configuration holds to its ranges; a refused one
 * is told about. */
#include <errno.h>
#include <string.h>

#include "ctfw/config.h"
#include "fuzz.h"

static void check_config(const struct config *c)
{
	CHECK(c->n_captures + c->n_tuns <= CONFIG_PORTS_MAX);
	CHECK(c->daemon.workers <= ARENA_MAX_WORKERS);
	CHECK(config_workers(c, 1) >= 1 && config_workers(c, 1000) <= ARENA_MAX_WORKERS);
	CHECK(c->conntrack.max_flows >= 1 && c->conntrack.max_flows <= 16777216);
	for (size_t i = 0; i < c->n_captures; i++) {
		CHECK(c->captures[i].networks.n >= 1);
		CHECK(c->captures[i].ifname[0] && c->captures[i].in_name[0]);
		CHECK(memchr(c->captures[i].ifname, 0, IFNAMSIZ));
		CHECK(memchr(c->captures[i].in_name, 0, IFNAMSIZ));
		CHECK(memchr(c->captures[i].out_name, 0, IFNAMSIZ));
	}
	for (size_t i = 0; i < c->n_tuns; i++)
		CHECK(c->tuns[i].ifname[0] && memchr(c->tuns[i].ifname, 0, IFNAMSIZ));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char minimal[] = "[capture wg0]\nnetworks = 10.8.0.0/24\n";
	struct diag d = DIAG_INIT;
	struct text restart = TEXT_INIT;
	struct config *c, *running;
	int err = config_parse("fuzz.conf", (const char *)data, size, &d, &c);

	if (err < 0) {
		CHECK(err == -EINVAL && d.errors > 0 && d.text.len > 0);
	} else {
		CHECK(d.errors == 0);
		check_config(c);
		if (config_parse("running", minimal, sizeof(minimal) - 1, &d, &running) == 0) {
			CHECK(config_adopt(running, c, &restart) >= 0);
			check_config(running);
			config_free(running);
		}
		config_free(c);
	}
	text_fini(&restart);
	diag_fini(&d);
	return 0;
}
