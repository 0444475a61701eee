#!/bin/bash
# ctfwctl conntrack with real traffic: each command beside what conntrack(8) would print, and
# listeners of whom one sleeps while more happens than anybody could tell him.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

configure <<-END
	[capture wg0]
	networks = 10.8.0.0/24 fd08::/64
	[conntrack]
	max-flows = 300000
	helpers = ftp
END
rules <<-END
	table inet filter {
		chain forward {
			type filter hook forward priority filter; policy drop;
			ct state established,related accept
			iifname "wg0" accept
		}
	}
END
serve_in server
daemon_up
# What is there from links coming up is not what this is about.
ctl conntrack -F 2>/dev/null

# matches SENTENCE PATTERN COMMAND...: its whole output is this, an extended regular expression.
matches() {
	local what=$1 pattern=$2 out
	shift 2
	tries=$((tries + 1))
	out=$("$@" 2>&1)
	if [[ $out =~ ^$pattern$ ]]; then
		echo "ok   $what"
	else
		failures=$((failures + 1))
		echo "FAIL $what"
		printf '     %s\n' "$*" "$out" "is not" "$pattern"
	fi
}
export CTFW_SOCKET=$WORK/run/ctfwd.sock # a process of ours, not a shell's
V='ctfwctl v[0-9.]+ \(ctfw\): '
NL=$'\n'
TUPLES="src=$CLIENT4 dst=$SERVER4 sport=[0-9]+ dport=22 src=$SERVER4 dst=$CLIENT4 sport=22 dport=[0-9]+"

# ---- one connection, by every command ----

"$BUILD/ctfwctl" conntrack -E >"$WORK/events" 2>"$WORK/events.err" &
events=$!
heard $events || die "nobody listens: $(cat "$WORK/events.err")"
talk_up client $SERVER4 --rounds 100000
matches "-L shows it as conntrack does" \
	"tcp      6 (29[0-9]|300|43199[0-9]|432000) ESTABLISHED $TUPLES \[ASSURED\] mark=0 use=1$NL${V}1 flow entries have been shown\." \
	ctl conntrack -L -p tcp
matches "-L -o extended,id" \
	"ipv4     2 tcp      6 (29[0-9]|300|43199[0-9]|432000) ESTABLISHED $TUPLES \[ASSURED\] mark=0 use=1 id=[0-9]+$NL.*" \
	ctl conntrack -L -p tcp -o extended,id
matches "-L -o ktimestamp" ".* mark=0 delta-time=[0-9]+ \[start=[A-Z].* 20[0-9]+\] use=1$NL.*" \
	ctl conntrack -L -p tcp -o ktimestamp
matches "-C counts it" "[1-9]" ctl conntrack -C
matches "-S has a line a worker" "cpu=0   $(printf '\t')found=0 invalid=[0-9]+ insert=0 .*" ctl conntrack -S
matches "-L expect has none" "${V}0 expectations have been shown\." ctl conntrack -L expect
matches "-L dying has none" "${V}0 flow entries have been shown\." ctl conntrack -L dying
matches "-U changes its mark" ".* mark=9 use=1$NL${V}1 flow entries have been updated\." \
	ctl conntrack -U -p tcp -s $CLIENT4 -m 9
ok "the connection goes on" talk_goes_on
matches "-L -m finds it" ".* mark=9 use=1$NL${V}1 .*" ctl conntrack -L -m 9
port=$(ctl conntrack -L -p tcp -o xml 2>/dev/null | sed -n 's/.*direction="original".*<sport>\([0-9]*\)<\/sport><dport>22<.*direction="reply".*/\1/p')
matches "-G finds it" ".*ESTABLISHED.*$NL${V}1 flow entries have been shown\." \
	ctl conntrack -G -p tcp -s $CLIENT4 -d $SERVER4 --sport "$port" --dport 22
ctl conntrack -L -p tcp -o save >"$WORK/saved" 2>/dev/null
matches "-D deletes it" ".*$NL${V}1 flow entries have been deleted\." ctl conntrack -D -p tcp
ok "-R makes it again" ctl conntrack -R "$WORK/saved"
ok "and the connection goes on" talk_goes_on
matches "-F empties" "${V}connection tracking table has been emptied\." ctl conntrack -F
shoot "$talk"
ping_in client $SERVER4 >/dev/null
matches "ping: type, code and id" \
	"icmp     1 (2[0-9]|30) src=$CLIENT4 dst=$SERVER4 type=8 code=0 id=[0-9]+ src=$SERVER4 dst=$CLIENT4 type=0 code=0 id=[0-9]+ mark=0 use=1$NL.*" \
	ctl conntrack -L -p icmp --icmp-type 8
