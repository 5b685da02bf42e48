/* SPDX-License-Identifier: Apache-2.0 */
#include "store/registry_rows.h"

#include "store/store_internal.h"

#include <stdlib.h>
#include <string.h>

#define UPLINK_TABLE \
	"CREATE TABLE IF NOT EXISTS uplink(name TEXT PRIMARY KEY, url TEXT NOT NULL," \
	" days INTEGER NOT NULL, day_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"

/* sql is from sqlite3_mprintf, which quotes, and is freed here. */
static enum gw_err run_sql(struct gw_store *s, char *sql, struct gw_error *err)
{
	int code = sql ? sqlite3_exec(s->db.handle, sql, NULL, NULL, NULL) : SQLITE_NOMEM;

	sqlite3_free(sql);
	return code == SQLITE_OK ? GW_OK : gw_db_fail(&s->db, code, "database", err);
}

static void free_rows(struct gw_store *s)
{
	for (size_t bit = 0; bit < GW_STORE_SLOTS; bit++) {
		free(s->registry[bit].name);
		free(s->registry[bit].url);
		s->registry[bit] = (struct gw_registry_row){.name = NULL};
	}
}

enum gw_err gw_registry_rows_create(struct gw_store *s, struct gw_error *err)
{
	return run_sql(s, sqlite3_mprintf(UPLINK_TABLE), err);
}

/* NULL: no memory. */
static char *copy_text(sqlite3_stmt *st, int column)
{
	const char *text = gw_db_text(st, column);

	return text ? strdup(text) : NULL;
}

/* Files of earlier versions have no table uplink: their names have no URL. */
static int select_rows(struct gw_store *s, sqlite3_stmt **ret_st)
{
	static const char *const sql[] = {
		"SELECT s.bit, s.name, u.url, ifnull(u.days, -1), u.day_ms FROM sink AS s"
		" LEFT JOIN uplink AS u ON u.name = s.name",
		"SELECT bit, name, '', -1, 0 FROM sink"};
	int code = sqlite3_prepare_v2(s->db.handle, sql[0], -1, ret_st, NULL);

	if (code == SQLITE_ERROR) /* no such table; another error: it cannot be read now */
		code = sqlite3_prepare_v2(s->db.handle, sql[1], -1, ret_st, NULL);
	return code;
}

enum gw_err gw_registry_rows_read(struct gw_store *s, struct gw_error *err)
{
	sqlite3_stmt *st = NULL;
	enum gw_err rc = GW_OK;
	int code = select_rows(s, &st);

	free_rows(s);
	while (st && (code = sqlite3_step(st)) == SQLITE_ROW) {
		struct gw_registry_row *row =
			&s->registry[sqlite3_column_int(st, 0) & (GW_STORE_SLOTS - 1)];

		free(row->name);
		free(row->url);
		*row = (struct gw_registry_row){
			.name = copy_text(st, 1),
			.url = copy_text(st, 2),
			.removed_days = sqlite3_column_int(st, 3),
			.last_day_ms = sqlite3_column_int64(st, 4),
		};
		if (!row->name || !row->url) {
			rc = gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
			break;
		}
	}
	if (!rc && code != SQLITE_DONE)
		rc = gw_db_fail(&s->db, code, "database", err);
	sqlite3_finalize(st);
	if (rc)
		free_rows(s);
	return rc;
}

enum gw_err gw_registry_rows_put(
	struct gw_store *s, const struct gw_registry_row *row, struct gw_error *err)
{
	return run_sql(s,
		sqlite3_mprintf("REPLACE INTO sink VALUES(%d, %Q); REPLACE INTO uplink "
				"VALUES(%Q, %Q, %d, %lld)",
			(int)(row - s->registry), row->name, row->name, row->url,
			row->removed_days, (long long)row->last_day_ms),
		err);
}

enum gw_err gw_registry_rows_delete(
	struct gw_store *s, struct gw_registry_row *row, struct gw_error *err)
{
	enum gw_err rc = run_sql(s,
		sqlite3_mprintf("DELETE FROM sink WHERE bit = %d; DELETE FROM uplink WHERE "
				"name = %Q",
			(int)(row - s->registry), row->name),
		err);

