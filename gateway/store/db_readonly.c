/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db_readonly.h"

#include "base/clock.h"
#include "store/schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define COLUMNS_MAX 24

/* The columns that our statements read, and what is read where the file has no such column. */
static const struct {
	const char *table;
	struct {
		const char *name, *fallback;
	} columns[COLUMNS_MAX];
} schema_columns[] = {
	{"meta", {{"name", "''"}, {"value", "0"}}},
	{"sink", {{"bit", "0"}, {"name", "''"}}},
	{"boot", {{"id", "0"}, {"boot", "''"}}},
	{"info",
		{{"id", "0"}, {"digest", "x''"}, {"class", "0"}, {"key", "''"},
			{"name", "''"}, {"subject", "''"}, {"condition", "''"},
			{"text", "''"}, {"point", "''"}, {"source", "''"}, {"device", "''"},
			{"unit_of_measure", "''"}, {"building", "''"}, {"floor", "''"},
			{"room", "''"}, {"gateway", "''"}, {"unit", "''"}, {"area", "''"},
			{"grid", "''"}}},
	{"event",
		{{"seq", "0"}, {"info", "0"}, {"run", "0"}, {"boot", "0"}, {"class", "0"},
			{"level", "0"}, {"change", "0"}, {"state", "0"}, {"under", "0"},
			{"quality", "0"}, {"undurable", "0"}, {"synced", "0"},
			{"occurrence", "x''"}, {"value", "NULL"}, {"bound", "NULL"},
			{"peak", "NULL"}, {"eta_ms", "-1"}, {"mono_ns", "0"},
			{"wall_ms", "0"}, {"onset_ms", "0"}, {"shelved_until_ms", "0"},
			{"confirmed_by", "NULL"}, {"note", "NULL"}}},
	{"alarm",
		{{"key", "''"}, {"info", "0"}, {"state", "0"}, {"under", "0"},
			{"level", "0"}, {"occurrence", "x''"}, {"onset_ms", "0"},
			{"since_ms", "0"}, {"shelved_until_ms", "0"}, {"value", "NULL"},
			{"peak", "NULL"}, {"seq", "0"}}},
	{"owed", {{"urgency", "0"}, {"seq", "0"}, {"sinks", "0"}}},
	{"parked", {{"seq", "0"}, {"sinks", "0"}}},
};

/* The VFS without locks ("unix-none"): a read-only descriptor cannot take one. NULL: this SQLite
 * has none. */
static const char *nolock_vfs(char ret_name[64])
{
	const sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

	snprintf(ret_name, 64, "%s-none", vfs ? vfs->zName : "unix");
	return sqlite3_vfs_find(ret_name) ? ret_name : NULL;
}

static int open_file(struct gw_db *db, const char *path)
{
	char uri[PATH_MAX + 96], wal[PATH_MAX + 8], vfs[64];
	struct stat st;
	bool has_wal;
	size_t n;

	snprintf(wal, sizeof(wal), "%s-wal", path);
	if (stat(wal, &st) == 0)
		has_wal = st.st_size > 0;
	else if (errno == ENOENT)
		has_wal = false;
	else
		return SQLITE_CANTOPEN; /* without its WAL the file shows an old state */
	n = (size_t)snprintf(uri, sizeof(uri), "file:");
	for (const char *p = path; *p; p++) {
		if (n + 24 >= sizeof(uri)) /* escaped it is too long */
			return SQLITE_CANTOPEN;
		if (strchr("%?#", *p))
			n += (size_t)snprintf(
				uri + n, sizeof(uri) - n, "%%%02X", (unsigned char)*p);
		else
			uri[n++] = *p;
	}
	/* immutable ignores a WAL; not immutable, a file without one would get one */
	snprintf(uri + n, sizeof(uri) - n, "%s", has_wal ? "" : "?immutable=1");
	/* with locks, reading a WAL needs a connection that may write */
	return sqlite3_open_v2(uri, &db->handle,
		(has_wal && !nolock_vfs(vfs) ? SQLITE_OPEN_READWRITE
					     : SQLITE_OPEN_READONLY) |
			SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI | SQLITE_OPEN_EXRESCODE,
		nolock_vfs(vfs));
}

static bool has_column(struct gw_db *db, const char *table, const char *column)
{
	return sqlite3_table_column_metadata(db->handle, "main", table, column, NULL, NULL,
		       NULL, NULL, NULL) == SQLITE_OK;
}

/* A view of the same name hides a table that lacks a column or is missing. */
static enum gw_err create_view(struct gw_db *db, size_t table, struct gw_error *err)
{
	const char *name = schema_columns[table].table;
	bool exists = has_column(db, name, NULL);
	char sql[2048];
	size_t n;
	int code;

