#!/bin/bash
# Under a conversation that must not end: reloads, deaths of filter and keeper, restart, stop.
. "$(dirname "$0")/lib.sh"
begin
sanitizers
net_up
before=$(state)
serve_in client server
install 1 >"$WORK/install" 2>&1 || die "$(cat "$WORK/install")"
configure_wg0
rules_plain

mark
ok "it starts with a configuration" systemctl restart ctfwd
echo "     from its start until it filters: $(start_ms) ms"
ok "and filters" filtering
ok "the journal says so" logged "is filtering, with"
ok "systemctl status too" wait_until 3 status_says "Filtering wg0"
all_open "started"
talk_up client $SERVER4 --rounds 100000 --pause 0.01
index=$(cat /sys/class/net/wg0-in/ifindex)
ok "systemd keeps the queues" test "$(property NFileDescriptorStore)" = 2

# ---- reload ----

mark
ok "a reload succeeds" systemctl reload ctfwd
ok "the journal says so" logged "reloaded /etc/ctfw/ctfwd.conf and /etc/ctfw/ruleset.nft"
echo "table inet filter { chain input { tcp dport ssh acept } }" >>/etc/ctfw/ruleset.nft
mark
not_ok "a reload of a bad file fails" systemctl reload ctfwd
ok "the journal says why" logged "reload failed, everything stays as it was" \
	'/etc/ctfw/ruleset.nft:21:49: ' '^^^^^'
ok "the unit is active all the same" is ActiveState active
ok "systemctl status says that it failed" wait_until 3 status_says "the last reload failed"
ok "the rules are the old ones" test "$(ctl list ruleset | grep -c accept)" = 9
ok "the conversation goes on" talk_goes_on
rules_plain
ok "a good file is loaded again" systemctl reload ctfwd

# ---- deaths ----

keeper=$(keeper) filter=$(filter)
mark
kill -KILL "$filter"
ok "the filter killed: another one filters" wait_until 10 other_than filter "$filter"
ok "the keeper is the same" is MainPID "$keeper"
ok "the conversation goes on" talk_goes_on
ok "the journal says it" logged "process $filter, was killed by signal 9"
ok "systemctl status says it" wait_until 3 status_says "filter restarted 1 time"

mark
kill -KILL "$keeper"
ok "the keeper killed: another one filters" wait_until 10 other_than keeper "$keeper"
echo "     from its start until it filters: $(start_ms) ms"
ok "the conversation goes on" talk_goes_on
ok "systemd has started it once more" is NRestarts 1
ok "the TUNs are the same" test "$(cat /sys/class/net/wg0-in/ifindex)" = "$index"
ok "the journal says it" logged "Main process exited, code=killed, status=9/KILL" \
	"taking over 2 TUN queues" "flows go on"
all_open "killed and started"

keeper=$(keeper) filter=$(filter)
kill -KILL "$filter" "$keeper"
ok "both killed: others filter" wait_until 10 other_than keeper "$keeper"
ok "the conversation goes on" talk_goes_on
ok "the TUNs are the same" test "$(cat /sys/class/net/wg0-in/ifindex)" = "$index"

mark
ok "a restart succeeds" systemctl restart ctfwd
echo "     from its start until it filters: $(start_ms) ms"
ok "the conversation goes on" talk_goes_on
ok "the TUNs are the same" test "$(cat /sys/class/net/wg0-in/ifindex)" = "$index"
ok "the journal reads in order" logged "stopping for a restart; nothing passes meanwhile" \
	"taking over 2 TUN queues" "go on" "is filtering, with"

# ---- a start that fails ----

echo "table inet filter { chain input { tcp dport ssh acept } }" >>/etc/ctfw/ruleset.nft
mark
not_ok "a restart with a bad file fails" systemctl restart ctfwd
ok "the journal says why" logged "/etc/ctfw/ruleset.nft:21:49: "
ok "it is not tried again" is ActiveState failed
ok "nothing passes" shut client $SERVER4
rules_plain
ok "with a good one it starts" systemctl start ctfwd
ok "the conversation goes on" talk_goes_on

# ---- stop ----

mark
ok "it stops" systemctl stop ctfwd
ok "well" is Result success
ok "systemctl status says what it means" is StatusText \
	"Stopped, what was captured stays closed by the guard"
ok "nothing passes" shut client $SERVER4
ok "the guard stops" systemctl stop ctfw-guard
ok "and nothing is left of either" same "$before" "$(state)"
ok "the arena waits for the next one" test -s /run/ctfw/ctfwd.arena
ok "it starts again" systemctl start ctfwd
all_open "started again"
ok "without the guard it stops" systemctl stop ctfwd
ok "systemctl status says what that means" is StatusText \
	"Stopped, what was captured passes unfiltered"
ok "and so it is" ping_in client $SERVER4
kill $talk
