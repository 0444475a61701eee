#!/bin/bash
# A stop that the kernel does not let take out what leads traffic into the daemon: closed, and
# told as that.  Messages to the kernel fail by strace, from outside.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin
command -v strace >/dev/null || skip "no strace"

configure_wg0
rules_plain
told() { [ "$(status steering guard)" = true ]; }
guard() { in_host "$BUILD/ctfwd" -c "$WORK/ctfwd.conf" --guard; }
# Leaks cannot be looked for in a process that is traced.
up() {
	: >"$WORK/daemon.log"
	daemon_up env ASAN_OPTIONS=detect_leaks=0
}
# stopped COMMAND -- STRACE OPTIONS: the keeper is told to stop while it sleeps, so that it
# repairs nothing that COMMAND does meanwhile, and is traced when it wakes.
stopped() {
	local tracer
	kill -STOP $daemon
	eval "$1"
	kill -TERM $daemon
	in_host strace -qq -p $daemon -e trace=sendto -o "$WORK/trace" "${@:2}" &
	tracer=$!
	wait_until 5 traced || die "strace does not trace"
	kill -CONT $daemon
	wait $daemon
	wait $tracer
}
traced() { grep -q '^TracerPid:.[1-9]' "/proc/$daemon/status"; }
hole='in_host ip rule del pref 110 iif wg0'

# The host cannot be looked at.
up
all_open "filtering"
stopped : -e inject=sendto:error=ENOBUFS
ok "the log tells of what stays" logged 'cannot take out what leads traffic here, which stays: '
ok "and that it is closed" logged '^ctfwd: what was captured stays closed$'
all_shut "which it is"
up
all_open "another daemon filters"
daemon_down
all_open "and opens when it stops"

# A rule of the guard's is missing and cannot be put back, alone of all.
guard
up
wait_until 5 told
stopped "$hole"
ok "what is missing of the guard is put back" logged 'stays closed by the guard'
number=$(grep ^sendto "$WORK/trace" | grep -n -m 1 RTM_NEWRULE | cut -d: -f1)
ok "by a message to the kernel" test -n "$number"
all_shut "guarded"
up
wait_until 5 told
stopped "$hole" -e inject=sendto:error=ENOBUFS:when="${number:-1}"
ok "that failed" grep -q 'RTM_NEWRULE.*ENOBUFS.*INJECTED' "$WORK/trace"
ok "the log tells of it" logged 'cannot take out what leads traffic here, which stays: '
all_shut "all else stays, and closes"
up
all_open "another daemon filters then"
daemon_down
all_shut "and leaves the guard's"
ends() { in_host "$BUILD/ctfwd" -c "$WORK/ctfwd.conf" --guard-off; }
ok "which can be taken away" ends
all_open "without a guard"

# What fails open does so, as after a death.
echo "fail-closed = no" >>"$WORK/ctfwd.conf"
up
all_open "filtering what fails open"
stopped : -e inject=sendto:error=ENOBUFS
ok "the log tells what stays closed" logged '^ctfwd: what is not fail-closed = no stays closed$'
ok "it opens" wait_until 5 ping_in client $SERVER4
ok "by whoever is there for that" wait_until 5 logged 'ctfwd is gone: what is fail-closed = no passes'
all_open "which it does"
