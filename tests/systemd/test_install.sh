#!/bin/bash
# The package is installed: what is there, what runs, and how well it is shut in.
. "$(dirname "$0")/lib.sh"
begin
sanitizers

ok "the package installs" install 1
ok "dpkg has configured it" grep -q "^install ok installed" \
	<(dpkg-query -W -f '${Status}' ctfw)
ok "there is a user" getent passwd ctfw
for unit in ctfwd ctfw-guard; do
	ok "$unit is enabled" systemctl is-enabled --quiet $unit
	ok "and active" systemctl is-active --quiet $unit
done
ok "configuration and rules are there" test -s /etc/ctfw/ctfwd.conf -a -s /etc/ctfw/ruleset.nft
ok "they are configuration files for dpkg" test \
	"$(dpkg-query -W -f '${Conffiles}' ctfw | grep -c /etc/ctfw/)" = 2
nothing() { property StatusText | grep -qF "neither [capture] nor [tun]"; }
ok "status says that it filters nothing yet" wait_until 3 nothing
for page in man5/ctfwd.conf.5 man5/ctfw-ruleset.5 man8/ctfwd.8 man8/ctfwctl.8; do
	ok "there is the manual page $page" gzip -t "/usr/share/man/$page.gz"
done
ok "ctfwctl has completion" test -s /usr/share/bash-completion/completions/ctfwctl

# ---- the unit ----

# It warns of what it does not know, and exits with 0 all the same.
verified() {
	systemd-analyze verify --man=no "$@" >"$WORK/verify" 2>&1 && [ ! -s "$WORK/verify" ] ||
		{ cat "$WORK/verify"; return 1; }
}
ok "systemd finds nothing wrong with the unit" verified ctfwd.service
ok "its exposure is 1.5 or less" systemd-analyze security --offline=true --threshold=15 \
	--no-pager /lib/systemd/system/ctfwd.service
systemd-analyze security --offline=true --no-pager /lib/systemd/system/ctfwd.service | tail -n 1

# ---- the processes ----

keeper=$(property MainPID) filter=$(status filter_pid)
# has PID FIELD VALUE, of /proc/PID/status
has() {
	grep -q "^$2:[[:space:]]*$3$" "/proc/$1/status" ||
		{ grep "^$2:" "/proc/$1/status"; return 1; }
}
NET_ADMIN=0000000000001000 NONE=0000000000000000
ok "systemd's process is the keeper" test "$keeper" = "$(status keeper_pid)"
ok "it runs as that user" test "$(stat -c %U "/proc/$keeper")" = ctfw
ok "the keeper has CAP_NET_ADMIN alone" has "$keeper" CapEff $NET_ADMIN
ok "and may have no other" has "$keeper" CapBnd $NET_ADMIN
ok "the filter has no capability" has "$filter" CapEff $NONE
ok "nor may it take one" has "$filter" CapPrm $NONE
ok "nor inherit one" has "$filter" CapInh $NONE
ok "nor is one ambient" has "$filter" CapAmb $NONE
ok "it gains nothing by programs" has "$filter" NoNewPrivs 1
ok "its system calls are filtered" has "$filter" Seccomp 2
ok "by more filters than the keeper's" test \
	"$(sed -n 's/^Seccomp_filters:\s*//p' "/proc/$filter/status")" -gt \
	"$(sed -n 's/^Seccomp_filters:\s*//p' "/proc/$keeper/status")"
ok "both see one device" test "$(ls "/proc/$keeper/root/dev/net")" = tun

ok "it stops" systemctl stop ctfwd
ok "well" is Result success
