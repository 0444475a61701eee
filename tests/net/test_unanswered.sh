#!/bin/bash
# A filter that never answers a reload and goes on beating: another one takes over, and the next
# reload works.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

# Two thirds of the watchdog are a hang, and fifteen times that is too long for an answer.
export WATCHDOG_USEC=900000
LIMIT=9

configure_wg0
rules_plain
serve_in client host server
notified_up
daemon_up env NOTIFY_SOCKET="$WORK/notify"
another_leads() { another "$1" && leading; }
loaded() { [ "$(status last_load cause) $(status last_load ok)" = "reload $1" ]; }
# As many starts of reloads as ends, the daemon's start aside.
settled() {
	[ "$(grep -c READY=1 "$WORK/notified")" = $(($(grep -c RELOADING=1 "$WORK/notified") + 1)) ]
}

n=0
for by in client signal; do
	before=$(filter) rules=$(ctl -a list ruleset)
	"$HERE/hostile_filter.py" "$before" swallow || die "the filter hears of reloads"
	if [ $by = client ]; then
		begun=$SECONDS
		said=$(ctl reload 2>&1)
		ok "$by: the reload fails" test $? = 1
		ok "$by: it does when it is due ($((SECONDS - begun)) s)" \
			test $((SECONDS - begun)) -ge $((LIMIT - 1))
		says "$by: and says why" "the filter has not answered for $LIMIT seconds" \
			echo "$said"
	else
		kill -HUP $daemon
	fi
	ok "$by: another filter is there" wait_until 20 another_leads "$before"
	ok "$by: status tells" loaded false
	says "$by: and why" "the filter has not answered" status last_load error
	n=$((n + 1))
	ok "$by: the log tells" test "$(grep -c "^ctfwd: the filter has not answered for $LIMIT s" \
		"$WORK/daemon.log")" = $n
	ok "$by: the rules are those of before" \
		same "$rules" "$(ctl -a list ruleset)"
	ok "$by: systemd does not wait for ever" wait_until 5 settled
	ok "$by: packets pass" ping_in client $SERVER4
	ok "$by: the next reload works" ctl reload
	ok "$by: as status tells" loaded true
done
ok "the keeper is the same" test "$(status keeper_pid)" = "$daemon"

# A stop does not wait for the answer, and nobody is blamed.
"$HERE/hostile_filter.py" "$(filter)" swallow || die "the filter hears of reloads"
kill -HUP $daemon
ok "a reload is under way" wait_until 5 fails settled
ends_well
ok "stopped meanwhile: the log tells" grep -q '^ctfwd: the daemon stopped meanwhile' \
	"$WORK/daemon.log"
not_ok "and blames nobody" grep -q "died over it" "$WORK/daemon.log"
ok "systemd hears no more of the reload" test -z \
	"$(sed '1,/STOPPING=1/d' "$WORK/notified" | grep 'READY=1\|reload')"
