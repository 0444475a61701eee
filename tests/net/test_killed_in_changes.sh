#!/bin/bash
# The filter is killed at any moment while elements come and go: each change that was answered
# is there afterwards, and of the one that was not it is known that it is there whole or not.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

configure_wg0
rules <<-END
	table inet filter {
		set addresses { type ipv4_addr; }
		set prefixes { type ipv4_addr; flags interval; auto-merge; }
		map marks { type inet_service : mark; }
		chain forward {
			type filter hook forward priority filter; policy drop;
			ip saddr @addresses accept
			ip saddr @prefixes counter accept
		}
	}
END
daemon_up

# Changes without end, until one is not answered or $WORK/stop is there.
change() {
	CTFW_SOCKET=$WORK/run/ctfwd.sock python3 "$HERE/changes.py" "$BUILD/ctfwctl" "$WORK" \
		>>"$WORK/changes.log" 2>&1
}

listed() { ctl list ruleset | python3 "$HERE/changes.py" --read; }
kept=0
: >"$WORK/before"
for round in $(seq 8); do
	filter=$(status filter_pid)
	change &
	changes=$!
	sleep "0.$((RANDOM % 9))$((RANDOM % 9))"
	kill -9 "$filter"
	wait_until 5 another "$filter" || die "round $round: no other filter"
	touch "$WORK/stop"
	wait $changes
	rm "$WORK/stop"
	listed >"$WORK/now"
	if cmp -s "$WORK/now" "$WORK/before" || cmp -s "$WORK/now" "$WORK/after"; then
		kept=$((kept + 1))
	else
		diff "$WORK/before" "$WORK/now"
	fi
	cp "$WORK/now" "$WORK/before"
done
ok "what was changed is there each time" test $kept = 8
ok "there was something to keep" test "$(wc -l <"$WORK/now")" -ge 10
ok "nothing that was saved was damaged" test "$(grep -c "saved ruleset" "$WORK/daemon.log")" = 0
ends_well
