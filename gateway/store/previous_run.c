/* SPDX-License-Identifier: Apache-2.0 */
#include "store/previous_run.h"

#include "base/log.h"
#include "store/corruption.h"
#include "store/db_readonly.h"
#include "store/folder_lock.h"
#include "store/journal.h"
#include "store/journal_read.h"
#include "store/registry.h"
#include "store/restored.h"
#include "store/run_counter.h"
#include "store/saved_alarms.h"
#include "store/spare.h"
#include "store/store_internal.h"
#include "store/store_status.h"

#include <errno.h>
#include <sys/stat.h>

struct previous {
	uint64_t run, last_seq;
	bool last_seq_known; /* last_seq is the last number given */
	struct gw_saved_alarms *saved;
};

void gw_previous_run_decide(
	struct gw_store *s, uint64_t stored_run, uint64_t last_seq, bool last_seq_known)
{
	uint64_t lowest = last_seq_known ? 0 : gw_run_counter_unknown_seq();
	/* relaxed: a number alone. Main may not see it yet, when the disk is that slow. */
	uint64_t reserved = atomic_load_explicit(&s->reserved_seq, memory_order_relaxed);

	if (s->run_decided)
		return;
	if (!last_seq_known && reserved > lowest)
		lowest = reserved;
	s->run = gw_run_counter_next(stored_run);
	s->last_seq = last_seq > lowest ? last_seq : lowest;
	atomic_store_explicit(&s->committed, s->last_seq, memory_order_release);
	s->run_decided = true;
	pthread_cond_broadcast(&s->changed);
}

enum gw_err gw_previous_run_numbers(
	struct gw_db *db, uint64_t *ret_run, uint64_t *ret_last_seq, struct gw_error *err)
{
	int64_t run = 0, newest = 0, recorded = 0;
	enum gw_err rc;

	if ((rc = gw_db_meta_get(db, "run", &run, err)) ||
		(rc = gw_db_meta_get(db, "last_seq", &recorded, err)) ||
		(rc = gw_db_query_int(db, GW_DB_EVENT_MAX_SEQ, &newest, err)))
		return rc;
	if (newest < recorded)
		newest = recorded;
	*ret_run = run > 0 ? (uint64_t)run : 0;
	*ret_last_seq = newest > 0 ? (uint64_t)newest : 0;
	return GW_OK;
}

static enum gw_err read_file(struct gw_store *s, struct previous *p, struct gw_error *err)
{
	uint64_t run = 0;
	struct gw_db db;
	enum gw_err rc = gw_db_open_readonly(&db, s->path, err);

	if (rc)
		return rc;
	rc = gw_previous_run_numbers(&db, &run, &p->last_seq, err);
	if (!rc) {
		p->last_seq_known = true;
		p->run = run > p->run ? run : p->run;
		rc = gw_journal_read_alarms(
			&db, false, &p->saved->arena, gw_saved_alarms_add, p->saved, err);
	}
	if (!rc)
		gw_spare_skip_committed(s, &db);
	if (!rc) { /* the status then says how much is owed before the file is open */
		s->db = db;
		if (!gw_registry_read(s, NULL))
			gw_journal_count(&db, s->owed, s->parked, NULL);
		s->db = (struct gw_db){0};
	}
	gw_db_close(&db, true);
	return rc;
}

static enum gw_err read_previous(
	struct gw_store *s, struct previous *p, struct gw_error *err)
{
	uint64_t recorded = gw_run_counter_read(s->run_path);
	struct stat st;

	p->run = recorded;
	if (stat(s->path, &st) == 0) {
		if (st.st_size > 0)
			return read_file(s, p, err);
		/* A power cut before the first sync leaves an empty file. If an earlier run
		 * wrote its number, the file had content and has lost it. */
		p->last_seq_known = recorded == 0;
		return recorded == 0
			? GW_OK
			: gw_fail(err, GW_ERR_CORRUPT, 0, "database: the file is empty");
	}
	if (errno != ENOENT)
		return gw_fail(
			err, GW_ERR_SYSTEM, errno, "%s: %s", s->path, gw_errno_text(errno));
	p->last_seq_known = recorded == 0;
	if (recorded > 0) {
		s->replaced = true;
		gw_log(GW_LOG_ERR,
			"store: %s is gone, and there was one: a new one is begun; what the old one owed is lost unless it is put back",
			s->path);
	}
	return GW_OK;
}

