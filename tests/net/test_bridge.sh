#!/bin/bash
# A bridge is captured, as that of OpenVPN's server-bridge, with the interface of the VPN in it.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
. "$HERE/checking.sh"
# With ARP, as a tap.
vpn_up() {
	in_host ip link add br0 type bridge || skip "this kernel has no bridges"
	in_host ip link set br0 up
	client_up client wg0 0
	in_host ip addr flush dev wg0
	in_host ip link set wg0 down
	in_host ip link set wg0 address 02:00:00:00:00:01 arp on master br0 up
	ip -n "$PREFIX-client" link set wg0 arp on
	ip -n "$PREFIX-client" route replace default via $HOST4
	ip -n "$PREFIX-client" -6 route replace default via $HOST6
	in_host ip addr add $HOST4/24 dev br0
	in_host ip addr add $HOST6/64 dev br0 nodad
}
begin
in_host sysctl -qw net.ipv4.conf.default.rp_filter=2
serve_in client server
rules_plain
configure <<-END
	[capture br0]
	networks = 10.8.0.0/24 fd08::/64
END
wait_until 5 ping_in client $SERVER6
daemon_up
ok "it is led" wait_until 5 ping_in client $HOST4
all_open "led"
says "and the rules hold" silent traffic_in client tcp $SERVER4 80 --timeout 0.4
says "for IPv6 as well" silent traffic_in client tcp $SERVER6 80 --timeout 0.4
ok "steer check finds nothing against it" sound
in_host ip link set wg0 nomaster
ok "its port is taken out: nobody gets through" shut client $SERVER4
in_host ip link set wg0 master br0
ok "and put in again" wait_until 5 ping_in client $SERVER4
crash
ok "killed: its TUNs go" wait_until 5 fails in_host ip link show br0-in
all_shut "killed"
in_host ip link del br0
in_host ip link add br0 type bridge
in_host ip link set br0 up
in_host ip link set wg0 master br0
in_host ip addr add $HOST4/24 dev br0
in_host ip addr add $HOST6/64 dev br0 nodad
all_shut "killed, and made anew"
daemon_up
ok "started again" wait_until 5 ping_in client $SERVER4
ends_well
