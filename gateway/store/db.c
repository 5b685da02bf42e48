/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db.h"

#include "base/clock.h"
#include "store/schema.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECK_MAX_NS     GW_NS_PER_SEC
#define PROGRESS_OPCODES 1000
/* https://www.sqlite.org/fileformat2.html#walformat */
#define WAL_HEADER      32
#define WAL_FRAME       (24 + GW_DB_PAGE_BYTES)
#define WAL_SPARE_BYTES (64 * 1024) /* a dozen single events */

enum gw_err gw_db_fail(struct gw_db *db, int code, const char *what, struct gw_error *err)
{
	enum gw_err rc = GW_ERR_SYSTEM;
	int primary = code & 0xff;

	if (primary == SQLITE_FULL)
		rc = GW_ERR_FULL;
	else if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB)
		rc = GW_ERR_CORRUPT;
	return gw_fail(err, rc, code, "%s: %s (SQLite %d)", what,
		db->handle && sqlite3_extended_errcode(db->handle) == code
			? sqlite3_errmsg(db->handle)
			: sqlite3_errstr(code),
		code);
}

static enum gw_err exec(struct gw_db *db, const char *sql, struct gw_error *err)
{
	int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? GW_OK : gw_db_fail(db, code, "database", err);
}

/* The first column of the first row, as a number or as text. A number is not read as text: the
 * conversion allocates, and without memory it gives NULL, so that a good file would be taken for
 * one that is not ours. */
static enum gw_err query_first(struct gw_db *db, const char *sql, int64_t *ret_number,
	char *ret_text, size_t size, struct gw_error *err)
{
	sqlite3_stmt *st;
	int code = sqlite3_prepare_v2(db->handle, sql, -1, &st, NULL);

	if (code != SQLITE_OK)
		return gw_db_fail(db, code, "database", err);
	code = sqlite3_step(st);
	if (code == SQLITE_ROW && ret_number) {
		*ret_number = sqlite3_column_int64(st, 0);
		code = SQLITE_OK;
	} else if (code == SQLITE_ROW) {
		const unsigned char *text = sqlite3_column_text(st, 0);

		code = text ? SQLITE_OK : SQLITE_NOMEM;
		if (text)
			snprintf(ret_text, size, "%s", (const char *)text);
	} else if (code == SQLITE_DONE) { /* each of these statements has a row */
		code = SQLITE_NOMEM;
	}
	sqlite3_finalize(st);
	return code == SQLITE_OK ? GW_OK : gw_db_fail(db, code, "database", err);
}

static int count_wal(void *arg, sqlite3 *handle, const char *name, int pages)
{
	struct gw_db *db = arg;

	(void)handle;
	(void)name;
	db->wal_pages = pages;
	return SQLITE_OK;
}

static int past_deadline(void *arg)
{
	const struct gw_db *db = arg;

	return gw_clock_boot_ns() >= db->deadline_ns;
}

void gw_db_set_deadline(struct gw_db *db, int64_t boot_ns)
{
	db->deadline_ns = boot_ns;
	sqlite3_progress_handler(
		db->handle, PROGRESS_OPCODES, boot_ns ? past_deadline : NULL, db);
}

/* Pragmas that must come before the first page is read or written, then those of each opening. */
static enum gw_err set_up(
	struct gw_db *db, int64_t max_bytes, bool empty, struct gw_error *err)
{
	char sql[128], mode[16] = "";
	enum gw_err rc;

