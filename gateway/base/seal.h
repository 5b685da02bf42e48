/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal.h: forbids the process, until it ends, to start a program, to bind a socket and to listen on
 * one. A gateway at work only connects. Code that takes the process over through a device or a
 * platform is bound by it, too. io_uring is forbidden with them, because the filter does not see
 * its operations.
 *
 * It is a filter of system calls (seccomp(2)) on all threads; the calls give EPERM. systemd cannot
 * set it up: it has to execute the daemon, and the daemon has to open its control socket first.
 * (SocketBindDeny= needs a systemd with BPF and libbpf, which Debian's is not.)
 *
 * A side effect: glibc binds a netlink socket to learn which address families the host has. It
 * cannot now, and assumes IPv4 and IPv6. The unit forbids netlink anyway.
 */
#ifndef GW_BASE_SEAL_H
#define GW_BASE_SEAL_H

#include "base/error.h"

/* Once, when the last socket listens. Thread: any; it holds for all, also for those to come.
 * GW_ERR_SYSTEM: not here (an old kernel, an emulator); nothing has changed. With a sanitizer it
 * does nothing: that starts a program for its report. */
enum gw_err gw_seal_process(struct gw_error *err);

#endif
