/* Every cell of SCTP's state table, against one typed again from conntrack.md 4.6; and tags. */
#include "tracking.h"

#include <netinet/in.h>

#include "ctfw/checksum.h"

#define TAG_A 0x0a0a0a0au /* that A's packets carry; its T flag's is the other's */
#define TAG_B 0x0b0b0b0bu

/* A row of the page: none, CLOSED, COOKIE_WAIT, COOKIE_ECHOED, ESTABLISHED, SHUTDOWN_SENT,
 * SHUTDOWN_RECD, SHUTDOWN_ACK_SENT, HEARTBEAT_SENT.  iv: invalid. */
static const struct {
	const char *name;
	uint8_t type;
	const char *row[2]; /* by direction */
} kinds[] = {
	{ "INIT", 1,
	  { "CL CL CW CE ES CL CL SA CW", "iv CL CW CE ES SS SR SA iv" } },
	{ "INIT_ACK", 2,
	  { "CL CL CW CE ES SS SR SA CL", "iv CW CW CE ES SS SR SA iv" } },
	{ "ABORT", 6,
	  { "CL CL CL CL CL CL CL CL CL", "iv CL CL CL CL CL CL CL iv" } },
	{ "SHUTDOWN", 7,
	  { "CL CL CW CE SS SS SR SA CL", "iv CL CW CE SR SS SR SA iv" } },
	{ "SHUTDOWN_ACK", 8,
	  { "SA CL CW CE ES SA SA SA SA", "iv CL CW CE ES SA SA SA iv" } },
	{ "ERROR", 9,
	  { "CL CL CW CE ES SS SR SA CL", "iv CL CW CL ES SS SR SA iv" } },
	{ "COOKIE_ECHO", 10,
	  { "CL CL CE CE ES SS SR SA CL", "iv CL CE CE ES SS SR SA iv" } },
	{ "COOKIE_ACK", 11,
	  { "CL CL CW ES ES SS SR SA CL", "iv CL CW ES ES SS SR SA iv" } },
	{ "SHUTDOWN_COMPLETE", 14,
	  { "CL CL CW CE ES SS SR CL CL", "iv CL CW CE ES SS SR CL iv" } },
	{ "HEARTBEAT", 4,
	  { "HS CL CW CE ES SS SR SA HS", "iv CL CW CE ES SS SR SA HS" } },
	{ "HEARTBEAT_ACK", 5,
	  { "CL CL CW CE ES SS SR SA HS", "iv CL CW CE ES SS SR SA ES" } },
	{ "DATA", 0,
	  { "iv CL CW CE ES SS SR SA HS", "iv CL CW CE ES SS SR SA HS" } },
	{ "SACK", 3,
	  { "iv CL CW CE ES SS SR SA HS", "iv CL CW CE ES SS SR SA HS" } },
	{ "12", 12,
	  { "iv CL CW CE ES SS SR SA HS", "iv CL CW CE ES SS SR SA HS" } },
	{ "FORWARD_TSN", 192,
	  { "iv CL CW CE ES SS SR SA HS", "iv CL CW CE ES SS SR SA HS" } },
};

static const char *const state_letters[SCTPS_COUNT] = { "--", "CL", "CW", "CE", "ES",
							"SS", "SR", "SA", "HS" };
static const unsigned state_seconds[SCTPS_COUNT] = { 0, 10, 3, 3, 210, 3, 3, 3, 30 };

static enum ct_state sctp(struct world *w, int dir, uint32_t vtag, uint8_t type, uint8_t flags)
{
	uint8_t body[12 + 20] = { 0 };
	uint32_t crc;

	raw_put16(body, dir ? 3868 : 1000);
	raw_put16(body + 2, dir ? 1000 : 3868);
	raw_put32(body + 4, vtag);
	body[12] = type;
	body[13] = flags;
	raw_put16(body + 14, 20);
	raw_put32(body + 16, dir ? TAG_A : TAG_B); /* what an INIT announces */
	crc = ~crc32c(UINT32_MAX, body, sizeof(body));
	for (int i = 0; i < 4; i++)
		body[8 + i] = (uint8_t)(crc >> 8 * i);
	raw_ip(&w->raw, dir ? B4 : A4, dir ? A4 : B4, IPPROTO_SCTP, body, sizeof(body));
	return pass(w);
}

/* A flow in the wanted state, answered, whose tags are known. */
static struct flow *flow_in_state(struct world *w, enum sctp_state state)
{
	struct flow *f;

	assert_int_equal(sctp(w, 0, TAG_A, 4, 0), CT_STATE_NEW);
	f = w->ref.flow;
	assert_int_equal(sctp(w, 1, TAG_B, 5, 0), CT_STATE_ESTABLISHED);
	atomic_fetch_and(&f->status, ~(uint32_t)FLOW_ASSURED);
	memset(&f->proto.sctp, 0, sizeof(f->proto.sctp));
	f->proto.sctp.state = (uint8_t)state;
	f->proto.sctp.vtag[DIR_ORIGINAL] = htonl(TAG_A);
	f->proto.sctp.vtag[DIR_REPLY] = htonl(TAG_B);
	return f;
}

