#!/bin/bash
# A real OpenVPN server with its client, filtered by the sample configuration for it: what the
# rules say, and that nothing else ever passes, while OpenVPN or ctfwd is restarted or killed.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
. "$HERE/vpn.sh"
VPN=${VPN:-tun0}
begin
command -v openvpn >/dev/null || skip "needs openvpn"

# Each side knows the other by its certificate alone.
for side in client host; do
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
		-subj "/CN=$side" -keyout "$WORK/$side/key" -out "$WORK/$side/crt" 2>/dev/null ||
		die "no certificate"
done
print_of() { openssl x509 -in "$WORK/$1/crt" -noout -fingerprint -sha256 | cut -d= -f2; }
cat >"$WORK/host/conf" <<END
dev $VPN
local $WAN_HOST
topology subnet
server 10.8.0.0 255.255.255.0
server-ipv6 fd08::/64
client-config-dir $WORK/host/clients
route 192.168.5.0 255.255.255.0 $CLIENT4
dh none
peer-fingerprint $(print_of client)
keepalive 1 4
END
mkdir "$WORK/host/clients"
cat >"$WORK/host/clients/client" <<END
ifconfig-push $CLIENT4 255.255.255.0
ifconfig-ipv6-push $CLIENT6/64 $HOST6
push "redirect-gateway def1 ipv6"
END
cat >"$WORK/client/conf" <<END
client
dev $VPN
remote $WAN_HOST
nobind
peer-fingerprint $(print_of host)
connect-retry 1 1
connect-timeout 2
END
peer_up() {
	ip netns exec "$PREFIX-$1" openvpn --config "$WORK/$1/conf" --key "$WORK/$1/key" \
		--cert "$WORK/$1/crt" >>"$WORK/$1/log" 2>&1 &
	eval "$1_pid=$!"
	wait_until 15 grep -q 'Initialization Sequence Completed' "$WORK/$1/log" ||
		die "no OpenVPN in $1: $(tail -n 5 "$WORK/$1/log")"
	# By a gateway, without naming the interface.
	[ "$1" != host ] || ok "OpenVPN has made its route" \
		sh -c "ip -n $PREFIX-host route show 192.168.5.0/24 | grep -q via"
}

host_down() {
	kill -TERM $host_pid
	wait $host_pid
}
has_client() { grep -q 'Initialization Sequence Completed' "$WORK/client/log"; }
client_is() {
	case $1 in
	staff) ctl add element inet filter staff "{ $CLIENT4 timeout 12h }" ;;
	guest) ctl delete element inet filter staff "{ $CLIENT4 }" ;;
	esac
}
all_of_it openvpn $SERVER4 30 host_down
