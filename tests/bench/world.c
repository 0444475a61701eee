/* world.c - an engine in private memory, for benchmarks. */
#include "bench/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ctfw/diag.h"
#include "ctfw/expect.h"
#include "ctfw/hostview.h"
#include "ctfw/rcu.h"
#include "ctfw/ruleset.h"

static void die(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

static char *read_file(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "r");
	char *text = malloc(1 << 20);

	if (!f || !text) {
		perror(path);
		exit(1);
	}
	*ret_len = fread(text, 1, (1 << 20) - 1, f);
	text[*ret_len] = '\0';
	fclose(f);
	return text;
}

static void load_rules(struct world *w, const char *path)
{
	struct diag d = DIAG_INIT;
	struct text out = TEXT_INIT;
	struct ruleset *empty = ruleset_new(w->counters);
	struct ruleset_input input = { .name = path };
	char *text = read_file(path, &input.len);

	input.text = text;
	if (!empty || ruleset_apply(empty, &input, &d, &out, &w->ruleset) < 0)
		die(text_str(&d.text));
	ruleset_unref(empty);
	text_fini(&out);
	diag_fini(&d);
	free(text);
}

static struct hostview *make_hostview(void)
{
	const struct hostview_link links[] = {
		{ .index = 1, .mtu = 65536, .name = "lo" },
		{ .index = 2, .mtu = 1500, .name = "eth0" },
		{ .index = 3, .mtu = 1420, .name = "wg0" },
	};
	struct hostview_addr addrs[6] = { 0 };
	struct hostview_route routes[3] = { 0 };
	static const char *const text[] = { "127.0.0.0/8", "10.0.0.1", "10.255.255.255",
					    "203.0.113.1", "203.0.113.255", "::1" };

	for (unsigned i = 0; i < 6; i++) {
		prefix_parse(text[i], &addrs[i].prefix);
		addrs[i].ifindex = i == 0 || i == 5 ? 1 : i < 3 ? 3 : 2;
		addrs[i].kind = i == 2 || i == 4 ? HOSTVIEW_BROADCAST : HOSTVIEW_LOCAL;
		addrs[i].primary = i == 1 || i == 3;
	}
	prefix_parse("0.0.0.0/0", &routes[0].prefix);
	prefix_parse("10.0.0.0/8", &routes[1].prefix);
	prefix_parse("203.0.113.0/24", &routes[2].prefix);
	routes[0].ifindex = routes[2].ifindex = 2;
	routes[1].ifindex = 3;
	return hostview_new(links, 3, addrs, 6, routes, 3);
}

void world_init(struct world *w, uint32_t max_flows, const char *rules)
{
	static const uint8_t boot_id[16] = { 1 }, key[16] = { 2, 3, 5, 7, 11 };
	static struct prefix behind;
	struct arena_geometry g = {
		.flow_records = conntrack_records(max_flows),
		.workers = 1,
		.expect_records = conntrack_expect_records(256),
		.text_bytes = 65536,
	};
	struct engine_options engine = { .workers = 1, .log_rate = 10, .reply_rate = 1000 };
	struct conntrack_options options;
	struct program *program;
	struct hostview *hv;

	memset(w, 0, sizeof(*w));
	rcu_register();
	w->now = (struct instant){ 1000 * NSEC_PER_SEC, 1700000000 * NSEC_PER_SEC };
	w->size = arena_size(&g);
	w->mem = mmap(NULL, w->size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (w->mem == MAP_FAILED)
		die("no memory for the arena");
	arena_format(w->mem, &g, boot_id, key, &w->arena);
	conntrack_options_default(&options);
	options.max_flows = max_flows;
	w->counters = counters_new(&w->arena);
	w->ct = conntrack_new(&w->arena, &options, 1, w->now);
	w->engine = w->ct && w->counters ? engine_new(w->ct, w->counters, &engine) : NULL;
	if (!w->engine)
		die("no memory for the engine");
	load_rules(w, rules);
	program = program_compile(w->ruleset);
	hv = make_hostview();
	if (!program || !hv)
		die("no memory for the program");
	engine_set_program(w->engine, program);
	engine_set_hostview(w->engine, hv);
	prefix_parse("10.0.0.0/8", &behind);
	w->in = (struct engine_port){ .role = PORT_IN, .ifindex = 3, .ifname = "wg0",
				      .spoof_check = true, .hooks = ENGINE_ALL_HOOKS,
				      .networks = &behind, .n_networks = 1 };
	w->out = w->in;
	w->out.role = PORT_OUT;
}

void world_fini(struct world *w)
{
	engine_free(w->engine);
	ruleset_unref(w->ruleset);
	conntrack_free(w->ct);
	counters_free(w->counters);
	munmap(w->mem, w->size);
	rcu_unregister();
}
