#!/bin/bash
# What scripts/run shows, with this build: its configuration, its rules, its tries.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

cp "$SOURCE/conf/demo/ruleset.nft" "$WORK"
sed "s#@DIR@#$WORK#" "$SOURCE/conf/demo/ctfwd.conf" >"$WORK/ctfwd.conf"
serve_in client host server
daemon_up
export CTFW_SOCKET=$WORK/run/ctfwd.sock
ok "every try ends as the rules say" "$SOURCE/scripts/demo.py" "$PREFIX" "$BUILD/ctfwctl"
ctl insert rule inet filter input tcp dport 22 counter drop
told=$("$SOURCE/scripts/demo.py" "$PREFIX" "$BUILD/ctfwctl")
ok "with another rule it fails" test $? = 1
ok "and names the rule" grep -q 'seen silent by input: tcp dport 22 drop' <<<"$told"
ends_well
