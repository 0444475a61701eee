#!/bin/bash
# A real OpenVPN server with its client, filtered by the sample configuration for it: what the
# rules say, and that nothing else ever passes, while OpenVPN or ctfwd is restarted or killed.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
. "$HERE/vpn.sh"
VPN=tun0
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
}

tunnel_up
sample openvpn
kernel_up
ftpd_up
serve_in client host server
daemon_up
press_up
as_ruled "at first"
ftp_is_related
segments_are_clamped
nothing_passed "at first"

talk_up client $SERVER4 --rounds 100000
ok "a filter is killed under traffic" kill -9 "$(status filter_pid)"
ok "and a conversation goes on" talk_goes_on
ok "the daemon is killed" shoot "$daemon"
sleep 0.5
daemon_up
ok "and started: the conversation goes on" talk_goes_on
nothing_passed "after kills"

# OpenVPN anew: its interface goes, and comes with another number.
was=$(in_host cat /sys/class/net/$VPN/ifindex)
kill -TERM $host_pid
wait $host_pid
: >"$WORK/host/log"
ok "the interface is gone" wait_until 5 sh -c "! ip -n $PREFIX-host link show $VPN"
peer_up host
ok "the interface is another" test "$(in_host cat /sys/class/net/$VPN/ifindex)" != "$was"
ok "the client is back" wait_until 20 ping_in client $HOST4
ok "the conversation goes on" talk_goes_on 30
as_ruled "after OpenVPN's restart"
nothing_passed "after OpenVPN's restart"

press_down
ends_well
