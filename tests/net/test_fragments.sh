#!/bin/bash
# Datagrams that are longer than the tunnel's MTU: they come in fragments, which have no ports,
# and are judged whole all the same.  Two workers, between which fragments may be spread.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

configure <<-END
	workers = 2
	[capture wg0]
	networks = 10.8.0.0/24 fd08::/64
	[fragments]
	timeout = 1
	timeout-ipv6 = 1
END
rules <<-END
	table inet filter {
		chain input {
			type filter hook input priority filter; policy drop;
			ct state established accept
			ct state invalid counter drop
			udp dport 53 ct state new accept
			udp dport 7 reject
			meta l4proto { icmp, ipv6-icmp } ct state new accept
		}
		chain forward {
			type filter hook forward priority filter; policy drop;
			ct state established accept
			ct state invalid counter drop
			iifname "wg0" oifname "eth0" udp dport 53 ct state new accept
			iifname "wg0" udp dport 7 reject
			iifname "wg0" meta l4proto { icmp, ipv6-icmp } ct state new accept
		}
		chain output {
			type filter hook output priority filter; policy drop;
			ct state established accept
			ct state invalid counter drop
			udp dport 53 ct state new accept
			udp dport 7 reject
			meta l4proto { icmp, ipv6-icmp } ct state new accept
		}
	}
END
serve_in client host server
daemon_up

# More than one, since the server learns by the first that the tunnel's MTU is smaller (IPv6).
ping_large() { ip netns exec "$PREFIX-$1" ping -n -q -c3 -i0.2 -W2 -s 4000 "$2"; }
# How many fragments the server was sent, of either family.
server_fragments() {
	in_server awk '
		$1 == "Ip:" && !n { for (i = 1; i <= NF; i++) if ($i == "ReasmReqds") n = i; next }
		$1 == "Ip:" { all += $n }
		$1 == "Ip6ReasmReqds" { all += $2 }
		END { print all }' /proc/net/snmp /proc/net/snmp6
}
drops() { status drops "$1"; }
waiting() { status fragments waiting; }
rises() { [ "$("${@:2}")" = $(($1)) ]; }

for t in "forward client $SERVER4 $CLIENT4" "forward client $SERVER6 $CLIENT6" \
	"input client $HOST4 $CLIENT4" "input client $HOST6 $CLIENT6" \
	"output host $CLIENT4 $HOST4" "output host $CLIENT6 $HOST6"; do
	set -- $t
	ok "$1: ping of 4000 bytes to $3" ping_large "$2" "$3"
	says "$1: 8000 bytes of UDP to $3 come back" "answered $4" \
		traffic_in "$2" udp "$3" 53 --bytes 8000
	says "$1: 65000 bytes of UDP to $3 come back" "answered $4" \
		traffic_in "$2" udp "$3" 53 --bytes 65000 --timeout 3
	says "$1: UDP to $3 that no rule accepts is dropped whole" silent \
		traffic_in "$2" udp "$3" 9999 --bytes 8000 --timeout 0.4
	says "$1: UDP to $3 is rejected whole" refused traffic_in "$2" udp "$3" 7 --bytes 8000
	says "$1: fragments to $3, the last one first" "answered $4" \
		traffic_in "$2" fragments "$3" 53 5000 --reverse
	says "$1: fragments to $3, each of them twice" "answered $4" \
		traffic_in "$2" fragments "$3" 53 5000 --twice
done
not_ok "no fragment was invalid" ctl_says 'invalid counter packets [1-9]' list ruleset
ok "nothing waits for what will not come" wait_until 5 rises 0 waiting

before=$(server_fragments)
says "forward: six small fragments" answered \
	traffic_in client fragments $SERVER4 53 1192 --size 200
ok "and six reach the server, as they came" rises $before+6 server_fragments
before=$(server_fragments)
says "forward: six small fragments, IPv6" answered \
	traffic_in client fragments $SERVER6 53 1192 --size 200
ok "and six reach the server, as they came" rises $before+6 server_fragments

# Too long for the way behind us, with DF: the host says so, as if it had them whole.
unreachables() {
	in_host awk '
		$1 == "Icmp:" && !n { for (i = 1; i <= NF; i++) if ($i == "OutDestUnreachs") n = i; next }
		$1 == "Icmp:" { print $n }' /proc/net/snmp
}
above() { [ "$("${@:2}")" -gt "$1" ]; }
for ns in host server; do ip -n "$PREFIX-$ns" link set eth0 mtu 1000; done
before=$(unreachables)
says "forward: fragments without DF that are too long for eth0 are cut further" answered \
	traffic_in client fragments $SERVER4 53 3000 --size 1200
ok "and nobody hears of it" rises $before unreachables
says "forward: with DF they are refused" silent \
	traffic_in client fragments $SERVER4 53 3000 --size 1200 --df --timeout 0.4
ok "and the sender hears of it" above $before unreachables
for ns in host server; do ip -n "$PREFIX-$ns" link set eth0 mtu 1500; done

for t in "forward client $SERVER4" "forward client $SERVER6" "input client $HOST4" \
	"input client $HOST6" "output host $CLIENT4" "output host $CLIENT6"; do
	set -- $t
	before=$(drops fragment-timeout)
	says "$1: without one fragment there is no datagram to $3" silent \
		traffic_in "$2" fragments "$3" 53 5000 --lose 2 --timeout 0.3
	ok "the others to $3 end with their time" wait_until 5 rises $before+5 drops fragment-timeout
done
ok "nothing waits any more" rises 0 waiting
ok "duplicates were counted" test "$(drops fragment-duplicate)" -gt 0
ok "people are told" ctl_says 'Fragments  0 waiting' status
ends_well
