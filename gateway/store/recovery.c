/* SPDX-License-Identifier: Apache-2.0 */
#include "store/recovery.h"

#include "base/file.h"
#include "base/log.h"
#include "store/corruption.h"
#include "store/db_open.h"
#include "store/folder_lock.h"
#include "store/journal.h"
#include "store/mailbox.h"
#include "store/previous_run.h"
#include "store/quarantine.h"
#include "store/run_counter.h"
#include "store/salvage.h"
#include "store/saved_alarms.h"
#include "store/spare.h"
#include "store/store_internal.h"
#include "store/unconfirmed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPLACE_WAIT_NS (600 * GW_NS_PER_SEC)
#define FILE_CHECK_NS   (2 * GW_NS_PER_SEC)
#define DISPLACED_WAIT_NS \
	(60 * GW_NS_PER_SEC) /* to copy from a deleted file that cannot be read now */

/* ---- the file ---- */

static ino_t ino_of(const char *path, dev_t *ret_dev)
{
	struct stat st;

	if (stat(path, &st))
		return 0;
	*ret_dev = st.st_dev;
	return st.st_ino;
}

static ino_t wal_ino_of(const struct gw_store *s)
{
	char wal[PATH_MAX + 8];
	dev_t dev;

	snprintf(wal, sizeof(wal), "%s-wal", s->path);
	return ino_of(wal, &dev);
}

/* Writes the run's number, that the last stop was not clean, and the registry. */
static enum gw_err record_start(struct gw_store *s, struct gw_error *err)
{
	enum gw_err rc;

	if (!s->db.read_only)
		rc = gw_db_begin(&s->db, err);
	else if (s->db.why.kind)
		rc = gw_fail(err, s->db.why.kind, s->db.why.native, "%s", s->db.why.text);
	else
		rc = gw_fail(err, GW_ERR_SYSTEM, 0, "database: the disk is read-only");
	if (!rc &&
		!(rc = gw_db_meta_put(&s->db, "run",
			  (int64_t)(s->run > s->previous_run ? s->run : s->previous_run),
			  err)) &&
		!(rc = gw_db_meta_put(&s->db, "clean", 0, err)) &&
		!(rc = gw_unconfirmed_sweep(&s->db, err)) &&
		!(rc = gw_registry_write(s, err)))
		rc = gw_db_commit(&s->db, err);
	if (rc) {
		gw_db_rollback(&s->db);
		gw_registry_read(s, NULL); /* the bits, so that what is owed can be read */
		return rc;
	}
	s->uplinks_changed = false;
	gw_registry_log_notes(s);
	s->start_recorded = true;
	if (s->file_ino == 0) /* once only: another file may have the name later */
		s->file_ino = ino_of(s->path, &s->file_dev);
	if (s->wal_ino == 0)
		s->wal_ino = wal_ino_of(s);
	if ((rc = gw_chain_load(&s->db, err)))
		return rc;
	return gw_journal_count(&s->db, s->owed, s->parked, err);
}

static void close_file(struct gw_store *s, bool keep_wal)
{
	gw_backup_abort(s, "the database was closed meanwhile");
	gw_db_close(&s->db, keep_wal);
	gw_string_table_clear_cache(&s->strings);
	gw_retention_reset(&s->retention);
	s->start_recorded = false;
	s->file_ino = s->wal_ino = 0;
}

static enum gw_err create_file(struct gw_store *s, struct gw_error *err)
{
	bool created;

	return gw_db_open(
		&s->db, s->path, s->max_bytes, GW_DB_CHECK_IF_UNCLEAN, &created, err);
}

/* No file is read any more, so these are all that main can get. */
static void give_spare_alarms(struct gw_store *s)
{
	struct gw_saved_alarms *saved = gw_saved_alarms_new();

	if (!saved)
		return;
	gw_spare_update_alarms(s, saved);
	gw_saved_alarms_post(s, saved);
}

