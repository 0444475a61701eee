# lib.sh - three namespaces, real services in them, and words for tests.  Sourced by bash.
#
#   client   wg0   10.8.0.2   fd08::2
#              |   a veth made like a tunnel: no ARP, equal MAC addresses, MTU 1420
#   host     wg0   10.8.0.1   fd08::1
#            eth0  203.0.113.1    2001:db8:113::1
#              |
#   server   eth0  203.0.113.10   2001:db8:113::10
#
# client_up gives the host another tunnel with a client of its own behind it.  The host
# forwards, and the server knows the way back to the VPN.  Namespaces are called
# PREFIX-client and so on; PREFIX is new in every run, so that runs do not meet.  All that a
# test leaves, processes too, goes at its exit.  CTFW_RP_FILTER is net.ipv4.conf.all.rp_filter in
# the host.

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SOURCE=$(cd "$HERE/../.." && pwd)
BUILD=${CTFW_BUILD:-$SOURCE/build/dev}

CLIENT4=10.8.0.2 CLIENT6=fd08::2
HOST4=10.8.0.1 HOST6=fd08::1
SERVER4=203.0.113.10 SERVER6=2001:db8:113::10
HOSTNET4=203.0.113.1 HOSTNET6=2001:db8:113::1
TCP_PORTS=22,80,8080,5001
UDP_PORTS=53,7

NAMESPACES="client host server"
failures=0 tries=0

# ---- namespaces ----

in_client() { ip netns exec "$PREFIX-client" "$@"; }
in_host() { ip netns exec "$PREFIX-host" "$@"; }
in_server() { ip netns exec "$PREFIX-server" "$@"; }

# A veth between two namespaces that looks like a tunnel: LEFT NAME RIGHT NAME.
tunnel() {
	ip -n "$1" link add "$2" address 02:00:00:00:00:08 mtu 1420 type veth \
		peer name "$4" address 02:00:00:00:00:08 mtu 1420 netns "$3"
	ip -n "$1" link set "$2" arp off up
	ip -n "$3" link set "$4" arp off up
}

namespace_up() {
	ip netns add "$PREFIX-$1"
	ip netns exec "$PREFIX-$1" sysctl -qw \
		net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 \
		net.ipv6.conf.default.accept_dad=0 \
		net.ipv6.conf.default.router_solicitations=0 \
		net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=2 \
		net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
	ip -n "$PREFIX-$1" link set lo up
}

# client_up NAMESPACE INTERFACE N: behind INTERFACE of the host is 10.8.N.2, fd08:0:0:N::2.
client_up() {
	local client=$PREFIX-$1 dev=$2 v4=10.8.$3 v6=fd08:0:0:$3:
	tunnel "$client" wg0 "$PREFIX-host" "$dev"
	ip -n "$client" addr add "$v4.2/24" dev wg0
	ip -n "$client" addr add "$v6:2/64" dev wg0
	ip -n "$PREFIX-host" addr add "$v4.1/24" dev "$dev"
	ip -n "$PREFIX-host" addr add "$v6:1/64" dev "$dev"
	ip -n "$client" route add default dev wg0
	ip -n "$client" -6 route add default dev wg0
}

