/* test_capture.c - captures in and out. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/capture.h"
#include "unit/test.h"

#define MICRO 0xa1b2c3d4u
#define NANO 0xa1b23c4du
#define SEC 1700000000u

/* A pcap made by hand, in this machine's byte order. */
struct file {
	char path[64];
	FILE *f;
};

static struct file file_new(void)
{
	struct file file = { .path = "/tmp/ctfw-capture-XXXXXX" };
	int fd = mkstemp(file.path);

	assert_true(fd >= 0);
	file.f = fdopen(fd, "wb");
	assert_non_null(file.f);
	return file;
}

static void put32(struct file *file, uint32_t v)
{
	fwrite(&v, 4, 1, file->f);
}

static struct file pcap_new(uint32_t magic, uint32_t link)
{
	struct file file = file_new();
	uint16_t version[2] = { 2, 4 };

	put32(&file, magic);
	fwrite(version, 4, 1, file.f);
	put32(&file, 0);
	put32(&file, 0);
	put32(&file, 262144);
	put32(&file, link);
	return file;
}

static void put_record(struct file *file, uint32_t sec, uint32_t frac, const void *bytes,
		       uint32_t caplen, uint32_t len)
{
	put32(file, sec);
	put32(file, frac);
	put32(file, caplen);
	put32(file, len);
	fwrite(bytes, caplen, 1, file->f);
}

static struct capture *file_open(struct file *file)
{
	char error[CAPTURE_ERROR] = "";
	struct capture *c = NULL;

	fclose(file->f);
	if (capture_open(file->path, error, &c) < 0)
		fail_msg("%s", error);
	return c;
}

static void done(struct file *file, struct capture *c)
{
	capture_close(c);
	unlink(file->path);
}

static void assert_cannot_open(struct file *file, const char *says)
{
	char error[CAPTURE_ERROR] = "";
	struct capture *c = NULL;

	fclose(file->f);
	assert_true(capture_open(file->path, error, &c) < 0);
	assert_non_null(strstr(error, says));
	assert_null(c);
	unlink(file->path);
}

static void raw_packets_come_with_number_and_time(void **state)
{
	struct file file = pcap_new(MICRO, 101);
	struct capture_packet p;
	struct capture *c;

	(void)state;
	put_record(&file, SEC, 100, "\x45" "abc", 4, 4);
	put_record(&file, SEC, 999999, "\x60", 1, 9);
	c = file_open(&file);
	assert_int_equal(capture_next(c, &p), CAPTURE_PACKET);
	assert_int_equal(p.number, 1);
	assert_true(p.time == SEC * 1000000000ull + 100000);
	assert_int_equal(p.len, 4);
	assert_memory_equal(p.data, "\x45" "abc", 4);
	assert_int_equal(capture_next(c, &p), CAPTURE_PACKET);
	assert_int_equal(p.number, 2);
	assert_true(p.time == SEC * 1000000000ull + 999999000);
	assert_int_equal(p.len, 1);
	assert_int_equal(capture_next(c, &p), CAPTURE_END);
	assert_false(capture_nanoseconds(c));
	done(&file, c);
}

static void nanoseconds_are_kept(void **state)
{
	struct file file = pcap_new(NANO, 101);
	struct capture_packet p;
	struct capture *c;

	(void)state;
	put_record(&file, SEC, 123456789, "x", 1, 1);
	c = file_open(&file);
	assert_int_equal(capture_next(c, &p), CAPTURE_PACKET);
	assert_true(p.time == SEC * 1000000000ull + 123456789);
	assert_true(capture_nanoseconds(c));
	done(&file, c);
}

static void the_other_byte_order_is_read(void **state)
{
	static const char bytes[] =
		"\xa1\xb2\xc3\xd4\0\2\0\4\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0\0\x65"
		"\0\0\0\2\0\0\0\1\0\0\0\1\0\0\0\1x";
	struct file file = file_new();
	struct capture_packet p;
	struct capture *c;

	(void)state;
	fwrite(bytes, sizeof(bytes) - 1, 1, file.f);
	c = file_open(&file);
	assert_int_equal(capture_next(c, &p), CAPTURE_PACKET);
	assert_true(p.time == 2000001000);
	assert_int_equal(p.data[0], 'x');
	done(&file, c);
}

static void a_time_behind_2038_is_not_negative(void **state)
{
	struct file file = pcap_new(MICRO, 101);
	struct capture_packet p;
	struct capture *c;

	(void)state;
	put_record(&file, 3000000000u, 0, "x", 1, 1);
	c = file_open(&file);
	assert_int_equal(capture_next(c, &p), CAPTURE_PACKET);
	assert_true(p.time == 3000000000ull * 1000000000ull);
	done(&file, c);
}

