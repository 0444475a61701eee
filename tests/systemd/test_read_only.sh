#!/bin/bash
# File systems that are read-only, or full: filtering goes on, and what could not be written is
# said and not half there.
. "$(dirname "$0")/lib.sh"
begin
sanitizers
net_up
serve_in client server
install 1 >"$WORK/install" 2>&1 || die "$(cat "$WORK/install")"
configure <<-END
	[capture wg0]
	networks = 10.8.0.0/24 fd08::/64
END
rules_plain
WARNING="cannot keep a copy of the configuration in /var/lib/ctfw"
changed() { echo "# $RANDOM" >>/etc/ctfw/ctfwd.conf; }
http() { ctl list ruleset | grep -q '80 accept'; }
ADD_HTTP="add rule inet filter forward tcp dport 80 accept"
# As on an image, where the package was installed but never started.
systemctl stop ctfwd ctfw-guard
rm -rf /var/lib/ctfw
/var/lib/dpkg/info/ctfw.postinst configure "" >"$WORK/install" 2>&1
systemctl stop ctfwd ctfw-guard
rm -f /var/lib/ctfw/*

# ---- what the daemon keeps for itself ----

mount --bind /var/lib /var/lib
mount -o remount,bind,ro /var/lib
systemctl start ctfw-guard
mark
ok "read-only /var/lib: it starts" systemctl start ctfwd
ok "the log says what it lacks" logged "$WARNING: Read-only file system"
ok "it filters" filtering
all_open "read-only /var/lib"
talk_up client $SERVER4 --rounds 100000 --pause 0.01
changed
mark
ok "it reloads" systemctl reload ctfwd
ok "and the log says so again" logged "reloaded /etc/ctfw/ctfwd.conf" "$WARNING: Read-only"
ok "it is started again" systemctl restart ctfwd
ok "the conversation goes on" talk_goes_on
umount /var/lib
systemctl restart ctfwd
ok "once it can be written the copy is kept" wait_until 3 cmp /etc/ctfw/ctfwd.conf /var/lib/ctfw/ctfwd.conf

user=$(id -u ctfw)
mount -t tmpfs -o "size=8k,mode=755,uid=$user" ctfw-full /var/lib/ctfw
cp -p /etc/ctfw/ctfwd.conf /var/lib/ctfw
cat /dev/zero >/var/lib/ctfw/zero 2>"$WORK/full"
cp /var/lib/ctfw/ctfwd.conf "$WORK/before"
changed
mark
ok "full /var/lib/ctfw: it reloads" systemctl reload ctfwd
ok "the log says what it lacks" logged "$WARNING: No space left on device"
ok "the former copy is whole" cmp "$WORK/before" /var/lib/ctfw/ctfwd.conf
ok "nothing is left beside it" test "$(ls /var/lib/ctfw)" = "$(printf 'ctfwd.conf\nzero')"
ok "it is started again" systemctl restart ctfwd
ok "the conversation goes on" talk_goes_on
umount /var/lib/ctfw

# ---- what the operator wrote ----

mount --bind /etc/ctfw /etc/ctfw
mount -o remount,bind,ro /etc/ctfw
ok "read-only /etc/ctfw: it is started again" systemctl restart ctfwd
ok "it reloads" systemctl reload ctfwd
ok "rules can be changed" ctl $ADD_HTTP
says "but not saved, which it says" \
	"ctfwctl: save: /etc/ctfw/ruleset.nft: cannot make a file beside it: Read-only" ctl save
ok "the change stays in force" http
ok "the rules before it can be had again" ctl rollback
not_ok "which they are" http
ok "a change on trial" ctl --confirm 1 $ADD_HTTP
ok "is undone" wait_until 5 fails http
ok "the conversation goes on" talk_goes_on
umount /etc/ctfw

cp -a /etc/ctfw "$WORK/etc"
mount -t tmpfs -o size=24k ctfw-full /etc/ctfw
cp -a "$WORK/etc/." /etc/ctfw
cat /dev/zero >/etc/ctfw/zero 2>"$WORK/full"
ctl $ADD_HTTP
says "full /etc/ctfw: what runs is not saved, which it says" \
	"ctfwctl: save: /etc/ctfw/ruleset.nft: cannot write it: No space left" ctl save
ok "the file is whole" cmp "$WORK/etc/ruleset.nft" /etc/ctfw/ruleset.nft
ok "nothing is left beside it" test "$(ls /etc/ctfw)" = "$(printf 'ctfwd.conf\nruleset.nft\nzero')"
ok "the change stays in force" http
ok "the conversation went on" talk_goes_on
kill $talk
