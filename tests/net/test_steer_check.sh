#!/bin/bash
# ctfwctl steer check: each thing that leads around ctfwd, or breaks what it does, is found
# where it is, and no more once it is mended as the advice says.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

# check OPTION...: as an operator would; what it says is in $WORK/check.
check() {
	in_host "$BUILD/ctfwctl" steer check --config "$WORK/ctfwd.conf" "$@" >"$WORK/check" 2>&1
}
# The names of what it finds, but for what this host always has, and what is of steering
# itself: that is another test's.
names() {
	check -j
	python3 -c 'import json, sys
print(*[f["check"] for f in json.load(open(sys.argv[1]))["findings"] 
    if f["check"] not in ("link-local", "missing") and "does not tell" not in f["what"]])' \
		"$WORK/check"
}
# found CHECK WORDS: it alone is found, in these words; the command's status is by severity.
found() {
	ok "$1: is found" test "$(names)" = "$1"
	check
	local status=$?
	ok "$1: says $2" grep -qF -- "$2" "$WORK/check"
	grep -q '^error' "$WORK/check"
	ok "$1: the exit status tells an error" test $status = $((!$?))
}
# What to do, as it stands in the advice, is done: lines that are commands.
follow_advice() {
	check
	sed -n '/What to do:/,/^[^ ]/s/^        \([^# ].*\)$/\1/p' "$WORK/check" >"$WORK/advice"
	[ -s "$WORK/advice" ] && in_host sh -e "$WORK/advice"
}
clear_again() { ok "$1: is found no more" test -z "$(names)"; }
mended() {
	ok "$1: the advice can be followed" follow_advice
	clear_again "$1"
}

# A daemon that runs would mend some of it.
freeze() { pkill -"$1" -P "$daemon"; kill -"$1" "$daemon"; }

rules_plain
configure_wg0
daemon_up
freeze STOP

check
ok "a sound host has status 0" test $? = 0
ok "and nothing but notes of what is not filtered" grep -q '^Found: [123] notes\?$' "$WORK/check"
ok "which is of link-local addresses" grep -q '^note: link-local: .* wg0' "$WORK/check"

# ---- /proc/sys ----

in_host sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.eth0.rp_filter=0
found rp-filter "net.ipv4.conf.all.rp_filter is 1"
mended rp-filter
ok "rp-filter: other interfaces keep it" test "$(in_host sysctl -n net.ipv4.conf.eth0.rp_filter)" = 1
in_host sysctl -qw net.ipv4.conf.wg0-in.rp_filter=2
found rp-filter "rp_filter of the TUN wg0-in is 2"
mended rp-filter
in_host sysctl -qw net.ipv4.conf.wg0-out.accept_local=0
found accept-local "accept_local of the TUN wg0-out is 0"
mended accept-local
in_host sysctl -qw net.ipv4.ip_forward=0
found forwarding "IPv4 forwarding is off"
mended forwarding
in_host sysctl -qw net.ipv4.conf.wg0-in.forwarding=0
found forwarding "IPv4 forwarding of the TUN wg0-in is off"
mended forwarding
in_host sysctl -qw net.ipv6.conf.all.forwarding=0
found forwarding "IPv6 forwarding is off"
mended forwarding
in_host sysctl -qw net.ipv4.conf.all.src_valid_mark=1
found src-valid-mark "net.ipv4.conf.all.src_valid_mark is 1"
in_host sysctl -qw net.ipv4.conf.all.src_valid_mark=0
in_host sysctl -qw net.ipv4.conf.wg0-out.ignore_routes_with_linkdown=1
found ignore-linkdown "ignore_routes_with_linkdown of the TUN wg0-out is 1"
mended ignore-linkdown

# ---- routes and rules ----

in_host ip route add 10.9.0.0/24 dev wg0
found uncovered-network "10.9.0.0/24 is routed to wg0 (table main), but is in none of its networks"
in_host ip route del 10.9.0.0/24 dev wg0
in_host ip -6 addr add fd09::1/64 dev wg0
found uncovered-network "fd09::/64 is routed to wg0"
in_host ip -6 addr del fd09::1/64 dev wg0
in_host ip route add default dev wg0 table 51820
found uncovered-network "0.0.0.0/0 is routed to wg0 (table 51820)"
in_host ip route del default dev wg0 table 51820
in_host ip route add 10.8.0.128/25 via $SERVER4
found overlapping-route "10.8.0.128/25 is routed to eth0, but is part of 10.8.0.0/24 behind wg0"
in_host ip route del 10.8.0.128/25

