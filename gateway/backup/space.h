/* SPDX-License-Identifier: Apache-2.0 */
/*
 * space.h: what a backup may use of a disk. That of the state folder must not get full: some of it
 * stays free for alarms, as while the daemon copies its database (store/backup.h).
 *
 * Thread: any.
 */
#ifndef GW_BACKUP_SPACE_H
#define GW_BACKUP_SPACE_H

#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

/* Has the disk of the open file room for so many bytes more? state: the device of the state folder.
 * path: for the message. */
enum gw_err gw_space_check(
	int fd, const char *path, dev_t state, uint64_t bytes, struct gw_error *err);

#endif
