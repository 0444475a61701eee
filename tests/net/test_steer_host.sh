#!/bin/bash
# Steering on hosts that are not like the first: several captures, others' filters, rp_filter,
# ARP, and starts that are refused and leave nothing behind.
. "$(dirname "$0")/lib.sh"
. "$HERE/steering.sh"
NAMESPACES="client client2 host server"
begin

plain() {
	cat >"$WORK/conf" <<-END
		[capture wg0]
		networks = 10.8.0.0/24 fd08::/64
	END
}
# refused SENTENCE WORDS-OF-THE-MESSAGE [COMMAND...]: and the host is as it was.
refused() {
	local what=$1 words=$2 before after said
	shift 2
	before=$(state)
	said=$(refusal "$@")
	after=$(state)
	says "$what" "$words" echo "$said"
	ok "and changes nothing" same "$before" "$after"
}

# ---- refusals ----

plain
in_host sysctl -qw net.ipv4.conf.all.rp_filter=1
refused "strict rp_filter of all is refused" "net.ipv4.conf.all.rp_filter is 1"
in_host sysctl -qw net.ipv4.conf.all.rp_filter=0
in_host ip route add 192.0.2.0/24 dev eth0 table 77
refused "a table that is in use is refused" "routing table 77 is in use: it has a route to 192.0.2.0/24"
in_host ip route del 192.0.2.0/24 dev eth0 table 77
in_host ip tuntap add wg0-in mode tun
in_host ip tuntap add wg0-out mode tun
refused "no permission is said" "cannot set up the TUN wg0-in: Operation not permitted" \
	setpriv --bounding-set -all --inh-caps -all
in_host ip link del wg0-in
in_host ip link del wg0-out

# ---- several captures ----

client_up client2 office.vpn.eth1 2
ip -n "$PREFIX-client" route add 10.8.2.0/24 dev wg0
cat >"$WORK/conf" <<-END
	[capture wg0]
	networks = 10.8.0.0/24 fd08::/64
	[capture office.vpn.eth1]
	networks = 10.8.2.0/24 fd08:0:0:2::/64
	in-name = office-in
	out-name = office-out
END
before=$(state)
STILL=1 reflector_up
ok "two captures: the first's forward" through 1 1 client $SERVER4
ok "two captures: the second's forward" through 1 1 client2 $SERVER4 office
ok "two captures: the second's forward, IPv6" through 1 1 client2 $SERVER6 office
ok "two captures: the second's input" through 1 1 client2 10.8.2.1 office
ok "two captures: the second's output" through 1 1 host fd08:0:0:2::2 office
ok "from one to the other is seen by the first port that it meets" through 1 0 client 10.8.2.2
ok "and so is the answer" test "$(passed office-in)" = 1
in_host ip link set wg0-out down
ok "a port that is down sends nothing to the other's" shut server $CLIENT4
ok "the other goes on" through 1 1 server 10.8.2.2 office
reflector_down
ok "two captures: all of it goes" same "$before" "$(state)"

# Killed, then started with less to do: what is captured no more is free again.
reflector_up
shoot $reflector
ok "killed: the second is shut" shut client2 10.8.2.1
plain
sed -i 's,10.8.0.0/24,10.8.0.0/16,' "$WORK/conf"
reflector_up
ok "captured no more: forward is open" ping_in client2 $SERVER4
ok "captured no more: input is open" ping_in client2 10.8.2.1
ok "captured no more: its network is part of the first's" through 1 1 client $SERVER4
ok "captured no more: no hole in the first's" \
	test "$(in_host ip route show table 77 | grep -c unreachable)" = 2
shoot $reflector
printf '[tun fw0]\n' >"$WORK/conf"
reflector_up
ok "nothing is captured: all is open" ping_in client $SERVER6
reflector_down
ok "nothing is captured: nothing is left" same "$before" "$(state)"

# ---- neighbours ----