net_up() {
	local ns
	for ns in $NAMESPACES; do
		namespace_up "$ns"
	done
	in_host sysctl -qw net.ipv4.conf.all.rp_filter="${CTFW_RP_FILTER:-0}"
	server_up
	vpn_up
}
# Another one may take its place.
vpn_up() { client_up client wg0 0; }
server_up() {
	ip -n "$PREFIX-host" link add eth0 type veth peer name eth0 netns "$PREFIX-server"
	ip -n "$PREFIX-host" link set eth0 up
	ip -n "$PREFIX-server" link set eth0 up
	ip -n "$PREFIX-host" addr add $HOSTNET4/24 dev eth0
	ip -n "$PREFIX-host" addr add $HOSTNET6/64 dev eth0
	ip -n "$PREFIX-server" addr add $SERVER4/24 dev eth0
	ip -n "$PREFIX-server" addr add $SERVER6/64 dev eth0
	ip -n "$PREFIX-server" route add 10.8.0.0/16 via $HOSTNET4
	ip -n "$PREFIX-server" -6 route add fd08::/32 via $HOSTNET6
	in_host sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

# Services in NAMESPACE..., on all of TCP_PORTS and UDP_PORTS; returns when they answer.
serve_in() {
	local ns
	for ns; do
		ip netns exec "$PREFIX-$ns" "$HERE/traffic.py" serve --tcp $TCP_PORTS \
			--udp $UDP_PORTS >"$WORK/serve-$ns" 2>&1 &
		disown
	done
	for ns; do
		wait_until 10 grep -q ready "$WORK/serve-$ns" || die "no services in $ns"
	done
}

# What runs left that were killed outright: namespaces whose maker is no more.
sweep() {
	local ns maker pids
	for ns in $(ip netns list | sed -n 's/^\(ctfw-[0-9]*-[^ ]*\).*/\1/p'); do
		maker=${ns#ctfw-}
		maker=${maker%%-*}
		if gone "$maker" && [ ! -e "/run/ctfw-demo-$maker/kept" ]; then
			pids=$(ip netns pids "$ns" 2>/dev/null) && [ -n "$pids" ] &&
				kill -9 $pids 2>/dev/null
			ip netns del "$ns" 2>/dev/null
		fi
	done
	return 0
}

net_down() {
	local ns pids
	disown -a
	for ns in $NAMESPACES; do
		pids=$(ip netns pids "$PREFIX-$ns" 2>/dev/null) && [ -n "$pids" ] &&
			kill -9 $pids 2>/dev/null
	done
	for ns in $NAMESPACES; do
		ip netns del "$PREFIX-$ns" 2>/dev/null
	done
	return 0
}

# ---- waiting ----

# wait_until SECONDS COMMAND...: as soon as it succeeds; 1 when it never does.
wait_until() {
	local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ ${EPOCHREALTIME/[.,]/} -lt $end ] || return 1
		sleep 0.02
	done
}

# Kill a child, and wait until it is gone.
shoot() {
	disown "$1"
	kill -9 "$1"
	wait_until 5 gone "$1"
}
# Dead, though perhaps nobody has asked for its status: an orphan where process 1 does not.
gone() { ! kill -0 "$1" 2>/dev/null || grep -qs '^State:.Z' "/proc/$1/status"; }

# listens PID: a command that listens has asked for what it is to hear, and has heard all there is:
# it has a socket, and sleeps.
listens() {
	grep -q '^State:.S' "/proc/$1/status" && find "/proc/$1/fd" -lname 'socket:*' | grep -q .
}

# ---- what a test says ----

die() {
	echo "cannot test: $*" >&2
	exit 99
}

skip() {
	echo "skipped: $*"
	exit 77
}

# ok SENTENCE COMMAND...: the command succeeds.  It runs in this shell: it may wait for a child.
ok() {
	local what=$1 status
	shift
	tries=$((tries + 1))
	if "$@" >"$WORK/said" 2>&1; then
		echo "ok   $what"
	else
		status=$?
		failures=$((failures + 1))
		echo "FAIL $what"
		echo "     ${*:1:8} -> $status"
		sed 's/^/     /' "$WORK/said"
	fi
}

# not_ok SENTENCE COMMAND...: it fails.
not_ok() {
	local what=$1
	shift
	ok "$what" fails "$@"
}
fails() { ! "$@"; }

# says SENTENCE WORD COMMAND...: its output begins with the word.
says() {
	local what=$1 word=$2 out
	shift 2
	tries=$((tries + 1))
	out=$("$@" 2>&1)
	if [[ $out == "$word"* ]]; then
		echo "ok   $what"
	else
		failures=$((failures + 1))
		echo "FAIL $what"
		echo "     $* -> \"$out\", not \"$word\""
	fi
}

# Begin and end of a test file.
begin() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	[ -c /dev/net/tun ] || skip "needs /dev/net/tun"
	PREFIX=ctfw-$$
	WORK=$(mktemp -d "${TMPDIR:-/tmp}/ctfw-net.XXXXXX")
	trap finish EXIT
	trap 'exit 130' INT TERM
	sweep
	net_up || die "no network namespaces"
}

finish() {
	local status=$?
	trap - EXIT
	net_down
	[ $failures = 0 ] || [ ! -s "$WORK/daemon.log" ] ||
		{ echo "--- the daemon said:"; tail -n 60 "$WORK/daemon.log"; }
	rm -rf "$WORK"
	if [ $status = 0 ]; then
		echo "$tries checks, $failures failed"
		[ $failures = 0 ] || status=1
		[ $tries -gt 0 ] || status=1
	fi
	exit $status
}

# ---- traffic ----

# How many packets left by an interface: sent NAMESPACE INTERFACE; and whether they are so many.
sent() { ip netns exec "$PREFIX-$1" cat "/sys/class/net/$2/statistics/tx_packets"; }
sent_is() { [ "$(sent "$1" "$2")" -ge "$3" ]; }
ping_in() { ip netns exec "$PREFIX-$1" ping -n -q -c1 -W"${WAIT:-1}" "$2"; }
# The server has a file of BYTES for FTP at each ADDRESS: ftp_up BYTES ADDRESS...
ftp_up() {
	local address
	mkdir "$WORK/files"
	head -c "$1" /dev/urandom >"$WORK/files/file"
	for address in "${@:2}"; do
		in_server "$HERE/ftpd.py" "$address" "$WORK/files" >"$WORK/ftpd-$address" 2>&1 &
		disown
		wait_until 10 grep -q 'starting FTP' "$WORK/ftpd-$address" ||
			die "no FTP server: $(cat "$WORK/ftpd-$address")"
	done
}
# The client gets it as it is: fetch OPTIONS-OF-CURL... URL
fetch() {
	local seconds=${WAIT:-5}
	rm -f "$WORK/got"
	in_client curl -sS --connect-timeout "$seconds" --max-time $((seconds * 2)) \
		--tftp-blksize 512 -o "$WORK/got" "$@" && cmp "$WORK/files/file" "$WORK/got"
}
# traffic_in NAMESPACE ARGUMENTS-OF-TRAFFIC.PY...
traffic_in() {
	local ns=$1
	shift
	ip netns exec "$PREFIX-$ns" "$HERE/traffic.py" "$@"
}
