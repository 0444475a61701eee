# vpn.sh - words for tests with a real VPN between client and host, instead of lib.sh's veth.
# Sourced after daemon.sh, before begin.
#
#   client   VPN   10.8.0.2    fd08::2          VPN is tun0, tap0 or wg0
#     |      wan   192.0.2.2                    the way that the VPN's own packets take
#   host     wan   192.0.2.1
#            VPN   10.8.0.1    fd08::1
#            eth0  as in lib.sh, and the kernel masquerades there what comes from the VPN
#              |
#   server   eth0  as in lib.sh, and it knows nothing of the VPN's networks
#
# A test defines peer_up client|host: starts one side, back when it has its interface;
# client_is staff|guest: what the sample's rules are told of the client; and where the client
# notices soon that the other side is another, has_client: whether that side has it back.  Files
# of both sides are in $WORK/client and $WORK/host.

WAN_CLIENT=192.0.2.2 WAN_HOST=192.0.2.1
# Sources of clients' broadcasts that the VPN itself refuses.
SPOOFED=${SPOOFED-0.0.0.0 198.51.100.99}
TRANSFER=4000000

vpn_up() {
	ip -n "$PREFIX-host" link add wan type veth peer name wan netns "$PREFIX-client"
	ip -n "$PREFIX-host" addr add $WAN_HOST/24 dev wan
	ip -n "$PREFIX-client" addr add $WAN_CLIENT/24 dev wan
	ip -n "$PREFIX-host" link set wan up
	ip -n "$PREFIX-client" link set wan up
	ip -n "$PREFIX-server" route del 10.8.0.0/16
	ip -n "$PREFIX-server" -6 route del fd08::/32
	mkdir "$WORK/client" "$WORK/host"
}
# Both sides; back when they hear each other.
tunnel_up() {
	# Else the kernel drops broadcasts while the daemon is dead, whatever that has left.
	in_host sysctl -qw net.ipv4.conf.default.rp_filter=0
	peer_up host
	peer_up client
	wait_until 15 ping_in client $HOST4 || die "no VPN: $(tail -n 5 "$WORK"/*/log)"
	wait_until 5 ping_in client $HOST6 || die "no VPN over IPv6"
}
# The sample configuration and rules of that name, with what tests need of their own.
sample() {
	sed "s/tun0/$VPN/" "$SOURCE/conf/$1/ctfwd.conf" | configure
	sed "s/tun0/$VPN/" "$SOURCE/conf/$1/ruleset.nft" >"$WORK/ruleset.nft"
}
# The kernel's part: masquerade, and counters of what must never have passed.
kernel_up() {
	sed "s/wg0/$VPN/g" "$SOURCE/conf/nat/kernel.nft" | in_host nft -f -
	in_host nft -f - <<-END
		table inet watch {
			counter forbidden { }
			counter everybody { }
			chain input {
				type filter hook input priority 200; policy accept;
				ip daddr 255.255.255.255 counter name everybody
				tcp dport 8080 counter name forbidden
				udp dport 7 counter name forbidden
			}
		}
	END
	in_server nft -f - <<-END
		table inet watch {
			counter forbidden { }
			chain input {
				type filter hook prerouting priority -300; policy accept;
				tcp dport 8080 counter name forbidden
				udp dport 7 counter name forbidden
			}
		}
	END
}
# Those of the host, of the server, and of broadcasts.
forbidden() {
	local at
	for at in "host forbidden" "server forbidden" "host everybody"; do
		set -- $at
		ip netns exec "$PREFIX-$1" nft list counter inet watch $2 |
			sed -n 's/.*packets \([0-9]*\).*/\1/p'
	done
}
# What is forbidden, on and on, to the server and to the host.  Called before there is a
# daemon: whoever counts has to see it as long as nobody forbids it.
press_up() {
	local address
	pressers=
	for address in $SERVER4 $SERVER6 $HOST4 $HOST6; do
		ip netns exec "$PREFIX-client" "$HERE/traffic.py" stream $address 7 \
			--rounds 1000000 --pause 0.01 --log /dev/null >/dev/null 2>&1 &
		pressers="$pressers $!"
	done
	ip netns exec "$PREFIX-client" "$HERE/broadcast.py" $VPN 7 $CLIENT4 $SPOOFED \
		>"$WORK/broadcasts" &
	pressers="$pressers $!"
	wait_until 5 all_count || die "nobody counts what is forbidden: $(forbidden)"
}
all_count() { ! forbidden | grep -qx 0; }
# From when what was on its way at the start has come.
count_anew() {
	wait_until 5 none_comes || die "what is forbidden passes: $(forbidden)"
	in_host nft reset counters table inet watch >/dev/null
	in_server nft reset counters table inet watch >/dev/null
}
none_comes() {
	local before
	before=$(forbidden)
	sleep 0.3
	[ "$before" = "$(forbidden)" ]
}
pressing() { kill -0 $pressers; }
press_down() {
	kill $pressers
	wait $pressers 2>/dev/null
}
nothing_passed() {
	ok "$1: what is forbidden is sent all the while" pressing
	says "$1: nothing passed that is forbidden" "$(printf '0\n0\n0')" forbidden
}

