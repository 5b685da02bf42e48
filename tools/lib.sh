# SPDX-License-Identifier: Apache-2.0
# Shared by the programs of tools/: what is needed from Debian, and how to build.
# shellcheck shell=bash

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
python=/usr/bin/python3
self=$(realpath "$0")
# Where chroots and bare roots come from; tests/package asks for it, too.
export mirror=${TOCSIN_MIRROR:-http://deb.debian.org/debian}

# The one list of Debian packages.
packages_libraries=(
	libc6-dev libmosquitto-dev libssl-dev libmodbus-dev libsqlite3-dev libcurl4-openssl-dev
	libyaml-dev libjansson-dev libcmocka-dev
)
packages_build=(gcc pkg-config meson ninja-build python3 "${packages_libraries[@]}")
packages_run=( # peers of the demo and of the end-to-end tests
	mosquitto openssl ca-certificates python3-paho-mqtt python3-yaml
)
packages_test=(
	locales python3-pytest python3-pytest-xdist python3-jsonschema mandoc
	python3-pymodbus python3-serial python3-serial-asyncio
	clang clang-format clang-tidy libclang-rt-dev valgrind systemd util-linux procps logrotate dbus
)
# A machine whose power is cut; a check of the wake protocol; other builds; a check of the packages.
packages_nightly=(
	qemu-system-x86 busybox-static cpio e2fsprogs spin mmdebstrap piuparts
)
packages_package=( # what builds and checks Debian packages; debian/control has what tocsin needs
	mmdebstrap gpgv lintian blhc
)
packages_builds=( # in every chroot of tools/builds, with packages_libraries of its machine
	gcc clang meson ninja-build python3 ccache
)
packages_builds_test=( # where it runs tests
	locales python3-pytest python3-pytest-xdist python3-jsonschema python3-pymodbus
	python3-serial procps util-linux
)
packages_bench=( # peers of the benchmarks; one that is missing is left out with a word
	libck-dev g++ libboost-dev libdpdk-dev
)

bold= red= green= dim= plain=
if [ -t 1 ]; then
	bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' dim=$'\e[2m' plain=$'\e[0m'
fi

say() { printf '%s\n' "$*"; }
die() {
	printf '%s\n' "$*" >&2
	exit 2
}

# The head of the program that was called, from its third line on.
usage() { sed -n '3,/^[^#]/s/^# \{0,1\}//p' "$self"; }

# Why nothing of a release of Debian can be got here, in one line; nothing if it can.
mirror_fault() { # RELEASE
	local folder said
	folder=$(mktemp -d)
	said=$(timeout 120 /usr/lib/apt/apt-helper -oAcquire::Retries=1 download-file \
		"$mirror/dists/$1/InRelease" "$folder/InRelease" 2>&1 >/dev/null) ||
		printf 'no mirror of Debian: %s\n' "$(grep -m 1 '^E:' <<<"$said")"
	rm -rf "$folder"
}

# need PACKAGE...: install what is missing; quick when nothing is.
need() {
	local missing=() p as_root=()
	for p in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] ||
			missing+=("$p")
	done
	[ ${#missing[@]} -eq 0 ] && return 0
	command -v apt-get >/dev/null || die "needs Debian packages: ${missing[*]}"
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || die "run as root once: apt-get install ${missing[*]}"
		as_root=(sudo)
	fi
	say "installing from Debian: ${missing[*]}"
	local log
	log=$(mktemp)
	"${as_root[@]}" apt-get update -qq >"$log" 2>&1 &&
		"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
			--no-install-recommends "${missing[@]}" >>"$log" 2>&1 || {
		tail -n 20 "$log" >&2
		rm -f "$log"
		die "apt-get could not install: ${missing[*]}"
	}
	rm -f "$log"
}

# What the demo needs of the whole build.
# shellcheck disable=SC2034
demo_targets=(tocsind tocsin tests/peers/modbus_server)

# build DIR [-Dmeson=option | ninja-target]...: configure if need be, then compile.
build() {
	local dir=$1 options=() targets=()
	shift
	while [ $# -gt 0 ]; do
		case $1 in
		-D*) options+=("$1") ;;
		*) targets+=("$1") ;;
		esac
		shift
	done
	if [ ! -f "$dir/build.ninja" ]; then
		meson setup "$dir" "$top" "${options[@]}" || return 1
	elif [ ${#options[@]} -gt 0 ]; then
		meson configure "$dir" "${options[@]}" || return 1
	fi
	ninja -C "$dir" "${targets[@]}"
}
