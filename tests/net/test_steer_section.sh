#!/bin/bash
# The [steer] section is another one than that of the daemon before, which was killed: what that
# one left goes, and what the guard keeps closed stays so.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
NAMESPACES="client client2 host server"
begin
client_up client2 wg1 1

# section PRIORITY TABLE PROTOCOL
section() {
	configure <<-END
		[steer]
		priority = $1
		table = $2
		protocol = $3
		[capture wg0]
		networks = 10.8.0.0/24 fd08::/64
	END
}
guard() { in_host "$BUILD/ctfwd" -c "$WORK/ctfwd.conf" "$@"; }
rules_plain
before=$(state)

while read -r what; do
	section 100 77 kernel
	daemon_up
	crash
	section $what
	daemon_up
	for t in "client $SERVER4" "client $HOST6" "server $CLIENT6" "host $CLIENT4"; do
		ok "killed, and now $what: ${t/ / to }" ping_in $t
	done
	ends_well
	ok "a stop leaves nothing of either" same "$before" "$(state)"

	section 100 77 kernel
	guard --guard
	daemon_up
	crash
	section $what
	daemon_up
	ok "guarded, killed, and now $what" ping_in client $SERVER4
	ends_well
	ok "a stop leaves it closed" shut client $SERVER4
	ok "the guard ends" guard --guard-off
	ok "and leaves nothing of either" same "$before" "$(state)"
done <<-END
	200 78 kernel
	120 77 kernel
	100 77 static
	110 78 210
END

# Guarded anew, without a daemon.
section 100 77 kernel
guard --guard
section 200 78 kernel
ok "the guard, too, takes over" guard --guard
not_ok "and leaves nothing of the former" sh -c "ip -n $PREFIX-host rule | grep '^1[0-9][0-9]:'"
ok "it is closed" shut client $SERVER4
guard --guard-off
ok "and opens" same "$before" "$(state)"

# One that runs is left alone.
section 100 77 kernel
daemon_up
led() { in_host tc filter show dev wg0 ingress | grep -A 3 'protocol ipv6.*c7f' | grep -q wg0-in; }
wait_until 5 led
once=$(state)
cat >"$WORK/second.conf" <<-END
	[daemon]
	ruleset = $WORK/ruleset.nft
	runtime-directory = $WORK/second
	user = nobody
	[steer]
	priority = 200
	table = 78
	[capture wg1]
	networks = 10.8.1.0/24
END
second() { timeout 10 ip netns exec "$PREFIX-host" "$BUILD/ctfwd" -c "$WORK/second.conf"; }
not_ok "a second daemon is refused" second
told() { second 2>&1 | grep -q 'another ctfwd leads traffic here: by rules from priority 100 on'; }
ok "and told why" told
ok "nothing has changed" same "$once" "$(state)"
ok "nor was put back" test "$(status steering restored rule) $(status steering restored filter)" = "0 0"
ends_well
