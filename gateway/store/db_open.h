/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db_open.h: opens the database as well as the disk allows: to write, or else only to read.
 *
 * Thread: the store's.
 */
#ifndef GW_STORE_DB_OPEN_H
#define GW_STORE_DB_OPEN_H

#include "store/db.h"

/* GW_ERR_CORRUPT: the file cannot be trusted, is not ours or is newer: it belongs into quarantine.
 * GW_ERR_FULL, GW_ERR_SYSTEM: it cannot be opened now. ret_created: it was made just now. On a
 * disk that can only be read it opens read_only. */
enum gw_err gw_db_open(struct gw_db *db, const char *path, int64_t max_bytes,
	enum gw_db_page_check page_check, bool *ret_created, struct gw_error *err);

#endif