# Without a priority of their own, as those of wg-quick, rules come before all but the first.
in_host ip route add default via $SERVER4 table 1000
in_host ip rule add not fwmark 51820 lookup 1000
found rule-before "the rule with priority 0 (of some packets, table 1000) leads to 10.8.0.0/24 by eth0"
in_host ip rule del not fwmark 51820 lookup 1000
in_host ip rule add to 10.8.0.0/16 lookup main pref 50
found rule-before "the rule with priority 50 (to some addresses, table main) leads to 10.8.0.0/24 by wg0"
in_host ip rule del pref 50
in_host ip -6 rule add lookup main suppress_prefixlength 0 pref 50
found rule-before "leads to fd08::/64 by wg0 (IPv6)"
in_host ip -6 rule del pref 50
in_host ip rule add lookup 1000 suppress_prefixlength 0 pref 50
in_host ip rule add to 192.0.2.0/24 lookup 1000 pref 50
in_host ip rule add not fwmark 51820 lookup 1000 pref 150
clear_again "rule-before: of rules that lead elsewhere, or come after ours, none"
for i in 1 2; do
	in_host ip rule del pref 50
done
in_host ip rule del pref 150
in_host ip route del default table 1000
in_host ip rule add pref 1000 lookup local
in_host ip rule del pref 0 lookup local
found local-rule "the local table is asked at priority 1000, behind 120"
in_host ip rule del pref 1000
in_host ip rule add pref 100 lookup local
clear_again "local-rule: at Cilium's priority it"
in_host ip rule add pref 0 lookup local
in_host ip rule del pref 100

# ---- filters ----

# Ours come behind what is there when they are put in: from preference 3 on.
freeze CONT
daemon_down
in_host tc qdisc add dev wg0 clsact
in_host tc filter add dev wg0 ingress pref 1 protocol all u32 match u32 0 0 flowid 1:1
in_host tc filter add dev wg0 ingress pref 2 protocol ip u32 match u32 1 1 at 0 \
	action mirred egress mirror dev eth0 continue
daemon_up
freeze STOP
ok "filter-before: nothing passes" shut client $SERVER4
found filter-before "a u32 filter of wg0 (preference 1, protocol all) is asked before ours, from 3 on, and keeps from wg0-in what it matches"
ok "filter-before: says how to see it" grep -qF "tc filter show dev wg0 ingress pref 1" "$WORK/check"
mended filter-before
freeze CONT
ok "filter-before: all passes again" ping_in client $SERVER4
freeze STOP
# Without "continue" at its end a copy is all there is.
in_host tc filter replace dev wg0 ingress pref 2 protocol ip handle 801::800 u32 match u32 0 0 \
	action mirred egress mirror dev eth0
found filter-before "(preference 2, protocol ip)"
in_host tc filter del dev wg0 ingress pref 2
in_host tc filter add dev wg0 ingress pref 2 protocol ipv6 u32 match ip6 protocol 47 0xff \
	action mirred egress redirect dev eth0
found filter-before "(preference 2, protocol ipv6) is asked before ours, from 3 on, and redirects to eth0 what it matches"
in_host tc filter del dev wg0 ingress pref 2
in_host tc filter add dev wg0 ingress pref 2 protocol ip u32 match u32 0 0 \
	action mirred egress redirect dev wg0-in
in_host tc filter add dev wg0 ingress pref 1 protocol arp u32 match u32 0 0 flowid 1:1
in_host tc filter add dev wg0 ingress pref 50 protocol all u32 match u32 0 0 flowid 1:1
clear_again "filter-before: of others, into a TUN of ours, or after ours, none"
in_host tc filter del dev wg0 ingress pref 50
in_host tc filter del dev wg0 ingress pref 2
in_host tc filter del dev wg0 ingress pref 1

