/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "store/inner.h"
#include "store/runfile.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPLACE_WAIT_NS (600 * GW_NS_PER_SEC)
#define UNREADABLE_MOST 8 /* tries before a page that cannot be read counts as corruption */

/* ---- the file ---- */

/* This start leaves its number, and that it has not said goodbye yet. */
static enum gw_err sign_in(struct gw_store *s, struct gw_error *err)
{
	enum gw_err rc;

	if (s->db.read_only)
		rc = gw_fail(err, GW_ERR_SYSTEM, 0, "database: the disk is read-only");
	else
		rc = gw_db_begin(&s->db, err);
	if (!rc && !(rc = gw_db_meta_put(&s->db, "run", (int64_t)s->run, err)) &&
		!(rc = gw_db_meta_put(&s->db, "clean", 0, err)) &&
		!(rc = gw_names_write(s, err)))
		rc = gw_db_commit(&s->db, err);
	if (rc) {
		gw_db_rollback(&s->db);
		gw_names_read(s, NULL); /* enough to be asked */
		return rc;
	}
	s->sinks_changed = false;
	gw_names_say(s);
	s->signed_in = true;
	return gw_journal_count(&s->db, s->owed, s->parked, err);
}

static void close_file(struct gw_store *s, bool keep_wal)
{
	gw_db_close(&s->db, keep_wal);
	gw_texts_forget(&s->texts);
	gw_keep_reset(&s->keep);
	s->signed_in = false;
}

static enum gw_err open_new(struct gw_store *s, struct gw_error *err)
{
	bool fresh;

	return gw_db_open(&s->db, s->path, s->max_bytes, GW_DB_TRUST_CLEAN, &fresh, err);
}

/* A fresh file is open: what can be read of the one put aside goes into it. */
static void take_over(struct gw_store *s, int64_t *ret_run, uint64_t *ret_last_seq)
{
	uint64_t saved;

	if (!s->aside[0] || s->db.read_only)
		return;
	saved = gw_salvage(s, s->aside, ret_run, ret_last_seq);
	if (saved > 0)
		gw_log(GW_LOG_NOTICE, "store: took over %llu undelivered events from %s",
			(unsigned long long)saved, s->aside);
	s->aside[0] = '\0';
}

static enum gw_err replace(struct gw_store *s, const struct gw_error *why, int64_t *ret_run,
	uint64_t *ret_last_seq, struct gw_error *err)
{
	enum gw_err rc;

	close_file(s, true);
	rc = gw_db_put_aside(s->path, s->aside, err);
	if (rc)
		return rc;
	gw_log(GW_LOG_ERR, "store: %s; put aside as %s, a new one begun", why->text,
		s->aside);
	s->replaced = true;
	s->replaced_ns = gw_clock_mono_ns();
	rc = open_new(s, err);
	if (!rc)
		take_over(s, ret_run, ret_last_seq);
	return rc;
}

enum gw_err gw_session_replace(
	struct gw_store *s, const struct gw_error *why, struct gw_error *err)
{
	struct gw_error reason = *why; /* why may be err */
	uint64_t last_seq = 0;
	int64_t run = 0;
	enum gw_err rc;

	/* A card that spoils every file would soon have only spoilt ones put aside, and the
	 * one that mattered pruned. */
	if (s->replaced && gw_clock_mono_ns() - s->replaced_ns < REPLACE_WAIT_NS)
		return gw_fail(err, GW_ERR_SYSTEM, reason.native, "again %s", reason.text);
	rc = replace(s, &reason, &run, &last_seq, err);
	if (rc)
		return rc;
	s->recount = true;
	return sign_in(s, err);
}

/* ---- the first time ---- */

static void keep_alarm(
	void *arg, const struct gw_alarm_memory *m, const struct gw_alarm_info *info)
{
	struct gw_store *s = arg;

	if (s->n_alarms == s->room_alarms) {
		size_t room = s->room_alarms ? 2 * s->room_alarms : 64;
		struct gw_store_alarm *grown = realloc(s->alarms, room * sizeof(*grown));

		if (!grown)
			return;
		s->alarms = grown;
		s->room_alarms = room;
	}
	s->alarms[s->n_alarms++] = (struct gw_store_alarm){*m, info};
}

