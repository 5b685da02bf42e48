# SPDX-License-Identifier: Apache-2.0
# bash completion for tocsin(1)

# Asks the running daemon, briefly; without one there is nothing to offer.
_tocsin_keys()
{
	local field=$1
	shift
	timeout 1 tocsin "${socket[@]}" "$@" --json 2>/dev/null |
		grep -o "{\"$field\":\"[^\"]*\"" | cut -d'"' -f4
}

_tocsin_uplinks()
{
	timeout 1 tocsin "${socket[@]}" status --json 2>/dev/null |
		grep -o '{"name":"[^"]*","url"' | cut -d'"' -f4
}

_tocsin()
{
	local cur prev command= word socket=() i keys
	COMPREPLY=()
	# keys hold colons (source/device/point:name), which bash takes for ends of words
	if declare -F _get_comp_words_by_ref >/dev/null; then
		local words cword
		_get_comp_words_by_ref -n : cur prev words cword
	else
		local words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
		cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	fi
	for ((i = 1; i < cword; i++)); do
		word=${words[i]}
		case $word in
		--socket) socket=(--socket "${words[i+1]}"); ((i++)) ;;
		--socket=*) socket=("$word") ;;
		-n|--lines|--since|-s|-m|--note|--for|-c|--config|--against|--max-mb|--uplink) ((i++)) ;;
		-*) ;;
		*) [[ $command ]] || command=$word ;;
		esac
	done

	case $prev in
	--socket|-c|--config|--against) compopt -o default; return ;;
	--for) COMPREPLY=($(compgen -W '10min 30min 1h 2h 8h 1d 7d' -- "$cur")); return ;;
	--since|-s) COMPREPLY=($(compgen -W '10min 1h 8h 1d 7d' -- "$cur")); return ;;
	--uplink) COMPREPLY=($(compgen -W "$(_tocsin_uplinks)" -- "$cur")); return ;;
	-n|--lines|-m|--note|--max-mb) return ;;
	esac

	if [[ -z $command ]]; then
		COMPREPLY=($(compgen -W 'status points alarms tail ack reset shelve unshelve
			resend verify reload check record replay --socket --json --help --version' -- "$cur"))
		return
	fi
	if [[ $cur == -* ]]; then
		case $command in
		alarms) keys='--all' ;;
		tail) keys='-n --since' ;;
		ack) keys='-m' ;;
		shelve) keys='--for -m' ;;
		resend) keys='--since --uplink' ;;
		reload) keys='--force' ;;
		record) keys='--for --max-mb' ;;
		replay) keys='--config --against' ;;
		*) keys= ;;
		esac
		COMPREPLY=($(compgen -W "$keys --json --socket --help" -- "$cur"))
		return
	fi
	case $command in
	check|record|replay) compopt -o default; return ;;
	points) keys=$(_tocsin_keys point points) ;;
	ack|reset|unshelve) keys=$(_tocsin_keys alarm alarms) ;;
	shelve) keys=$(_tocsin_keys alarm alarms --all) ;;
	*) return ;;
	esac
	local IFS=$'\n'
	COMPREPLY=($(compgen -W "$keys" -- "$cur"))
	declare -F __ltrim_colon_completions >/dev/null && __ltrim_colon_completions "$cur"
}

complete -F _tocsin tocsin
