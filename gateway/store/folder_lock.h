/* SPDX-License-Identifier: Apache-2.0 */
/*
 * folder_lock.h: who uses the state folder: tocsind while it runs, or `tocsin backup` and `tocsin
 * restore` while it does not. The lock is on the folder itself (flock), so it needs no file, works
 * on a full or read-only disk, and ends with the process.
 *
 * Thread: any, one at a time.
 */
#ifndef GW_STORE_FOLDER_LOCK_H
#define GW_STORE_FOLDER_LOCK_H

#include "base/error.h"

/* *fd: -1, or from an earlier call, whose lock is kept if the folder is still the same one.
 * GW_ERR_SYSTEM with EWOULDBLOCK: another process has it. A folder that does not exist, and a file
 * system that has no such locks, are no failure: *fd is -1 then. */
enum gw_err gw_folder_lock(const char *folder, int *fd, struct gw_error *err);
void gw_folder_unlock(int *fd); /* -1 is fine */

#endif
