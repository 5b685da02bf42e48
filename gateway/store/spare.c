/* SPDX-License-Identifier: Apache-2.0 */
#include "store/spare.h"

#include "base/log.h"
#include "store/db_open.h"
#include "store/db_readonly.h"
#include "store/journal_read.h"
#include "store/store_internal.h"
#include "store/uncommitted.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK         256
#define MAX_BYTES     (INT64_C(8) << 20)   /* 4,096 events are about 2 MiB */
#define UNREAD_MAX_NS (30 * GW_NS_PER_SEC) /* the database does not wait for longer */
#define AGAIN_NS      (10 * GW_NS_PER_SEC)
#define WAL_PAGES     1024

/* ---- out ---- */

static bool is_written(const struct gw_journal_entry *e)
{
	return e->spare.written && e->spare.owed == e->owed &&
		e->spare.parked == e->parked && e->spare.undurable == e->undurable;
}

/* Masks of the entries go by slot, so the names of the slots are written with them. */
static enum gw_err begin_anew(struct gw_store *s, struct gw_error *err)
{
	int code = sqlite3_exec(s->spare.handle,
		"DELETE FROM event; DELETE FROM owed; DELETE FROM parked; DELETE FROM "
		"alarm;"
		"DELETE FROM sink; DELETE FROM joint; DELETE FROM removed; DELETE FROM "
		"meta",
		NULL, NULL, NULL);

	if (code != SQLITE_OK)
		return gw_db_fail(&s->spare, code, "database", err);
	s->spare.chain.known = false;
	gw_string_table_clear_cache(&s->spare_strings);
	for (size_t i = 0; i < s->n_entries; i++)
		s->entries[i].spare.written = false;
	for (size_t i = 0; i < GW_STORE_SLOTS; i++) {
		sqlite3_stmt *st = gw_db_stmt(&s->spare, GW_DB_UPLINK_PUT);
		enum gw_err rc;

		if (!(s->used_slots >> i & 1))
			continue;
		sqlite3_bind_int(st, 1, (int)i);
		sqlite3_bind_text(st, 2, s->mailboxes[i].name, -1, SQLITE_STATIC);
		if ((rc = gw_db_run(&s->spare, GW_DB_UPLINK_PUT, err)))
			return rc;
	}
	return GW_OK;
}

static enum gw_err write_entries(struct gw_store *s, bool anew, struct gw_error *err)
{
	enum gw_err rc = gw_db_begin(&s->spare, err);

	if (!rc && anew)
		rc = begin_anew(s, err);
	for (size_t i = 0; !rc && i < s->n_entries; i++)
		if (anew || !is_written(&s->entries[i]))
			rc = gw_journal_put_event(
				&s->spare, &s->spare_strings, &s->entries[i], err);
	if (!rc)
		rc = gw_db_commit(&s->spare, err);
	if (rc) {
		gw_db_rollback(&s->spare);
		gw_string_table_clear_cache(&s->spare_strings);
		return rc;
	}
	for (size_t i = 0; i < s->n_entries; i++) {
		struct gw_journal_entry *e = &s->entries[i];

		e->spare.written = true;
		e->spare.owed = e->owed;
		e->spare.parked = e->parked;
		e->spare.undurable = e->undurable;
	}
	s->spare_slots = s->used_slots;
	return GW_OK;
}

static bool is_due(const struct gw_store *s)
{
	for (size_t i = 0; i < s->n_entries; i++)
		if (!is_written(&s->entries[i]))
			return true;
	return false;
}

void gw_spare_close(struct gw_store *s)
{
	gw_db_close(&s->spare, false);
	gw_string_table_clear_cache(&s->spare_strings);
}

static void delete_file(struct gw_store *s)
{
	static const char *const companions[] = {"-wal", "-shm", "-journal", ""};
	char path[PATH_MAX + 16];

	gw_spare_close(s);
	for (size_t i = 0; i < sizeof(companions) / sizeof(*companions); i++) {
		snprintf(path, sizeof(path), "%s%s", s->spare_path, companions[i]);
		unlink(path);
	}
	s->spare_exists = false;
}

static void write_file(struct gw_store *s, int64_t now_ns)
{
	struct gw_error err = {0};
	bool fresh, anew = !s->spare.handle || s->spare_slots != s->used_slots;
	enum gw_err rc = GW_OK;

	if (!s->spare_path[0] || s->spare_unread_ns != 0 || now_ns < s->next_spare_ns ||
		!is_due(s))
		return;
	if (!s->spare.handle)
		rc = gw_db_open(&s->spare, s->spare_path, MAX_BYTES, GW_DB_CHECK_IF_UNCLEAN,
			&fresh, &err);
	if (!rc && s->spare.read_only)
		rc = gw_fail(&err, GW_ERR_SYSTEM, 0, "read-only");
	if (!rc)
		rc = write_entries(s, anew, &err);
	if (rc == GW_ERR_FULL && !anew) /* of events that memory does not hold any more */
		rc = write_entries(s, true, &err);
	if (!rc && s->spare.wal_pages >= WAL_PAGES)
		gw_db_checkpoint(&s->spare, false, NULL);
	if (rc == GW_OK)
		return;
	gw_spare_close(s);
	if (rc == GW_ERR_CORRUPT)
		delete_file(s);
	s->next_spare_ns = now_ns + AGAIN_NS;
}