static void check_cell(enum sctp_state from, int dir, uint8_t type, const char *cell)
{
	struct world w;
	struct flow *f, before;
	enum ct_state ct;

	world_init(&w, 16);
	f = flow_in_state(&w, from);
	wait_ms(&w, 500);
	memcpy((void *)&before, (void *)f, sizeof(before));
	ct = sctp(&w, dir, type == 1 ? 0 : dir ? TAG_B : TAG_A, type, 0);
	if (strcmp(cell, "iv") == 0) {
		assert_int_equal(ct, CT_STATE_INVALID);
		assert_int_equal(f->proto.sctp.state, from);
		assert_int_equal(f->expires, before.expires);
	} else {
		bool again = type == 1 && from == SCTPS_CLOSED;

		assert_int_equal(ct, CT_STATE_ESTABLISHED);
		assert_int_equal(w.ref.dir, dir);
		assert_string_equal(state_letters[f->proto.sctp.state], cell);
		assert_int_equal(f->acct[dir].packets, before.acct[dir].packets + !again);
		assert_int_equal(f->expires, again ? before.expires :
					     w.now.mono + state_seconds[f->proto.sctp.state] *
								  NSEC_PER_SEC);
		assert_int_equal(!!(atomic_load(&f->status) & FLOW_ASSURED),
				 strcmp(cell, "ES") == 0 && from != SCTPS_ESTABLISHED);
	}
	world_fini(&w);
}

static void every_cell_of_both_directions(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		for (int dir = 0; dir < 2; dir++) {
			for (unsigned s = SCTPS_CLOSED; s < SCTPS_COUNT; s++) {
				char cell[3] = { kinds[k].row[dir][3 * s],
						 kinds[k].row[dir][3 * s + 1], 0 };

				check_cell((enum sctp_state)s, dir, kinds[k].type, cell);
			}
		}
	}
}

/* The column of no state; the tag is 0, which rules 4 and 5 of the page ask of most. */
static void every_first_packet(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		uint8_t type = kinds[k].type;
		bool never = type == 6 || type == 11 || type == 14;
		char cell[3] = { kinds[k].row[0][0], kinds[k].row[0][1], 0 };
		struct world w;

		world_init(&w, 16);
		if (never || strcmp(cell, "iv") == 0) {
			assert_int_equal(sctp(&w, 0, 0, type, 0), CT_STATE_INVALID);
			assert_int_equal(flows(&w), 0);
		} else {
			assert_int_equal(sctp(&w, 0, 0, type, 0), CT_STATE_NEW);
			assert_string_equal(state_letters[w.ref.flow->proto.sctp.state], cell);
		}
		world_fini(&w);
	}
}

static void the_t_flag_asks_for_the_other_sides_tag(void **state)
{
	static const uint8_t types[] = { 6, 14 };

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++) {
		struct world w;

		world_init(&w, 16);
		flow_in_state(&w, SCTPS_SHUTDOWN_ACK_SENT);
		assert_int_equal(sctp(&w, 0, TAG_B, types[i], 0), CT_STATE_INVALID);
		assert_int_equal(sctp(&w, 0, TAG_A, types[i], 1), CT_STATE_INVALID);
		assert_int_equal(sctp(&w, 1, TAG_A, types[i], 1), CT_STATE_ESTABLISHED);
		assert_int_equal(w.ref.flow->proto.sctp.state, SCTPS_CLOSED);
		world_fini(&w);
	}
}

static void states_are_counted(void **state)
{
	struct conntrack_stats s;
	struct world w;

	(void)state;
	world_init(&w, 16);
	sctp(&w, 0, TAG_A, 4, 0);
	conntrack_stats(w.ct, &s);
	assert_int_equal(s.by_kind[CT_SCTP], 1);
	assert_int_equal(s.by_sctp_state[SCTPS_HEARTBEAT_SENT], 1);
	sctp(&w, 1, TAG_B, 5, 0);
	conntrack_stats(w.ct, &s);
	assert_int_equal(s.by_sctp_state[SCTPS_HEARTBEAT_SENT], 0);
	assert_int_equal(s.by_sctp_state[SCTPS_ESTABLISHED], 1);
	wait_ms(&w, 210000);
	conntrack_housekeep(w.ct, 0, w.now);
	conntrack_stats(w.ct, &s);
	assert_int_equal(s.by_kind[CT_SCTP], 0);
	assert_int_equal(s.by_sctp_state[SCTPS_ESTABLISHED], 0);
	world_fini(&w);
}

