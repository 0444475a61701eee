#!/bin/bash
# FTP, TFTP, SIP and PPTP by clients and servers, through rules that know their first port and
# what is established or related: with helpers they work, without they do not.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

with_helpers() {
	configure <<-END
		[capture wg0]
		networks = 10.8.0.0/24 fd08::/64
		[conntrack]
		helpers = $1
	END
}
rules <<-END
	table inet filter {
		chain forward {
			type filter hook forward priority filter; policy drop;
			ct state related counter
			ct state established,related accept
			iifname "wg0" tcp dport { 21, 1723 } accept
			iifname "wg0" udp dport { 69, 5060 } accept
		}
	}
END

# ---- the services ----

ftp_up 300000 $SERVER4 $SERVER6
for address in $SERVER4 $SERVER6; do
	in_server "$HERE/tftpd.py" $address "$WORK/files/file" >"$WORK/tftpd-$address" 2>&1 &
	disown
	wait_until 10 grep -q ready "$WORK/tftpd-$address" || die "no TFTP server"
done
in_server "$HERE/pptp.py" serve $SERVER4 >"$WORK/pptpd" 2>&1 &
disown
wait_until 10 grep -q ready "$WORK/pptpd" || die "no PPTP server"
in_server sipp -sn uas -i $SERVER4 -p 5060 -nostdin >"$WORK/uas" 2>&1 &
disown

fetch_soon() { WAIT=1 fetch "$@"; }
call_up() {
	in_client sipp -sn uac $SERVER4 -i $CLIENT4 -p 5060 -mp 6000 -rtp_echo -m 1 -d 15000 \
		-nostdin -timeout 40 >"$WORK/uac" 2>&1 &
	call=$!
	wait_until 5 in_client ss -Hlun sport = :6000 || die "no SIP client: $(cat "$WORK/uac")"
	# Until the other side has answered.
	wait_until 5 calling
}
calling() { [ "$(ctl conntrack -L 2>/dev/null | grep -c 'dport=5060.*ASSURED')" -gt 0 ]; }
listed() { ctl conntrack -L expect 2>/dev/null | grep -q "$1"; }
# A packet of sound to the client, which sends it back: answered, silent or refused.
media() {
	in_server python3 - $CLIENT4 "$1" <<-'END'
		import socket, sys
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.settimeout(float(sys.argv[2]))
		s.connect((sys.argv[1], 6000))
		try:
		    s.send(b"sound")
		    print("answered" if s.recv(100) == b"sound" else "garbled")
		except socket.timeout:
		    print("silent")
		except ConnectionRefusedError:
		    print("refused")
	END
}

# ---- with ----

with_helpers "ftp tftp sip pptp"
daemon_up
ok "IPv4, EPSV" fetch ftp://$SERVER4/file
ok "IPv4, PASV" fetch --disable-epsv ftp://$SERVER4/file
ok "IPv4, EPRT" fetch --ftp-port - ftp://$SERVER4/file
ok "IPv4, PORT" fetch --ftp-port - --disable-eprt ftp://$SERVER4/file
ok "IPv6, EPSV" fetch "ftp://[$SERVER6]/file"
ok "IPv6, EPRT" fetch --ftp-port - "ftp://[$SERVER6]/file"
ok "what was related came by" ctl_says 'related counter packets [1-9]' list ruleset
ok "TFTP over IPv4" fetch tftp://$SERVER4/file
ok "TFTP over IPv6" fetch "tftp://[$SERVER6]/file"
says "PPTP: what a call carries comes back" "own hello by 23" \
	in_client "$HERE/pptp.py" call $SERVER4
gre() {
	ctl conntrack -L -p gre 2>/dev/null |
		grep -c 'srckey=0x17 dstkey=0x4d.*srckey=0x4d dstkey=0x17'
}
says "by one flow" 1 gre
ctl conntrack -D -p tcp --dport 1723 >"$WORK/deleted" 2>&1
says "that ends with its control connection" 0 gre
says "before a call its media are shut" silent media 0.4
call_up
says "SIP: the client's media port is open to the server" answered media 2
ok "what is expected is listed" listed 'PERMANENT\|class=1 helper=sip'
expected=$(ctl conntrack -C expect)
says "and counted in status" "$expected" status expectations now
kill -9 "$(status filter_pid)"
ok "it goes on in the next filter" \
	wait_until 10 grep -q "$expected expectations go on" "$WORK/daemon.log"
ok "where it is listed" wait_until 10 listed 'class=1 helper=sip'
says "and status tells how many went on" "$expected" status flows recovery expectations
ctl conntrack -F expect 2>"$WORK/flushed"
ok "and can be flushed" grep -q 'expectation table has been emptied' "$WORK/flushed"
says "then there is none" 0 ctl conntrack -C expect
wait $call
ok "the call ended well" test $? = 0
says "and with it what was open" silent media 0.4
ends_well

# ---- without ----

with_helpers off
daemon_up
not_ok "without, IPv4, EPSV" fetch_soon ftp://$SERVER4/file
not_ok "without, IPv4, PORT" fetch_soon --ftp-port - --disable-eprt ftp://$SERVER4/file
not_ok "without, IPv6, EPSV" fetch_soon "ftp://[$SERVER6]/file"
says "without, PPTP" silence in_client "$HERE/pptp.py" call $SERVER4
not_ok "without, TFTP" fetch_soon tftp://$SERVER4/file

# It may be switched on while the daemon runs.
with_helpers ftp
ok "a reload" ctl reload
ok "with it, IPv4, EPSV" fetch ftp://$SERVER4/file
ok "with it, IPv4, PORT" fetch --ftp-port - --disable-eprt ftp://$SERVER4/file
not_ok "with it, TFTP" fetch_soon tftp://$SERVER4/file
ends_well
