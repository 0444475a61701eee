#!/bin/bash
# The daemon is killed: nothing passes, in no direction, and the host's other traffic does.
# Started again it goes on where it was.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

configure_wg0
rules_plain
serve_in client host server
before=$(state)
daemon_up
all_open "filtering"
talk_up client $SERVER4 --rounds 100000 --pause 0.01

filter=$(status filter_pid)
shoot $daemon
ok "the filter dies with its keeper" wait_until 5 gone "$filter"
all_shut "killed"
ok "killed: host to server goes on" ping_in host $SERVER4
ok "killed: host to server goes on, IPv6" ping_in host $SERVER6
ok "killed: server to host goes on" ping_in server $HOSTNET4
ok "killed: host to itself goes on" ping_in host $HOST6
says "killed: ssh to the host from outside goes on" open traffic_in server tcp $HOSTNET4 22
says "ctfwctl says that nobody is there" ctfwctl: ctl status

daemon_up
all_open "started again"
ok "started again: the conversation goes on" talk_goes_on
ok "flows were kept" test "$(status flows recovery kept)" -ge 1
ok "status says that the ruleset file was not read" test "$(status ruleset loaded)" = null
filter=$(status filter_pid)
kill -KILL "$filter"
another() { [ "$(status filter_pid)" != "$filter" ] && filtering; }
ok "another filter" wait_until 10 another
ok "says so too" test "$(status ruleset loaded)" = null

# What it cannot go on after is a death, too.
daemon_stuck
ok "a keeper that cannot go on ends with status 1" test $? = 1
ok "and says why" grep -q 'poll: Invalid argument' "$WORK/daemon.log"
all_shut "it could not go on"

daemon_up
all_open "started once more"
ok "started once more: the conversation goes on" talk_goes_on
kill $talk
ends_well
ok "and leaves the host as it was" same "$before" "$(state)"
