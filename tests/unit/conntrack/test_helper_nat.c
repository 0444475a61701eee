/* Tests of helpers under NAT, beside tests/scenarios/nat-helpers.scn: ports that are taken, what
 * does not fit, and a restart. */
#include "tracking.h"

#include <stdio.h>

#include "ctfw/helper.h"
#include "ctfw/nat.h"

#define C A4
#define S B4
#define N "203.0.113.199" /* what C is to S */
#define PORT "PORT 10,0,1,2,10,11\r\n"
#define DATA_PORT 2571

static uint32_t seq, ack;
static uint16_t ports[2]; /* that C's source may have; 0: any */

static int setup(void **state)
{
	struct world *w;
	int err = world_setup(state, 64);

	w = *state;
	w->options.helpers = HELPER_BIT(HELPER_FTP) | HELPER_BIT(HELPER_SIP);
	assert_int_equal(conntrack_set_options(w->ct, &w->options), 0);
	seq = 100;
	ack = 500;
	ports[0] = ports[1] = 0;
	return err;
}

static void map(struct world *w, enum nat_manip manip, const char *addr)
{
	struct nat_range range = { 0 };
	uint8_t family;

	if (addr) {
		range.flags = NAT_RANGE_ADDR;
		assert_int_equal(addr_parse(addr, &family, &range.min_addr), 0);
		range.max_addr = range.min_addr;
	}
	if (ports[0]) {
		range.flags |= NAT_RANGE_PORT;
		range.min_port = ports[0];
		range.max_port = ports[1];
	}
	conntrack_nat_setup(w->ct, 0, &w->ref, manip, &range);
}

/* The whole way of w->raw: C's flows get the other source. */
static enum reason through(struct world *w)
{
	look_by(w, 0, &w->ref);
	if (!w->ref.flow)
		return w->reason;
	if (w->ref.unconfirmed && memcmp(w->raw.b + 12, "\12\0\1", 3) == 0)
		map(w, NAT_MANIP_SRC, N);
	assert_true(conntrack_nat_packet(&w->ref, NAT_MANIP_DST, &w->packet));
	assert_true(conntrack_nat_packet(&w->ref, NAT_MANIP_SRC, &w->packet));
	return conntrack_confirm(w->ct, 0, &w->packet, w->now, &w->ref);
}

static const char *payload(const struct world *w)
{
	static char text[RAW_MAX];
	size_t header = w->packet.l4_off + (w->packet.l4_proto == IPPROTO_TCP ? 20u : 8u);

	memcpy(text, w->packet.data + header, w->packet.len - header);
	text[w->packet.len - header] = '\0';
	return text;
}

static enum reason say_from(struct world *w, const char *client, uint16_t port, const char *text)
{
	size_t len = strlen(text);

	raw_tcp(&w->raw, client, port, S, 21, TCP_ACK | TCP_PSH, seq, ack, len);
	memcpy(w->raw.b + 40, text, len);
	raw_fix_l4(&w->raw);
	return through(w);
}

static void open_from(struct world *w, const char *client, uint16_t port)
{
	seq = 100;
	raw_tcp(&w->raw, client, port, S, 21, TCP_SYN, seq, 0, 0);
	assert_int_equal(through(w), REASON_NONE);
	raw_tcp(&w->raw, S, 21, N, ntohs(w->packet.sport), TCP_SYN | TCP_ACK, ack - 1, seq + 1,
		0);
	assert_int_equal(through(w), REASON_NONE);
	seq++;
	raw_tcp(&w->raw, client, port, S, 21, TCP_ACK, seq, ack, 0);
	assert_int_equal(through(w), REASON_NONE);
	assert_int_equal(say_from(w, client, port, "NOOP\r\n"), REASON_NONE);
	seq += 6;
}

/* From the server to what the client was told. */
static void expect_data_connection(struct world *w, const char *client, uint16_t listens,
				   uint16_t told)
{
	union addr addr;
	uint8_t family;

	raw_tcp(&w->raw, S, 20, N, told, TCP_SYN, 7, 0, 0);
	assert_int_equal(through(w), REASON_NONE);
	assert_int_equal(w->ref.state, CT_STATE_RELATED);
	assert_int_equal(addr_parse(client, &family, &addr), 0);
	assert_memory_equal(&w->packet.daddr, &addr, 16);
	assert_int_equal(w->packet.dport, htons(listens));
	assert_true(packet_checksum_ok(&w->packet));
}

static void a_longer_packet_moves_and_what_is_behind_it_stays(void **state)
{
	struct world *w = *state;

	open_from(w, C, 1000);
	assert_int_equal(say_from(w, C, 1000, PORT), REASON_NONE);
	assert_string_equal(payload(w), "PORT 203,0,113,199,10,11\r\n");
	/* The former buffer ends where the former packet did: the sanitizer has watched it. */
	assert_ptr_not_equal(w->packet.data, w->bytes);
	assert_int_equal((uintptr_t)w->packet.data % 16, 0);
	assert_true(packet_checksum_ok(&w->packet));
	expect_data_connection(w, C, DATA_PORT, DATA_PORT);
}

