# daemon.sh - words for tests with a ctfwd in the host.  Sourced after lib.sh.
#
# The configuration is $WORK/ctfwd.conf, the rules $WORK/ruleset.nft; what the daemon says is
# in $WORK/daemon.log, which the end of a failed test shows.

# At one stroke: others may be reloading.
configure() {
	cat >"$WORK/ctfwd.conf.new" <<-END
		[daemon]
		ruleset = $WORK/ruleset.nft
		runtime-directory = $WORK/run
		user = nobody
		$(cat)
	END
	mv "$WORK/ctfwd.conf.new" "$WORK/ctfwd.conf"
}
configure_wg0() {
	configure <<-END
		[capture wg0]
		networks = 10.8.0.0/24 fd08::/64
	END
}
rules() { cat >"$WORK/ruleset.nft"; }
# Ssh and ping anywhere, from anywhere; the rest only as an answer.
rules_plain() {
	rules <<-END
		table inet filter {
			chain input {
				type filter hook input priority filter; policy drop;
				ct state established,related accept
				tcp dport 22 ct state new counter accept
				meta l4proto { icmp, ipv6-icmp } ct state new accept
			}
			chain forward {
				type filter hook forward priority filter; policy drop;
				ct state established,related accept
				tcp dport 22 ct state new counter accept
				meta l4proto { icmp, ipv6-icmp } ct state new accept
			}
			chain output {
				type filter hook output priority filter; policy drop;
				ct state established,related accept
				tcp dport 22 ct state new counter accept
				meta l4proto { icmp, ipv6-icmp } ct state new accept
			}
		}
	END
}

ctl() { CTFW_SOCKET=$WORK/run/ctfwd.sock "$BUILD/ctfwctl" "$@"; }
# ctl_says PATTERN COMMAND...: there is such a line in what it says.
ctl_says() { grep -q -- "$1" <<<"$(ctl "${@:2}")"; }
# What the rule of rules_plain for port 22 of what is forwarded has counted.
ssh_counted() {
	ctl list chain inet filter forward | sed -n 's/.*dport 22.*counter packets \([0-9]*\).*/\1/p'
}
# In the host, whether there is a daemon or not: steer show|check|off [OPTION...]
steer() { in_host "$BUILD/ctfwctl" steer "$1" --config "$WORK/ctfwd.conf" "${@:2}"; }
# status MEMBER...: a member of what `status -j` says, e.g. status drops rule
status() {
	ctl status -j | python3 -c 'import json, sys
value = json.load(sys.stdin)
for name in sys.argv[1:]:
    value = value[name]
print(value if isinstance(value, str) else json.dumps(value))' "$@"
}
filter() { status filter_pid; }
filtering() { [ "$(status filtering)" = true ]; }
# Another one than PID filters.
another() { [ "$(filter)" != "$1" ] && filtering; }
# The keeper leads traffic in a moment after the filter is ready.
leading() { filtering && [ "$(status steering)" != null ]; }

# heard PID: that command of ctfwctl listens, and the daemon, which answers one after the other, has
# answered it.
heard() { wait_until 10 listens "$1" && filtering; }

logged() { grep -q "$1" "$WORK/daemon.log"; }

# In systemd's place, at NOTIFY_SOCKET=$WORK/notify: what is said to it is in $WORK/notified.
notified_up() {
	ip netns exec "$PREFIX-host" "$HERE/notified.py" "$WORK/notify" >"$WORK/notified" &
	disown
	wait_until 5 test -S "$WORK/notify" || die "nobody takes what systemd is told"
}

# Start ctfwd, under a command if one is given; back when it filters what is led to it.
daemon_up() {
	chmod 755 "$WORK"
	ip netns exec "$PREFIX-host" "$@" "$BUILD/ctfwd" -c "$WORK/ctfwd.conf" \
		>>"$WORK/daemon.log" 2>&1 &
	daemon=$!
	wait_until 20 leading || die "ctfwd does not filter: $(tail "$WORK/daemon.log")"
}
# It cannot go on: poll(2) takes no more descriptors than that.  Its exit status is ours.
daemon_stuck() {
	setpriv --reuid=nobody --regid=nogroup --clear-groups prlimit --pid "$daemon" \
		--nofile=2: || die "prlimit does not work"
	wait "$daemon"
}
# Both of them, the filter and its keeper: freeze STOP, freeze CONT.
freeze() { pkill -"$1" -P "$daemon"; kill -"$1" "$daemon"; }
# Both are killed, and wg0's TUNs go with them.
crash() {
	local filter
	filter=$(filter)
	shoot "$daemon"
	kill -9 "$filter" 2>/dev/null
	wait_until 5 fails in_host ip link show wg0-in
}
# Its exit status is ours.
daemon_down() {
	kill -TERM "$daemon"
	wait "$daemon"
}
ends_well() {
	daemon_down
	ok "an orderly end has status 0" test $? = 0
}
# A start that fails: what it says; status 0 when it ended by itself and not well, with the
# status in $WORK/ended.
refusal() {
	chmod 755 "$WORK"
	timeout 10 ip netns exec "$PREFIX-host" "$@" "$BUILD/ctfwd" -c "$WORK/ctfwd.conf" 2>&1
	local status=$?
	echo $status >"$WORK/ended"
	[ $status != 0 ] && [ $status -lt 100 ]
}

# What is in the host of rules, routes, filters, links: to compare.
state() {
	in_host ip rule; in_host ip -6 rule
	in_host ip route show table all; in_host ip -6 route show table all
	in_host tc filter show dev wg0 ingress; in_host tc qdisc show dev wg0
	in_host ip -o link | cut -d: -f2
}
same() { diff <(echo "$1") <(echo "$2"); }
shut() { ! WAIT=0.4 ping_in "$@"; }
all_open() {
	local t
	for t in "client $SERVER4" "client $SERVER6" "client $HOST4" "client $HOST6" \
		"server $CLIENT4" "server $CLIENT6" "host $CLIENT4" "host $CLIENT6"; do
		ok "$1: ${t/ / to } is open" ping_in $t
	done
}
all_shut() {
	local t
	for t in "client $SERVER4" "client $SERVER6" "client $HOST4" "client $HOST6" \
		"server $CLIENT4" "server $CLIENT6" "host $CLIENT4" "host $CLIENT6"; do
		ok "$1: ${t/ / to } is shut" shut $t
	done
}

# talk_up NAMESPACE ADDRESS [OPTIONS]: a conversation over TCP in the background, on port 22.
talk_up() {
	talk_log=$WORK/talk
	: >"$talk_log"
	ip netns exec "$PREFIX-$1" "$HERE/traffic.py" talk "$2" 22 --log "$talk_log" "${@:3}" \
		>"$WORK/talk.out" 2>&1 &
	talk=$!
	wait_until 10 test -s "$talk_log" || die "no conversation: $(cat "$WORK/talk.out")"
}
talk_rounds() { wc -l <"$talk_log"; }
# It goes on: some rounds more than now.
talk_goes_on() {
	local now
	now=$(talk_rounds)
	wait_until "${1:-15}" talk_beyond $((now + 3))
}
talk_beyond() { [ "$(talk_rounds)" -gt "$1" ]; }
