#!/bin/bash
# Changes on trial: undone by the daemon unless somebody confirms, whoever died meanwhile.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

configure_wg0
rules_plain
serve_in client host server
daemon_up
talk_up client $SERVER4 --rounds 100000 --pause 0.01
flow=$(ctl conntrack -L -p tcp --state ESTABLISHED -o id 2>/dev/null | sed 's/.*id=//')
plain=$(ctl -s list ruleset)
as_before() { same "$plain" "$(ctl -s list ruleset)"; }
on_trial() { [ "$(status trial)" != null ]; }
nothing_on_trial() { ! on_trial; }
counted_more() { [ "$(ssh_counted)" -gt "$1" ]; }

# ---- without a trial ----

not_ok "there is nothing to confirm" ctl confirm
says "and it says so" "ctfwctl: nothing is on trial" ctl confirm
says "nor to undo" "ctfwctl: there is no such ruleset to go back to" ctl rollback
ok "status tells of no trial" test "$(status trial)" = null
not_ok "a trial has an end" ctl --confirm 0 flush ruleset
not_ok "that is not in years" ctl --confirm 86401 flush ruleset
not_ok "and a check is no trial" ctl -c --confirm 5 flush ruleset
says "what changes nothing is on no trial" "Nothing was changed" ctl --confirm 60 list tables ip6
ok "not at all" nothing_on_trial

# ---- time runs out ----

# The client is killed as soon as it has asked, as by a terminal that goes.
(ctl --confirm 4 add rule inet filter forward tcp dport 80 accept) &
asked=$!
wait_until 5 on_trial
kill -9 $asked 2>/dev/null
says "what is on trial is in force" open traffic_in client tcp $SERVER4 80
ok "status counts down" test "$(status trial undone_in)" -le 4
ok "for people too" ctl_says '^ON TRIAL: all changes since .* undone in [1-4] s' status
ok "time runs out, and it is undone" wait_until 8 nothing_on_trial
ok "by the daemon itself" as_before
says "and port 80 is shut" silent traffic_in client tcp $SERVER4 80 --timeout 0.4
ok "the log tells of the undo" logged 'nobody confirmed: .* is undone'
ok "nothing differs from the file" test "$(status ruleset file_undone)" = null

# A file, from standard input, that shuts the operator out.
echo 'flush ruleset; table inet filter { chain forward { type filter hook forward priority 0; policy drop; }; }' |
	ctl -f - --confirm 6 >"$WORK/said-stdin" 2>&1
ok "a file on trial says so" grep -q '^On trial: what was changed since .* is undone in 6 s' "$WORK/said-stdin"
not_ok "the client is shut out" ping_in client $SERVER4
now=$(talk_rounds)
not_ok "the conversation stands" wait_until 0.5 talk_beyond $((now + 3))
ok "the log counts down" wait_until 5 logged 'is undone in 5 seconds unless'
ok "the file is undone" wait_until 10 nothing_on_trial
ok "and the conversation goes on" talk_goes_on
ok "with the same flow" same "$flow" \
	"$(ctl conntrack -L -p tcp --state ESTABLISHED -o id 2>/dev/null | sed 's/.*id=//')"

# ---- confirmed ----

ctl --confirm 60 add rule inet filter forward tcp dport 80 accept 2>/dev/null
ok "it is confirmed in time" ctl confirm
ok "and on trial no more" nothing_on_trial
not_ok "which goes but once" ctl confirm
says "port 80 stays open" open traffic_in client tcp $SERVER4 80
ok "the log tells of it" logged 'confirmed, and stays'

# ---- more than one ----

with_80=$(ctl -s list ruleset)
ctl --confirm 60 add rule inet filter forward tcp dport 8080 accept 2>/dev/null
says "a change meanwhile is on trial as well" "On trial: " \
	ctl add rule inet filter forward tcp dport 5001 accept
ok "rollback undoes at once" ctl rollback
ok "all of it" same "$with_80" "$(ctl -s list ruleset)"
ctl --confirm 600 add rule inet filter forward tcp dport 8080 accept 2>/dev/null
ctl --confirm 2 add rule inet filter forward tcp dport 5001 accept 2>/dev/null
ok "a second trial sets the end anew" wait_until 5 nothing_on_trial
ok "and goes back to before the first" same "$with_80" "$(ctl -s list ruleset)"
not_ok "a change that is wrong" ctl --confirm 5 add rule inet filter nowhere accept
ok "is on no trial" nothing_on_trial

