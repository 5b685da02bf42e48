/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen.h: a listening Unix socket, held by one daemon at a time.
 *
 * Thread: main, before or while others run (it changes the umask for a moment).
 */
#ifndef GW_CONTROL_LISTEN_H
#define GW_CONTROL_LISTEN_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

struct gw_listen {
	int fd; /* non-blocking, close on exec; -1: not open */
	char path[108];
	dev_t dev;
	ino_t ino;
};

/* Whether the file has a group of this name. It is read here, as getgrnam_r of glibc crashes where
 * it lacks memory; a group that only a directory service has is not found. */
#define GW_LISTEN_GROUPS "/etc/group"
bool gw_listen_group(const char *groups, const char *name, gid_t *ret_group);
/* Mode 0660, group as named if it exists and may be set. Makes the folder if it is missing
 * (0755). A stale socket file is replaced. GW_ERR_REFUSED: another process listens, or path
 * is not a socket. */
enum gw_err gw_listen_open(
	struct gw_listen *l, const char *path, const char *group, struct gw_error *err);
/* A process listens there. */
bool gw_listen_is_taken(const char *path);
/* Removes the file, too, unless another process has replaced it. Twice is fine, zeroed is
 * not. */
void gw_listen_close(struct gw_listen *l);

#endif
