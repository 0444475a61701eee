#!/bin/bash
# Segment sizes clamped by rules, seen from both ends of real connections: bulk goes on in
# super-packets, and its checksums are right.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

configure_wg0
rules <<-END
	table inet mangle {
		chain forward {
			type filter hook forward priority mangle; policy accept;
		}
	}
END
# The client knows nothing of what the tunnel carries: what clamping is for.
ip -n "$PREFIX-client" link set wg0 mtu 1500
# Both ends are to check sums: the host, which has them from us to fill in, computes them.
in_host "$HERE/traffic.py" compute wg0 >"$WORK/compute" || die "no sums: $(cat "$WORK/compute")"
in_host "$HERE/traffic.py" compute eth0 >"$WORK/compute" || die "no sums: $(cat "$WORK/compute")"
serve_in server
daemon_up

bad_sums() {
	local ns
	for ns in client server; do
		ip netns exec "$PREFIX-$ns" nstat -asz | awk '/InCsumErrors/ { n += $2 } END { print n }'
	done
}
# clamped SIZE SENT4 RECEIVED4 SENT6 RECEIVED6: what a segment carries beside its timestamps.
clamped() {
	local t before
	ctl flush chain inet mangle forward
	ctl add rule inet mangle forward tcp flags syn / syn,rst \
		counter tcp option maxseg size set $1
	for t in "$SERVER4 $2 $3" "$SERVER6 $4 $5"; do
		set -- $t
		before=$(status super_packets)
		says "bulk to $1 is in segments of $2" "open 8000000 bytes in segments of $2 and $3" \
			traffic_in client transfer "$1" 5001 8000000
		ok "in super-packets" test "$(status super_packets)" -gt $((before + 50))
	done
	ok "SYN and its answer met the rule, and nothing else" \
		grep -q 'counter packets 4 ' <(ctl list ruleset)
}
clamped "rt mtu" 1368 1368 1348 1348
clamped 1000 988 988 988 988
# It never grows; and then the server learns of the tunnel by ICMP.
clamped 9000 1448 1368 1428 1348
says "every sum was right" "$(printf '0\n0')" bad_sums
ends_well
