#!/bin/bash
# Real traffic through every hook: what rules accept, drop and reject, over IPv4 and IPv6.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

configure_wg0
rules <<-END
	table inet filter {
		chain input {
			type filter hook input priority filter; policy drop;
			ct state established,related accept
			ct state invalid counter drop
			tcp dport { 22, 5001 } ct state new accept
			udp dport 53 ct state new accept
			meta l4proto { icmp, ipv6-icmp } ct state new accept
			tcp dport 80 reject with tcp reset
			udp dport 7 reject
		}
		chain forward {
			type filter hook forward priority filter; policy drop;
			ct state established,related accept
			ct state invalid counter drop
			iifname "wg0" oifname "eth0" tcp dport { 22, 5001 } ct state new accept
			iifname "wg0" oifname "eth0" udp dport { 53, 9999 } ct state new accept
			iifname "wg0" meta l4proto { icmp, ipv6-icmp } ct state new accept
			iifname "wg0" tcp dport 80 reject with tcp reset
			iifname "wg0" udp dport 7 reject
			iifname "eth0" oifname "wg0" tcp dport 5001 ct state new accept
		}
		chain output {
			type filter hook output priority filter; policy drop;
			ct state established,related accept
			oifname "wg0" tcp dport { 22, 5001 } ct state new accept
			oifname "wg0" udp dport 53 ct state new accept
			oifname "wg0" meta l4proto { icmp, ipv6-icmp } ct state new accept
			oifname "wg0" tcp dport 80 reject with tcp reset
		}
	}
END
serve_in client host server
daemon_up

# Input and forward, from the client.
for t in "input $HOST4 $CLIENT4" "input $HOST6 $CLIENT6" \
	"input $HOSTNET4 $CLIENT4" "input $HOSTNET6 $CLIENT6" \
	"forward $SERVER4 $CLIENT4" "forward $SERVER6 $CLIENT6"; do
	set -- $t
	says "$1: tcp to $2 22 is accepted, the source untouched" "open $3" traffic_in client tcp "$2" 22
	# From the host's other addresses it would be answered under the first.
	[[ $2 == "$HOSTNET4" || $2 == "$HOSTNET6" ]] ||
		says "$1: udp to $2 53 is answered" "answered $3" traffic_in client udp "$2" 53
	ok "$1: ping to $2 is answered" ping_in client "$2"
	says "$1: tcp to $2 8080 is dropped" silent traffic_in client tcp "$2" 8080 --timeout 0.4
	says "$1: tcp to $2 80 is reset" refused traffic_in client tcp "$2" 80
	says "$1: udp to $2 7 is refused by ICMP" refused traffic_in client udp "$2" 7
	says "$1: a stray ACK to $2 is dropped" silent traffic_in client ack "$2" 22 --timeout 0.4
	says "$1: bulk to $2 comes back whole" open traffic_in client transfer "$2" 5001 8000000
done
# A port that nobody listens on: the server's own ICMP error is related.
says "forward: an ICMP error of the server comes through, IPv4" refused traffic_in client udp $SERVER4 9999
says "forward: an ICMP error of the server comes through, IPv6" refused traffic_in client udp $SERVER6 9999
for t in $CLIENT4 $CLIENT6; do
	says "forward: from outside to $t 22 is dropped" silent traffic_in server tcp $t 22 --timeout 0.4
	ok "forward: ping from outside to $t is dropped" shut server $t
	says "forward: from outside to $t 5001 is accepted" open traffic_in server tcp $t 5001
	says "output: tcp to $t 22 is accepted" open traffic_in host tcp $t 22
	says "output: udp to $t 53 is answered" answered traffic_in host udp $t 53
	ok "output: ping to $t is answered" ping_in host $t
	says "output: tcp to $t 8080 is dropped" silent traffic_in host tcp $t 8080 --timeout 0.4
	says "output: tcp to $t 80 is reset" refused traffic_in host tcp $t 80
	says "output: bulk to $t comes back whole" open traffic_in host transfer $t 5001 8000000
done
# Past the firewall: the host's own.
says "the host's way to the server is its own" open traffic_in host tcp $SERVER4 80
says "the server's way to the host is its own" open traffic_in server tcp $HOSTNET6 8080
ok "the host reaches itself" ping_in host $HOST4

ok "hooks were counted" test "$(status hooks input)" -gt 100
ok "super-packets came in one piece" test "$(status super_packets)" -gt 100
not_ok "stray segments were invalid, whatever the hook" ctl_says 'invalid counter packets 0' list ruleset
ok "nothing was malformed" test "$(status drops bad-version),$(status drops bad-total-length)" = 0,0
ends_well
