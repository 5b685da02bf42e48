/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_backup.h: backup and restore are done by tocsin-backup, because tocsin opens no database.
 *
 * Thread: the only one.
 */
#ifndef GW_CTL_RUN_BACKUP_H
#define GW_CTL_RUN_BACKUP_H

#include <stdbool.h>

/* what: "make" or "restore"; config NULL: the usual one. Returns only if it cannot be run. */
int gw_run_backup_program(const char *what, const char *config, const char *socket,
	bool json, const char *file);

#endif
