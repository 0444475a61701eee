# bash completion for ctfwctl(8)

# The first words of nft's grammar and what may follow them.
_ctfwctl_nft()
{
	local kept="set map element counter quota limit flowtable ct"
	case $1 in
	list) echo "ruleset tables table chains chain sets set maps map meters meter counters
		counter quotas quota limits limit flowtables flowtable hooks ct secmarks
		synproxys" ;;
	flush) echo "ruleset table chain set map meter" ;;
	create) echo "table chain $kept" ;;
	add | delete | destroy) echo "table chain rule $kept" ;;
	insert | replace) echo "rule" ;;
	rename) echo "chain" ;;
	reset) echo "rules rule counters counter quotas quota" ;;
	monitor) echo "trace new destroy tables chains rules sets elements ruleset" ;;
	esac
}

# The kinds of objects behind the word ct.
_ctfwctl_objects()
{
	case $1 in
	list) echo "helpers helper timeouts timeout expectations expectation" ;;
	add | create | delete | destroy) echo "helper timeout expectation" ;;
	esac
}

# Names of files, or with -d of directories, with their blanks.
_ctfwctl_files()
{
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen "${2:--f}" -- "$1")
}

_ctfwctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local commands="status conntrack reload confirm rollback save steer replay help"
	local nft="add create insert replace delete destroy list flush rename reset describe monitor"
	local globals="--socket --file --interactive --check --confirm --define --includepath --handle
		--stateless --terse --service --guid --numeric --numeric-priority
		--numeric-protocol --numeric-time --echo --json --help --version"
	local i word= words=

	COMPREPLY=()
	# The command: the first word that is neither an option nor an option's argument.
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--socket | --file | --confirm | --define | --includepath | -f | -D | -I) ((i++)) ;;
		-*) ;;
		*)
			word=${COMP_WORDS[i]}
			break
			;;
		esac
	done

	case $word in
	"")
		case $prev in
		--socket | --file | -f) _ctfwctl_files "$cur" ;;
		--includepath | -I) _ctfwctl_files "$cur" -d ;;
		--define | -D) ;;
		--confirm) words="30 60 300" ;;
		*) words="$commands $nft $globals" ;;
		esac
		;;
	status) words="--json --help" ;;
	reload)
		case $prev in
		--confirm) words="30 60 300" ;;
		*) words="--confirm --help" ;;
		esac
		;;
	confirm) words="--help" ;;
	rollback)
		case $prev in
		--confirm) words="30 60 300" ;;
		*) words="--list --json --confirm --help 1 2 3 4 5 6 7 8 9 10" ;;
		esac
		;;
	save)
		words="--stateless --help"
		[[ $cur == -* ]] || { _ctfwctl_files "$cur"; words=; }
		;;
	help) words=$commands ;;
	conntrack)
		case $prev in
		--state) words="SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT CLOSE_WAIT LAST_ACK
			TIME_WAIT CLOSE SYN_SENT2" ;;
		--status | -u) words="ASSURED SEEN_REPLY UNREPLIED FIXED_TIMEOUT EXPECTED
			UNSET" ;;
		--protonum | --proto | -p) words="tcp udp icmp icmpv6 sctp gre udplite" ;;
		--family | -f) words="ipv4 ipv6" ;;
		--output | -o) words="extended id timestamp ktimestamp xml save labels
			userspace" ;;
		--event-mask | -e) words="ALL NEW UPDATES DESTROY" ;;
		--load-file | -R) _ctfwctl_files "$cur" ;;
		*) words="-L -G -D -I -A -U -E -F -C -S -R --dump --get --delete --create
			--add --update --event --flush --count --stats --load-file
			conntrack expect dying unconfirmed --family --protonum --proto
			--src --orig-src --dst --orig-dst --reply-src --reply-dst
			--mask-src --mask-dst --sport --orig-port-src --dport
			--orig-port-dst --reply-port-src --reply-port-dst --state
			--icmp-type --icmp-code --icmp-id --icmpv6-type --icmpv6-code
			--icmpv6-id --srckey --orig-key-src --dstkey --orig-key-dst
			--reply-key-src --reply-key-dst --status --mark --label
			--label-add --label-del --timeout --zone --orig-zone --reply-zone
			--src-nat --dst-nat --any-nat --event-mask --buffer-size --zero
			--secmark --orig-vtag --reply-vtag --role --output --help" ;;
		esac
		;;
	steer)
		case " ${COMP_WORDS[*]:i + 1:COMP_CWORD - i - 1} " in
		*" show "*) words="--config --commands --json --help" ;;
		*" check "*) words="--config --json --help" ;;
		*" off "*) words="--config --help" ;;
		*) words="show check off --config --commands --json --help" ;;
		esac
		[[ $prev != --config ]] || { _ctfwctl_files "$cur"; words=; }
		;;
	replay)
		words="--ruleset --json --local --route --config --seed --write --flows --help"
		case $prev in
		--local | --route | --seed) words= ;;
		*) [[ $cur == -* ]] || { _ctfwctl_files "$cur"; words=; } ;;
		esac
		;;
	*)
		((i + 1 == COMP_CWORD)) && words=$(_ctfwctl_nft "$word")
		((i + 2 == COMP_CWORD)) && [[ $prev == ct ]] && words=$(_ctfwctl_objects "$word")
		;;
	esac
	COMPREPLY+=($(compgen -W "$words" -- "$cur"))
}
complete -F _ctfwctl ctfwctl
