#!/bin/bash
# Hostile clients of the control socket: they cost nothing but their own connection.  Packets
# pass as before, others are served at once, and the filter neither grows nor dies.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

# Strangers run these, who may have no way into the sources.
cp "$HERE/hostile.py" "$BUILD/ctfwctl" "$WORK"
configure_wg0
rules_plain
serve_in client host server
# A sanitizer keeps what was freed, to find late use: not so much of it here.
daemon_up env ASAN_OPTIONS=quarantine_size_mb=4
talk_up client $SERVER4 --rounds 100000 --pause 0.01
filter=$(status filter_pid)

memory() { awk '/^RssAnon/ { print $2 }' "/proc/$filter/status"; }
# The answer comes while they are at it.  Seconds, since much else may run on this machine.
served() { timeout 5 env CTFW_SOCKET="$WORK/run/ctfwd.sock" "$BUILD/ctfwctl" "$@"; }
# hostile WHO MODE: they are at it for as long as the checks take.
hostile() {
	local who=$1 mode=$2 run= pid
	[ "$who" = root ] || run="setpriv --reuid=$who --regid=nogroup --clear-groups"
	$run "$WORK/hostile.py" "$WORK/run/ctfwd.sock" "$mode" 60 >"$WORK/hostile" 2>&1 &
	pid=$!
	ok "$who, $mode: they are at it" wait_until 30 grep -q 'at it' "$WORK/hostile"
	ok "$who, $mode: status is there" served status
	ok "$who, $mode: flows are listed" served conntrack -L
	ok "$who, $mode: rules are listed" served list ruleset
	ok "$who, $mode: packets pass" ping_in client $SERVER4
	ok "$who, $mode: a conversation goes on" talk_goes_on 5
	ok "$who, $mode: they are still at it" kill -0 "$pid"
	shoot "$pid"
}

# Who may look: the group.  The test lets everybody connect, which is worse.
chmod 755 "$WORK" "$WORK/run"
chmod 666 "$WORK/run/ctfwd.sock"
before=$(memory)
for mode in crowd half silent garbage deep huge hangup; do
	hostile daemon $mode
done
for mode in crowd silent garbage deep hangup; do
	hostile root $mode
done
ok "it is the same filter" [ "$(status filter_pid)" = "$filter" ]
ok "which has grown by less than 64 MB" [ $(($(memory) - before)) -lt 65536 ]
says "who may only look changes nothing" "ctfwctl: permission denied" \
	setpriv --reuid=daemon --regid=nogroup --clear-groups \
	env CTFW_SOCKET="$WORK/run/ctfwd.sock" "$WORK/ctfwctl" flush ruleset
daemon_down
ok "an orderly end has status 0" [ $? = 0 ]
