/* Every cell of TCP's state table, against one typed again from conntrack.md 3.3. */
#include "tracking.h"

/* A row of the page: one letter pair a state, in the order of the page's columns
 * (none, SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT, CLOSE_WAIT, LAST_ACK, TIME_WAIT, CLOSE,
 * SYN_SENT2).  iv: invalid; ig: ignored; re: reopened when the flow allows it. */
static const struct {
	const char *name;
	uint8_t flags[4]; /* all combinations that count as this kind of packet */
	const char *row[2]; /* by direction */
} kinds[] = {
	{ "SYN",
	  { TCP_SYN, TCP_SYN | TCP_URG, TCP_SYN | TCP_ECE | TCP_CWR, TCP_SYN | TCP_PSH },
	  { "SS SS ig ig ig ig ig re re S2", "iv S2 iv iv iv iv iv re iv S2" } },
	{ "SYN+ACK",
	  { TCP_SYN | TCP_ACK, TCP_SYN | TCP_ACK | TCP_PSH, TCP_SYN | TCP_ACK | TCP_ECE },
	  { "iv iv SR iv iv iv iv iv iv SR", "iv SR ig ig ig ig ig ig ig SR" } },
	{ "FIN",
	  { TCP_FIN | TCP_ACK, TCP_FIN | TCP_ACK | TCP_PSH, TCP_FIN | TCP_ACK | TCP_URG },
	  { "iv iv FW FW LA LA LA TW CL iv", "iv iv FW FW LA LA LA TW CL iv" } },
	{ "ACK",
	  { TCP_ACK, TCP_ACK | TCP_PSH, TCP_ACK | TCP_URG, TCP_ACK | TCP_CWR },
	  { "ES iv ES ES CW CW TW TW CL iv", "iv ig SR ES CW CW TW TW CL ig" } },
	{ "RST",
	  { TCP_RST, TCP_RST | TCP_ACK, TCP_RST | TCP_PSH, TCP_RST | TCP_ACK | TCP_PSH },
	  { "iv CL CL CL CL CL CL CL CL CL", "iv CL CL CL CL CL CL CL CL CL" } },
};

static const char *const state_letters[TCPS_COUNT] = { "--", "SS", "SR", "ES", "FW",
						       "CW", "LA", "TW", "CL", "S2" };
static const unsigned state_seconds[TCPS_COUNT] = { 0,  120, 60, 432000, 120,
						    60, 30,  120, 10,	 120 };

static struct flow *record(struct world *w)
{
	return (struct flow *)w->arena.flows + only_flow(w).index;
}

/* A flow in the wanted state, answered, without a past, and with room for seq 777 and ack
 * 888 of either side. */
static struct flow *flow_in_state(struct world *w, enum tcp_state state)
{
	struct flow *f;

	assert_int_equal(a_tcp(w, TCP_SYN, 100, 0), CT_STATE_NEW);
	f = record(w);
	assert_int_equal(b_tcp(w, TCP_SYN | TCP_ACK, 500, 101), CT_STATE_ESTABLISHED);
	memset(&f->proto.tcp, 0, sizeof(f->proto.tcp));
	f->proto.tcp.state = (uint8_t)state;
	for (int i = 0; i < 2; i++)
		f->proto.tcp.side[i] = (struct flow_tcp_side){
			.td_end = 888, .td_maxend = 888 + 8192, .td_maxwin = 8192,
		};
	return f;
}

static void check_cell(enum tcp_state from, int dir, uint8_t flags, const char *cell)
{
	struct world w;
	struct flow *f;
	struct flow before;
	enum ct_state ct;

	world_init(&w, 16);
	f = flow_in_state(&w, from);
	wait_ms(&w, 500);
	memcpy((void *)&before, (void *)f, sizeof(before));
	ct = dir ? b_tcp(&w, flags, 777, 888) : a_tcp(&w, flags, 777, 888);
	if (strcmp(cell, "iv") == 0) {
		assert_int_equal(ct, CT_STATE_INVALID);
		assert_null(w.ref.flow);
		assert_memory_equal((uint8_t *)&before.status, (uint8_t *)&f->status,
				    sizeof(before) - offsetof(struct flow, status));
	} else if (strcmp(cell, "ig") == 0 || strcmp(cell, "re") == 0) {
		/* Nobody had closed it, so what might reopen is ignored. */
		assert_int_equal(ct, CT_STATE_ESTABLISHED);
		assert_int_equal(w.ref.dir, dir);
		assert_int_equal(f->proto.tcp.state, from);
		assert_int_equal(f->expires, before.expires);
		assert_memory_equal(f->acct, before.acct, sizeof(f->acct));
	} else {
		assert_int_equal(ct, CT_STATE_ESTABLISHED);
		assert_int_equal(w.ref.dir, dir);
		assert_string_equal(state_letters[f->proto.tcp.state], cell);
		assert_int_equal(f->acct[dir].packets, before.acct[dir].packets + 1);
		assert_int_equal(f->expires, w.now.mono + state_seconds[f->proto.tcp.state] *
								  NSEC_PER_SEC);
	}
	world_fini(&w);
}

