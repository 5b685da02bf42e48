/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "store/inner.h"
#include "store/runfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPLACE_WAIT_NS (600 * GW_NS_PER_SEC)
#define FILE_LOOK_NS    (2 * GW_NS_PER_SEC)
/* A page that cannot be read is no corruption: most disks come back. After this long a new file is
 * begun, and what the old one owes is carried over when it can be read. */
#define UNREADABLE_NS (600 * GW_NS_PER_SEC)

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

/* This start leaves its number, and that it has not said goodbye yet. */
static enum gw_err sign_in(struct gw_store *s, struct gw_error *err)
{
	enum gw_err rc;

	if (s->db.read_only)
		rc = gw_fail(err, GW_ERR_SYSTEM, 0, "database: the disk is read-only");
	else
		rc = gw_db_begin(&s->db, err);
	if (!rc &&
		!(rc = gw_db_meta_put(&s->db, "run",
			  (int64_t)(s->run > s->past_run ? s->run : s->past_run), err)) &&
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
	s->file_ino = ino_of(s->path, &s->file_dev);
	s->wal_ino = wal_ino_of(s);
	if ((rc = gw_chain_load(&s->db, err)))
		return rc;
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

static enum gw_err replace(
	struct gw_store *s, const struct gw_error *why, struct gw_error *err)
{
	enum gw_err rc;

	close_file(s, true);
	rc = gw_db_put_aside(s->path, s->aside, err);
	if (rc)
		return rc;
	if (s->past_read)
		gw_log(GW_LOG_ERR, "store: %s; put aside as %s, a new one begun", why->text,
			s->aside);
	else
		gw_log(GW_LOG_ERR,
			"store: for %d min %s; put aside as %s, a new one begun; what it "
			"owes is sent when it can be read",
			(int)(UNREADABLE_NS / GW_NS_PER_SEC / 60), why->text, s->aside);
	if (!s->past_read) /* nor does main know its alarms */
		s->aside[0] = '\0';
	s->past_read = true;
	s->unusable = (struct gw_error){0};
	s->replaced = s->owing = true;
	s->replaced_ns = gw_clock_mono_ns();
	s->next_salvage_ns = 0;
	rc = open_new(s, err);
	if (!rc)
		gw_salvage_all(s);
	return rc;
}

enum gw_err gw_session_replace(
	struct gw_store *s, const struct gw_error *why, struct gw_error *err)
{
	struct gw_error reason = *why; /* why may be err */
	enum gw_err rc;

	/* A card that spoils every file would soon have only spoilt ones put aside, and the
	 * one that mattered pruned. */
	if (s->replaced_ns && gw_clock_mono_ns() - s->replaced_ns < REPLACE_WAIT_NS)
		return gw_fail(err, GW_ERR_SYSTEM, reason.native, "again %s", reason.text);
	rc = replace(s, &reason, err);
	if (rc)
		return rc;
	s->recount = true;
	return sign_in(s, err);
}

/* ---- a file that is deleted under us ---- */

/* Only a name that is not there, or another file's, is believed: what cannot be looked at now may
 * be as it was. */
static bool has_moved(const char *path, ino_t ino, dev_t dev)
{
	struct stat st;

	if (ino == 0)
		return false;
	if (stat(path, &st))
		return errno == ENOENT;
	return st.st_ino != ino || st.st_dev != dev;
}

void gw_session_look(struct gw_store *s, int64_t now_ns)
{
	char wal[PATH_MAX + 8];

	if (!s->signed_in || s->displaced || now_ns < s->next_file_look_ns)
		return;
	s->next_file_look_ns = now_ns + FILE_LOOK_NS;
	s->displaced = has_moved(s->path, s->file_ino, s->file_dev);
	if (s->displaced)
		return;
	if (s->wal_ino == 0)
		s->wal_ino = wal_ino_of(s);
	snprintf(wal, sizeof(wal), "%s-wal", s->path);
	if (!has_moved(wal, s->wal_ino, s->file_dev))
		return;
	/* What it holds can still go where it belongs; then a new one is begun. */
	gw_log(GW_LOG_ERR, "store: %s was deleted while it was in use; another is begun",
		wal);
	gw_db_checkpoint(&s->db, true, NULL);
	s->suspect = true;
}

/* It is still open, so it can be read: its debts and states go into the new one, which may be a
 * backup that somebody put there. */
static enum gw_err carry_gone(struct gw_store *s, struct gw_error *err)
{
	char name[64];
	bool whole = false;
	enum gw_err rc;

	if (!s->gone.handle)
		return GW_OK;
	snprintf(name, sizeof(name), "/gone-%lld", (long long)gw_clock_wall_ms());
	rc = gw_salvage(s, &s->gone, name, false, &whole, err);
	if (rc)
		return rc;
	/* never with its own goodbye, which would delete the WAL that has its name now */
	gw_db_close(&s->gone, true);
	return GW_OK;
}

static void let_go(struct gw_store *s)
{
	gw_log(GW_LOG_ERR,
		"store: %s was deleted or replaced while it was in use; what it owed is "
		"carried over, its history is lost",
		s->path);
	if (s->gone.handle)
		close_file(s, true);
	else
		s->gone = s->db;
	s->db = (struct gw_db){0};
	close_file(s, true);
	s->replaced = true;
	s->have_ballast = s->run_noted = s->displaced = false;
}

/* ---- again ---- */

/* What we said was committed must be there, and no other start's events under our numbers. */
static enum gw_err verify(struct gw_store *s, struct gw_error *err)
{
	uint64_t committed = atomic_load_explicit(&s->committed, memory_order_relaxed);
	sqlite3_stmt *st = gw_db_stmt(&s->db, GW_DB_EVENT_OTHER_RUN);
	uint64_t run = 0, last_seq = 0;
	int64_t strangers = 0;
	enum gw_err rc;

	sqlite3_bind_int64(st, 1, (int64_t)s->last_seq + 1);
	sqlite3_bind_int64(st, 2, (int64_t)s->run);
	if ((rc = gw_begin_numbers(&s->db, &run, &last_seq, err)) ||
		(rc = gw_db_number(&s->db, GW_DB_EVENT_OTHER_RUN, &strangers, err)))
		return rc;
	if (strangers > 0)
		return gw_fail(err, GW_ERR_CORRUPT, 0,
			"database: could not be read at start, and holds events of the "
			"same numbers");
	if (last_seq < committed && committed > s->last_seq)
		gw_log(GW_LOG_ERR, "store: the disk lost committed events %llu to %llu",
			(unsigned long long)last_seq + 1, (unsigned long long)committed);
	return GW_OK;
}

static bool cannot_read(int native)
{
	return native == SQLITE_IOERR_READ || native == SQLITE_IOERR_SHORT_READ ||
		native == SQLITE_IOERR_DATA || native == SQLITE_IOERR_CORRUPTFS;
}

static bool unreadable_for_long(struct gw_store *s, int native)
{
	int64_t now_ns = gw_clock_mono_ns();

	if (!cannot_read(native))
		return false;
	if (!s->unreadable_ns)
		s->unreadable_ns = now_ns;
	return now_ns - s->unreadable_ns >= UNREADABLE_NS;
}

static enum gw_err reopen(struct gw_store *s, struct gw_error *err)
{
	bool fresh;
	enum gw_err rc;

	if (s->displaced)
		let_go(s);
	close_file(s, true);
	if ((rc = gw_runfile_make_dir(s->dir, err)) ||
		(!s->past_read && (rc = gw_begin_read(s, err))))
		return rc;
	if (s->unusable.kind) {
		*err = s->unusable;
		return GW_ERR_CORRUPT;
	}
	rc = gw_db_open(&s->db, s->path, s->max_bytes,
		s->suspect ? GW_DB_TRUST_SUSPECT : GW_DB_TRUST_CLEAN, &fresh, err);
	if (rc || s->db.read_only)
		return rc;
	if ((rc = carry_gone(s, err)))
		return rc;
	gw_salvage_all(s);
	return verify(s, err);
}

enum gw_err gw_session_again(struct gw_store *s, struct gw_error *err)
{
	struct gw_error why = {0};
	enum gw_err rc;

	if (s->db.handle && !s->db.read_only && !s->suspect && !s->displaced)
		return s->signed_in && !s->sinks_changed ? GW_OK : sign_in(s, err);
	rc = reopen(s, &why);
	if (rc != GW_ERR_CORRUPT && unreadable_for_long(s, why.native))
		rc = GW_ERR_CORRUPT;
	if (rc == GW_ERR_CORRUPT) {
		rc = gw_session_replace(s, &why, err);
		s->suspect &= rc != GW_OK;
		return rc;
	}
	if (!rc)
		rc = sign_in(s, &why);
	if (rc) {
		if (err)
			*err = why;
		return rc;
	}
	s->unreadable_ns = 0;
	s->suspect = false;
	s->recount = true;
	if (s->read_late)
		gw_line_debts(s);
	s->read_late = false;
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
	gw_db_close(&s->gone, true);
}
