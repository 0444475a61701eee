#!/bin/bash
# NAT by the host's own address (conf/nat/return*): answers come in by a TUN of role return,
# and nothing else of the host's depends on ctfwd.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
. "$HERE/nat.sh"
begin
far_up
serve_in client host server far

in_host nft -f - <<-END
	table inet nat {
		chain postrouting {
			type nat hook postrouting priority srcnat;
			oifname "eth0" masquerade
		}
	}
END
kernel_hops=$(all_hops)
in_host nft flush ruleset

configure <<-END
	[capture wg0]
	networks = 10.8.0.0/24 fd08::/64
	[tun wg0-return]
	role = return
	interface = eth0
	[conntrack]
	udp-timeout = 12
	udp-timeout-stream = 12
	helpers = ftp
END
cp "$SOURCE/conf/nat/return.nft" "$WORK/ruleset.nft"
return_up() { in_host "$SOURCE/conf/nat/return-up" wg0-return eth0 $HOSTNET4 $HOSTNET6; }
daemon_up
return_up
watch_up

masqueraded $HOSTNET4 $HOSTNET6
ok "super-packets came in one piece" test "$(status super_packets)" -gt 100
ftp_up 300000 $SERVER4
# Their ports are chosen by chance: by ones of the range, or it fails now and then.
for i in 1 2 3; do
	ok "FTP fetches, passive" fetch ftp://$SERVER4/file
	ok "and active, EPRT" fetch --ftp-port - ftp://$SERVER4/file
	ok "and active, PORT" fetch --ftp-port - --disable-eprt ftp://$SERVER4/file
done
senders_plain
ok "every hop answers as with the kernel's NAT" same "$kernel_hops" "$(all_hops)"
finds_mtus
ok "the server learns what the client's link carries, IPv4" server_learns $HOSTNET4 $SERVER4
ok "the server learns what the client's link carries, IPv6" server_learns $HOSTNET6 $SERVER6

# ---- what is the host's own ----

the_hosts_own() {
	local t when=$1
	for t in "$SERVER4 $HOSTNET4" "$SERVER6 $HOSTNET6"; do
		set -- $t
		says "$when: the server calls the host at $2" "open $1" traffic_in server tcp $2 22
		says "$when: the host calls the server $1" "open $2" traffic_in host tcp $1 80
		says "$when: and by UDP" answered traffic_in server udp $2 53
		ok "$when: the server pings the host at $2" ping_in server $2
	done
}
given_back=$(status given_back)
the_hosts_own "with ctfwd"
ok "ctfwd has seen nothing of that" test "$(status given_back)" = "$given_back"
for t in "$SERVER4 $HOSTNET4" "$SERVER6 $HOSTNET6"; do
	set -- $t
	given_back=$(status given_back)
	ok "the host pings $1" ping_in host $1
	says "a closed port of the server is told to the host" refused traffic_in host udp $1 9999
	says "what comes to the host in fragments comes" answered \
		traffic_in server udp $2 53 --bytes 5000
	says "what the host asks for in fragments comes too" answered \
		traffic_in host udp $1 53 --bytes 5000
	ok "and that was given back" test "$(status given_back)" -gt $((given_back + 5))
done
ok "no flow began for it" test -z "$(ctl conntrack -L 2>/dev/null | grep "src=$SERVER4 dst=$HOSTNET4 sport=[0-9]* dport=[0-9]* .*src=$HOSTNET4")"
sums_are_right

# ---- a range of ports that runs out ----

before=$(status drops clash)
# With so few left a port is not always found: so it is with the kernel, too.
traffic_in client many $SERVER4 53 10000 17999 --timeout 2 >"$WORK/many"
ok "8000 flows to one place through 8192 ports: $(cat "$WORK/many")" \
	test "$(cut -d' ' -f2 "$WORK/many")" -ge 7900
ok "so many are mapped" test "$(ctl conntrack -L -p udp --src-nat 2>/dev/null | grep -c "dst=$HOSTNET4")" -ge 7800
traffic_in client many $SERVER4 53 20000 22000 --timeout 1 >"$WORK/many"
ok "2000 more find hardly a port: $(cat "$WORK/many")" test "$(cut -d' ' -f2 "$WORK/many")" -lt 1200
ok "and are counted" test "$(status drops clash)" -gt $((before + 500))
says "another place has all ports" "open $HOSTNET4" traffic_in client tcp $SERVER4 22
ok "as they end there are ports again" wait_until 30 \
	traffic_in client udp $SERVER4 53 --timeout 0.3

# ---- ctfwd dead, and there again ----

shoot $daemon
the_hosts_own "without ctfwd"
ok "without ctfwd clients are shut out" shut client $SERVER4
daemon_up
return_up
says "ctfwd is there again: tcp" "open $HOSTNET4" traffic_in client tcp $SERVER4 22
ends_well
