/* TCP's options as anybody may send them. */
#include "unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "conntrack/tcp.h"

/* A segment with these options, in memory of exactly their size. */
static struct segment with(const void *options, size_t len)
{
	struct segment s = { .ack = 1000, .n_options = (uint8_t)len };
	uint8_t *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, options, len);
	s.options = copy;
	return s;
}

static void done(struct segment *s)
{
	free((void *)(uintptr_t)s->options);
}

static void expect_syn(const char *options, size_t len, uint8_t scale, uint8_t flags)
{
	struct flow_tcp_side side = { .td_scale = 5,
				      .flags = SIDE_MAXACK_SET | SIDE_CLOSE_INIT |
					       SIDE_DATA_UNACKNOWLEDGED |
					       SIDE_BE_LIBERAL };
	struct segment s = with(options, len);

	tcp_options_read(&s, &side);
	assert_int_equal(side.td_scale, scale);
	assert_int_equal(side.flags, flags | SIDE_BE_LIBERAL);
	done(&s);
}

static void expect_edge(const char *options, size_t len, uint32_t edge)
{
	struct segment s = with(options, len);

	assert_int_equal(tcp_sack_edge(&s), edge);
	done(&s);
}

#define syn(options, scale, flags) expect_syn(options, sizeof(options) - 1, scale, flags)
#define edge(options, want) expect_edge(options, sizeof(options) - 1, want)

#define WS SIDE_WINDOW_SCALE
#define SACK SIDE_SACK_PERM
#define LEFT "\0\0\x10\0"
#define RIGHT(n) "\0\0\x10" n

static void a_syn_says_scale_and_sack(void **state)
{
	(void)state;
	syn("\2\4\5\xb4\4\2\1\1", 0, SACK);
	syn("\3\3\7\0", 7, WS);
	syn("\2\4\5\xb4\4\2\x8\xa\0\0\0\0\0\0\0\0\1\3\3\7", 7, WS | SACK);
	syn("\3\3\0", 0, WS);
	syn("\3\3\xe", 14, WS);
	syn("\3\3\xf", 14, WS);
	syn("\3\3\xff", 14, WS);
	/* The last one counts. */
	syn("\3\3\7\3\3\2", 2, WS);
	/* What is not known is skipped by its length. */
	syn("\xfe\4\3\3\4\2", 0, SACK);
	syn("\1\1\1\1", 0, 0);
}

static void a_syn_without_options_takes_nothing_back(void **state)
{
	struct flow_tcp_side side = { .td_scale = 5, .flags = WS | SACK };
	struct segment s = { 0 };

	(void)state;
	tcp_options_read(&s, &side);
	assert_int_equal(side.td_scale, 5);
	assert_int_equal(side.flags, WS | SACK);
}

static void malformed_options_end_the_list(void **state)
{
	(void)state;
	syn("\3\3\7\2\0\4\2", 7, WS);     /* a length of 0 */
	syn("\3\3\7\2\1\4\2", 7, WS);     /* and 1 */
	syn("\3\3\7\0\4\2", 7, WS);       /* behind the end */
	syn("\4\2\3", 0, SACK);           /* cut behind the kind */
	syn("\4\2\3\3", 0, SACK);         /* behind the length */
	syn("\4\2\3\4\7", 0, SACK);       /* longer than what is there */
	syn("\4\2\2\xff\5\xb4", 0, SACK); /* by far */
	syn("\1\1\1\3", 0, 0);
	syn("\3", 0, 0);
	syn("\0", 0, 0);
	/* A wrong length for what it is: not this option. */
	syn("\3\2\4\2", 0, SACK);
	syn("\3\4\7\7\4\2", 0, SACK);
	syn("\4\3\1\3\3\7", 7, WS);
	/* One within the other: the outer one counts. */
	syn("\2\6\3\3\7\0", 0, 0);
}

