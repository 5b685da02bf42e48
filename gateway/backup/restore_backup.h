/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restore_backup.h: `tocsin restore`: checks the archive as a whole, keeps the daemon away, and
 * puts the archive's state in the place of what is there.
 *
 * Thread: the only one of tocsin-backup.
 */
#ifndef GW_BACKUP_RESTORE_BACKUP_H
#define GW_BACKUP_RESTORE_BACKUP_H

#include "backup/place.h"

/* Prints the result, or what went wrong; an exit code. */
int gw_backup_restore(const struct gw_backup_opts *o);

#endif
