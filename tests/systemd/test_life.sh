#!/bin/bash
# Under a conversation that must not end: reloads, deaths of filter and keeper, restart, stop.
. "$(dirname "$0")/lib.sh"
begin
sanitizers
net_up
before=$(state)
serve_in client server
install 1 >"$WORK/install" 2>&1 || die "$(cat "$WORK/install")"
configure <<-END
	[daemon]
	# However slow the machine is.
	max-wait = 20000
	[capture wg0]
	networks = 10.8.0.0/24 fd08::/64
END
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

# Packets in both directions through what comes now; then: how many of each were answered.
pings_up() {
	local to=$(sent client wg0) from=$(sent server eth0)
	in_client ping -n -q -c 200 -i 0.01 -W 20 $SERVER4 >"$WORK/to" 2>&1 &
	pings=$!
	in_server ping -n -q -c 200 -i 0.01 -W 20 $CLIENT4 >"$WORK/from" 2>&1 &
	pings+=" $!"
	wait_until 5 sent_is client wg0 $((to + 40))
	wait_until 5 sent_is server eth0 $((from + 40))
}
answered() {
	local pid
	for pid in $pings; do
		wait "$pid" || true
	done
	grep -Eq " ($1) received" "$WORK/to" && grep -Eq " ($1) received" "$WORK/from" ||
		{ cat "$WORK/to" "$WORK/from"; return 1; }
}
none_lost() { answered 200; }
# What was read and not yet written goes with the filter.
none_but_in_hand_lost() { answered '200|199'; }

keeper=$(keeper) filter=$(filter)
mark
pings_up
kill -KILL "$filter"
ok "the filter killed: another one filters" wait_until 10 other_than filter "$filter"
ok "no packet is lost but one in hand" none_but_in_hand_lost
ok "the keeper is the same" is MainPID "$keeper"
ok "the conversation goes on" talk_goes_on
ok "the journal says it" logged "process $filter, was killed by signal 9"
ok "systemctl status says it" wait_until 3 status_says "filter restarted 1 time"

mark
pings_up
kill -KILL "$keeper"
ok "the keeper killed: another one filters" wait_until 10 other_than keeper "$keeper"
ok "no packet is lost but one in hand" none_but_in_hand_lost
echo "     from its start until it filters: $(start_ms) ms"
ok "the conversation goes on" talk_goes_on
ok "systemd has started it once more" is NRestarts 1
ok "the TUNs are the same" test "$(cat /sys/class/net/wg0-in/ifindex)" = "$index"
ok "the journal says it" logged "Main process exited, code=killed, status=9/KILL" \
	"taking over 2 TUN queues" "flows go on"
all_open "killed and started"

keeper=$(keeper) filter=$(filter)
pings_up
kill -KILL "$filter" "$keeper"
ok "both killed: others filter" wait_until 10 other_than keeper "$keeper"
ok "no packet is lost but one in hand" none_but_in_hand_lost
ok "the conversation goes on" talk_goes_on
ok "the TUNs are the same" test "$(cat /sys/class/net/wg0-in/ifindex)" = "$index"

mark
pings_up
ok "a restart succeeds" systemctl restart ctfwd
ok "no packet is lost" none_lost
echo "     from its start until it filters: $(start_ms) ms"
ok "the conversation goes on" talk_goes_on
ok "the TUNs are the same" test "$(cat /sys/class/net/wg0-in/ifindex)" = "$index"
ok "the journal reads in order" logged "stopping for a restart; nothing passes meanwhile" \
	"taking over 2 TUN queues" "go on" "is filtering, with"

mark
bus=$(pgrep -x dbus-daemon)
kill -STOP $bus
{ sleep 0.6; kill -CONT $bus; } &
ok "a restart succeeds while D-Bus is slow to answer" systemctl restart ctfwd
ok "and is known to be one" logged "stopping for a restart; nothing passes meanwhile"
ok "the conversation goes on" talk_goes_on

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
