/* filter_status.c - what the daemon knows of itself, for Status and for one line. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "host/filter_private.h"

static json_t *seconds(uint64_t ns)
{
	return json_real((double)ns / 1e9);
}

static json_t *seconds_or_null(uint64_t ns)
{
	return ns ? seconds(ns) : json_null();
}

static json_t *hook_names(uint32_t hooks)
{
	json_t *names = json_array();
	int h;

	for (h = HOOK_INPUT; h <= HOOK_OUTPUT; h++) {
		if (hooks & 1u << h)
			json_array_append_new(names, json_string(hook_name((enum hook)h)));
	}
	return names;
}

static json_t *captures(const struct config *c)
{
	json_t *all = json_array(), *networks;
	char buf[PREFIX_TEXT];
	size_t i, j;

	for (i = 0; i < c->n_captures; i++) {
		const struct config_capture *cap = &c->captures[i];

		networks = json_array();
		for (j = 0; j < cap->networks.n; j++)
			json_array_append_new(
				networks, json_string(prefix_print(&cap->networks.p[j], buf)));
		json_array_append_new(all, json_pack("{ss so so sb sb}", "interface",
						     cap->ifname, "networks", networks, "hooks",
						     hook_names(cap->hooks), "fail_closed",
						     cap->fail_closed,
						     "spoof_check", cap->spoof_check));
	}
	return all;
}

static json_t *offload_names(unsigned offload)
{
	json_t *names = json_array();
	unsigned i;

	for (i = 0; i < TUN_OFFLOAD_BITS; i++) {
		if (offload & 1u << i)
			json_array_append_new(names, json_string(tun_offload_name(i)));
	}
	return names;
}

static json_t *ports(struct filter *f)
{
	json_t *all = json_array();
	size_t i;

	for (i = 0; i < f->start->ports->n; i++) {
		const struct port *p = &f->start->ports->port[i];

		json_array_append_new(
			all, json_pack("{ss ss ss si si so}", "name", p->tun.name, "role",
				       port_role_name(p->role), "interface", p->interface,
				       "mtu", (int)p->mtu, "queues", (int)p->tun.n_queues,
				       "offload", offload_names(p->tun.offload)));
	}
	return all;
}

static json_t *last_load(const struct load *l)
{
	return json_pack("{so ss sb so}", "time", seconds(l->time), "cause",
			 l->reload ? "reload" : "start", "ok", l->ok, "error",
			 l->ok ? json_null() : control_json_text(l->error, strlen(l->error)));
}

/* A TUN that somebody deleted under us is traffic that goes nowhere. */
static bool is_whole(const struct filter *f)
{
	unsigned i;

	for (i = 0; i < f->n_workers; i++) {
		if (atomic_load_explicit(&f->workers[i].ports_lost, memory_order_relaxed))
			return false;
	}
	return true;
}

void filter_set_steering(struct filter *f, const char *text)
{
	json_decref(f->steering);
	f->steering = json_loads(text, 0, NULL);
}

json_t *filter_status(void *arg)
{
	struct filter *f = arg;
	bool filtering = f->running && f->start->ports->n && is_whole(f);

	return json_pack("{sb so so so s{ss so} s{ss so} so si si si so}", "filtering", filtering,
			 "since", filtering ? seconds(f->since) : json_null(), "captures",
			 captures(f->config), "ports", ports(f), "config", "path",
			 f->config->name, "loaded", seconds(f->load.config_loaded), "ruleset",
			 "path", f->config->daemon.ruleset, "loaded",
			 seconds_or_null(f->load.ruleset_loaded), "last_load",
			 last_load(&f->load), "keeper_pid", (int)f->start->keeper, "filter_pid",
			 (int)getpid(), "restarts", (int)f->start->restarts, "steering",
			 f->steering ? json_incref(f->steering) : json_null());
}

/* ---- the line ---- */

static void scope(const struct filter *f, struct text *out)
{
	size_t i;

	if (!f->start->ports->n) {
		text_puts(out, "Filtering nothing: neither [capture] nor [tun] is configured");
		return;
	}
	text_puts(out, "Filtering");
	for (i = 0; i < f->config->n_captures; i++)
		text_printf(out, "%s %s", i ? "," : "", f->config->captures[i].ifname);
	for (i = 0; i < f->config->n_tuns; i++)
		text_printf(out, "%s %s", i || f->config->n_captures ? "," : "",
			    f->config->tuns[i].ifname);
}

static void waiting(const struct filter *f, struct text *out)
{
	json_t *name;
	size_t i;

	json_array_foreach (json_object_get(f->steering, "waiting"), i, name)
		text_printf(out, "%s %s", i ? "," : "; waiting for",
			    json_string_value(name));
}

/* Packets do not come here, or no further. */
static void unwell(const struct filter *f, struct text *out)
{
	json_int_t missing = json_integer_value(json_object_get(f->steering, "missing"));

	if (missing)
		text_printf(out, "; %lld things that lead traffic here are MISSING",
			    (long long)missing);
	if (json_is_true(json_object_get(f->steering, "rp_filter")))
		text_puts(out, "; rp_filter is 1: the kernel DROPS what has passed here");
}

/* What an operator must not overlook. */
static void trial(const struct filter *f, struct text *out)
{
	struct generation_trial t;

	if (generation_trial(f->generation, &t))
		text_printf(out, "; changes on trial, undone in %" PRIu64 " s unless confirmed",
			    filter_trial_left(&t, hostclock_mono()));
}

void filter_status_line(struct filter *f, struct text *out)
{
	struct conntrack_stats ct;
	struct engine_stats e;
	uint64_t dropped = 0;
	int r;

	conntrack_stats(f->ct, &ct);
	engine_stats(f->engine, &e);
	for (r = REASON_NONE + 1; r < REASON_COUNT; r++)
		dropped += e.dropped[r];
	scope(f, out);
	waiting(f, out);
	unwell(f, out);
	trial(f, out);
	text_printf(out, "; %" PRIu32 " flows, %" PRIu64 " packets in, %" PRIu64 " dropped",
		    ct.flows, e.packets_in, dropped);
	if (!is_whole(f))
		text_puts(out, "; a TUN is lost, restart the daemon");
	if (!f->load.ok)
		text_puts(out, "; the last reload failed");
	if (f->start->restarts)
		text_printf(out, "; filter restarted %u time%s", f->start->restarts,
			    f->start->restarts == 1 ? "" : "s");
}
