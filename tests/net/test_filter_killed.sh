#!/bin/bash
# The filter is killed: another goes on with every flow and every rule.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

configure_wg0
rules_plain
serve_in client host server
daemon_up
ctl add rule inet filter forward tcp dport 80 accept
rules_before=$(ctl -s -a list ruleset)
talk_up client $SERVER4 --rounds 100000 --pause 0.01
says "a short flow, that is remembered" open traffic_in host tcp $CLIENT6 22
flows() { ctl conntrack -L -o id 2>/dev/null | sed 's/.*id=//' | sort; }
established() { ctl conntrack -L -p tcp --state ESTABLISHED -o id 2>/dev/null | sed 's/.*id=//'; }
flow=$(established)

for i in 1 2 3; do
	filter=$(status filter_pid)
	kill -9 "$filter"
	ok "killed $i: another filter is there" wait_until 5 another "$filter"
	ok "killed $i: the conversation goes on" talk_goes_on
done
ok "it is the same flow" same "$flow" "$(established)"
ok "rules are as they were, added ones too" same "$rules_before" "$(ctl -s -a list ruleset)"
ok "status knows when the file was loaded" test "$(status ruleset loaded)" != null
ok "status counts restarts" test "$(status restarts)" = 3
ok "flows were kept" test "$(status flows recovery kept)" -ge 1
ok "stderr tells of it" grep -q 'killed by signal 9' "$WORK/daemon.log"
ok "the keeper is the same" test "$(status keeper_pid)" = "$daemon"

# A transfer at full speed through one more death.
traffic_in client transfer $SERVER6 22 100000000 >"$WORK/transfer" 2>&1 &
transfer=$!
flowing() { ctl conntrack -L -f ipv6 -p tcp 2>/dev/null | grep -q ESTABLISHED; }
wait_until 5 flowing
kill -9 "$(status filter_pid)"
wait $transfer
says "a transfer is whole all the same" "open 100000000 bytes" cat "$WORK/transfer"
kill $talk
ends_well