static void blocks_tell_the_highest_number(void **state)
{
	(void)state;
	edge("\1\1\5\xa" LEFT RIGHT("\5"), 0x1005);
	edge("\5\xa" LEFT RIGHT("\5"), 0x1005);
	edge("\5\x12" LEFT RIGHT("\5") LEFT RIGHT("\7"), 0x1007);
	edge("\5\x12" LEFT RIGHT("\7") LEFT RIGHT("\5"), 0x1007);
	edge("\5\x22" LEFT RIGHT("\1") LEFT RIGHT("\2") LEFT RIGHT("\3") LEFT RIGHT("\4"),
	     0x1004);
	/* What is below the ack is old: a duplicate that was received. */
	edge("\5\xa" LEFT "\0\0\0\1", 1000);
	edge("\5\xa" LEFT "\xff\xff\xff\xff", 1000);
	edge("\5\xa" LEFT "\x80\0\x03\xe7", 0x800003e7);
	edge("\5\xa" LEFT "\x80\0\x03\xe8", 0x800003e8);
	edge("\5\xa" LEFT "\x80\0\x03\xe9", 1000); /* half the circle and more */
	/* Only the first list counts. */
	edge("\5\xa" LEFT RIGHT("\5") "\5\xa" LEFT RIGHT("\7"), 0x1005);
	/* Behind timestamps, and timestamps alone. */
	edge("\1\1\x8\xa\0\0\0\0\0\0\0\0\1\1\5\xa" LEFT RIGHT("\5"), 0x1005);
	edge("\1\1\x8\xa\5\xa" LEFT RIGHT(""), 1000);
	edge("", 1000);
}

static void malformed_blocks_tell_nothing(void **state)
{
	(void)state;
	edge("\5\2", 1000);
	edge("\5\x3\1", 1000);
	edge("\5\x9" LEFT "\0\0\x10", 1000);
	edge("\5\xb" LEFT RIGHT("\5") "\0", 1000);
	edge("\5\xa" LEFT "\0\0\x10", 1000); /* cut */
	edge("\5\0" LEFT RIGHT("\5"), 1000);
	edge("\5\1" LEFT RIGHT("\5"), 1000);
	edge("\5\xff" LEFT RIGHT("\5"), 1000);
	edge("\0\5\xa" LEFT RIGHT("\5"), 1000);
	edge("\2\xc\5\xa" LEFT RIGHT("\5"), 1000); /* within another */
	edge("\1\1\1\5", 1000);
	/* One of a wrong length is skipped, a right one behind it counts. */
	edge("\5\3\0\5\xa" LEFT RIGHT("\5"), 0x1005);
}

/* Whatever there is, nobody reads behind it; a sanitizer would say. */
static void nothing_is_read_behind_the_end(void **state)
{
	uint8_t bytes[40];
	uint32_t seed = 1;

	(void)state;
	for (unsigned round = 0; round < 200000; round++) {
		struct flow_tcp_side side = { 0 };
		struct segment s;
		size_t len = (round % 11) * 4;

		for (size_t i = 0; i < len; i++) {
			seed = seed * 1664525 + 1013904223;
			/* Small numbers: kinds and lengths that matter. */
			bytes[i] = (uint8_t)((seed >> 24) % (seed >> 16 & 1 ? 12 : 256));
		}
		s = with(bytes, len);
		tcp_options_read(&s, &side);
		assert_true(side.td_scale <= TCP_SCALE_MAX);
		assert_false(side.flags & ~(WS | SACK));
		(void)tcp_sack_edge(&s);
		done(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_syn_says_scale_and_sack),
		cmocka_unit_test(a_syn_without_options_takes_nothing_back),
		cmocka_unit_test(malformed_options_end_the_list),
		cmocka_unit_test(blocks_tell_the_highest_number),
		cmocka_unit_test(malformed_blocks_tell_nothing),
		cmocka_unit_test(nothing_is_read_behind_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