# ---- interfaces ----

in_host ip link set wg0-out mtu 1500
found mtu "the TUN wg0-out has the MTU 1500, wg0 has 1420"
mended mtu
if in_host ip link add vrf9 type vrf table 9 2>/dev/null; then
	in_host ip link set wg0-out master vrf9
	found enslaved "wg0-out belongs to vrf9, a vrf"
	mended enslaved
	in_host ip link del vrf9
elif in_host ip link add br9 type bridge 2>/dev/null; then
	in_host ip link set wg0 master br9
	found enslaved "wg0 belongs to br9, a bridge"
	mended enslaved
	in_host ip link del br9
fi

# ---- sockets ----

# bound FAMILY TYPE [ADDRESS]: a process called snoopd with a socket bound to wg0.
bound() {
	cat >"$WORK/snoopd" <<-END
		import socket, sys, time
		open("/proc/self/comm", "w").write("snoopd")
		s = socket.socket(socket.AF_$1, socket.SOCK_$2, 0)
		s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"wg0")
		s.bind(("${3:-}", 5353))
		if socket.SOCK_$2 == socket.SOCK_STREAM:
		    s.listen()
		print("ready", flush=True)
		time.sleep(60)
	END
	: >"$WORK/bound"
	ip netns exec "$PREFIX-host" python3 "$WORK/snoopd" >"$WORK/bound" 2>&1 &
	snoopd=$!
	wait_until 5 grep -q ready "$WORK/bound" || die "no bound socket: $(cat "$WORK/bound")"
}
bound INET STREAM
found bound-socket "snoopd (process $snoopd) has a TCP socket of IPv4 bound to wg0: any address, port 5353"
shoot $snoopd
clear_again bound-socket
bound INET6 DGRAM fd08::1
found bound-socket "has a UDP socket of IPv6 bound to wg0: fd08::1, port 5353"
shoot $snoopd
bound INET6 DGRAM ff02::fb
clear_again "bound-socket: of link-local multicast, none"
shoot $snoopd

cat >"$WORK/snoopd" <<-END
	import socket, time
	s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
	s.bind(("wg0", 0x0800))
	print("ready", flush=True)
	time.sleep(60)
END
: >"$WORK/bound"
ip netns exec "$PREFIX-host" python3 "$WORK/snoopd" >"$WORK/bound" 2>&1 &
snoopd=$!
wait_until 5 grep -q ready "$WORK/bound" || die "no packet socket: $(cat "$WORK/bound")"
check
if grep -q 'packet sockets, of which this kernel does not tell' "$WORK/check"; then
	echo "skip packet-socket: this kernel does not tell of them"
else
	found packet-socket "(process $snoopd) has a packet socket at wg0"
fi
shoot $snoopd

# ---- the kernel's NAT ----

in_host nft add table ip nat
in_host nft add chain ip nat post '{ type nat hook postrouting priority srcnat; }'
in_host nft add rule ip nat post ip saddr 172.17.0.0/16 masquerade
in_host nft add rule ip nat post ip saddr != 10.8.0.0/16 masquerade
clear_again "kernel-nat: of other networks, none"
in_host nft add rule ip nat post oifname eth0 masquerade
found kernel-nat "the kernel translates addresses of 10.8.0.0/24 (ip nat, chain post), and tracks what comes out of wg0-out"
mended kernel-nat
in_host nft flush table inet ctfw-notrack
in_host nft add rule inet ctfw-notrack raw iifname '"wg0*"' ip daddr 10.8.0.0/24 ct zone set 7
clear_again "kernel-nat: with a zone in the place of notrack it"
in_host nft add rule inet ctfw-notrack raw iifname wg0 notrack
in_host nft delete rule inet ctfw-notrack raw handle \
	"$(in_host nft -a list table inet ctfw-notrack | sed -n 's/.*zone.*# handle //p')"
ok "kernel-nat: that of the other leg alone does not do" test "$(names)" = kernel-nat
in_host nft flush ruleset

# ---- OpenVPN ----

