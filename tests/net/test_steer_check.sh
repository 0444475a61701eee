#!/bin/bash
# ctfwctl steer check: each thing that leads around ctfwd, or breaks what it does, is found
# where it is, and no more once it is mended as the advice says.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
. "$HERE/checking.sh"
begin
sound_host

check
ok "a sound host has status 0" test $? = 0
ok "and nothing but notes of what is not filtered" grep -q '^Found: [123] notes\?$' "$WORK/check"
ok "which is of link-local addresses" grep -q '^note: link-local: .* wg0' "$WORK/check"

# ---- /proc/sys ----

in_host sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.eth0.rp_filter=0
in_host ip link add 'x$(false)' type dummy 2>/dev/null || in_host ip link add 'x$(false)' type bridge
in_host sysctl -qw 'net/ipv4/conf/x$(false)/rp_filter=0'
found rp-filter "net.ipv4.conf.all.rp_filter is 1"
mended rp-filter
ok "rp-filter: other interfaces keep it" test "$(in_host sysctl -n net.ipv4.conf.eth0.rp_filter)" = 1
ok "rp-filter: those with names that a shell would read too" \
	test "$(in_host sysctl -n 'net/ipv4/conf/x$(false)/rp_filter')" = 1
in_host ip link del 'x$(false)'

in_host sysctl -qw net.ipv4.conf.wg0-in.rp_filter=2
found rp-filter "rp_filter of the TUN wg0-in is 2"
mended rp-filter
in_host sysctl -qw net.ipv4.conf.wg0-out.accept_local=0
found accept-local "accept_local of the TUN wg0-out is 0"
mended accept-local
in_host sysctl -qw net.ipv4.conf.default.rp_filter=0 net.ipv4.conf.wg0.rp_filter=0
for which in all default wg0; do
	in_host sysctl -qw net.ipv4.conf.$which.accept_local=1
	found broadcast "net.ipv4.conf.$which.accept_local is 1"
	mended broadcast
done
in_host sysctl -qw net.ipv4.ip_forward=0
found forwarding "IPv4 forwarding is off"
mended forwarding
in_host sysctl -qw net.ipv4.conf.wg0-in.forwarding=0
found forwarding "IPv4 forwarding of the TUN wg0-in is off"
mended forwarding
in_host sysctl -qw net.ipv6.conf.all.forwarding=0
found forwarding "IPv6 forwarding is off"
mended forwarding
in_host sysctl -qw net.ipv6.conf.wg0-out.disable_ipv6=1
found ipv6-disabled "IPv6 is off at wg0-out, but wg0 has IPv6 networks"
in_host sysctl -qw net.ipv6.conf.wg0-out.disable_ipv6=0
freeze CONT
ok "ipv6-disabled: once mended, the daemon puts its routes back" wait_until 5 sound
freeze STOP
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
in_host ip route add 10.77.0.0/24 nexthop via $CLIENT4 dev wg0 nexthop via $SERVER4 dev eth0
found uncovered-network "10.77.0.0/24 is routed to wg0"
in_host ip route del 10.77.0.0/24
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
# What jumps over ours, or refuses before ours is asked.
in_host ip rule add pref 50 goto 140
found rule-jump "the rule with priority 50 goes on at 140 for packets to 10.8.0.0/24, behind ours at 120"
in_host ip rule del pref 50
in_host ip -6 rule add pref 50 fwmark 7 goto 32766
found rule-jump "goes on at 32766 for some packets to fd08::/64, behind ours at 120 (IPv6)"
in_host ip -6 rule del pref 50
in_host ip rule add pref 50 goto 60
in_host ip rule add pref 60 nop
in_host ip rule add pref 70 to 192.0.2.0/24 goto 140
in_host ip rule add pref 130 goto 140
clear_again "rule-jump: before ours, of other networks, or behind ours, none"
for i in 50 60 70 130; do
	in_host ip rule del pref $i
