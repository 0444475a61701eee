#!/bin/bash
# What `monitor trace` tells of packets is what nft's tells of the same ones under the same rules,
# but for numbers that are drawn or counted, the frame, and what the packets carry.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
. "$HERE/monitoring.sh"
begin
case $(nft --version) in *v1.0.6*) ;; *) skip "the lines are those of nft 1.0.6" ;; esac

cat >"$WORK/traced.nft" <<'END'
table inet f {
	chain sub {
		tcp dport 80 counter meta mark set 7 return
		udp dport 53 drop
		udp dport 54 goto last
	}
	chain last { udp dport 54 counter accept; }
	chain pre {
		type filter hook prerouting priority -150; policy accept;
		iifname "wg0" meta nftrace set 1
	}
	chain forward {
		type filter hook forward priority 0; policy drop;
		ct state established accept
		jump sub
		tcp dport 80 accept
		icmp type echo-request ct state new accept
		icmpv6 type echo-request accept
		udp dport 55 reject
	}
}
END
cat >"$WORK/send.py" <<'END'
import socket, sys
for port in 53, 54, 55, 99:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("", 1000))
        s.sendto(b"data", (sys.argv[1], port))
with socket.socket() as s:
    s.bind(("", 1000))
    s.settimeout(0.5)
    try:
        s.connect((sys.argv[1], 80))
    except OSError:
        pass
END
act() {
	in_client python3 "$WORK/send.py" $SERVER4
	in_client ping -c 1 -W 1 $SERVER4 >/dev/null
	in_client ping -c 1 -W 1 $SERVER6 >/dev/null
}
plain() {
	sed -E 's/trace id [0-9a-f]+/trace id N/; s/(ttl|hoplimit|ip id|window|flowlabel|icmp(v6)? id|parameter-problem) [0-9]+/\1 N/g
		s/ ether saddr [0-9a-f:]+ ether daddr [0-9a-f:]+//; s/ @th,[0-9,]+ 0x[0-9a-f]+//
		s/counter packets [0-9]+ bytes [0-9]+/counter N/; s/ *$//' "$1"
}

in_host nft -f "$WORK/traced.nft"
tell "$WORK/nft" nft monitor trace
plain "$WORK/nft" >"$WORK/nft.plain"
in_host nft flush ruleset
in_host conntrack -F 2>/dev/null

configure_wg0
rules <"$WORK/traced.nft"
daemon_up
export CTFW_SOCKET=$WORK/run/ctfwd.sock
tell "$WORK/ours" "$BUILD/ctfwctl" monitor trace
plain "$WORK/ours" >"$WORK/ours.plain"
ok "something is told" test "$(wc -l <"$WORK/ours.plain")" -gt 30
ok "and it is nft's" diff -u "$WORK/nft.plain" "$WORK/ours.plain"
ends_well
