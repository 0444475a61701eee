#!/bin/bash
# Closed without a daemon: before it was started and before the interface is there, after a stop,
# and opened only where that was asked for.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
NAMESPACES="client client2 host server"
begin
client_up client2 wg1 1

configure <<-END
	[capture wg0]
	networks = 10.8.0.0/24 fd08::/64
	[capture wg1]
	networks = 10.8.1.0/24 fd08:0:0:1::/64
	fail-closed = no
END
rules_plain
guard() { in_host "$BUILD/ctfwd" -c "$WORK/ctfwd.conf" --guard; }
guard_off() { in_host "$BUILD/ctfwd" -c "$WORK/ctfwd.conf" --guard-off; }
marked() { in_host ip rule | grep -q '^139:.*nop' && in_host ip -6 rule | grep -q '^139:.*nop'; }
wg1_open() {
	ok "$1: wg1 is open" ping_in client2 $SERVER4
	ok "$1: wg1 is open to the host" ping_in client2 10.8.1.1
	ok "$1: wg1 is open from the server" ping_in server fd08:0:0:1::2
}

# Before the interface is there.
in_host ip link del wg0
before=$(state 2>/dev/null)
ok "guard has status 0" guard
ok "and leaves its mark" marked
once=$(state 2>/dev/null)
ok "again changes nothing" guard
ok "indeed" same "$once" "$(state 2>/dev/null)"
vpn_up
all_shut "guarded before it was there"
wg1_open "guarded"
ok "guarded: the host goes on" ping_in host $SERVER4

# A daemon filters, and closes when it stops.
daemon_up
all_open "filtering"
told() { [ "$(status steering guard)" = true ]; }
ok "status tells of the guard" wait_until 2 told
ends_well
all_shut "stopped, guarded"
wg1_open "stopped, guarded"
left() { tail -n 1 "$WORK/daemon.log" | grep -q "^ctfwd: what $1$"; }
ok "the log tells which is which" left "is not fail-closed = no stays closed by the guard"
ok "what is left is the guard's" same "$(in_host ip rule)" "$(printf '%s\n' \
	'0:	from all iif wg0 unreachable' '0:	from all lookup local' \
	'110:	from all iif wg0 unreachable' \
	'118:	from 0.0.0.0 to 10.8.0.0/24 iif lo lookup 110 suppress_ifgroup 51187' \
	'120:	from all to 10.8.0.0/24 lookup 77' '139:	from all nop' \
	'140:	from all nop' '32766:	from all lookup main' '32767:	from all lookup default')"

# Not one packet between stop and start.
rules <<-END
	table inet filter {
		chain forward { type filter hook forward priority 0; policy drop; }
		chain input { type filter hook input priority 0; policy drop; }
	}
END
daemon_up
streams=
for to in $SERVER4 $HOST4 $SERVER6 $HOST6; do
	ip netns exec "$PREFIX-client" ping -n -q -i 0.005 $to >"$WORK/stream-$to" 2>&1 &
	streams="$streams $!"
done
for _ in 1 2 3; do
	daemon_down
	daemon_up
done
kill -INT $streams
wait $streams
for to in $SERVER4 $HOST4 $SERVER6 $HOST6; do
	ok "three restarts: nothing to $to" \
		grep -q '^[0-9][0-9][0-9]* packets transmitted, 0 received' "$WORK/stream-$to"
done
rules_plain
ctl reload

# Another place and another table for all of it.
daemon_down
cat >>"$WORK/ctfwd.conf" <<-END
	[steer]
	table = 1000
	priority = 5000
END
daemon_up
all_open "another [steer] section"
ok "nothing of the former is left" test "$(in_host ip rule | grep -c '^1[0-4][0-9]:')" = 0
ok "nor in its table" test -z "$(in_host ip route show table 77)$(in_host ip -6 route show table 77)"
moved() { in_host ip rule | grep -q '^5039:.*nop' && in_host ip -6 rule | grep -q '^5039:.*nop'; }
ok "the guard's mark has moved" moved
not_ok "nothing counts as deleted by others" grep -q "others deleted" "$WORK/daemon.log"
daemon_down
all_shut "stopped, guarded at another place"
sed -i '/^\[steer\]/,$d' "$WORK/ctfwd.conf"
ok "guard moves back" guard
ok "with its mark" marked
ok "and leaves nothing there" test "$(in_host ip rule | grep -c '^50[0-4][0-9]:')" = 0
all_shut "guarded at its place again"
daemon_up

# The guard ends while the daemon runs, and begins again.
ok "guard off while a daemon runs" guard_off
not_ok "takes the mark away" marked
all_open "the daemon goes on"
ok "guard while a daemon runs" guard
ok "sets the mark" marked
not_ok "nothing counts as deleted by others" grep -q "others deleted" "$WORK/daemon.log"
ends_well
all_shut "guarded while it ran, and stopped"
cp "$WORK/ctfwd.conf" "$WORK/both.conf"
sed -i '/^networks = 10.8.0/a fail-closed = no' "$WORK/ctfwd.conf"
ok "guard where all is exempt" guard
daemon_up
ends_well
ok "stopped then: the log tells that all passes" left "was captured passes unfiltered"
all_open "exempt"
mv "$WORK/both.conf" "$WORK/ctfwd.conf"
ok "guard anew" guard
all_shut "guarded anew"
ok "guard off has status 0" guard_off
all_open "guard off"
in_host ip link del wg0
ok "and leaves the host as it was" same "$before" "$(state 2>/dev/null)"
vpn_up
before=$(state 2>/dev/null)

