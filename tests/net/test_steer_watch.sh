#!/bin/bash
# What others delete is put back within a second and counted, and who deletes in a loop does not
# keep the daemon busy.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

configure_wg0
rules_plain
serve_in client host server
daemon_up
restored() { status steering restored "$1"; }
is_restored() { [ "$(restored "$1")" = "$2" ]; }
# back SENTENCE KIND COMMAND...: what it deletes is put back, and counted as of that kind.
back() {
	local what=$1 kind=$2 before count start took
	shift 2
	before=$(state | sed 's/\(fh\|ht\) 8[0-9a-f][0-9a-f]/\1 800/g; /index/d')
	count=$(restored $kind)
	in_host "$@" || echo "cannot: $*"
	start=${EPOCHREALTIME/[.,]/}
	wait_until 3 as_before "$before"
	took=$((${EPOCHREALTIME/[.,]/} - start))
	ok "$what is put back" as_before "$before"
	ok "within a second ($((took / 1000)) ms)" test $took -lt 1000000
	ok "and counted" wait_until 1 counted $kind $count
}
counted() { [ "$(restored $1)" -gt "$2" ]; }
as_before() {
	same "$1" "$(state | sed 's/\(fh\|ht\) 8[0-9a-f][0-9a-f]/\1 800/g; /index/d')"
}

back "the rule that closes" rule ip rule del pref 110 iif wg0
back "the rule that closes the host" rule ip rule del pref 0 iif wg0
back "a rule of IPv6" rule ip -6 rule del pref 120
back "where rules go to" rule ip rule del pref 140
back "all rules at once" rule sh -c 'ip rule flush; ip rule add pref 32766 lookup main
	ip rule add pref 32767 lookup default'
back "the order of the local rule" local sh -c 'ip rule del pref 0 iif wg0;
	ip rule add pref 0 iif wg0 unreachable protocol kernel'
back "a route" route ip route del default dev wg0-out table 77
back "an unreachable route" route ip -6 route del unreachable fd08::/64 table 77
back "the table" route ip route flush table 77
back "a filter" filter tc filter del dev wg0 ingress pref 3
back "the qdisc" qdisc tc qdisc del dev wg0 clsact
back "a port that is taken down" link ip link set wg0-out down
for t in "client $SERVER4" "client $HOST6" "server $CLIENT6" "host $CLIENT4"; do
	ok "all the same: ${t/ / to }" ping_in $t
done
ok "nobody has put back addresses" is_restored address 0
ok "the log tells" grep -q 'others deleted what leads traffic here' "$WORK/daemon.log"
ok "and not each time" test "$(grep -c 'others deleted' "$WORK/daemon.log")" -le 3
ok "status tells" ctl_says 'Put back .*rule' status

# A setting that no event tells of.
in_host sysctl -qw net.ipv4.conf.wg0-in.accept_local=0
ok "a sysctl is put back in time" wait_until 12 sh -c \
	"[ \$(ip netns exec $PREFIX-host sysctl -n net.ipv4.conf.wg0-in.accept_local) = 1 ]"

in_host sysctl -qw net.ipv4.conf.wg0-in.rp_filter=1
ok "rp_filter at once" wait_until 1 sh -c \
	"[ \$(ip netns exec $PREFIX-host sysctl -n net.ipv4.conf.wg0-in.rp_filter) = 0 ]"
in_host sysctl -qw net.ipv4.conf.all.rp_filter=1
ok "what must be set back by others is told" wait_until 2 \
	grep -q 'all.rp_filter was set to 1' "$WORK/daemon.log"
strict() { [ "$(status steering rp_filter)" = "$1" ]; }
ok "status tells, too" wait_until 2 strict true
in_host sysctl -qw net.ipv4.conf.all.rp_filter=0
ok "and no longer" wait_until 2 strict false

# The host's address in the network, and the MTU.
in_host ip address add 10.8.0.9/24 dev wg0
in_host ip address del $HOST4/24 dev wg0
speaks() { in_host ip route show table 77 10.8.0.0/24 | grep -q "src $1"; }
wait_until 2 speaks 10.8.0.9
in_host ip address add 10.8.0.9/24 dev wg0 2>/dev/null
ok "the host speaks with its new address" wait_until 2 speaks 10.8.0.9
ok "and is heard" ping_in host $CLIENT4
in_host ip address add $HOST4/24 dev wg0
in_host ip address del 10.8.0.9/24 dev wg0
in_host ip address add $HOST4/24 dev wg0 2>/dev/null
ok "and with the old one again" wait_until 2 speaks $HOST4
in_host ip link set wg0 mtu 1380
mtu() { in_host ip link show "$1" | grep -q "mtu $2"; }
ok "the ports follow the MTU: in" wait_until 2 mtu wg0-in 1380
ok "the ports follow the MTU: out" wait_until 2 mtu wg0-out 1380

# Somebody deletes as fast as he can.
ticks() { awk '{ print $14 + $15 }' "/proc/$daemon/stat"; }
before=$(ticks)
in_host timeout 4 sh -c 'while :; do ip rule del pref 110; tc qdisc del dev wg0 clsact; done 2>/dev/null'
took=$(($(ticks) - before))
ok "a loop of deleting costs little ($took ticks in 4 s)" test $took -lt 100
there() { in_host ip rule | grep -q '^110:.*unreachable' && in_host tc filter show dev wg0 ingress | grep -q wg0-in; }
ok "and all is back within a second" wait_until 1 there
ok "traffic flows" ping_in client $SERVER4

# More is told than the daemon's socket holds, and the end of it is lost.
kill -STOP $daemon
for i in $(seq 4000); do
	echo "rule add pref 20000 to 192.0.2.$((i % 250)) lookup 4242"
	echo "rule del pref 20000"
done >"$WORK/batch"
in_host ip -batch "$WORK/batch"
in_host ip rule del pref 110
kill -CONT $daemon
ok "after an overrun it is all back within a second" wait_until 1 there
ends_well
