#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Run by machine.py as PID 1 of new namespaces: builds the root of a machine and becomes systemd.
#
#   enter_root.sh ROOT SCRATCH FILES [COMMAND]
#
# ROOT is a folder with a Debian, "/" is fine: it is not written to. SCRATCH is an empty folder on
# which a tmpfs is mounted. What is in the folder FILES is copied into the machine; COMMAND is run
# in it before systemd.
set -eu
lower=$1 scratch=$2 files=$3 prepare=${4-}

mount -t tmpfs -o mode=0755 boot "$scratch"
mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
mount -t overlay -o "lowerdir=$lower,upperdir=$scratch/upper,workdir=$scratch/work" boot \
	"$scratch/root"
cd "$scratch/root"
mount -t proc -o nosuid,nodev,noexec proc proc
# What belongs to the kernel is the host's: read only, as in other containers. systemd starts no
# udev then, and sets no sysctl.
for name in sys irq bus fs sysrq-trigger; do
	[ -e "proc/$name" ] || continue
	mount --bind "proc/$name" "proc/$name"
	mount -o remount,bind,ro,nosuid,nodev,noexec "proc/$name"
done
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup
# Nodes of its own: systemd changes owners and modes. No /dev/console, so no login on it.
mount -t tmpfs -o mode=0755,nosuid dev dev
for node in null:3 zero:5 full:7 random:8 urandom:9; do
	mknod -m 0666 "dev/${node%:*}" c 1 "${node#*:}"
done
mknod -m 0666 dev/tty c 5 0
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,nosuid,noexec devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for folder in dev/shm tmp; do
	mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$folder"
done
mount -t tmpfs -o mode=0755,nosuid,nodev run run

# Nothing of the host starts but what its packages need for a boot.
rm -rf etc/systemd/system etc/init.d etc/rc?.d var/log/journal var/lib/tocsin etc/tocsin
mkdir -p etc/systemd/system etc/init.d run/systemd
: >etc/fstab
echo 7c0c51b00700000000000000000b0071 >etc/machine-id
cp -a "$files/." .
chmod 0755 . # FILES itself may be a temporary folder
[ -z "$prepare" ] || PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . /bin/sh -euc "$prepare"

pivot_root . .
umount -l .
mount --make-rshared / # credentials are mounted by a helper of systemd, for all to see
exec setpriv --bounding-set=-sys_module,-sys_rawio,-sys_time,-syslog \
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=tocsin-boot \
	/lib/systemd/systemd --system --unit=multi-user.target --show-status=no --log-target=journal \
	<dev/null
