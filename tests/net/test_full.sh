#!/bin/bash
# A runtime directory whose file system is full: what runs goes on, and who is locked out by a
# trial is let in again.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin
end() {
	local status=$?
	net_down
	umount -l "$WORK/run" 2>/dev/null
	(exit $status)
	finish
}
trap end EXIT

configure <<-END
	[capture wg0]
	networks = 10.8.0.0/24 fd08::/64
	[conntrack]
	max-flows = 1000
END
rules_plain
mkdir -p "$WORK/run"
mount -t tmpfs -o size=8m,mode=0755,uid="$(id -u nobody)" ctfw-test "$WORK/run" || skip "no tmpfs"
fill() { dd if=/dev/zero of="$WORK/run/filler" bs=4096 2>/dev/null; true; }
drain() { rm "$WORK/run/filler"; }
nothing_on_trial() { [ "$(status trial)" = null ]; }
serve_in client host server
daemon_up
filter=$(status filter_pid)
plain=$(ctl -s list ruleset)

fill
says "a packet that is the first of a counter's" open traffic_in client tcp $SERVER4 22
ok "is counted by the filter that there was" test "$(status filter_pid)" = "$filter"
drain

many() {
	echo "add chain inet filter many"
	for i in $(seq 600); do
		echo "add rule inet filter many tcp dport $i counter"
	done
}
fill
many >"$WORK/many.nft"
not_ok "rules with more counters than there is room for" ctl -f "$WORK/many.nft"
ok "are refused by the filter that there was" test "$(status filter_pid)" = "$filter"
ok "and nothing of them is there" same "$plain" "$(ctl -s list ruleset)"
drain
ok "with room they are taken" ctl -f "$WORK/many.nft"
ok "and rolled back" ctl rollback

# ---- former rulesets ----

kept() { ctl rollback --list | grep -c '^ *[0-9]  '; }
large() {
	echo "table ip large { set s { type ipv4_addr; elements = {"
	seq -s, -f "10.1.%g.1" 0 255
	for i in $(seq 0 99); do seq -s, -f ",10.2.$i.%g" 0 255; done
	echo "} } }"
}
large >"$WORK/large.nft"
for i in 1 2 3; do
	ctl add table ip "former$i"
done
before=$(kept)
now=$(ctl -s list ruleset)
fill
not_ok "a change that is too large for what is left" ctl -f "$WORK/large.nft"
ok "takes the room of no former ruleset" test "$(kept)" = "$before" -a "$before" -ge 5
ok "nor anything else" same "$now" "$(ctl -s list ruleset)"
ok "one that has room in that of the oldest" ctl add table ip new
ok "takes no more than that" test "$(kept)" -ge $((before - 1)) -a "$(kept)" -le "$before"
drain
for i in new former3 former2 former1; do
	ctl delete table ip "$i"
done
plain=$(ctl -s list ruleset)

# ---- a trial ----

fill
not_ok "no trial begins that could not be undone" ctl --confirm 60 add rule inet filter forward tcp dport 80 accept
ok "nothing is on trial" nothing_on_trial
ok "nor is it in force" same "$plain" "$(ctl -s list ruleset)"
drain
before=$(kept)
says "a trial" "On trial: " ctl --confirm 3 add rule inet filter forward tcp dport 80 accept
fill
ok "ends though nothing else has room" wait_until 8 nothing_on_trial
ok "as it should" same "$plain" "$(ctl -s list ruleset)"
ok "in the room of what was on trial, not of former rulesets" test "$(kept)" = "$before" -a "$before" -ge 3
not_ok "and is saved" logged 'could not be kept'
drain
daemon_down
rm "$WORK/run/ctfwd.arena"

# No other ruleset is kept, nor by a change of elements: none whose room the undo could have.
sed -i 's/chain forward {/set friends { type ipv4_addr; }\n&/; s/hook forward.*/&\nip saddr @friends drop/' \
	"$WORK/ruleset.nft"
daemon_up
filter=$(status filter_pid)
plain=$(ctl -s list ruleset)
for i in 5 6 7 8; do
	echo "add element inet filter friends { $(seq -s, -f "10.$i.%g.2" 0 255) }"
done >"$WORK/friends.nft"
says "a trial" "On trial: " ctl -f "$WORK/friends.nft" --confirm 4
fill
says "shuts the operator out" silent traffic_in client tcp $SERVER4 22 --timeout 0.4
ok "time runs out, and it is undone, though nothing can be saved" wait_until 8 nothing_on_trial
ok "all of it" same "$plain" "$(ctl -s list ruleset)"
says "the operator is back" open traffic_in client tcp $SERVER4 22
ok "the log tells of the undo" logged 'nobody confirmed: .* is undone'
ok "by the filter that there was" test "$(status filter_pid)" = "$filter"
ok "and of what is wrong" logged 'the runtime directory.s file system is full: the ruleset could not be kept'
kill -9 "$filter"
ok "the filter is killed, another is there" wait_until 5 another "$filter"
ok "which undoes it again" same "$plain" "$(ctl -s list ruleset)"
drain
ok "with room there are changes again" wait_until 5 ctl add element inet filter friends '{ 192.0.2.2 }'
plain=$(ctl -s list ruleset)
filter=$(status filter_pid)
kill -9 "$filter"
wait_until 5 another "$filter"
ok "which are kept" same "$plain" "$(ctl -s list ruleset)"

# ---- an arena of another size ----

daemon_down
fill
max_flows() { sed -i "s/^max-flows.*/max-flows = $1/" "$WORK/ctfwd.conf"; }
max_flows 100000
: >"$WORK/daemon.log"
daemon_up
ok "another size that has no room is told of" logged 'which is put off: while ctfwd.arena is converted there must be room for another'
ok "and the table is as large as it was" test "$(status flows max)" = 1000
ok "which costs no flow" logged '^ctfwd: [1-9][0-9]* flows* go'
ok "nor what was changed" same "$plain" "$(ctl -s list ruleset)"
not_ok "nothing is left of it" test -e "$WORK/run/ctfwd.arena.new"
filter=$(status filter_pid)
kill -9 "$filter"
ok "another filter goes on with that" wait_until 5 another "$filter"
ok "as large as it was" test "$(status flows max)" = 1000
ok "without another attempt" test "$(grep -c 'which is put off' "$WORK/daemon.log")" = 1
not_ok "nobody else was killed" logged 'Sanitizer\|signal [^9]'
daemon_down
drain
max_flows 2000
: >"$WORK/daemon.log"
daemon_up
ok "with room it is done" test "$(status flows max)" = 2000
ok "and costs no flow" logged '^ctfwd: [1-9][0-9]* flows* go'
filter=$(status filter_pid)
kill -9 "$filter"
ok "another filter has the same" wait_until 5 another "$filter"
not_ok "and converts nothing" test "$(grep -c 'has changed' "$WORK/daemon.log")" != 1
daemon_down
rm "$WORK/run/ctfwd.arena"
max_flows 100000
said=$(refusal)
ok "a first table that has no room is told of" grep -q "no room for the flow table" <<<"$said"
max_flows 1000
daemon_up
ends_well
