/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal.h: gives up for good what a gateway at work never does, as it only connects: to start a
 * program, to bind a socket, to listen on one. Whoever takes the process over through a device or
 * a platform cannot do it either, nor through io_uring, whose operations this filter does not see.
 *
 * It is a filter of system calls (seccomp(2)) on all threads; the calls give EPERM. The unit cannot
 * have it, as systemd itself executes the daemon, which then opens its control socket.
 * (SocketBindDeny= needs a systemd with BPF and libbpf, which Debian does not bring.) glibc binds a
 * netlink socket to learn which address families the host has, and without it takes both for
 * there; under the unit, which has no netlink, it does so anyway.
 */
#ifndef GW_BASE_SEAL_H
#define GW_BASE_SEAL_H

#include "base/error.h"

/* Once, when the last socket listens. Thread: any; it holds for all, also for those to come.
 * GW_ERR_SYSTEM: not here (an old kernel, an emulator); nothing has changed. With a sanitizer it
 * does nothing: that starts a program for its report. */
enum gw_err gw_seal_process(struct gw_error *err);

#endif
