#!/bin/bash
# Completion offers what ctfwctl takes, where it takes it.
#
#     completion.sh CTFWCTL SCRIPT
ctl=$1
. "$2" || exit 99
failures=0 tries=0
work=$(mktemp -d "${TMPDIR:-/tmp}/ctfw-completion.XXXXXX")
trap 'rm -rf "$work"' EXIT

# complete_line WORD...: what is offered for the last of them, in COMPREPLY.
complete_line() {
	COMP_WORDS=(ctfwctl "$@")
	COMP_CWORD=$#
	_ctfwctl
}
wrong() {
	failures=$((failures + 1))
	echo "FAIL $*"
}
# offers WORD LINE...; offers_not WORD LINE...
offered() {
	local word
	tries=$((tries + 1))
	for word in "${COMPREPLY[@]}"; do
		[ "$word" = "$1" ] && return
	done
	return 1
}
offers() {
	complete_line "${@:2}"
	offered "$1" || wrong "ctfwctl ${*:2}: $1 is not offered"
}
offers_not() {
	complete_line "${@:2}"
	! offered "$1" || wrong "ctfwctl ${*:2}: $1 is offered"
}

# ---- each command, and each of its options ----

commands=$("$ctl" help | sed -n '/^Commands:/,/^Any/s/^  \([a-z]*\) .*/\1/p')
[ "$(echo "$commands" | wc -l)" -gt 5 ] || wrong "no commands in the help"
for command in $commands; do
	offers "$command" ""
	offers "$command" help ""
	offers "$command" --socket /x "${command:0:3}"
	for option in $("$ctl" "$command" --help | grep -o '^ .\{5\}--[a-z0-9-]*' | grep -o -- '--.*'); do
		offers "$option" "$command" "$option"
		offers "$option" "$command" --
	done
done
for option in $("$ctl" help | grep -o '^ .\{5\}--[a-z0-9-]*' | grep -o -- '--.*'); do
	offers "$option" --
	offers_not "$option" list --
done

# ---- what the verbs of nft take, by ctfwctl's own word ----

# A capture without packets: the rules are read, and nothing else.
printf '\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x65\0\0\0' >"$work/empty.pcap"
# known VERB OBJECT
known() {
	echo "$1 $2" >"$work/verb.nft"
	! "$ctl" replay -r "$work/verb.nft" "$work/empty.pcap" 2>&1 | grep -q "$1 what?"
}
objects="ruleset tables table chains chain rules rule sets set maps map meters meter element
	counters counter quotas quota limits limit flowtables flowtable hooks ct secmarks synproxys"
for verb in list create delete destroy flush reset; do
	known $verb nothing && wrong "$verb takes anything"
	for object in $objects; do
		if known $verb "$object"; then
			offers "$object" $verb ""
		else
			offers_not "$object" $verb ""
		fi
	done
done
# Here the word of the object may be left out, when it is a rule.
for object in $objects; do
	! known delete "$object" || offers "$object" add ""
done

# ---- words where they belong ----

for verb in show check off; do
	offers $verb steer ""
	offers $verb steer --json ""
	offers_not $verb steer check ""
	offers --config steer $verb --
done
offers_not --commands steer check --
offers_not --json steer off --
offers ruleset list ""
offers helpers list ct ""
offers trace monitor ""
offers ESTABLISHED conntrack -L --state EST
offers expect conntrack -L ex
offers 60 --confirm ""
offers 60 reload --confirm ""
offers_not --list rollback --confirm --
offers_not status status ""

# ---- files ----

cd "$work" || exit 99
touch "two words.conf" rules.nft
mkdir "a directory"
offers "two words.conf" -f two
offers "two words.conf" steer show --config two
offers "two words.conf" save two
offers "rules.nft" replay -r ru
offers "rules.nft" conntrack -R ru
offers_not rules.nft replay --seed ""
offers "a directory" -I ""
offers_not rules.nft -I ""

echo "$tries tries, $failures failed"
[ $failures = 0 ] && [ $tries -gt 100 ]
