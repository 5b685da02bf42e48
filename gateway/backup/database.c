/* SPDX-License-Identifier: Apache-2.0 */
#include "backup/database.h"

#include "backup/space.h"
#include "gw_build.h"
#include "store/anonymous_db.h"
#include "store/db_readonly.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STEP_PAGES 4096

/* The first column of the first row; false: none, or it cannot be read. */
static bool number_of(sqlite3 *db, const char *sql, int64_t *ret_number)
{
	sqlite3_stmt *st = NULL;
	bool found = sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK &&
		sqlite3_step(st) == SQLITE_ROW;

	if (found)
		*ret_number = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return found;
}

static enum gw_err check_pages(sqlite3 *db, struct gw_error *err)
{
	sqlite3_stmt *st = NULL;
	const char *found = NULL;
	bool good = false;

	if (sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &st, NULL) ==
			SQLITE_OK &&
		sqlite3_step(st) == SQLITE_ROW)
		found = (const char *)sqlite3_column_text(st, 0);
	good = found && strcmp(found, "ok") == 0;
	if (!good)
		gw_fail(err, GW_ERR_CORRUPT, 0, "the database is damaged: %s",
			found ? found : sqlite3_errmsg(db));
	sqlite3_finalize(st);
	return good ? GW_OK : GW_ERR_CORRUPT;
}

static enum gw_err describe(
	sqlite3 *db, struct gw_manifest_about *about, struct gw_error *err)
{
	int64_t foreign = 0, application = 0, run = 0, newest = 0, recorded = 0, events = 0;
	time_t now = time(NULL);
	struct tm tm;
	enum gw_err rc = check_pages(db, err);

	if (rc)
		return rc;
	/* what runs code of its own when tocsin reads or writes it */
	if (!number_of(db,
		    "SELECT count(*) FROM sqlite_schema WHERE type NOT IN ('table', 'index')"
		    " OR sql LIKE 'CREATE VIRTUAL%'",
		    &foreign) ||
		foreign > 0)
		return gw_fail(err, GW_ERR_CORRUPT, 0,
			"its database has a trigger, a view or a virtual table, which tocsin never makes");
	if (!number_of(db, "PRAGMA application_id", &application) ||
		application != GW_DB_APPLICATION_ID ||
		!number_of(db, "PRAGMA user_version", &about->schema) ||
		!number_of(db, "SELECT count(*), max(seq) FROM event", &events))
		return gw_fail(err, GW_ERR_CORRUPT, 0, "not a database of tocsin");
	number_of(db, "SELECT ifnull(max(seq), 0) FROM event", &newest);
	number_of(db, "SELECT value FROM meta WHERE name = 'run'", &run);
	number_of(db, "SELECT value FROM meta WHERE name = 'last_seq'", &recorded);
	about->run = (uint64_t)run;
	about->last_seq = (uint64_t)(recorded > newest ? recorded : newest);
	about->events = (uint64_t)events;
	snprintf(about->version, sizeof(about->version), "%s", GW_VERSION);
	if (gmtime_r(&now, &tm))
		strftime(about->made, sizeof(about->made), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return GW_OK;
}

enum gw_err gw_database_describe(
	int fd, struct gw_manifest_about *about, struct gw_error *err)
{
	sqlite3 *db = NULL;
	enum gw_err rc = gw_anonymous_db_read(fd, &db, err);

	if (rc)
		return rc;
	sqlite3_exec(db, "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON", NULL, NULL,
		NULL);
	rc = describe(db, about, err);
	sqlite3_close_v2(db);
	return rc;
}

enum gw_err gw_database_copy_open(
	const char *archive, sqlite3 **ret_copy, int *ret_fd, struct gw_error *err)
{
	char name[4096 + 32];

	/* with the process id, as a file that has this name is removed */
	snprintf(name, sizeof(name), "%s.copy-%ld", archive, (long)getpid());
	return gw_anonymous_db_open(name, ret_copy, ret_fd, err);
}

enum gw_err gw_database_copy(const char *path, const char *archive, sqlite3 *copy, int fd,
	dev_t state, struct gw_error *err)
{
	sqlite3_backup *b;
	struct gw_db from;
	int code;
	enum gw_err rc = gw_db_open_readonly(&from, path, err);

	if (rc)
		return rc;
	b = sqlite3_backup_init(copy, "main", from.handle, "main");
	code = b ? SQLITE_OK : sqlite3_extended_errcode(copy);
	while (code == SQLITE_OK) {
		rc = gw_space_check(
			fd, archive, state, (uint64_t)STEP_PAGES * GW_DB_PAGE_BYTES, err);
		code = rc ? SQLITE_FULL : sqlite3_backup_step(b, STEP_PAGES);
	}
	if (b)
		sqlite3_backup_finish(b);
	if (code != SQLITE_DONE && !rc)
		rc = gw_fail(err, GW_ERR_SYSTEM, code, "copy of %s beside %s: %s", path,
			archive, sqlite3_errstr(code));
	gw_db_close(&from, true);
	return rc;
}
