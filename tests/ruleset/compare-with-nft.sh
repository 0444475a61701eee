#!/bin/sh
# compare-with-nft.sh RULESETCTL - nft is the yardstick: in a network namespace of its own the
# kernel lists every good/NAME.nft as good/NAME.list, byte for byte and with every option, and
# refuses every errors/NAME.nft.  A line "# nft accepts this: ..." in an error file says
# why we do not.  Skipped where there is no nft or no right to make a namespace.
ctl=$1
cd "$(dirname "$0")" || exit 1
command -v nft >/dev/null || exit 77
case $(nft --version) in
*v1.0.6*) ;;
*)
	echo "the listings are those of nft 1.0.6"
	exit 77
	;;
esac
ns=ctfw-ruleset-$$
ip netns add $ns 2>/dev/null || exit 77
tmp=$(mktemp -d) || exit 1
trap 'ip netns del $ns; rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT PIPE TERM
in_ns() { ip netns exec $ns "$@"; }
in_ns nft list ruleset >/dev/null 2>&1 || exit 77
failed=0

# compare FILE OPTIONS LISTING
compare() {
	in_ns nft $2 "$3" >"$tmp/nft" 2>&1
	"$ctl" -f "$1" $2 "$3" >"$tmp/ours" 2>&1
	if ! diff -u "$tmp/nft" "$tmp/ours" >"$tmp/diff"; then
		echo "$1: nft $2 $3 lists something else:"
		cat "$tmp/diff"
		failed=1
	fi
}

# A document line by line, without what is ours: the program's name, and what nft loses of
# comments and flags and of the family that a flow's addresses have.
document() {
	sed -e 's/{"metainfo": {[^}]*}}/M/' -e 's/}}, {/}},\n{/g' |
		sed -e '/^{"table"/s/, "flags": "[^"]*"//' \
			-e '/{"\(table\|chain\)": /s/, "comment": "[^"]*"//' \
			-e 's/, "auto-merge": true//' -e 's/"dynamic"//; s/, \]/]/' \
			-e 's/, "flags": \[\]//' -e 's/"map": "interval /"map": "/' \
			-e 's/"expires": [0-9]*/"expires": N/g' \
			-e 's/"key": "ip6\{0,1\} \([sd]addr\)"/"key": "\1"/g'
}

# compare_json FILE OPTIONS LISTING - unless it has a line "# text only: WHY"
compare_json() {
	grep -q '^# text only: ' "$1" && return
	in_ns nft -j $2 "$3" 2>&1 | document >"$tmp/nft"
	"$ctl" -f "$1" -j $2 "$3" 2>&1 | document >"$tmp/ours"
	if ! diff -u "$tmp/nft" "$tmp/ours" >"$tmp/diff"; then
		echo "$1: nft -j $2 $3 lists something else:"
		cat "$tmp/diff"
		failed=1
	fi
}

cd good || exit 1
for file in *.nft; do
	# Handles of tables begin at 1 in a new namespace only.
	ip netns del $ns
	ip netns add $ns || exit 1
	if ! in_ns nft -f "$file" >/dev/null 2>"$tmp/err"; then
		echo "$file: refused by nft"
		cat "$tmp/err"
		failed=1
		continue
	fi
	in_ns nft -a list ruleset >"$tmp/nft"
	if ! diff -u "$tmp/nft" "${file%.nft}.list"; then
		echo "$file: nft lists it as above, the .list file has it otherwise"
		failed=1
	fi
	for options in -a -n -s -p -y -S -T -t "-a -s" "-S -n"; do
		compare "$file" "$options" "list ruleset"
	done
	for options in "" -s -S -p; do
		compare_json "$file" "$options" "list ruleset"
	done
	for listing in "list tables" "list chains" "list chains ip" "list ruleset inet"; do
		compare_json "$file" "" "$listing"
	done
	for listing in "list tables" "list chains" "list tables ip" "list chains inet" \
		"list ruleset ip6" "list sets" "list maps" "list counters"; do
		compare "$file" "-a" "$listing"
	done
	# What only this file has to list.
	sed -n 's/^# also: //p' "$file" >"$tmp/also"
	while read -r listing; do
		compare "$file" "-a" "$listing"
		compare "$file" "-n" "$listing"
	done <"$tmp/also"
	# What changes what it lists: once, and the ruleset as it was loaded before each.
	(echo "counters"; sed -n 's/^# reset: //p' "$file") >"$tmp/resets"
	while read -r listing; do
		ip netns del $ns
		ip netns add $ns || exit 1
		in_ns nft -f "$file" >/dev/null
		compare "$file" "-a" "reset $listing"
	done <"$tmp/resets"
done

cd ../errors || exit 1
for file in *.nft; do
	grep -q '^# nft accepts this' "$file" && continue
	in_ns nft flush ruleset
	if in_ns nft -f "$file" >/dev/null 2>&1; then
		echo "$file: nft accepts it"
		failed=1
	fi
done
exit $failed