ctl conntrack -F 2>/dev/null
ok "-E tells of its end" wait_until 5 grep -q 'DESTROY.* dport=22 ' "$WORK/events"
kill -INT $events
ok "-E ends well when interrupted" wait $events
ok "-E told of its life" diff - <(grep " dport=22 " "$WORK/events" |
	sed 's/sport=[0-9]*//g; s/dport=[0-9]*//g; s/ [0-9]* ESTAB/ N ESTAB/; s/^ *//; s/  */ /g' |
	sed 's/ 6 [0-9]* src/ 6 N src/; s/ $//' | head -7) <<-END
	[NEW] tcp 6 120 SYN_SENT src=$CLIENT4 dst=$SERVER4 [UNREPLIED] src=$SERVER4 dst=$CLIENT4
	[UPDATE] tcp 6 60 SYN_RECV src=$CLIENT4 dst=$SERVER4 src=$SERVER4 dst=$CLIENT4
	[UPDATE] tcp 6 N ESTABLISHED src=$CLIENT4 dst=$SERVER4 src=$SERVER4 dst=$CLIENT4 [ASSURED]
	[UPDATE] tcp 6 N ESTABLISHED src=$CLIENT4 dst=$SERVER4 src=$SERVER4 dst=$CLIENT4 [ASSURED] mark=9
	[DESTROY] tcp 6 N ESTABLISHED src=$CLIENT4 dst=$SERVER4 src=$SERVER4 dst=$CLIENT4 [ASSURED] mark=9
	[NEW] tcp 6 N ESTABLISHED src=$CLIENT4 dst=$SERVER4 src=$SERVER4 dst=$CLIENT4 [ASSURED] mark=9
	[DESTROY] tcp 6 N ESTABLISHED src=$CLIENT4 dst=$SERVER4 src=$SERVER4 dst=$CLIENT4 [ASSURED] mark=9
	END
ok "-E says how many" grep -Eq "^$V[0-9]+ flow events have been shown\.$" "$WORK/events.err"

# ---- what an FTP client expects ----

traffic_in server serve --tcp 21 >"$WORK/ftp" 2>&1 &
disown
wait_until 10 grep -q ready "$WORK/ftp"
"$BUILD/ctfwctl" conntrack -E expect -o timestamp >"$WORK/expect" 2>&1 &
expect=$!
"$BUILD/ctfwctl" conntrack -E expect -o xml >"$WORK/expect.xml" 2>/dev/null &
xml=$!
heard $expect && heard $xml || die "nobody listens: $(cat "$WORK/expect")"
in_client python3 -c "
import socket, time
s = socket.create_connection(('$SERVER4', 21))
s.send(b'USER x\r\n')
time.sleep(0.2)
s.send(b'PORT 10,8,0,2,10,11\r\n')
time.sleep(6)" &
disown
# From any port of the server's, to the one that the client named.
E="proto=6 src=$SERVER4 dst=$CLIENT4 sport=0 dport=2571 mask-src=255.255.255.255"
E+=" mask-dst=255.255.255.255 sport=0 dport=65535 master-src=$CLIENT4 master-dst=$SERVER4"
E+=" sport=[0-9]+ dport=21 class=0 helper=ftp"
STAMP="\[[0-9]+\.[0-9]{6}\]$(printf '\t')"
is_expected() { [ "$(ctl conntrack -C expect)" = 1 ]; }
ok "-C expect counts it" wait_until 10 is_expected
matches "-L expect shows it" "(29[0-9]|300) $E$NL${V}1 expectations have been shown\." ctl conntrack -L expect
matches "the flow has its helper" ".* mark=0 helper=ftp use=1$NL.*" ctl conntrack -L -p tcp --dport 21
# As conntrack 1.4.7 writes the same expectation, made by the same words through the kernel.
part() { echo "<$1><$4>$2</$4><$5>$3</$5></$1>"; }
X="<layer3 protonum=\"2\" protoname=\"ipv4\">$(part expected $SERVER4 $CLIENT4 src dst)"
X+="$(part mask 255.255.255.255 255.255.255.255 src dst)$(part master $CLIENT4 $SERVER4 src dst)</layer3>"
X+="<layer4 protonum=\"6\" protoname=\"tcp\">$(part expected 0 2571 sport dport)$(part mask 0 65535 sport dport)"
X+="$(part master '[0-9]+' 21 sport dport)</layer4><meta><helper-name>ftp</helper-name>"
X+="<timeout>(29[0-9]|300)</timeout><class>0</class>"
HEAD="<\?xml version=\"1\.0\" encoding=\"utf-8\"\?>$NL<expect>"
WHEN="<when><hour>[0-9]+</hour><min>[0-9]{2}</min><sec>[0-9]{2}</sec><wday>[1-7]</wday><day>[0-9]+</day>"
WHEN+="<month>[0-9]+</month><year>20[0-9]{2}</year></when>"
matches "-L expect -o xml" "$HEAD$NL<flow>$X</meta></flow>$NL</expect>$NL${V}1 expectations .*" \
	ctl conntrack -L expect -o xml
matches "-L expect -o xml,timestamp" "$HEAD$NL<flow>$X$WHEN</meta></flow>$NL</expect>$NL.*" \
	ctl conntrack -L expect -o xml,timestamp
