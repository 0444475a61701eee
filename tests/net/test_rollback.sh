#!/bin/bash
# Back to rulesets that were in force before: by whoever is there, and whoever died meanwhile.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

configure_wg0
rules_plain
serve_in client host server
daemon_up
talk_up client $SERVER4 --rounds 100000 --pause 0.01
# saved NUMBER MEMBER: what `rollback --list -j` says of a ruleset
saved() {
	ctl rollback --list -j | python3 -c 'import json, sys
print(json.load(sys.stdin)["rulesets"][int(sys.argv[1])][sys.argv[2]])' "$@"
}
kept() { ctl rollback --list -j | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["rulesets"]) - 1)'; }
plain=$(ctl -a -s list ruleset)

not_ok "at first there is nothing before" ctl rollback
ok "what runs is the file's" test "$(saved 0 cause) $(saved 0 what)" = "start $WORK/ruleset.nft"

# ---- a change, and back ----

says "port 80 is shut" silent traffic_in client tcp $SERVER4 80 --timeout 0.4
ctl add rule inet filter forward tcp dport 80 accept
open=$(ctl -a -s list ruleset)
says "it is opened" open traffic_in client tcp $SERVER4 80
ok "the list says by what" test "$(saved 0 cause) $(saved 0 uid) $(saved 0 what)" = \
	"command 0 add rule inet filter forward tcp dport 80 accept"
ok "for people too" ctl_says '^0 .* command *root .* add rule inet filter forward' \
	rollback --list
before=$(ssh_counted)
says "back" "What was in force since" ctl rollback
ok "all of it, with its handles" same "$plain" "$(ctl -a -s list ruleset)"
ok "rules of both have gone on counting" test "$(ssh_counted)" -ge "$before"
says "port 80 is shut again" silent traffic_in client tcp $SERVER4 80 --timeout 0.4
ok "the log tells of it" logged 'back to the ruleset before, number 1 (start: '
ok "and forth" ctl rollback
ok "all of it" same "$open" "$(ctl -a -s list ruleset)"
says "port 80 is open again" open traffic_in client tcp $SERVER4 80

# ---- on trial ----

ctl rollback --confirm 2 >"$WORK/said" 2>&1
ok "on trial" same "$plain" "$(ctl -a -s list ruleset)"
ok "it is undone" wait_until 5 eval 'same "$open" "$(ctl -a -s list ruleset)"'
ok "and leaves no trace" test "$(saved 0 cause)" = rollback -a "$(kept)" = 3

# ---- deaths ----

filter=$(status filter_pid)
kill -9 "$filter"
wait_until 5 another "$filter"
ok "another filter has them" test "$(kept)" = 3
ok "and goes back" ctl rollback 3
ok "to the first" same "$plain" "$(ctl -a -s list ruleset)"
filter=$(status filter_pid)
shoot "$daemon"
wait_until 5 gone "$filter"
daemon_up
ok "another daemon has them" test "$(kept)" = 4
ok "and goes back" ctl rollback
ok "to what was opened" same "$open" "$(ctl -a -s list ruleset)"
daemon_down
daemon_up
ok "a restart goes on with what ran" same "$open" "$(ctl -a -s list ruleset)"
ok "and keeps them as well" ctl rollback
ok "all of it" same "$plain" "$(ctl -a -s list ruleset)"
ctl rollback >/dev/null
sed -i 's/^# another comment.*//; $ a # another comment' "$WORK/ruleset.nft"
daemon_down
daemon_up
ok "a file that was changed is read at the start" same "$plain" "$(ctl -a -s list ruleset)"
ok "which is one to go back from" ctl rollback
ok "all of it" same "$open" "$(ctl -a -s list ruleset)"

# ---- the file ----

sed -i 's/dport 22/dport 23/' "$WORK/ruleset.nft"
ok "a reload" ctl reload
ok "is on the list" test "$(saved 0 cause) $(saved 0 uid)" = "reload 0"
kill -HUP $daemon
ok "a reload of the same is not twice" test "$(saved 1 cause)" = rollback
ok "no difference yet" test "$(status ruleset file_undone)" = null
says "back behind it" "What was in force since" ctl rollback
ok "all of it" same "$open" "$(ctl -a -s list ruleset)"
ok "status says that file and rules differ" test "$(status ruleset file_undone)" != null
ok "forth" ctl rollback
ok "and they are the same" test "$(status ruleset file_undone)" = null

# ---- how many ----

for n in $(seq 12); do
	ctl add table ip "t$n"
done
ok "ten are kept" test "$(kept)" = 10
not_ok "not eleven" ctl rollback 11
ok "back to the oldest" ctl rollback 10
ok "which it is" test "$(ctl list tables ip | wc -l)" = 2

# A set of a million would need much time; of a hundred thousand it is known what is kept.
large() {
	echo "flush ruleset; table ip large { set s { type ipv4_addr; elements = {"
	python3 -c "print(', '.join('%d.%d.%d.%d' % (10, n >> 16 & 255, n >> 8 & 255, n & 255) for n in range($1, 100000)))"
	echo '} } }'
	cat "$WORK/ruleset.nft"
}
for n in 1 2 3; do
	large $n | ctl -f -
done
bytes=$(saved 1 bytes)
ok "a large ruleset takes what it takes" test "$bytes" -gt 1000000
arena_kb() { du -k "$WORK/run/ctfwd.arena" | cut -f1; }
high=$(arena_kb)
for n in $(seq 4 20); do
	large $n | ctl -f -
done
ok "and the arena no more than ten of them" test "$(arena_kb)" -lt $((high + 10 * bytes / 1024 + 8192))
high=$(arena_kb)
for n in $(seq 12); do
	ctl add table ip "v$n"
	ctl delete table ip large
	large $n | ctl -f -
done
ok "back from large to small and forth" ctl rollback 2
ok "the memory of those that went is given back" test "$(arena_kb)" -lt $((high + 8192))

sed -i 's/dport 23/dport 22/' "$WORK/ruleset.nft"
ctl reload
ok "no connection was lost" talk_goes_on
kill $talk
ends_well
