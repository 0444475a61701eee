#!/bin/sh
# good.sh RULESETCTL - every good/NAME.nft loads and lists as good/NAME.list, with handles; what
# is listed loads again and lists the same; and so does what is saved and restored.
ctl=$1
cd "$(dirname "$0")/good" || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT PIPE TERM
failed=0

# same WHAT: $tmp/got is as $tmp/want.
same() {
	if ! diff -u "$tmp/want" "$tmp/got" >"$tmp/diff"; then
		echo "$file: $1"
		cat "$tmp/diff"
		failed=1
	fi
}

for file in *.nft; do
	name=${file%.nft}
	if ! "$ctl" -f "$file" -a 'list ruleset' >"$tmp/got" 2>"$tmp/err"; then
		echo "$file: refused"
		cat "$tmp/err"
		failed=1
		continue
	fi
	cp "$name.list" "$tmp/want"
	same "the listing is another one"
	for options in "" -n; do
		# A few of nft's own listings are none: { 1-2, 3 } is listed as { 1-3 },
		# which is listed as 1-3.
		grep -q '^# no fixpoint' "$file" && continue
		"$ctl" -f "$file" $options 'list ruleset' >"$tmp/want"
		"$ctl" -f "$tmp/want" $options 'list ruleset' >"$tmp/got" 2>&1
		same "the listing $options does not list as itself"
	done
	"$ctl" -f "$file" --save >"$tmp/saved"
	"$ctl" -f "$file" -a 'list ruleset' >"$tmp/want"
	"$ctl" --restore "$tmp/saved" -a 'list ruleset' >"$tmp/got" 2>&1
	same "saved and restored it lists as something else"
	"$ctl" --restore "$tmp/saved" --save >"$tmp/got" 2>&1
	cp "$tmp/saved" "$tmp/want"
	same "saved, restored and saved it is something else"
done
exit $failed
