#!/bin/bash
# Sources that nobody behind the captured interface may have.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

configure_wg0
rules <<-END
	table inet filter {
		chain forward {
			type filter hook forward priority filter; policy accept;
			udp dport 7 counter
		}
		chain input {
			type filter hook input priority filter; policy accept;
			udp dport 7 counter
		}
	}
END
daemon_up
rose() { [ "$(status drops "$1")" -gt "$2" ]; }
seen() { ctl list ruleset | grep -o 'packets [0-9]*' | paste -sd' '; }

# forged SENTENCE REASON SOURCE TARGET
forged() {
	local before passed
	before=$(status drops "$2")
	passed=$(seen)
	traffic_in client forge "$3" "$4" >/dev/null
	ok "$1 is dropped as $2" wait_until 2 rose "$2" "$before"
	ok "and no rule sees it" test "$passed" = "$(seen)"
}
forged "the host's own address, to the server" own-source $HOST4 $SERVER4
forged "the host's own address, to the server, IPv6" own-source $HOST6 $SERVER6
forged "the host's own address, to the host" own-source $HOST4 $HOST4
forged "the host's other address, to the host, IPv6" own-source $HOSTNET6 $HOST6
forged "the server's address, to the host" spoofed-source $SERVER4 $HOST4
forged "the server's address, to the host, IPv6" spoofed-source $SERVER6 $HOST6
forged "a stranger's address, to the server" spoofed-source 192.0.2.66 $SERVER4
forged "a stranger's address, to the server, IPv6" spoofed-source 2001:db8:bad::66 $SERVER6
forged "loopback's address, to the host" martian-address 127.0.0.1 $HOST4
forged "a multicast source, to the host" martian-address 224.1.2.3 $HOST4
ok "a client's own address passes" ping_in client $SERVER4

# From outside, under a client's address: it meets wg0-out, and is answered nowhere.
traffic_in server forge $CLIENT4 $HOST4
ok "the daemon goes on" ping_in client $SERVER6
daemon_down
