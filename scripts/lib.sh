# lib.sh - what scripts/run and scripts/test share.  Sourced by bash in the top directory.

# The device that TUNs are made with; containers often lack it.
need_tun() {
	[ -c /dev/net/tun ] && return
	modprobe tun 2>/dev/null || true
	if [ ! -c /dev/net/tun ]; then
		mkdir -p /dev/net
		mknod -m 0666 /dev/net/tun c 10 200 2>/dev/null || true
	fi
	if ! : 2>/dev/null <>/dev/net/tun; then
		echo "There is no /dev/net/tun here, and ctfw lives on it (modprobe tun)." >&2
		exit 1
	fi
}

# Files that a build under sudo makes belong to who called it.
give_back() {
	if [ -n "${SUDO_UID-}" ]; then
		chown -R "$SUDO_UID:${SUDO_GID-$SUDO_UID}" build 2>/dev/null || true
	fi
}

# build PRESET [TARGET...]: one at a time in this tree.  Shows how far it is, and all that was
# said when it fails.
build() {
	local preset=$1 log=build/$1.log
	local command=(cmake --build --preset "$preset")
	[ $# = 1 ] || command+=(--target "${@:2}")
	mkdir -p build
	exec 8>"build/.$preset.lock"
	flock 8
	if ! cmake --preset "$preset" >"$log" 2>&1 8>&- ||
		! NINJA_STATUS="[%f/%t] " "${command[@]}" 2>&1 8>&- | tee "$log" | show_progress; then
		cat "$log" >&2
		return 1
	fi
	exec 8>&-
	give_back
}

# On a terminal one line, rewritten; else a line for each fifth of the way.
show_progress() {
	local line done=0 all=0 shown=0 width
	width=$(tput cols 2>/dev/null || echo 80)
	while IFS= read -r line; do
		[[ $line =~ ^\[([0-9]+)/([0-9]+)\]\ (.*) ]] || continue
		done=${BASH_REMATCH[1]} all=${BASH_REMATCH[2]}
		if [ -t 1 ]; then
			line="  building $done of $all: ${BASH_REMATCH[3]##*/}"
			printf '\r\033[K%s' "${line:0:width-1}"
		elif [ $((5 * done / all)) -gt $shown ]; then
			shown=$((5 * done / all))
			echo "  building: $done of $all"
		fi
	done
	[ ! -t 1 ] || printf '\r\033[K'
}