static enum gw_err read_numbers(
	struct gw_store *s, int64_t *ret_run, uint64_t *ret_last_seq, struct gw_error *err)
{
	int64_t newest = 0, noted = 0;
	enum gw_err rc;

	if ((rc = gw_db_meta_get(&s->db, "run", ret_run, err)) ||
		(rc = gw_db_meta_get(&s->db, "last_seq", &noted, err)) ||
		(rc = gw_db_number(&s->db, GW_DB_EVENT_SPAN, &newest, err)))
		return rc;
	*ret_last_seq = (uint64_t)(newest > noted ? newest : noted);
	return GW_OK;
}

static enum gw_err open_and_read(
	struct gw_store *s, int64_t *ret_run, uint64_t *ret_last_seq, struct gw_error *err)
{
	enum gw_err rc = open_new(s, err);

	if (!rc && !(rc = read_numbers(s, ret_run, ret_last_seq, err)))
		rc = gw_journal_alarms(&s->db, &s->pool, keep_alarm, s, err);
	return rc;
}

/* A file of no bytes where there was a database: power went before it reached the disk. */
static bool lost_all_bytes(const struct gw_store *s)
{
	struct stat st;

	return gw_runfile_read(s->run_path) > 0 && stat(s->path, &st) == 0 &&
		st.st_size == 0;
}

enum gw_err gw_session_first(struct gw_store *s, struct gw_error *err)
{
	uint64_t noted = gw_runfile_read(s->run_path);
	uint64_t last_seq = 0;
	int64_t run = 0;
	enum gw_err rc;

	rc = gw_runfile_make_dir(s->dir, &s->why);
	if (!rc) {
		rc = lost_all_bytes(s)
			? gw_fail(&s->why, GW_ERR_CORRUPT, 0, "database: the file is empty")
			: open_and_read(s, &run, &last_seq, &s->why);
		if (rc == GW_ERR_CORRUPT) {
			struct gw_error why = s->why;
			uint64_t seen_seq = 0;
			int64_t seen_run = 0;

			s->n_alarms = 0;
			rc = replace(s, &why, &seen_run, &seen_seq, &s->why);
			if (!rc && !(rc = read_numbers(s, &run, &last_seq, &s->why)))
				rc = gw_journal_alarms(
					&s->db, &s->pool, keep_alarm, s, &s->why);
			if (run < seen_run)
				run = seen_run;
			if (last_seq < seen_seq)
				last_seq = seen_seq;
		}
	}
	s->last_seq = last_seq;
	s->run = gw_runfile_next(run > 0 && (uint64_t)run > noted ? (uint64_t)run : noted);
	if (!rc) {
		rc = sign_in(s, &s->why);
		if (rc == GW_ERR_FULL && gw_session_relieve(s))
			rc = sign_in(s, &s->why);
	}
	gw_runfile_write(s->run_path, s->run, NULL);
	s->failing = rc != GW_OK;
	(void)err;
	return GW_OK;
}

/* ---- again ---- */

/* What we said was committed must be there, and no other start's events under our numbers. */
static enum gw_err verify(struct gw_store *s, struct gw_error *err)
{
	uint64_t committed = atomic_load_explicit(&s->committed, memory_order_relaxed);
	sqlite3_stmt *st = gw_db_stmt(&s->db, GW_DB_EVENT_OTHER_RUN);
	int64_t run = 0, strangers = 0;
	uint64_t last_seq = 0;
	enum gw_err rc;

	sqlite3_bind_int64(st, 1, (int64_t)s->last_seq + 1);
	sqlite3_bind_int64(st, 2, (int64_t)s->run);
	if ((rc = read_numbers(s, &run, &last_seq, err)) ||
		(rc = gw_db_number(&s->db, GW_DB_EVENT_OTHER_RUN, &strangers, err)))
		return rc;
	if (strangers > 0)
		return gw_fail(err, GW_ERR_CORRUPT, 0,
			"database: could not be read at start, and holds events of the "
			"same numbers");
	if (last_seq < committed)
		gw_log(GW_LOG_ERR, "store: the disk lost committed events %llu to %llu",
			(unsigned long long)last_seq + 1, (unsigned long long)committed);
	return GW_OK;
}

