/* method_status.c - Status: is it filtering, what, and is it well.
 *
 * The daemon gives what it knows of itself; the engine's and the flow table's numbers are
 * added here.  Every name comes from the table of what it counts. */
#include "control/trial.h"
#include "ctfw/set_dynamic.h"

static json_t *counter(uint64_t packets, uint64_t bytes)
{
	return json_pack("{sI sI}", "packets", (json_int_t)packets, "bytes", (json_int_t)bytes);
}

static void set_int(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(object, name, json_integer((json_int_t)value));
}

static void add_engine(json_t *status, const struct control_context *ctx)
{
	struct engine_stats stats;
	json_t *hooks = json_object(), *drops = json_object(), *workers = json_array();
	uint64_t total = 0;

	engine_stats(ctx->engine, &stats);
	for (int h = HOOK_INPUT; h <= HOOK_OUTPUT; h++)
		set_int(hooks, hook_name(h), stats.hook_packets[h]);
	for (int r = REASON_NONE + 1; r < REASON_COUNT; r++) {
		set_int(drops, reason_name(r), stats.dropped[r]);
		total += stats.dropped[r];
	}
	json_object_set_new(status, "in", counter(stats.packets_in, stats.bytes_in));
	json_object_set_new(status, "out", counter(stats.packets_out, stats.bytes_out));
	json_object_set_new(status, "hooks", hooks);
	set_int(status, "replies", stats.replies);
	set_int(status, "super_packets", stats.super_packets);
	set_int(status, "given_back", stats.given_back);
	set_int(status, "log_suppressed", stats.log_suppressed);
	set_int(status, "drops_total", total);
	json_object_set_new(status, "drops", drops);
	for (unsigned w = 0; w < ctx->workers; w++) {
		engine_worker_stats(ctx->engine, w, &stats);
		json_array_append_new(workers,
				      json_pack("{si so so}", "worker", (int)w, "in",
						counter(stats.packets_in, stats.bytes_in),
						"out",
						counter(stats.packets_out, stats.bytes_out)));
	}
	json_object_set_new(status, "workers", workers);
}

static void add_fragments(json_t *status, const struct control_context *ctx)
{
	struct engine_stats stats;
	struct frag_stats waiting;
	json_t *fragments = json_object();

	engine_fragments(ctx->engine, &waiting);
	engine_stats(ctx->engine, &stats);
	set_int(fragments, "waiting", waiting.fragments);
	set_int(fragments, "datagrams", waiting.datagrams);
	set_int(fragments, "bytes", waiting.bytes);
	set_int(fragments, "max_bytes", waiting.memory);
	set_int(fragments, "put_together", stats.datagrams);
	json_object_set_new(status, "fragments", fragments);
}

static void add_expectations(json_t *status, const struct conntrack_stats *stats)
{
	json_t *expectations = json_object();

	set_int(expectations, "now", stats->expectations);
	set_int(expectations, "max", stats->expect_max);
	set_int(expectations, "created", stats->expect_create);
	set_int(expectations, "fulfilled", stats->expect_new);
	set_int(expectations, "deleted", stats->expect_delete);
	json_object_set_new(status, "expectations", expectations);
}

static void add_elements(json_t *status, const struct control_context *ctx)
{
	struct set_elements_stats stats;
	json_t *elements = json_object();

	set_elements_stats(ctx->elements, &stats);
	set_int(elements, "now", stats.used);
	set_int(elements, "max", stats.records);
	set_int(elements, "added", stats.added);
	set_int(elements, "expired", stats.expired);
	set_int(elements, "set_full", stats.set_full);
	set_int(elements, "no_room", stats.no_room);
	json_object_set_new(elements, "recovery",
			    json_pack("{si si si}", "kept", (int)stats.kept, "damaged",
				      (int)stats.damaged, "expired", (int)stats.lapsed));
	json_object_set_new(status, "elements", elements);
}

static void add_flows(json_t *status, const struct control_context *ctx)
{
	struct conntrack_recovery r = conntrack_recovery(ctx->conntrack);
	struct conntrack_stats stats;
	json_t *flows = json_object(), *protocols = json_object();
	json_t *tcp = json_object(), *sctp = json_object();

	conntrack_stats(ctx->conntrack, &stats);
	set_int(flows, "now", stats.flows);
	set_int(flows, "peak", stats.peak);
	set_int(flows, "max", stats.max);
	set_int(flows, "reserved", stats.reserved);
	set_int(flows, "reserve_used", stats.reserve_used);
	set_int(flows, "created", stats.created);
	set_int(flows, "expired", stats.expired);
	set_int(flows, "early_drop", stats.early_drop);
	set_int(flows, "invalid", stats.invalid);
	set_int(flows, "insert_failed", stats.insert_failed);
	set_int(flows, "clash_resolve", stats.clash_resolve);
	for (int k = CT_KIND_NONE + 1; k < CT_KIND_COUNT; k++)
		set_int(protocols, ct_kind_name(k), stats.by_kind[k]);
	for (int t = TCPS_NONE + 1; t < TCPS_COUNT; t++)
		set_int(tcp, tcp_state_name(t), stats.by_tcp_state[t]);
	for (int s = SCTPS_NONE + 1; s < SCTPS_COUNT; s++)
		set_int(sctp, sctp_state_name(s), stats.by_sctp_state[s]);
	json_object_set_new(flows, "protocols", protocols);
	json_object_set_new(flows, "tcp_states", tcp);
	json_object_set_new(flows, "sctp_states", sctp);
	json_object_set_new(flows, "recovery",
			    json_pack("{si si si si si}", "kept", (int)r.kept, "torn",
				      (int)r.torn, "damaged", (int)r.damaged, "expired",
				      (int)r.expired, "expectations", (int)r.expectations));
	json_object_set_new(status, "flows", flows);
	add_expectations(status, &stats);
	add_elements(status, ctx);
}

static json_t *seconds_or_null(uint64_t ns)
{
	return ns ? json_real((double)ns / 1e9) : json_null();
}

static void add_ruleset(json_t *status, const struct control_context *ctx)
{
	json_t *trial = trial_encode(ctx);
	struct ruleset_size size = ruleset_size(generation_ruleset(ctx->generation));
	json_t *ruleset = json_object_get(status, "ruleset");

	if (!ruleset) {
		ruleset = json_object();
		json_object_set_new(status, "ruleset", ruleset);
	}
	set_int(ruleset, "generation", generation_serial(ctx->generation));
	set_int(ruleset, "tables", size.tables);
	set_int(ruleset, "chains", size.chains);
	set_int(ruleset, "rules", size.rules);
	json_object_set_new(ruleset, "file_undone",
			    seconds_or_null(generation_file_undone(ctx->generation)));
	json_object_set_new(status, "trial", trial ? trial : json_null());
}

static void status(struct control_session *s, const json_t *params)
{
	const struct control_context *ctx = session_context(s);
	json_t *status = ctx->status(ctx->arg);

	(void)params;
	if (status) {
		json_object_set_new(status, "version", json_string(CTFW_VERSION));
		add_engine(status, ctx);
		add_flows(status, ctx);
		add_fragments(status, ctx);
		add_ruleset(status, ctx);
	}
	session_reply(s, status);
}

const struct method status_methods[] = {
	{ .name = CONTROL_INTERFACE ".Status", .call = status },
	{ .name = NULL },
};