static enum gw_err quarantine_and_create(
	struct gw_store *s, const struct gw_error *why, struct gw_error *err)
{
	enum gw_err rc;

	close_file(s, true);
	rc = gw_quarantine_file(s->path, s->last_quarantined, err);
	if (rc)
		return rc;
	if (s->previous_read)
		gw_log(GW_LOG_ERR, "store: %s; put aside as %s, a new one begun", why->text,
			s->last_quarantined);
	else
		gw_log(GW_LOG_ERR,
			"store: for %d min %s; put aside as %s, a new one begun; what it "
			"owes is sent when it can be read",
			(int)(GW_STORE_UNREADABLE_NS / GW_NS_PER_SEC / 60), why->text,
			s->last_quarantined);
	if (!s->previous_read || s->alarms_incomplete)
		s->last_quarantined[0] = '\0'; /* main does not know its alarms */
	if (!s->previous_read)
		give_spare_alarms(s);
	s->previous_read = true;
	s->alarms_incomplete = false;
	gw_corruption_disproved(s);
	s->quarantine_reason = (struct gw_error){0};
	s->replaced = s->quarantine_owing = true;
	s->replaced_ns = gw_clock_boot_ns();
	s->next_salvage_ns = 0;
	rc = create_file(s, err);
	if (!rc)
		gw_salvage_all(s);
	return rc;
}

static enum gw_err check_corrupt(
	struct gw_store *s, const struct gw_error *why, struct gw_error *err)
{
	struct gw_error reason = *why;

	/* 0: not SQLite's word, what was read is not as it must be. Or the start looked twice. */
	if (why->native == 0 || s->quarantine_reason.kind ||
		gw_corruption_unreadable_for_long(s, why->native))
		return GW_OK;
	close_file(s, true);
	if (!gw_corruption_note(s, why))
		return gw_fail(err, GW_ERR_SYSTEM, reason.native, "%s: looked at again",
			reason.text);
	return gw_corruption_confirm(s, &reason, err);
}

enum gw_err gw_recovery_replace_file(
	struct gw_store *s, const struct gw_error *why, struct gw_error *err)
{
	struct gw_error reason = *why; /* why and err may be the same */
	enum gw_err rc;

	/* A card that corrupts every file would fill the quarantine, and the file that
	 * matters would be the first to be deleted. */
	if (s->replaced_ns && gw_clock_boot_ns() - s->replaced_ns < REPLACE_WAIT_NS)
		return gw_fail(err, GW_ERR_SYSTEM, reason.native, "again %s", reason.text);
	rc = check_corrupt(s, &reason, err);
	if (rc)
		return rc;
	rc = quarantine_and_create(s, &reason, err);
	if (rc)
		return rc;
	s->recount_needed = true;
	return record_start(s, err);
}

/* ---- a file that is deleted while it is open ---- */

/* Only ENOENT or another inode counts: after any other error the file may be unchanged. */
static bool is_other_file(const char *path, ino_t ino, dev_t dev)
{
	struct stat st;

	if (ino == 0)
		return false;
	if (stat(path, &st))
		return errno == ENOENT || errno == ENOTDIR;
	return st.st_ino != ino || st.st_dev != dev;
}

void gw_recovery_check_file(struct gw_store *s, int64_t now_ns)
{
	char wal[PATH_MAX + 8];

	if (!s->start_recorded || s->displaced || now_ns < s->next_file_look_ns)
		return;
	s->next_file_look_ns = now_ns + FILE_CHECK_NS;
	s->displaced = is_other_file(s->path, s->file_ino, s->file_dev);
	if (s->displaced)
		return;
	if (s->wal_ino == 0)
		s->wal_ino = wal_ino_of(s);
	snprintf(wal, sizeof(wal), "%s-wal", s->path);
	if (!is_other_file(wal, s->wal_ino, s->file_dev))
		return;
	/* The deleted WAL is still open: copy it into the file, then begin another. */
	gw_log(GW_LOG_ERR, "store: %s was deleted while it was in use; another is begun",
		wal);
	gw_db_checkpoint(&s->db, true, NULL);
	s->recheck_needed = true;
}

