#!/bin/bash
# Starts that cannot be: one clear line, not status 0, and the host is as it was.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

configure_wg0
rules_plain
# Statuses: somebody must change something before the next start; the next one may do.
lasting=78 passing=1
# bad STATUS SENTENCE WORDS [COMMAND...]: what it says has these words in one line.
bad() {
	local status=$1 what=$2 words=$3 before said
	shift 3
	before=$(state)
	if said=$(refusal "$@"); then
		ok "$what: ends with status $status" test "$(cat "$WORK/ended")" = $status
		ok "$what: says so" grep -q -e "$words" <(echo "$said")
		ok "$what: in few lines" test "$(wc -l <<<"$said")" -le 4
	else
		ok "$what: ends by itself, not well: $said" false
	fi
	ok "$what: the host is as it was" same "$before" "$(state)"
}

in_host ip link add wg0-out type veth peer name other
bad $lasting "TUN name in use" "wg0-out is in use"
in_host ip link del wg0-out
in_host sysctl -qw net.ipv4.conf.all.rp_filter=1
bad $lasting "rp_filter of all" "net.ipv4.conf.all.rp_filter"
in_host sysctl -qw net.ipv4.conf.all.rp_filter=0
in_host ip route add 192.0.2.0/24 dev eth0 table 77
bad $lasting "table in use" "routing table 77 is in use: it has a route to 192.0.2.0/24$"
in_host ip route del 192.0.2.0/24 dev eth0 table 77
in_host ip tuntap add wg0-in mode tun
bad $passing "TUN of another" "wg0-in is in use"
in_host ip link del wg0-in
rm -rf "$WORK/run"
sed -i 's/user = nobody/user = root/' "$WORK/ctfwd.conf"
bad $passing "no permission" "no permission to make the TUN wg0-in: .*CAP_NET_ADMIN" \
	setpriv --bounding-set -all --inh-caps -all
configure_wg0
rm -rf "$WORK/run"
bad $passing "no /dev/net/tun" "/dev/net/tun" unshare -m sh -c 'mount -t tmpfs none /dev/net; exec "$@"' -
sed -i 's/nobody/nobody-at-all/' "$WORK/ctfwd.conf"
bad $lasting "no such user" 'user "nobody-at-all" does not exist'
configure_wg0
sed -i 's,10.8.0.0/24,10.8.0.0/33,' "$WORK/ctfwd.conf"
bad $lasting "a wrong configuration" "ctfwd.conf:[0-9]*:[0-9]*: .*10.8.0.0/33"
configure <<-END
	[capture lo]
	networks = 10.8.0.0/24
END
bad $lasting "capture of lo" "ctfwd.conf:5:[0-9]*: "
configure_wg0
echo 'table inet filter { chain x { tcp dport accept; } }' | rules
bad $lasting "wrong rules" "ruleset.nft:1:[0-9]*: "
rm "$WORK/ruleset.nft"
bad $lasting "no rules" "ruleset.nft.*No such file"
rules_plain
# Nobody ever writes to them, and nobody waits for that.
mkfifo "$WORK/fifo"
chmod 644 "$WORK/fifo"
mv "$WORK/ruleset.nft" "$WORK/right.nft"
ln -s fifo "$WORK/ruleset.nft"
bad $lasting "a FIFO for rules" "ruleset.nft: no regular file"
rm "$WORK/ruleset.nft"
echo "include \"$WORK/fifo\"" | rules
bad $lasting "a FIFO to include" "ruleset.nft:1:[0-9]*: \"$WORK/fifo\" is no regular file"
mv "$WORK/right.nft" "$WORK/ruleset.nft"
mv "$WORK/ctfwd.conf" "$WORK/right.conf"
mkfifo "$WORK/ctfwd.conf"
bad $lasting "a FIFO for a configuration" "ctfwd.conf: no regular file"
for option in --guard --guard-off -t; do
	says "ctfwd $option does not wait for it either" "$WORK/ctfwd.conf: no regular file" \
		timeout 5 ip netns exec "$PREFIX-host" "$BUILD/ctfwd" $option -c "$WORK/ctfwd.conf"
done
rm "$WORK/ctfwd.conf"
mv "$WORK/right.conf" "$WORK/ctfwd.conf"

daemon_up
for file in ctfwd.conf ruleset.nft; do
	mv "$WORK/$file" "$WORK/right"
	mkfifo -m 644 "$WORK/$file"
	says "a reload of a FIFO, $file, fails" "$WORK/$file: no regular file" timeout 5 \
		env CTFW_SOCKET="$WORK/run/ctfwd.sock" "$BUILD/ctfwctl" reload
	mv "$WORK/right" "$WORK/$file"
done
ok "and one of files does not" ctl reload
says "a client may wait for one, as with nft" "table inet filter" \
	ctl -f <(sleep 0.2; echo 'list tables')
before=$(state)
said=$(refusal)
ok "a second ctfwd ends by itself, not well" test $? = 0
says "a second ctfwd says so" "" echo "$said"
ok "a second ctfwd: may be started again" test "$(cat "$WORK/ended")" = $passing
ok "a second ctfwd: in one line, with the first's" test "$(wc -l <<<"$said")" -le 2
ok "the first goes on" ping_in client $SERVER4
ok "and its steering" same "$before" "$(state)"

configure <<-END
	[capture eth0]
	networks = 198.51.100.0/24
	[steer]
	table = 5000
	priority = 5000
END
sed -i "s,/run$,/run2," "$WORK/ctfwd.conf"
bad $passing "a second that steers" "another ctfwd leads traffic here"
configure_wg0

shoot $daemon
ok "the socket of a killed one is there" test -S "$WORK/run/ctfwd.sock"
daemon_up
ok "and is no hindrance" ping_in client $SERVER4
daemon_down
