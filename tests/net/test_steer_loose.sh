#!/bin/bash
# net.ipv4.conf.all.rp_filter = 2, as Ubuntu has it: the kernel looks at the source of all that
# comes out of a TUN, and finds nothing wrong; set and unset while the daemon runs.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
NAMESPACES="client client2 host server"
begin
client_up client2 wg1 1
# The networks of both lie within one prefix of the clients.
ip -n "$PREFIX-client" route add 10.8.1.0/24 dev wg0

configure <<-END
	[capture wg0]
	networks = 10.8.0.0/24 fd08::/64
	[capture wg1]
	networks = 10.8.1.0/24 fd08:0:0:1::/64
	[tun fw0]
	role = return
	interface = eth0
END
loose() { in_host sysctl -qw net.ipv4.conf.all.rp_filter="$1"; }
restored() { ctl status -j | python3 -c 'import json, sys
print(sum(json.load(sys.stdin)["steering"]["restored"].values()))'; }
# What passes now: to and from both, between them, and from a client to another.
passes() {
	local t
	for t in "client $SERVER4" "client $SERVER6" "client $HOST4" "client $HOST6" \
		"client $HOSTNET4" "server $CLIENT4" "server $CLIENT6" "host $CLIENT4" \
		"host $CLIENT6" "client2 $SERVER4" "client2 10.8.1.1" "server 10.8.1.2" \
		"host 10.8.1.2" "client 10.8.1.2" "client2 $CLIENT4"; do
		ok "$1: ${t/ / to }" wait_until 2 ping_in $t
	done
	ip netns exec "$PREFIX-client" nft -f - <<-END
		table ip back
		delete table ip back
		table ip back {
			chain in {
				type filter hook prerouting priority 0
				iifname wg0 ip daddr 10.8.0.77 icmp type echo-request counter drop
			}
		}
	END
	shut client 10.8.0.77
	ok "$1: from a client to another" sh -c \
		"ip netns exec $PREFIX-client nft list table ip back | grep -q 'packets [1-9]'"
	says "$1: and the rules hold: forward" silent traffic_in client tcp $SERVER4 80 --timeout 0.4
	says "$1: and the rules hold: input" silent traffic_in client tcp $HOST4 80 --timeout 0.4
	says "$1: and the rules hold: from outside" silent \
		traffic_in server tcp $CLIENT4 80 --timeout 0.4
}
# The captured interface, or the way that comes in by it.
first_rule() { in_host ip "$1" rule | awk '/^0:.*iif wg0 / { print $NF }'; }
is_loose() { [ "$(first_rule -4) $(first_rule -6)" = "78 unreachable" ]; }
is_plain() { [ "$(first_rule -4) $(first_rule -6)" = "unreachable unreachable" ]; }

rules_plain
serve_in client host server
before=$(state)

# ---- from the start ----

loose 2
daemon_up
ok "it starts, and is led in" wait_until 5 is_loose
passes "loose"
steer show >"$WORK/show"
ok "nothing is missing" grep -q '^All [0-9]* are there\.$' "$WORK/show"
steer check >"$WORK/check"
ok "check finds other things" grep -q '^Found: ' "$WORK/check"
not_ok "and has nothing against it" grep -q rp-filter "$WORK/check"
fillers() { in_host ip -o addr show to 192.0.0.8 | grep -c '192.0.0.8/32 scope host'; }
ok "each TUN has an address that nobody speaks by" test "$(fillers)" = 5
says "the host speaks with its own" "open $HOST4" traffic_in host tcp $CLIENT4 22

# Without its filters, what enters goes in all the same.
talk_up client $SERVER4 --rounds 100000 --pause 0.01
kill -STOP $daemon
in_host tc qdisc del dev wg0 clsact
says "not redirected: the rules hold: forward" silent \
	traffic_in client tcp $SERVER4 80 --timeout 0.4
says "not redirected: the rules hold: input" silent \
	traffic_in client tcp $HOST4 80 --timeout 0.4
ok "not redirected: IPv4 is filtered" talk_goes_on
ok "not redirected: IPv6 is shut" shut client $HOST6
kill -CONT $daemon
in_host ip link set wg0 down
in_host ip link set wg0 up
in_host ip addr add $HOST6/64 dev wg0
ok "down and up: a conversation goes on" talk_goes_on
in_host ip addr flush dev wg0-out
ok "an address that others take is put back" wait_until 1 sh -c \
	"ip -n $PREFIX-host addr show dev wg0-out | grep -q 192.0.0.8"
ok "and it goes on" talk_goes_on
passes "loose, all of that behind it"

# ---- while it runs ----

count=$(restored)
loose 0
ok "0: it is as it always was" wait_until 1 is_plain
ok "0: a conversation goes on" talk_goes_on
passes "0"
loose 2
ok "2: it is followed" wait_until 1 is_loose
ok "2: a conversation goes on" talk_goes_on
loose 1
ok "1: that is told" wait_until 2 grep -q 'all.rp_filter was set to 1' "$WORK/daemon.log"
not_ok "1: the conversation stands" talk_goes_on 1
loose 2
ok "2 again: and goes on" talk_goes_on
loose 0
ok "0 again" wait_until 1 is_plain
loose 3
ok "3: it is as 2" wait_until 1 is_loose
ok "3: a conversation goes on" talk_goes_on
ok "none of that counts as deleted by others" test "$(restored)" = "$count"
kill $talk

# ---- closed ----

crash
all_shut "killed"
in_host ip link del wg0
vpn_up
all_shut "killed, and made anew"
daemon_up
ok "started again: it is led in" wait_until 5 is_loose
passes "started again"
in_host "$BUILD/ctfwd" -c "$WORK/ctfwd.conf" --guard
sleep 0.2
ends_well
all_shut "stopped, guarded"
ok "the guard needs no table of an interface" test -z "$(in_host ip route show table 78)"
in_host "$BUILD/ctfwd" -c "$WORK/ctfwd.conf" --guard-off
sorted() { sed 's/@if.*//' | sort; }
ok "the end leaves the host as it was" same "$(sorted <<<"$before")" "$(state | sorted)"
all_open "the end"
