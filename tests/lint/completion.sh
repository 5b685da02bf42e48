#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The completion scripts parse, and bash's offers every command of `tocsin --help`, and for the
# value of an option the words of its command, if it has some of its own.
# usage: completion.sh TOCSIN BASH-FILE ZSH-FILE
set -u
failed=0
bash -n "$2" || failed=1
if command -v zsh >/dev/null; then
	zsh -n "$3" || failed=1
fi
source "$2"
COMP_WORDS=(tocsin '') COMP_CWORD=1
_tocsin tocsin '' tocsin
for command in $("$1" --help | sed -n 's/^  \([a-z]\+\) .*/\1/p'); do
	[[ " ${COMPREPLY[*]} " == *" $command "* ]] || { echo "bash: no $command"; failed=1; }
	grep -q "'$command:" "$3" || { echo "zsh: no $command"; failed=1; }
done
offers() # EXPECTED WORD...: what is offered after the words
{
	COMP_WORDS=(tocsin "${@:2}" '') COMP_CWORD=$#
	_tocsin tocsin '' "${COMP_WORDS[COMP_CWORD-1]}"
	[[ "${COMPREPLY[*]}" == "$1" ]] || { echo "bash: ${*:2}: ${COMPREPLY[*]}, not $1"; failed=1; }
}
offers '30min 1h 2h 8h 1d 7d' shelve a/b/c:d --for
offers '10min 1h 8h 1d' record file --for
offers '1h 8h 1d' resend --since
offers '1h 8h 1d' resend -s
offers '10min 1h 8h 1d 7d' tail -s
offers '10min 30min 1h 2h 8h 1d 7d' --for
exit $failed
