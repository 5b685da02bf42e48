/* SPDX-License-Identifier: Apache-2.0 */
/*
 * database.h: what a copy of the database says of itself, and a copy of one that no daemon has
 * open.
 *
 * Thread: one.
 */
#ifndef GW_BACKUP_DATABASE_H
#define GW_BACKUP_DATABASE_H

#include "backup/manifest.h"

#include <sqlite3.h>
#include <sys/types.h>

/* Checks every page, and reads the numbers. GW_ERR_CORRUPT: it is damaged, or not ours. */
enum gw_err gw_database_describe(
	int fd, struct gw_manifest_about *about, struct gw_error *err);
/* A file without a name in the folder of `archive`, which is read with ret_fd. Apart from the copy,
 * as root writes it and the daemon's user reads the database. The caller closes both. */
enum gw_err gw_database_copy_open(
	const char *archive, sqlite3 **ret_copy, int *ret_fd, struct gw_error *err);
/* The database with its WAL into it; fd and state: see space.h. */
enum gw_err gw_database_copy(const char *path, const char *archive, sqlite3 *copy, int fd,
	dev_t state, struct gw_error *err);

#endif