static void a_million_microseconds_carry(void **state)
{
	struct file file = pcap_new(MICRO, 101);
	struct capture_packet p;
	struct capture *c;

	(void)state;
	put_record(&file, SEC, 1000000, "x", 1, 1);
	c = file_open(&file);
	assert_int_equal(capture_next(c, &p), CAPTURE_PACKET);
	assert_true(p.time == (SEC + 1) * 1000000000ull);
	done(&file, c);
}

static void link_types_of_bare_ip_are_read(void **state)
{
	static const uint32_t links[] = { 101, 12, 228, 229 };

	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		struct file file = pcap_new(MICRO, links[i]);
		struct capture_packet p;
		struct capture *c;

		put_record(&file, SEC, 0, "x", 1, 1);
		c = file_open(&file);
		assert_int_equal(capture_next(c, &p), CAPTURE_PACKET);
		assert_int_equal(p.data[0], 'x');
		done(&file, c);
	}
}

#define MACS "\1\2\3\4\5\6\7\10\11\12\13\14"

static void ethernet_headers_and_vlan_tags_are_skipped(void **state)
{
	struct file file = pcap_new(MICRO, 1);
	struct capture_packet p;
	struct capture *c;

	(void)state;
	put_record(&file, SEC, 0, MACS "\x08\x00" "4", 15, 15);
	put_record(&file, SEC, 0, MACS "\x81\x00\0\5\x86\xdd" "6", 19, 19);
	put_record(&file, SEC, 0, MACS "\x88\xa8\0\5\x81\x00\0\6\x08\x00" "Q", 23, 23);
	c = file_open(&file);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(capture_next(c, &p), CAPTURE_PACKET);
		assert_int_equal(p.number, i + 1);
		assert_int_equal(p.len, 1);
		assert_int_equal(p.data[0], "46Q"[i]);
	}
	assert_int_equal(capture_next(c, &p), CAPTURE_END);
	assert_int_equal(capture_skipped(c), 0);
	done(&file, c);
}

static void frames_of_other_protocols_are_counted_and_numbered(void **state)
{
	struct file file = pcap_new(MICRO, 1);
	struct capture_packet p;
	struct capture *c;

	(void)state;
	put_record(&file, SEC, 0, MACS "\x08\x06" "arp", 17, 17);
	put_record(&file, SEC, 0, MACS "\x00\x26" "802.3", 19, 19);
	put_record(&file, SEC, 0, MACS, 12, 60); /* cut before the type */
	put_record(&file, SEC, 0, MACS "\x81\x00\0\5", 16, 60);
	put_record(&file, SEC, 0, MACS "\x08\x00" "4", 15, 15);
	put_record(&file, SEC, 0, "", 0, 60);
	c = file_open(&file);
	assert_int_equal(capture_next(c, &p), CAPTURE_PACKET);
	assert_int_equal(p.number, 5);
	assert_int_equal(capture_next(c, &p), CAPTURE_END);
	assert_int_equal(capture_skipped(c), 5);
	done(&file, c);
}

static void cooked_captures_are_read(void **state)
{
	static const struct {
		uint32_t link, len;
		const char *bytes;
	} rows[] = {
		{ 113, 17, "\0\0\0\1\0\6MACMAC\0\0\x08\x00" "x" },
		{ 276, 21, "\x86\xdd\0\0\0\0\0\1\0\1\0\6MACMAC\0\0" "x" },
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct file file = pcap_new(MICRO, rows[i].link);
		struct capture_packet p;
		struct capture *c;

		put_record(&file, SEC, 0, rows[i].bytes, rows[i].len, rows[i].len);
		c = file_open(&file);
		assert_int_equal(capture_next(c, &p), CAPTURE_PACKET);
		assert_int_equal(p.len, 1);
		assert_int_equal(p.data[0], 'x');
		done(&file, c);
	}
}

static void another_link_type_is_refused_by_name(void **state)
{
	struct file file = pcap_new(MICRO, 127);

	(void)state;
	assert_cannot_open(&file, "IEEE802_11_RADIO");
}

static void what_is_no_capture_is_refused(void **state)
{
	struct file empty = file_new(), text = file_new(), zeroes = file_new(),
		    cut = file_new();
	char error[CAPTURE_ERROR];
	struct capture *c;
	char zero[4096] = { 0 };

	(void)state;
	assert_cannot_open(&empty, "not a capture");
	fputs("table ip filter {\n}\n", text.f);
	assert_cannot_open(&text, "not a capture");
	fwrite(zero, sizeof(zero), 1, zeroes.f);
	assert_cannot_open(&zeroes, "not a capture");
	put32(&cut, MICRO);
	assert_cannot_open(&cut, "not a capture");
	assert_int_equal(capture_open("/nonexistent/x.pcap", error, &c), -ENOENT);
	assert_string_equal(error, "No such file or directory");
	assert_int_equal(capture_open("/", error, &c), -EISDIR);
}