# Killed: what is to be open opens, the rest stays shut.
daemon_up
ok "wg1 is filtered" wait_until 2 ping_in client2 $SERVER4
says "wg1 is filtered: port 80" silent traffic_in client2 tcp $SERVER4 80 --timeout 0.4
filter=$(status filter_pid)
disown $daemon
kill -9 $daemon $filter
wait_until 5 gone $daemon
ok "killed: wg1 opens" wait_until 5 ping_in client2 $SERVER4
wg1_open "killed"
all_shut "killed"
ok "killed: nobody is left" wait_until 2 sh -c "! ip netns pids $PREFIX-host | xargs -r ps -o comm= -p | grep ctfwd"
daemon_up
all_open "and started again"
ok "wg1 is filtered again" wait_until 2 ping_in client2 $SERVER4
says "wg1 is filtered again: port 80" silent traffic_in client2 tcp $SERVER4 80 --timeout 0.4
disown $daemon
kill -9 $daemon
daemon_up
ok "killed, and started at once: nobody opens" \
	wait_until 5 grep -q "^ctfwd: another ctfwd runs" "$WORK/daemon.log"
says "wg1 is filtered all the same: port 80" silent traffic_in client2 tcp $SERVER4 80 --timeout 0.4
daemon_stuck
ok "it cannot go on: wg1 opens" wait_until 5 ping_in client2 $SERVER4
all_shut "it cannot go on"
daemon_up
all_open "and started once more"
ends_well
ok "an orderly stop leaves the host as it was" same "$before" "$(state 2>/dev/null)"

# Where addresses are resolved, the opener takes the filters, and what stays closes the host.
in_host ip link del wg0
ip -n "$PREFIX-host" link add wg0 type veth peer name wg0 netns "$PREFIX-client"
in_host sysctl -qw net.ipv4.conf.wg0.rp_filter=0
for ns in host client; do
	ip -n "$PREFIX-$ns" link set wg0 up
done
in_host ip addr add $HOST4/24 dev wg0
ip -n "$PREFIX-client" addr add $CLIENT4/24 dev wg0
echos() { in_host nstat -asz IcmpInEchos | awk '/IcmpInEchos/ { print $2 }'; }
hears_nothing() {
	local heard
	heard=$(echos)
	shut client $HOST4 && [ "$heard" = "$(echos)" ]
}
daemon_up
ok "with ARP: the host is open" wait_until 2 ping_in client $HOST4
crash
ok "killed: wg1 opens" wait_until 5 ping_in client2 $SERVER4
ok "killed: with ARP, the host hears nothing" hears_nothing
in_host ip link del wg0
vpn_up
daemon_up
ends_well

# Others' table is left alone.
in_host ip route add 192.0.2.0/24 dev eth0 table 77
not_ok "a table that is in use is refused" guard
says "and named" "routing table 77 is in use" guard
in_host ip route del 192.0.2.0/24 dev eth0 table 77

# A configuration that cannot be read.
mkdir "$WORK/state"
guard_of() { in_host env STATE_DIRECTORY="$WORK/state" "$BUILD/ctfwd" -c "$WORK/$1" --guard 2>&1; }
open_last() { in_host env STATE_DIRECTORY="$WORK/state" "$BUILD/ctfwd" --open 2>&1; }
ok "where nothing was in force, to open is no failure" open_last
says "which is said" "ctfwd: it is not known what was in force last" open_last
says "nor where to look for that, by hand" "ctfwd: STATE_DIRECTORY does not say" \
	in_host env -u STATE_DIRECTORY "$BUILD/ctfwd" --open
refused() { in_host "$BUILD/ctfwd" "$@" && echo done; }
says "to test and to open at once" "ctfwd: --test and --open: one at a time." refused -t --open
says "to close and to open at once" "ctfwd: --guard-off and --guard: one at a time." \
	refused --guard-off --guard -c "$WORK/ctfwd.conf"
says "to open by a file" "ctfwd: --open takes the configuration that was in force last" \
	refused -c "$WORK/ctfwd.conf" --open
says "without a configuration it cannot close" 1 sh -c \
	"STATE_DIRECTORY='$WORK/state' '$BUILD/ctfwd' -c '$WORK/none.conf' --guard 2>/dev/null; echo \$?"
says "and says so" "$WORK/none.conf: No such file or directory
ctfwd: nor is there one that was in force last: nothing is closed" guard_of none.conf
echo "[nonsense" >"$WORK/state/ctfwd.conf"
says "a copy of what was in force that is wrong is told as well" "$WORK/none.conf: No such file or directory
$WORK/state/ctfwd.conf:1:1: " guard_of none.conf
cp "$WORK/ctfwd.conf" "$WORK/state"
ok "one that is right is taken" guard_of none.conf
all_shut "by the copy"
