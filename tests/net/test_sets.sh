#!/bin/bash
# Sets that packets fill: others are judged by what is in them, ctfwctl shows, finds and deletes it,
# and the elements are there after the filter was killed.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

configure_wg0
# Who knocks at port 1001 may come to port 22 for a while.
rules <<-END
	table inet filter {
		set seen {
			type ipv4_addr
			flags dynamic,timeout
			timeout 1m
			counter
		}
		set pairs {
			type ipv6_addr . inet_service
			flags dynamic
		}
		map marks {
			type ipv4_addr : mark
			flags dynamic
		}
		map ports {
			type inet_service : verdict
			elements = { 80 : jump web }
		}
		chain web {
			accept
		}
		chain forward {
			type filter hook forward priority filter; policy drop;
			ct state established,related accept
			icmp type echo-request accept
			tcp dport 1001 add @seen { ip saddr } add @marks { ip saddr : 0x17 } drop
			tcp dport 1002 add @pairs { ip6 saddr . tcp dport } drop
			tcp dport 22 ip saddr @seen meta mark set ip saddr map @marks accept
			tcp dport vmap @ports
		}
	}
END
serve_in server
daemon_up
knock() { traffic_in client tcp "$1" "$2" --timeout 0.3 >/dev/null 2>&1 || true; }
elements() { ctl list "$1" inet filter "$2" | grep -c "$3"; }
has() { [ "$(elements "$1" "$2" "$3")" = 1 ]; }
has_not() { ! has "$@"; }
shut_out() { ! traffic_in client tcp $SERVER4 22 --timeout 0.5 | grep -q open; }

knock $SERVER4 1001
ok "who knocks is in the set" has set seen "$CLIENT4 counter packets"
ok "and in the map" has map marks "$CLIENT4 : 0x00000017"
says "and is let in" open traffic_in client tcp $SERVER4 22
ok "it is marked as the map says" test "$(ctl get element inet filter marks "{ $CLIENT4 }" |
	grep -c 0x00000017)" = 1
says "a verdict map leads to a chain that accepts" open traffic_in client tcp $SERVER4 80
knock $SERVER6 1002
ok "a pair of address and port is in its set" has set pairs "$CLIENT6 . 1002"
ok "what the operator adds is there too" ctl add element inet filter seen \
	"{ 192.0.2.99 timeout 1h comment \"office\" }"

for i in 1 2; do
	filter=$(status filter_pid)
	kill -9 "$filter"
	ok "killed $i: another filter is there" wait_until 5 another "$filter"
	ok "killed $i: the element is in the set" has set seen "$CLIENT4 counter packets"
	ok "killed $i: and that of the operator" has set seen \
		'192.0.2.99 .*timeout 1h .*comment "office"'
	ok "killed $i: the pair is in its set" has set pairs "$CLIENT6 . 1002"
	ok "killed $i: the map has its value" has map marks "$CLIENT4 : 0x00000017"
	says "killed $i: who is in the set is let in" open traffic_in client tcp $SERVER4 22
done

ok "the operator deletes it" ctl delete element inet filter seen "{ $CLIENT4 }"
ok "then it is not there" has_not set seen "$CLIENT4 "
ok "and a new connection is not let in" shut_out
ends_well
