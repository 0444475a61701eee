#!/bin/bash
# ctfwctl steer check: each thing that leads around ctfwd, or breaks what it does, is found
# where it is, and no more once it is mended as the advice says.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
. "$HERE/checking.sh"
begin

# A daemon that runs would mend some of it.
freeze() { pkill -"$1" -P "$daemon"; kill -"$1" "$daemon"; }

rules_plain
configure_wg0
in_host sysctl -qw net.ipv4.conf.default.rp_filter=1
daemon_up
freeze STOP

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

# ---- the host's own firewall ----

in_host nft -f - <<-END
	table inet host {
		chain clients { tcp dport 22 accept; }
		chain forward { type filter hook forward priority 0; policy accept; }
		chain raw { type filter hook prerouting priority raw; iifname "wg0" notrack; }
		chain post { type filter hook postrouting priority 0; oifname "wg0" accept; }
	}
END
rule() { in_host nft add rule inet host forward "$@"; }
unrule() { in_host nft flush chain inet host forward; }
rule iifname '{ "wg0", "wg0-in" }' accept
rule iifname '"wg0"' accept
clear_again "kernel-rule: in a chain that names the TUNs, none"
unrule
rule iifname '"wg0*"' accept
rule iifname != '{ "lo", "eth0" }' accept
rule oifname '"wg0"' drop
rule iifname '"docker0"' accept
clear_again "kernel-rule: that the TUNs are in as well, that drop behind, or of others, none"
ok "kernel-rule: what a chain's policy forbids is dropped indeed" test -n "$(
	unrule; rule iifname '"wg0"' accept; in_host nft chain inet host forward '{ policy drop; }'
	freeze CONT; shut client $SERVER4 && echo shut; freeze STOP)"
found kernel-rule "1 rule of the kernel's (inet host, chain forward) tells wg0 from its TUNs"
in_host nft chain inet host forward '{ policy accept; }'
for words in 'iif wg0 accept' 'iifname != "wg0" drop' 'oifname "wg0" accept' \
	'iifname { "wg0", "eth9" } meta mark set 7' 'iifname vmap { "wg0" : jump clients }'; do
	unrule
	rule "$words"
	found kernel-rule "1 rule of the kernel's (inet host, chain forward) tells wg0 from its TUNs"
done
rule 'oifname { "wg0", "eth9" } jump clients'
found kernel-rule "2 rules of the kernel's (inet host, chain forward) tell wg0 from its TUNs"
in_host nft flush ruleset

in_host nft -f - <<-END
	table inet host {
		chain raw {
			type filter hook prerouting priority raw + 10; policy accept;
			meta nfproto ipv6 fib saddr . mark . iif oif missing drop
		}
	}
END
freeze CONT
ok "kernel-rpfilter: such a rule drops indeed" shut client $SERVER6
ok "kernel-rpfilter: and lets the other family pass" ping_in client $SERVER4
freeze STOP
found kernel-rpfilter "a rule of the kernel's (inet host, chain raw) wants what comes by wg0-in or wg0-out routed back there"
mended kernel-rpfilter
freeze CONT
ok "kernel-rpfilter: all passes again" ping_in client $SERVER6
freeze STOP
in_host nft flush chain inet host raw
for words in 'fib saddr . mark oif missing drop' 'iifname "eth0" fib saddr . iif oif missing drop' \
	'fib saddr . iif oif exists accept' 'meta nfproto ipv6 fib daddr type local drop'; do
	in_host nft add rule inet host raw "$words"
done
clear_again "kernel-rpfilter: loose, of other interfaces, or that accepts, none"
in_host nft add rule inet host raw iifname wg0-in accept
in_host nft add rule inet host raw fib saddr . iif oif missing drop
ok "kernel-rpfilter: the other TUN is looked at too" test "$(names)" = kernel-rpfilter
in_host nft flush ruleset

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

# ---- what goes to clients is forwarded ----

in_host nft -f - <<-END
	table inet host {
		chain forward {
			type filter hook forward priority 0; policy drop;
			ct state established,related accept
			iifname "wg0-in" accept
		}
	}
