#!/bin/bash
# fail-closed = no under systemd, which ends whoever would open along with the keeper: what is
# exempt is opened once the daemon is given up, and not before.
. "$(dirname "$0")/lib.sh"
NAMESPACES="client client2 server"
begin
sanitizers
net_up
client_up client2 wg1 1
serve_in client server
install 1 >"$WORK/install" 2>&1 || die "$(cat "$WORK/install")"
configure_open_wg0
rules_plain
# Port 80 is what rules refuse.
passes_by() { [[ $(traffic_in client tcp $SERVER4 80 --timeout 0.4 2>&1) == open* ]]; }
filters() { filtering && ping_in client $SERVER4 && ping_in client2 $SERVER4; }
opened() { journalctl --sync; journalctl --no-pager -o cat -u ctfw-open | grep -c "$1"; }
spoil() { echo "acept" >>/etc/ctfw/ruleset.nft; }
open_and_shut() {
	ok "$1: what is exempt is open" wait_until 10 passes_by
	ok "$1: in both directions" ping_in server $CLIENT4
	ok "$1: to the host as well" ping_in client $HOST6
	ok "$1: the rest is shut" shut client2 $SERVER4
}

ok "systemd finds nothing wrong with the unit" test -z \
	"$(systemd-analyze verify --man=no ctfw-open.service 2>&1)"
ok "its exposure is 1.5 or less" systemd-analyze security --offline=true --threshold=15 \
	--no-pager /lib/systemd/system/ctfw-open.service
ok "it starts" systemctl restart ctfwd
ok "it filters" wait_until 5 filters
not_ok "nothing passes by it" passes_by
ok "to open while it runs" systemctl start ctfw-open
not_ok "opens nothing" passes_by
ok "which is said" test "$(opened 'another ctfwd')" = 1

talk_up client $SERVER4 --rounds 100000 --pause 0.01
mark
for i in 1 2 3; do
	keeper=$(keeper)
	kill -KILL "$keeper"
	ok "the keeper killed: another one filters" wait_until 10 other_than keeper "$keeper"
done
ok "nobody opened" test "$(opened 'passes unfiltered')" = 0
not_ok "nor did it itself" logged "passes unfiltered"
ok "the conversation goes on" talk_goes_on
kill $talk

keeper=$(keeper)
spoil
kill -KILL "$keeper"
ok "killed, and the next does not start: it is given up" wait_until 10 is ActiveState failed
open_and_shut "given up"
ok "the journal says it" test "$(opened 'passes unfiltered')" = 1
rules_plain
ok "mended, it starts" systemctl start ctfwd
ok "and filters" wait_until 5 filters
not_ok "and nothing passes by it" passes_by

spoil
not_ok "a restart with a bad file fails" systemctl restart ctfwd
open_and_shut "a bad restart"
rules_plain
systemctl start ctfwd

drop_in limit <<-END
	[Unit]
	StartLimitIntervalSec=1h
	StartLimitBurst=3
END
systemctl restart ctfwd
for i in 1 2 3; do
	keeper=$(keeper)
	kill -KILL "$keeper"
	wait_until 10 other_than keeper "$keeper"
done
ok "it dies too often: it is given up" wait_until 10 is ActiveState failed
open_and_shut "dead too often"
systemctl reset-failed ctfwd
systemctl start ctfwd
ok "it filters again" wait_until 5 filters
not_ok "and nothing passes by it" passes_by

spoil
systemctl restart ctfwd
open_and_shut "once more"
DEBIAN_FRONTEND=noninteractive dpkg --remove ctfw >"$WORK/remove" 2>&1
ok "the package is removed" test $? = 0
ok "systemd knows of nothing that failed" test -z "$(systemctl --failed --no-legend)"
not_ok "and nothing is left" rules_left
install 1 >"$WORK/install" 2>&1 || die "$(cat "$WORK/install")"
rules_plain
systemctl start ctfwd
ok "installed anew, it filters" wait_until 5 filters

# What the installation has started, since the rules were wrong then.
settled() { [ "$(systemctl show -P ActiveState ctfw-open)" = inactive ]; }
ok "who would open has found it" wait_until 10 settled
before=$(opened 'passes unfiltered')
systemctl stop ctfwd
ok "stopped in order: nothing had to be opened" test "$(opened 'passes unfiltered')" = "$before"
systemctl stop ctfw-guard
not_ok "and nothing is left" rules_left
