/* replay.c - the firewall in private memory. */
#include "ctl/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ctfw/expect.h"
#include "ctfw/rcu.h"
#include "ctfw/set_dynamic.h"

/* Nobody is to be spared here: who replays wants to see every line and every answer. */
#define UNBOUNDED_RATE 1000000

/* Expired flows are given back by a look at some records a packet, so that a capture's cost
 * grows with its packets and not with the hours in it. */
#define HOUSEKEEP_RECORDS_A_PACKET 64
#define HOUSEKEEP_RECORDS_MIN 4096

struct replay {
	void *memory;
	size_t memory_len;
	struct arena arena;
	struct conntrack *ct;
	struct counters *counters;
	struct set_elements *elements;
	struct engine *engine;
	struct ruleset *ruleset;
	struct engine_port port;
	uint64_t time;           /* the latest so far */
	uint64_t housekept;      /* when that was last done */
	uint32_t packets;        /* since then */
	void (*log)(void *arg, const struct engine_log *record);
	void *log_arg;
	uint8_t reply[BUILD_MAX];
};

static struct instant instant_of(const struct replay *r)
{
	return (struct instant){ .mono = r->time, .real = r->time };
}

/* Elements that packets may add to sets. */
#define REPLAY_ELEMENTS 65536

static int make_arena(struct replay *r, const struct replay_options *options)
{
	const struct arena_geometry geometry = {
		.flow_records = conntrack_records(options->conntrack.max_flows),
		.workers = 1,
		.text_bytes = 4096, /* nothing is saved */
		.expect_records = conntrack_expect_records(options->conntrack.expect_max),
		.element_records = REPLAY_ELEMENTS,
	};
	const uint8_t boot_id[16] = { 0 };

	r->memory_len = arena_size(&geometry);
	r->memory = mmap(NULL, r->memory_len, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r->memory == MAP_FAILED) {
		r->memory = NULL;
		return -ENOMEM;
	}
	arena_format(r->memory, &geometry, boot_id, options->key, &r->arena);
	return 0;
}

static void log_record(void *arg, unsigned worker, const struct engine_log *record)
{
	struct replay *r = arg;

	(void)worker;
	if (r->log)
		r->log(r->log_arg, record);
}

static int make_engine(struct replay *r, const struct replay_options *options)
{
	const struct engine_options engine = {
		.workers = 1,
		.log_rate = UNBOUNDED_RATE,
		.reply_rate = UNBOUNDED_RATE,
		.log = log_record,
		.log_arg = r,
		.fragments = options->fragments,
	};

	errno = ENOMEM;
	r->ct = conntrack_new(&r->arena, &options->conntrack, 1, instant_of(r));
	if (!r->ct)
		return -errno;
	r->counters = counters_new(&r->arena);
	if (r->counters)
		r->elements = set_elements_new(&r->arena, counters_states(r->counters), 1,
					       r->time);
	if (!r->elements)
		return -ENOMEM;
	counters_lend(r->counters, r->elements);
	r->ruleset = ruleset_new(r->counters);
	r->engine = engine_new(r->ct, r->counters, &engine);
	return r->ruleset && r->engine ? 0 : -ENOMEM;
}

int replay_new(const struct replay_options *options, struct replay **ret_replay)
{
	struct replay *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	rcu_register();
	r->log = options->log;
	r->log_arg = options->log_arg;
	r->port = (struct engine_port){ .role = PORT_BOTH, .hooks = ENGINE_ALL_HOOKS };
	err = make_arena(r, options);
	if (!err)
		err = make_engine(r, options);
	if (err) {
		replay_free(r);
		return err;
	}
	*ret_replay = r;
	return 0;
}

void replay_free(struct replay *r)
{
	if (!r)
		return;
	/* The engine goes first, since its program counts and its packets have flows. */
	engine_free(r->engine);
	ruleset_unref(r->ruleset);
	set_elements_free(r->elements);
	counters_free(r->counters);
	conntrack_free(r->ct);
	if (r->memory)
		munmap(r->memory, r->memory_len);
	rcu_unregister();
	free(r);
}

