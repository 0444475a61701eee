#!/bin/bash
# An orderly stop: within a second, and nothing of ctfwd is left in the host.  And a start after a
# death, which lets nothing through.
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

# Killed, and started on top of what is left: not one packet slips through.
daemon_up
streams=
for t in "client $SERVER4" "client $SERVER6" "client $HOST4" "client $HOST6" \
	"server $CLIENT4" "host $CLIENT6"; do
	set -- $t
	ip netns exec "$PREFIX-$1" stdbuf -oL ping -n -q -i 0.005 "$2" >"$WORK/stream-$1-$2" 2>&1 &
	streams="$streams $!"
	# One that begins without the daemon finds no route, and sends nothing at all.
	wait_until 10 grep -q PING "$WORK/stream-$1-$2"
done
for _ in 1 2; do
	shoot $daemon
	daemon_up
done
kill -INT $streams
wait $streams
for f in "$WORK"/stream-*; do
	ok "through two deaths and starts: ${f##*/stream-}" \
		grep -q '^[0-9][0-9][0-9]* packets transmitted, 0 received' "$f"
done
ends_well


# More than the kernel holds for one who reads nothing for now.
slow_reader() {
	exec python3 - "$WORK/run/ctfwd.sock" <<-'END'
		import signal, socket, sys
		signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
		s = socket.socket(socket.AF_UNIX)
		s.connect(sys.argv[1])
		s.sendall(b'{"method":"org.ctfw.Apply","parameters":'
		          b'{"source":{"name":"x","text":"list ruleset"}}}\0')
		print("asked", flush=True)
		signal.sigwait([signal.SIGUSR1])
		got = b""
		while part := s.recv(1 << 16):
		    got += part
		print(len(got), "bytes,", "whole" if got.endswith(b"}\0") else "cut off")
	END
}
{
	echo 'table inet filter { chain forward { type filter hook forward priority 0;'
	for i in $(seq 10000); do echo "ip saddr 192.0.2.1 tcp dport $i counter accept"; done
	echo '}; }'
} | rules
daemon_up
slow_reader >"$WORK/reader" &
reader=$!
wait_until 10 grep -q asked "$WORK/reader"
heard $reader
kill -TERM $daemon
kill -USR1 $reader
wait $reader
ok "who reads an answer gets the whole of it" grep -q whole "$WORK/reader"
wait $daemon
ok "and the end is orderly" test $? = 0
