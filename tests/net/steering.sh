# steering.sh - words for tests of steering alone: the reflector, and who passes it.  Sourced
# after lib.sh; the configuration is $WORK/conf.

# With arguments: a command to run it under.
reflector_up() {
	mkdir -p "$WORK/log"
	: >"$WORK/out"
	ip netns exec "$PREFIX-host" "$@" "$BUILD/tests/net/net-reflector" "$WORK/conf" "$WORK/log" \
		>"$WORK/out" 2>"$WORK/err" &
	reflector=$!
	wait_until 5 grep -q ready "$WORK/out" || die "$(cat "$WORK/err")"
}
reflector_down() {
	kill -TERM "$reflector"
	wait "$reflector"
}
# It does not start, and says why.  Arguments as above.
refusal() {
	mkdir -p "$WORK/log"
	timeout 10 ip netns exec "$PREFIX-host" "$@" "$BUILD/tests/net/net-reflector" "$WORK/conf" \
		"$WORK/log" 2>&1 >/dev/null
}

passed() { grep -c 'proto \(1\|58\) ' "$WORK/log/$1"; }
# through IN OUT NAMESPACE ADDRESS [INTERFACE]: a ping is answered, and so many packets passed
# each port.  Not counted: what the host says to the port itself, reports of multicast groups.
through() {
	local want="$1 $2" ns=$3 address=$4 dev=${5:-wg0} f
	for f in "$WORK/log/"*; do
		: >"$f"
	done
	ping_in "$ns" "$address" >/dev/null || { echo "no answer"; return 1; }
	[[ "$(passed "$dev-in") $(passed "$dev-out")" = $want ]] || { grep . "$WORK/log/"*; return 1; }
}
shut() { ! WAIT=0.3 ping_in "$@"; }

# What is in the host of rules, routes, filters: to compare.
state() {
	in_host ip rule; in_host ip -6 rule
	in_host ip route show table all; in_host ip -6 route show table all
	in_host tc filter show dev wg0 ingress; in_host tc qdisc show dev wg0
}
# The same without what changes by itself, and the kernel's numbers of hash tables.
settled() { state | grep -v 'fe80::\|ff00::\|index ' | sed 's/\(fh\|ht\) 8[0-9a-f][0-9a-f]/\1 800/g'; }
same() { diff <(echo "$1") <(echo "$2"); }
