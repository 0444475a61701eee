# lib.sh - words for tests under a systemd of their own.  Sourced by bash, inside of boot.
#
# The container is the host of tests/net/lib.sh: its own network namespace has the name
# PREFIX-host, client and server are beside it.
. "$(dirname "${BASH_SOURCE[0]}")/../net/lib.sh"
. "$HERE/daemon.sh"

NAMESPACES="client server"
[ -d /boot-out ] || die "to be run by boot"

# In place of the others: a host that is there, and an end that leaves it to the container.
begin() {
	PREFIX=ctfw-$$
	WORK=$(mktemp -d)
	trap finish EXIT
	mkdir -p /run/netns
	ip netns attach "$PREFIX-host" $$
	sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 \
		net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=2 \
		net.ipv6.conf.default.accept_dad=0
}
finish() {
	local status=$?
	trap - EXIT
	disown -a
	[ $failures = 0 ] || [ ! -s "$WORK/talk.out" ] ||
		{ echo "--- the conversation"; cat "$WORK/talk.out"; }
	if [ $status = 0 ]; then
		echo "$tries checks, $failures failed"
		[ $failures = 0 ] && [ $tries -gt 0 ] || status=1
	fi
	exit $status
}

# Rules of the host that are none of the kernel's own.
rules_left() { { ip rule; ip -6 rule; } | grep -v 'lookup \(local\|main\|default\)'; }

# ---- the package ----

package() { ls "$BUILD/package/$1"/ctfw_*.deb; }
# install 1: this build's; install 2: its successor.
install() {
	DEBIAN_FRONTEND=noninteractive dpkg --install --force-confold "$(package "$1")"
}

# drop_in NAME [UNIT]: for ctfwd, or another.
drop_in() {
	local dir=/etc/systemd/system/${2-ctfwd}.service.d
	mkdir -p "$dir"
	cat >"$dir/$1.conf"
	[ ! -d /run/systemd/system ] || systemctl daemon-reload
}
# They look for leaks in ways that the units forbid.
sanitizers() {
	local unit
	for unit in ctfwd ctfw-guard ctfw-open; do
		drop_in sanitizers $unit <<-END
			[Service]
			Environment=ASAN_OPTIONS=detect_leaks=0
		END
	done
}

# In the places where the package looks.
configure() { cat >/etc/ctfw/ctfwd.conf; }
# Without a daemon wg0 is open, wg1 shut.  Packets may wait, however slow the machine is.
configure_open_wg0() {
	configure <<-END
		[daemon]
		max-wait = 20000
		[capture wg0]
		networks = 10.8.0.0/24 fd08::/64
		fail-closed = no
		[capture wg1]
		networks = 10.8.1.0/24 fd08:0:0:1::/64
	END
}
rules() { cat >/etc/ctfw/ruleset.nft; }
ctl() { ctfwctl "$@"; }

# ---- what systemd knows ----

property() { systemctl show -p "$1" --value "${2:-ctfwd}"; }
# is NAME VALUE: a property of ctfwd.
is() { [ "$(property "$1")" = "$2" ] || { property "$1"; return 1; }; }

# The journal of ctfwd since mark.
mark() {
	journalctl --sync
	cursor=$(journalctl -n 0 --show-cursor | sed -n 's/^-- cursor: //p')
}
journal() {
	journalctl --sync
	journalctl --no-pager -o cat -u ctfwd --after-cursor="$cursor"
}
# logged TEXT...: each is in a line of it, or soon will be: what is done is told a moment later.
logged() {
	local text
	for text; do
		wait_until 10 tells "$text" || { echo "not there: $text"; journal; return 1; }
	done
}
tells() { grep -qF -- "$1" <<<"$(journal)"; }

keeper() { property MainPID; }
# Another process than PID is the keeper, or the filter, and it filters.
other_than() { [ "$($1)" != "$2" ] && [ "$($1)" != 0 ] && filtering; }
status_says() { property StatusText | grep -qF -- "$1"; }
# Milliseconds from the start of its process until it said that it filters.
start_ms() {
	local from to
	from=$(property ExecMainStartTimestampMonotonic)
	to=$(property ActiveEnterTimestampMonotonic)
	echo $(((to - from) / 1000))
}