/* The displaced file is still open: what it owes and its alarm states are copied into the new one,
 * which may be a backup that a person put there. */
static enum gw_err copy_displaced(struct gw_store *s, struct gw_error *err)
{
	char name[64];
	bool complete = false;
	enum gw_err rc;

	if (!s->displaced_db.handle)
		return GW_OK;
	snprintf(name, sizeof(name), "/gone-%lld", (long long)gw_clock_wall_ms());
	rc = gw_salvage_file(s, &s->displaced_db, name, false, &complete, err);
	if (rc)
		return rc;
	if (!complete && gw_clock_boot_ns() - s->displaced_ns < DISPLACED_WAIT_NS)
		return gw_fail(err, GW_ERR_SYSTEM, 0,
			"what a deleted database owes cannot be read now");
	/* Without a checkpoint: that would delete the WAL that has its name now. */
	gw_db_close(&s->displaced_db, true);
	return GW_OK;
}

static void detach_displaced(struct gw_store *s)
{
	gw_log(GW_LOG_ERR,
		"store: %s was deleted or replaced while it was in use; what it owed is "
		"carried over, its history is lost",
		s->path);
	/* What an earlier displaced file owed was copied before this one was recorded. */
	gw_backup_abort(s, "the database was deleted or replaced meanwhile");
	s->displaced_db = s->db;
	s->displaced_ns = gw_clock_boot_ns();
	s->db = (struct gw_db){0};
	close_file(s, true);
	s->replaced = true;
	s->ballast_reserved = s->run_counter_written = s->displaced = false;
}

/* ---- reopening ---- */

/* Events that were reported committed must be there, and none of another run may have their
 * numbers. */
static enum gw_err check_contents(struct gw_store *s, struct gw_error *err)
{
	uint64_t committed = atomic_load_explicit(&s->committed, memory_order_relaxed);
	sqlite3_stmt *st = gw_db_stmt(&s->db, GW_DB_EVENT_OTHER_RUN);
	uint64_t run = 0, last_seq = 0;
	int64_t foreign_events = 0;
	enum gw_err rc;

	sqlite3_bind_int64(st, 1, (int64_t)s->last_seq + 1);
	sqlite3_bind_int64(st, 2, (int64_t)s->run);
	if ((rc = gw_previous_run_numbers(&s->db, &run, &last_seq, err)) ||
		(rc = gw_db_query_int(&s->db, GW_DB_EVENT_OTHER_RUN, &foreign_events, err)))
		return rc;
	if (foreign_events > 0)
		return gw_fail(err, GW_ERR_CORRUPT, 0,
			"database: could not be read at start, and holds events of the "
			"same numbers");
	if (last_seq < committed && committed > s->last_seq)
		gw_log(GW_LOG_ERR, "store: the disk lost committed events %llu to %llu",
			(unsigned long long)last_seq + 1, (unsigned long long)committed);
	return GW_OK;
}

static enum gw_err reopen(struct gw_store *s, struct gw_error *err)
{
	bool created;
	enum gw_err rc;

	if (s->displaced)
		detach_displaced(s);
	close_file(s, true);
	if ((rc = gw_file_make_folders(s->dir, 0750, err)) ||
		(rc = gw_folder_lock(s->dir, &s->folder_lock, err)) ||
		(!s->previous_read && (rc = gw_previous_run_read(s, err))))
		return rc;
	if (s->quarantine_reason.kind) {
		*err = s->quarantine_reason;
		return GW_ERR_CORRUPT;
	}
	rc = gw_db_open(&s->db, s->path, s->max_bytes,
		s->recheck_needed ? GW_DB_CHECK_ALWAYS : GW_DB_CHECK_IF_UNCLEAN, &created,
		err);
	if (rc || s->db.read_only)
		return rc;
	if ((rc = copy_displaced(s, err)))
		return rc;
	gw_salvage_all(s);
	return check_contents(s, err);
}

