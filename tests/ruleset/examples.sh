#!/bin/sh
# examples.sh RULESETCTL - the example files that nftables comes with (Debian puts them where
# EXAMPLES says) load where nft takes them, or are refused with a reason that is a TUN's: there
# are no frames, devices, sockets or security marks here.  Skipped where they are missing, or
# there is no right to make a namespace.
ctl=$1
examples=${EXAMPLES:-/usr/share/doc/nftables/examples}
ls "$examples"/*.nft >/dev/null 2>&1 || exit 77
command -v nft >/dev/null || exit 77
ns=ctfw-examples-$$
ip netns add $ns 2>/dev/null || exit 77
tmp=$(mktemp -d) || exit 1
trap 'ip netns del $ns; rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT PIPE TERM
failed=0

reasons='the family (arp|bridge|netdev) is not supported: |secmark'
for file in "$examples"/*.nft; do
	ip netns exec $ns nft flush ruleset
	ip netns exec $ns nft -f "$file" >"$tmp/theirs" 2>&1
	theirs=$?
	"$ctl" -f "$file" >"$tmp/ours" 2>&1
	ours=$?
	# The first error is what ends it.
	if [ $theirs = 0 ] && [ $ours != 0 ] &&
		! grep -m 1 -E '^[^ ]+:[0-9]+:[0-9]+: ' "$tmp/ours" | grep -Eq "$reasons"; then
		echo "$file: refused here, and nft takes it"
		cat "$tmp/ours"
		failed=1
	elif [ $theirs != 0 ] && [ $ours = 0 ] &&
		! grep -q "Interface does not exist" "$tmp/theirs"; then
		echo "$file: taken here, and nft refuses it"
		cat "$tmp/theirs"
		failed=1
	elif [ $theirs = 0 ] && [ $ours = 0 ]; then
		ip netns exec $ns nft -s list ruleset >"$tmp/theirs"
		"$ctl" -f "$file" -s "list ruleset" >"$tmp/ours"
		if ! diff -u "$tmp/theirs" "$tmp/ours"; then
			echo "$file: listed otherwise than by nft"
			failed=1
		fi
	fi
done
exit $failed
