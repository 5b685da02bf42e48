/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner.h: the daemon's user may have put anything into its folder, also links to files that only
 * root may touch. What is done there is done as that user. What is open stays open.
 *
 * Thread: the only one of tocsin-backup.
 */
#ifndef GW_BACKUP_OWNER_H
#define GW_BACKUP_OWNER_H

#include "base/error.h"

#include <sys/types.h>

/* From now on this process has the rights of that user only. Nothing unless it is root. */
enum gw_err gw_owner_become(uid_t uid, gid_t gid, struct gw_error *err);
/* The user who owns the folder. */
enum gw_err gw_owner_become_of(const char *folder, struct gw_error *err);
/* One folder, whose parent is there, that the owner and the group may pass (0750). Root sets both;
 * group -1: as it is made. There is one: GW_OK. */
enum gw_err gw_owner_make_folder(
	const char *path, uid_t owner, gid_t group, struct gw_error *err);
/* Root again, if it was root. */
void gw_owner_return(void);

#endif
