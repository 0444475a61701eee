#!/bin/bash
# ctfwctl as programs may run it: with descriptors that are closed or full, readers that go
# away, and a daemon that does not answer.
#
#     usage.sh CTFWCTL
ctl=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/ctfw-usage.XXXXXX")
trap 'kill $peer 2>/dev/null; rm -rf "$work"' EXIT
failures=0 tries=0

# ok SENTENCE COMMAND...: it succeeds.
ok() {
	tries=$((tries + 1))
	if "${@:2}"; then
		echo "ok   $1"
	else
		failures=$((failures + 1))
		echo "FAIL $1"
		sed 's/^/     /' "$work/err"
	fi
}
said() { grep -qF -- "$1" "$work/err"; }
run() { timeout 30 "$ctl" "$@" 2>"$work/err"; }

# One that takes connections and answers each with what is in a file, after a while.
cat >"$work/peer.py" <<'END'
import socket, sys, time
path, log, wait, answer = sys.argv[1:5]
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
print("ready", flush=True)
while True:
    peer, _ = listener.accept()
    data = b""
    while b"\0" not in data:
        more = peer.recv(65536)
        if not more:
            break
        data += more
    if data:
        time.sleep(float(wait))
        peer.sendall(answer.encode() + b"\0")
    while True:
        more = peer.recv(65536)
        if not more:
            break
        data += more
    with open(log, "ab") as f:
        f.write(data)
    peer.close()
END
# peer_up SECONDS ANSWER
peer_up() {
	rm -f "$work/sock"
	python3 "$work/peer.py" "$work/sock" "$work/heard" "$1" "$2" >"$work/ready" &
	peer=$!
	for _ in {1..100}; do
		grep -q ready "$work/ready" && break
		sleep 0.05
	done
	export CTFW_SOCKET=$work/sock
}

# ---- what is printed ----

run help >/dev/full
ok "a full disk is an error" test $? = 1
ok "and told" said "standard output: No space left on device"
run help >&-
ok "a closed standard output is an error" test $? = 1
ok "and told too" said "standard output: Bad file descriptor"
(trap '' PIPE; run help; echo $? >"$work/status") | true
ok "a reader that is gone is an error to who ignores SIGPIPE" test "$(cat "$work/status")" = 1
ok "and told as well" said "standard output: Broken pipe"
ok "nothing is printed to a closed standard error" sh -c "'$ctl' nonsense 2>&- >'$work/out'; test ! -s '$work/out'"

# ---- descriptors that are closed are not the daemon's socket ----

big=$(printf 'x%.0s' {1..20000})
peer_up 0 '{"parameters":{"output":"'"$big"'","ok":true}}'
run list ruleset >"$work/out"
ok "a listing comes whole" test "$(wc -c <"$work/out")" = 20000
run list ruleset >&-
ok "a closed standard output is an error here too" test $? = 1
for _ in {1..100}; do
	[ "$(tr -cd '\0' <"$work/heard" | wc -c)" = 2 ] && break
	sleep 0.05
done
ok "and nothing of the listing goes to the daemon" \
	sh -c "test -s '$work/heard' && ! grep -q xxxx '$work/heard'"
run -i <&- >"$work/out"
ok "a closed standard input is at its end at once" test $? = 0
kill $peer

# ---- one that hangs ----

peer_up 11 '{"parameters":{"count":3}}'
run conntrack -C >"$work/out"
ok "a late answer is an answer" test "$(cat "$work/out")" = 3
ok "and that it was waited for is told" said "ctfwd has not answered for 10 s; still waiting"
ok "once" test "$(wc -l <"$work/err")" = 1

echo "$tries checks, $failures failed"
[ $failures = 0 ] && [ $tries -gt 10 ]