	/* exclusive: the WAL index is on our heap, and no other process can open the file */
	if ((rc = exec(db, "PRAGMA locking_mode=EXCLUSIVE", err)))
		return rc;
	snprintf(sql, sizeof(sql), "PRAGMA page_size=%d; PRAGMA auto_vacuum=INCREMENTAL",
		GW_DB_PAGE_BYTES);
	if (empty && (rc = exec(db, sql, err))) /* would write to a file that has pages */
		return rc;
	rc = query_first(db, "PRAGMA journal_mode=WAL", NULL, mode, sizeof(mode), err);
	if (rc)
		return rc;
	if (strcmp(mode, "wal") != 0 && !db->read_only)
		return gw_fail(err, GW_ERR_SYSTEM, 0,
			"database: journal mode is %s, not WAL", mode);
	rc = exec(db,
		"PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
		"PRAGMA journal_size_limit=6291456; PRAGMA secure_delete=OFF;"
		"PRAGMA cache_size=-512; PRAGMA temp_store=MEMORY; PRAGMA "
		"trusted_schema=OFF;"
		"PRAGMA cell_size_check=ON",
		err);
	if (rc)
		return rc;
	snprintf(sql, sizeof(sql), "PRAGMA max_page_count=%lld",
		(long long)(max_bytes / GW_DB_PAGE_BYTES));
	sqlite3_wal_hook(db->handle, count_wal, db);
	return exec(db, sql, err);
}

static enum gw_err make_schema(struct gw_db *db, struct gw_error *err)
{
	char sql[96];
	enum gw_err rc;

	snprintf(sql, sizeof(sql), "PRAGMA application_id=%d; PRAGMA user_version=%d",
		GW_DB_APPLICATION_ID, GW_DB_VERSION);
	if (!(rc = exec(db, "BEGIN IMMEDIATE", err)) &&
		!(rc = exec(db, gw_schema_tables, err)) && !(rc = exec(db, sql, err)))
		rc = exec(db, "COMMIT", err);
	return rc;
}

enum gw_err gw_db_read_version(struct gw_db *db, int64_t *ret_version, struct gw_error *err)
{
	int64_t tables = 0, application = 0, version = 0;
	enum gw_err rc;

	if ((rc = query_first(
		     db, "SELECT count(*) FROM sqlite_schema", &tables, NULL, 0, err)) ||
		(rc = query_first(
			 db, "PRAGMA application_id", &application, NULL, 0, err)) ||
		(rc = query_first(db, "PRAGMA user_version", &version, NULL, 0, err)))
		return rc;
	if (tables > 0 && application != GW_DB_APPLICATION_ID)
		return gw_fail(err, GW_ERR_CORRUPT, 0, "database: not made by tocsin");
	*ret_version = tables > 0 ? version : 0;
	return GW_OK;
}

/* In one transaction. */
static enum gw_err migrate(struct gw_db *db, const char *sql, struct gw_error *err)
{
	enum gw_err rc = exec(db, "BEGIN IMMEDIATE", err);

	if (!rc && !(rc = exec(db, sql, err)))
		rc = exec(db, "COMMIT", err);
	if (rc && !sqlite3_get_autocommit(db->handle))
		exec(db, "ROLLBACK", NULL);
	return rc;
}

/* Creates the schema in an empty file, migrates version 1 and refuses any other. */
static enum gw_err check_schema(struct gw_db *db, bool *ret_created, struct gw_error *err)
{
	int64_t version = 0;
	enum gw_err rc = gw_db_read_version(db, &version, err);

	if (rc)
		return rc;
	*ret_created = version == 0;
	if (version == 0)
		return make_schema(db, err);
	if (version == 1)
		return migrate(db, gw_schema_1_to_2, err);
	if (version != GW_DB_VERSION)
		return gw_fail(err, GW_ERR_CORRUPT, 0,
			"database: schema %lld, this program knows %d", (long long)version,
			GW_DB_VERSION);
	return GW_OK;
}

static enum gw_err prepare_all(struct gw_db *db, struct gw_error *err)
{
	for (int i = 0; i < GW_DB_STMTS; i++) {
		int code = sqlite3_prepare_v3(db->handle, gw_schema_statements[i], -1,
			SQLITE_PREPARE_PERSISTENT, &db->stmts[i], NULL);

		if (code == SQLITE_ERROR) /* a table or column is missing */
			return gw_fail(err, GW_ERR_CORRUPT, code, "database: %s",
				sqlite3_errmsg(db->handle));
		if (code != SQLITE_OK)
			return gw_db_fail(db, code, "database", err);
	}
	return GW_OK;
}

