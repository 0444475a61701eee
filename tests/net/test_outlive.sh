#!/bin/bash
# Connections that outlive the daemon: conversations over TCP, translated and not, an FTP session
# with a transfer in progress and a stream of UDP go on through deaths of the filter, the keeper
# and both, and through a stop and start; so do counters, quotas, sets and changes of the rules.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
. "$HERE/nat.sh"
begin
far_up
serve_in host server far
ftp_up 12000000 $SERVER4

configure <<-END
	[capture wg0]
	networks = 10.8.0.0/24 fd08::/64
	[conntrack]
	helpers = ftp
END
{
	cat "$SOURCE/conf/nat/address.nft"
	cat <<-'END'
		table inet account {
			counter total { }
			quota most { 1000000 mbytes }
			set seen { type inet_service; flags dynamic; size 100; counter; }
			chain forward {
				type filter hook forward priority 10; policy accept;
				counter name total
				quota name most
				ct direction original add @seen { th dport }
			}
		}
	END
} >"$WORK/ruleset.nft"
daemon_up
in_host "$SOURCE/conf/nat/address-up" eth0 $OWN4 $OWN6

# ---- connections ----

talks="server4:$SERVER4 server6:$SERVER6 host4:$HOST4 far4:$FAR4"
for t in $talks; do
	in_client "$HERE/traffic.py" talk "${t#*:}" 22 --log "$WORK/log-${t%%:*}" --rounds 1000000 \
		--pause 0.005 >"$WORK/out-${t%%:*}" 2>&1 &
	disown
done
in_client "$HERE/traffic.py" stream $SERVER4 7 --log "$WORK/log-udp" --rounds 1000000 \
	--pause 0.01 >"$WORK/out-udp" 2>&1 &
disown
# Slowly, until there is a file "hurry".
in_client python3 - $SERVER4 "$WORK" >"$WORK/out-ftp" 2>&1 <<-'END' &
	import ftplib, os, socket, sys, time
	ftp = ftplib.FTP(sys.argv[1], timeout=30)
	ftp.login()
	ftp.voidcmd("TYPE I")
	data = ftp.transfercmd("RETR file")
	data.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
	with open(sys.argv[2] + "/got", "wb", buffering=0) as out:
	    while block := data.recv(8192):
	        out.write(block)
	        time.sleep(0 if os.path.exists(sys.argv[2] + "/hurry") else 0.03)
	data.close()
	print(ftp.voidresp())
END
fetch=$!
disown
names="server4 server6 host4 far4 udp"
lines() { wc -l <"$WORK/log-$1" 2>/dev/null || echo 0; }
beyond() { [ "$(lines "$1")" -gt "$2" ]; }
got() { stat -c %s "$WORK/got" 2>/dev/null || echo 0; }
got_beyond() { [ "$(got)" -gt "$1" ]; }
ok "the transfer begins" wait_until 10 got_beyond 100000
for name in $names; do
	ok "$name begins" wait_until 10 beyond $name 5
done
ctl add rule inet account forward tcp dport 12345 counter drop
ctl add element inet account seen '{ 54321 }'

# ---- what must go on ----

# Flows: protocol, both tuples, id.
flows() {
	ctl conntrack -L -o id 2>/dev/null | awk '$1 == "tcp" || $1 == "udp" {
		line = $1
		for (i = 2; i <= NF; i++)
			if ($i ~ /^(src|dst|sport|dport|id)=/)
				line = line " " $i
		print line }' | sort
}
counted() { ctl -j list counter inet account total | sed 's/.*"packets": \([0-9]*\).*/\1/'; }
used() { ctl -j list quota inet account most | sed 's/.*"used": \([0-9]*\).*/\1/'; }
elements() { ctl list set inet account seen | grep -o '[0-9]* counter' | sort -n | tr '\n' ' '; }
before=$(flows)
flows_before=$(status flows now)
number=$(echo "$before" | wc -l)
ok "five flows, and two of FTP's" test "$number" = 7
seen=$(elements)

goes_on() { # LABEL: all of it, behind a death
	local name now bytes=$(got)
	for name in $names; do
		now=$(lines $name)
		ok "$1: $name goes on" wait_until 10 beyond $name $((now + 3))
	done
	ok "$1: the transfer goes on" wait_until 10 got_beyond "$bytes"
	ok "$1: its control connection and it are the same flows, as all are" same "$before" "$(flows)"
	ok "$1: none is there twice" test "$(flows | cut -d' ' -f2-5 | sort | uniq -d | wc -l)" = 0
	ok "$1: none more" test "$(status flows now)" -le $((flows_before + 2))
	ok "$1: the counter went on" test "$(counted)" -ge "$counted"
	ok "$1: the quota went on" test "$(used)" -ge "$used"
	ok "$1: what packets added is there" same "$seen" "$(elements)"
	ok "$1: so is the rule that was added" ctl_says 'dport 12345 counter' \
		list chain inet account forward
}
note() {
	counted=$(counted)
	used=$(used)
}

note
filter=$(status filter_pid)
kill -9 "$filter"
ok "the filter is killed" wait_until 5 another "$filter"
goes_on "filter killed"

note
filter=$(status filter_pid)
shoot "$daemon"
wait_until 5 gone "$filter"
daemon_up
goes_on "keeper killed"

note
filter=$(status filter_pid)
kill -9 "$filter"
shoot "$daemon"
daemon_up
goes_on "both killed"

note
daemon_down
daemon_up
goes_on "stopped and started"

# What has room in an arena of another size, which all of these have.
for size in 300000 4096; do
	note
	daemon_down
	sed -i '/^max-flows/d; s/^helpers.*/&\nmax-flows = '$size'/' "$WORK/ctfwd.conf"
	daemon_up
	ok "max-flows is $size" test "$(status flows max)" = $size
	goes_on "another arena"
done

note
for i in 1 2 3; do
	filter=$(status filter_pid)
	kill -9 "$filter"
	wait_until 5 another "$filter"
	ctl reload
done
ctl add rule inet account forward tcp dport 12345 counter drop
ctl add element inet account seen '{ 54321 }'
bytes=$(got)
ok "killed between reloads: the transfer goes on" wait_until 10 got_beyond "$bytes"
ok "killed between reloads: all flows are the same" same "$before" "$(flows)"

# ---- the end ----

for name in $names; do
	ok "$name was never reset: $(cat "$WORK/out-$name")" test ! -s "$WORK/out-$name"
done
touch "$WORK/hurry"
ok "the session ends" wait_until 20 gone $fetch
ok "well" grep -q '^226' "$WORK/out-ftp"
ok "the file came whole" cmp "$WORK/files/file" "$WORK/got"
ends_well
