#!/bin/bash
# Processes that hang, under a short watchdog: the keeper ends a filter, systemd a keeper, and
# a conversation goes on.
. "$(dirname "$0")/lib.sh"
begin
sanitizers
drop_in watchdog <<-END
	[Service]
	WatchdogSec=3s
END
net_up
serve_in client server
install 1 >"$WORK/install" 2>&1 || die "$(cat "$WORK/install")"
configure_wg0
rules_plain
systemctl restart ctfwd
talk_up client $SERVER4 --rounds 100000 --pause 0.01
index=$(cat /sys/class/net/wg0-in/ifindex)

keeper=$(keeper) filter=$(filter)
mark
kill -STOP "$filter"
ok "the filter hangs: another one filters" logged "filtering again after"
ok "it is another process" test "$(filter)" != "$filter"
ok "the keeper is the same" is MainPID "$keeper"
ok "and systemd was not needed" is NRestarts 0
ok "the journal says it" logged "the filter, process $filter, hangs; killing it" \
	"filtering again after" "nobody had read wg0-in for"
ok "the conversation goes on" talk_goes_on
ok "what waited too long is counted" test "$(status drops waited-too-long)" -gt 0

mark
kill -STOP "$keeper"
ok "the keeper hangs: packets pass all the same" talk_goes_on 2
ok "another one filters" wait_until 15 other_than keeper "$keeper"
ok "the journal says it" logged "Watchdog timeout" "taking over 2 TUN queues" "is filtering"
ok "the conversation goes on" talk_goes_on
ok "the TUNs are the same" test "$(cat /sys/class/net/wg0-in/ifindex)" = "$index"

# ---- a gap between two daemons ----

drop_in slow <<-END
	[Service]
	RestartSec=2s
END
keeper=$(keeper)
mark
kill -KILL "$keeper"
WAIT=0.5 in_client ping -n -q -c 3 -i 0.1 -W 1 $SERVER4 >"$WORK/ping"
ok "killed for two seconds: nothing passes" grep -q " 0 received" "$WORK/ping"
ok "another one filters" wait_until 10 other_than keeper "$keeper"
ok "what waited is dropped, and told" logged "nobody had read wg0-in for"
ok "and counted" test "$(status drops waited-too-long)" -ge 3
ok "the conversation goes on" talk_goes_on

# ---- no filter can live ----

drop_in slow <<-END
	[Service]
	RestartSec=20ms
END
systemctl restart ctfwd
keeper=$(keeper)
end=$((SECONDS + 6))
while [ $SECONDS -lt $end ]; do
	pkill -KILL -P "$keeper"
	sleep 0.05
done
ok "filters die again and again: the keeper outlives the watchdog" is MainPID "$keeper"
ok "and filters when it may" wait_until 10 filtering
ok "the conversation goes on" talk_goes_on 20
kill $talk
