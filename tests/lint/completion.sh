#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The completion scripts parse, and bash's offers every command of `tocsin --help`.
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
exit $failed
