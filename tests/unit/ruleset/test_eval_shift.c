/* test_eval_shift.c - what shifts and other operations make of fields, in rules as text: what
 * is compared, looked up, and set.  The answers are the kernel's, but where they say otherwise.
 */
#include "unit/ruleset/eval_world.h"

struct row {
	const char *sets, *rule;
	bool match;
};

/* 64 bytes: UDP from port 0x8001, whose payload begins with 0x8192a3b4c5d6e7f8. */
static void make(void)
{
	uint8_t udp_bytes[44] = {0x80, 0x01, 0, 53, 0, sizeof(udp_bytes)};

	for (unsigned i = 8; i < sizeof(udp_bytes); i++)
		udp_bytes[i] = (uint8_t)(0x81 + 0x11 * (i - 8));
	raw_ip(&raw, "10.8.0.2", "198.51.100.7", 17, udp_bytes, sizeof(udp_bytes));
	raw_put16(raw.b + 4, 0x9203);
	raw_fix_ipv4(&raw);
}

static bool is_matched(const char *sets, const char *rule)
{
	char text[300];

	snprintf(text, sizeof(text), "meta mark set 0x12345 %s%s", rule,
		 strstr(rule, "vmap @") ? "" : " accept");
	load(sets, text);
	make();
	return judge();
}

static void expect(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (is_matched(rows[i].sets, rows[i].rule) != rows[i].match)
			fail_msg("%s | %s", rows[i].sets, rows[i].rule);
	}
}
#define EXPECT(rows) expect(rows, sizeof(rows) / sizeof((rows)[0]))

/* The operation goes over to the constants. */
static void what_is_shifted_to_the_left_is_compared_with_what_it_was(void **state)
{
	char rule[64];

	(void)state;
	for (unsigned shift = 0; shift < 8; shift++) {
		snprintf(rule, sizeof(rule), "meta length << %u %u", shift, 64u << shift);
		assert_true(is_matched("", rule));
		snprintf(rule, sizeof(rule), "ip length << %u != { %u }", shift, 64u << shift);
		assert_false(is_matched("", rule));
	}
	assert_true(is_matched("", "(meta length & 0) << 4 == 0"));
	assert_false(is_matched("", "(meta length & 0) << 4 == 16"));
}

/* Of registers of 32 bits, of which in the end the bytes of the field count. */
static void shifts_that_stay_are_made(void **state)
{
	static const struct row rows[] = {
		{"", "ip length << 1 120-130", true},
		{"", "ip length << 1 120-127", false},
		{"", "ip length << 1 > 127", true},
		{"", "ip length << 1 > 128", false},
		{"", "ip length << 11 != 0-1", false},
		{"", "ip length << 11 0-1", true},
		{"", "ip length >> 4 > 3", true},
		{"", "ip length >> 4 > 4", false},
		{"", "ip length >> 4 4-5", true},
		{"", "ip length >> 4 != 4-5", false},
		{"", "meta length << 1 < 129", true},
		{"", "meta length << 1 < 128", false},
		{"", "meta length << 26 < 1", true},
		{"", "meta length << 1 120-130", true},
		{"", "meta length << 1 { 100-127, 128 }", true},
		{"", "meta length << 1 != { 100-127, 129 }", true},
		{"", "meta length >> 2 10-16", true},
		{"", "meta length >> 2 17-20", false},
		{"", "meta length << 1 & 0xc0 == 0x80", true},
		{"", "(meta length << 1) & 0xc0 == 0x40", false},
		{"", "meta length << 1 | 1 == 129", true},
		{"", "meta length << 1 | 1 == 128", false},
		{"", "meta length << 1 ^ 1 > 128", true},
		{"", "meta length >> 3 & 0xc == 8", true},
		{"", "ip id << 8 & 0x300 == 0x300", true},
		{"", "ip id << 8 & 0xff00 == 0x300", true},
		{"", "ip ttl << 3 & 0xff == 0", true},
		{"", "ip ttl << 1 == 128", true},
		{"", "ip ttl << 1 < 130", true},
		{"", "ip ttl << 1 { 126-128, 130 }", true},
		{"", "ip ttl << 1 != 128-132", false},
		{"", "ip ttl << 1 > 128", false},
		{"", "meta length >> 2 . meta mark { 16 . 0x12345 }", true},
		{"", "meta length << 1 . meta mark { 127 . 0x12345 }", false},
		{"", "meta mark << 4 . ip ttl { 0x123450 . 64 }", true},
		{"", "meta mark >> 4 . ip ttl { 0x1234 . 64 }", true},
		{"", "meta length << 1 vmap { 126-128 : continue, 130 : drop } ip ttl 64",
		 true},
		{"", "meta length << 1 vmap { 126 : continue, 128 : drop } ip ttl 64", false},
		{"", "meta mark set meta length << 1 map { 128 : 7 } meta mark 7", true},
		{"", "meta length >> 2 16", true},
		{"", "meta length >> 2 15", false},
		{"", "ip ttl >> 5 == 2", true},
		{"", "ip length >> 2 != 16", false},
		{"", "meta length >> 2 { 15, 16 }", true},
		{"", "jhash meta length << 2 mod 1000000 seed 0x6 557678", true},
		{"", "jhash ip saddr . ip id >> 4 mod 1000000 seed 0x6 367277", true},
		{"", "jhash ip id << 1 mod 1000000 seed 0x6 600530", true},
		{"", "jhash ip saddr << 8 . @ih,0,64 >> 3 mod 1000000 seed 0x6 367378", true},
	};

	(void)state;
	EXPECT(rows);
}

