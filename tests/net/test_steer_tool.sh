#!/bin/bash
# ctfwctl steer show and off, ctfwd -t: they tell what is there, what is missing, the commands
# that do the same, and leave nothing behind.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
NAMESPACES="client host server copy"
begin

# The kinds that show tells as missing, each once, and check too.
missing() {
	steer show -j >"$WORK/show" 2>&1
	python3 -c 'import json, sys
items = json.load(open(sys.argv[1]))["items"]
print(*sorted({i["kind"] for i in items if not i["there"]}))' "$WORK/show"
}
missing_by_check() {
	steer check -j >"$WORK/check" 2>&1
	python3 -c 'import json, sys
found = json.load(open(sys.argv[1]))["findings"]
print(*sorted({f["what"].split(":")[0] for f in found if f["check"] == "missing"}))' "$WORK/check"
}
# What is mended here of what check found missing, as it says.
follow_advice() {
	steer check -j >"$WORK/check" 2>&1
	python3 -c 'import json, sys
for f in json.load(open(sys.argv[1]))["findings"]:
    if f["check"] == "missing":
        print(*f["do"], sep="\n")' "$WORK/check" >"$WORK/advice"
	[ -s "$WORK/advice" ] && in_host sh -e "$WORK/advice"
}
# lost KINDS [COMMANDS THAT MEND]: both tell of these, and of nothing once they are back.
lost() {
	ok "$1: show tells that it is missing" test "$(missing)" = "$1"
	ok "$1: so does check" test "$(missing_by_check)" = "$1"
	ok "$1: the advice can be followed" follow_advice
	ok "$1: then nothing is missing" test -z "$(missing)"
}

configure <<-END
	[capture wg0]
	networks = 10.8.0.0/24 fd08::/64
	[tun fw0]
	address = 10.66.0.1/24 fd66::1/64
	[tun wg0-return]
	role = return
	interface = eth0
END
rules_plain
before=$(state)

chmod 755 "$WORK"
# Keeper and filter: the filter dies a moment later.
killed() {
	shoot $daemon
	wait_until 5 flock -n "$WORK/run/ctfwd.lock" true
}

# ---- before there is a daemon ----

ok "all that there could be is missing at first" \
	test "$(missing)" = "address filter link local qdisc route rule tun"
not_ok "and check says so" steer check
ok "it is not there, and was not put there" same "$before" "$(state)"
ok "off has nothing to do" test "$(steer off)" = "There was nothing to take out."
in_host "$BUILD/ctfwd" -t -c "$WORK/ctfwd.conf" >"$WORK/test"
ok "ctfwd -t says that both files are right" grep -q 'ruleset.nft are right$' "$WORK/test"
ok "and prints the plan, as show does" \
	diff <(sed 1d "$WORK/test") <(steer show --commands)
ok "and does so for nobody in particular" \
	diff "$WORK/test" <(in_host setpriv --reuid nobody --clear-groups --bounding-set -all \
	"$BUILD/ctfwd" -t -c "$WORK/ctfwd.conf" 2>&1)

# Root can read what the daemon's user cannot.
tested() { in_host "$BUILD/ctfwd" -t -c "$1" >"$WORK/test" 2>&1; }
chmod 600 "$WORK/ruleset.nft"
not_ok "root is told of rules that the daemon may not read" tested "$WORK/ctfwd.conf"
ok "and who that is" grep -q 'user with the number 65534, who may not' "$WORK/test"
chmod 644 "$WORK/ruleset.nft"
chmod 600 "$WORK/ctfwd.conf"
not_ok "and of such a configuration" tested "$WORK/ctfwd.conf"
chmod 644 "$WORK/ctfwd.conf"
sed 's/^user = .*/user = nosuch/' "$WORK/ctfwd.conf" >"$WORK/other.conf"
ok "where there is no such user the files are right" tested "$WORK/other.conf"
ok "and that is told" grep -q 'the user "nosuch" does not exist' "$WORK/test"

