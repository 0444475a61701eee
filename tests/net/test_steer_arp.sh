#!/bin/bash
# A captured interface that speaks ARP, as OpenVPN's tap: whoever asks for the host's address is
# answered while it is led through the daemon, and it is as closed as any other when not.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
NAMESPACES="client client2 host server"
HOSTMAC=02:00:00:00:00:01 CLIENTMAC=02:00:00:00:00:02

# tap_up NAMESPACE INTERFACE N: as client_up, but with ARP.
tap_up() {
	local client=$PREFIX-$1 dev=$2 v4=10.8.$3 v6=fd08:0:0:$3:
	ip -n "$PREFIX-host" link add "$dev" address $HOSTMAC type veth \
		peer name wg0 address $CLIENTMAC netns "$client"
	ip -n "$client" link set wg0 up
	ip -n "$PREFIX-host" link set "$dev" up
	ip -n "$client" addr add "$v4.2/24" dev wg0
	ip -n "$client" addr add "$v6:2/64" dev wg0
	ip -n "$PREFIX-host" addr add "$v4.1/24" dev "$dev"
	ip -n "$PREFIX-host" addr add "$v6:1/64" dev "$dev"
	ip -n "$client" route add default via "$v4.1"
	ip -n "$client" -6 route add default via "$v6:1"
}
vpn_up() { tap_up client wg0 0; }
vpn_down() { in_host ip link del wg0; }
begin
# Else it drops what comes from networks that are closed, and a leak is not seen.
in_host sysctl -qw net.ipv4.conf.default.rp_filter=0
vpn_down
vpn_up
client_up client2 wg1 1
ip -n "$PREFIX-host" link del wg1
tap_up client2 wg1 1

# How many of each kind arrive from the clients: TCP, UDP, ping, over IPv4 and over IPv6.
counters_up() {
	ip netns exec "$PREFIX-$1" nft -f - <<-END
		table inet seen {
			chain in {
				type filter hook input priority -10
				ip saddr 10.8.0.0/16 meta l4proto tcp counter
				ip saddr 10.8.0.0/16 meta l4proto udp counter
				ip saddr 10.8.0.0/16 meta l4proto icmp counter
				ip6 saddr fd08::/32 meta l4proto tcp counter
				ip6 saddr fd08::/32 meta l4proto udp counter
				ip6 saddr fd08::/32 icmpv6 type echo-request counter
			}
		}
	END
}
counted() {
	ip netns exec "$PREFIX-$1" nft list table inet seen |
		awk '/counter/ { for (i = 1; i < NF; i++) if ($i == "packets") print $(i + 1) }'
}
count_anew() {
	in_host nft flush table inet seen
	in_server nft flush table inet seen
	counters_up host
	counters_up server
}
all_six_count() { ! counted "$1" | grep -qx 0; }
nothing_arrives() {
	says "$1: nothing arrives in the host" "$(printf '0\n0\n0\n0\n0\n0')" counted host
	says "$1: nothing arrives at the server" "$(printf '0\n0\n0\n0\n0\n0')" counted server
}
sender_up() {
	local ns=$PREFIX-$1
	shift
	ip netns exec "$ns" "$HERE/frames.py" wg0 $CLIENTMAC $HOSTMAC "$@" >"$WORK/sent" &
	sender=$!
}
# The same with a VLAN tag that is of priority alone, and is passed over: of two kinds, and twice.
TAGS="81002000 88a80000 8100000081000000"
tagged_up() {
	local tag ns=$PREFIX-$1
	shift
	tagged=
	for tag in $TAGS; do
		ip netns exec "$ns" "$HERE/frames.py" --tag $tag wg0 $CLIENTMAC $HOSTMAC "$@" \
			>"$WORK/sent-$tag" &
		tagged+=" $!"
	done
}
tagged_down() {
	kill -TERM $tagged
	wait $tagged
}
sender_down() {
	kill -TERM $sender
	wait $sender
}
own() { in_host ip "$1" route show table 78; }
answers() { own "$1" | grep -q "$2 dev wg0"; }
led() {
	answers -4 "local $HOST4" && answers -6 "local $HOST6" &&
		answers -6 'multicast ff00::/8'
}
away() { ! answers "$@"; }
restored() { status steering restored "$1"; }
# Ask anew, and be answered: resolve NAMESPACE ADDRESS.
resolve() {
	ip -n "$PREFIX-$1" neigh flush dev wg0
	ping_in "$1" "$2"
}
# A neighbour that is known is asked alone, by unicast.
probe() {
	ping_in client "$1" && ip -n "$PREFIX-client" neigh change "$1" dev wg0 nud probe &&
		wait_until 3 sh -c "ip -n $PREFIX-client neigh show $1 dev wg0 | grep -q REACHABLE"
}
all_open() {
	local t
	for t in "client $SERVER4" "client $SERVER6" "client $HOST4" "client $HOST6" \
		"server $CLIENT4" "server $CLIENT6" "host $CLIENT4" "host $CLIENT6"; do
		ok "$1: ${t/ / to }" wait_until 2 ping_in $t
	done
}

