#!/bin/bash
# The life of the package under a conversation: upgrade, removal, installation anew, purge.
. "$(dirname "$0")/lib.sh"
begin
sanitizers
net_up
serve_in client server
install 1 >"$WORK/install" 2>&1 || die "$(cat "$WORK/install")"
configure_wg0
rules_plain
systemctl restart ctfwd
talk_up client $SERVER4 --rounds 100000 --pause 0.01
index=$(cat /sys/class/net/wg0-in/ifindex) keeper=$(keeper)

# ---- upgrade ----

# The conversation's flow by its number: the first of all.
flow() {
	ctl conntrack -L -o id 2>/dev/null | sed -n 's/.*dport=22.* id=\([0-9]*\).*/\1/p' |
		sort -n | head -n 1
}
flow=$(flow)
version() { dpkg-query -W -f '${Version}' ctfw; }
version=$(version)
# Transfers that one after the other last for longer than the upgrade.
(until [ -e "$WORK/upgraded" ]; do
	traffic_in client transfer $SERVER4 22 20000000 || exit
	echo done >>"$WORK/transfers"
done) >"$WORK/transfer" 2>&1 &
transfers=$!
wait_until 20 test -s "$WORK/transfers"
mark
ok "a higher version installs" install 2
ok "it is another daemon" other_than keeper "$keeper"
ok "of a higher version" dpkg --compare-versions "$(version)" gt "$version"
ok "the conversation goes on" talk_goes_on
touch "$WORK/upgraded"
ok "no transfer was cut" wait $transfers
echo "     $(wc -l <"$WORK/transfers") transfers"
ok "it is the same flow" test -n "$flow" -a "$flow" = "$(flow)"
ok "the TUNs are the same" test "$(cat /sys/class/net/wg0-in/ifindex)" = "$index"
ok "the configuration is the administrator's" grep -q '\[capture wg0\]' /etc/ctfw/ctfwd.conf
ok "the journal says it" logged "stopping for a restart" "is filtering, with"

# A start would find what is wrong there, and nothing would pass.
keeper=$(keeper)
echo "table inet filter { chain input { tcp dport ssh acept } }" >>/etc/ctfw/ruleset.nft
ok "with a wrong file a higher version installs, too" eval "install 2 >'$WORK/install' 2>&1"
ok "says what is wrong" grep -qF '/etc/ctfw/ruleset.nft:21:49: ' "$WORK/install"
ok "and what to do" grep -q 'systemctl restart ctfwd$' "$WORK/install"
ok "the former daemon runs on" is MainPID "$keeper"
ok "and the conversation" talk_goes_on
rules_plain
chmod 600 /etc/ctfw/ruleset.nft
ok "with one that the daemon may not read as well" eval "install 2 >'$WORK/install' 2>&1"
ok "this is told" grep -q "user with the number $(id -u ctfw), who may not" "$WORK/install"
ok "the former daemon runs on" is MainPID "$keeper"
chmod 644 /etc/ctfw/ruleset.nft
ok "with what is right it is another daemon" eval "install 2 && other_than keeper $keeper"
ok "the conversation goes on" talk_goes_on

ok "a disabled unit stays disabled" eval "systemctl disable -q ctfwd && install 2 &&
	! systemctl is-enabled -q ctfwd"
ok "and one that runs goes on" talk_goes_on
systemctl stop ctfwd
ok "one that was stopped stays stopped" eval "install 2 && ! systemctl is-active -q ctfwd"
systemctl enable -q --now ctfwd

# ---- removal ----

remove() { DEBIAN_FRONTEND=noninteractive dpkg "$1" ctfw; }
ok "it is removed" remove --remove
ok "nothing runs any more" test -z "$(pgrep ctfwd)"
not_ok "nothing of it is in the way of packets" rules_left
not_ok "there is no TUN" test -e /sys/class/net/wg0-in
not_ok "there is no state" test -e /run/ctfw
not_ok "there are no programs" command -v ctfwd
ok "there is its configuration" test -s /etc/ctfw/ctfwd.conf
ok "it installs again" install 1
ok "and filters as before" wait_until 10 filtering

ok "it is purged" remove --purge
not_ok "there is no configuration" test -e /etc/ctfw
not_ok "there is no state" test -e /run/ctfw -o -e /var/lib/ctfw
not_ok "nothing is left in systemd's directories" grep -r ctfw /etc/systemd/system/*.wants \
	/var/lib/systemd
ok "the user stays" getent passwd ctfw
