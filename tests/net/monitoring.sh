# monitoring.sh - words for tests that what `monitor` tells is what nft's tells.  Sourced after
# daemon.sh.  A test says by `plain FILE` what of it is to be the same, and by `act TOOL` what there
# is to be told of.

# tell FILE TOOL MONITOR...: what this monitor of TOOL's, in the host, writes of that.
tell() {
	local file=$1 tool=$2 pid
	ip netns exec "$PREFIX-host" "$tool" "${@:3}" >"$file" 2>&1 &
	pid=$!
	wait_until 10 listens $pid && in_host "$tool" list tables >/dev/null
	act "$tool"
	wait_until 10 told "$file" $pid
	kill $pid
	wait $pid 2>/dev/null
}
# The kernel tells at once; the daemon, which is the second, a moment later.
told() {
	listens "$2" && { [ ! -e "$WORK/nft.plain" ] || plain "$1" | cmp -s - "$WORK/nft.plain"; }
}
