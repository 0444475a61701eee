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

client_is() {
	case $1 in
	staff) ctl -f - <<<"delete element inet filter peers { $CLIENT4 }
			add element inet filter peers { $CLIENT4 : jump admin }" ;;
	guest) ctl -f - <<<"delete element inet filter peers { $CLIENT4 }
			add element inet filter peers { $CLIENT4 : jump guest }" ;;
	esac
}
# The client notices after 15 seconds that nobody answers any more.
all_of_it wireguard $SERVER6 45 in_host ip link del $VPN