static void a_cut_record_ends_it_behind_the_good_ones(void **state)
{
	struct file file = pcap_new(MICRO, 101);
	struct capture_packet p;
	struct capture *c;

	(void)state;
	put_record(&file, SEC, 0, "x", 1, 1);
	put32(&file, SEC);
	put32(&file, 0);
	c = file_open(&file);
	assert_int_equal(capture_next(c, &p), CAPTURE_PACKET);
	assert_int_equal(capture_next(c, &p), CAPTURE_BROKEN);
	assert_non_null(strstr(capture_error(c), "truncated"));
	done(&file, c);
}

static void a_record_longer_than_any_packet_is_damage(void **state)
{
	struct file file = pcap_new(MICRO, 101);
	struct capture_packet p;
	struct capture *c;

	(void)state;
	put_record(&file, SEC, 0, "x", 1, 1);
	put32(&file, SEC);
	put32(&file, 0);
	put32(&file, 0xfffffff0u);
	put32(&file, 0xfffffff0u);
	c = file_open(&file);
	assert_int_equal(capture_next(c, &p), CAPTURE_PACKET);
	assert_int_equal(capture_next(c, &p), CAPTURE_BROKEN);
	assert_true(strlen(capture_error(c)) > 0);
	done(&file, c);
}

static void zeroes_without_end_are_damage_at_once(void **state)
{
	struct file file = pcap_new(MICRO, 101);
	struct capture_packet p;
	struct capture *c;
	char zero[4096] = { 0 };

	(void)state;
	put_record(&file, SEC, 0, "x", 1, 1);
	fwrite(zero, sizeof(zero), 1, file.f);
	c = file_open(&file);
	assert_int_equal(capture_next(c, &p), CAPTURE_PACKET);
	assert_int_equal(capture_next(c, &p), CAPTURE_BROKEN);
	done(&file, c);
}

static void an_empty_packet_with_a_time_is_a_packet(void **state)
{
	struct file file = pcap_new(MICRO, 101);
	struct capture_packet p;
	struct capture *c;

	(void)state;
	put_record(&file, SEC, 0, "", 0, 0);
	c = file_open(&file);
	assert_int_equal(capture_next(c, &p), CAPTURE_PACKET);
	assert_int_equal(p.len, 0);
	assert_non_null(p.data);
	done(&file, c);
}

static void what_is_written_is_read_again(void **state)
{
	for (unsigned nano = 0; nano < 2; nano++) {
		struct file file = file_new();
		struct capture_writer *w;
		struct capture_packet p;
		struct capture *c;
		char error[CAPTURE_ERROR];
		static uint8_t big[65535];

		(void)state;
		fclose(file.f);
		assert_int_equal(capture_writer_open(file.path, nano, error, &w), 0);
		assert_int_equal(
			capture_writer_put(w, 1700000000123456789ull, big, sizeof(big)), 0);
		assert_int_equal(capture_writer_close(w), 0);
		assert_int_equal(capture_open(file.path, error, &c), 0);
		assert_int_equal(capture_next(c, &p), CAPTURE_PACKET);
		assert_true(p.time == (nano ? 1700000000123456789ull : 1700000000123456000ull));
		assert_int_equal(p.len, sizeof(big));
		assert_int_equal(capture_next(c, &p), CAPTURE_END);
		assert_true(capture_is_file(c, file.path));
		assert_false(capture_is_file(c, "/dev/null"));
		done(&file, c);
	}
}

static void a_full_disk_is_told(void **state)
{
	struct capture_writer *w;
	char error[CAPTURE_ERROR];

	(void)state;
	assert_int_equal(capture_writer_open("/dev/full", false, error, &w), 0);
	assert_int_equal(capture_writer_put(w, 0, (const uint8_t *)"x", 1), -ENOSPC);
	assert_true(capture_writer_close(w) < 0);
	assert_int_equal(capture_writer_open("/nonexistent/x", false, error, &w), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(raw_packets_come_with_number_and_time),
		cmocka_unit_test(nanoseconds_are_kept),
		cmocka_unit_test(the_other_byte_order_is_read),
		cmocka_unit_test(a_time_behind_2038_is_not_negative),
		cmocka_unit_test(a_million_microseconds_carry),
		cmocka_unit_test(link_types_of_bare_ip_are_read),
		cmocka_unit_test(ethernet_headers_and_vlan_tags_are_skipped),
		cmocka_unit_test(frames_of_other_protocols_are_counted_and_numbered),
		cmocka_unit_test(cooked_captures_are_read),
		cmocka_unit_test(another_link_type_is_refused_by_name),
		cmocka_unit_test(what_is_no_capture_is_refused),
		cmocka_unit_test(a_cut_record_ends_it_behind_the_good_ones),
		cmocka_unit_test(a_record_longer_than_any_packet_is_damage),
		cmocka_unit_test(zeroes_without_end_are_damage_at_once),
		cmocka_unit_test(an_empty_packet_with_a_time_is_a_packet),
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(a_full_disk_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
