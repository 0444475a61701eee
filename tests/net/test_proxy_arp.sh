#!/bin/bash
# proxy_arp: of the uplink, for clients; and of a captured interface, which steer check tells of.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
. "$HERE/checking.sh"
# With ARP, as a tap.
vpn_up() {
	client_up client wg0 0
	ip -n "$PREFIX-host" link set wg0 down
	ip -n "$PREFIX-host" link set wg0 address 02:00:00:00:00:01 arp on up
	ip -n "$PREFIX-client" link set wg0 arp on
	ip -n "$PREFIX-host" addr replace fd08::1/64 dev wg0
}
begin
rules_plain
configure_wg0
proxy() { in_host sysctl -qw net.ipv4.conf.$1.proxy_arp="$2"; }
# asked NAMESPACE INTERFACE FROM ADDRESS: a MAC, or silent
asked() { ip netns exec "$PREFIX-$1" "$HERE/arp.py" "$2" "$3" "$4" | cut -d' ' -f2; }
answers() { [ "$(asked "$@")" != silent ]; }
silent() { [ "$(asked "$@")" = silent ]; }
from_client() { $1 client wg0 $CLIENT4 "$2"; }
OTHER=10.8.0.3
ok "without ctfwd: the host's address is answered for" from_client answers $HOST4
ok "without ctfwd: others' are not" from_client silent $SERVER4
proxy wg0 1
ok "without ctfwd, proxy_arp: the server's is answered for" from_client answers $SERVER4
ok "without ctfwd, proxy_arp: a neighbour's is not" from_client silent $OTHER

daemon_up
ok "proxy_arp: the host's address is answered for" wait_until 5 from_client answers $HOST4
ok "proxy_arp: the server's is not" from_client silent $SERVER4
ok "proxy_arp: a neighbour's is not" from_client silent $OTHER
tells() { check; grep -qF "$1" "$WORK/check"; }
ok "steer check tells" tells \
	"warning: proxy-arp: proxy_arp of wg0 is on, and it answers for no address but the host's own"
in_host sysctl -qw net.ipv4.conf.all.rp_filter=2
ok "rp_filter 2: a neighbour's is answered for" wait_until 5 from_client answers $OTHER
ok "rp_filter 2: steer check tells that" tells \
	"it answers for every address, those of other clients too"
in_host sysctl -qw net.ipv4.conf.all.rp_filter=0
proxy all 1
ok "the advice can be followed" follow_advice
ok "it is off then" test \
	"$(in_host sysctl -n net.ipv4.conf.wg0.proxy_arp net.ipv4.conf.all.proxy_arp | tr -d '\n')" = 00
not_ok "and steer check does not tell" tells proxy-arp

# ---- of the uplink ----

proxy eth0 1
ok "uplink: clients are answered for" answers server eth0 $SERVER4 $CLIENT4
not_ok "uplink: steer check has nothing against it" tells proxy-arp
crash
ok "uplink: not with the daemon dead" wait_until 5 silent server eth0 $SERVER4 $CLIENT4
ok "nor is the captured interface" from_client silent $HOST4
