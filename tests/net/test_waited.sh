#!/bin/bash
# Nobody reads the TUNs for a while: what waited for a moment is judged, what waited too long
# is dropped and counted, and what comes then passes.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

configure_wg0
rules_plain
daemon_up
ok "filtering" ping_in client $SERVER4
waited() { status drops waited-too-long; }

# pings_up COUNT SENT OPTION...: so many are sent in the background; back when the first are.
pings_up() {
	local before
	before=$(sent client wg0)
	in_client ping -n -q -c "$1" "${@:3}" $SERVER4 >"$WORK/ping" 2>&1 &
	pings=$!
	wait_until 5 sent_is client wg0 $((before + $2))
}
# pause SECONDS COUNT: the filter is stopped while so many pings are sent, and then so long; their
# answers count.
pause() {
	local filter
	filter=$(status filter_pid)
	kill -STOP "$filter"
	pings_up "$2" "$2" -i 0.05 -W 5
	sleep "$1"
	kill -CONT "$filter"
	wait $pings
}
answered() { grep -q "$1 received" "$WORK/ping" || { cat "$WORK/ping"; return 1; }; }

pause 0.2 3
ok "a moment: all are answered" answered "3 packets transmitted, 3"
ok "and none has waited too long" test "$(waited)" = 0
pause 2 5
ok "two seconds: none is answered" answered "5 packets transmitted, 0"
ok "all are counted" test "$(waited)" -ge 5
ok "the log says so" grep -Eq 'nobody had read wg0-in for [0-9]+ ms: [0-9]+ packets dropped' \
	"$WORK/daemon.log"
ok "what comes then passes" ping_in client $SERVER4
ok "status shows it" grep -q "waited-too-long" <(ctl status)

# ---- a longer limit, by a reload ----

sed -i 's/^user = .*/&\nmax-wait = 10000/' "$WORK/ctfwd.conf"
ok "a longer limit is loaded" ctl reload
before=$(waited)
pause 2 3
ok "two seconds: all are answered" answered "3 packets transmitted, 3"
ok "and none has waited too long" test "$(waited)" = "$before"
sed -i '/^max-wait/d' "$WORK/ctfwd.conf"
ok "a shorter limit is loaded" ctl reload
ok "nothing has waited too long for that" ping_in client $SERVER4
ok "nor since" test "$(waited)" = "$before"

# ---- deaths ----

filter=$(status filter_pid)
pings_up 100 20 -i 0.01 -W 2
kill -KILL "$filter"
wait $pings
ok "a filter's death loses nothing" answered "100 packets transmitted, 100"

# ---- a time in the arena that cannot be ----

# A worker's note of when it last read is the one time of the last seconds in the first page.
cat >"$WORK/forge.py" <<-'END'
	import struct, sys, time
	now = time.monotonic_ns()
	with open(sys.argv[1], "r+b") as arena:
	    words = struct.unpack("<512Q", arena.read(4096))
	    places = [i for i, w in enumerate(words) if now - 10 * 10**9 < w <= now]
	    for i in places:
	        arena.seek(8 * i)
	        arena.write(b"\xff" * 8)
	sys.exit(not places)
END
filter=$(status filter_pid)
kill -STOP "$filter"
sleep 0.1
ok "a time is forged" python3 "$WORK/forge.py" "$WORK/run/ctfwd.arena"
pings_up 3 3 -i 0.05 -W 1
kill -KILL "$filter"
wait $pings
ok "what waited since nobody knows when is dropped" answered "3 packets transmitted, 0"
ok "the log says so" grep -q "nobody had read wg0-in for an unknown time: 3 packets dropped" \
	"$WORK/daemon.log"
ok "what comes then passes" ping_in client $SERVER4
ends_well