static bool cannot_read(int native)
{
	return native == SQLITE_IOERR_READ || native == SQLITE_IOERR_SHORT_READ ||
		native == SQLITE_IOERR_DATA || native == SQLITE_IOERR_CORRUPTFS;
}

enum gw_err gw_session_again(struct gw_store *s, struct gw_error *err)
{
	struct gw_error why = {0};
	uint64_t last_seq = 0;
	int64_t run = 0;
	bool fresh;
	enum gw_err rc;

	if (s->db.handle && !s->db.read_only && !s->suspect)
		return s->signed_in && !s->sinks_changed ? GW_OK : sign_in(s, err);
	close_file(s, true);
	rc = gw_runfile_make_dir(s->dir, err);
	if (rc)
		return rc;
	rc = gw_db_open(&s->db, s->path, s->max_bytes,
		s->suspect ? GW_DB_TRUST_SUSPECT : GW_DB_TRUST_CLEAN, &fresh, &why);
	if (!rc && !s->db.read_only) {
		take_over(s, &run, &last_seq);
		rc = verify(s, &why);
	}
	if (cannot_read(why.native) && ++s->unreadable >= UNREADABLE_MOST)
		rc = GW_ERR_CORRUPT;
	if (rc == GW_ERR_CORRUPT) {
		s->unreadable = 0;
		s->suspect = false;
		return gw_session_replace(s, &why, err);
	}
	if (!rc)
		rc = sign_in(s, &why);
	if (rc) {
		if (err)
			*err = why;
		return rc;
	}
	s->unreadable = 0;
	s->suspect = false;
	s->recount = true;
	gw_runfile_write(s->run_path, s->run, NULL); /* the database has it: good enough */
	return GW_OK;
}

/* ---- a full disk ---- */

bool gw_session_relieve(struct gw_store *s)
{
	uint64_t committed = atomic_load_explicit(&s->committed, memory_order_relaxed);
	enum gw_keep_did did = GW_KEEP_NOTHING;
	int64_t pages, unused;

	bool ballast = access(s->ballast_path, F_OK) == 0;
	int refused = s->keep.refuse_below;

	if (!s->db.handle || s->db.read_only) {
		if (ballast)
			unlink(s->ballast_path);
		s->have_ballast = false;
		return ballast;
	}
	if (gw_db_pages(&s->db, &pages, &unused, NULL))
		return false;
	if (pages < s->keep.max_pages && ballast) {
		/* It is not our bound but the disk. Room first for a checkpoint, which lets the
		 * WAL start over, then no further growth: new rows take the place of old ones. */
		unlink(s->ballast_path);
		s->have_ballast = false;
		if (!s->tight)
			gw_log(GW_LOG_WARNING,
				"store: the disk is full; gave up %lld kB of "
				"ballast, old events now make room for new ones",
				(long long)s->ballast_bytes / 1024);
		s->tight = true;
		gw_db_checkpoint(&s->db, false, NULL);
		gw_keep_tighten(&s->keep, &s->db, true, NULL);
		return true;
	}
	gw_db_checkpoint(&s->db, false, NULL);
	if (gw_keep_step(&s->keep, &s->db, &s->texts, s->class_most, committed, true,
		    s->owed, s->parked, &did, NULL))
		return false;
	return did == GW_KEEP_MORE || s->keep.refuse_below > refused;
}

void gw_session_end(struct gw_store *s)
{
	bool bad = s->failing || s->suspect;

	if (s->db.handle && !s->db.read_only && !bad && !gw_db_begin(&s->db, NULL)) {
		if (gw_db_meta_put(&s->db, "clean", 1, NULL) || gw_db_commit(&s->db, NULL))
			gw_db_rollback(&s->db);
	}
	close_file(s, bad);
}