/* In the host's byte order, whatever the elements are in; in intervals, and in sets within a
 * rule, as it is written. */
static void what_is_shifted_is_looked_up_as_nft_does(void **state)
{
	static const struct row rows[] = {
		{"set a { type ipv4_addr; elements = { 0.2.0.8 } }", "ip saddr << 8 @a", true},
		{"set a { type ipv4_addr; elements = { 8.0.2.0 } }", "ip saddr << 8 @a", false},
		{"set a { type ipv4_addr; elements = { 0.8.10.0 } }", "ip saddr >> 8 @a", true},
		{"set a { type ipv4_addr; elements = { 8.0.2.0 } }", "ip saddr << 8 != @a",
		 true},
		{"map m { type ipv4_addr : verdict; elements = { 0.2.0.8 : accept } }",
		 "ip saddr << 8 vmap @m", true},
		{"set e { type ipv4_addr . inet_service; elements = { 0.2.0.8 . 53 } }",
		 "ip saddr << 8 . udp dport @e", true},
		{"set e { type ipv4_addr . inet_service; elements = { 10.8.0.2 . 27136 } }",
		 "ip saddr . udp dport << 1 @e", true},
		{"", "ip saddr << 8 . udp dport { 8.0.2.0 . 53 }", true},
		{"", "ip saddr . udp dport << 1 { 10.8.0.2 . 106 }", true},
		{"set t { typeof udp sport; elements = { 512 } }", "udp sport << 1 @t", true},
		{"set i { typeof ip saddr . udp sport; flags interval; elements = { "
		 "10.8.0.0/24 . 2 } }",
		 "ip saddr . udp sport << 1 @i", true},
		{"set s { type ct_state; elements = { 0x10 } }", "ct state << 1 @s", true},
		{"set v { type ipv4_addr; flags interval; elements = { 8.0.2.0/24 } }",
		 "ip saddr << 8 @v", true},
		{"set k { typeof ip id; flags dynamic; size 9; }",
		 "add @k { ip id << 1 } ip id >> 15 @k", false},
		{"", "ct state << 1 . ip ttl { 0x10 . 64 }", true},
	};

	(void)state;
	EXPECT(rows);
}

/* 64 bits as the kernel has them: what goes from one half to the other goes the other way. */
static void more_than_32_bits_are_shifted(void **state)
{
	static const struct row rows[] = {
		{"", "@ih,0,64 << 1 > 226665870597672944", true},
		{"", "@ih,0,64 << 1 > 226665870597672945", false},
		{"", "@ih,0,64 >> 1 >= 4668352487150547964", true},
		{"", "@ih,0,64 >> 1 >= 4668352487150547965", false},
		{"", "@ih,0,64 << 13 > 6086192687633862705", true},
		{"", "@ih,0,64 << 13 > 6086192687633862706", false},
		{"", "@ih,0,64 >> 13 >= 4594811353914814135", true},
		{"", "@ih,0,64 >> 13 >= 4594811353914814136", false},
		{"", "@ih,0,64 << 31 > 1086935513", true},
		{"", "@ih,0,64 << 31 > 1086935514", false},
		{"", "@ih,0,64 >> 31 >= 10064929376236994561", true},
		{"", "@ih,0,64 >> 31 >= 10064929376236994562", false},
		{"", "@ih,0,64 << 5 & 0xff00ff00ff00 >= 129745492705024", true},
		{"", "@ih,0,64 << 5 & 0xff00ff00ff00 > 129745492705024", false},
	};

	(void)state;
	EXPECT(rows);
}

