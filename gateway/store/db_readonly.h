/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db_readonly.h: opens a database only to read it, whatever its schema and whatever the disk
 * allows. Nothing is written, locked or repaired.
 *
 * Thread: the store's.
 */
#ifndef GW_STORE_DB_READONLY_H
#define GW_STORE_DB_READONLY_H

#include "base/thread.h"
#include "store/db.h"

/* With its WAL, also on a read-only disk. Of another schema it reads what our statements read.
 * GW_ERR_CORRUPT: not a database of ours. GW_ERR_SYSTEM: it cannot be read now. */
enum gw_err gw_db_open_readonly(struct gw_db *db, const char *path, struct gw_error *err);
/* Every byte of the file and of its WAL can be read now. SQLite reports some reads that fail as
 * corruption: a file that is not readable is not known to be corrupt. No connection to it may be
 * open. thread beats meanwhile: a large file on a slow disk takes minutes. */
bool gw_db_is_readable(const char *path, struct gw_thread *thread);

#endif
