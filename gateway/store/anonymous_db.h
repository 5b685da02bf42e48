/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anonymous_db.h: a database whose file has no name: to copy another one into
 * (sqlite3_backup_init), and to read such a copy by its descriptor. A kill leaves it behind only in
 * the moment in which it is made.
 *
 * Thread: any, one at a time for one database.
 */
#ifndef GW_STORE_ANONYMOUS_DB_H
#define GW_STORE_ANONYMOUS_DB_H

#include "base/error.h"

#include <sqlite3.h>

/* Makes it at path and removes the name. The caller closes both: the descriptor reads the file.
 * Without journal and syncs, as a copy that is not whole is thrown away. */
enum gw_err gw_anonymous_db_open(
	const char *path, sqlite3 **ret_handle, int *ret_fd, struct gw_error *err);
/* To read it, once nobody writes to it. No other thread may open a database meanwhile. */
enum gw_err gw_anonymous_db_read(int fd, sqlite3 **ret_handle, struct gw_error *err);

#endif
