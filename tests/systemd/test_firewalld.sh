#!/bin/bash
# Beside firewalld: what steer check says about its zones is enough for traffic to go through,
# and what it does to its rules leaves the steering alone.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/beside.sh"
command -v firewall-cmd >/dev/null || skip "needs firewalld"
begin
firewall_host

# A VPN host as they are: clients may go to the Internet, and to ssh of the host.
always() { firewall-cmd -q --permanent "$@"; }
starts() { systemctl start firewalld && firewall-cmd --state; }
starts >"$WORK/starts" 2>&1 || skip "firewalld does not start here: $(cat "$WORK/starts")" \
	"$(journalctl -q -o cat -n 1 -u firewalld)"
always --zone=external --add-interface=eth0
always --zone=external --remove-masquerade
always --zone=external \
	--add-rich-rule="rule family=ipv4 source address=10.8.0.0/24 masquerade"
always --zone=internal --add-interface=wg0
always --new-policy clients-out
always --policy clients-out --add-ingress-zone internal
always --policy clients-out --add-egress-zone external
always --policy clients-out --set-target ACCEPT
firewall-cmd -q --reload || die "firewalld refuses this"

# What both firewalls have let pass before.
all_goes() {
	ok "$1: clients get out, by the kernel's masquerade" wait_until 5 goes_out
	ok "$1: by IPv6 as well" ping_in client $SERVER6
	ok "$1: to ssh of the host" traffic_in client tcp $HOST4 22
	ok "$1: the host gets to clients" ping_in host $CLIENT4
	ok "$1: by IPv6 as well" ping_in host $CLIENT6
	not_ok "$1: what firewalld refuses it refuses, to the host" \
		traffic_in client tcp $HOST4 8080
	ok "$1: and from outside" shut server $CLIENT6
}
all_goes "before"
ok "before: http goes out" goes_out 80

rules_plain
sed -i 's/tcp dport 22/tcp dport { 22, 8080 }/' "$WORK/ruleset.nft"
ctfw_up
ok "with ctfw: it does not know the TUNs" shut client $SERVER6
ok "with ctfw: steer check finds that, and no rule more" \
	test "$(names)" = "kernel-rpfilter kernel-nat firewalld"
check
ok "with ctfw: says which zone" grep -qF \
	"firewalld has wg0 in the zone internal, and wg0-in and wg0-out in none" "$WORK/check"
mended firewalld
all_goes "mended"
ok "mended: what ctfw refuses is refused" test "$(traffic_in client tcp $SERVER4 80)" = silent

# ---- what firewalld does ----

talk_up client $SERVER4 --rounds 100000 --pause 0.01
steering=$(state)
firewall-cmd -q --reload
ok "reload: the steering stays" same "$steering" "$(state)"
all_goes "reload"
ok "reload: the conversation goes on" talk_goes_on
# That takes the kernel's translation away for a moment, and with it what was translated.
systemctl restart firewalld
ok "restart: the steering stays" same "$steering" "$(state)"
all_goes "restart"
# That unloads modules, too, which are not the container's.
bounds=0x$(sed -n 's/^CapBnd:[[:space:]]*//p' /proc/self/status)
ok "complete reload: the machine's modules are out of reach" test $((bounds >> 16 & 1)) = 0
firewall-cmd -q --complete-reload
ok "complete reload: the steering stays" same "$steering" "$(state)"
all_goes "complete reload"
ok "nothing had to be put back" none_put_back
ok "steer check finds nothing" test -z "$(names)"

# ---- a zone that lets nothing on within itself ----

firewall-cmd -q --zone=internal --remove-forward
ok "no forward: the host gets to no client" shut host $CLIENT4
found firewalld "firewalld's zone internal refuses what comes in by wg0-out and leaves by wg0"
mended firewalld
ok "no forward: mended, it does" ping_in host $CLIENT4

# ---- no zone for the interface: the default one ----

for port in wg0 wg0-in wg0-out; do
	firewall-cmd -q --zone=internal --remove-interface=$port
	always --zone=internal --remove-interface=$port
done
ok "default zone: the host gets to no client" shut host $CLIENT4
found firewalld "firewalld has other interfaces in the zone public, and wg0-out in none"
mended firewalld
ok "default zone: mended, it does" ping_in host $CLIENT4
firewall-cmd -q --set-default-zone=trusted
firewall-cmd -q --zone=trusted --remove-interface=wg0-out
clear_again "default zone: one that accepts all"
ok "default zone: all passes there" ping_in host $CLIENT4

systemctl stop firewalld
ok "stopped: nothing of it is told" test -z "$(names)"
