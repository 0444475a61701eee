# checking.sh - words for tests of steer check: what is found, in which words, and mended by its
# own advice.  Sourced after daemon.sh.

# wg0 is captured, nothing is wrong, and the daemon stands still: it would mend some of what comes.
sound_host() {
	rules_plain
	configure_wg0
	in_host sysctl -qw net.ipv4.conf.default.rp_filter=1
	daemon_up
	freeze STOP
}

# check OPTION...: as an operator would; what it says is in $WORK/check.
check() {
	in_host "$BUILD/ctfwctl" steer check --config "$WORK/ctfwd.conf" "$@" >"$WORK/check" 2>&1
}
# The names of what it finds, but for what this host always has, and what is of steering
# itself: that is another test's.
names() {
	check -j
	python3 -c 'import json, sys
print(*[f["check"] for f in json.load(open(sys.argv[1]))["findings"]
    if f["check"] not in ("link-local", "missing") and "does not tell" not in f["what"]])' \
		"$WORK/check" || echo "no list"
}
# found CHECK WORDS: it alone is found, in these words; the command's status is by severity.
found() {
	ok "$1: is found" test "$(names)" = "$1"
	check
	local status=$?
	ok "$1: says $2" grep -qF -- "$2" "$WORK/check"
	grep -q '^error' "$WORK/check"
	ok "$1: the exit status tells an error" test $status = $((!$?))
}
# What to do, as it stands in the advice, is done: lines that are commands.
follow_advice() {
	check
	sed -n '/What to do:/,/^[^ ]/s/^        \([^# ].*\)$/\1/p' "$WORK/check" >"$WORK/advice"
	[ -s "$WORK/advice" ] && in_host sh -e "$WORK/advice"
}
clear_again() { ok "$1: is found no more" test -z "$(names)"; }
mended() {
	ok "$1: the advice can be followed" follow_advice
	clear_again "$1"
}
# Neither errors nor warnings, of what is missing neither.
sound() { check && ! grep -q '^[ew]' "$WORK/check"; }
