#!/bin/bash
# What runs is saved to the daemon's file, and is the same when that is loaded.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

configure_wg0
rules_plain
serve_in client server
daemon_up

# What commands and packets made of it.
ctl -f - <<'END'
add counter inet filter everything
add set inet filter friends { type ipv4_addr; flags interval; comment "of ours; all"; elements = { 10.8.0.0/24, 192.0.2.1-192.0.2.9 }; }
add set inet filter seen { type ipv4_addr; size 100; flags dynamic,timeout; timeout 1h; }
add map inet filter ports { type inet_service : verdict; counter; elements = { 80 : accept, 8080 : drop }; }
add rule inet filter forward ip saddr @friends counter name everything
add rule inet filter forward update @seen { ip saddr limit rate 5/second }
add set inet filter counted { type ipv4_addr; size 100; flags dynamic,timeout; counter; timeout 1h; }
add rule inet filter forward add @counted { ip daddr }
add rule inet filter forward tcp dport vmap @ports comment "a map"
add rule inet filter forward meta hour 01:00-23:30 limit rate 10/minute quota 25 mbytes drop
add table ip6 other { comment "asleep"; flags dormant; }
END
says "packets are counted" open traffic_in client tcp $SERVER4 80
listing() { ctl "$@" list ruleset | sed 's/expires [0-9a-z]*//'; }
ok "packets have added elements with a limit" ctl_says 'limit rate' list set inet filter seen
before=$(listing) before_s=$(ctl -s list ruleset)

chown 7:8 "$WORK/ruleset.nft"
chmod 604 "$WORK/ruleset.nft"
ok "what runs is saved" ctl save
ok "the file keeps its mode and owner" test "$(stat -c '%a %u %g' "$WORK/ruleset.nft")" = "604 7 8"
ok "it says where it is from" grep -q '^# Written by "ctfwctl save" of ctfw' "$WORK/ruleset.nft"
ok "with the limits that rules gave to elements" grep -q 'elements.*limit rate 5/second' "$WORK/ruleset.nft"
ok "it is right" ctl -c -f "$WORK/ruleset.nft"
ok "nothing is left beside it" sh -c "! ls -A $WORK | grep -q '^\.ruleset'"
ok "it is loaded" ctl reload
ok "and the same, with what was counted" same "$before" "$(listing)"
ok "and when nft's -f loads it" ctl -f "$WORK/ruleset.nft"
ok "once, not twice" same "$before" "$(listing)"
daemon_down
daemon_up
ok "and when the daemon starts with it" same "$before" "$(listing)"


# What comes behind a save outlives a restart as what comes before it.
ok "it is saved again" ctl save
says "a packet more" open traffic_in client tcp $SERVER4 22
ctl add rule inet filter forward tcp dport 5001 accept
packets=$(ssh_counted) before=$(listing)
daemon_down
daemon_up
ok "a start goes on with what was changed since" same "$before" "$(listing)"
ok "and counted" test "$(ssh_counted)" = "$packets" -a "$packets" -gt 0
echo "table ip more { }" >>"$WORK/ruleset.nft"
daemon_down
daemon_up
ok "unless the file was changed" ctl list table ip more
not_ok "which is loaded then" ctl_says 5001 list ruleset
sed -i '$d' "$WORK/ruleset.nft"
ctl reload

# noted_up MODE...: a client's socket on which what it says of a save is met by noted.py.
noted_up() {
	rm -f "$WORK/noted.sock"
	"$HERE/noted.py" "$WORK/noted.sock" "$WORK/run/ctfwd.sock" "$@" >"$WORK/noted" &
	wait_until 5 test -S "$WORK/noted.sock"
}
save_noted() { CTFW_SOCKET=$WORK/noted.sock "$BUILD/ctfwctl" save; }

# Also when that was while the daemon was being told of the save.
noted_up edit "$WORK/ruleset.nft"
ok "it is saved, and edited" save_noted
ok "indeed" grep -q edited "$WORK/ruleset.nft"
daemon_down
daemon_up
ok "a start reads what was edited then" ctl list table ip edited
sed -i '$d' "$WORK/ruleset.nft"
ctl reload

# An older daemon: what it would refuse of a newer tool's words, it answers.
save_old() {
	rm "$WORK/ruleset.nft"
	save_noted 2>"$WORK/old.err"
}
noted_up refuse '"hash"' '{"error":"org.varlink.service.InvalidParameter","parameters":{"parameter":"hash"}}'
ok "one that knows no hash: it is saved" save_old
ok "without a word" test ! -s "$WORK/old.err"
ok "it is told, as its own tool would" grep -vq hash "$WORK/noted"
noted_up refuse NoteSaved '{"error":"org.varlink.service.MethodNotFound","parameters":{"method":"org.ctfw.NoteSaved"}}'
ok "one that cannot be told: it is saved" save_old
ok "which is said" grep -q "it is written, but the ctfwd that runs is older" "$WORK/old.err"
noted_up refuse NoteSaved '{"error":"org.varlink.service.PermissionDenied","parameters":{}}'
not_ok "one that will not be told: that fails" save_old
ok "it is written all the same" ctl -c -f "$WORK/ruleset.nft"
ok "which is said" grep -q "it is written, but ctfwd was not told" "$WORK/old.err"
ok "and why" grep -q "permission denied" "$WORK/old.err"
ctl reload

# Without state.
ok "what runs is saved without state" ctl save -s
ok "there is no count in it" sh -c "! grep -q 'packets [0-9]' $WORK/ruleset.nft"
ok "it is loaded" ctl reload
ok "and the same" same "$(echo "$before_s" | grep -v elements)" "$(ctl -s list ruleset | grep -v elements)"

# One that the daemon may not read: a start would end with it.
cp "$WORK/ruleset.nft" "$WORK/kept.nft"
rm "$WORK/ruleset.nft"
shut_save() (umask 077; ! ctl save -s 2>"$WORK/shut")
ok "a file that the daemon may not read is told" shut_save
ok "with why" grep -q 'user with the number 65534, who may not' "$WORK/shut"
chmod 644 "$WORK/ruleset.nft"
ok "and not when it may" ctl save -s
ok "it holds what runs" diff <(sed 1d "$WORK/kept.nft") <(sed 1d "$WORK/ruleset.nft")

# Elsewhere.
ok "to another file" ctl save "$WORK/elsewhere.nft"
ok "which is right" ctl -c -f "$WORK/elsewhere.nft"
ok "to standard output" ctl_says '^flush ruleset' save -
ln -s "$WORK/elsewhere.nft" "$WORK/link.nft"
not_ok "not through a link" ctl save "$WORK/link.nft"
says "and it says so" "ctfwctl: save: $WORK/link.nft is left alone: it is a symbolic link" ctl save "$WORK/link.nft"
not_ok "nor where there is no directory" ctl save "$WORK/none/x.nft"
not_ok "nor to two files" ctl save a b

# With changes on trial.
ctl --confirm 60 add table ip trial 2>/dev/null
not_ok "nor while anything is on trial" ctl save
says "which it says" "ctfwctl: save: what runs is on trial" ctl save "$WORK/elsewhere.nft"
ctl rollback >/dev/null
sed -i 's/dport 22/dport 23/' "$WORK/ruleset.nft"
ctl reload --confirm 60 2>/dev/null
ctl rollback >/dev/null
ok "a reload was undone, and the file differs" test "$(status ruleset file_undone)" != null
ok "it is saved" ctl save
ok "and differs no more" test "$(status ruleset file_undone)" = null
ok "as its text says" grep -q 'dport 22' "$WORK/ruleset.nft"
ends_well