# Whoever is logged in from the server would be shut out.
cp "$WORK/ctfwd.conf" "$WORK/kept.conf"
configure <<-END
	[capture wg0]
	networks = 10.8.0.0/24 203.0.0.0/8 fd08::/64
END
ok "networks that others are in, elsewhere, are right" tested "$WORK/ctfwd.conf"
ok "and it is told what that means" \
	grep -q "^203.0.0.0/8 of .capture wg0. holds .* $HOSTNET4/24 on another" "$WORK/test"
daemon_up
ok "the daemon tells it in its log" grep -q "203.0.0.0/8 of .* $HOSTNET4/24" "$WORK/daemon.log"
sleep 1.5
ok "once" test "$(grep -c "203.0.0.0/8 of" "$WORK/daemon.log")" = 1
daemon_down
cp "$WORK/kept.conf" "$WORK/ctfwd.conf"
not_ok "of others nothing is told" grep -q '10\.8\.0\.0/24 of' "$WORK/test" "$WORK/daemon.log"
: >"$WORK/daemon.log"

# ---- with one ----

daemon_up
ok "with a daemon nothing is missing" test -z "$(missing)"
steer show >"$WORK/show"
ok "show says so" grep -q '^All [0-9]* are there\.$' "$WORK/show"
not_ok "of none that it is missing" grep -q MISSING "$WORK/show"
ok "check agrees" test -z "$(missing_by_check)"
says "off is refused" "ctfwctl: ctfwd runs, and would put its steering back" steer off
not_ok "with status 1" steer off

# The commands, in a host where no daemon ever was.
in_copy() { ip netns exec "$PREFIX-copy" "$@"; }
tunnel "$PREFIX-copy" wg0 "$PREFIX-client" wg9
ip -n "$PREFIX-copy" link add eth0 type veth peer name eth9 netns "$PREFIX-server"
ip -n "$PREFIX-copy" link set eth0 up
ip -n "$PREFIX-server" link set eth9 up
for a in $HOST4/24 $HOST6/64; do
	ip -n "$PREFIX-copy" addr add $a dev wg0
done
for a in $HOSTNET4/24 $HOSTNET6/64; do
	ip -n "$PREFIX-copy" addr add $a dev eth0
done
in_copy sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
# All that the plan speaks of, without what is of a TUN's reader or changes by itself.
everything() {
	local ns=$PREFIX-$1 port
	ip -n "$ns" -d rule; ip -n "$ns" -d -6 rule
	{ ip -n "$ns" -d route show table all; ip -n "$ns" -d -6 route show table all; } |
		grep -v 'fe80::\|ff00::' | sed 's/ linkdown\| pref medium//g; s/expires [^ ]*//' | sort
	tc -n "$ns" filter show dev wg0 ingress | grep -v ' index '
	tc -n "$ns" qdisc show dev wg0
	for port in wg0-in wg0-out fw0 wg0-return; do
		ip -n "$ns" -d link show "$port" | grep -o 'mtu [0-9]*\|qlen [0-9]*\|addrgenmode [a-z]*\|[<,]UP\|multi_queue [a-z]*'
		ip netns exec "$ns" grep . /proc/sys/net/ipv4/conf/"$port"/{rp_filter,accept_local}
		ip -n "$ns" -o addr show dev "$port" | sed 's/^[0-9]*//; s/tentative//'
	done
}
steer show --commands >"$WORK/script"
ok "the script of show runs in another host" in_copy sh "$WORK/script"
ok "and makes there what the daemon makes here" diff <(everything host) <(everything copy)

# ---- what others delete ----

