/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen.h: a listening Unix socket that exactly one daemon has.
 *
 * Thread: main, before or while others run (the umask is changed for a moment).
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

/* Whether there is a group of this name. */
bool gw_listen_group(const char *name, gid_t *ret_group);
/* Mode 0660, given to group if there is one of that name and we may. The folder is made if it is
 * missing (0755). A socket file nobody listens on is replaced; GW_ERR_REFUSED if somebody does,
 * or if path is something else than a socket. */
enum gw_err gw_listen_open(
	struct gw_listen *l, const char *path, const char *group, struct gw_error *err);
/* Removes the file too, if it is still ours. Twice is fine, zeroed is not. */
void gw_listen_close(struct gw_listen *l);

#endif