configure <<-END
	[capture wg0]
	networks = 10.8.0.0/24 fd08::/64
	[capture wg1]
	networks = 10.8.1.0/24 fd08:0:0:1::/64
END
serve_in host server client
# Interfaces come in another order when they were made anew.
sorted_state() { state | sed 's/@if.*//' | sort; }
before=$(sorted_state)

# ---- whoever counts sees it when nobody forbids it ----

counters_up host
counters_up server
sender_up client $CLIENT4 $CLIENT6 $HOST4 $HOST6 $SERVER4 $SERVER6
ok "without ctfwd: all kinds arrive in the host" wait_until 5 all_six_count host
ok "without ctfwd: all kinds arrive at the server" wait_until 5 all_six_count server
sender_down

for TAG in $TAGS; do
	count_anew
	TAGS=$TAG tagged_up client $CLIENT4 $CLIENT6 $HOST4 $HOST6 $SERVER4 $SERVER6
	ok "without ctfwd: with the tag $TAG all kinds arrive in the host" \
		wait_until 5 all_six_count host
	ok "without ctfwd: with the tag $TAG all kinds arrive at the server" \
		wait_until 5 all_six_count server
	tagged_down
done

# ---- open, and answered ----

rules_plain
daemon_up
ok "the host's addresses are answered for" wait_until 5 led
all_open "led"
for t in $HOST4 $HOST6; do
	ok "asked anew: $t" resolve client $t
done
for t in $HOST4 $HOST6; do
	ok "asked by unicast: $t" probe $t
done
ok "an address of its link is answered for, too" wait_until 2 ping_in client \
	"$(ip -n "$PREFIX-host" -6 addr show dev wg0 | sed -n 's,.*\(fe80[^/]*\)/.*,\1,p')%wg0"
says "and the rules hold" silent traffic_in client tcp $HOST4 80 --timeout 0.4
says "over IPv6 as well" silent traffic_in client tcp $HOST6 80 --timeout 0.4
says "what they let through comes" "open $CLIENT4" traffic_in client tcp $HOST4 22

# Others on the link: who has our address, and whose we have.
dad() { ip -n "$PREFIX-$1" -6 addr show dev wg0 | grep -q "$2.* dadfailed"; }
in_client sysctl -qw net.ipv6.conf.wg0.accept_dad=1
in_host sysctl -qw net.ipv6.conf.wg0.accept_dad=1
ip -n "$PREFIX-client" addr add $HOST6/64 dev wg0
ok "a client that takes the host's address is told" wait_until 4 dad client $HOST6
ip -n "$PREFIX-client" addr del $HOST6/64 dev wg0
in_host ip addr add $CLIENT6/64 dev wg0
ok "the host that takes a client's is told" wait_until 4 dad host $CLIENT6
in_host ip addr del $CLIENT6/64 dev wg0
solicitations() { in_host nstat -asz Icmp6InRouterSolicits | awk '/Solicits/ { print $2 }'; }
more_solicitations() { [ "$(solicitations)" -gt "$1" ]; }
heard=$(solicitations)
sender_up client $CLIENT4 $CLIENT6 $CLIENT6
ok "router solicitations are heard" wait_until 2 more_solicitations "$heard"
sender_down