END
freeze CONT
ok "kernel-forward: it drops what the host sends" shut host $CLIENT4
freeze STOP
found kernel-forward "the kernel forwards what a rule accepts (inet host, chain forward), and none is for what comes in by wg0-out and leaves by wg0"
mended kernel-forward
freeze CONT
ok "kernel-forward: mended, it does not" wait_until 5 ping_in host $CLIENT4
freeze STOP
for words in accept 'counter accept' 'iifname != "eth0" accept' \
	'iifname . oifname { "wg0-out" . "wg0" } accept' \
	'iifname { "wg0-in", "wg0-out" } accept'; do
	in_host nft flush chain inet host forward
	rule "$words"
	clear_again "kernel-forward: with a rule \"$words\""
done
for words in 'ct state established accept' 'ip daddr 10.9.0.0/16 accept' 'iifname "eth0" accept' \
	'ip daddr 10.8.0.0/24 drop' 'meta l4proto tcp counter accept'; do
	in_host nft flush chain inet host forward
	rule "$words"
	ok "kernel-forward: with a rule \"$words\" it is told" test "$(names)" = kernel-forward
done
in_host nft flush chain inet host forward
rule ip daddr 10.8.0.0/16 accept
ok "kernel-forward: with a rule for IPv4 it is told of IPv6" test "$(names)" = kernel-forward
rule ip6 daddr fd08::/16 accept
clear_again "kernel-forward: with one for each"

# By ct states: those that it has there, and what NAT wants untracked has that one alone.
untrack() {
	in_host nft -f - <<-END
		table inet ctfw-notrack {
			chain raw { type filter hook prerouting priority raw; iifname "wg0-out" $1; }
		}
	END
}
state_rules=("ct state established,related,untracked accept" "ct state untracked counter accept"
	"ct state != invalid accept" "ct state vmap { established : accept, untracked : accept }")
untrack notrack
for words in "${state_rules[@]}"; do
	in_host nft flush chain inet host forward
	rule "$words"
	clear_again "kernel-forward: of untracked packets, with a rule \"$words\""
done
freeze CONT
ok "kernel-forward: indeed they are forwarded" wait_until 5 ping_in host $CLIENT4
freeze STOP
for words in 'ct state established,related,new accept' 'ct state != untracked accept' \
	'ct state vmap { established : accept, untracked : drop }'; do
	in_host nft flush chain inet host forward
	rule "$words"
	ok "kernel-forward: of untracked packets, with a rule \"$words\" it is told" \
		test "$(names)" = kernel-forward
done
in_host nft delete table inet ctfw-notrack
for words in 'ct state established,related,new accept' 'ct state != invalid accept'; do
	in_host nft flush chain inet host forward
	rule "$words"
	clear_again "kernel-forward: of tracked packets, with a rule \"$words\""
done
freeze CONT
ok "kernel-forward: indeed they are forwarded" wait_until 5 ping_in host $CLIENT4
freeze STOP
in_host nft flush chain inet host forward
rule "${state_rules[0]}"
ok "kernel-forward: of tracked packets, with a rule \"${state_rules[0]}\" it is told" \
	test "$(names)" = kernel-forward
untrack 'ct zone set 7'
ok "kernel-forward: and of those in a zone" test "$(names)" = kernel-forward
in_host nft flush ruleset

# ---- the old iptables ----

old() { in_host "$@" 2>"$WORK/old"; }
if old iptables-legacy -t nat -A POSTROUTING -s 10.8.0.0/24 -o eth0 -j MASQUERADE; then
	found kernel-nat "the kernel translates addresses of 10.8.0.0/24 (ip nat of iptables-legacy, chain POSTROUTING)"
	mended kernel-nat
	old iptables-legacy -A FORWARD -i wg0 -o eth0 -j ACCEPT
	found kernel-rule "1 rule of the kernel's (ip filter of iptables-legacy, chain FORWARD) tells wg0 from its TUNs"
	ok "kernel-rule: says how to see it" \
		grep -qF "iptables-legacy -t filter -S FORWARD" "$WORK/check"
	old iptables-legacy -A FORWARD -i wg0-in -o eth0 -j ACCEPT
	clear_again "kernel-rule: with one for the TUN, it"
	old iptables-legacy -t raw -A PREROUTING -m rpfilter --invert -j DROP
	found kernel-rpfilter "(ip raw of iptables-legacy, chain PREROUTING)"
	mended kernel-rpfilter
	old iptables-legacy -F FORWARD
	old iptables-legacy -P FORWARD DROP
	old iptables-legacy -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	old iptables-legacy -A FORWARD -p tcp -j ACCEPT
	old iptables-legacy -A INPUT -m comment --comment all -j ACCEPT
	found kernel-forward "(ip filter of iptables-legacy, chain FORWARD)"
	mended kernel-forward
	old iptables-legacy -F FORWARD
	old iptables-legacy -A FORWARD -m comment --comment all -j ACCEPT
	clear_again "kernel-forward: with a rule that accepts all"
	old iptables-legacy -P FORWARD ACCEPT
	for table in nat filter raw; do
		old iptables-legacy -t $table -F
	done
	if old ip6tables-legacy -t nat -A POSTROUTING -s fd08::/64 -j MASQUERADE; then
		found kernel-nat "(ip6 nat of iptables-legacy, chain POSTROUTING)"
		mended kernel-nat
		old ip6tables-legacy -t nat -F
		old ip6tables-legacy -t raw -F
	fi
