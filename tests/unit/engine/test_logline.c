/* Tests of log lines: word for word the kernel's, bounded, and without a stranger's
 * bytes. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ctfw/engine.h"
#include "unit/packet/make.h"
#include "unit/packets.h"

#define ALL_FLAGS                                                                              \
	(LOG_TCP_SEQUENCE | LOG_TCP_OPTIONS | LOG_IP_OPTIONS | LOG_SKUID | LOG_ETHER)

static struct packet parse_copy(const uint8_t *bytes, size_t len)
{
	static uint8_t *copy;
	struct packet p;

	free(copy);
	copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, bytes, len);
	packet_parse(copy, len, NULL, &p);
	return p;
}

static const char *line_of(const struct packet *p, const char *prefix, unsigned flags,
			   const char *iif, const char *oif, uint32_t mark)
{
	static char buf[2048];
	struct log_spec spec = { .prefix = prefix, .level = 4, .flags = (uint8_t)flags };
	struct engine_log record = { p, HOOK_FORWARD, &spec, iif, oif, mark, 0 };
	int len = logline_format(&record, buf, sizeof(buf));

	assert_int_equal(len, strlen(buf));
	return buf;
}

static size_t from_hex(const char *hex, uint8_t *bytes)
{
	size_t n = 0;
	unsigned b;

	for (; sscanf(hex, "%2x", &b) == 1; hex += 2)
		bytes[n++] = (uint8_t)b;
	return n;
}

static char *next_line(FILE *f, char *buf, size_t size)
{
	do {
		if (!fgets(buf, (int)size, f))
			return NULL;
		buf[strcspn(buf, "\n")] = '\0';
	} while (buf[0] == '#');
	return buf;
}

static void lines_are_the_kernels_word_for_word(void **state)
{
	static char hex[4096], plain[2048], all[2048];
	static uint8_t bytes[2048];
	FILE *f = fopen(TESTS_DIR "/unit/engine/logline.txt", "r");
	unsigned packets = 0;

	(void)state;
	assert_non_null(f);
	while (next_line(f, hex, sizeof(hex))) {
		struct packet p = parse_copy(bytes, from_hex(hex, bytes));

		assert_non_null(next_line(f, plain, sizeof(plain)));
		assert_non_null(next_line(f, all, sizeof(all)));
		assert_string_equal(line_of(&p, "pkx: ", 0, "ta", "", 0), plain);
		assert_string_equal(line_of(&p, "pkx: ", ALL_FLAGS, "ta", "", 0), all);
		packets++;
	}
	fclose(f);
	assert_true(packets > 40);
}

static struct bytes m;

static void interfaces_and_mark_are_shown(void **state)
{
	struct packet p;

	(void)state;
	udp4(&m, 0);
	p = parse_copy(m.b, m.len);
	assert_string_equal(
		line_of(&p, NULL, 0, "wg0", "eth0", 0x2a),
		"IN=wg0 OUT=eth0 SRC=10.8.0.2 DST=192.0.2.1 LEN=28 TOS=0x00 "
		"PREC=0x00 TTL=64 ID=4660 PROTO=UDP SPT=1234 DPT=53 LEN=8 MARK=0x2a");
}

static void a_hop_that_is_counted_already_is_not_shown_of_what_is_quoted(void **state)
{
	const struct log_spec spec = { .level = 4 };
	struct engine_log record = { .hook = HOOK_FORWARD, .spec = &spec, .iifname = "wg0",
				     .oifname = "eth0", .hop = 1 };
	struct raw inner, outer;
	struct packet p;
	char buf[1024];

	(void)state;
	raw_udp(&inner, "192.0.2.1", 53, "10.8.0.2", 1234, 4);
	raw_icmp_error(&outer, "10.8.0.2", "192.0.2.1", 3, 3, &inner, 28);
	assert_int_equal(packet_parse(outer.b, outer.len, NULL, &p), REASON_NONE);
	record.packet = &p;
	logline_format(&record, buf, sizeof(buf));
	assert_non_null(strstr(buf, "TTL=63 "));
	assert_non_null(strstr(strstr(buf, "TTL=63 ") + 1, "TTL=64 "));
}

static void control_characters_of_a_prefix_or_a_name_are_not_printed(void **state)
{
	struct packet p;

	(void)state;
	ip4_begin(&m, 99);
	ip4_seal(&m);
	p = parse_copy(m.b, m.len);
	assert_memory_equal(line_of(&p, "a\nb\x1b[2J\x7f: ", 0, "x\ry", "", 0),
			    "a?b?[2J?: IN=x?y OUT= SRC=", 26);
}

static void a_line_is_cut_where_its_buffer_ends(void **state)
{
	char whole[1100], part[1100];
	struct log_spec spec = { .prefix = "p " };
	struct packet p;
	struct engine_log record = { &p, HOOK_INPUT, &spec, "wg0", "", 0, 0 };
	int len;

	(void)state;
	tcp4(&m, TCP_SYN, 0);
	p = parse_copy(m.b, m.len);
	len = logline_format(&record, whole, sizeof(whole));
	for (size_t size = 0; size <= (size_t)len + 2; size++) {
		memset(part, 'x', sizeof(part));
		assert_int_equal(logline_format(&record, part, size), len);
		assert_int_equal(part[size], 'x');
		if (size) {
			size_t shown = size <= (size_t)len ? size - 1 : (size_t)len;

			assert_memory_equal(part, whole, shown);
			assert_int_equal(part[shown], '\0');
		}
	}
}

static void a_long_chain_of_headers_does_not_make_a_long_line(void **state)
{
	struct packet p;
	const char *line;

	(void)state;
	ip6_begin(&m, IPPROTO_FRAGMENT);
	for (unsigned i = 0; i < 8000; i++)
		PUT(&m, IPPROTO_FRAGMENT, 0, 0, 0, 0, 0, 0, 1);
	ip6_seal(&m);
	p = parse_copy(m.b, m.len);
	line = line_of(&p, "", ALL_FLAGS, "", "", 0);
	assert_in_range(strlen(line), 900, 1023);
}

/* Any bytes at all, behind a header that says which family: nothing is read behind the
 * end, and the line is text. */
static void random_bytes_make_lines_of_text(void **state)
{
	static uint8_t bytes[300];

	(void)state;
	srand(99);
	for (unsigned round = 0; round < 20000; round++) {
		size_t len = (size_t)rand() % sizeof(bytes);
		struct packet p;
		const char *line;

		for (size_t i = 0; i < len; i++)
			bytes[i] = rand() % 3 ? (uint8_t)rand() : (uint8_t)(rand() % 64);
		p = parse_copy(bytes, len);
		p.family = round % 2 ? L3_IPV4 : L3_IPV6;
		line = line_of(&p, "r ", ALL_FLAGS, "in", "out", 1);
		for (; *line; line++)
			assert_in_range(*line, ' ', '~');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_the_kernels_word_for_word),
		cmocka_unit_test(a_hop_that_is_counted_already_is_not_shown_of_what_is_quoted),
		cmocka_unit_test(interfaces_and_mark_are_shown),
		cmocka_unit_test(control_characters_of_a_prefix_or_a_name_are_not_printed),
		cmocka_unit_test(a_line_is_cut_where_its_buffer_ends),
		cmocka_unit_test(a_long_chain_of_headers_does_not_make_a_long_line),
		cmocka_unit_test(random_bytes_make_lines_of_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