void gw_spare_update(struct gw_store *s, int64_t now_ns)
{
	if (s->failing)
		write_file(s, now_ns);
	else if (s->n_entries == 0 && s->start_recorded &&
		(s->spare.handle || s->spare_exists))
		delete_file(s);
}

/* ---- in ---- */

/* ret_unknown is set if a bit is of an uplink that is not configured any more. */
static uint32_t to_slots(const uint32_t slots[32], int64_t bits, bool *ret_unknown)
{
	uint32_t mask = 0;

	for (unsigned bit = 0; bit < 32; bit++) {
		if (!(bits >> bit & 1))
			continue;
		mask |= slots[bit];
		*ret_unknown |= slots[bit] == 0;
	}
	return mask;
}

/* A name on a corrupt page may be anybody's: its bit then means every uplink. */
static enum gw_err read_slots(
	struct gw_store *s, struct gw_db *db, uint32_t ret_slots[32], struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_UPLINK_ALL);
	enum gw_err rc = GW_OK;
	int step;

	while (!rc && (step = sqlite3_step(st)) != SQLITE_DONE) {
		const char *name = step == SQLITE_ROW ? gw_db_text(st, 1) : NULL;

		if (step != SQLITE_ROW)
			rc = gw_db_fail(db, step, "names", err);
		else if (!name)
			rc = gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
		for (size_t i = 0; !rc && i < GW_STORE_SLOTS; i++)
			if ((s->active_slots >> i & 1) &&
				strcmp(s->mailboxes[i].name, name) == 0)
				ret_slots[sqlite3_column_int(st, 0) & 31] = (uint32_t)1
					<< i;
	}
	sqlite3_reset(st);
	for (size_t i = 0; rc == GW_ERR_CORRUPT && i < 32; i++)
		ret_slots[i] = s->active_slots;
	return rc == GW_ERR_CORRUPT ? GW_OK : rc;
}

/* A number of that event; -1: it is on a corrupt page. */
static enum gw_err read_number(struct gw_db *db, enum gw_db_stmt which, uint64_t seq,
	int64_t *ret_number, struct gw_error *err)
{
	enum gw_err rc;

	*ret_number = 0;
	sqlite3_bind_int64(gw_db_stmt(db, which), 1, (int64_t)seq);
	rc = gw_db_query_int(db, which, ret_number, err);
	if (rc != GW_ERR_CORRUPT)
		return rc;
	*ret_number = -1;
	return GW_OK;
}

/* None of them was committed when it left, so each was sent with durable: false. */
static enum gw_err take(struct gw_store *s, struct gw_db *db, const uint32_t slots[32],
	const struct gw_event *e, struct gw_error *err)
{
	struct gw_journal_entry entry = {
		.event = *e, .undurable = s->active_slots, .taken_over = true};
	int64_t owed, parked;
	bool unused = false;
	enum gw_err rc;

	if ((rc = read_number(db, GW_DB_OWED_UPLINKS, e->seq, &owed, err)) ||
		(rc = read_number(db, GW_DB_PARKED_UPLINKS, e->seq, &parked, err)))
		return rc;
	entry.owed = owed < 0 ? s->active_slots
			      : to_slots(slots, owed, &entry.owed_to_removed);
	entry.parked = parked < 0 ? 0 : to_slots(slots, parked, &unused);
	entry.event.durable = true;
	if (!gw_string_table_copy_texts(&entry.event, &s->spare_arena) ||
		!gw_uncommitted_reserve_entry(s))
		return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
	s->entries[s->n_entries++] = entry;
	return GW_OK;
}

static enum gw_err take_all(struct gw_store *s, struct gw_db *db, struct gw_error *err)
{
	uint32_t slots[32] = {0};
	uint64_t seq = 0;
	enum gw_err rc = read_slots(s, db, slots, err);
	bool more = true;

	while (more && !rc) {
		struct gw_batch_memory *m = gw_batch_new(BLOCK);
		struct gw_chain_link links[BLOCK];

		if (!m)
			return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
		rc = gw_journal_read_links(db, seq, m, links, err);
		more = m->batch.n > 0;
		for (size_t i = 0; i < m->batch.n; i++) { /* also those before a bad page */
			enum gw_err taken = take(s, db, slots, &m->batch.events[i], err);

			if (taken) {
				rc = taken;
				break;
			}
			seq = m->batch.events[i].seq;
		}
		gw_batch_free(&m->batch);
	}
	return rc;
}