static unsigned told_port(const struct world *w)
{
	unsigned hi, lo;

	assert_int_equal(sscanf(payload(w), "PORT 203,0,113,199,%u,%u", &hi, &lo), 2);
	return hi << 8 | lo;
}

static void a_port_that_is_taken_becomes_another_and_stays_that(void **state)
{
	struct world *w = *state;
	unsigned told;

	open_from(w, C, 1000);
	assert_int_equal(say_from(w, C, 1000, PORT), REASON_NONE);
	open_from(w, "10.0.1.3", 1001);
	assert_int_equal(say_from(w, "10.0.1.3", 1001, "PORT 10,0,1,3,10,11\r\n"), REASON_NONE);
	told = told_port(w);
	assert_true(told > DATA_PORT);
	/* Said again, and again. */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(say_from(w, "10.0.1.3", 1001, "PORT 10,0,1,3,10,11\r\n"),
				 REASON_NONE);
		assert_int_equal(told_port(w), told);
	}
	expect_data_connection(w, C, DATA_PORT, DATA_PORT);
	expect_data_connection(w, "10.0.1.3", DATA_PORT, (uint16_t)told);
}

/* Where only these reach the host's NAT, as on a TUN of role return. */
static void a_source_with_a_range_of_ports_listens_among_them(void **state)
{
	struct world *w = *state;
	unsigned told, again;

	for (unsigned n = 0; n < 20; n++) {
		uint16_t own = (uint16_t)(2000 + n);

		ports[0] = 50000;
		ports[1] = 50019;
		open_from(w, C, own);
		assert_true(ntohs(w->packet.sport) >= 50000 && ntohs(w->packet.sport) <= 50019);
		if (n == 7) { /* they are remembered */
			conntrack_free(w->ct);
			world_open(w);
		}
		assert_int_equal(say_from(w, C, own, PORT), REASON_NONE);
		told = told_port(w);
		assert_true(told >= 50000 && told <= 50019);
		assert_int_equal(say_from(w, C, own, PORT), REASON_NONE);
		again = told_port(w);
		assert_int_equal(told, again);
		ports[0] = 0;
		expect_data_connection(w, C, DATA_PORT, (uint16_t)told);
		/* Over before the next one begins: a port is used once. */
		assert_true(conntrack_delete(w->ct, (uint32_t)(w->ref.flow -
			    (struct flow *)w->arena.flows), w->ref.flow->id));
		conntrack_housekeep(w->ct, 0, w->now);
	}
}

static void one_that_asks_for_a_port_among_them_has_it(void **state)
{
	struct world *w = *state;

	ports[0] = 2500;
	ports[1] = 2600;
	open_from(w, C, 1000);
	assert_int_equal(say_from(w, C, 1000, PORT), REASON_NONE);
	assert_int_equal(told_port(w), DATA_PORT);
}

/* RTP has an even port, and RTCP the next. */
static void media_have_a_pair_among_them(void **state)
{
	static const uint16_t ranges[][2] = { { 50001, 50019 }, { 50000, 50001 },
					      { 50001, 50003 }, { 50001, 50002 } };
	static const char message[] =
		"INVITE sip:b SIP/2.0\r\nCSeq: 1 INVITE\r\nContent-Length: 75\r\n\r\n"
		"v=0\r\no=- 1 1 IN IP4 10.0.1.2\r\ns=-\r\nc=IN IP4 10.0.1.2\r\n"
		"m=audio 4000 RTP/AVP 0\r\n";
	struct world *w = *state;

	for (unsigned i = 0; i < 4; i++) {
		enum reason reason;
		unsigned port;

		memcpy(ports, ranges[i], sizeof(ports));
		raw_udp(&w->raw, C, (uint16_t)(3000 + i), S, 5060, sizeof(message) - 1);
		memcpy(w->raw.b + 28, message, sizeof(message) - 1);
		raw_fix_l4(&w->raw);
		reason = through(w);
		if (i == 3) { /* of these there is no pair */
			assert_int_equal(reason, REASON_HELPER);
			break;
		}
		assert_int_equal(reason, REASON_NONE);
		assert_int_equal(sscanf(strstr(payload(w), "m=audio "), "m=audio %u ", &port), 1);
		assert_true(port % 2 == 0 && port >= ports[0] && port < ports[1]);
		/* Gone before the next. */
		assert_true(conntrack_delete(w->ct, (uint32_t)(w->ref.flow -
			    (struct flow *)w->arena.flows), w->ref.flow->id));
		conntrack_housekeep(w->ct, 0, w->now);
	}
}