# A process of that name and command line, which is all that is looked at.
cp "$(command -v bash)" "$WORK/openvpn"
mkdir "$WORK/vpn"
printf 'dev wg0 # ours\n  config more.conf\npush "client-to-client"\n' >"$WORK/vpn/server.conf"
printf ';client-to-client\n#client-to-client\n' >"$WORK/vpn/more.conf"
openvpn_up() {
	(cd "$WORK/vpn" && exec ip netns exec "$PREFIX-host" "$WORK/openvpn" -c 'read x < <(sleep 60)' "$@") &
	openvpn=$!
	wait_until 5 grep -qs server.conf "/proc/$openvpn/cmdline" && wait_until 5 runs_openvpn
}
runs_openvpn() { [ "$(readlink "/proc/$openvpn/exe")" = "$WORK/openvpn" ]; }
openvpn_up x --config server.conf
clear_again "openvpn-client-to-client: in a comment, and pushed to clients, it"
printf '\n"client-to-client"\n' >>"$WORK/vpn/more.conf"
found openvpn-client-to-client "OpenVPN (process $openvpn) has client-to-client, in $WORK/vpn/more.conf"
sed -i s/wg0/tun5/ "$WORK/vpn/server.conf"
clear_again "openvpn-client-to-client: of another's device it"
sed -i s/tun5/wg0/ "$WORK/vpn/server.conf"
shoot $openvpn
clear_again "openvpn-client-to-client"
openvpn_up x --client-to-client --dev wg0 --x server.conf
found openvpn-client-to-client "in the command line of process $openvpn"
shoot $openvpn

# ---- a TUN of role return ----

freeze CONT
daemon_down
cat >>"$WORK/ctfwd.conf" <<-END
	[tun wg0-return]
	role = return
	interface = eth0
END
cp "$SOURCE/conf/nat/return.nft" "$WORK/ruleset.nft"
daemon_up
ok "return-redirect: and unreserved ports are found" \
	test "$(names)" = "reserved-ports return-redirect"
check
ok "return-redirect: says so" grep -q "nothing is redirected from eth0 into wg0-return" "$WORK/check"
in_host "$SOURCE/conf/nat/return-up" wg0-return eth0 $HOSTNET4 $HOSTNET6
clear_again return-redirect
in_host sysctl -qw net.ipv4.ip_local_reserved_ports=8080,50000-57343
found reserved-ports "ports 49152 to 49999 of eth0 are led into wg0-return"
mended reserved-ports
ok "reserved-ports: what was reserved stays so" \
	test "$(in_host sysctl -n net.ipv4.ip_local_reserved_ports)" = 8080,49152-57343
sed -i s/49152-57343/40000-57343/ "$WORK/ruleset.nft"
in_host sysctl -qw net.ipv4.ip_local_reserved_ports=40000-57343
found return-range "rules masquerade to ports 40000 to 49151, which are not redirected from eth0 into wg0-return"
sed -i 's/ to :40000-57343//' "$WORK/ruleset.nft"
found return-range "a rule masquerades what leaves by eth0 to any port"
in_host tc qdisc del dev eth0 clsact
daemon_down

# ---- systemd-networkd ----

sed -i '/^\[tun/,$d' "$WORK/ctfwd.conf"
printf '[steer]\nprotocol = static\n' >>"$WORK/ctfwd.conf"
rules_plain
cp "$(command -v sleep)" "$WORK/systemd-networkd"
clear_again "networkd: while it does not run, it"
ip netns exec "$PREFIX-host" "$WORK/systemd-networkd" 60 &
networkd=$!
wait_until 5 grep -qs systemd-network "/proc/$networkd/comm"
found networkd "systemd-networkd runs, and deletes rules and routes of protocol 4"
sed -i s/static/kernel/ "$WORK/ctfwd.conf"
clear_again "networkd: with protocol kernel"
shoot $networkd

# ---- a bad configuration, and words that are not known ----

not_ok "a missing configuration is an error" in_host "$BUILD/ctfwctl" steer check --config "$WORK/none"
says "and named" "$WORK/none: " in_host "$BUILD/ctfwctl" steer check --config "$WORK/none"
says "another word is refused" 'ctfwctl: steer: what is "look"?' in_host "$BUILD/ctfwctl" steer look
