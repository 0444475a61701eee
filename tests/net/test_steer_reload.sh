#!/bin/bash
# What is captured changes by a reload: sections come and go, networks and MTU change, while a
# conversation of another interface goes on.  And a TUN that others deleted is made anew.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
NAMESPACES="client client2 host server"
begin
client_up client2 wg1 1

section0="[capture wg0]
networks = 10.8.0.0/24 fd08::/64"
section1="[capture wg1]
networks = 10.8.1.0/24 fd08:0:0:1::/64
in-name = office-in
out-name = office-out"
captures() { configure <<<"$1"; }
captures "$section0"
rules_plain
serve_in client client2 host server
before=$(state)
daemon_up
talk_up client $SERVER4 --rounds 100000 --pause 0.005
flow=$(ctl conntrack -L -p tcp --state ESTABLISHED -o id 2>/dev/null)
pids() { echo "$(status keeper_pid) $(status filter_pid)"; }
names() { status captures | grep -o '"interface": "[^"]*"' | cut -d'"' -f4 | tr '\n' ' '; }
captured() { [ "$(names)" = "$1 " ] && filtering; }
link() { ip -n "$PREFIX-host" link show "$1"; }

# One more, by SIGHUP.
ok "wg1 is not filtered yet" ping_in client2 $SERVER4
says "port 80 of it is open" open traffic_in client2 tcp $SERVER4 80
keeper=$(status keeper_pid)
captures "$section0
$section1"
kill -HUP $daemon
ok "SIGHUP adds a capture" wait_until 3 captured "wg0 wg1"
ok "the keeper is the same" test "$(status keeper_pid)" = $keeper
ok "the filter is not counted as dead" test "$(status restarts)" = 0
not_ok "nor told to be" grep -q 'killed by\|ended with' "$WORK/daemon.log"
for t in "client2 $SERVER4" "client2 fd08:0:0:1::1" "server 10.8.1.2" "host 10.8.1.2" "client $SERVER6"; do
	ok "added: ${t/ / to }" ping_in $t
done
says "added: port 80 is shut" silent traffic_in client2 tcp $SERVER4 80 --timeout 0.4
says "added: to the host, too" silent traffic_in client2 tcp 10.8.1.1 80 --timeout 0.4
ok "added: the conversation goes on" talk_goes_on
ok "added: nothing counts as deleted by others" test "$(status steering restored rule)" = 0

# Its networks and MTU, by ctfwctl.
captures "$section0
${section1/10.8.1.0\/24/10.8.0.0/16}
mtu = 1300"
ok "ctfwctl reload changes networks and MTU" ctl reload
mtu() { link office-in | grep -q "mtu $1"; }
ok "the MTU is the new one" wait_until 2 mtu 1300
ok "the networks are" wait_until 2 sh -c "ip -n $PREFIX-host rule | grep -q '10.8.0.0/16 lookup 77'"
not_ok "and no longer the old ones" sh -c "ip -n $PREFIX-host rule | grep -q '10.8.1.0/24 lookup'"
ok "status has them" wait_until 3 ctl_says '10.8.0.0/16' status
ok "traffic goes through" wait_until 2 ping_in client2 $SERVER4
ok "the conversation goes on" talk_goes_on

