/* SPDX-License-Identifier: Apache-2.0 */
#include "backup/predecessors.h"

#include "store/db_readonly.h"
#include "store/previous_run.h"
#include "store/quarantine.h"
#include "store/run_counter.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void raise_to(struct gw_predecessors *p, uint64_t run, uint64_t last_seq)
{
	if (run > p->run)
		p->run = run;
	if (last_seq > p->last_seq)
		p->last_seq = last_seq;
}

/* Another event of `restored` has the number; of the same run it is the same event. */
static enum gw_err check_row(
	struct gw_db *restored, sqlite3_stmt *row, const char *path, struct gw_error *err)
{
	int64_t seq = sqlite3_column_int64(row, 0), run = 0;
	enum gw_err rc;

	sqlite3_bind_int64(gw_db_stmt(restored, GW_DB_EVENT_RUN), 1, seq);
	rc = gw_db_query_int(restored, GW_DB_EVENT_RUN, &run, err);
	if (!rc && run != 0 && run != sqlite3_column_int64(row, 1))
		rc = gw_fail(err, GW_ERR_REFUSED, 0,
			"%s owes #%lld, and the backup has another event of that number, of another gateway: let tocsind deliver it first (tocsin status), or move %s away",
			path, (long long)seq, path);
	return rc;
}

/* ---- alarms ---- */

/* The newest event of the restored one is in the other, from the same run. */
static bool has_newest(struct gw_db *restored, struct gw_db *other)
{
	int64_t newest = 0, run = 0, other_run = 0;

	if (gw_db_query_int(restored, GW_DB_EVENT_SPAN, &newest, NULL) || newest == 0)
		return false;
	sqlite3_bind_int64(gw_db_stmt(restored, GW_DB_EVENT_RUN), 1, newest);
	sqlite3_bind_int64(gw_db_stmt(other, GW_DB_EVENT_RUN), 1, newest);
	return !gw_db_query_int(restored, GW_DB_EVENT_RUN, &run, NULL) &&
		!gw_db_query_int(other, GW_DB_EVENT_RUN, &other_run, NULL) &&
		run == other_run;
}

static int step_with(sqlite3_stmt *to, sqlite3_stmt *row, int first, int n)
{
	int rc;

	for (int i = 0; i < n; i++)
		sqlite3_bind_value(to, i + 1, sqlite3_column_value(row, first + i));
	rc = sqlite3_step(to);
	sqlite3_reset(to);
	return rc;
}

#define INFO_COLUMNS \
	"class, key, name, subject, condition, text, point, source, device," \
	" unit_of_measure, building, floor, room, gateway, unit, area, grid"
#define N_ALARM 11 /* columns of an alarm but for its info */
#define N_INFO  18 /* columns of an info but for its id, the digest first */

/* One state, with its texts, unless the restored one has a newer state. */
static enum gw_err merge_rows(struct gw_db *restored, sqlite3_stmt *row, sqlite3_stmt *info,
	sqlite3_stmt *alarm, struct gw_error *err)
{
	int rc;

	while ((rc = sqlite3_step(row)) == SQLITE_ROW) {
		if ((rc = step_with(info, row, N_ALARM, N_INFO)) != SQLITE_DONE ||
			(rc = step_with(alarm, row, 0, N_ALARM + 1)) != SQLITE_DONE)
			return gw_db_fail(restored, rc, "database", err);
	}
	/* What cannot be read is left to store/salvage.c, which tries again. */
	return GW_OK;
}

