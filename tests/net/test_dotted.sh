#!/bin/bash
# An interface with a dot in its name, as of a VLAN, which sysctl(8) would take for a slash.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
. "$HERE/checking.sh"
vpn_up() { client_up client wg0.5 0; }
begin
rules_plain
configure <<-END
	[capture wg0.5]
	networks = 10.8.0.0/24 fd08::/64
END
in_host sysctl -qw net.ipv4.conf.default.rp_filter=1
serve_in client server
daemon_up
all_open "dotted"
ok "steer check finds nothing" test -z "$(names)"
in_host ip link del wg0.5
vpn_up
ok "made anew, it is followed" wait_until 5 ping_in client $SERVER4
ok "and all is there" wait_until 5 sound
freeze STOP
in_host sysctl -qw net/ipv4/conf/wg0.5-in/rp_filter=2
found rp-filter "rp_filter of the TUN wg0.5-in is 2"
mended rp-filter
freeze CONT
crash
ok "killed: its TUNs go" wait_until 5 fails in_host ip link show wg0.5-in
all_shut "killed"
ok "what it left is taken out" steer off
all_open "taken out"
ok "the commands that are shown do as well" in_host sh -e <(steer show --commands)
