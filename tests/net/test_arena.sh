#!/bin/bash
# What a former daemon left is not what it was: refused with a line in the log, and never a
# reason to let pass what nobody allowed.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

configure_wg0
rules_plain
serve_in client host server
daemon_up
plain=$(ctl -s list ruleset)
arena=$WORK/run/ctfwd.arena
put() { printf "$2" | dd of="$arena" bs=1 seek="$1" conv=notrunc 2>/dev/null; }
# damaged WHAT LINE COMMAND...: the arena, by a command.
damaged() {
	daemon_down
	: >"$WORK/daemon.log"
	"${@:3}"
	daemon_up
	ok "$1: a line tells of it" logged "^ctfwd: ctfwd.arena starts empty: $2"
	ok "$1: and of nothing else" test "$(grep -c . "$WORK/daemon.log")" = 2
	ok "$1: it filters by its rules" same "$plain" "$(ctl -s list ruleset)"
}
random() { dd if=/dev/urandom of="$arena" bs=65536 count=16 conv=notrunc 2>/dev/null; }
zeros() {
	local size
	size=$(stat -c %s "$arena")
	truncate -s 0 "$arena"
	truncate -s "$size" "$arena"
}
damaged "another magic" "it is damaged" put 0 X
damaged "another layout" "another version of ctfwd wrote it (layout 99," put 8 '\143'
damaged "another order of bytes" "another version of ctfwd wrote it" put 8 '\0\0\0\007'
damaged "another layout and size" "another version of ctfwd wrote it" \
	eval "put 8 '\143'; put 40 '\377\377\377\377'; truncate -s 1M '$arena'"
damaged "a wrong number in the header" "it is damaged" put 16 '\1'
damaged "half a header" "it is damaged" truncate -s 100 "$arena"
damaged "a piece of it" "it is damaged" truncate -s 5000 "$arena"
damaged "zeros" "it is damaged" zeros
damaged "anything" "it is damaged" random

# ---- another size ----

resize() {
	daemon_down
	: >"$WORK/daemon.log"
	configure <<-END
		[capture wg0]
		networks = 10.8.0.0/24 fd08::/64
		[conntrack]
		max-flows = $1
	END
	daemon_up
}
many() {
	local i
	for ((i = 1; i <= 2000; i++)); do
		echo "-I -p udp -s 10.8.0.2 -d $SERVER4 --sport $i --dport 9 -t 600"
	done
}
resize 3000
many | ctl conntrack -R - >/dev/null 2>&1
kept() { sed -n 's/^ctfwd: \([0-9]*\) flows go on.*/\1/p' "$WORK/daemon.log"; }
lost() { sed -n 's/^ctfwd: \([0-9]*\) flows have no room in it/\1/p' "$WORK/daemon.log"; }
ok "there are flows" test "$(status flows now)" -ge 2000
resize 100
ok "a smaller arena has some of them" test "$(kept)" -gt 100
ok "the log counts the others" test "$(($(kept) + $(lost)))" -ge 2000
resize 3000
not_ok "a larger one has all" logged 'no room'
ok "that there were" test "$(kept)" -gt 100

# Keeper and filter are killed at any moment of a start, with another size each time.
killed_at() {
	local pid
	sed -i "s/^max-flows.*/max-flows = $2/" "$WORK/ctfwd.conf"
	ip netns exec "$PREFIX-host" "$BUILD/ctfwd" -c "$WORK/ctfwd.conf" >>"$WORK/daemon.log" 2>&1 &
	pid=$!
	sleep "$1"
	shoot $pid
	wait_until 5 flock -n "$WORK/run/ctfwd.lock" true
}
many | ctl conntrack -R - >/dev/null 2>&1
daemon_down
: >"$WORK/daemon.log"
for moment in $(seq 0 0.012 0.3); do
	killed_at "$moment" $((RANDOM % 60000 + 4000))
done
# A machine may be so slow that none came to it yet.
for moment in 1 2 4 8; do
	logged 'what has room in the new' || killed_at $moment $((RANDOM % 60000 + 4000))
done
ok "some came to it" logged 'what has room in the new ctfwd.arena goes on'
not_ok "none found an arena that was not whole" logged 'starts empty'
resize 3000
ok "all flows go on in the end" test "$(kept)" -ge 2000
not_ok "nothing is left of what was not finished" test -e "$WORK/run/ctfwd.arena.new"

# ---- the ruleset that was in force ----

# All that is saved, texts of rulesets, is no longer what it was.
spoil() {
	python3 - "$arena" <<-'END'
		import mmap, os, sys
		with open(sys.argv[1], "r+b") as f, mmap.mmap(f.fileno(), 0) as m:
		    at = m.find(b"ctfw ruleset ")
		    while at >= 0:
		        m[at] ^= 1
		        at = m.find(b"ctfw ruleset ", at)
	END
}
says "port 22 is open" open traffic_in client tcp $SERVER4 22
says "port 80 is shut" silent traffic_in client tcp $SERVER4 80 --timeout 0.4
filter=$(status filter_pid)
spoil
cp "$WORK/ruleset.nft" "$WORK/right.nft"
echo nonsense >>"$WORK/ruleset.nft"
kill -9 "$filter"
ok "what was saved is damaged, and the file wrong" wait_until 10 logged 'the saved ruleset is damaged'
failed() { [ "$(grep -c 'ended with status 1; starting another' "$WORK/daemon.log")" -ge 3 ]; }
ok "no filter starts with that" wait_until 10 failed
says "nothing passes" silent traffic_in client tcp $SERVER4 80 --timeout 0.4
says "nothing at all" silent traffic_in client tcp $SERVER4 22 --timeout 0.4
mv "$WORK/right.nft" "$WORK/ruleset.nft" # at once: a start may read it at any moment
ok "until the file is right" wait_until 15 another "$filter"
ok "by its rules" same "$plain" "$(ctl -s list ruleset)"
says "port 22 is open again" open traffic_in client tcp $SERVER4 22
says "port 80 is shut still" silent traffic_in client tcp $SERVER4 80 --timeout 0.4
ends_well
