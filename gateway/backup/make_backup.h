/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make_backup.h: `tocsin backup`: from the daemon that runs, or from the folder of one that does
 * not.
 *
 * Thread: the only one of tocsin-backup.
 */
#ifndef GW_BACKUP_MAKE_BACKUP_H
#define GW_BACKUP_MAKE_BACKUP_H

#include "backup/place.h"

/* Prints the result, or what went wrong; an exit code. */
int gw_backup_make(const struct gw_backup_opts *o);

#endif