# A host whose way out is narrower than client and server know: both send segments that fit.
segments_are_clamped() {
	in_host ip link set eth0 mtu 1300
	sleep 0.5 # until ctfwd has heard of it
	says "segments fit the host's way out, IPv4" \
		"open $TRANSFER bytes in segments of 1248 and 1248" \
		traffic_in client transfer $SERVER4 22 $TRANSFER
	says "segments fit the host's way out, IPv6" \
		"open $TRANSFER bytes in segments of 1228 and 1228" \
		traffic_in client transfer $SERVER6 22 $TRANSFER
	in_host ip link set eth0 mtu 1500
}
# What a client may begin is said at run time, for it alone.
clients_differ() {
	says "a guest may not use other ports" silent \
		traffic_in client tcp $SERVER4 5001 --timeout 0.4
	client_is staff
	says "one of the staff may" open traffic_in client tcp $SERVER4 5001
	client_is guest
	says "and a guest may not again" silent \
		traffic_in client tcp $SERVER4 5001 --timeout 0.4
}
# What the rules say, tried over both families: $1 says when.
as_ruled() {
	local t
	for t in "$SERVER4 $HOSTNET4" "$SERVER6 $HOSTNET6"; do
		set -- "$1" $t
		says "$1: forward: ssh to $2 is open, masqueraded" "open $3" traffic_in client tcp $2 22
		says "$1: forward: http to $2 is open" "open $3" traffic_in client tcp $2 80
		says "$1: forward: DNS to $2 is answered" "answered $3" traffic_in client udp $2 53
		says "$1: forward: tcp to $2 8080 is denied" silent \
			traffic_in client tcp $2 8080 --timeout 0.4
		says "$1: forward: bulk to $2 comes back whole" open \
			traffic_in client transfer $2 22 $TRANSFER
		ok "$1: forward: ping to $2 is answered" ping_in client $2
	done
	for t in "$HOST4 $CLIENT4" "$HOST6 $CLIENT6"; do
		set -- "$1" $t
		says "$1: input: ssh to $2 is open" "open $3" traffic_in client tcp $2 22
		says "$1: input: tcp to $2 8080 is denied" silent \
			traffic_in client tcp $2 8080 --timeout 0.4
		ok "$1: input: ping to $2 is answered" ping_in client $2
		says "$1: output: ssh to $3 is open" "open $2" traffic_in host tcp $3 22
		says "$1: output: tcp to $3 80 is denied" silent \
			traffic_in host tcp $3 80 --timeout 0.4
		ok "$1: output: ping to $3 is answered" ping_in host $3
	done
}
# By whoever takes ctfwctl for what a start does.
applied_anew() {
	local before
	before=$(ctl -s list ruleset)
	ok "the sample's rules are applied by a client, too" ctl -f "$WORK/ruleset.nft"
	ok "and stand there once" same "$before" "$(ctl -s list ruleset)"
}
ftp_is_related() {
	ok "FTP passive to IPv4" fetch --disable-epsv ftp://$SERVER4/file
	ok "FTP EPSV to IPv4" fetch ftp://$SERVER4/file
	ok "FTP EPSV to IPv6" fetch "ftp://[$SERVER6]/file"
}

# A conversation with ADDRESS, over the filter's death and the daemon's.
outlives_kills() {
	talk_up client "$1" --rounds 100000
	ok "a filter is killed under traffic" kill -9 "$(status filter_pid)"
	ok "and a conversation goes on" talk_goes_on
	ok "the daemon is killed" shoot "$daemon"
	sleep 0.5
	daemon_up
	ok "and started: the conversation goes on" talk_goes_on
	nothing_passed "after kills"
}
# The VPN's interface goes by that command, and comes with another number.
made_anew() {
	local was
	was=$(in_host cat /sys/class/net/$VPN/ifindex)
	"$@"
	: >"$WORK/host/log"
	: >"$WORK/client/log"
	ok "the interface is gone" wait_until 5 sh -c "! ip -n $PREFIX-host link show $VPN"
	peer_up host
	ok "the interface is another" test "$(in_host cat /sys/class/net/$VPN/ifindex)" != "$was"
}
# outlives_restart SECONDS COMMAND..., so long the conversation may take to go on.
outlives_restart() {
	made_anew "${@:2}"
	ok "the client is back" wait_until 20 ping_in client $HOST4
	ok "the conversation goes on" talk_goes_on "$1"
	as_ruled "after the VPN's restart"
	nothing_passed "after the VPN's restart"
}
# The same while keeper and filter are dead: SECONDS COMMAND...
closed_while_dead() {
	crash
	made_anew "${@:2}"
	ok "the server has the client back" wait_until 20 has_client
	sleep 0.5
	nothing_passed "made anew while all are dead"
	not_ok "nor is ping answered" ping_in client $HOST4
	daemon_up
	ok "started: the client is back" wait_until 20 ping_in client $HOST4
	ok "started: the conversation goes on" talk_goes_on "$1"
	nothing_passed "started"
}
# The whole of it: all_of_it SAMPLE ADDRESS SECONDS COMMAND...
all_of_it() {
	tunnel_up
	sample "$1"
	kernel_up
	ftp_up 300000 $SERVER4 $SERVER6
	serve_in client host server
	press_up
	daemon_up
	count_anew
	applied_anew
	as_ruled "at first"
	ftp_is_related
	segments_are_clamped
	nothing_passed "at first"
	outlives_kills "$2"
	outlives_restart "${@:3}"
	# A client of WireGuard would take another half a minute to notice.
	[ $VPN = wg0 ] || closed_while_dead "${@:3}"
	press_down
	clients_differ
	ends_well
}
