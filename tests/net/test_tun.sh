#!/bin/bash
# [tun]: the operator routes by hand, and ctfwd makes the TUN.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

configure <<-END
	[tun fw0]
	role = both
	interface = wg0
	address = 192.0.2.1/32 fd00:7::1/128
	mtu = 1420
END
rules_plain
serve_in client host server
daemon_up
ok "it has its addresses and MTU" sh -c \
	"ip -n $PREFIX-host addr show dev fw0 | tr '\n' ' ' | grep -q 'mtu 1420.*192.0.2.1/32.*fd00:7::1/128'"
not_ok "it has no link-local address" sh -c "ip -n $PREFIX-host -6 addr show dev fw0 | grep -q fe80"
ok "nothing is steered" test "$(in_host ip rule | wc -l)" = 3

# Both ways of what is forwarded, as a page on policy routing would tell.
for f in -4 -6; do
	in_host ip $f rule add pref 10 iif fw0 lookup main
	in_host ip $f rule add pref 11 iif wg0 lookup 200
	in_host ip $f rule add pref 12 iif eth0 to $([ $f = -4 ] && echo 10.8.0.0/24 || echo fd08::/64) lookup 200
	in_host ip $f route add default dev fw0 table 200
done
for t in $SERVER4 $SERVER6; do
	ok "ping to $t passes" ping_in client $t
	says "tcp to $t 22 passes" open traffic_in client tcp $t 22
	says "tcp to $t 80 does not" silent traffic_in client tcp $t 80 --timeout 0.4
done
for t in $CLIENT4 $CLIENT6; do
	says "tcp from outside to $t 22 passes" open traffic_in server tcp $t 22
	says "tcp from outside to $t 80 does not" silent traffic_in server tcp $t 80 --timeout 0.4
done
ok "it was forward" test "$(status hooks forward)" -gt 20
ends_well
not_ok "and the TUN is gone" in_host ip link show fw0
