#!/bin/bash
# A boot with a configuration that is wrong: there is no daemon, what is fail-closed = no passes
# all the same, the rest does not, and the journal says why.
. "$(dirname "$0")/lib.sh"
NAMESPACES="client client2 server"
begin

ok "the daemon is given up" wait_until 20 is ActiveState failed
ok "after one try" is NRestarts 0
ok "the guard is there" systemctl is-active -q ctfw-guard
opened() { [ "$(property ExecMainStatus ctfw-open) $(property Result ctfw-open)" = "0 success" ] &&
	journalctl -b --no-pager -o cat -u ctfw-open | grep -q 'passes unfiltered'; }
ok "what is exempt was opened" wait_until 10 opened
net_up
client_up client2 wg1 1
serve_in client server
# The links come after those who open and close.
ok "it passes" ping_in client $SERVER4
ok "in both directions" ping_in server $CLIENT6
ok "to the host as well" ping_in client $HOST4
ok "the rest does not" shut client2 $SERVER4
ok "nor to the host" shut client2 10.8.1.1
ok "the journal shows the line" grep -q '^/etc/ctfw/ctfwd.conf:[0-9]*:' \
	<(journalctl -b --no-pager -o cat -u ctfwd)

sed -i '$d' /etc/ctfw/ctfwd.conf
ok "mended, it starts" systemctl start ctfwd
ok "and filters" wait_until 5 ping_in client2 $SERVER4
not_ok "and nothing passes by it" eval \
	'[[ $(traffic_in client tcp $SERVER4 80 --timeout 0.4 2>&1) == open* ]]'
ok "systemd knows of nothing that failed" test -z "$(systemctl --failed --no-legend)"
