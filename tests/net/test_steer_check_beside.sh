#!/bin/bash
# ctfwctl steer check: what others at the host do to captured traffic is found, and no more once
# it is mended as the advice says: the kernel's own rules and NAT, OpenVPN, dnsmasq, networkd.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
. "$HERE/checking.sh"
begin
sound_host

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
runs() { [ "$(readlink "/proc/$1/exe")" = "$WORK/$2" ]; }
cp "$(command -v bash)" "$WORK/openvpn"
mkdir "$WORK/vpn"
printf 'dev wg0 # ours\n  config more.conf\npush "client-to-client"\n' >"$WORK/vpn/server.conf"
printf ';client-to-client\n#client-to-client\n' >"$WORK/vpn/more.conf"
openvpn_up() {
	(cd "$WORK/vpn" && exec ip netns exec "$PREFIX-host" "$WORK/openvpn" -c 'read x < <(sleep 60)' "$@") &
	openvpn=$!
	wait_until 5 runs $openvpn openvpn
}
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
	wait_until 5 runs $dnsmasq dnsmasq
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
