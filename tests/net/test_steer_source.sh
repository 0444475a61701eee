#!/bin/bash
# The kernel's look at sources is what refuses clients' broadcasts while they are not led; what
# the host itself sends to them is not to come to more harm by it than that it does not arrive.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin
told() { in_host "$HERE/told.py" "$@"; }
# Whether a datagram from the host to a client comes back to the host's own service.
heard() { in_host nft list table inet heard | grep -q 'packets [1-9]'; }

configure_wg0
rules <<-END
	table inet filter {
		chain input { type filter hook input priority 0; policy accept; }
		chain output { type filter hook output priority 0; policy accept; }
	}
END
serve_in client host
in_host nft -f - <<-END
	table inet heard {
		chain in {
			type filter hook input priority 0
			ip daddr $CLIENT4 counter
		}
	}
END
# As in a namespace that was made just now.
in_host ip link set lo down
daemon_up
ok "the daemon starts while lo is down" filtering
in_host ip link set lo up
closes() { in_host ip route show table 110 | grep 'dev lo' | grep -qv 'scope host'; }
ok "and closes for sources once it is up" wait_until 2 closes
says "open: a datagram is sent" sent told udp $CLIENT4 9
says "open: a connection is made" sent told tcp $CLIENT4 22

# The host serves the same port: what it sends to the client is not for that.
talk_up host $CLIENT4 --rounds 100000 --pause 0.01
in_host ip link del wg0
ok "gone: status waits" wait_until 2 sh -c \
	"! ip -n $PREFIX-host route show table 110 | grep -q wg0-out"
says "gone: a connection is refused in words that say so" "No route to host" told tcp $CLIENT4 22
says "gone: a datagram goes nowhere" sent told udp $CLIENT4 7
says "gone: nor does one that might be a broadcast" sent told everybody $CLIENT4 7
sleep 1
not_ok "gone: the host hears nothing of what it sent" heard
vpn_up
ok "made anew: the host's conversation goes on" talk_goes_on
kill $talk
shoot $daemon
says "dead: a connection is refused in words that say so" "No route to host" told tcp $CLIENT4 22
says "dead: what might be a broadcast goes nowhere" sent told everybody $CLIENT4 7
not_ok "dead: the host hears nothing of what it sent" heard
# As OpenVPN does, which names no interface.
ok "dead: a route by a client can be made" in_host ip route add 192.0.2.0/24 via $CLIENT4
in_host ip route del 192.0.2.0/24
says "dead: a datagram with a source is told, too" "No route to host" \
	told udp $CLIENT4 9 $HOST4
# What a former version left was in the way of such routes.
in_host ip route del 10.8.0.0/24 table 110
in_host ip route add multicast 10.8.0.0/24 dev lo scope host table 110 metric 4278198272 \
	protocol kernel
daemon_up
ok "alive again: a former version's closes no more, and ours does" wait_until 2 closes
ok "alive again: the host reaches the client" wait_until 2 ping_in host $CLIENT4
ends_well
ok "stopped: the host reaches the client" ping_in host $CLIENT4

# Everything is behind it: who is in no smaller network is a client as well.
configure <<-END
	[capture wg0]
	networks = 0.0.0.0/0 ::/0
END
in_host nft -f - <<-END
	table inet heard {
		chain everybody {
			type filter hook input priority 0
			iifname wg0 ip daddr 255.255.255.255 counter
		}
	}
END
anew() {
	in_host sysctl -qw net.ipv4.conf.default.rp_filter=0
	in_host ip link del wg0
	vpn_up
	sleep 0.3
}
daemon_up
ok "all captured: the host reaches the client" wait_until 2 ping_in host $CLIENT4
ip netns exec "$PREFIX-client" "$HERE/broadcast.py" wg0 9 $CLIENT4 198.51.100.99 >"$WORK/sent" &
sender=$!
anew
not_ok "all captured, made anew: no broadcast arrives" heard
shoot $daemon
# A loose filter would refuse what has no way back.
in_host sysctl -qw net.ipv4.conf.all.rp_filter=0
anew
not_ok "all captured, dead: no broadcast arrives" heard
in_host sysctl -qw net.ipv4.conf.eth0.rp_filter=0
in_server ip neigh flush dev eth0
shut server $HOSTNET4
ok "all captured, dead: ARP of others in these networks is answered" sh -c \
	"ip -n $PREFIX-server neigh show $HOSTNET4 | grep -q lladdr"
in_host ip rule del pref 118
ok "without the rule they arrive" wait_until 2 heard
shoot $sender
