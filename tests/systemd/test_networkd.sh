#!/bin/bash
# Beside systemd-networkd: what it deletes of others when it configures a link is not ours.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/beside.sh"
[ -x /lib/systemd/systemd-networkd ] || skip "needs systemd-networkd"
begin
net_up
# A link that is its own; boot has masked it.
ip link add lan0 type veth peer name lan1
ip link set lan1 up
mkdir -p /etc/systemd/network
cat >/etc/systemd/network/lan0.network <<-END
	[Match]
	Name=lan0
	[Network]
	LinkLocalAddressing=no
	IPv6AcceptRA=no
END
rm -f /etc/systemd/system/systemd-networkd.service
systemctl daemon-reload
systemctl start systemd-networkd || skip "systemd-networkd does not start here"

others() { ip rule | grep ^5000:; }
configured() { networkctl --no-pager --no-legend list lan0 | grep -w configured; }
# clean_out [SECONDS]: it configures that link anew; status 1 when it left alone what is of others.
clean_out() {
	others >"$WORK/others" || ip rule add pref 5000 to 192.0.2.1 lookup main
	wait_until 10 configured
	networkctl reconfigure lan0
	wait_until "${1:-10}" fails others
}
# What this version of it does, before there is anything of ours.
clean_out || skip "this systemd-networkd deletes no rule of others"

rules_plain
ctfw_up
steering=$(state)
ok "it deletes a rule of others" clean_out
ok "ours stay" same "$steering" "$(state)"
ok "it is restarted" systemctl restart systemd-networkd
ok "and deletes it again" clean_out
ok "ours stay" same "$steering" "$(state)"
ok "nothing had to be put back" none_put_back
all_open "beside it"
not_ok "steer check does not tell of it" grep -qw networkd <<<"$(names)"

# ---- with a protocol that is not the kernel's ----

daemon_down
printf '[steer]\nprotocol = static\n' >>"$WORK/ctfwd.conf"
daemon_up
ok "steer check tells of a protocol that it deletes" grep -qw networkd <<<"$(names)"
steering=$(state)
ok "which it does" clean_out
put_back() { status steering restored | grep '"rule": [1-9]'; }
ok "that is put back" wait_until 3 put_back
ok "all of it" wait_until 3 eval 'same "$steering" "$(state)"'
all_open "put back"
ok "the advice can be followed" follow_advice
not_ok "then steer check tells no more of it" grep -qw networkd <<<"$(names)"
restored=$(status steering restored)
ok "nor does it delete rules any more" fails clean_out 3
ok "nothing more had to be put back" test "$(status steering restored)" = "$restored"
