#!/bin/bash
# A filter that was taken over: what it says makes the keeper neither end, nor open the host, nor
# keep systemd busy.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

configure_wg0
rules_plain
serve_in client host server
notified_up
daemon_up env NOTIFY_SOCKET="$WORK/notify"
hostile() { "$HERE/hostile_filter.py" "$@"; }

# Kinds that there are, too often or at the wrong time.
before=$(filter)
for mode in heartbeats ready failed reloaded; do
	heard=$(wc -l <"$WORK/notified") logged=$(wc -l <"$WORK/daemon.log")
	said=$(hostile "$before" $mode 2) || die "nothing was said: $said"
	ok "$mode: a hundred and more were said" test "$said" -gt 100
	heard=$(($(wc -l <"$WORK/notified") - heard)) logged=$(($(wc -l <"$WORK/daemon.log") - logged))
	ok "$mode: systemd hears of few ($heard)" test $heard -lt 50
	ok "$mode: the log has few ($logged)" test $logged -lt 50
	ok "$mode: the filter goes on" test "$(filter)" = "$before"
	ok "$mode: packets pass" ping_in client $SERVER4
done
ok "nothing counts as a reload" test "$(status last_load cause)" = start

# What no filter says.
for mode in nonsense short arena descriptor; do
	before=$(filter)
	hostile "$before" $mode >/dev/null
	ok "$mode: another filter is there" wait_until 10 another "$before"
	ok "$mode: packets pass" ping_in client $SERVER4
done
ok "the log tells of them" test "$(grep -c 'says what no filter says' "$WORK/daemon.log")" = 4
ok "the keeper is the same" test "$(status keeper_pid)" = "$daemon"
ends_well
