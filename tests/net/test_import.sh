#!/bin/bash
# Connections that were open before the daemon started, through rules that accept nothing but
# what is established: they go on where the kernel's entries are imported, and only there.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

rules <<-END
	table inet filter {
		chain input {
			type filter hook input priority filter; policy drop;
			ct state established accept
		}
		chain forward {
			type filter hook forward priority filter; policy drop;
			ct state established accept
		}
		chain output {
			type filter hook output priority filter; policy drop;
			ct state established accept
		}
	}
END
import_is() {
	configure <<-END
		[capture wg0]
		networks = 10.8.0.0/24 fd08::/64
		[conntrack]
		import = $1
	END
}

stream_log=$WORK/stream
stream_rounds() { wc -l <"$stream_log"; }
stream_beyond() { [ "$(stream_rounds)" -gt "$1" ]; }
stream_goes_on() {
	local now
	now=$(stream_rounds)
	wait_until "${1:-15}" stream_beyond $((now + 3))
}
stream_up() {
	: >"$stream_log"
	in_client "$HERE/traffic.py" stream $SERVER4 53 --rounds 100000 --log "$stream_log" \
		>/dev/null 2>&1 &
	stream=$!
	wait_until 10 stream_beyond 3 || die "no stream"
}

# The kernel tracks, and hides the client behind its own address.  What comes back from the
# daemon has passed its conntrack already: the second time it is left alone.
in_host nft -f - <<-END || skip "no nft in namespaces"
	table ip kraw {
		chain pre {
			type filter hook prerouting priority raw;
			iifname "wg0-out" notrack
		}
	}
	table ip knat {
		chain post {
			type nat hook postrouting priority srcnat;
			oifname "eth0" masquerade
		}
	}
	table inet kfilter {
		chain forward {
			type filter hook forward priority filter;
			ct state invalid counter
		}
		chain input {
			type filter hook input priority filter;
			ct state invalid counter
		}
	}
END
serve_in server host

import_is no
talk_up client $SERVER4 --rounds 100000
stream_up
daemon_up
not_ok "without import a TCP connection is cut" talk_goes_on 2
not_ok "and a UDP stream" stream_goes_on 1
ends_well
shoot "$talk"
shoot "$stream"
rm -rf "$WORK/run"

import_is yes
talk_up client $SERVER4 --rounds 100000
stream_up
daemon_up
ok "with import a TCP connection behind masquerade goes on" talk_goes_on
ok "and a UDP stream" stream_goes_on
says "what begins later is dropped" silent traffic_in client tcp $SERVER4 22 --timeout 0.4
says "and UDP as well" silent traffic_in client udp $SERVER4 53 --timeout 0.4
ok "it is listed with the addresses that the client knows" \
	sh -c "$BUILD/ctfwctl --socket $WORK/run/ctfwd.sock conntrack -L -p tcp -s $CLIENT4 -d $SERVER4 |
		grep -q '^tcp .* ESTABLISHED .*src=$SERVER4 dst=$CLIENT4 .*\[ASSURED\]'"
ok "the daemon says how many" grep -q "flows taken over from the kernel" "$WORK/daemon.log"

kill -9 "$(status filter_pid)"
wait_until 10 filtering
ok "after the filter's death it goes on from what was saved" talk_goes_on
ok "and nothing is imported twice" \
	test "$(grep -c "flows taken over from the kernel" "$WORK/daemon.log")" = 1
ends_well
shoot "$talk"
shoot "$stream"