matches "-L expect -o xml of none" "${V}0 expectations have been shown\." ctl conntrack -L expect -f ipv6 -o xml
matches "-L -o timestamp says when" "$STAMP(29[0-9]|300) $E$NL${V}1 .*" ctl conntrack -L expect -o timestamp
fitting() { ctl conntrack "$1" expect -p tcp -s "${3-$SERVER4}" -d $CLIENT4 --sport 20 --dport $2; }
matches "-G expect finds what fits a packet" "(29[0-9]|300) $E$NL${V}1 expectations have been shown\." fitting -G 2571
none="${V}Operation failed: such expectation doesn't exist"
matches "-G expect finds none for another port" "$none" fitting -G 2572
matches "or another sender" "$none" fitting -G 2571 192.0.2.77
matches "-D expect deletes none of these" "$none" fitting -D 2572
says "it is still there" 1 ctl conntrack -C expect
matches "-D expect deletes what fits" "${V}1 expectations have been deleted\." fitting -D 2571
not_ok "and there is none any more" fitting -D 2571
says "as -C expect says" 0 ctl conntrack -C expect
matches "-F expect empties" "${V}expectation table has been emptied\." ctl conntrack -F expect
matches "-L expect has none again" "${V}0 expectations have been shown\." ctl conntrack -L expect
ok "-E expect tells of its end" wait_until 5 grep -q DESTROY "$WORK/expect"
ok "so does -E expect -o xml" wait_until 5 grep -q destroy "$WORK/expect.xml"
kill -INT $expect $xml
wait $expect $xml
matches "-E expect told of both" "$STAMP    \[NEW\] 300 $E$NL$STAMP\[DESTROY\] (29[0-9]|300) $E$NL${V}2 expectation events .*" \
	cat "$WORK/expect"
matches "so did -E expect -o xml" \
	"$HEAD$NL<flow type=\"new\">$X</meta></flow>$NL<flow type=\"destroy\">$X</meta></flow>$NL</expect>" \
	cat "$WORK/expect.xml"
ctl conntrack -F 2>/dev/null

# ---- acct and timestamp ----

configure <<-END
	[capture wg0]
	networks = 10.8.0.0/24 fd08::/64
	[conntrack]
	max-flows = 300000
	helpers = ftp
	acct = yes
	timestamp = yes
END
ok "acct and timestamp take effect at a reload" ctl reload
ping_in client $SERVER4 >/dev/null
matches "then counters and ages are shown" \
	"icmp .* id=[0-9]+ packets=1 bytes=84 src=.* id=[0-9]+ packets=1 bytes=84 mark=0 delta-time=0 use=1$NL.*" \
	ctl conntrack -L -p icmp -z
matches "and -z began them anew" ".* packets=0 bytes=0 src=.* packets=0 bytes=0 .*" ctl conntrack -L -p icmp
ctl conntrack -F 2>/dev/null

# ---- two listeners, one of whom sleeps ----

FLOWS=100000
"$BUILD/ctfwctl" conntrack -E -e NEW,DESTROY -o id >"$WORK/awake" 2>"$WORK/awake.err" &
awake=$!
"$BUILD/ctfwctl" conntrack -E -o id >"$WORK/asleep" 2>"$WORK/asleep.err" &
asleep=$!
heard $awake && heard $asleep || die "nobody listens: $(cat "$WORK/awake.err")"
kill -STOP $asleep
talk_up client $SERVER4 --rounds 100000
in_client "$HERE/traffic.py" flood $SERVER4 9999 $FLOWS >"$WORK/flood" 2>&1
ok "the flood was sent" grep -q "sent $FLOWS" "$WORK/flood"
ok "traffic goes on meanwhile" talk_goes_on
told() { # of NEW: what was shown and what was skipped
	local shown skipped
	shown=$(grep -c '^    \[NEW\]' "$WORK/awake")
	skipped=$(sed -n 's/.*: \([0-9]*\) events were skipped.*/\1/p' "$WORK/awake.err" |
		awk '{ n += $1 } END { print n + 0 }')
	[ $((shown + ${skipped:-0})) -ge "$(ctl conntrack -C)" ]
}
ok "who is awake hears of each, or how many he missed" wait_until 30 told
ctl conntrack -F 2>/dev/null
kill -CONT $asleep
ok "who slept is told how many he missed" \
	wait_until 10 grep -Eq "$V[0-9]+ events were skipped" "$WORK/asleep.err"
kill -INT $asleep $awake
wait $asleep $awake 2>/dev/null
ok "the daemon is well" filtering
shoot "$talk"

# ---- the end of the daemon is the end of its listeners ----

"$BUILD/ctfwctl" conntrack -E >/dev/null 2>"$WORK/last.err" &
last=$!
heard $last
ends_well
wait $last
ok "-E ends with status 1 when the daemon ends" test $? = 1
