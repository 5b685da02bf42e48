/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db_open.h"

#include "store/db_readonly.h"

enum gw_err gw_db_open(struct gw_db *db, const char *path, int64_t max_bytes,
	enum gw_db_page_check page_check, bool *ret_created, struct gw_error *err)
{
	struct gw_error why = {0};
	bool disk_read_only = false;
	enum gw_err rc = gw_db_open_writable(
		db, path, max_bytes, page_check, ret_created, &disk_read_only, &why);

	if (!rc)
		return GW_OK;
	if (err)
		*err = why;
	/* Busy: another process writes to it. Other errors may still allow reading. */
	if (rc != GW_ERR_SYSTEM || (why.native & 0xff) == SQLITE_BUSY)
		return rc;
	if (gw_db_open_readonly(db, path, NULL))
		return rc;
	if (!disk_read_only)
		db->why = why;
	*ret_created = false;
	return GW_OK;
}
