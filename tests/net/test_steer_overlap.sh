#!/bin/bash
# Captured interfaces whose networks overlap: by which of them a broadcast came is not asked when
# its source is looked at, so none may come by one that is not led; and what the host itself
# sends to the clients of the other arrives all the same.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
NAMESPACES="client client2 host server"
begin
# What a new interface begins with; the kernel's own default.
in_host sysctl -qw net.ipv4.conf.default.rp_filter=0

count() {
	in_host nft -f - <<-END
		table inet seen
		delete table inet seen
		table inet seen {
			chain in {
				type filter hook input priority -10
				iifname wg1 ip daddr 255.255.255.255 jump sources
			}
			chain sources {
				ip saddr $CLIENT4 counter
				ip saddr 10.8.1.2 counter
			}
		}
	END
}
seen() { in_host nft list table inet seen | grep -q 'packets [1-9]'; }
both_seen() { [ "$(in_host nft list table inet seen | grep -c 'packets [1-9]')" = 2 ]; }
waits() { [ "$(status steering waiting)" = '["wg1"]' ]; }
led() { in_host tc filter show dev wg1 ingress | grep -q wg1-in; }
anew() { client_up client2 wg1 1; }
# Whether what the host sends is told from what clients do.
told() { in_host ip rule | grep -q '^117:'; }

# tried NETWORKS WORDS: wg1 has these, beside wg0 with 10.8.0.0/24.
tried() {
	configure <<-END
		[capture wg0]
		networks = 10.8.0.0/24
		[capture wg1]
		networks = $1
	END
	anew
	daemon_up
	wait_until 2 led
	count
	for _ in 1 2 3 4 5; do
		in_host ip link del wg1
		sleep 0.1
		anew
		wait_until 2 led
		sleep 0.05
	done
	not_ok "$2, made anew beside one that is led: no broadcast arrives" seen

	in_host ip link del wg1
	wait_until 2 waits
	ok "$2, away: the host reaches the other's client" ping_in host $CLIENT4
	says "$2, away: by TCP" "open $HOST4" traffic_in host tcp $CLIENT4 22
	says "$2, away: from a socket bound to no address" answered in_host "$HERE/told.py" \
		asked $CLIENT4 7
	# With such a rule the kernel finds the protocol of all that comes in.
	in_host ip rule add pref 9 ipproto gre lookup main
	ok "$2, away: others' rule is noticed" wait_until 2 eval '! told'
	anew
	wait_until 2 led
	sleep 0.05
	not_ok "$2, made anew, with others' rule: no broadcast arrives" seen
	in_host ip rule del pref 9
	ok "$2: and when it is gone" wait_until 2 told

	shoot $daemon
	in_host ip link del wg1
	anew
	sleep 0.3
	not_ok "$2, made anew, dead: no broadcast arrives" seen
	while in_host ip rule del pref 118 2>/dev/null; do :; done
	ok "$2, without the rules: they arrive" wait_until 2 both_seen
	in_host ip link del wg1
}

rules <<-END
	table inet filter {
		chain input { type filter hook input priority 0; policy accept; }
		chain output { type filter hook output priority 0; policy accept; }
	}
END
serve_in client
ip netns exec "$PREFIX-client2" "$HERE/broadcast.py" wg0 9 $CLIENT4 10.8.1.2 >"$WORK/sent" &
sender=$!
tried "10.8.0.0/24 10.8.1.0/24" "the same network"
tried 0.0.0.0/0 "everything"
shoot $sender
daemon_up
ends_well
