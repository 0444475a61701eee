#!/bin/sh
# errors.sh RULESETCTL - every errors/NAME.nft is refused, with what is in errors/NAME.err, and
# changes nothing.
ctl=$1
cd "$(dirname "$0")/errors" || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT PIPE TERM
failed=0

for file in *.nft; do
	if "$ctl" -f "$file" >"$tmp/out" 2>"$tmp/err"; then
		echo "$file: not refused"
		failed=1
	elif ! diff -u "${file%.nft}.err" "$tmp/err"; then
		echo "$file: another message"
		failed=1
	elif [ -s "$tmp/out" ]; then
		echo "$file: refused, but it printed:"
		cat "$tmp/out"
		failed=1
	fi
done
exit $failed
