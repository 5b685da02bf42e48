/* SPDX-License-Identifier: Apache-2.0 */
#include "backup/predecessors.h"

#include "store/db_readonly.h"
#include "store/journal.h"
#include "store/journal_read.h"
#include "store/previous_run.h"
#include "store/quarantine.h"
#include "store/run_counter.h"
#include "store/unconfirmed.h"

#include <stdio.h>
#include <stdlib.h>
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

/* Both have an event of the same number and run, so they are of one gateway. The newest first: one
 * of them may lack the oldest. */
static bool have_common_event(struct gw_db *restored, struct gw_db *other)
{
	sqlite3_stmt *row = NULL;
	bool common = false;
	int64_t newest = 0;

	if (gw_db_query_int(other, GW_DB_EVENT_MAX_SEQ, &newest, NULL) ||
		sqlite3_prepare_v2(restored->handle,
			"SELECT seq, run FROM event WHERE seq <= ? ORDER BY seq DESC", -1,
			&row, NULL))
		return false;
	sqlite3_bind_int64(row, 1, newest);
	while (!common && sqlite3_step(row) == SQLITE_ROW) {
		int64_t run = 0;

		sqlite3_bind_int64(gw_db_stmt(other, GW_DB_EVENT_RUN), 1,
			sqlite3_column_int64(row, 0));
		if (gw_db_query_int(other, GW_DB_EVENT_RUN, &run, NULL))
			break;
		common = run != 0 && run == sqlite3_column_int64(row, 1);
	}
	sqlite3_finalize(row);
	return common;
}

struct merge {
	struct gw_db *restored;
	struct gw_string_table *strings;
	enum gw_err rc;
	struct gw_error *err;
};

static void merge_one(
	void *arg, const struct gw_alarm_record *record, const struct gw_alarm_info *info)
{
	struct merge *m = arg;
	uint64_t before;

	if (!m->rc)
		m->rc = gw_journal_put_newer_state(
			m->restored, m->strings, record, info, &before, m->err);
	if (!m->rc && !record->unconfirmed)
		m->rc = gw_unconfirmed_confirm(m->restored, info->key, record->seq, m->err);
}

/* What cannot be read is left to store/salvage.c, which tries again, and stays unconfirmed. */
static enum gw_err merge_alarms(
	struct gw_db *restored, struct gw_db *other, struct gw_error *err)
{
	struct merge m = {.restored = restored,
		.strings = calloc(1, sizeof(*m.strings)),
		.rc = GW_OK,
		.err = err};
	struct gw_arena arena = {.chunks = NULL};

	if (!m.strings)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
	gw_journal_read_alarms(other, true, &arena, merge_one, &m, NULL);
	gw_arena_free(&arena);
	free(m.strings);
	return m.rc;
}

static enum gw_err take_alarms(
	struct gw_db *restored, struct gw_db *other, struct gw_error *err)
{
	enum gw_err rc = gw_db_begin(restored, err);

	if (!rc && !(rc = merge_alarms(restored, other, err)))
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
	if (in_use && have_common_event(restored, &db))
		rc = take_alarms(restored, &db, err);
	if (!rc && sqlite3_prepare_v2(db.handle, sql, -1, &st, NULL) == SQLITE_OK)
		while (!rc && sqlite3_step(st) == SQLITE_ROW)
			rc = check_row(restored, st, path, err);
	sqlite3_finalize(st);
	gw_db_close(&db, true);
	return rc;
}

/* Until another database is found that confirms them. */
static enum gw_err note_alarms(struct gw_db *restored, struct gw_error *err)
{
	enum gw_err rc = gw_db_begin(restored, err);

	if (!rc && !(rc = gw_unconfirmed_note_all(restored, err)))
		rc = gw_db_commit(restored, err);
	if (rc)
		gw_db_rollback(restored);
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

	if ((rc = note_alarms(restored, err)))
		return rc;
	snprintf(counter, sizeof(counter), "%s/run", state_dir);
	raise_to(p, gw_run_counter_read(counter), gw_run_counter_read_seq(counter));
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
