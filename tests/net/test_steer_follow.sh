#!/bin/bash
# Captured interfaces that come and go, as when OpenVPN restarts: they are waited for, followed,
# and nothing of them passes meanwhile.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin
# Else it drops what comes from networks that are closed, and a leak is not seen.
in_host sysctl -qw net.ipv4.conf.default.rp_filter=0

vpn_down() { in_host ip link del wg0; }
# With ARP, as a tap.
tap_up() {
	ip -n "$PREFIX-client" link add wg0 type veth peer name wg0 netns "$PREFIX-host"
	ip -n "$PREFIX-client" link set wg0 up
	ip -n "$PREFIX-host" link set wg0 up
	ip -n "$PREFIX-client" addr add $CLIENT4/24 dev wg0
	ip -n "$PREFIX-host" addr add $HOST4/24 dev wg0
	ip -n "$PREFIX-client" route add default via $HOST4
}
# What of the client arrives: at the server, in the host.
counters_up() {
	ip netns exec "$PREFIX-$1" nft -f - <<-END
		table inet seen {
			chain in {
				type filter hook input priority -10
				ip saddr $CLIENT4 counter
				ip6 saddr $CLIENT6 counter
			}
		}
	END
}
seen() {
	ip netns exec "$PREFIX-$1" nft list table inet seen | awk '/counter/ { n += $6 } END { print n }'
}
# Sends all the time, whatever becomes of its interface.
sender_up() {
	ip netns exec "$PREFIX-client" python3 - $SERVER4 $SERVER6 $HOST4 $HOST6 $HOSTNET4 >"$WORK/sent" <<-'END' &
		import signal, socket, sys, time
		signal.signal(signal.SIGTERM, lambda *a: (print(n, flush=True), sys.exit()))
		n = 0
		s = {f: socket.socket(f, socket.SOCK_DGRAM) for f in (socket.AF_INET, socket.AF_INET6)}
		while True:
		    for to in sys.argv[1:]:
		        try:
		            s[socket.AF_INET6 if ":" in to else socket.AF_INET].sendto(b"x", (to, 9))
		            n += 1
		        except OSError:
		            pass
		    time.sleep(0.0005)
	END
	sender=$!
}
waits() { [ "$(status steering waiting)" = "[\"$1\"]" ]; }
there() { [ "$(status steering waiting)" = "[]" ] &&
	in_host tc filter show dev wg0 ingress | grep -q wg0-in; }

# It is not there when the daemon starts.
vpn_down
configure_wg0
rules_plain
serve_in server host
daemon_up
ok "the daemon starts without the interface" filtering
ok "status waits for it" wait_until 2 waits wg0
ok "the log too" grep -q 'wg0 is not there: nothing of it passes' "$WORK/daemon.log"
ok "status says it to people" sh -c "'$BUILD/ctfwctl' --socket '$WORK/run/ctfwd.sock' status | grep -q 'NOT THERE'"
ok "what is for its networks goes nowhere" shut server $CLIENT4
vpn_up
ok "it comes: it is led here within a second" wait_until 1 there
for t in "client $SERVER4" "client $SERVER6" "client $HOST4" "client $HOST6"; do
	ok "it comes: ${t/ / to }" wait_until 2 ping_in $t
done
says "and filtered" silent traffic_in client tcp $SERVER4 80 --timeout 0.4
ok "a port has its MTU" sh -c "ip -n $PREFIX-host link show wg0-in | grep -q 'mtu 1420'"

# Below 1280 bytes there is no IPv6, and then there is again; never with link-local addresses.
in_host ip link set wg0 mtu 1200
port_mtu() { ip -n "$PREFIX-host" link show wg0-out | grep -q "mtu $1"; }
ok "its MTU is too small for IPv6: the ports follow" wait_until 2 port_mtu 1200
ok "and IPv4 goes on" wait_until 2 ping_in server $CLIENT4
in_host ip link set wg0 mtu 1420
ok "it grows again: the ports follow" wait_until 2 port_mtu 1420
in_host ip addr add $HOST6/64 dev wg0
for t in "client $SERVER6" "client $HOST6" "server $CLIENT4"; do
	ok "it grows again: ${t/ / to }" wait_until 2 ping_in $t
done
not_ok "a port has no link-local address" sh -c "ip -n $PREFIX-host -6 addr show dev wg0-in | grep fe80"