done
in_host ip rule add pref 50 to 10.8.0.0/25 blackhole
found rule-refuses "the rule with priority 50 refuses packets to 10.8.0.0/24"
in_host ip rule del pref 50
in_host ip route add prohibit 10.8.0.5/32 table 1000
in_host ip rule add pref 50 lookup 1000
found rule-refuses "the rule with priority 50 finds a route of table 1000 that refuses packets to 10.8.0.5"
in_host ip rule del pref 50
in_host ip route del prohibit 10.8.0.5/32 table 1000
in_host ip rule add pref 50 iif eth0 prohibit
in_host ip rule add pref 150 to 10.8.0.0/25 blackhole
clear_again "rule-refuses: of one interface's packets, or behind ours, none"
in_host ip rule del pref 50
in_host ip rule del pref 150
# What is for the interface is for nobody any more.
in_host ip route add default via $SERVER4 table 1000
in_host ip rule add iif wg0 lookup 1000 pref 200
in_host ip -6 rule add iif eth0 lookup 1000 pref 200
found rule-of-interface "the rule with priority 200 is for what enters wg0, but clients' packets come in by wg0-in"
in_host ip rule add iif wg0-in lookup 1000 pref 201
clear_again "rule-of-interface: with one like it for the TUN, it"
in_host ip rule del pref 201
in_host ip rule del pref 200
in_host ip rule add iif wg0 lookup 1000 pref 50
found rule-of-interface "the rule with priority 50 is for what enters wg0"
in_host ip rule del pref 50
in_host ip -6 rule del pref 200
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
# A connection that is over has no socket, though the kernel remembers it for a minute.
cat >"$WORK/over" <<-END
	import socket
	a = socket.socket()
	a.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"wg0")
	a.bind(("$HOST4", 5354))
	a.listen()
	print("ready", flush=True)
	a.accept()[0].close()
END
ip netns exec "$PREFIX-host" python3 "$WORK/over" >"$WORK/bound" &
wait_until 5 grep -q ready "$WORK/bound"
in_client python3 -c "import socket
s = socket.create_connection(('$HOST4', 5354)); s.recv(1); s.close()"
daemon_up
freeze STOP
ok "bound-socket: one is remembered" sh -c "ip netns exec $PREFIX-host ss -tn state time-wait | grep -q 5354"
check
not_ok "bound-socket: and not told" grep -q bound-socket "$WORK/check"
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
	ok "enslaved: the bridge is to be captured" \
		grep -qxF "        # in $WORK/ctfwd.conf: [capture br9] in the place of wg0" "$WORK/check"
	in_host ip link del br9
	clear_again enslaved
fi

in_host ip link set wg0 down
check
ok "absent: an interface that is down is told" grep -q '^note: absent: wg0 is down' "$WORK/check"
in_host ip link set wg0 up
in_host ip -6 addr replace $HOST6/64 dev wg0
freeze CONT
ok "absent: all is well once it is up" wait_until 5 sound
freeze STOP
if in_host ip link add over0 link wg0 type macvlan 2>/dev/null; then
	found stacked "over0, a macvlan, is on top of wg0"
	in_host ip link del over0
fi
in_host ip link add link wg0 name gre0x type gre remote $CLIENT4 2>/dev/null &&
	clear_again "stacked: a tunnel through it" && in_host ip link del gre0x
for kind in xdp tcx; do
	: >"$WORK/program"
	ip netns exec "$PREFIX-host" "$HERE/program.py" $kind wg0 >"$WORK/program" 2>&1 &
	program=$!
	if wait_until 5 grep -q ready "$WORK/program"; then
		found program-before "wg0 runs $([ $kind = xdp ] && echo "an XDP program" || echo "1 tcx program at its ingress")"
	else
		echo "skip program-before: $kind: $(tail -n1 "$WORK/program")"
	fi
	shoot $program
done

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
ok "bound-socket: says at which address it would hear" grep -qF "# have it listen at $HOST4 instead" "$WORK/check"
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

# ---- nothing to look for ----

printf '[daemon]\nuser = nobody\n' >"$WORK/nothing.conf"
says "without a capture it says so" "Nothing is captured." \
	in_host "$BUILD/ctfwctl" steer check --config "$WORK/nothing.conf"

# ---- a bad configuration, and words that are not known ----

not_ok "a missing configuration is an error" in_host "$BUILD/ctfwctl" steer check --config "$WORK/none"
says "and named" "$WORK/none: " in_host "$BUILD/ctfwctl" steer check --config "$WORK/none"
says "another word is refused" 'ctfwctl: steer: what is "look"?' in_host "$BUILD/ctfwctl" steer look