	free(row->name);
	free(row->url);
	*row = (struct gw_registry_row){.name = NULL};
	return rc;
}

enum gw_err gw_registry_rows_drop_owed(
	struct gw_store *s, struct gw_registry_row *row, struct gw_error *err)
{
	long long bit = 1LL << (unsigned)(row - s->registry);
	enum gw_err rc = run_sql(s,
		sqlite3_mprintf(
			"UPDATE owed SET sinks = sinks & ~%lld WHERE sinks & %lld;"
			"DELETE FROM owed WHERE sinks = 0;"
			"UPDATE parked SET sinks = sinks & ~%lld WHERE sinks & %lld;"
			"DELETE FROM parked WHERE sinks = 0",
			bit, bit, bit, bit),
		err);

	return rc ? rc : gw_registry_rows_delete(s, row, err);
}

enum gw_err gw_registry_rows_unpark(struct gw_store *s, const struct gw_registry_row *row,
	uint32_t to, struct gw_error *err)
{
	long long bit = 1LL << (unsigned)(row - s->registry);

	return run_sql(s,
		sqlite3_mprintf(
			"INSERT INTO owed SELECT 3 - e.level, e.seq, %u FROM parked AS p"
			" JOIN event AS e ON e.seq = p.seq WHERE p.sinks & %lld"
			" ON CONFLICT(urgency, seq) DO UPDATE SET sinks = sinks | %u;"
			"UPDATE parked SET sinks = sinks & ~%lld WHERE sinks & %lld;"
			"DELETE FROM parked WHERE sinks = 0",
			to, bit, to, bit, bit),
		err);
}

enum gw_err gw_registry_rows_merge_owed(
	struct gw_store *s, struct gw_registry_row *row, uint32_t to, struct gw_error *err)
{
	long long bit = 1LL << (unsigned)(row - s->registry);
	enum gw_err rc = gw_registry_rows_unpark(s, row, to, err);

	if (!rc)
		rc = run_sql(s,
			sqlite3_mprintf("UPDATE owed SET sinks = sinks & ~%lld | %u"
					" WHERE sinks & %lld;"
					"UPDATE event SET undurable = undurable | %u"
					" WHERE undurable & %lld",
				bit, to, bit, to, bit),
			err);
	return rc ? rc : gw_registry_rows_delete(s, row, err);
}

enum gw_err gw_registry_rows_delete_url(
	struct gw_store *s, const struct gw_registry_row *row, struct gw_error *err)
{
	return run_sql(
		s, sqlite3_mprintf("DELETE FROM uplink WHERE name = %Q", row->name), err);
}

enum gw_err gw_registry_rows_copy_from(struct gw_store *s, struct gw_db *from,
	enum gw_err *ret_read_error, struct gw_error *err)
{
	sqlite3_stmt *st = NULL;
	enum gw_err rc = GW_OK;
	int read = sqlite3_prepare_v2(
		from->handle, "SELECT name, url, days, day_ms FROM uplink", -1, &st, NULL);

	*ret_read_error = GW_OK;
	if (read == SQLITE_ERROR) /* it has no such table */
		return GW_OK;
	while (st && !rc && (read = sqlite3_step(st)) == SQLITE_ROW) {
		const char *name = gw_db_text(st, 0), *url = gw_db_text(st, 1);

		if (!name || !url) {
			read = SQLITE_NOMEM;
			break;
		}
		rc = run_sql(s,
			sqlite3_mprintf(UPLINK_TABLE
				"INSERT OR IGNORE INTO uplink VALUES(%Q, %Q, %d, %lld)",
				name, url, sqlite3_column_int(st, 2),
				(long long)sqlite3_column_int64(st, 3)),
			err);
	}
	if (!rc && read != SQLITE_DONE)
		*ret_read_error = gw_db_fail(from, read, "database", NULL);
	sqlite3_finalize(st);
	return rc;
}