int replay_apply(struct replay *r, const struct ruleset_input *input, struct diag *d,
		 struct text *out)
{
	struct ruleset *rs;
	struct program *p;
	int err = ruleset_apply(r->ruleset, input, d, out, &rs);

	if (err < 0)
		return err;
	err = engine_compile(r->engine, rs, r->ruleset, d, &p);
	if (err < 0) {
		ruleset_unref(rs);
		return err;
	}
	engine_set_program(r->engine, p);
	ruleset_unref(r->ruleset);
	r->ruleset = rs;
	return 0;
}

void replay_set_hostview(struct replay *r, struct hostview *hv)
{
	engine_set_hostview(r->engine, hv);
}

void replay_set_port(struct replay *r, const struct engine_port *port)
{
	r->port = *port;
}

/* As a kernel's gc would do about every second; more thoroughly when the table is nearly
 * full, lest a new flow be refused for the sake of dead ones. */
static void housekeep(struct replay *r)
{
	uint32_t records = HOUSEKEEP_RECORDS_MIN;
	struct conntrack_stats stats;

	if (r->time - r->housekept < NSEC_PER_SEC)
		return;
	if (r->packets > HOUSEKEEP_RECORDS_MIN / HOUSEKEEP_RECORDS_A_PACKET)
		records = r->packets < UINT32_MAX / HOUSEKEEP_RECORDS_A_PACKET ?
				  r->packets * HOUSEKEEP_RECORDS_A_PACKET : 0;
	conntrack_stats(r->ct, &stats);
	if (stats.flows >= stats.max - stats.max / 16)
		records = 0;
	conntrack_housekeep(r->ct, records, instant_of(r));
	engine_housekeep(r->engine, instant_of(r));
	set_elements_housekeep(r->elements, records, r->time);
	r->housekept = r->time;
	r->packets = 0;
}

/* The firewall starts when its first packet comes. */
static void go_on_to(struct replay *r, uint64_t time)
{
	bool starts = r->time == 0;

	if (time > r->time)
		r->time = time;
	if (starts)
		conntrack_set_start(r->ct, instant_of(r));
}

void replay_packet(struct replay *r, uint8_t *data, size_t len,
		   const struct virtio_net_hdr *vnet, uint64_t time, struct replay_outcome *o)
{
	memset(o, 0, sizeof(*o));
	go_on_to(r, time);
	housekeep(r);
	r->packets++;
	o->result.reason = engine_prepare(r->engine, 0, data, len, vnet, &o->packet, &o->trace);
	if (o->result.reason != REASON_NONE) {
		o->result.action = ENGINE_DROP;
	} else {
		engine_input(r->engine, 0, &r->port, &o->packet, instant_of(r), r->reply,
			     &o->result, &o->trace);
	}
	rcu_quiescent();
	if (o->result.action == ENGINE_PASS) {
		o->out = o->packet.data;
		o->out_len = o->packet.len;
	} else if (o->result.action == ENGINE_REPLY) {
		o->out = r->reply;
		o->out_len = o->result.reply_len;
	} else if (o->result.action == ENGINE_FRAGMENTS) {
		replay_more(r, o);
	}
}

bool replay_more(struct replay *r, struct replay_outcome *o)
{
	return o->result.action == ENGINE_FRAGMENTS &&
	       engine_next(r->engine, 0, &o->out, &o->out_len);
}

void replay_advance(struct replay *r, uint64_t time)
{
	go_on_to(r, time);
	conntrack_housekeep(r->ct, 0, instant_of(r));
	engine_housekeep(r->engine, instant_of(r));
	set_elements_housekeep(r->elements, 0, r->time);
	r->housekept = r->time;
}

uint64_t replay_time(const struct replay *r)
{
	return r->time;
}

struct engine *replay_engine(struct replay *r)
{
	return r->engine;
}

struct conntrack *replay_conntrack(struct replay *r)
{
	return r->ct;
}
