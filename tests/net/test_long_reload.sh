#!/bin/bash
# A ruleset that takes long to be read, under a short watchdog: a filter that works on it is
# healthy, one that hangs is not.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

# A filter that is silent for two thirds of the watchdog is ended; twelve times that are for
# work on a ruleset.
WATCHDOG_MS=900
LIMIT_MS=600

configure_wg0
rules_plain
cp "$WORK/ruleset.nft" "$WORK/plain.nft"
serve_in client host server
# long_rules N: as many intervals.
long_rules() {
	cp "$WORK/plain.nft" "$WORK/ruleset.nft"
	python3 - "$1" >>"$WORK/ruleset.nft" <<-'END'
		import sys
		print("table inet long {\n\tset s {\n\t\ttype ipv4_addr; flags interval")
		print("\t\telements = {", ", ".join(f"{0x0b000000 + 4 * i}-{0x0b000001 + 4 * i}"
		      for i in range(int(sys.argv[1]))), "}\n\t}\n}")
	END
}
# took COMMAND...: its milliseconds, in $ms.
took() {
	local begun=${EPOCHREALTIME/[.,]/} status
	"$@"
	status=$?
	ms=$(((${EPOCHREALTIME/[.,]/} - begun) / 1000))
	return $status
}

# long COMMAND...: works, with so many intervals that it takes longer than a hang may.
n=100000
long() {
	while took "$@"; do
		[ $ms -lt $((LIMIT_MS * 3 / 2)) ] || return 0
		[ $n -lt 1500000 ] || return 1
		n=$((n * 3 / 2))
		long_rules $n
	done
	return 1
}

notified_up
daemon_up env NOTIFY_SOCKET="$WORK/notify" WATCHDOG_USEC=${WATCHDOG_MS}000
before=$(filter)
talk_up client $SERVER4 --rounds 100000 --pause 0.01
long_rules $n
ok "a reload that takes longer than a hang may" long ctl reload
ok "the filter is the same" test "$(filter)" = "$before"
ok "a client's file that takes as long" long ctl -f "$WORK/ruleset.nft"
ok "the filter is the same" test "$(filter)" = "$before"
ok "the log tells of no hang" fails grep -q hangs "$WORK/daemon.log"
ok "the conversation goes on" talk_goes_on

# Between two words to systemd there is never as much as the watchdog waits.
silence() {
	awk '/WATCHDOG=1/ { if (last && $1 - last > most) most = $1 - last; last = $1 }
		END { print int(most * 1000) }' "$WORK/notified"
}
ok "systemd heard all the while ($(silence) ms)" test "$(silence)" -lt $WATCHDOG_MS

# The main thread alone hangs, and there is no ruleset that it works on.
"$HERE/stop_thread.py" "$before" 60 &
ok "a hang without work: another filter is there" wait_until 10 another "$before"
ok "which the log tells" grep -q "process $before, hangs" "$WORK/daemon.log"
ok "the conversation goes on" talk_goes_on
ends_well
kill $talk
