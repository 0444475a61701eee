/* Tests of the Internet checksum against sums worked out by hand and the plain way. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "unit/packet/make.h"

/* A folded sum as the two bytes that would stand in a packet. */
static unsigned on_wire(uint16_t folded)
{
	uint8_t b[2];

	memcpy(b, &folded, 2);
	return get16(b);
}

static void the_example_of_rfc_1071_sums_up(void **state)
{
	static const uint8_t bytes[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };

	(void)state;
	assert_int_equal(on_wire(checksum_fold(checksum_add(0, bytes, 8))), 0xddf2);
}

static void the_checksum_of_a_known_ipv4_header_comes_out(void **state)
{
	static const uint8_t header[20] = { 0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40,
					    0x00, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8,
					    0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7 };

	(void)state;
	assert_int_equal(on_wire(checksum_ipv4(header, 20)), 0xb861);
}

static void the_present_field_of_an_ipv4_header_does_not_count(void **state)
{
	uint8_t header[24] = { 0x46, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00,
			       0x40, 0x11, 0x00, 0x00, 0xc0, 0xa8, 0x00, 0x01,
			       0xc0, 0xa8, 0x00, 0xc7, 0x01, 0x01, 0x01, 0x00 };
	uint16_t before = checksum_ipv4(header, 24);

	(void)state;
	header[10] = 0x55;
	header[11] = 0xaa;
	assert_int_equal(checksum_ipv4(header, 24), before);
	header[21] = 0;
	assert_int_not_equal(checksum_ipv4(header, 24), before);
}

static void an_odd_last_byte_is_padded_behind(void **state)
{
	static const uint8_t odd[] = { 0x12, 0x34, 0x56 }, even[] = { 0x12, 0x34, 0x56, 0x00 };

	(void)state;
	assert_int_equal(checksum_fold(checksum_add(0, odd, 3)),
			 checksum_fold(checksum_add(0, even, 4)));
}

/* Word by word, as RFC 1071 has it. */
static uint16_t plain(const uint8_t *b, size_t len)
{
	uint32_t sum = 0;
	uint8_t wire[2];
	uint16_t folded;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += get16(b + i);
	if (len % 2)
		sum += (uint32_t)b[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	set16(wire, sum);
	memcpy(&folded, wire, 2);
	return folded;
}

static void every_length_at_every_alignment_sums_as_the_plain_way(void **state)
{
	static uint8_t buf[4096 + 8];

	(void)state;
	srand(1);
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = rand() % 4 ? (uint8_t)rand() : 0xff;
	for (size_t off = 0; off < 8; off++) {
		for (size_t len = 0; len <= 200; len++)
			assert_int_equal(checksum_fold(checksum_add(0, buf + off, len)),
					 plain(buf + off, len));
		assert_int_equal(checksum_fold(checksum_add(0, buf + off, 4096)),
				 plain(buf + off, 4096));
	}
}

static void sums_of_parts_are_the_sum_of_the_whole(void **state)
{
	static uint8_t buf[3000];
	uint64_t sum = 0;

	(void)state;
	srand(2);
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)rand();
	for (size_t i = 0; i < sizeof(buf); i += 30)
		sum = checksum_add(sum, buf + i, 30);
	assert_int_equal(checksum_fold(sum), plain(buf, sizeof(buf)));
}

static void no_carry_is_lost_when_everything_is_ones(void **state)
{
	static uint8_t buf[65535];
	uint64_t sum = UINT64_MAX;

	(void)state;
	memset(buf, 0xff, sizeof(buf));
	assert_int_equal(checksum_fold(sum), 0xffff);
	for (int i = 0; i < 1000; i++)
		sum = checksum_add(sum, buf, sizeof(buf) - 1);
	assert_int_equal(checksum_fold(sum), 0xffff);
}

static void the_pseudo_header_of_ipv4_is_that_of_rfc_9293(void **state)
{
	union addr src = { .b = { 10, 8, 0, 2 } }, dst = { .b = { 192, 0, 2, 1 } };
	static const uint8_t pseudo[12] = { 10, 8, 0, 2, 192, 0, 2, 1, 0, 6, 0x01, 0x23 };

	(void)state;
	assert_int_equal(checksum_fold(checksum_pseudo(L3_IPV4, &src, &dst, 6, 0x123)),
			 plain(pseudo, 12));
}

