/* test_trace.c - which rules a packet meets, as nf_tables tells it. */
#include <netinet/in.h>

#include "unit/packets.h"
#include "unit/ruleset/language.h"

static struct raw raw_syn, raw_ping6;
static struct packet syn, ping6;
static struct text told;

static void note(struct eval *e, const struct eval_trace *t)
{
	static const char *const verdicts[] = {
		[TRACE_CONTINUE] = "continue", [TRACE_ACCEPT] = "accept",
		[TRACE_DROP] = "drop",	       [TRACE_JUMP] = "jump",
		[TRACE_GOTO] = "goto",	       [TRACE_RETURN] = "return",
	};

	(void)e;
	text_printf(&told, "%s%s ", t->first ? "* " : "", t->chain);
	if (t->policy)
		text_puts(&told, "policy");
	else
		text_printf(&told, "%llu", (unsigned long long)t->handle);
	text_printf(&told, " %s%s%s\n", verdicts[t->verdict], t->target ? " " : "",
		    t->target ? t->target : "");
}

static void assert_traced(const char *rules, struct packet *packet, bool traced,
			  const char *want)
{
	struct ruleset *rs = ruleset_new(NULL);
	struct program *p;
	struct eval_result result;
	struct eval e = { .packet = packet, .nftrace = traced, .trace = note };

	assert_int_equal(apply(&rs, rules), 0);
	p = program_compile(rs);
	assert_non_null(p);
	told = (struct text)TEXT_INIT;
	program_eval(p, HOOK_INPUT, false, &e, &result);
	assert_string_equal(text_str(&told), want);
	text_fini(&told);
	program_free(p);
	ruleset_unref(rs);
}

#define BASE "table inet t {\nchain in {\ntype filter hook input priority 0\n"

static void from_the_rule_that_says_so_on(void **state)
{
	(void)state;
	assert_traced(BASE "tcp dport 1-1000\n"
			   "tcp dport 80 meta nftrace set 1\n"
			   "meta mark set 5\n"
			   "udp dport 80 counter\n"
			   "counter\n"
			   "}\n}\n",
		      &syn, false,
		      "* in 3 continue\nin 4 continue\nin 6 continue\nin policy accept\n");
}

static void the_statement_need_not_be_the_last(void **state)
{
	(void)state;
	assert_traced(BASE "meta nftrace set 1 tcp dport 81\n"
			   "meta nftrace set 1 tcp dport 80 drop\n"
			   "}\n}\n",
		      &syn, false, "* in 3 drop\n");
}

static void whoever_is_traced_already_is_from_the_first(void **state)
{
	(void)state;
	assert_traced(BASE "tcp dport 80\ntcp dport 81 drop\naccept\n}\n}\n", &syn, true,
		      "* in 2 continue\nin 4 accept\n");
	assert_traced(BASE "policy drop\ncontinue\n}\n}\n", &syn, true,
		      "* in 2 continue\nin policy drop\n");
	assert_traced(BASE "}\n}\n", &syn, true, "* in policy accept\n");
}

static void ways_into_other_chains_and_back_are_told(void **state)
{
	static const char chains[] = "add table inet t\n"
				     "add chain inet t in { type filter hook input priority 0; }\n"
				     "add chain inet t j\n"
				     "add chain inet t k\n"
				     "add chain inet t empty\n";
	struct text rules = TEXT_INIT;

	(void)state;
	text_printf(&rules,
		    "%sadd rule inet t in jump j\n"
		    "add rule inet t in jump empty\n"
		    "add rule inet t in tcp dport 80 goto k\n"
		    "add rule inet t in accept\n"
		    "add rule inet t j tcp dport 80 return\n"
		    "add rule inet t j accept\n"
		    "add rule inet t k counter\n",
		    chains);
	assert_traced(text_str(&rules), &syn, true,
		      "* in 5 jump j\n"
		      "j 9 return\n"
		      "in 6 jump empty\n"
		      "in 7 goto k\n"
		      "k 11 continue\n"
		      "in policy accept\n");
	text_fini(&rules);
}

static void a_reject_drops_and_a_return_leads_to_the_policy(void **state)
{
	(void)state;
	assert_traced(BASE "tcp dport 80 reject\n}\n}\n", &syn, true, "* in 2 drop\n");
	assert_traced(BASE "tcp dport 80 return\ndrop\n}\n}\n", &syn, true,
		      "* in 2 return\nin policy accept\n");
}

static void rules_of_the_other_family_are_not_met(void **state)
{
	(void)state;
	assert_traced(BASE "counter ip saddr 1.2.3.4\nip6 hoplimit 64\nip daddr 1.2.3.4 drop\n"
			   "meta l4proto ipv6-icmp accept\n}\n}\n",
		      &ping6, true, "* in 3 continue\nin 5 accept\n");
}

static void every_base_chain_begins_anew(void **state)
{
	(void)state;
	assert_traced("table inet t {\n"
		      "chain a { type filter hook input priority 0; accept; }\n"
		      "chain b { type filter hook input priority 1; meta nftrace set 0; }\n"
		      "chain c { type filter hook input priority 2; drop; }\n"
		      "}\n",
		      &syn, true, "* a 4 accept\n");
	assert_traced("table inet t {\n"
		      "chain a { type filter hook input priority 0; accept; }\n"
		      "chain b { type filter hook input priority 1; continue; }\n"
		      "}\n",
		      &syn, true, "* a 3 accept\n* b 4 continue\nb policy accept\n");
}

static int setup(void **state)
{
	(void)state;
	raw_tcp(&raw_syn, "10.1.2.3", 40001, "192.0.2.77", 80, TCP_SYN, 1, 0, 0);
	raw_icmp(&raw_ping6, "2001:db8::3", "2001:db8::77", 128, 0, 1, 1, NULL, 56);
	assert_int_equal(packet_parse(raw_syn.b, raw_syn.len, NULL, &syn), REASON_NONE);
	assert_int_equal(packet_parse(raw_ping6.b, raw_ping6.len, NULL, &ping6), REASON_NONE);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_the_rule_that_says_so_on),
		cmocka_unit_test(the_statement_need_not_be_the_last),
		cmocka_unit_test(whoever_is_traced_already_is_from_the_first),
		cmocka_unit_test(ways_into_other_chains_and_back_are_told),
		cmocka_unit_test(a_reject_drops_and_a_return_leads_to_the_policy),
		cmocka_unit_test(rules_of_the_other_family_are_not_met),
		cmocka_unit_test(every_base_chain_begins_anew),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
