#!/bin/sh
# json.sh RULESETCTL - every good/NAME.nft as JSON: what is listed loads and lists the same, as
# JSON and in words.  Good documents of json/NAME.json list as json/NAME.list; bad ones, which
# have json/NAME.err, are refused with that.
ctl=$1
cd "$(dirname "$0")" || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT PIPE TERM
failed=0

# same WHAT: $tmp/got is as $tmp/want.
same() {
	if ! diff -u "$tmp/want" "$tmp/got" >"$tmp/diff"; then
		echo "$file: $1"
		cut -c1-400 "$tmp/diff"
		failed=1
	fi
}

cd good || exit 1
for file in *.nft; do
	# What lists as something else when it is loaded again does so as JSON, too.
	grep -q '^# no fixpoint\|^# text only: ' "$file" && continue
	for options in "" -n -S; do
		"$ctl" -f "$file" -j $options 'list ruleset' >"$tmp/json" 2>"$tmp/err" ||
			cat "$tmp/err"
		"$ctl" -j $options -f "$tmp/json" 'list ruleset' >"$tmp/got" 2>&1
		cp "$tmp/json" "$tmp/want"
		# Handles are given anew.
		sed -i 's/, "handle": [0-9]*//g' "$tmp/want" "$tmp/got"
		same "the document $options does not list as itself"
	done
	"$ctl" -f "$file" -j 'list ruleset' >"$tmp/json"
	"$ctl" -f "$file" 'list ruleset' >"$tmp/want"
	"$ctl" -j -f "$tmp/json" --words 'list ruleset' >"$tmp/got" 2>&1
	# Times are in seconds there.
	sed -i '/ct expiration/s/[0-9]*ms//' "$tmp/want" "$tmp/got"
	same "loaded from its document it lists as something else"
	python3 -m json.tool "$tmp/json" >/dev/null || failed=1
done

cd ../json || exit 1
for file in *.json; do
	name=${file%.json}
	if [ -e "$name.err" ]; then
		cp "$name.err" "$tmp/want"
		"$ctl" -j -f "$file" >"$tmp/got" 2>&1 && echo "$file: not refused" >>"$tmp/got"
		same "another message"
	else
		cp "$name.list" "$tmp/want"
		"$ctl" -j -f "$file" --words 'list ruleset' >"$tmp/got" 2>&1
		same "another listing"
	fi
done
exit $failed