/* Which the kernel cannot turn around. */
static void of_128_bits_a_shift_is_what_is_written(void **state)
{
	static const struct row rows[] = {
		{"", "@ih,0,128 << 1 >= 0x32547698badcff0123456789abcdf00", true},
		{"", "@ih,0,128 << 1 > 0x32547698badcff0123456789abcdf00", false},
		{"", "@ih,0,128 >> 1 0x40c951da62eb73fc048d159e26af37c0", true},
		{"", "@ih,0,128 >> 1 <= 0x40c951da62eb73fc048d159e26af37bf", false},
		{"", "@ih,0,128 << 13 >= 0x547698badcff0123456789abcdf00000", true},
		{"", "@ih,0,128 << 13 > 0x547698badcff0123456789abcdf00000", false},
		{"", "@ih,0,128 >> 13 0x40c951da62eb73fc048d159e26af3", true},
		{"", "@ih,0,128 >> 13 <= 0x40c951da62eb73fc048d159e26af2", false},
		{"", "@ih,0,128 << 31 >= 0x62eb73fc048d159e26af37c000000000", true},
		{"", "@ih,0,128 << 31 > 0x62eb73fc048d159e26af37c000000000", false},
		{"", "@ih,0,128 >> 31 0x1032547698badcff012345678", true},
		{"", "@ih,0,128 >> 31 <= 0x1032547698badcff012345677", false},
		{"",
		 "@ih,0,128 << 4 & 0xffffffffffffffff0000000000000000 >= "
		 "0x192a3b4c5d6e7f800000000000000000",
		 true},
	};

	(void)state;
	EXPECT(rows);
}

/* The first bytes of a register: a field as it lies in the packet, or what was shifted in the
 * host's byte order. */
static void what_is_set_is_what_lies_in_a_register(void **state)
{
	static const struct row rows[] = {
		{"", "meta mark set ip id << 1 meta mark 0x12406", true},
		{"", "meta mark set ip id >> 4 meta mark 0x920", true},
		{"", "meta mark set ip id & 0x8001 meta mark 0x180", true},
		{"", "meta mark set ip ttl << 7 meta mark 0x2000", true},
		{"", "meta mark set ip ttl & 0x41 meta mark 0x40", true},
		{"", "meta mark set (ip ttl & 0x40) << 2 | 1 meta mark 0x1", true},
		{"", "meta mark set ip ttl << 2 ^ 3 meta mark 0x3", true},
		{"", "meta mark set ip ttl << 2 meta mark 0x100", true},
		{"", "meta mark set @ih,0,32 meta mark 0xb4a39281", true},
		{"", "meta mark set @ih,0,32 << 1 meta mark 0x3254768", true},
		{"", "meta mark set @ih,0,64 << 3 meta mark 0x2eb73fc4", true},
		{"", "meta mark set @ih,0,64 & 0xffffffff00000000 meta mark 0xb4a39281", true},
		{"",
		 "meta mark set @ih,0,128 & 340282366920938463463374607431768211455 meta mark "
		 "0xb4a39281",
		 true},
		{"", "meta mark set meta length << 30 meta mark 0x0", true},
		{"", "meta mark set ip version << 1 meta mark 0x8", true},
		{"", "meta mark set meta length << 2 ^ 1 meta mark 0x101", true},
		{"", "meta mark set ip id << 1 >> 1 meta mark 0x9203", true},
		{"", "ip saddr set ip saddr << 8 ip saddr 8.0.2.0", true},
		{"", "ip saddr set ip ttl << 1 ip saddr 128.0.0.0", true},
		{"", "ip saddr set ip ttl << 3 ip saddr 0.2.0.0", true},
		{"", "ip saddr set ip id << 1 ip saddr 36.6.1.0", true},
		{"", "ip saddr set ip id >> 1 ip saddr 73.1.0.0", true},
		{"", "ip saddr set ip id & 0xff00 ip saddr 146.0.0.0", true},
		{"", "ip saddr set meta length << 1 ip saddr 0.0.0.128", true},
		{"", "ip saddr set @ih,0,32 & 0xffff0000 ip saddr 129.146.0.0", true},
		{"", "ip id set ip ttl << 1 ip id 32768", true},
		{"", "ip id set ip ttl << 3 ip id 2", true},
		{"", "udp dport set ip id >> 8 udp dport 146", true},
		{"", "udp dport set ip id << 1 udp dport 9222", true},
		{"", "udp dport set udp length udp dport 44", true},
		{"", "udp sport set ip ttl & 0x40 udp sport 16384", true},
	};

	(void)state;
	EXPECT(rows);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_shifted_to_the_left_is_compared_with_what_it_was),
		TEST(shifts_that_stay_are_made),
		TEST(what_is_shifted_is_looked_up_as_nft_does),
		TEST(more_than_32_bits_are_shifted),
		TEST(of_128_bits_a_shift_is_what_is_written),
		TEST(what_is_set_is_what_lies_in_a_register),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