static enum gw_err merge_alarms(
	struct gw_db *restored, struct gw_db *other, struct gw_error *err)
{
	static const char read[] =
		"SELECT a.key, a.state, a.under, a.level, a.occurrence, a.onset_ms,"
		" a.since_ms, a.shelved_until_ms, a.value, a.peak, a.seq, i.digest,"
		" i.class, i.key, i.name, i.subject, i.condition, i.text, i.point,"
		" i.source, i.device, i.unit_of_measure, i.building, i.floor, i.room,"
		" i.gateway, i.unit, i.area, i.grid"
		" FROM alarm AS a JOIN info AS i ON i.id = a.info";
	static const char put_info[] =
		"INSERT OR IGNORE INTO info(digest, " INFO_COLUMNS ") VALUES"
		"(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
	static const char put_alarm[] =
		"INSERT INTO alarm(key, state, under, level, occurrence, onset_ms, since_ms,"
		" shelved_until_ms, value, peak, seq, info) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?,"
		" ?, ?, (SELECT id FROM info WHERE digest = ?)) ON CONFLICT(key) DO UPDATE SET"
		" state = excluded.state, under = excluded.under, level = excluded.level,"
		" occurrence = excluded.occurrence, onset_ms = excluded.onset_ms,"
		" since_ms = excluded.since_ms, shelved_until_ms = excluded.shelved_until_ms,"
		" value = excluded.value, peak = excluded.peak, info = excluded.info,"
		" seq = excluded.seq WHERE excluded.seq > alarm.seq";
	sqlite3_stmt *row = NULL, *info = NULL, *alarm = NULL;
	enum gw_err rc = gw_db_begin(restored, err);

	if (rc)
		return rc;
	if (sqlite3_prepare_v2(restored->handle, put_info, -1, &info, NULL) ||
		sqlite3_prepare_v2(restored->handle, put_alarm, -1, &alarm, NULL))
		rc = gw_db_fail(restored, sqlite3_extended_errcode(restored->handle),
			"database", err);
	else if (sqlite3_prepare_v2(other->handle, read, -1, &row, NULL) == SQLITE_OK)
		rc = merge_rows(restored, row, info, alarm, err);
	sqlite3_finalize(row);
	sqlite3_finalize(info);
	sqlite3_finalize(alarm);
	if (!rc)
		rc = gw_db_commit(restored, err);
	if (rc)
		gw_db_rollback(restored);
	return rc;
}

/* ---- one file ---- */

/* A file that cannot be read is no reason to refuse: what it owes is copied when it can be. */
static enum gw_err look_at(struct gw_predecessors *p, struct gw_db *restored,
	const char *path, const char *sql, bool in_use, struct gw_error *err)
{
	uint64_t run = 0, last_seq = 0;
	sqlite3_stmt *st = NULL;
	struct gw_db db;
	enum gw_err rc = GW_OK;

	if (access(path, F_OK) || gw_db_open_readonly(&db, path, NULL))
		return GW_OK;
	if (!gw_previous_run_numbers(&db, &run, &last_seq, NULL))
		raise_to(p, run, last_seq);
	if (in_use && has_newest(restored, &db))
		rc = merge_alarms(restored, &db, err);
	if (!rc && sqlite3_prepare_v2(db.handle, sql, -1, &st, NULL) == SQLITE_OK)
		while (!rc && sqlite3_step(st) == SQLITE_ROW)
			rc = check_row(restored, st, path, err);
	sqlite3_finalize(st);
	gw_db_close(&db, true);
	return rc;
}

enum gw_err gw_predecessors_look(struct gw_predecessors *p, struct gw_db *restored,
	const char *state_dir, const char *spare, struct gw_error *err)
{
	static const char owed[] = "SELECT e.seq, e.run FROM event AS e WHERE e.seq IN"
				   " (SELECT seq FROM owed UNION SELECT seq FROM parked)";
	static const char all[] = "SELECT seq, run FROM event";
	char path[PATH_MAX], quarantined[PATH_MAX] = "", counter[PATH_MAX];
	unsigned n_owing = 0;
	bool unread = false;
	enum gw_err rc;

	snprintf(counter, sizeof(counter), "%s/run", state_dir);
	raise_to(p, gw_run_counter_read(counter), 0);
	snprintf(path, sizeof(path), "%s/tocsin.db", state_dir);
	if ((rc = look_at(p, restored, path, owed, true, err)) ||
		(rc = look_at(p, restored, spare, all, false, err)))
		return rc;
	while (gw_quarantine_next_owing(path, quarantined, &unread)) {
		n_owing++;
		if ((rc = look_at(p, restored, quarantined, owed, false, err)))
			return rc;
	}
	if (n_owing < GW_QUARANTINE_OWING_MAX)
		return GW_OK;
	return gw_fail(err, GW_ERR_REFUSED, 0,
		"%s holds %u databases in quarantine that may still owe something: start tocsind, which copies it",
		state_dir, n_owing);
}
