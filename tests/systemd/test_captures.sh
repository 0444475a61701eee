#!/bin/bash
# Captured interfaces come and go by reloads: systemd keeps the queues of those that are there,
# and of no others.
. "$(dirname "$0")/lib.sh"
NAMESPACES="client client1 server"
begin
sanitizers
net_up
client_up client1 wg1 1
serve_in client client1 server
install 1 >"$WORK/install" 2>&1 || die "$(cat "$WORK/install")"
rules_plain
one() {
	configure <<-END
		[capture wg0]
		networks = 10.8.0.0/24 fd08::/64
	END
}
two() {
	one
	cat >>/etc/ctfw/ctfwd.conf <<-END
		[capture wg1]
		networks = 10.8.1.0/24 fd08:0:0:1::/64
	END
}
one
systemctl restart ctfwd
talk_up client $SERVER4 --rounds 100000 --pause 0.01
kept() { [ "$(property NFileDescriptorStore)" = "$1" ]; }
ok "one interface: two queues are kept" kept 2

two
ok "a reload adds another" systemctl reload ctfwd
ok "its queues are kept as well" wait_until 2 kept 4
ok "it is filtered" wait_until 5 ping_in client1 $SERVER4
keeper=$(keeper) index=$(cat /sys/class/net/wg1-in/ifindex)
mark
kill -KILL "$keeper"
ok "killed: another one filters" wait_until 10 other_than keeper "$keeper"
ok "it takes over all of them" logged "taking over 4 TUN queues"
ok "the TUNs are the same" test "$(cat /sys/class/net/wg1-in/ifindex)" = "$index"
ok "the other one is filtered" ping_in client1 $SERVER4

one
ok "a reload takes it out" systemctl reload ctfwd
ok "its queues are kept no more" wait_until 2 kept 2
ok "its TUNs are gone" wait_until 5 test ! -e /sys/class/net/wg1-in
ok "what it carries passes by" wait_until 5 ping_in client1 $SERVER4
ok "the conversation goes on" talk_goes_on

two
ok "a restart adds it, too" systemctl restart ctfwd
ok "its queues are kept" wait_until 2 kept 4
one
mark
ok "and a restart takes it out" systemctl restart ctfwd
ok "its queues are kept no more" wait_until 2 kept 2
ok "its TUNs are gone" wait_until 5 test ! -e /sys/class/net/wg1-in
ok "the others are taken over" logged "taking over 2 TUN queues"
ok "what it carries passes by" wait_until 5 ping_in client1 $SERVER4
ok "the conversation goes on" talk_goes_on

# ---- workers ----

printf '[daemon]\nworkers = 3\n' >>/etc/ctfw/ctfwd.conf
mark
ok "more workers" systemctl restart ctfwd
ok "have more queues" wait_until 2 kept 6
ok "two of them are the former ones" logged "taking over 2 TUN queues" "with 3 workers"
ok "the conversation goes on" talk_goes_on
one
ok "fewer workers" systemctl restart ctfwd
ok "have fewer queues" wait_until 2 kept 2
ok "the conversation goes on" talk_goes_on
kill $talk
