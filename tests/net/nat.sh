# nat.sh - words for tests of address translation.  Sourced after daemon.sh.
#
# The server is a router on the host's way to the Internet, and knows nothing of the VPN's own
# networks: what comes back does so by an address that it knows.
#
#   server   eth0  as in lib.sh
#            eth1  198.51.100.1   2001:db8:51::1    MTU 1300
#              |
#   far      eth0  198.51.100.10  2001:db8:51::10
#
# Packets come to client, server and far with all their checksums; who watches there counts
# those that are wrong.

NAMESPACES="client host server far"
FAR4=198.51.100.10 FAR6=2001:db8:51::10
FAR_MTU=1300
OWN4=203.0.113.50 OWN6=2001:db8:113::50

far_up() {
	local far=$PREFIX-far server=$PREFIX-server
	ip -n "$server" link add eth1 mtu $FAR_MTU type veth peer name eth0 mtu $FAR_MTU netns "$far"
	ip -n "$server" link set eth1 up
	ip -n "$far" link set eth0 up
	ip -n "$server" addr add 198.51.100.1/24 dev eth1
	ip -n "$server" addr add 2001:db8:51::1/64 dev eth1
	ip -n "$far" addr add $FAR4/24 dev eth0
	ip -n "$far" addr add $FAR6/64 dev eth0
	ip -n "$far" route add default via 198.51.100.1
	ip -n "$far" -6 route add default via 2001:db8:51::1
	ip -n "$server" route del 10.8.0.0/16
	ip -n "$server" -6 route del fd08::/32
	ip -n "$PREFIX-host" route add default via $SERVER4
	ip -n "$PREFIX-host" -6 route add default via $SERVER6
	in_server sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	traffic_in host compute eth0 >/dev/null
	traffic_in host compute wg0 >/dev/null
	traffic_in server compute eth1 >/dev/null
}

watch_up() {
	local ns pair
	watchers=
	for pair in client:wg0 server:eth0 far:eth0; do
		ns=${pair%:*}
		ip netns exec "$PREFIX-$ns" "$HERE/sums.py" watch "${pair#*:}" >"$WORK/sums-$ns" 2>&1 &
		watchers="$watchers $!"
	done
	for ns in client server far; do
		wait_until 10 grep -q ready "$WORK/sums-$ns" || die "no watcher in $ns"
	done
}
# Of the packets that came so far.
sums_are_right() {
	local ns
	kill -TERM $watchers
	wait $watchers
	for ns in client server far; do
		ok "$ns: $(sed -n 2p "$WORK/sums-$ns")" \
			grep -q '^[1-9][0-9]* packets, [0-9]* errors, 0 wrong' "$WORK/sums-$ns"
		sed -n '/./{3,$p;}' "$WORK/sums-$ns"
	done
}

# hops NAMESPACE ADDRESS [OPTIONS]: who answers on the way there, of traceroute(8).
hops() {
	ip netns exec "$PREFIX-$1" traceroute -n -q1 -w1 -m4 "${@:3}" "$2" |
		awk 'NR > 1 { printf "%s%s", sep, $2; sep = " " } END { print "" }'
}
all_hops() {
	local address
	for address in $FAR4 $FAR6; do
		hops client $address
		hops client $address -I
		hops client $address -T -p 22
	done
}

# What every client can do, whatever the way to the Internet: masqueraded ADDRESS4 ADDRESS6.
masqueraded() {
	local t
	for t in "$SERVER4 $1" "$FAR4 $1" "$SERVER6 $2" "$FAR6 $2"; do
		set -- $t "$1" "$2"
		says "tcp to $1 comes from $2" "open $2" traffic_in client tcp "$1" 22
		says "udp to $1 comes from $2" "answered $2" traffic_in client udp "$1" 53
		# The first ones may be too long for a router.
		ok "a datagram in fragments to $1 comes back" \
			wait_until 5 traffic_in client udp "$1" 53 --bytes 5000 --timeout 0.5
		ok "ping to $1 is answered" ping_in client "$1"
		says "bulk to $1 comes back whole" open traffic_in client transfer "$1" 5001 4000000
		set -- "$3" "$4"
	done
	says "a closed port of the server is refused, IPv4" refused traffic_in client udp $SERVER4 9999
	says "a closed port of the server is refused, IPv6" refused traffic_in client udp $SERVER6 9999
}
# The narrow link is behind the server; the host's own is made narrower than the client's.
finds_mtus() {
	says "the path's MTU comes back from a router, IPv4" "mtu $FAR_MTU" \
		traffic_in client mtu $FAR4 53
	says "the path's MTU comes back from a router, IPv6" "mtu $FAR_MTU" \
		traffic_in client mtu $FAR6 53
	ip -n "$PREFIX-host" link set eth0 mtu 1390
	ip -n "$PREFIX-server" link set eth0 mtu 1390
	says "what eth0 does not carry is told to the client, IPv4" "mtu 1390" \
		traffic_in client mtu $SERVER4 53
	says "what eth0 does not carry is told to the client, IPv6" "mtu 1390" \
		traffic_in client mtu $SERVER6 53
	ip -n "$PREFIX-host" link set eth0 mtu 1500
	ip -n "$PREFIX-server" link set eth0 mtu 1500
}
# From now on what clients and servers send is whole too, so that errors quote it whole; no more
# super-packets.
senders_plain() {
	traffic_in client compute wg0 >/dev/null
	traffic_in server compute eth0 >/dev/null
	traffic_in far compute eth0 >/dev/null
}
# Answers longer than the client's link, which no router must cut: server_learns ADDRESS.
server_learns() {
	traffic_in client udp "$2" 53 --bytes 1440 --timeout 0.3 >/dev/null
	wait_until 2 knows_mtu "$1"
}
knows_mtu() { in_server ip route get "$1" | grep -q 'mtu 1420'; }
