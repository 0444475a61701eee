/* Tests of the parts of SIP messages: Contacts and their URIs.  What a whole message does is in
 * tests/scenarios/helpers.scn. */
#include "unit/test.h"

#include <stdio.h>
#include <string.h>

#include "conntrack/sip_text.h"

/* All the Contacts of a message, "address:port" each, as many as there are. */
static const char *contacts(const char *message)
{
	static char all[512];
	struct sip_contacts walk = { .at = cursor_of(message, strlen(message)),
				     .family = L3_IPV4 };
	struct sip_uri uri;
	size_t len = 0;

	all[0] = '\0';
	while (sip_contact(&walk, &uri)) {
		char addr[ADDR_TEXT];

		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s:%u", len ? " " : "",
					addr_print(L3_IPV4, &uri.addr, addr), uri.port);
	}
	return all;
}

#define HEAD "REGISTER sip:b SIP/2.0\r\nContact: "
#define TAIL "\r\nX: y\r\n"

static void every_uri_of_a_list_is_found(void **state)
{
	(void)state;
	assert_string_equal(contacts(HEAD "<sip:a@10.0.0.1:5070>" TAIL), "10.0.0.1:5070");
	assert_string_equal(contacts(HEAD "<sip:10.0.0.1>, <sip:b@10.0.0.2:2000>,<sip:10.0.0.3>"
					  TAIL),
			    /* The name of the second is taken for that of the first, too. */
			    "10.0.0.2:2000 10.0.0.3:5060");
	assert_string_equal(contacts(HEAD "<sip:a@10.0.0.1>,<sip:b@10.0.0.2>,<sip:c@10.0.0.3>"
					  TAIL),
			    "10.0.0.1:5060 10.0.0.2:5060 10.0.0.3:5060");
}

/* The kernel looks for '@' up to the line's end, whatever lies between. */
static void an_at_sign_counts_for_all_uris_before_it_in_the_line(void **state)
{
	(void)state;
	assert_string_equal(contacts(HEAD "<sip:9.9.9.9>,sip:,sip:,sip:@10.0.0.1:3000" TAIL),
			    "10.0.0.1:3000");
	assert_string_equal(contacts(HEAD "<sip:10.0.0.1>,\r\n <sip:b@10.0.0.2>" TAIL),
			    "10.0.0.1:5060 10.0.0.2:5060");
	assert_string_equal(contacts(HEAD "<sip:10.0.0.1>" TAIL "m: <sip:c@10.0.0.3>" TAIL),
			    "10.0.0.1:5060 10.0.0.3:5060");
}

static void of_what_is_no_address_nothing_is_told(void **state)
{
	(void)state;
	assert_string_equal(contacts(HEAD "<sip:name.example>" TAIL), "");
	assert_string_equal(contacts(HEAD "<sip:10.0.0.1:80>" TAIL), "");
	assert_string_equal(contacts(HEAD "<sip:10.0.0.1>,sip:,sip:x,<sip:10.0.0.2>" TAIL),
			    "10.0.0.1:5060 10.0.0.2:5060");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_uri_of_a_list_is_found),
		cmocka_unit_test(an_at_sign_counts_for_all_uris_before_it_in_the_line),
		cmocka_unit_test(of_what_is_no_address_nothing_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