plain
in_host tc qdisc add dev wg0 clsact
in_host tc filter add dev wg0 ingress pref 2 protocol ip u32 match ip protocol 47 0xff action mirred egress redirect dev lo
in_host tc filter add dev wg0 egress pref 1 protocol ip u32 match ip protocol 47 0xff flowid 1:1
before=$(state)
reflector_up
ok "filters of others stay, and ours follow" through 1 1 client $SERVER4
ok "and take preferences that are free" sh -c \
	"ip netns exec $PREFIX-host tc filter show dev wg0 ingress | grep -q 'pref 6 .*c7f'"
reflector_down
ok "and are there afterwards" same "$before" "$(state)"
in_host tc qdisc del dev wg0 clsact
in_host tc qdisc add dev wg0 ingress
reflector_up
ok "an ingress qdisc of others does as well" through 1 1 client $HOST6
reflector_down
ok "and stays" sh -c "ip netns exec $PREFIX-host tc qdisc show dev wg0 | grep -q ingress"
in_host tc qdisc del dev wg0 ingress

# IPv6 switched off, as many do; its networks are not named then.
in_host sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
sed -i 's/ fd08::.*//' "$WORK/conf"
reflector_up
ok "without IPv6: forward" through 1 1 client $SERVER4
ok "without IPv6: input" through 1 1 client $HOST4
reflector_down
in_host sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0
in_host sysctl -qw net.ipv6.conf.wg0.disable_ipv6=0
in_host ip addr add $HOST6/64 dev wg0
in_host ip addr add $HOSTNET6/64 dev eth0
plain

# Others may have moved the local rule (Cilium to 100).
for f in -4 -6; do
	in_host ip $f rule add pref 90 lookup local
	in_host ip $f rule del pref 0 lookup local
done
before=$(state)
reflector_up
ok "a local rule that others moved: input" through 1 1 client $HOST4
ok "a local rule that others moved: host to itself" ping_in host $HOST6
reflector_down
ok "is where they moved it" same "$before" "$(state)"
for f in -4 -6; do
	in_host ip $f rule add pref 0 lookup local
	in_host ip $f rule del pref 90 lookup local
done

cat >>"$WORK/conf" <<-END
	[steer]
	protocol = 199
	table = 1000
	priority = 5000
END
before=$(state)
reflector_up
ok "another table, priority and protocol" through 1 1 client $SERVER6
ok "all rules carry the protocol" test "$(in_host ip -d rule | grep -c 'proto 199')" = 7
shoot $reflector
sed -i 's/5000/6000/; s/1000/2000/' "$WORK/conf"
reflector_up
ok "rules of a former configuration go" test "$(in_host ip rule | grep -c '^50')" = 0
reflector_down

# ---- a captured interface with ARP ----

plain
ip -n "$PREFIX-client" link del wg0
ip -n "$PREFIX-client" link add wg0 type veth peer name wg0 netns "$PREFIX-host"
for ns in client host; do
	ip -n "$PREFIX-$ns" link set wg0 up
done
ip -n "$PREFIX-client" addr add $CLIENT4/24 dev wg0
ip -n "$PREFIX-client" addr add $CLIENT6/64 dev wg0
ip -n "$PREFIX-host" addr add $HOST4/24 dev wg0
ip -n "$PREFIX-host" addr add $HOST6/64 dev wg0
ip -n "$PREFIX-client" route add default via $HOST4
ip -n "$PREFIX-client" -6 route add default via $HOST6
reflector_up
ok "with ARP: forward" through 1 1 client $SERVER4
ok "with ARP: input" through 1 1 client $HOST4
ok "with ARP: output" through 1 1 host $CLIENT4
ok "with neighbour discovery: forward" through 1 1 client $SERVER6
ok "with neighbour discovery: input" through 1 1 client $HOST6
ok "with neighbour discovery: output" through 1 1 host $CLIENT6
shoot $reflector
ok "killed: with ARP, forward is shut" shut client $SERVER4
ok "killed: with ARP, input is shut" shut client $HOST4