else
	echo "skip kernel-nat: of the old iptables: $(tail -n 1 "$WORK/old")"
fi

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
openvpn_up x --config server.conf
in_host setpriv --reuid nobody --regid nogroup --clear-groups "$BUILD/ctfwctl" steer check \
	--config "$WORK/ctfwd.conf" >"$WORK/check" 2>&1
ok "openvpn-client-to-client: who may not read its files is told so" \
	grep -q "^note: openvpn-client-to-client: not looked at: what files OpenVPN (process $openvpn) reads: Permission denied" "$WORK/check"
shoot $openvpn
openvpn_up x --client-to-client --dev wg0 --x server.conf
found openvpn-client-to-client "in the command line of process $openvpn"
shoot $openvpn

# ---- dnsmasq ----

cp "$(command -v bash)" "$WORK/dnsmasq"
dnsmasq_up() {
	ip netns exec "$PREFIX-host" "$WORK/dnsmasq" -c 'read x < <(sleep 60)' x --conf-file=/dev/null "$@" &
	dnsmasq=$!
	wait_until 5 test "$(readlink "/proc/$dnsmasq/exe")" = "$WORK/dnsmasq"
}
dnsmasq_up --interface=wg0
found dnsmasq-interface "dnsmasq (process $dnsmasq) has interface=wg0, and answers nobody behind it"
ok "dnsmasq-interface: says what would do" grep -qF "listen-address=$HOST4" "$WORK/check"
shoot $dnsmasq
dnsmasq_up --interface=wg0 --listen-address=127.0.0.1,$HOST4
clear_again dnsmasq-interface
shoot $dnsmasq

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
ok "return-redirect: names the addresses to give" \
	grep -qx " *return-up wg0-return eth0 $HOSTNET4 $HOSTNET6" "$WORK/check"
in_host sysctl -qw net.ipv4.ip_local_reserved_ports=8080
in_host "$SOURCE/conf/nat/return-up" wg0-return eth0 $HOSTNET4 $HOSTNET6
clear_again return-redirect
ok "return-redirect: return-up leaves reserved what was" \
	test "$(in_host sysctl -n net.ipv4.ip_local_reserved_ports)" = 8080,49152-57343
in_host sysctl -qw net.ipv4.ip_local_reserved_ports=
range=$(in_host sysctl -n net.ipv4.ip_local_port_range)
in_host sysctl -qw net.ipv4.ip_local_port_range="20000 49151"
clear_again "reserved-ports: that the host takes none of for itself"
in_host sysctl -qw net.ipv4.ip_local_port_range="50000 51000"
found reserved-ports "ports 50000 to 51000 of eth0 are led into wg0-return"
ok "reserved-ports: nobody is told to reserve all that there are" \
	grep -qF "# that is all that the host has" "$WORK/check"
in_host sysctl -qw net.ipv4.ip_local_port_range="$range"
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

# ---- nothing to look for ----

printf '[daemon]\nuser = nobody\n' >"$WORK/nothing.conf"
says "without a capture it says so" "Nothing is captured." \
	in_host "$BUILD/ctfwctl" steer check --config "$WORK/nothing.conf"

# ---- a bad configuration, and words that are not known ----

not_ok "a missing configuration is an error" in_host "$BUILD/ctfwctl" steer check --config "$WORK/none"
says "and named" "$WORK/none: " in_host "$BUILD/ctfwctl" steer check --config "$WORK/none"
says "another word is refused" 'ctfwctl: steer: what is "look"?' in_host "$BUILD/ctfwctl" steer look
