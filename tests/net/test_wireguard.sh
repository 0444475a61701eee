#!/bin/bash
# A real WireGuard (in userspace) between client and host, filtered by the sample configuration
# for it: what the rules say, and that nothing else ever passes, while either is restarted.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
. "$HERE/vpn.sh"
VPN=wg0
begin
command -v wireguard-go >/dev/null && command -v wg >/dev/null || skip "needs wireguard-go and wg"

for side in client host; do
	(umask 077; wg genkey >"$WORK/$side/key"; wg pubkey <"$WORK/$side/key" >"$WORK/$side/pub")
done
cat >"$WORK/host/conf" <<END
[Interface]
PrivateKey = $(cat "$WORK/host/key")
ListenPort = 51820
[Peer]
PublicKey = $(cat "$WORK/client/pub")
AllowedIPs = $CLIENT4/32, $CLIENT6/128
END
cat >"$WORK/client/conf" <<END
[Interface]
PrivateKey = $(cat "$WORK/client/key")
[Peer]
PublicKey = $(cat "$WORK/host/pub")
Endpoint = $WAN_HOST:51820
AllowedIPs = 0.0.0.0/0, ::/0
PersistentKeepalive = 1
END
# The socket by which wg(8) speaks to it is named after the interface: a file system for each.
peer_up() {
	local ns=$PREFIX-$1 v4=$HOST4 v6=$HOST6
	[ "$1" = host ] || { v4=$CLIENT4; v6=$CLIENT6; }
	: >"$WORK/$1/log"
	ip netns exec "$ns" unshare -m sh -c '
		mkdir -p /var/run/wireguard && mount -t tmpfs none /var/run/wireguard || exit
		wireguard-go -f "$1" &
		until wg setconf "$1" "$2" 2>/dev/null; do sleep 0.05; done
		echo ready
		wait' sh $VPN "$WORK/$1/conf" >>"$WORK/$1/log" 2>&1 &
	disown
	wait_until 10 grep -q ready "$WORK/$1/log" ||
		die "no WireGuard in $1: $(tail -n 5 "$WORK/$1/log")"
	ip -n "$ns" addr add $v4/24 dev $VPN
	ip -n "$ns" addr add $v6/64 dev $VPN
	ip -n "$ns" link set $VPN mtu 1420 up
	if [ "$1" = client ]; then
		ip -n "$ns" route add default dev $VPN
		ip -n "$ns" -6 route add default dev $VPN
	fi
}

tunnel_up
sample wireguard
kernel_up
ftpd_up
serve_in client host server
daemon_up
press_up
as_ruled "at first"
ftp_is_related
segments_are_clamped
nothing_passed "at first"

talk_up client $SERVER6 --rounds 100000
ok "a filter is killed under traffic" kill -9 "$(status filter_pid)"
ok "and a conversation goes on" talk_goes_on
ok "the daemon is killed" shoot "$daemon"
sleep 0.5
daemon_up
ok "and started: the conversation goes on" talk_goes_on
nothing_passed "after kills"

was=$(in_host cat /sys/class/net/$VPN/ifindex)
in_host ip link del $VPN
ok "the interface is gone" wait_until 5 sh -c "! ip -n $PREFIX-host link show $VPN"
peer_up host
ok "the interface is another" test "$(in_host cat /sys/class/net/$VPN/ifindex)" != "$was"
# It notices after 15 seconds that nobody answers any more.
ok "the client is back" wait_until 20 ping_in client $HOST4
ok "the conversation goes on" talk_goes_on 45
as_ruled "after WireGuard's restart"
nothing_passed "after WireGuard's restart"

press_down
ends_well
