#!/bin/bash
# NAT by an address of its own (conf/nat/address*): masquerading a VPN, a server in it, hairpin,
# traceroute and path MTUs as with the kernel's own NAT, networks one for one.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
. "$HERE/nat.sh"
begin
far_up
serve_in client server far

# ---- what the kernel's NAT does, to compare ----

in_host nft -f "$SOURCE/conf/nat/address.nft"
ip -n "$PREFIX-host" addr add $OWN4/32 dev eth0
ip -n "$PREFIX-host" addr add $OWN6/128 dev eth0 nodad
kernel_hops=$(all_hops)
in_host nft flush ruleset
ip -n "$PREFIX-host" addr del $OWN4/32 dev eth0
ip -n "$PREFIX-host" addr del $OWN6/128 dev eth0

# ---- ctfwd's ----

ftp_up 300000 $SERVER4 $SERVER6

configure <<-END
	[capture wg0]
	networks = 10.8.0.0/24 fd08::/64
	[conntrack]
	helpers = ftp pptp
END
cp "$SOURCE/conf/nat/address.nft" "$WORK/ruleset.nft"
daemon_up
in_host "$SOURCE/conf/nat/address-up" eth0 $OWN4 $OWN6
watch_up

masqueraded $OWN4 $OWN6
ok "super-packets came in one piece" test "$(status super_packets)" -gt 100
for own in "$SERVER4" "[$SERVER6]"; do
	ok "FTP fetches from $own, passive" fetch ftp://$own/file
	ok "and active, EPRT" fetch --ftp-port - ftp://$own/file
done
ok "and active, PORT" fetch --ftp-port - --disable-eprt ftp://$SERVER4/file
in_server "$HERE/pptp.py" serve $SERVER4 >"$WORK/pptpd" 2>&1 &
disown
wait_until 10 grep -q ready "$WORK/pptpd" || die "no PPTP server"
by_port() {
	in_client "$HERE/pptp.py" call $SERVER4 | sed 's/ 23$/ its own/; s/ [0-9]*$/ another/'
}
says "PPTP: by another id a call comes back to the client's own" "own hello by another" by_port
senders_plain
ok "every hop answers as with the kernel's NAT" same "$kernel_hops" "$(all_hops)"
finds_mtus
ok "the server learns what the client's link carries, IPv4" server_learns $OWN4 $SERVER4
ok "the server learns what the client's link carries, IPv6" server_learns $OWN6 $SERVER6
for own in "$OWN4 $SERVER4 $HOST4" "$OWN6 $SERVER6 $HOST6"; do
	set -- $own
	says "a server in the VPN is called by $1" "open $2" traffic_in server tcp $1 8080
	says "and by a client, who is answered through the host" "open $3" traffic_in client tcp $1 8080
	says "and bulk comes back whole" open traffic_in server transfer $1 8080 4000000
done
before=$(status in packets)
for own in $OWN4 $OWN6; do
	says "other ports of $own lead nowhere" unreachable traffic_in server tcp $own 8081
done
ok "what is not translated is not led in again" test "$(status in packets)" -lt $((before + 20))
says "the host's own is its own" refused traffic_in server tcp $HOSTNET4 8080
ok "both tuples are shown" ctl_says "src=$CLIENT4.*dst=$OWN4" conntrack -L --src-nat $OWN4
sums_are_right

# ---- one for one ----

rules <<-END
	table inet nat {
		chain prerouting {
			type nat hook prerouting priority dstnat;
			ip daddr 203.0.114.0/24 dnat ip prefix to 10.8.0.0/24
			ip6 daddr 2001:db8:114::/64 dnat ip6 prefix to fd08::/64
		}
		chain postrouting {
			type nat hook postrouting priority srcnat;
			ip saddr 10.8.0.0/24 oifname "eth0" snat ip prefix to 203.0.114.0/24
			ip6 saddr fd08::/64 oifname "eth0" snat ip6 prefix to 2001:db8:114::/64
		}
	}
END
ok "the rules are changed" ctl reload
ip -n "$PREFIX-host" route add 203.0.114.0/24 dev wg0-out
ip -n "$PREFIX-host" -6 route add 2001:db8:114::/64 dev wg0-out
ip -n "$PREFIX-server" route add 203.0.114.0/24 via $HOSTNET4
ip -n "$PREFIX-server" -6 route add 2001:db8:114::/64 via $HOSTNET6
watch_up
for one in "203.0.114.2 $SERVER4 $FAR4" "2001:db8:114::2 $SERVER6 $FAR6"; do
	set -- $one
	says "a client is $1 outside" "open $1" traffic_in client tcp $2 22
	says "and far away" "open $1" traffic_in client tcp $3 22
	says "and answers there" "open $2" traffic_in server tcp $1 80
	ok "and to ping" ping_in server $1
	says "and to UDP" "answered $2" traffic_in server udp $1 53
done
sums_are_right
ends_well