/* After an unclean stop every page is checked, for a second at most: a big file on a slow card must
 * not delay the first poll. A bad page that this does not find is found when it is used. */
static enum gw_err check_pages(struct gw_db *db, struct gw_error *err)
{
	struct gw_error why = {0};
	char found[160] = "";
	enum gw_err rc;

	gw_db_set_deadline(db, gw_clock_boot_ns() + CHECK_MAX_NS);
	rc = query_first(db, "PRAGMA quick_check(1)", NULL, found, sizeof(found), &why);
	gw_db_set_deadline(db, 0);
	if (rc && (why.native & 0xff) == SQLITE_INTERRUPT)
		return GW_OK;
	if (rc) {
		if (err)
			*err = why;
		return rc;
	}
	if (strcmp(found, "ok") != 0)
		return gw_fail(err, GW_ERR_CORRUPT, SQLITE_CORRUPT, "database: %s", found);
	return GW_OK;
}

static enum gw_err prepare_file(struct gw_db *db, const char *path, int64_t max_bytes,
	enum gw_db_page_check page_check, bool *ret_created, struct gw_error *err)
{
	int64_t clean = 0;
	struct stat st;
	enum gw_err rc;
	bool empty = stat(path, &st) || st.st_size == 0;

	if ((rc = set_up(db, max_bytes, empty, err)) ||
		(rc = check_schema(db, ret_created, err)) || (rc = prepare_all(db, err)) ||
		(rc = gw_db_meta_get(db, "clean", &clean, err)))
		return rc;
	db->was_clean = clean != 0;
	if (*ret_created)
		return GW_OK;
	if ((page_check == GW_DB_CHECK_ALWAYS || !db->was_clean) &&
		(rc = check_pages(db, err)))
		return rc;
	/* After a failed sync the WAL is trusted only once it is copied into the file. */
	if (page_check == GW_DB_CHECK_ALWAYS && !db->read_only)
		return gw_db_checkpoint(db, true, err);
	return GW_OK;
}

enum gw_err gw_db_open_writable(struct gw_db *db, const char *path, int64_t max_bytes,
	enum gw_db_page_check page_check, bool *ret_created, bool *ret_disk_read_only,
	struct gw_error *err)
{
	bool created = false, disk_read_only = false;
	enum gw_err rc;
	int code;

	*db = (struct gw_db){0};
	code = sqlite3_open_v2(path, &db->handle,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
			SQLITE_OPEN_EXRESCODE,
		NULL);
	if (code == SQLITE_OK) {
		disk_read_only = sqlite3_db_readonly(db->handle, "main") == 1;
		db->read_only = disk_read_only;
		rc = prepare_file(db, path, max_bytes, page_check, &created, err);
		if (!rc) {
			*ret_created = created;
			return GW_OK;
		}
	} else {
		rc = gw_db_fail(db, code, "open database", err);
	}
	gw_db_close(db, true);
	*ret_disk_read_only = disk_read_only;
	return rc;
}

