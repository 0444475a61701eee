#!/bin/bash
# From the first moment of a boot on nothing of what is captured passes, until the daemon
# filters; and when that is stopped, until the guard is.
. "$(dirname "$0")/lib.sh"
begin

ok "the guard is enabled with the daemon" systemctl is-enabled -q ctfw-guard
ok "it is active" systemctl is-active -q ctfw-guard
closed() { grep -q "iif wg0 .*unreachable" "$1" || { cat "$1"; return 1; }; }
ok "it was when the network began" closed /run/early
# What systemd has prepared for it in /tmp would be cleared away, and it would not start.
moment() { systemctl show -P "$2" "$1"; }
cleared=$(moment systemd-tmpfiles-setup ActiveEnterTimestampMonotonic)
ok "it starts when /tmp was cleared" test "$cleared" -gt 0 -a \
	"$(moment ctfw-guard InactiveExitTimestampMonotonic)" -ge "$cleared"
ok "the daemon runs, and waits for its interface" systemctl is-active -q ctfwd
not_ok "systemd found no order that cannot be" grep -i "ordering cycle" <(journalctl -b -o cat)
ok "systemd finds nothing wrong with the units" test -z \
	"$(systemd-analyze verify --man=no ctfw-guard.service ctfwd.service 2>&1)"
ok "its exposure is 1.5 or less" systemd-analyze security --offline=true --threshold=15 \
	--no-pager /lib/systemd/system/ctfw-guard.service
systemd-analyze security --offline=true --no-pager /lib/systemd/system/ctfw-guard.service |
	tail -n 1

net_up
serve_in client server
ok "the interface comes: it filters" wait_until 10 ping_in client $SERVER4
all_open "filtering"
talk_up client $SERVER4 --rounds 100000 --pause 0.01

ok "a restart succeeds" systemctl restart ctfwd
ok "the conversation goes on" talk_goes_on

systemctl stop ctfwd
ok "systemctl status says what the stop means" is StatusText \
	"Stopped, what was captured stays closed by the guard"
all_shut "stopped"
ok "host to server goes on" ping_in host $SERVER4
ok "it starts again" systemctl start ctfwd
ok "and filters" wait_until 5 ping_in client $SERVER4
ok "the conversation goes on" talk_goes_on
kill $talk

kill -KILL "$(keeper)"
ok "killed, another one filters" wait_until 10 ping_in client $SERVER4
systemctl stop ctfw-guard
all_open "the guard stopped under the daemon"
systemctl stop ctfwd
all_open "both stopped"
not_ok "nothing of it is left" rules_left
systemctl start ctfw-guard
all_shut "the guard alone"

# ---- a configuration that is wrong ----

ok "the daemon keeps a copy of its configuration" cmp /etc/ctfw/ctfwd.conf \
	/var/lib/ctfw/ctfwd.conf
systemctl stop ctfw-guard
ok "open" ping_in client $SERVER4
sed -i 's/^networks/netwroks/' /etc/ctfw/ctfwd.conf
ok "the guard starts with a slip in the configuration" systemctl start ctfw-guard
all_shut "by the copy"
ok "the journal says both" grep -q "taking the configuration that was in force last" \
	<(journalctl -u ctfw-guard | grep -A9 netwroks)
not_ok "the daemon does not start" systemctl start ctfwd
ok "still shut" shut client $SERVER4
systemctl stop ctfw-guard
ok "it stops as well" ping_in client $SERVER4
not_ok "and nothing of it is left" rules_left

ok "disabling the daemon disables it" eval "systemctl disable -q ctfwd &&
	! systemctl is-enabled -q ctfw-guard"
