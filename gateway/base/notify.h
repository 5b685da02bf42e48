/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.h: reports the state of this process to the service manager: the protocol of
 * sd_notify(3), one datagram a message to the socket that $NOTIFY_SOCKET names. Written here
 * because that manual recommends it over libsystemd, which brings five libraries into the process.
 *
 * The descriptor stays open, so that the watchdog is fed even when no other is to be had.
 *
 * Thread: main.
 */
#ifndef GW_BASE_NOTIFY_H
#define GW_BASE_NOTIFY_H

#include "base/error.h"

#include <sys/socket.h>
#include <sys/un.h>

struct gw_notify {
	int fd; /* -1: no service manager asked */
	struct sockaddr_un to;
	socklen_t to_len;
};

/* Without $NOTIFY_SOCKET it is closed, and that is good. Fails, closed, if the address is neither
 * an absolute path nor '@' and an abstract name, is too long, or there is no descriptor. */
enum gw_err gw_notify_open(struct gw_notify *n, struct gw_error *err);
/* state: "READY=1", "WATCHDOG=1", ... as in sd_notify(3). Waits for at most GW_NOTIFY_MAX_MS if
 * the manager does not read. Errors are not reported: a manager that misses a message acts
 * on it. */
#define GW_NOTIFY_MAX_MS 500
/* Sent once a second by who is well. Ready each time: the manager may have been too busy to read
 * the first message. */
#define GW_NOTIFY_ALIVE "READY=1\nWATCHDOG=1"
void gw_notify_send(const struct gw_notify *n, const char *state);
void gw_notify_close(struct gw_notify *n); /* twice is fine */

#endif