# What cannot be: nothing changes.
once=$(state)
config=$(cat "$WORK/ctfwd.conf")
in_host ip link add taken type veth peer name taken2
captures "$section0
$section1
[capture wg2]
networks = 10.9.0.0/24
in-name = taken"
not_ok "a name in use fails the reload" ctl reload
says "and is told" "the name taken is in use by another interface" ctl reload
in_host ip link del taken
ok "and changes nothing" same "$once" "$(state)"
captures "$section0
[capture wg2]
networks = 10.9.0.0/24
in-name = office-in
out-name = office-out"
not_ok "another's TUN fails the reload" ctl reload
says "and is told" "the TUN office-in is for what enters wg1 now" ctl reload
ok "and changes nothing" same "$once" "$(state)"
captures "$section0
[capture wg1]
networks = 10.8.1.0/24 fd08:0:0:1::/64
in-name = office-out
out-name = office-in"
not_ok "so does the other direction's" ctl reload
says "and is told, too" "the TUN office-out is for what goes to wg1 now" ctl reload
ok "and changes nothing" same "$once" "$(state)"
captures "$section0"
echo 'table inet x { chain y { nonsense } }' >>"$WORK/ruleset.nft"
not_ok "wrong rules fail it, too" ctl reload
ok "and nothing is captured less" same "$once" "$(state)"
ok "status has both" captured "wg0 wg1"
rules_plain
ok "the conversation goes on" talk_goes_on

# One less.
ok "a reload takes a capture away" ctl reload
ok "status has one" wait_until 3 captured "wg0"
ok "what is captured no more is free" wait_until 2 ping_in client2 $SERVER4
says "port 80 of it is open" open traffic_in client2 tcp $SERVER4 80
not_ok "its TUNs are gone" link office-in
ok "its qdisc is gone" sh -c "! ip netns exec $PREFIX-host tc qdisc show dev wg1 | grep clsact"
ok "the conversation goes on" talk_goes_on

# The first of two goes, whose default route has the metric that the other one's has then.
captures "$section0
[capture wg1]
networks = 0.0.0.0/0 ::/0"
ok "everything may be behind one" ctl reload
ok "two defaults" wait_until 2 ping_in client2 $SERVER4
captures "[capture wg1]
networks = 0.0.0.0/0 ::/0"
ok "the other one goes" ctl reload
ok "what is for the one goes on" wait_until 2 ping_in server 10.8.1.2
ok "and back" wait_until 2 ping_in client2 $SERVER4
not_ok "nobody's table is taken for others'" grep -q 'routing table .* in use' "$WORK/daemon.log"
captures "$section0"
ok "the same as before" ctl reload
ok "by one filter" wait_until 3 captured "wg0"

# Many, under load.
there_and_back() {
	local i
	for i in $(seq 6); do
		captures "$section0
$section1"
		ctl reload || return
		captures "$section0"
		ctl reload || return
	done
}
ok "six times there and back, without a pause" there_and_back
# So do others meanwhile, and each of them is told how his went.
again_and_again() {
	local i
	for i in $(seq 15); do
		ctl reload || return
	done
}
several() {
	local i pid pids status=0
	for i in 1 2 3; do
		again_and_again &
		pids+=" $!"
	done
	for i in $(seq 20); do
		kill -HUP $daemon
		sleep 0.1
	done &
	pids+=" $!"
	there_and_back || status=1
	for pid in $pids; do
		wait "$pid" || status=1
	done
	return $status
}
ok "and while others reload as well, all at once" several
ok "one is left" wait_until 3 captured "wg0"
ok "the conversation goes on" talk_goes_on
ok "its flow is the same all the while" same "${flow##*id=}" \
	"$(ctl conntrack -L -p tcp --state ESTABLISHED -o id 2>/dev/null | sed 's/.*id=//')"

not_ok "nothing of that counts as deleted by others" grep -q 'others deleted' "$WORK/daemon.log"

# A TUN that others delete.
in_host ip link del wg0-out
made_anew() { link wg0-out && ping_in client $SERVER4; }
ok "a TUN that others deleted is made anew" wait_until 3 made_anew
counted() { [ "$(status steering restored tun)" = 1 ]; }
ok "and counted" wait_until 2 counted
ok "the log tells" grep -q 'others deleted a TUN; it is made anew' "$WORK/daemon.log"
in_host ip link del wg0-in
ok "the other one, too" wait_until 3 sh -c "ip -n $PREFIX-host link show wg0-in"
ok "all is well then" wait_until 2 filtering
ok "the conversation goes on" talk_goes_on

kill $talk
ends_well
ok "and leaves the host as it was" same "$before" "$(state)"