void gw_db_close(struct gw_db *db, bool keep_wal)
{
	if (!db->handle)
		return;
	for (int i = 0; i < GW_DB_STMTS; i++)
		sqlite3_finalize(db->stmts[i]);
	if (keep_wal)
		sqlite3_db_config(
			db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
	sqlite3_close_v2(db->handle);
	*db = (struct gw_db){0};
}

sqlite3_stmt *gw_db_stmt(struct gw_db *db, enum gw_db_stmt which)
{
	return db->stmts[which];
}

enum gw_err gw_db_run(struct gw_db *db, enum gw_db_stmt which, struct gw_error *err)
{
	sqlite3_stmt *st = db->stmts[which];
	enum gw_err rc = GW_OK;
	int code;

	do
		code = sqlite3_step(st);
	while (code == SQLITE_ROW);
	if (code != SQLITE_DONE)
		rc = gw_db_fail(db, code, "database", err);
	sqlite3_reset(st);
	return rc;
}

enum gw_err gw_db_query_int(
	struct gw_db *db, enum gw_db_stmt which, int64_t *ret_number, struct gw_error *err)
{
	sqlite3_stmt *st = db->stmts[which];
	enum gw_err rc = GW_OK;
	int code = sqlite3_step(st);

	if (code == SQLITE_ROW)
		*ret_number = sqlite3_column_int64(st, 0);
	else if (code != SQLITE_DONE)
		rc = gw_db_fail(db, code, "database", err);
	sqlite3_reset(st);
	return rc;
}

const char *gw_db_text(sqlite3_stmt *st, int column)
{
	bool is_null = sqlite3_column_type(st, column) == SQLITE_NULL;

	return is_null ? "" : (const char *)sqlite3_column_text(st, column);
}

enum gw_err gw_db_begin(struct gw_db *db, struct gw_error *err)
{
	return gw_db_run(db, GW_DB_BEGIN, err);
}

enum gw_err gw_db_commit(struct gw_db *db, struct gw_error *err)
{
	return gw_db_run(db, GW_DB_COMMIT, err);
}

void gw_db_rollback(struct gw_db *db)
{
	db->chain.known = false;
	if (db->handle && !sqlite3_get_autocommit(db->handle))
		gw_db_run(db, GW_DB_ROLLBACK, NULL);
}

enum gw_err gw_db_meta_get(
	struct gw_db *db, const char *name, int64_t *ret_value, struct gw_error *err)
{
	sqlite3_bind_text(db->stmts[GW_DB_META_GET], 1, name, -1, SQLITE_STATIC);
	return gw_db_query_int(db, GW_DB_META_GET, ret_value, err);
}

enum gw_err gw_db_meta_put(
	struct gw_db *db, const char *name, int64_t value, struct gw_error *err)
{
	sqlite3_bind_text(db->stmts[GW_DB_META_PUT], 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(db->stmts[GW_DB_META_PUT], 2, value);
	return gw_db_run(db, GW_DB_META_PUT, err);
}

enum gw_err gw_db_checkpoint(struct gw_db *db, bool truncate, struct gw_error *err)
{
	int code = sqlite3_wal_checkpoint_v2(db->handle, NULL,
		truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, NULL,
		NULL);

	if (code != SQLITE_OK)
		return gw_db_fail(db, code, "checkpoint", err);
	if (truncate)
		db->wal_bytes = 0;
	db->wal_pages =
		0; /* no other connection reads it, so the next commit begins the WAL again */
	return GW_OK;
}

/* Written 4 kB at a time: the kernel may keep one larger write in one large folio, which each
 * later commit would then write as a whole. */
enum gw_err gw_db_extend_wal(struct gw_db *db, struct gw_error *err)
{
	static const char zeros[4096];
	int64_t used = WAL_HEADER + (int64_t)db->wal_pages * WAL_FRAME;
	sqlite3_file *wal = NULL;
	sqlite3_int64 size;
	int code;

	if (!db->handle || db->read_only || db->wal_bytes - used >= WAL_SPARE_BYTES / 2)
		return GW_OK;
	if (sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal) ||
		!wal || !wal->pMethods || wal->pMethods->xFileSize(wal, &size))
		return GW_OK;
	db->wal_bytes = size;
	if (size == 0 || size - used >= WAL_SPARE_BYTES / 2)
		return GW_OK;
	/* Recovery after a crash ends at the first frame without a valid checksum: the zeros. */
	for (int64_t end = size + WAL_SPARE_BYTES; size < end;
		size += (int64_t)sizeof(zeros))
		if (wal->pMethods->xWrite(wal, zeros, (int)sizeof(zeros), size))
			return GW_OK;
	code = wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
	if (code != SQLITE_OK)
		return gw_db_fail(db, code, "lengthen the WAL", err);
	db->wal_bytes = size;
	return GW_OK;
}

enum gw_err gw_db_pages(
	struct gw_db *db, int64_t *ret_pages, int64_t *ret_free, struct gw_error *err)
{
	enum gw_err rc = gw_db_query_int(db, GW_DB_PAGES, ret_pages, err);

	return rc ? rc : gw_db_query_int(db, GW_DB_FREE_PAGES, ret_free, err);
}