static void what_was_expected_is_led_to_its_place_after_a_restart(void **state)
{
	struct world *w = *state;

	open_from(w, C, 1000);
	assert_int_equal(say_from(w, C, 1000, PORT), REASON_NONE);
	conntrack_free(w->ct);
	world_open(w);
	assert_int_equal(conntrack_recovery(w->ct).expectations, 1);
	expect_data_connection(w, C, DATA_PORT, DATA_PORT);
	/* And the numbers go on where they were. */
	seq += sizeof(PORT) - 1;
	assert_int_equal(say_from(w, C, 1000, "NOOP\r\n"), REASON_NONE);
	assert_int_equal(ntohl(*(uint32_t *)(void *)(w->packet.data + 24)), seq + 5);
}

static void what_is_longer_than_any_packet_is_dropped(void **state)
{
	struct world *w = *state;

	open_from(w, C, 1000);
	raw_tcp(&w->raw, C, 1000, S, 21, TCP_ACK | TCP_PSH, seq, ack, PACKET_MAX - 40);
	memcpy(w->raw.b + 40, PORT, sizeof(PORT) - 1);
	raw_fix_l4(&w->raw);
	/* No window is so large. */
	w->options.tcp_be_liberal = true;
	assert_int_equal(conntrack_set_options(w->ct, &w->options), 0);
	assert_int_equal(through(w), REASON_HELPER);
	/* Nobody was told of the port. */
	raw_tcp(&w->raw, S, 20, N, DATA_PORT, TCP_SYN, 7, 0, 0);
	assert_int_equal(through(w), REASON_NONE);
	assert_int_equal(w->ref.state, CT_STATE_NEW);
}

static enum reason contacts(struct world *w, unsigned n)
{
	static char text[RAW_MAX];
	size_t len = (size_t)sprintf(text, "OPTIONS sip:b SIP/2.0\r\nCSeq: 1 OPTIONS\r\n");

	for (unsigned i = 0; i < n; i++)
		len += (size_t)sprintf(text + len, "Contact: <sip:a@10.0.1.2:2000>\r\n");
	raw_udp(&w->raw, C, 2000, S, 5060, len);
	memcpy(w->raw.b + 28, text, len);
	raw_fix_l4(&w->raw);
	return through(w);
}

/* Each replacement moves all that is behind it. */
static void a_packet_that_is_all_addresses_is_dropped(void **state)
{
	struct world *w = *state;

	assert_int_equal(contacts(w, 64), REASON_NONE);
	assert_null(strstr(payload(w), "10.0.1.2"));
	assert_true(packet_checksum_ok(&w->packet));
	assert_int_equal(contacts(w, 65), REASON_HELPER);
}

static void without_nat_nothing_is_rewritten(void **state)
{
	struct world *w = *state;

	raw_tcp(&w->raw, C, 1000, S, 21, TCP_SYN, 100, 0, 0);
	assert_int_equal(pass(w), CT_STATE_NEW);
	raw_tcp(&w->raw, S, 21, C, 1000, TCP_SYN | TCP_ACK, 499, 101, 0);
	assert_int_equal(pass(w), CT_STATE_ESTABLISHED);
	for (uint32_t at = 101; at < 113; at += 6) {
		raw_tcp(&w->raw, C, 1000, S, 21, TCP_ACK, at, 500, 6);
		memcpy(w->raw.b + 40, "NOOP\r\n", 6);
		raw_fix_l4(&w->raw);
		assert_int_equal(pass(w), CT_STATE_ESTABLISHED);
	}
	raw_tcp(&w->raw, C, 1000, S, 21, TCP_ACK, 113, 500, sizeof(PORT) - 1);
	memcpy(w->raw.b + 40, PORT, sizeof(PORT) - 1);
	raw_fix_l4(&w->raw);
	assert_int_equal(pass(w), CT_STATE_ESTABLISHED);
	assert_ptr_equal(w->packet.data, w->bytes);
	assert_memory_equal(w->packet.data, w->raw.b, w->raw.len);
	raw_tcp(&w->raw, S, 20, C, DATA_PORT, TCP_SYN, 7, 0, 0);
	assert_int_equal(pass(w), CT_STATE_RELATED);
	assert_false(nat_rewrites(w->ref.flow));
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		test(a_longer_packet_moves_and_what_is_behind_it_stays),
		test(a_port_that_is_taken_becomes_another_and_stays_that),
		test(a_source_with_a_range_of_ports_listens_among_them),
		test(one_that_asks_for_a_port_among_them_has_it),
		test(media_have_a_pair_among_them),
		test(what_was_expected_is_led_to_its_place_after_a_restart),
		test(what_is_longer_than_any_packet_is_dropped),
		test(a_packet_that_is_all_addresses_is_dropped),
		test(without_nat_nothing_is_rewritten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