	n = (size_t)snprintf(sql, sizeof(sql), "CREATE TEMP VIEW %s AS SELECT ", name);
	for (size_t i = 0; i < COLUMNS_MAX && schema_columns[table].columns[i].name; i++) {
		const char *column = schema_columns[table].columns[i].name;

		n += (size_t)snprintf(sql + n, sizeof(sql) - n, "%s%s AS %s", i ? ", " : "",
			exists && has_column(db, name, column)
				? column
				: schema_columns[table].columns[i].fallback,
			column);
	}
	if (exists)
		snprintf(sql + n, sizeof(sql) - n, " FROM main.%s", name);
	else
		snprintf(sql + n, sizeof(sql) - n, " WHERE 0");
	code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? GW_OK : gw_db_fail(db, code, "database", err);
}

static enum gw_err set_up(struct gw_db *db, struct gw_error *err)
{
	int64_t version = 0;
	enum gw_err rc;
	int code = sqlite3_exec(db->handle,
		"PRAGMA locking_mode=EXCLUSIVE; PRAGMA temp_store=MEMORY;"
		"PRAGMA cache_size=-512; PRAGMA trusted_schema=OFF;"
		"PRAGMA cell_size_check=ON",
		NULL, NULL, NULL);

	if (code != SQLITE_OK)
		return gw_db_fail(db, code, "database", err);
	if ((rc = gw_db_read_version(db, &version, err)))
		return rc;
	for (size_t i = 0; version != GW_DB_VERSION &&
		i < sizeof(schema_columns) / sizeof(*schema_columns);
		i++)
		if ((rc = create_view(db, i, err)))
			return rc;
	/* Statements that write to a view cannot be prepared: they stay NULL. */
	for (int i = 0; i < GW_DB_STMTS; i++)
		sqlite3_prepare_v3(db->handle, gw_schema_statements[i], -1,
			SQLITE_PREPARE_PERSISTENT, &db->stmts[i], NULL);
	return gw_db_stmt(db, GW_DB_ALARM_ALL) && gw_db_stmt(db, GW_DB_OWED_BATCH)
		? GW_OK
		: gw_db_fail(db, sqlite3_extended_errcode(db->handle), "database", err);
}

enum gw_err gw_db_open_readonly(struct gw_db *db, const char *path, struct gw_error *err)
{
	int64_t clean = 0;
	enum gw_err rc;
	int code;

	*db = (struct gw_db){0};
	code = open_file(db, path);
	rc = code == SQLITE_OK ? set_up(db, err)
			       : gw_db_fail(db, code, "open database", err);
	if (!rc)
		rc = gw_db_meta_get(db, "clean", &clean, err);
	if (rc) {
		gw_db_close(db, true);
		return rc;
	}
	db->read_only = true;
	db->was_clean = clean != 0;
	return GW_OK;
}

/* ---- is it readable? ---- */

static bool read_through(sqlite3_file *f, struct gw_thread *thread)
{
	static char block[65536]; /* the store's thread alone reads */
	sqlite3_int64 size = 0;

	if (f->pMethods->xFileSize(f, &size) != SQLITE_OK)
		return false;
	for (sqlite3_int64 at = 0; at < size; at += (sqlite3_int64)sizeof(block)) {
		sqlite3_int64 left = size - at;
		int n = left < (sqlite3_int64)sizeof(block) ? (int)left
							    : (int)sizeof(block);

		gw_thread_beat(thread, gw_clock_boot_ns());
		if (f->pMethods->xRead(f, block, n, at) != SQLITE_OK)
			return false;
	}
	return true;
}

/* Through SQLite's VFS: closing a descriptor of our own would drop the locks of its others. */
static bool file_is_readable(const char *path, int kind, struct gw_thread *thread)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	char name[PATH_MAX + 16] =
		""; /* SQLite's names of files end in more than one NUL */
	sqlite3_file *f;
	int exists = 0;
	bool readable;

	snprintf(name, sizeof(name) - 8, "%s", path);
	if (vfs->xAccess(vfs, name, SQLITE_ACCESS_EXISTS, &exists) != SQLITE_OK)
		return false;
	if (!exists)
		return true;
	f = calloc(1, (size_t)vfs->szOsFile);
	if (!f)
		return false;
	readable = vfs->xOpen(vfs, name, f, SQLITE_OPEN_READONLY | kind, NULL) ==
			SQLITE_OK &&
		read_through(f, thread);
	if (f->pMethods)
		f->pMethods->xClose(f);
	free(f);
	return readable;
}

bool gw_db_is_readable(const char *path, struct gw_thread *thread)
{
	char wal[PATH_MAX + 8];

	snprintf(wal, sizeof(wal), "%s-wal", path);
	return file_is_readable(path, SQLITE_OPEN_MAIN_DB, thread) &&
		file_is_readable(wal, SQLITE_OPEN_WAL, thread);
}
