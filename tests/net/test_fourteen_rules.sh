#!/bin/bash
# The first rules that an operator of nft gives, one shell command each.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

configure_wg0
rules_plain
serve_in client host
daemon_up
says "another port is shut before" silent traffic_in client tcp $HOST4 80 --timeout 0.4
nft() { ok "ctfwctl $*" ctl "$@"; }
nft flush ruleset
nft add table ip filter
nft add chain ip filter input { type filter hook input priority 0 \; policy accept \; }
nft add chain ip filter forward { type filter hook forward priority 0 \; policy accept \; }
nft add chain ip filter output { type filter hook output priority 0 \; policy accept \; }
nft add rule ip filter input ct state established,related accept
nft add rule ip filter forward ct state established,related accept
nft add rule ip filter output ct state established,related accept
nft add rule ip filter input ct state invalid drop
nft add rule ip filter forward ct state invalid drop
nft add rule ip filter output ct state invalid drop
nft add rule ip filter input tcp dport 22 ct state new accept
nft add rule ip filter input tcp dport 80 ct state new accept
nft add rule ip filter input ct state new drop
says "ssh is open" open traffic_in client tcp $HOST4 22
says "http is open" open traffic_in client tcp $HOST4 80
says "another port is shut" silent traffic_in client tcp $HOST4 8080 --timeout 0.4
ok "ping to the host is dropped" shut client $HOST4
says "a stray ACK is dropped" silent traffic_in client ack $HOST4 22 --timeout 0.4
ok "forward is open" ping_in client $SERVER4
ok "IPv6 is none of this table's business" ping_in client $HOST6
ctl list ruleset >"$WORK/listed"
ok "what it lists loads again" ctl -f <(echo 'flush ruleset'; cat "$WORK/listed")
ok "and lists the same" same "$(cat "$WORK/listed")" "$(ctl list ruleset)"
not_ok "a wrong command fails" ctl add rule ip filter input tcp dport ssh-no accept
ok "and changes nothing" same "$(cat "$WORK/listed")" "$(ctl list ruleset)"
daemon_down
