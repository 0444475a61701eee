#!/bin/bash
# The same entries made in the kernel by conntrack(8) and in the daemon by ctfwctl: what both
# print of them is the same, byte for byte, in every format; and so is what both tell of their
# beginning, change and end.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin
command -v conntrack >/dev/null || skip "needs conntrack"
conntrack -V | grep -q 'v1\.4\.7' || skip "compares with conntrack 1.4.7"

configure <<-END
	[capture wg0]
	networks = 10.8.0.0/24 fd08::/64
	[conntrack]
	acct = yes
	timestamp = yes
END
rules </dev/null
in_host sysctl -qw net.netfilter.nf_conntrack_acct=1 net.netfilter.nf_conntrack_timestamp=1 ||
	skip "no conntrack in namespaces"
# It tracks nothing by itself: no rule asks it to.
daemon_up
export CTFW_SOCKET=$WORK/run/ctfwd.sock
ours() { "$BUILD/ctfwctl" conntrack "$@"; }
theirs() { in_host conntrack "$@"; }

# What differs by nature: numbers of flows, times (by a second, now and then), who asked, the order,
# the name, a trailing blank, and that the kernel's entries are held once more while they are shown.
plain() {
	sed -E 's/ id=[0-9]+( \[USER|$)/ id=N\1/; s/<id>[0-9]+/<id>N/; s/ ?\[USERSPACE\].*//
		s/portid=[0-9]+( progname=[^ ]*)?//; s/^\[[0-9]+\.[0-9]+ *\]/[T]/; s/ +$//
		s/^ctfwctl v[0-9.]+ \(ctfw\)/conntrack v1.4.7 (conntrack-tools)/
		s/`ctfwctl conntrack --help'"'"'/`conntrack -h'"'"' or '"'"'conntrack --help'"'"'/
		s/(start|stop)=[^]]*/\1=D/g; s/<(start|stop)>[0-9]+/<\1>N/g; s/delta-time=[0-9]+/delta-time=N/
		s/<deltatime>[0-9]+/<deltatime>N/; s/use=2/use=1/; s/<use>2/<use>1/
		s/<hour>.*<\/year>/D/; s/-t [0-9]+/-t N/; s/<timeout>[0-9]+/<timeout>N/
		s/^(( *\[[A-Z]+\] )?(ipv[46] +[0-9]+ )?[a-z]+6? +[0-9]+) [0-9]+ /\1 N /' | sort
}
# same SENTENCE ARGUMENTS...: both print this, and end with the same status.
same_words() {
	local what=$1 a b
	shift
	a=$(theirs "$@" 2>&1; echo "status $?")
	b=$(ours "$@" 2>&1; echo "status $?")
	ok "$what" same "$(plain <<<"$a")" "$(plain <<<"$b")"
}
make() { same_words "made: $*" -I "$@"; }
ours -F 2>/dev/null
theirs -F 2>/dev/null

ip netns exec "$PREFIX-host" conntrack -E -o id >"$WORK/theirs" 2>/dev/null &
theirs_pid=$!
"$BUILD/ctfwctl" conntrack -E -o id >"$WORK/ours" 2>/dev/null &
ours_pid=$!
wait_until 10 listens $theirs_pid && heard $ours_pid || die "nobody listens"

A="-s 10.0.0.1 -d 10.0.0.2"
make -p tcp $A --sport 1000 --dport 80 --state ESTABLISHED -t 300 -u ASSURED,SEEN_REPLY -m 5
make -p tcp $A --sport 1001 --dport 80 --state SYN_SENT -t 100
make -p udp $A --sport 1000 --dport 53 -t 130 -w 5
make -p udp $A --sport 1001 --dport 53 -t 130 --orig-zone 7
make -p udp $A --sport 1002 --dport 53 -t 130 -u SEEN_REPLY
make -p udp -s fd00::1 -d fd00::2 --sport 1003 --dport 53 -t 130 -u FIXED_TIMEOUT
make -p icmp $A --icmp-type 8 --icmp-code 0 --icmp-id 77 -t 130
make -p icmpv6 -s fd00::1 -d fd00::2 --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 78 -t 130
make -p gre $A --srckey 0x11 --dstkey 0x22 -t 130
make -p 50 $A -t 130
make -p udplite $A --sport 1001 --dport 53 -t 130
same_words "a second one of the same" -I -p icmp $A --icmp-type 8 --icmp-code 0 --icmp-id 77 -t 130
same_words "-A of one that is there" -G -p icmp $A --icmp-type 8 --icmp-code 0 --icmp-id 77

for format in extended id timestamp ktimestamp xml xml,extended,id xml,ktimestamp save userspace \
	extended,id,ktimestamp; do
	# The mark is in our commands alone: theirs would be lost.
	[ $format = save ] &&
		ok "-L -o save" same "$(theirs -L -o save 2>/dev/null | plain)" \
			"$(ours -L -o save 2>/dev/null | sed 's/ -m [0-9]*//' | plain)" ||
		same_words "-L -o $format" -L -o $format
done
# In XML theirs gives SCTP's states the names of TCP's.
make -p sctp $A --sport 1 --dport 2 --state COOKIE_WAIT --orig-vtag 0 --reply-vtag 9 -t 130
make -p sctp $A --sport 2 --dport 2 --state ESTABLISHED --orig-vtag 4294967295 --reply-vtag 7 -t 130
same_words "-L -p sctp -o save" -L -p sctp -o save
same_words "-L -p sctp --state" -L -p sctp --state COOKIE_WAIT
same_words "-L -p sctp --state of none" -L -p sctp --state SHUTDOWN_SENT
same_words "-U of a state with its tags" -U -p sctp $A --sport 1 --dport 2 --state COOKIE_ECHOED \
	--orig-vtag 8 --reply-vtag 9
