#!/bin/bash
# The kernel masquerades what ctfwd filters (conf/nat/kernel.nft), by notrack or by a zone.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
. "$HERE/nat.sh"
begin
far_up
serve_in client server far

in_host nft -f "$SOURCE/conf/nat/kernel.nft"
kernel_hops=$(all_hops)
in_host nft flush ruleset
configure_wg0
rules <<-END
	table inet filter {
		chain forward {
			type filter hook forward priority filter; policy drop;
			ct state established,related accept
			iifname "wg0" ct state new accept
		}
	}
END
daemon_up
for way in notrack "ct zone set 7"; do
	sed "s/notrack/$way/" "$SOURCE/conf/nat/kernel.nft" >"$WORK/kernel.nft"
	in_host nft -f "$WORK/kernel.nft"
	watch_up
	echo "---- by $way"
	masqueraded $HOSTNET4 $HOSTNET6
	sums_are_right
	in_host nft flush ruleset
	in_host conntrack -F 2>/dev/null
	ctl conntrack -F >/dev/null 2>&1
done
in_host nft -f "$SOURCE/conf/nat/kernel.nft"
senders_plain
watch_up
ok "every hop answers" same "$kernel_hops" "$(all_hops)"
finds_mtus
ok "the server learns what the client's link carries, IPv4" server_learns $HOSTNET4 $SERVER4
ok "the server learns what the client's link carries, IPv6" server_learns $HOSTNET6 $SERVER6
sums_are_right
# The lines are needed: without them answers find no way.
in_host nft delete chain inet ctfw-masquerade raw
in_host conntrack -F 2>/dev/null
says "without them there are no answers" silent traffic_in client tcp $SERVER4 80 --timeout 0.5
ends_well