static void the_pseudo_header_of_ipv6_is_that_of_rfc_8200(void **state)
{
	union addr src = { .b = { 0xfd, 8, [15] = 2 } }, dst = { .b = { 0x20, 1, [15] = 1 } };
	uint8_t pseudo[40] = { 0 };

	(void)state;
	memcpy(pseudo, &src, 16);
	memcpy(pseudo + 16, &dst, 16);
	memcpy(pseudo + 32, (uint8_t[]){ 0, 1, 2, 3, 0, 0, 0, 58 }, 8);
	assert_int_equal(checksum_fold(checksum_pseudo(L3_IPV6, &src, &dst, 58, 0x10203)),
			 plain(pseudo, 40));
}

/* ---- CRC32c ---- */

static void the_crc_of_rfc_3720s_examples_comes_out(void **state)
{
	static const uint8_t zero[32];
	uint8_t ones[32], up[32], down[32];

	(void)state;
	for (unsigned i = 0; i < 32; i++) {
		ones[i] = 0xff;
		up[i] = (uint8_t)i;
		down[i] = (uint8_t)(31 - i);
	}
	assert_int_equal(~crc32c(UINT32_MAX, zero, 32), 0x8a9136aa);
	assert_int_equal(~crc32c(UINT32_MAX, ones, 32), 0x62a8ab43);
	assert_int_equal(~crc32c(UINT32_MAX, up, 32), 0x46dd794e);
	assert_int_equal(~crc32c(UINT32_MAX, down, 32), 0x113fdb5c);
	assert_int_equal(~crc32c(UINT32_MAX, "123456789", 9), 0xe3069283);
}

/* An iSCSI read command, RFC 3720 B.4. */
static void the_crc_of_an_iscsi_command_comes_out(void **state)
{
	static const uint8_t command[48] = {
		0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0, 0, 0, 0, 0,
		0x14, 0,    0, 0, 0, 0, 4, 0, 0,    0, 0, 0x14, 0, 0, 0, 0x18,
		0x28, 0,    0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0,
	};

	(void)state;
	assert_int_equal(~crc32c(UINT32_MAX, command, 48), 0xd9963a56);
}

/* A bit at a time, as the polynomial says. */
static uint32_t plain_crc(uint32_t crc, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		crc ^= b[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return crc;
}

static void crcs_of_every_length_are_those_of_the_polynomial(void **state)
{
	static uint8_t buf[300];

	(void)state;
	srand(2);
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)rand();
	for (size_t len = 0; len <= 256; len++) {
		size_t off = len % 8;
		uint32_t want = plain_crc(UINT32_MAX, buf + off, len);

		assert_int_equal(crc32c(UINT32_MAX, buf + off, len), want);
		assert_int_equal(crc32c(crc32c(UINT32_MAX, buf + off, len / 3),
					buf + off + len / 3, len - len / 3), want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_rfc_1071_sums_up),
		cmocka_unit_test(the_checksum_of_a_known_ipv4_header_comes_out),
		cmocka_unit_test(the_present_field_of_an_ipv4_header_does_not_count),
		cmocka_unit_test(an_odd_last_byte_is_padded_behind),
		cmocka_unit_test(every_length_at_every_alignment_sums_as_the_plain_way),
		cmocka_unit_test(sums_of_parts_are_the_sum_of_the_whole),
		cmocka_unit_test(no_carry_is_lost_when_everything_is_ones),
		cmocka_unit_test(the_pseudo_header_of_ipv4_is_that_of_rfc_9293),
		cmocka_unit_test(the_pseudo_header_of_ipv6_is_that_of_rfc_8200),
		cmocka_unit_test(the_crc_of_rfc_3720s_examples_comes_out),
		cmocka_unit_test(the_crc_of_an_iscsi_command_comes_out),
		cmocka_unit_test(crcs_of_every_length_are_those_of_the_polynomial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