/* Entries from n_newer on are older than those before: they go first, as they came. */
static bool put_first(struct gw_store *s, size_t n_newer)
{
	size_t n_older = s->n_entries - n_newer;
	struct gw_journal_entry *newer;

	if (n_newer == 0 || n_older == 0)
		return true;
	newer = malloc(n_newer * sizeof(*newer));
	if (!newer)
		return false;
	memcpy(newer, s->entries, n_newer * sizeof(*newer));
	memmove(s->entries, s->entries + n_newer, n_older * sizeof(*newer));
	memcpy(s->entries + n_older, newer, n_newer * sizeof(*newer));
	free(newer);
	return true;
}

/* It is not deleted: somebody may still read it. n: so many of its events were read. */
static void keep_unread(struct gw_store *s, size_t n, const struct gw_error *why)
{
	char unread_path[PATH_MAX + 16];

	snprintf(unread_path, sizeof(unread_path), "%s.unread", s->spare_path);
	gw_log(GW_LOG_ERR,
		"store: events that an earlier start could not write cannot be read (%s): %zu of them are sent, the others are kept as %s",
		why->text, n, unread_path);
	s->spare_exists = rename(s->spare_path, unread_path) !=
		0; /* else it is written over */
	s->spare_unread_ns = 0;
}

enum gw_err gw_spare_load(struct gw_store *s, int64_t now_ns, struct gw_error *err)
{
	size_t n_before = s->n_entries;
	struct gw_error why = {0};
	struct gw_db db;
	enum gw_err rc;
	bool give_up;

	if (!s->spare_path[0] || s->spare_exists || s->spare.handle)
		return GW_OK;
	if (access(s->spare_path, F_OK)) {
		s->spare_unread_ns = 0;
		return GW_OK;
	}
	rc = gw_db_open_readonly(&db, s->spare_path, &why);
	if (!rc) {
		rc = take_all(s, &db, &why);
		gw_db_close(&db, true);
	}
	if (rc && s->spare_unread_ns == 0)
		s->spare_unread_ns = now_ns;
	give_up = rc == GW_ERR_CORRUPT ||
		(rc && now_ns - s->spare_unread_ns >= UNREAD_MAX_NS);
	if ((!rc || give_up) && !put_first(s, n_before)) {
		rc = gw_fail(&why, GW_ERR_SYSTEM, 0, "no memory");
		give_up = false;
	}
	if (give_up) {
		keep_unread(s, s->n_entries - n_before, &why);
		return GW_OK;
	}
	if (rc) {
		s->n_entries = n_before;
		return gw_fail(err, rc, why.native, "%s: %s", s->spare_path, why.text);
	}
	s->spare_exists = true;
	s->spare_unread_ns = 0;
	if (s->n_entries > n_before)
		gw_log(GW_LOG_NOTICE,
			"store: %zu events that an earlier start could not write are taken over from %s",
			s->n_entries - n_before, s->spare_path);
	return GW_OK;
}

uint64_t gw_spare_last_seq(const struct gw_store *s)
{
	uint64_t last = 0;

	for (size_t i = 0; i < s->n_entries; i++)
		if (s->entries[i].taken_over)
			last = s->entries[i].event.seq;
	return last;
}

uint64_t gw_spare_last_run(const struct gw_store *s)
{
	uint64_t run = 0;

	for (size_t i = 0; i < s->n_entries; i++)
		if (s->entries[i].taken_over && s->entries[i].event.run > run)
			run = s->entries[i].event.run;
	return run;
}

/* What was committed all the same, right before the end. */
void gw_spare_skip_committed(struct gw_store *s, struct gw_db *db)
{
	size_t n_left = 0;

	for (size_t i = 0; i < s->n_entries; i++) {
		const struct gw_event *e = &s->entries[i].event;
		int64_t run;

		if (s->entries[i].taken_over &&
			!read_number(db, GW_DB_EVENT_RUN, e->seq, &run, NULL) &&
			run == (int64_t)e->run)
			continue;
		s->entries[n_left++] = s->entries[i];
	}
	s->n_entries = n_left;
}

static void remove_alarm(struct gw_saved_alarms *saved, const char *key)
{
	for (size_t i = 0; i < saved->n; i++) {
		if (strcmp(saved->alarms[i].info->key, key) != 0)
			continue;
		saved->n--;
		memmove(&saved->alarms[i], &saved->alarms[i + 1],
			(saved->n - i) * sizeof(saved->alarms[i]));
		return;
	}
}

void gw_spare_update_alarms(struct gw_store *s, struct gw_saved_alarms *saved)
{
	for (size_t i = 0; i < s->n_entries; i++) {
		const struct gw_event *e = &s->entries[i].event;
		struct gw_alarm_record record = {.key = e->info->key,
			.state = e->state,
			.underlying = e->underlying,
			.level = e->level,
			.onset_ms = e->onset_ms,
			.since_ms = e->wall_ms,
			.shelved_until_ms = e->shelved_until_ms,
			.value = e->value,
			.peak = e->peak,
			.seq = e->seq};

		if (!s->entries[i].taken_over)
			return;
		memcpy(record.occurrence, e->occurrence, sizeof(record.occurrence));
		remove_alarm(saved, e->info->key);
		if (gw_journal_is_standing(e)) /* its texts are in spare_arena */
			gw_saved_alarms_add(saved, &record, e->info);
	}
}