# A conversation outlives it.
serve_in client
talk_up client $SERVER4 --rounds 100000 --pause 0.01
vpn_down
ok "it goes: status waits" wait_until 2 waits wg0
vpn_up
ok "it comes again: a conversation goes on" talk_goes_on
in_host ip link set wg0 down
ok "taken down: status waits" wait_until 2 waits wg0
ok "taken down: what is for its networks goes nowhere" shut server $CLIENT4
in_host ip link set wg0 up
in_host ip addr add $HOST6/64 dev wg0
ok "up again: a conversation goes on" talk_goes_on
in_host ip link set wg0 down
in_host ip link set wg0 name other up
ok "renamed: status waits" wait_until 2 waits wg0
ok "renamed: it is captured no more" wait_until 2 sh -c \
	"! ip netns exec $PREFIX-host tc filter show dev other ingress | grep -q wg0-in"
in_host ip link set other down
in_host ip link set other name wg0 up
in_host ip addr add $HOST6/64 dev wg0
ok "renamed back: a conversation goes on" talk_goes_on
kill $talk
ok "nothing of that counts as deleted by others" test \
	"$(status steering restored rule) $(status steering restored filter)" = "0 0"
ends_well

# Rules that let nothing through: what arrives has gone around them.
rules <<-END
	table inet filter {
		chain forward { type filter hook forward priority 0; policy drop; }
		chain input { type filter hook input priority 0; policy drop; }
	}
END
daemon_up
counters_up server
counters_up host
sender_up
for _ in 1 2 3 4 5; do
	vpn_down
	vpn_up
	sleep 0.15
done
ok "made anew five times: nothing arrives at the server" test "$(seen server)" = 0
ok "made anew five times: nothing arrives in the host" test "$(seen host)" = 0
for _ in 1 2 3 4 5; do
	vpn_down
	sleep 0.1
	tap_up
	sleep 0.2
done
ok "with ARP: nothing arrives at the server" test "$(seen server)" = 0
ok "with ARP: nothing arrives in the host" test "$(seen host)" = 0
vpn_down
vpn_up
wait_until 2 there

# Dead, and then made anew.
shoot $daemon
wait_until 5 sh -c "! ip -n $PREFIX-host link show wg0-in"
vpn_down
vpn_up
sleep 0.3
ok "with the daemon dead, too: nothing arrives at the server" test "$(seen server)" = 0
ok "with the daemon dead, too: nothing arrives in the host" test "$(seen host)" = 0
kill -TERM $sender
wait $sender
ok "something was sent all the while ($(cat "$WORK/sent"))" test "$(cat "$WORK/sent")" -gt 500

# No rule is asked about 255.255.255.255: the look at its source is what refuses it, and that asks
# for the way back.
ip netns exec "$PREFIX-client" "$HERE/broadcast.py" wg0 9 $CLIENT4 >"$WORK/sent" &
sender=$!
# The larger one counts.
in_host sysctl -qw net.ipv4.conf.all.rp_filter=0
# anew RP_FILTER: the interface, with that from the beginning.
anew() {
	in_host sysctl -qw net.ipv4.conf.default.rp_filter="$1"
	vpn_down
	in_host nft flush table inet seen
	counters_up host
	vpn_up
}
arrive() { wait_until 2 sh -c \
	"ip netns exec $PREFIX-host nft list table inet seen | grep -q 'packets [1-9]'"; }
for value in 0 1 2; do
	anew $value
	sleep 0.3
	ok "dead, default.rp_filter $value: no broadcast arrives" test "$(seen host)" = 0
done
in_host ip rule del pref 118
anew 0
ok "dead, without the rule about sources: broadcasts arrive" arrive
daemon_up
for value in 0 0 0 0 0 1 2; do
	anew $value
	wait_until 2 there
	sleep 0.1
	ok "alive, default.rp_filter $value: no broadcast arrives" test "$(seen host)" = 0
done
# Its addresses are no news of that.
in_host sysctl -qw net.ipv6.conf.lo.disable_ipv6=1
in_host ip link set lo down
sleep 0.3
in_host ip link set lo up
ok "alive, lo down and up: what closes is put back" wait_until 2 sh -c \
	"ip -n $PREFIX-host route show table 110 | grep -q 'dev lo'"
anew 0
wait_until 2 there
ok "alive, lo down and up: no broadcast arrives" test "$(seen host)" = 0
in_host ip link set wg0-out group default
anew 0
wait_until 2 there
ok "a TUN in another group is put back" wait_until 2 sh -c \
	"ip -n $PREFIX-host link show wg0-out | grep -q 'group 51187'"
ok "and no broadcast arrives" test "$(seen host)" = 0
rules <<-END
	table inet filter {
		chain input { type filter hook input priority 0; policy accept; }
	}
END
ok "rules let them through" ctl reload
ok "and they arrive" arrive
kill -TERM $sender
wait $sender
ok "broadcasts were sent all the while ($(cat "$WORK/sent"))" test "$(cat "$WORK/sent")" -gt 500
