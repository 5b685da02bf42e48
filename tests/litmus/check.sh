#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each pair of atomic accesses that carries something from thread to thread, as a program of a few
# lines for herd7, which tries every execution that the memory model of C allows, so that of any
# machine the code is compiled for. None may have the outcome after `exists`, nor a data race; and
# with any one order in it made relaxed, some must: what each order is there for.
# Exits with 77 without herd7, which Debian does not have: https://github.com/herd/herdtools7
set -eu
folder=$(cd "$(dirname "$0")" && pwd)
command -v herd7 >/dev/null || { echo 'no herd7 here'; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Of FILE: "never", or how the outcome comes about.
outcome() {
	herd7 -model rc11.cat "$1" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
	if grep -q '^Flag' "$work/log"; then
		echo 'a data race'
	else
		sed -n 's/^Observation [^ ]* \([A-Z][a-z]*\) .*/\L\1/p' "$work/log"
	fi
}

failed=0
expect() { # WANTED-PATTERN NAME OUTCOME
	echo "$2: ${3:-no verdict}"
	# shellcheck disable=SC2053
	[[ $3 == $1 ]] || { failed=1; cat "$work/log"; }
}

orders='memory_order_\(release\|acquire\|acq_rel\)'
for file in "$folder"/*.litmus; do
	name=$(basename "$file" .litmus)
	expect never "$name" "$(outcome "$file")"
	while IFS=: read -r line _; do
		sed "${line}s/$orders/memory_order_relaxed/" "$file" >"$work/weaker.litmus"
		expect '[as]*' "$name, relaxed in line $line" "$(outcome "$work/weaker.litmus")"
	done < <(grep -n "$orders" "$file")
done
# A plain load in place of the waker's exchange, as the comment there says.
exchange='atomic_exchange_explicit(sleeping, 0, memory_order_acq_rel)'
load='atomic_load_explicit(sleeping, memory_order_acquire)'
sed "0,/$exchange/s//$load/" "$folder/wake.litmus" >"$work/weaker.litmus"
expect sometimes 'wake, waker only loads' "$(outcome "$work/weaker.litmus")"
exit $failed
