/* ListExpectations and DeleteExpectations, and expectations as JSON there and back. */
#include "unit/control/talk.h"

#include "ctfw/expect.h"

/* ---- words for tests ---- */

/* All replies to one call: the last one; *ret_listed counts what they list. */
static json_t *call_all(const char *message, unsigned *ret_listed)
{
	json_t *reply, *last = NULL;

	*ret_listed = 0;
	say(message);
	while ((reply = next())) {
		*ret_listed += (unsigned)json_array_size(json_object_get(
			json_object_get(reply, "parameters"), "expectations"));
		json_decref(last);
		last = reply;
	}
	assert_non_null(last);
	return last;
}

static json_int_t count_of(const json_t *reply)
{
	return json_integer_value(
		json_object_get(json_object_get(reply, "parameters"), "count"));
}

static void expect_one(uint32_t n)
{
	struct ct_expectation_spec spec = {
		.l4proto = 6, .size = 1, .dport = 80, .timeout = 60 * NSEC_PER_SEC,
	};
	uint8_t p[28] = { 0x45, 0, 0, 28, 0, 0, 0x40, 0, 64, 17 };
	const uint32_t src = htonl(0x0a000000 | n), dst = htonl(0xc0000201);
	const uint16_t udp[4] = { htons(1000), htons(53), htons(8), 0 };
	struct packet packet;
	struct ct_ref ref;
	uint32_t sum = 0;

	memcpy(p + 12, &src, 4);
	memcpy(p + 16, &dst, 4);
	memcpy(p + 20, udp, 8);
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	sum = ~((sum & 0xffff) + (sum >> 16));
	p[10] = (uint8_t)(sum >> 8);
	p[11] = (uint8_t)sum;
	assert_int_equal(packet_parse(p, sizeof(p), NULL, &packet), REASON_NONE);
	assert_int_equal(conntrack_in(f.ct, 0, &packet, (struct ct_zone){ 0, 0 }, f.now, &ref),
			 REASON_NONE);
	assert_int_equal(conntrack_add_expectation(f.ct, 0, &ref, &spec, f.now), 0);
	assert_int_equal(conntrack_confirm(f.ct, 0, &packet, f.now, &ref), REASON_NONE);
}

static void expect_many(uint32_t n)
{
	rcu_online();
	for (uint32_t i = 1; i <= n; i++)
		expect_one(i);
	rcu_offline();
}

#define LIST "{\"method\":\"org.ctfw.ListExpectations\",\"more\":true}"
#define DELETE "{\"method\":\"org.ctfw.DeleteExpectations\"}"
#define DELETE_2 "{\"method\":\"org.ctfw.DeleteExpectations\",\"parameters\":{\"id\":2}}"
#define DELETE_0 "{\"method\":\"org.ctfw.DeleteExpectations\",\"parameters\":{\"id\":0}}"

/* ---- tests ---- */

static void all_are_listed_in_as_many_replies_as_it_takes(void **unused)
{
	unsigned listed;
	json_t *reply;

	(void)unused;
	may_change = false;
	begin();
	reply = call_all(LIST, &listed);
	assert_int_equal(listed, 0);
	assert_int_equal(count_of(reply), 0);
	json_decref(reply);

	expect_many(450);
	reply = call_all(LIST, &listed);
	assert_int_equal(listed, 450);
	assert_int_equal(count_of(reply), 450);
	json_decref(reply);
}

static void one_or_all_are_deleted_by_whoever_may(void **unused)
{
	unsigned listed;
	json_t *reply;

	(void)unused;
	expect_many(10);
	may_change = false;
	begin();
	expect_error(DELETE, "org.varlink.service.PermissionDenied", NULL, NULL);
	may_change = true;
	begin();
	expect_error(DELETE_0, "org.varlink.service.InvalidParameter", NULL, NULL);
	reply = call_all(DELETE_2, &listed);
	assert_int_equal(count_of(reply), 1);
	json_decref(reply);
	reply = call_all(DELETE_2, &listed);
	assert_int_equal(count_of(reply), 0);
	json_decref(reply);
	reply = call_all(LIST, &listed);
	assert_int_equal(listed, 9);
	json_decref(reply);
	reply = call_all(DELETE, &listed);
	assert_int_equal(count_of(reply), 9);
	json_decref(reply);
}

static struct expect sample(void)
{
	struct expect e = {
		.id = 7,
		.tuple = { .l3 = L3_IPV6,
			   .l4 = 17,
			   .zone = 3,
			   .sport = 5,
			   .dport = htons(6060) },
		.sport_mask = 0xffff,
		.class = 2,
		.helper = HELPER_SIP,
		.master_tuple = { .l3 = L3_IPV6, .l4 = 17, .sport = 9, .dport = 8 },
		.flags = EXPECT_PERMANENT | EXPECT_INACTIVE,
		.expires = 180 * NSEC_PER_SEC,
	};

	e.tuple.src.b[0] = e.tuple.dst.b[15] = e.master_tuple.src.b[3] = 0xfd;
	memset(&e.src_mask, 0xff, 16);
	return e;
}

static void what_is_encoded_decodes_to_itself(void **unused)
{
	struct text json = TEXT_INIT, one = TEXT_INIT, two = TEXT_INIT;
	const struct expect e = sample();
	struct expect back;
	json_t *object;

	(void)unused;
	control_expect_encode(&e, 0, &json);
	object = json_loads(text_str(&json), 0, NULL);
	assert_non_null(object);
	assert_string_equal(json_string_value(json_object_get(object, "class_name")), "video");
	assert_int_equal(control_expect_decode(object, &back), 0);
	expect_print(&e, 0, &one);
	expect_print(&back, 0, &two);
	assert_string_equal(text_str(&one), text_str(&two));
	assert_int_equal(back.id, 7);
	json_decref(object);
	text_fini(&json);
	text_fini(&one);
	text_fini(&two);
}

static void nonsense_is_no_expectation(void **unused)
{
	static const struct {
		const char *member, *value;
	} rows[] = {
		{ "id", "-1" }, { "family", "\"ipv5\"" }, { "protonum", "256" },
		{ "zone", "\"x\"" }, { "tuple", "{}" }, { "mask", "null" },
		{ "master", "{\"src\":\"10.0.0.1\",\"dst\":\"::1\",\"sport\":1,\"dport\":1}" },
		{ "flags", "[\"bad\"]" }, { "flags", "3" }, { "class", "4" },
		{ "helper", "\"smtp\"" }, { "helper", "1" }, { "timeout", "1.5" },
	};
	const struct expect e = sample();

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct text json = TEXT_INIT;
		struct expect back;
		json_t *object;

		control_expect_encode(&e, 0, &json);
		object = json_loads(text_str(&json), 0, NULL);
		json_object_set_new(object, rows[i].member,
				    json_loads(rows[i].value, JSON_DECODE_ANY, NULL));
		assert_int_equal(control_expect_decode(object, &back), -EINVAL);
		json_decref(object);
		text_fini(&json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_are_listed_in_as_many_replies_as_it_takes),
		TEST(one_or_all_are_deleted_by_whoever_may),
		cmocka_unit_test(what_is_encoded_decodes_to_itself),
		cmocka_unit_test(nonsense_is_no_expectation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