/* By another connection, see corruption.h. */
static enum gw_err read_again(struct gw_store *s, struct previous *p, struct gw_error *err)
{
	enum gw_err rc;

	gw_corruption_note(s, err);
	gw_saved_alarms_free(p->saved);
	*p = (struct previous){.run = p->run, .saved = gw_saved_alarms_new()};
	if (!p->saved)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
	rc = read_previous(s, p, err);
	if (rc == GW_OK)
		gw_corruption_disproved(s);
	if (rc != GW_ERR_CORRUPT || err->native == 0)
		return rc;
	rc = gw_corruption_confirm(s, err, err);
	return rc ? rc : GW_ERR_CORRUPT;
}

static uint64_t max_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Others may have the folder: while a backup reads it, or another tocsind writes, it can be read
 * all the same, and is opened to write once it is free. What a restore is about to replace
 * cannot. */
static enum gw_err lock_folder(struct gw_store *s, struct gw_error *err)
{
	bool taken = false;
	enum gw_err rc = gw_folder_lock(s->dir, &s->folder_lock, err);

	if (rc)
		return gw_restored_under_way(s->dir) ? rc : GW_OK;
	rc = gw_restored_take_in(s->dir, &taken, err);
	if (taken)
		gw_log(GW_LOG_NOTICE,
			"store: took in a backup whose restore was cut off in %s", s->dir);
	return rc;
}

static enum gw_err read_all(struct gw_store *s, struct previous *p, struct gw_error *err)
{
	enum gw_err rc = lock_folder(s, err);

	atomic_store_explicit(&s->reserved_seq, gw_run_counter_read_seq(s->run_path),
		memory_order_relaxed);
	if (!rc)
		rc = gw_spare_load(s, gw_clock_boot_ns(), err);
	if (rc) {
		p->run = gw_run_counter_read(s->run_path);
		return rc;
	}
	rc = read_previous(s, p, err);
	if (rc == GW_ERR_CORRUPT && err->native != 0)
		rc = read_again(s, p, err);
	if (rc == GW_OK || rc == GW_ERR_CORRUPT)
		gw_spare_update_alarms(s, p->saved);
	if (rc == GW_OK && p->saved->incomplete)
		rc = gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
	return rc;
}

enum gw_err gw_previous_run_read(struct gw_store *s, struct gw_error *err)
{
	struct previous previous = {.saved = gw_saved_alarms_new()};
	struct gw_error why = {0};
	enum gw_err rc;

	if (!previous.saved)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
	rc = read_all(s, &previous, &why);
	s->alarms_incomplete = rc == GW_ERR_CORRUPT;
	if (rc == GW_ERR_CORRUPT) /* gw_recovery_ensure_open quarantines the file */
		s->quarantine_reason = why;
	s->previous_read = rc == GW_OK || rc == GW_ERR_CORRUPT;
	previous.run = max_of(previous.run, gw_spare_last_run(s));
	previous.last_seq = max_of(previous.last_seq, gw_spare_last_seq(s));
	if (s->previous_read) {
		s->previous_run = previous.run;
		gw_saved_alarms_post(s, previous.saved);
	} else {
		gw_saved_alarms_free(previous.saved);
	}
	gw_store_publish_status(s);
	pthread_mutex_lock(&s->lock);
	s->previous_read_published = s->previous_read;
	s->previous_read_late = s->run_decided;
	gw_previous_run_decide(s, previous.run, previous.last_seq,
		s->previous_read && previous.last_seq_known);
	pthread_mutex_unlock(&s->lock);
	if (s->previous_read)
		return GW_OK;
	if (err)
		*err = why;
	return rc;
}
