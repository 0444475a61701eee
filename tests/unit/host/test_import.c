/* The kernel's entries as flows: which end is ours, what NAT hides, and hostile records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/import.h"
#include "unit/conntrack/tracking.h"

static struct config *config;

static struct tuple tuple(uint8_t l4, const char *src, uint16_t sport, const char *dst,
			  uint16_t dport)
{
	struct tuple t = { .l4 = l4, .sport = htons(sport), .dport = htons(dport) };
	uint8_t family;

	assert_int_equal(addr_parse(src, &t.l3, &t.src), 0);
	assert_int_equal(addr_parse(dst, &family, &t.dst), 0);
	return t;
}

static void expect_tuple(const struct tuple *t, const char *src, uint16_t sport,
			 const char *dst, uint16_t dport)
{
	struct tuple want = tuple(t->l4, src, sport, dst, dport);

	assert_memory_equal(t, &want, sizeof(want));
}

static struct import_entry entry(struct tuple original, struct tuple reply)
{
	return (struct import_entry){
		.tuple = { original, reply },
		.status = FLOW_SEEN_REPLY | FLOW_ASSURED | FLOW_CONFIRMED | FLOW_SNAT |
			  FLOW_SNAT_DONE | FLOW_DNAT_DONE,
		.timeout = 400000,
		.mark = 7,
		.tcp_state = TCPS_ESTABLISHED,
	};
}

static void a_client_behind_masquerade_is_seen_before_it(void **state)
{
	struct import_entry e = entry(tuple(6, "10.8.0.2", 4000, "192.0.2.1", 443),
				      tuple(6, "192.0.2.1", 443, "203.0.113.1", 61000));
	struct flow_spec spec[2];

	(void)state;
	assert_int_equal(import_flows(config, &e, spec), 1);
	expect_tuple(&spec[0].tuple[DIR_ORIGINAL], "10.8.0.2", 4000, "192.0.2.1", 443);
	expect_tuple(&spec[0].tuple[DIR_REPLY], "192.0.2.1", 443, "10.8.0.2", 4000);
	assert_int_equal(spec[0].status, FLOW_SEEN_REPLY | FLOW_ASSURED);
	assert_int_equal(spec[0].state, TCPS_ESTABLISHED);
	assert_int_equal(spec[0].timeout, 400000);
	assert_int_equal(spec[0].mark, 7);
}

static void a_server_behind_dnat_is_seen_behind_it(void **state)
{
	struct import_entry e = entry(tuple(6, "192.0.2.9", 5000, "203.0.113.1", 8080),
				      tuple(6, "10.8.0.2", 80, "192.0.2.9", 5000));
	struct flow_spec spec[2];

	(void)state;
	assert_int_equal(import_flows(config, &e, spec), 1);
	expect_tuple(&spec[0].tuple[DIR_ORIGINAL], "192.0.2.9", 5000, "10.8.0.2", 80);
	expect_tuple(&spec[0].tuple[DIR_REPLY], "10.8.0.2", 80, "192.0.2.9", 5000);
}

static void two_ends_of_ours_are_one_flow_or_with_nat_two(void **state)
{
	struct import_entry plain = entry(tuple(17, "10.8.0.2", 4000, "10.8.0.3", 53),
					  tuple(17, "10.8.0.3", 53, "10.8.0.2", 4000));
	struct import_entry nat = entry(tuple(17, "10.8.0.2", 4000, "10.8.0.1", 53),
					tuple(17, "10.8.0.3", 53, "10.8.0.1", 4000));
	struct flow_spec spec[2];

	(void)state;
	assert_int_equal(import_flows(config, &plain, spec), 1);
	assert_int_equal(spec[0].state, 0);
	assert_int_equal(import_flows(config, &nat, spec), 2);
	expect_tuple(&spec[0].tuple[DIR_ORIGINAL], "10.8.0.2", 4000, "10.8.0.1", 53);
	expect_tuple(&spec[1].tuple[DIR_ORIGINAL], "10.8.0.1", 4000, "10.8.0.3", 53);
}

static void what_never_comes_our_way_is_left_out(void **state)
{
	struct import_entry e = entry(tuple(6, "192.0.2.9", 5000, "203.0.113.1", 22),
				      tuple(6, "203.0.113.1", 22, "192.0.2.9", 5000));
	struct flow_spec spec[2];

	(void)state;
	assert_int_equal(import_flows(config, &e, spec), 0);
}

/* The filter believes nothing of what is in the file. */
static void hostile_records_are_refused_one_by_one(void **state)
{
	struct import_entry e = entry(tuple(6, "10.8.0.2", 4000, "192.0.2.1", 443),
				      tuple(6, "192.0.2.1", 443, "10.8.0.2", 4000));
	struct flow_spec spec[2], bad;
	struct import_result result;
	struct world w;
	int fd = memfd_create("import", MFD_CLOEXEC);

	(void)state;
	world_init(&w, 64);
	assert_int_equal(import_flows(config, &e, spec), 1);
	bad = spec[0];
	bad.state = 200;
	assert_int_equal(write(fd, &bad, sizeof(bad)), sizeof(bad));
	memset(&bad, 0xff, sizeof(bad));
	assert_int_equal(write(fd, &bad, sizeof(bad)), sizeof(bad));
	assert_int_equal(write(fd, &spec[0], sizeof(bad)), sizeof(bad));
	assert_int_equal(write(fd, &spec[0], sizeof(bad)), sizeof(bad));
	assert_int_equal(write(fd, &spec[0], 10), 10);
	assert_int_equal(import_load(fd, w.ct, w.now, &result), 0);
	assert_int_equal(result.taken, 1);
	assert_int_equal(result.refused, 3);
	/* In mid-stream, and at once established. */
	raw_tcp(&w.raw, "192.0.2.1", 443, "10.8.0.2", 4000, 0x18, 123456789, 987654321, 0);
	assert_int_equal(pass(&w), CT_STATE_ESTABLISHED);
	world_fini(&w);
	close(fd);
}

static int setup(void **state)
{
	static const char text[] = "[capture wg0]\nnetworks = 10.8.0.0/24 fd08::/64\n";
	struct diag d = DIAG_INIT;

	(void)state;
	assert_int_equal(config_parse("test", text, sizeof(text) - 1, &d, &config), 0);
	diag_fini(&d);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	config_free(config);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_behind_masquerade_is_seen_before_it),
		cmocka_unit_test(a_server_behind_dnat_is_seen_behind_it),
		cmocka_unit_test(two_ends_of_ours_are_one_flow_or_with_nat_two),
		cmocka_unit_test(what_never_comes_our_way_is_left_out),
		cmocka_unit_test(hostile_records_are_refused_one_by_one),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