# Addresses come and go.
in_host ip addr add 10.8.0.7/24 dev wg0
in_host ip addr add fd08::7/64 dev wg0 nodad
for t in 10.8.0.7 fd08::7; do
	ok "an address that was added is answered for: $t" wait_until 2 resolve client $t
done
in_host ip addr del 10.8.0.7/24 dev wg0
in_host ip addr del fd08::7/64 dev wg0
ok "one that was taken is not any more, IPv4" wait_until 2 away -4 10.8.0.7
ok "one that was taken is not any more, IPv6" wait_until 2 away -6 fd08::7
in_host ip addr add 10.8.0.8/32 dev lo
ok "another of the host's in the network is answered for" wait_until 2 resolve client 10.8.0.8
in_host ip addr del 10.8.0.8/32 dev lo
in_host ip link set wg0 down
in_host ip link set wg0 up
in_host ip addr add $HOST6/64 dev wg0 nodad
ok "down and up: answered for again" wait_until 2 led
ok "none of that counts as deleted by others" \
	test "$(restored route) $(restored rule) $(restored local)" = "0 0 0"

steer show >"$WORK/show"
ok "show has all of it" grep -q '^All [0-9]* are there\.$' "$WORK/show"
ok "in words" grep -q "in table 78, $HOST4 (IPv4) is this host's own, on wg0" "$WORK/show"
ok "check has nothing against it" steer check

# The other one first: their tables change.
cp "$WORK/ctfwd.conf" "$WORK/former.conf"
configure <<-END
	[capture wg1]
	networks = 10.8.1.0/24 fd08:0:0:1::/64
	[capture wg0]
	networks = 10.8.0.0/24 fd08::/64
END
ctl reload >/dev/null
for t in "client $HOST4" "client $HOST6" "client2 10.8.1.1" "client2 fd08:0:0:1::1"; do
	ok "in another order: ${t/ / asks for }" wait_until 3 resolve $t
done
not_ok "in another order: none has the other's addresses" sh -c \
	"ip -n $PREFIX-host route show table 78 | grep wg0"
cp "$WORK/former.conf" "$WORK/ctfwd.conf"
ctl reload >/dev/null
ok "and back" wait_until 3 led
ok "the new filter is told of it" wait_until 3 leading
ok "nor does that count as deleted by others" \
	test "$(restored route) $(restored rule) $(restored local)" = "0 0 0"

# Others delete.
more_routes() { [ "$(restored route)" -gt 0 ]; }
in_host ip route flush table 78
ok "what others delete is put back" wait_until 1 answers -4 "local $HOST4"
ok "and what closes, too" wait_until 1 sh -c \
	"ip -n $PREFIX-host route show table 78 | grep -q unreachable"
ok "and counted" wait_until 1 more_routes
routes=$(restored route)
in_host tc qdisc del dev wg0 clsact
sleep 0.3
ok "without its filters: put back, with what is behind them" wait_until 1 led
ok "which others did not delete" test "$(restored route)" = "$routes"
in_host ip rule del pref 0 iif wg0
in_order() { [ "$(in_host ip rule | awk '/^0:/ { printf "%s ", $NF }')" = "79 78 local " ]; }
ok "the rule is put back, before the local one" wait_until 1 in_order
all_open "put back"

# With a strict look at sources nobody is answered, and check knows why.
asked() { ip netns exec "$PREFIX-$1" "$HERE/arp.py" wg0 "$2" "$3" | cut -d' ' -f2; }
strict() { in_host sysctl -qw net.ipv4.conf.wg0.rp_filter="$1"; }
check() { in_host "$BUILD/ctfwctl" steer check --config "$WORK/ctfwd.conf"; }
if [ "$(in_host sysctl -n net.ipv4.conf.all.rp_filter)" = 0 ]; then
	strict 1
	# By no more than an answer: the host may ask as well, which tells its own address.
	ok "rp_filter=1: nobody is answered" test "$(asked client $CLIENT4 $HOST4)" = silent
	check >"$WORK/check"
	ok "check says why" grep -q "rp_filter of wg0 is 1: nobody's ARP" "$WORK/check"
	ok "and what to do" grep -q 'sysctl -w net.ipv4.conf.wg0.rp_filter=2' "$WORK/check"
	strict 2
	ok "which helps" test "$(asked client $CLIENT4 $HOST4)" = $HOSTMAC
	strict 0
