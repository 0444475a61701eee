#!/bin/bash
# What `monitor` tells of commands is what nft's tells of the same ones, but for the daemon's own
# numbers: line by line, with handles, as JSON, and filtered.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
. "$HERE/monitoring.sh"
begin
case $(nft --version) in *v1.0.6*) ;; *) skip "the lines are those of nft 1.0.6" ;; esac

configure_wg0
rules </dev/null
daemon_up

commands=$(cat <<'END'
add table t; add set t s { type ipv4_addr; flags interval,timeout; }; add chain t c
add map t m { type ipv4_addr : verdict; }; add map t d { type mark : ipv4_addr; }
add set t h { type ipv4_addr; timeout 1h; }
add element t s { 10.0.0.1, 10.0.0.3-10.0.0.9 timeout 1h, 10.1.0.0/16 comment "x" }
delete element t s { 10.0.0.1, 10.1.0.0/16 }
add element t m { 10.0.0.1 : drop, 10.0.0.2 : jump c }
delete element t m { 10.0.0.1 : drop }
add element t h { 1.1.1.1, 2.2.2.2 timeout 5m }
delete element t h { 1.1.1.1 }
add element t d { 1 : 1.1.1.1 }
flush set t s
add rule t c ip saddr { 1.1.1.1, 2.2.2.2 } accept
insert rule t c ip daddr @s drop
add set t k { type ipv4_addr; elements = { 9.9.9.9, 8.8.8.8 }; }
add chain t b { type filter hook input priority 0; policy drop; }
delete set t k
delete chain t b
END
)

act() { while IFS= read -r command; do in_host "$1" "$command"; done <<<"$commands"; }
# The same but for times and what is numbered; the order within a command is free.
plain() {
	sed -e '/__set/d' -e 's/expires [0-9a-z]*/expires N/' -e 's/ *$//' \
		-e 's/"expires": [0-9]*/"expires": N/' -e 's/handle"*:* [0-9]*/handle N/' \
		-e 's/^# new generation.*/# new generation/' "$1" | sort
}
export CTFW_SOCKET=$WORK/run/ctfwd.sock
for how in "monitor" "-a monitor" "-j monitor new" "monitor destroy elements" "monitor new rules"; do
	rm -f "$WORK/nft.plain"
	tell "$WORK/nft" nft $how
	in_host nft delete table t
	plain "$WORK/nft" >"$WORK/nft.plain"
	tell "$WORK/ours" "$BUILD/ctfwctl" $how
	ctl delete table t
	plain "$WORK/ours" >"$WORK/ours.plain"
	ok "$how: something is told" test -s "$WORK/ours.plain"
	ok "$how: and it is nft's" diff -u "$WORK/nft.plain" "$WORK/ours.plain"
done
ends_well
