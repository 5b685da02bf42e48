#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks wake.pml with spin(1): no order of the steps loses a wake, and each fault that is planted
# in the model is found. Exits with 77 without spin.
set -eu
model=$(cd "$(dirname "$0")" && pwd)/wake.pml
command -v spin >/dev/null || { echo 'no spin here: apt-get install spin'; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

errors() { # OPTION...: how many spin finds
	spin -a "$@" "$model" >spin.log 2>&1 || { cat spin.log >&2; exit 1; }
	cc -O2 -w -DSAFETY -o pan pan.c
	./pan -m1000000 >pan.log 2>&1
	grep -q 'max search depth too small' pan.log && { cat pan.log >&2; exit 1; }
	sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log
}

failed=0
for sizes in '-DWAKERS=1 -DITEMS=3' '-DWAKERS=2 -DITEMS=2' '-DWAKERS=3 -DITEMS=2'; do
	# shellcheck disable=SC2086
	n=$(errors $sizes)
	echo "wake $sizes: ${n:-no} errors, $(sed -n 's/ *\([0-9]*\) states, stored.*/\1 states/p' pan.log)"
	[ "$n" = 0 ] || { failed=1; cat pan.log; }
done
for fault in PUBLISH_LATE PLAIN_LOAD NO_SECOND_LOOK; do
	n=$(errors "-D$fault")
	echo "wake with $fault: ${n:-no} errors"
	[ "${n:-0}" -gt 0 ] || { failed=1; echo "the model does not find it"; }
done
exit $failed