/* As many chunks as fit into a packet are walked once each, and no byte behind them is read. */
static void a_packet_full_of_chunks_is_judged(void **state)
{
	static uint8_t body[12 + 4 * 2000];
	struct world w;
	uint32_t crc;

	(void)state;
	world_init(&w, 16);
	flow_in_state(&w, SCTPS_ESTABLISHED);
	raw_put16(body, 1000);
	raw_put16(body + 2, 3868);
	raw_put32(body + 4, TAG_A);
	for (size_t len = 12; len <= 300; len++) {
		memset(body + 8, 0, 4);
		for (size_t i = 12; i < len; i += 4) {
			body[i] = 3;
			raw_put16(body + i + 2, (uint16_t)(1 + i % 4));
		}
		crc = ~crc32c(UINT32_MAX, body, len);
		for (int i = 0; i < 4; i++)
			body[8 + i] = (uint8_t)(crc >> 8 * i);
		raw_ip(&w.raw, A4, B4, IPPROTO_SCTP, body, len);
		assert_int_equal(pass(&w), len < 16 ? CT_STATE_INVALID : CT_STATE_ESTABLISHED);
	}
	world_fini(&w);
}

static void create(struct world *w, uint32_t vtag_a, uint32_t vtag_b)
{
	struct flow_spec s = { .timeout = 300,
			       .state = SCTPS_ESTABLISHED,
			       .status = FLOW_SEEN_REPLY,
			       .vtag = { htonl(vtag_a), htonl(vtag_b) } };
	struct tuple *o = &s.tuple[DIR_ORIGINAL];
	uint8_t family;

	o->l3 = L3_IPV4;
	o->l4 = IPPROTO_SCTP;
	assert_int_equal(addr_parse(A4, &family, &o->src), 0);
	assert_int_equal(addr_parse(B4, &family, &o->dst), 0);
	o->sport = htons(1000);
	o->dport = htons(3868);
	assert_int_equal(tuple_invert(o, &s.tuple[DIR_REPLY]), 0);
	world_init(w, 16);
	assert_int_equal(conntrack_create(w->ct, &s, w->now), 0);
}

static void a_flow_of_words_with_tags_wants_them(void **state)
{
	struct world w;

	(void)state;
	create(&w, TAG_A, TAG_B);
	assert_int_equal(sctp(&w, 0, TAG_A + 1, 0, 0), CT_STATE_INVALID);
	assert_int_equal(sctp(&w, 1, TAG_A, 0, 0), CT_STATE_INVALID);
	assert_int_equal(sctp(&w, 0, TAG_A, 0, 0), CT_STATE_ESTABLISHED);
	assert_int_equal(sctp(&w, 1, TAG_B, 3, 0), CT_STATE_ESTABLISHED);
	world_fini(&w);
}

static void a_flow_of_words_learns_each_sides_tag_once(void **state)
{
	struct world w;

	(void)state;
	create(&w, 0, 0);
	/* Not from what would end it. */
	assert_int_equal(sctp(&w, 0, TAG_A, 6, 0), CT_STATE_INVALID);
	assert_int_equal(sctp(&w, 0, TAG_A, 14, 0), CT_STATE_INVALID);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sctp(&w, 0, TAG_A, 0, 0), CT_STATE_ESTABLISHED);
		assert_int_equal(sctp(&w, 1, TAG_B, 3, 0), CT_STATE_ESTABLISHED);
		assert_int_equal(sctp(&w, 0, TAG_B, 0, 0), CT_STATE_INVALID);
		assert_int_equal(sctp(&w, 1, TAG_A, 3, 0), CT_STATE_INVALID);
	}
	assert_int_equal(sctp(&w, 0, TAG_A, 6, 0), CT_STATE_ESTABLISHED);
	world_fini(&w);
}

static void an_init_tells_a_flow_of_words_the_answers_tag(void **state)
{
	struct world w;

	(void)state;
	create(&w, 0, 0);
	assert_int_equal(sctp(&w, 0, 0, 1, 0), CT_STATE_ESTABLISHED); /* announces TAG_B */
	assert_int_equal(sctp(&w, 1, TAG_A, 3, 0), CT_STATE_INVALID);
	assert_int_equal(sctp(&w, 1, TAG_B, 3, 0), CT_STATE_ESTABLISHED);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell_of_both_directions),
		cmocka_unit_test(every_first_packet),
		cmocka_unit_test(the_t_flag_asks_for_the_other_sides_tag),
		cmocka_unit_test(states_are_counted),
		cmocka_unit_test(a_packet_full_of_chunks_is_judged),
		cmocka_unit_test(a_flow_of_words_with_tags_wants_them),
		cmocka_unit_test(a_flow_of_words_learns_each_sides_tag_once),
		cmocka_unit_test(an_init_tells_a_flow_of_words_the_answers_tag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