enum gw_err gw_recovery_ensure_open(struct gw_store *s, struct gw_error *err)
{
	struct gw_error why = {0};
	enum gw_err rc;

	if (s->db.handle && !s->db.read_only && !s->recheck_needed && !s->displaced)
		return s->start_recorded && !s->uplinks_changed ? GW_OK
								: record_start(s, err);
	rc = reopen(s, &why);
	if (rc == GW_ERR_CORRUPT && !s->corrupt_once && !s->quarantine_reason.kind &&
		why.native != 0) {
		gw_corruption_note(s, &why);
		rc = reopen(s, &why);
	}
	if (rc && rc != GW_ERR_CORRUPT && gw_corruption_unreadable_for_long(s, why.native))
		rc = GW_ERR_CORRUPT;
	if (rc == GW_ERR_CORRUPT) {
		rc = gw_recovery_replace_file(s, &why, err);
		s->recheck_needed &= rc != GW_OK;
		return rc;
	}
	if (!rc)
		rc = record_start(s, &why);
	if (rc) {
		*err = why;
		return rc;
	}
	if (!s->corrupt_once) /* else a commit must show that it can be used */
		s->unreadable_ns = 0;
	s->recheck_needed = false;
	s->recount_needed = true;
	if (s->previous_read_late)
		gw_mailbox_announce_backlog(s);
	s->previous_read_late = false;
	return GW_OK;
}

/* ---- a full disk ---- */

bool gw_recovery_free_space(struct gw_store *s)
{
	uint64_t committed = atomic_load_explicit(&s->committed, memory_order_relaxed);
	enum gw_retention_result result = GW_RETENTION_WITHIN_LIMIT;
	int64_t pages, unused;

	bool has_ballast = access(s->ballast_path, F_OK) == 0;
	int refused = s->retention.refuse_below_class;

	if (!s->db.handle || s->db.read_only) {
		if (has_ballast)
			unlink(s->ballast_path);
		s->ballast_reserved = false;
		return has_ballast;
	}
	if (gw_db_pages(&s->db, &pages, &unused, NULL))
		return false;
	if (pages < s->retention.max_pages && has_ballast) {
		/* The disk is full, not the file at its limit. The space lets a checkpoint run,
		 * after which the WAL begins again. From then on the file does not grow. */
		unlink(s->ballast_path);
		s->ballast_reserved = false;
		if (!s->disk_full_mode)
			gw_log(GW_LOG_WARNING,
				"store: the disk is full; gave up %lld kB of "
				"ballast, old events now make room for new ones",
				(long long)s->ballast_bytes / 1024);
		s->disk_full_mode = true;
		gw_db_checkpoint(&s->db, false, NULL);
		gw_retention_set_disk_full(&s->retention, &s->db, true, NULL);
		return true;
	}
	gw_db_checkpoint(&s->db, false, NULL);
	if (gw_retention_step(&s->retention, &s->db, &s->strings, s->highest_class,
		    committed, true, s->owed, s->parked, &result, NULL))
		return false;
	return result == GW_RETENTION_MORE || s->retention.refuse_below_class > refused;
}

void gw_recovery_close(struct gw_store *s)
{
	bool bad = s->failing || s->recheck_needed;

	if (s->db.handle && !s->db.read_only && !bad && !gw_db_begin(&s->db, NULL)) {
		if (gw_db_meta_put(&s->db, "clean", 1, NULL) || gw_db_commit(&s->db, NULL))
			gw_db_rollback(&s->db);
	}
	close_file(s, bad);
	gw_db_close(&s->displaced_db, true);
	gw_spare_close(s);
}