freeze STOP
in_host ip rule del pref 120
lost rule
in_host ip -6 rule del pref 0 iif wg0
lost "local rule"
in_host ip route del unreachable 10.8.0.0/24 table 77 metric 4278198272
lost route
in_host ip -6 route del default dev wg0-out table 77
lost route
in_host sysctl -qw net.ipv4.conf.wg0-in.accept_local=0
lost link
in_host ip link set wg0-out down
ok "link: down takes its routes along" test "$(missing)" = "link route"
ok "link: the advice can be followed" follow_advice
ok "link: then nothing is missing" test -z "$(missing)"
in_host ip addr del 10.66.0.1/24 dev fw0
lost address
in_host tc filter del dev wg0 ingress pref 4
lost filter
in_host tc qdisc del dev wg0 clsact
lost "filter qdisc"
freeze CONT
daemon_down
ok "after an orderly stop nothing is left" same "$before" "$(state)"

# ---- killed ----

daemon_up
killed
ok "killed: the ways into the TUNs are missing" test "$(missing)" = "address filter link route tun"
steer show >"$WORK/show"
ok "killed: what closes is there" grep -q 'there .*what enters wg0 and is not led into a TUN goes nowhere' "$WORK/show"
steer check >"$WORK/check"
ok "killed: check has one way out" grep -q 'systemctl reload-or-restart ctfwd' "$WORK/check"
ok "killed: and tells the TUNs of a capture as one" grep -q '^error: missing: tun: the TUN wg0-in and wg0-out' "$WORK/check"
ok "killed: and that it is shut" grep -q '# until then nothing of wg0 passes' "$WORK/check"
in_host ip rule del pref 110
steer check >"$WORK/check"
ok "killed: with a backstop that is missing too it is open, and that is told" \
	grep -q '# until then wg0 is OPEN: .* (1 of rules and routes)' "$WORK/check"
in_host tc filter add dev wg0 ingress pref 9 protocol ip u32 match ip protocol 47 0xff flowid 1:1
steer off >"$WORK/off"
ok "off undoes what it left" grep -q '^Taken out: ' "$WORK/off"
not_ok "and knows of no guard" grep -q guard "$WORK/off"
ok "but not what others have" sh -c "ip netns exec $PREFIX-host tc filter show dev wg0 ingress | grep -q 'pref 9'"
in_host tc qdisc del dev wg0 clsact
ok "all is as it was before" same "$before" "$(state)"
ok "and all is open" ping_in client $SERVER4

# What the guard has closed goes too, and the mark by which a daemon leaves it.
guard() { in_host "$BUILD/ctfwd" --guard -c "$WORK/ctfwd.conf"; }
ok "a guard closes" guard
ok "what closes is there then, and what leads into a daemon is missing" \
	test "$(missing)" = "address filter link qdisc route rule tun"
daemon_up
ok "a daemon finds all of its own there" test -z "$(missing)"
daemon_down
ok "after an orderly stop the guard's is left" shut client $SERVER4
steer off >"$WORK/off"
ok "off undoes it" grep -q '^Taken out: ' "$WORK/off"
ok "and tells of the guard" grep -q 'systemctl restart ctfw-guard' "$WORK/off"
ok "its mark is gone, too" same "$before" "$(state)"
ok "all is open" ping_in client $SERVER4

# By another configuration, which names none of it.
daemon_up
killed
in_host ip rule add pref 105 to 192.0.2.0/24 lookup 99
other=$(in_host ip rule show pref 105)
cp "$WORK/ctfwd.conf" "$WORK/ctfwd.conf.1"
printf '[steer]\ntable = 1000\npriority = 5000\nprotocol = 199\n' >>"$WORK/ctfwd.conf"
sed -i 's/\[capture wg0\]/[capture wg7]/' "$WORK/ctfwd.conf"
says "off undoes what a former configuration left" "Taken out: " steer off
ok "and leaves rules of others between" test "$(in_host ip rule show pref 105)" = "$other"
in_host ip rule del pref 105
ok "nothing else is left" same "$before" "$(state)"

sed -i 's/wg7/wg8/' "$WORK/ctfwd.conf"
steer show >"$WORK/show"
ok "an interface that is not there is told" grep -q '^wg8, which is not there; ' "$WORK/show"
says "off takes no --json" "ctfwctl: steer off: --json goes with show and check" steer off -j
