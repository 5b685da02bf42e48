/* SPDX-License-Identifier: Apache-2.0 */
#include "store/unconfirmed.h"

/* The row of meta is named so, and by the key; see also the statements in schema.c. */
#define NAME "unconfirmed %s"

enum gw_err gw_unconfirmed_note_all(struct gw_db *db, struct gw_error *err)
{
	return gw_db_run(db, GW_DB_UNCONFIRMED_PUT_ALL, err);
}

enum gw_err gw_unconfirmed_confirm(
	struct gw_db *db, const char *key, uint64_t seq, struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_UNCONFIRMED_DELETE);

	sqlite3_bind_text(st, 1, key, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(st, 2, (int64_t)seq);
	return gw_db_run(db, GW_DB_UNCONFIRMED_DELETE, err);
}

enum gw_err gw_unconfirmed_is(
	struct gw_db *db, const char *key, uint64_t seq, bool *ret_is, struct gw_error *err)
{
	char *name = sqlite3_mprintf(NAME, key);
	int64_t noted = 0;
	enum gw_err rc;

	if (!name)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
	rc = gw_db_meta_get(db, name, &noted, err);
	sqlite3_clear_bindings(gw_db_stmt(db, GW_DB_META_GET));
	sqlite3_free(name);
	if (rc && rc != GW_ERR_CORRUPT)
		return rc;
	*ret_is = rc == GW_OK && noted > 0 && (uint64_t)noted == seq;
	return GW_OK;
}

enum gw_err gw_unconfirmed_sweep(struct gw_db *db, struct gw_error *err)
{
	return gw_db_run(db, GW_DB_UNCONFIRMED_SWEEP, err);
}

enum gw_err gw_unconfirmed_count(struct gw_db *db, int64_t *ret_n, struct gw_error *err)
{
	return gw_db_query_int(db, GW_DB_UNCONFIRMED_COUNT, ret_n, err);
}