fi

# ---- closed ----

rules <<-END
	table inet filter {
		chain forward { type filter hook forward priority 0; policy drop; }
		chain input { type filter hook input priority 0; policy drop; }
	}
END
ctl reload >/dev/null
count_anew
sender_up client $CLIENT4 $CLIENT6 $HOST4 $HOST6 10.8.1.1 fd08:0:0:1::1 $HOSTNET4 \
	$SERVER4 $SERVER6
tagged_up client $CLIENT4 $CLIENT6 $HOST4 $HOST6 $HOSTNET4 $HOSTNET6 $SERVER4 $SERVER6
sleep 0.3
nothing_arrives "led"
# With the tag amid the addresses.
dropped() { [ "$(status drops "$1")" -gt 0 ]; }
ok "led: what has a tag is dropped, IPv4" wait_until 5 dropped bad-header-checksum
ok "led: and IPv6" wait_until 5 dropped spoofed-source
for _ in 1 2 3 4 5; do
	vpn_down
	vpn_up
	sleep 0.2
done
nothing_arrives "made anew five times"
crash
sleep 0.2
nothing_arrives "keeper and filter killed"
for _ in 1 2 3; do
	vpn_down
	vpn_up
	sleep 0.2
done
nothing_arrives "killed, and made anew"
not_ok "nobody is answered then" resolve client $HOST4
daemon_up
wait_until 5 led
nothing_arrives "started again"
crash
daemon_up
wait_until 5 led
nothing_arrives "killed and started"
guard() { in_host "$BUILD/ctfwd" -c "$WORK/ctfwd.conf" "$1"; }
ok "the guard comes while the daemon runs" guard --guard
daemon_down
ok "the daemon that stops at once knows of it" sh -c \
	"tail -n 1 '$WORK/daemon.log' | grep -q 'stays closed by the guard'"
sleep 0.2
nothing_arrives "stopped, guarded"
vpn_down
vpn_up
sleep 0.2
nothing_arrives "stopped, guarded, and made anew"
ok "the guard needs no table of an interface" test -z "$(own -4)$(own -6)"
daemon_up
wait_until 5 led
nothing_arrives "guarded, and started"
sender_down
tagged_down
ok "all that was sent ($(cat "$WORK/sent") frames)" test "$(cat "$WORK/sent")" -gt 1000

# What was closed goes on where it was.
rules_plain
ctl reload >/dev/null
for t in $HOST4 $HOST6; do
	ok "started: asked anew, $t" resolve client $t
done
all_open "started"
daemon_down
guard --guard-off
vpn_down
vpn_up
ok "the end leaves the host as it was" same "$before" "$(sorted_state)"
daemon_up
wait_until 5 led
crash
ok "what a killed one left is taken out" steer off
ok "all of it" same "$before" "$(sorted_state)"

# ---- a table of others ----

loose=$(in_host sysctl -n net.ipv4.conf.all.rp_filter)
in_host ip route add 192.0.2.0/24 dev eth0 table 78
refusal >"$WORK/refused"
ok "a start is refused" \
	grep -q 'table 78 is in use: it has a route to 192.0.2.0/24' "$WORK/refused"
says "with status 78" 78 cat "$WORK/ended"
vpn_down
in_host sysctl -qw net.ipv4.conf.all.rp_filter=0
daemon_up
in_host sysctl -qw net.ipv4.conf.all.rp_filter="$loose"
vpn_up
ok "while it runs, it is told" wait_until 2 \
	grep -q 'routing table 78 is in use' "$WORK/daemon.log"
not_ok "and the interface stays closed" resolve client $HOST4
in_host ip route flush table 78
ok "and opens when the table is free" wait_until 3 resolve client $HOST4
ends_well
