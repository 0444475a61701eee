#!/bin/bash
# Steering alone, with a reflector in the place of ctfwd: what passes through which port, and
# what still passes when redirect, reflector or all of it is gone.
. "$(dirname "$0")/lib.sh"
. "$HERE/steering.sh"
begin

cat >"$WORK/conf" <<-END
	[capture wg0]
	networks = 10.8.0.0/24 fd08::/64
END
before=$(state)
reflector_up
ok "client to server is forwarded through both, IPv4" through 1 1 client $SERVER4
ok "client to server is forwarded through both, IPv6" through 1 1 client $SERVER6
ok "server to client is forwarded through both, IPv4" through 1 1 server $CLIENT4
ok "server to client is forwarded through both, IPv6" through 1 1 server $CLIENT6
ok "client to host is input, IPv4" through 1 1 client $HOST4
ok "client to host is input, IPv6" through 1 1 client $HOST6
ok "client to the host's other address is input, IPv4" through 1 1 client $HOSTNET4
ok "client to the host's other address is input, IPv6" through 1 1 client $HOSTNET6
ok "host to client is output, IPv4" through 1 1 host $CLIENT4
ok "host to client is output, IPv6" through 1 1 host $CLIENT6
ok "host to itself meets no port, IPv4" through 0 0 host $HOST4
ok "host to itself meets no port, IPv6" through 0 0 host $HOST6
ok "host to server meets no port, IPv4" through 0 0 host $SERVER4
ok "host to server meets no port, IPv6" through 0 0 host $SERVER6
ok "server to host meets no port, IPv4" through 0 0 server $HOSTNET4
ok "server to host meets no port, IPv6" through 0 0 server $HOSTNET6
: >"$WORK/log/wg0-out"
in_host ping -n -q -c1 -W1 $CLIENT4 >/dev/null
ok "the host speaks with its address in the network" grep -q "^$HOST4 > $CLIENT4" "$WORK/log/wg0-out"

serve_in host server client
for t in "client $HOST4 $CLIENT4" "client $HOST6 $CLIENT6" "client $SERVER4 $CLIENT4" \
	"client $SERVER6 $CLIENT6" "server $CLIENT4 $SERVER4" "server $CLIENT6 $SERVER6" \
	"host $CLIENT4 $HOST4" "host $CLIENT6 $HOST6"; do
	set -- $t
	says "tcp $1 to $2" "open $3" traffic_in "$1" tcp "$2" 80
	says "udp $1 to $2" "answered $3" traffic_in "$1" udp "$2" 53
done

in_host ip link show wg0-in >"$WORK/link"
ok "a port has the MTU of its interface" grep -q 'mtu 1420' "$WORK/link"
not_ok "a port has no link-local address" sh -c "ip -n $PREFIX-host -6 addr show dev wg0-in | grep -q fe80"
closes=unreachable
[ "${CTFW_RP_FILTER-}" != 2 ] || closes=78
ok "one local rule, at priority 0, after ours" \
	test "$(in_host ip rule | awk '/^0:/ { printf "%s ", $NF }')" = "$closes local "
ok "the same for IPv6" \
	test "$(in_host ip -6 rule | awk '/^0:/ { printf "%s ", $NF }')" = "unreachable local "

# The redirect gone, as when an interface is made anew.
reflector_down
STILL=1 reflector_up
in_host tc qdisc del dev wg0 clsact
for t in $SERVER4 $SERVER6 $HOST4 $HOST6; do
	if [[ ${CTFW_RP_FILTER-} = 2 && $t != *:* ]]; then
		ok "without redirect: client to $t is led in all the same" through 1 "[01]" client $t
	else
		ok "without redirect: client to $t is shut" shut client $t
	fi
done

# Killed, then started again on top of what it left.
shoot $reflector
for t in "client $SERVER4" "client $SERVER6" "client $HOST4" "client $HOST6" "server $CLIENT4" \
	"server $CLIENT6" "host $CLIENT4" "host $CLIENT6"; do
	ok "killed: ${t/ / to } is shut" shut $t
done
ok "killed: host to server goes on" ping_in host $SERVER4
ok "killed: server to host goes on" ping_in server $HOSTNET6
reflector_up
once=$(settled)
ok "after a kill a new one takes over, IPv4" through 1 1 client $SERVER4
ok "after a kill a new one takes over, IPv6" through 1 1 client $HOST6
shoot $reflector
ok "killed with its filters in place: client to host is shut" shut client $HOST4
reflector_up
ok "taking over twice leaves things as they were" same "$once" "$(settled)"
ok "and works" through 1 1 client $SERVER6

# An orderly end leaves nothing.
kill -TERM $reflector
wait $reflector
ok "an orderly end has status 0" test $? = 0
ok "an orderly end leaves the host as it was" same "$before" "$(state)"
ok "and open" ping_in client $SERVER4