same_words "-G of it" -G -p sctp $A --sport 1 --dport 2
same_words "-L -p sctp -o save after -U" -L -p sctp -o save
same_words "-D -p sctp --state" -D -p sctp --state COOKIE_ECHOED
same_words "-L" -L
same_words "-L -p udp" -L -p udp
same_words "-L -u, cut and in small letters" -L -u assu
same_words "-L -o, cut and in capitals" -L -o EXT
same_words "-L of a table that is cut" -L exp
same_words "-L -f ipv6" -L -f ipv6
same_words "-L -u ASSURED" -L -u ASSURED
same_words "-L -u FIXED_TIMEOUT" -L -u FIXED_TIMEOUT
same_words "-L -m 5" -L -m 5
same_words "-L -m with a mask" -L -m 4/0xfc
same_words "-L -s with a length" -L -s 10.0.0.0/8
same_words "-L -w" -L -w 5
same_words "-L --orig-zone" -L --orig-zone 7
same_words "-L -p tcp --state" -L -p tcp --state SYN_SENT
same_words "-L -p tcp --dport" -L -p tcp --sport 1001 --dport 80
same_words "-A of one that is there" -A -p udp $A --sport 1002 --dport 53 -t 130
same_words "-L --mask-src before -s" -L --mask-src 255.0.0.0 -s 10.0.0.0
same_words "-U of nothing" -U -p udp
same_words "-U of no status" -U -p udp -u UNSET
same_words "-D -n, the address in the same word" -D -n10.9.9.9
same_words "-D --src-nat, likewise" -D --src-nat=10.9.9.9
same_words "-L -r -q" -L -r 10.0.0.2 -q 10.0.0.1
same_words "-L -n" -L -n
same_words "-L expect" -L expect
same_words "-L dying" -L dying
same_words "-L of no table" -L bogus
same_words "-C" -C
same_words "-C expect" -C expect
same_words "-G" -G -p tcp $A --sport 1000 --dport 80
same_words "-G finds none of another zone" -G -p udp $A --sport 1000 --dport 53
same_words "-G of none" -G -p tcp $A --sport 1 --dport 80
same_words "-U of a mark" -U -p tcp $A --sport 1000 --dport 80 -m 9
same_words "-U of a mark with a mask" -U -p tcp $A --sport 1000 --dport 80 -m 0x10/0xff
same_words "-U of a timeout" -U -p tcp $A --sport 1000 --dport 80 -t 50
same_words "-U of none" -U -s 10.9.9.9 -m 3
same_words "-D" -D -p tcp --orig-port-src 1000
same_words "-D of none" -D -p tcp --orig-port-src 1000
for wrong in "-L -E" "-L -t 5" "-L -e NEW" "-E -e FOO" "-L -b 5" "-F -p tcp" "-C -p tcp" "-L -s bogus" \
	"-L -p bogus" "-L -f ipx" "-L -u bogus" "-L -o bogus" "-L -o save,id" "-G -s 10.0.0.1" \
	"-I -s 10.0.0.1" "-I -p tcp $A -t 5 --sport 1 --dport 2" "-I -p udp $A --sport 1 --dport 2" \
	"-I -p udp -s 10.0.0.1/24 -d 10.0.0.2 --sport 1 --dport 2 -t 5" "-G -p 50 -s 10.0.0.1 -d 10.0.0.2/8" \
	"-I -p udp -r 10.0.0.1/24 -q 10.0.0.2 --sport 1 --dport 2 -t 5" "-G -p icmp $A --icmp-type 8" \
	"-I -p icmp $A --icmp-type 8 -t 5" "-I -p gre $A --srckey 1 -t 5" "-G -p 50 $A -m 5" \
	"-L -u CONFIRMED" "-L -u UNSET" "-L --mask-src 255.0.0.0" "-L --mask-dst 255.0.0.0 -s 10.0.0.1" \
	"-I -p sctp $A --sport 3 --dport 2 --state CLOSED -t 5" "-L -p sctp --orig-vtag 7" \
	"-I -p sctp $A --sport 3 --dport 2 --state CLOSED -t 5 --orig-vtag 7" \
	"-L -p tcp --state bogus" "-L -s 10.0.0.1 -d ::1" "-F dying"; do
	same_words "refused: $wrong" $wrong
done
same_words "-F" -F
same_words "-F expect" -F expect

same_told() { listens $theirs_pid && same "$(plain <"$WORK/theirs")" "$(plain <"$WORK/ours")"; }
wait_until 10 same_told
kill -INT $ours_pid $theirs_pid
wait $ours_pid $theirs_pid
ok "-E tells the same" same "$(plain <"$WORK/theirs")" "$(plain <"$WORK/ours")"

# Signals that come again while it goes find nothing to break.
all_well() {
	local i n
	for i in {1..10}; do
		"$BUILD/ctfwctl" conntrack -E >/dev/null 2>&1 &
		wait_until 10 listens $!
		for n in {1..40}; do kill -INT $! 2>/dev/null; done
		wait $! || return 1
	done
}
ok "-E ends well however often it is interrupted" all_well
disown -a
