#!/bin/bash
# Beside ufw: what steer check says about its rules is enough for traffic to go through, and
# its reload leaves the steering alone.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/beside.sh"
command -v ufw >/dev/null || skip "needs ufw"
begin
firewall_host

sed -i 's/^IPV6=.*/IPV6=yes/' /etc/default/ufw
ufw --force enable >"$WORK/ufw" 2>&1 || skip "ufw does not start here: $(tail -n 1 "$WORK/ufw")"
# A VPN host as they are: clients may go to the Internet, and everywhere on the host.
cat >>/etc/ufw/before.rules <<-END
	*nat
	:POSTROUTING ACCEPT [0:0]
	-A POSTROUTING -s 10.8.0.0/24 -o eth0 -j MASQUERADE
	COMMIT
END
{ ufw allow in on wg0 && ufw route allow in on wg0 out on eth0 && ufw reload; } \
	>"$WORK/ufw" 2>&1 || die "ufw refuses this: $(cat "$WORK/ufw")"
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1

all_goes() {
	ok "$1: clients get out, by the kernel's masquerade" wait_until 5 goes_out
	ok "$1: by IPv6 as well" traffic_in client tcp $SERVER6 22
	ok "$1: to the host" traffic_in client tcp $HOST4 22
	ok "$1: by IPv6 as well" traffic_in client tcp $HOST6 22
	ok "$1: the host gets to clients" traffic_in host tcp $CLIENT4 22
	ok "$1: by IPv6 as well" traffic_in host tcp $CLIENT6 22
	not_ok "$1: nobody does from outside" traffic_in server tcp $CLIENT6 22
}
all_goes "before"

rules_plain
ctfw_up
not_ok "with ctfw: it does not know the TUNs" goes_out
ok "with ctfw: steer check finds that, and no rule more" \
	test "$(names)" = "kernel-nat kernel-rule"
check
ok "with ctfw: says so" grep -qF "rules of ufw tell wg0 from its TUNs" "$WORK/check"
mended kernel-rule
all_goes "mended"
ok "mended: what ctfw refuses is refused" test "$(traffic_in client tcp $SERVER4 80)" = silent

talk_up client $SERVER6 --rounds 100000 --pause 0.01
steering=$(state)
ufw reload >"$WORK/ufw"
ok "reload: the steering stays" same "$steering" "$(state)"
all_goes "reload"
ok "nothing had to be put back" none_put_back
ok "the conversation went on" talk_goes_on
ok "steer check finds nothing" test -z "$(names)"
kill $talk

# ---- who may what is left to the operator where ctfw does not judge it ----

ufw delete allow in on wg0-in >"$WORK/ufw"
sed -i '/^fail-closed/a hooks = forward output' "$WORK/ctfwd.conf"
found kernel-rule "rules of ufw tell wg0 from its TUNs"
ok "what goes to the host unjudged is not let on" \
	grep -qx " *# (of hooks: input) ufw allow in on wg0-in" "$WORK/check"
