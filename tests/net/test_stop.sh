#!/bin/bash
# An orderly stop: within a second, and nothing of ctfwd is left in the host.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

configure_wg0
rules <<-END
	table inet filter {
		chain forward { type filter hook forward priority 0; policy drop; }
		chain input { type filter hook input priority 0; policy drop; }
		chain output { type filter hook output priority 0; policy drop; }
	}
END
before=$(state)
for signal in TERM INT; do
	daemon_up
	all_shut "policy drop"
	start=${EPOCHREALTIME/[.,]/}
	kill -$signal $daemon
	wait $daemon
	ended=$?
	took=$((${EPOCHREALTIME/[.,]/} - start))
	ok "SIG$signal ends it with status 0" test $ended = 0
	ok "SIG$signal ends it within a second ($((took / 1000)) ms)" test $took -lt 1000000
	ok "the host is as it was" same "$before" "$(state)"
	all_open "stopped"
done