static void every_cell_of_both_directions(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		for (int dir = 0; dir < 2; dir++) {
			for (unsigned s = TCPS_SYN_SENT; s < TCPS_COUNT; s++) {
				char cell[3] = { kinds[k].row[dir][3 * s],
						 kinds[k].row[dir][3 * s + 1], 0 };

				for (int i = 0; i < 4 && kinds[k].flags[i]; i++)
					check_cell((enum tcp_state)s, dir, kinds[k].flags[i],
						   cell);
			}
		}
	}
}

/* The column of no state: what may begin a flow, with and without tcp-loose. */
static void every_first_packet(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		for (int loose = 0; loose < 2; loose++) {
			char cell[3] = { kinds[k].row[0][0], kinds[k].row[0][1], 0 };
			struct world w;

			if (!loose && strcmp(cell, "ES") == 0)
				strcpy(cell, "iv");
			world_init(&w, 16);
			w.options.tcp_loose = loose ? TCP_LOOSE_YES : TCP_LOOSE_NO;
			assert_int_equal(conntrack_set_options(w.ct, &w.options), 0);
			if (strcmp(cell, "iv") == 0) {
				assert_int_equal(a_tcp(&w, kinds[k].flags[0], 1, 1),
						 CT_STATE_INVALID);
				assert_int_equal(flows(&w), 0);
			} else {
				assert_int_equal(a_tcp(&w, kinds[k].flags[0], 1, 1),
						 CT_STATE_NEW);
				assert_string_equal(state_letters[tcp_state_of_it(&w)], cell);
			}
			world_fini(&w);
		}
	}
}

/* T68: all 64 combinations of F, S, R, P, A, U. */
static void only_nine_combinations_of_flags_are_valid(void **state)
{
	static const uint8_t begin[] = { TCP_SYN, TCP_SYN | TCP_URG, TCP_ACK,
					 TCP_ACK | TCP_URG };
	static const uint8_t valid[] = {
		TCP_SYN, TCP_SYN | TCP_URG, TCP_SYN | TCP_ACK, TCP_RST, TCP_RST | TCP_ACK,
		TCP_FIN | TCP_ACK, TCP_FIN | TCP_ACK | TCP_URG, TCP_ACK, TCP_ACK | TCP_URG,
	};

	(void)state;
	for (unsigned flags = 0; flags < 64; flags++) {
		int bare = (int)(flags & ~(unsigned)TCP_PSH);
		struct world w;

		world_init(&w, 16);
		w.options.tcp_loose = TCP_LOOSE_YES;
		assert_int_equal(conntrack_set_options(w.ct, &w.options), 0);
		assert_int_equal(a_tcp(&w, (uint8_t)flags, 1, 1),
				 memchr(begin, bare, sizeof(begin)) ? CT_STATE_NEW :
								      CT_STATE_INVALID);
		world_fini(&w);

		/* In ESTABLISHED the table refuses none of these but the opener's SYN+ACK. */
		world_init(&w, 16);
		flow_in_state(&w, TCPS_ESTABLISHED);
		assert_int_equal(a_tcp(&w, (uint8_t)flags, 1, 1),
				 memchr(valid, bare, sizeof(valid)) &&
						 bare != (TCP_SYN | TCP_ACK) ?
					 CT_STATE_ESTABLISHED :
					 CT_STATE_INVALID);
		world_fini(&w);
	}
}

static void short_and_malformed_headers_are_invalid(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 16);
	for (size_t len = 0; len < 20; len++) {
		raw_tcp(&w.raw, A4, 1000, B4, 80, TCP_SYN, 1, 0, 0);
		w.raw.len = 20 + len;
		raw_put16(w.raw.b + 2, (uint16_t)w.raw.len);
		raw_fix_ipv4(&w.raw);
		assert_int_equal(pass(&w), CT_STATE_INVALID);
	}
	raw_tcp(&w.raw, A4, 1000, B4, 80, TCP_SYN, 1, 0, 0);
	w.raw.b[20 + 12] = 4 << 4;
	raw_fix_l4(&w.raw);
	assert_int_equal(pass(&w), CT_STATE_INVALID);
	w.raw.b[20 + 12] = 6 << 4; /* behind the end */
	raw_fix_l4(&w.raw);
	assert_int_equal(pass(&w), CT_STATE_INVALID);
	w.raw.b[20 + 12] = 5 << 4 | 0x0e; /* reserved bits are nobody's business */
	raw_fix_l4(&w.raw);
	assert_int_equal(pass(&w), CT_STATE_NEW);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell_of_both_directions),
		cmocka_unit_test(every_first_packet),
		cmocka_unit_test(only_nine_combinations_of_flags_are_valid),
		cmocka_unit_test(short_and_malformed_headers_are_invalid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
