#!/bin/bash
# Two captured interfaces, and rules that name them.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
NAMESPACES="client client2 host server"
begin
client_up client2 wg1 1

configure <<-END
	[capture wg0]
	networks = 10.8.0.0/24 fd08::/64
	[capture wg1]
	networks = 10.8.1.0/24 fd08:0:0:1::/64
	in-name = office-in
	out-name = office-out
END
rules <<-END
	table inet filter {
		chain forward {
			type filter hook forward priority filter; policy drop;
			ct state established,related accept
			iifname "wg0" oifname "wg1" tcp dport 22 accept
			iifname "wg1" oifname "eth0" accept
		}
		chain input {
			type filter hook input priority filter; policy accept;
			iifname "wg1" tcp dport 80 reject with tcp reset
		}
		chain output {
			type filter hook output priority filter; policy accept;
			oifname "wg1" tcp dport 80 reject with tcp reset
		}
	}
END
serve_in client client2 host
before=$(state)
daemon_up
for v in "10.8.0.2 10.8.1.2 10.8.0.1 10.8.1.1 $SERVER4" \
	"fd08::2 fd08:0:0:1::2 fd08::1 fd08:0:0:1::1 $SERVER6"; do
	set -- $v
	says "from wg0 to wg1, as a rule says: $2" "open $1" traffic_in client tcp $2 22
	says "from wg0 to wg1, another port: $2" silent traffic_in client tcp $2 80 --timeout 0.4
	says "from wg1 to wg0: $1" silent traffic_in client2 tcp $1 22 --timeout 0.4
	ok "from wg1 to outside: $5" ping_in client2 $5
	ok "from wg0 to outside: $5" shut client $5
	says "input from wg0: $3" open traffic_in client tcp $3 80
	says "input from wg1: $4" refused traffic_in client2 tcp $4 80
	says "output to wg0: $1" open traffic_in host tcp $1 80
	says "output to wg1: $2" refused traffic_in host tcp $2 80
done
ok "status names both" sh -c "echo '$(status captures)' | grep -q wg0.*wg1"
ends_well
ok "and leaves the host as it was" same "$before" "$(state)"