# ---- deaths ----

before=$(ssh_counted)
ctl --confirm 60 add rule inet filter forward tcp dport 8080 accept 2>/dev/null
left=$(status trial undone_in)
filter=$(status filter_pid)
kill -9 "$filter"
ok "the filter is killed, another is there" wait_until 5 another "$filter"
ok "the trial goes on" on_trial
ok "with less time" test "$(status trial undone_in)" -le "$left"
says "and what is on trial" open traffic_in client tcp $SERVER4 8080
says "a packet more for the counter" open traffic_in client tcp $SERVER4 22
ok "which has counted it" counted_more "$before"
before=$(ssh_counted)
ok "undone by another process than it began in" ctl rollback
ok "all of it" same "$with_80" "$(ctl -s list ruleset)"
ok "a counter that was there all the while goes on" test "$(ssh_counted)" -ge "$before"
says "counts still" open traffic_in client tcp $SERVER4 22
ok "for what it is in force" counted_more "$before"
ok "the conversation went on" talk_goes_on

# The keeper and the filter at once, and time runs out while nobody is there.
before=$(ssh_counted)
ctl --confirm 2 add rule inet filter forward tcp dport 8080 accept 2>/dev/null
filter=$(status filter_pid)
shoot "$daemon"
wait_until 5 gone "$filter"
sleep 2
daemon_up
ok "a start behind its end begins without it" nothing_on_trial
ok "with what ran before" same "$with_80" "$(ctl -s list ruleset)"
ctl reload
ctl --confirm 60 add rule inet filter forward tcp dport 8080 accept 2>/dev/null
filter=$(status filter_pid)
shoot "$daemon"
wait_until 5 gone "$filter"
daemon_up
ok "a start before its end goes on with it" on_trial
says "in force" open traffic_in client tcp $SERVER4 8080
ok "until it is undone" ctl rollback
ok "all of it" as_before
ok "the conversation is alive" talk_goes_on

# ---- reload ----

sed -i 's/dport 22/dport 23/' "$WORK/ruleset.nft"
not_ok "what the file has now is new" ctl_says 'dport 23' list ruleset
ok "a reload on trial" ctl reload --confirm 2
ok "is a reload" ctl_says 'dport 23' list ruleset
ok "the log tells of it" logged 'the ruleset file is on trial: undone in 2 seconds'
ok "status knows that it is the file" test "$(status trial file)" = true
ok "it is undone as well" wait_until 5 nothing_on_trial
ok "to what was there" as_before
ok "status says that file and rules differ" test "$(status ruleset file_undone)" != null
ok "for people too" ctl_says 'NOT WHAT RUNS' status
ok "and so does the log" logged 'ruleset.nft is as it was, and not what runs'
ok "the file is as it was" grep -q 'dport 23' "$WORK/ruleset.nft"
filter=$(status filter_pid)
kill -9 "$filter"
wait_until 5 another "$filter"
ok "another filter still knows" test "$(status ruleset file_undone)" != null
echo 'nonsense' >>"$WORK/ruleset.nft"
not_ok "a wrong file on trial" ctl reload --confirm 60
ok "is on no trial" nothing_on_trial
ok "and changes nothing" as_before
rules_plain
ctl --confirm 60 add rule inet filter forward tcp dport 8080 accept 2>/dev/null
kill -HUP $daemon
ok "a reload in a trial is on trial" wait_until 5 logged 'the ruleset file is on trial: undone in [56]. seconds'
ctl rollback >/dev/null
ok "a reload of the mended file" ctl reload
ok "ends the difference" test "$(status ruleset file_undone)" = null

# The file is on trial when all of the daemon dies: its start does not read it again.
sed -i 's/dport 22/dport 23/' "$WORK/ruleset.nft"
ctl reload --confirm 2 2>/dev/null
filter=$(status filter_pid)
shoot "$daemon"
wait_until 5 gone "$filter"
sleep 2
daemon_up
ok "what the file held is undone by a start behind its end" as_before
ok "and status says that it differs" test "$(status ruleset file_undone)" != null

# Connections that live through all of this.
kill $talk
ends_well
