#!/bin/bash
# Reload under traffic: by SIGHUP and by ctfwctl, right files and wrong ones.
. "$(dirname "$0")/lib.sh"
. "$HERE/daemon.sh"
begin

configure_wg0
rules_plain
serve_in client host server
daemon_up
talk_up client $SERVER4 --rounds 100000 --pause 0.01
flow=$(ctl conntrack -L -p tcp --state ESTABLISHED -o id 2>/dev/null)
generation() { status ruleset generation; }
loaded() { [ "$(status last_load cause) $(status last_load ok)" = "reload $1" ]; }

says "port 80 is shut" silent traffic_in client tcp $SERVER4 80 --timeout 0.4
sed -i 's/dport 22/dport { 22, 80 }/' "$WORK/ruleset.nft"
kill -HUP $daemon
ok "SIGHUP loads new rules" wait_until 5 loaded true
says "port 80 is open now" open traffic_in client tcp $SERVER4 80
ok "the conversation goes on" talk_goes_on

# Wrong rules.
before=$(ctl -s list ruleset)
good=$(cat "$WORK/ruleset.nft")
echo 'add rule inet filter forward ct state establish accept' >>"$WORK/ruleset.nft"
kill -HUP $daemon
ok "SIGHUP with wrong rules is told in status" wait_until 5 loaded false
ok "with the place" sh -c "echo '$(status last_load error)' | grep -q 'ruleset.nft:[0-9]*:[0-9]*: .*establish'"
ok "and on stderr" grep -q 'ruleset.nft:[0-9]*:[0-9]*: .*establish' "$WORK/daemon.log"
ok "and changes no rule" same "$before" "$(ctl -s list ruleset)"
not_ok "ctfwctl reload fails as well" ctl reload
says "and says why" "$WORK/ruleset.nft:" ctl reload
not_ok "and one on trial" ctl reload --confirm 5
ok "which the log tells" grep -q 'reload on trial failed, everything' "$WORK/daemon.log"
echo "$good" >"$WORK/ruleset.nft"

# Wrong configuration.
echo 'colour = blue' >>"$WORK/ctfwd.conf"
kill -HUP $daemon
config_told() { status last_load error | grep -q 'ctfwd.conf:[0-9]*:.*colour'; }
ok "SIGHUP with a wrong configuration is told in status" wait_until 5 config_told
ok "and changes no rule" same "$before" "$(ctl -s list ruleset)"
sed -i '/colour/d' "$WORK/ctfwd.conf"

# An option that needs a restart.
sed -i 's/^user = /workers = 3\nuser = /' "$WORK/ctfwd.conf"
ok "ctfwctl reload takes the rest" ctl reload
ok "and names what needs a restart" grep -q 'restart: workers' "$WORK/daemon.log"
ok "last load is good" loaded true
ok "the workers are as they were" test "$(status workers | grep -o '"worker":' | wc -l)" != 3
sed -i '/^workers/d' "$WORK/ctfwd.conf"

# Many, fast, under load.
for i in $(seq 20); do
	kill -HUP $daemon
	ctl reload >/dev/null 2>&1 &
done
wait $(jobs -p | grep -v -e "^$daemon$" -e "^$talk$")
ok "twenty at once: the conversation goes on" talk_goes_on
ok "twenty at once: the rules are there" same "$before" "$(ctl -s list ruleset)"
ok "the flow is the same all the while" same "${flow##*id=}" \
	"$(ctl conntrack -L -p tcp --state ESTABLISHED -o id 2>/dev/null | sed 's/.*id=//')"
kill $talk

# Rules that judge nothing.
rules </dev/null
ok "an empty file is right" ctl reload
ok "and the log tells what it means" grep -q 'has no chains: nothing is judged' "$WORK/daemon.log"
ok "status as well" grep -q 'NO CHAINS' <(ctl status)
rules_plain

# Another file of rules.
cp "$WORK/ruleset.nft" "$WORK/other.nft"
sed -i "s|^ruleset = .*|ruleset = $WORK/other.nft|" "$WORK/ctfwd.conf"
ok "a reload reads another file" ctl reload
ok "which the log names" wait_until 2 grep -q 'reloaded .* and .*/other\.nft$' "$WORK/daemon.log"

# Nothing is captured for a while: that is no filtering.
configure </dev/null
ok "a reload may capture nothing" ctl reload
unfiltering() { [ "$(status filtering)" = false ]; }
ok "then nothing is filtered" wait_until 5 unfiltering
anew=$(date +%s)
configure_wg0
ok "and a reload captures again" ctl reload
ok "which filters" wait_until 5 filtering
ok "since then" test "$(status since | cut -d. -f1)" -ge $anew
ends_well
