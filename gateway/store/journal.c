/* SPDX-License-Identifier: Apache-2.0 */
#include "store/journal.h"

#include "store/chain.h"
#include "store/schema.h"

#include <string.h>

/* The keys of the alarms that confirmed it, each with its NUL. */
static enum gw_err bind_confirmed_by(sqlite3_stmt *st, int at, const struct gw_event *e)
{
	size_t size = 0;
	char *keys;

	if (e->n_confirmed_by == 0) {
		sqlite3_bind_null(st, at);
		return GW_OK;
	}
	for (size_t i = 0; i < e->n_confirmed_by; i++)
		size += strlen(e->confirmed_by[i]) + 1;
	keys = sqlite3_malloc64(size);
	if (!keys)
		return GW_ERR_SYSTEM;
	size = 0;
	for (size_t i = 0; i < e->n_confirmed_by; i++) {
		size_t n = strlen(e->confirmed_by[i]) + 1;

		memcpy(keys + size, e->confirmed_by[i], n);
		size += n;
	}
	sqlite3_bind_blob64(st, at, keys, size, sqlite3_free);
	return GW_OK;
}

static enum gw_err put_event(struct gw_db *db, const struct gw_journal_entry *entry,
	int64_t info, int64_t boot, struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_EVENT_PUT);
	const struct gw_event *e = &entry->event;
	unsigned char hash[GW_CHAIN_HASH];
	enum gw_err rc;

	if ((rc = gw_chain_bind_next(db, e, st, hash, err)))
		return rc;
	sqlite3_bind_int64(st, 1 + GW_COL_SEQ, (int64_t)e->seq);
	sqlite3_bind_int64(st, 1 + GW_COL_INFO, info);
	sqlite3_bind_int64(st, 1 + GW_COL_RUN, (int64_t)e->run);
	sqlite3_bind_int64(st, 1 + GW_COL_BOOT, boot);
	sqlite3_bind_int(st, 1 + GW_COL_CLASS, (int)e->info->class_);
	sqlite3_bind_int(st, 1 + GW_COL_LEVEL, e->level);
	sqlite3_bind_int(st, 1 + GW_COL_CHANGE, e->change);
	sqlite3_bind_int(st, 1 + GW_COL_STATE, e->state);
	sqlite3_bind_int(st, 1 + GW_COL_UNDER, e->underlying);
	sqlite3_bind_int(st, 1 + GW_COL_QUALITY, e->quality);
	sqlite3_bind_int64(st, 1 + GW_COL_UNDURABLE, entry->undurable);
	sqlite3_bind_int(st, 1 + GW_COL_SYNCED, e->synced);
	sqlite3_bind_blob(st, 1 + GW_COL_OCCURRENCE, e->occurrence, sizeof(e->occurrence),
		SQLITE_STATIC);
	/* SQLite binds a NaN as NULL */
	sqlite3_bind_double(st, 1 + GW_COL_VALUE, e->value);
	sqlite3_bind_double(st, 1 + GW_COL_BOUND, e->limit);
	sqlite3_bind_double(st, 1 + GW_COL_PEAK, e->peak);
	sqlite3_bind_int64(st, 1 + GW_COL_ETA_MS, e->eta_ms);
	sqlite3_bind_int64(st, 1 + GW_COL_BOOT_NS, e->boot_ns);
	sqlite3_bind_int64(st, 1 + GW_COL_WALL_MS, e->wall_ms);
	sqlite3_bind_int64(st, 1 + GW_COL_ONSET_MS, e->onset_ms);
	sqlite3_bind_int64(st, 1 + GW_COL_SHELVED_UNTIL_MS, e->shelved_until_ms);
	if (bind_confirmed_by(st, 1 + GW_COL_CONFIRMED_BY, e))
		return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
	if (e->note[0])
		sqlite3_bind_text(st, 1 + GW_COL_NOTE, e->note,
			(int)strnlen(e->note, sizeof(e->note)), SQLITE_STATIC);
	else
		sqlite3_bind_null(st, 1 + GW_COL_NOTE);
	rc = gw_db_run(db, GW_DB_EVENT_PUT, err);
	return rc ? rc : gw_chain_advance(db, e->seq, hash, err);
}

/* A commit that reported a failure may have reached the disk: then the row exists. */
static enum gw_err event_exists(
	struct gw_db *db, const struct gw_event *e, bool *ret_there, struct gw_error *err)
{
	int64_t run = 0;
	enum gw_err rc = gw_chain_load(db, err);

	if (rc || e->seq > db->chain.max_seq)
		return rc;
	sqlite3_bind_int64(gw_db_stmt(db, GW_DB_EVENT_RUN), 1, (int64_t)e->seq);
	rc = gw_db_query_int(db, GW_DB_EVENT_RUN, &run, err);
	if (!rc && run != 0 && (uint64_t)run != e->run)
		return gw_fail(err, GW_ERR_CORRUPT, 0, "database: has another event #%llu",
			(unsigned long long)e->seq);
	*ret_there = run != 0;
	return rc;
}

bool gw_journal_is_standing(const struct gw_event *e)
{
	if (e->state == GW_STATE_SUPPRESSED)
		return e->underlying != GW_STATE_NORMAL;
	return e->state != GW_STATE_NORMAL && e->state != GW_STATE_OUT_OF_SERVICE;
}

/* The row of an alarm that does not stand says normal. It is kept for the number of the alarm's
 * newest event, see gw_journal_read_newer. */
static enum gw_err put_alarm(
	struct gw_db *db, const struct gw_event *e, int64_t info, struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_ALARM_PUT);
	bool standing = gw_journal_is_standing(e);

	sqlite3_bind_text(st, 1, e->info->key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, info);
	sqlite3_bind_int(st, 3, standing ? e->state : GW_STATE_NORMAL);
	sqlite3_bind_int(st, 4, standing ? e->underlying : GW_STATE_NORMAL);
	sqlite3_bind_int(st, 5, e->level);
	sqlite3_bind_blob(st, 6, e->occurrence, sizeof(e->occurrence), SQLITE_STATIC);
	sqlite3_bind_int64(st, 7, e->onset_ms);
	sqlite3_bind_int64(st, 8, e->wall_ms);
	sqlite3_bind_int64(st, 9, e->shelved_until_ms);
	sqlite3_bind_double(st, 10, e->value);
	sqlite3_bind_double(st, 11, e->peak);
	sqlite3_bind_int64(st, 12, (int64_t)e->seq);
	return gw_db_run(db, GW_DB_ALARM_PUT, err);
}

static enum gw_err put_owed(
	struct gw_db *db, uint64_t seq, int urgency, uint32_t owed, struct gw_error *err)
{
	enum gw_db_stmt which = owed ? GW_DB_OWED_PUT : GW_DB_OWED_DELETE;
	sqlite3_stmt *st = gw_db_stmt(db, which);

	sqlite3_bind_int(st, 1, urgency);
	sqlite3_bind_int64(st, 2, (int64_t)seq);
	if (owed)
		sqlite3_bind_int64(st, 3, owed);
	return gw_db_run(db, which, err);
}

static enum gw_err put_parked(
	struct gw_db *db, uint64_t seq, uint32_t parked, struct gw_error *err)
{
	enum gw_db_stmt which = parked ? GW_DB_PARKED_SET : GW_DB_PARKED_DELETE;
	sqlite3_stmt *st = gw_db_stmt(db, which);

	sqlite3_bind_int64(st, 1, (int64_t)seq);
	if (parked)
		sqlite3_bind_int64(st, 2, parked);
	return gw_db_run(db, which, err);
}

enum gw_err gw_journal_put_event(struct gw_db *db, struct gw_string_table *strings,
	const struct gw_journal_entry *entry, struct gw_error *err)
{
	const struct gw_event *e = &entry->event;
	int64_t info, boot;
	bool exists = false;
	enum gw_err rc;

	if ((rc = event_exists(db, e, &exists, err)) ||
		(rc = gw_string_table_info_id(strings, db, e->info, &info, err)) ||
		(rc = gw_string_table_boot_id(strings, db, e->boot, &boot, err)))
		return rc;
	if (exists)
		rc = gw_journal_mark_undurable(db, e->seq, entry->undurable, err);
	else
		rc = put_event(db, entry, info, boot, err);
	if (rc ||
		(rc = put_owed(db, e->seq, GW_JOURNAL_URGENCY(e->level), entry->owed, err)))
		return rc;
	return entry->parked || exists ? put_parked(db, e->seq, entry->parked, err) : GW_OK;
}

enum gw_err gw_journal_put(struct gw_db *db, struct gw_string_table *strings,
	const struct gw_journal_entry *entry, bool state_only, struct gw_error *err)
{
	int64_t info;
	enum gw_err rc;

	if ((rc = gw_string_table_info_id(strings, db, entry->event.info, &info, err)) ||
		(rc = put_alarm(db, &entry->event, info, err)))
		return rc;
	return state_only ? GW_OK : gw_journal_put_event(db, strings, entry, err);
}

enum gw_err gw_journal_put_newer_state(struct gw_db *db, struct gw_string_table *strings,
	const struct gw_alarm_record *record, const struct gw_alarm_info *info,
	uint64_t *ret_seq_before, struct gw_error *err)
{
	struct gw_journal_entry e = {.event = {.seq = record->seq,
					     .state = record->state,
					     .underlying = record->underlying,
					     .level = record->level,
					     .info = info,
					     .value = record->value,
					     .peak = record->peak,
					     .onset_ms = record->onset_ms,
					     .wall_ms = record->since_ms,
					     .shelved_until_ms = record->shelved_until_ms}};
	int64_t seq = 0;
	enum gw_err rc;

	memcpy(e.event.occurrence, record->occurrence, sizeof(e.event.occurrence));
	sqlite3_bind_text(gw_db_stmt(db, GW_DB_ALARM_HAS), 1, info->key, -1, SQLITE_STATIC);
	rc = gw_db_query_int(db, GW_DB_ALARM_HAS, &seq, err);
	if (!rc && (seq <= 0 || (uint64_t)seq < record->seq))
		rc = gw_journal_put(db, strings, &e, true, err);
	if (!rc)
		*ret_seq_before = seq > 0 ? (uint64_t)seq : 0;
	return rc;
}

enum gw_err gw_journal_mark_delivered(struct gw_db *db, uint64_t seq, uint32_t bit,
	struct gw_journal_delivered *ret_delivered, struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_OWED_GET);
	int64_t bits = 0;
	int urgency = 0, class_ = 0, code;

	sqlite3_bind_int64(st, 1, (int64_t)seq);
	code = sqlite3_step(st);
	if (code == SQLITE_ROW) {
		urgency = sqlite3_column_int(st, 0);
		bits = sqlite3_column_int64(st, 1);
		class_ = sqlite3_column_int(st, 2);
	} else if (code != SQLITE_DONE) {
		enum gw_err rc = gw_db_fail(db, code, "database", err);

		sqlite3_reset(st);
		return rc;
	}
	sqlite3_reset(st);
	*ret_delivered = (struct gw_journal_delivered){
		(bits & bit) != 0, class_, GW_JOURNAL_URGENCY(urgency)};
	if (!(bits & bit))
		return GW_OK;
	if (bits == (int64_t)bit)
		return put_owed(db, seq, urgency, 0, err);
	st = gw_db_stmt(db, GW_DB_OWED_SET);
	sqlite3_bind_int(st, 1, urgency);
	sqlite3_bind_int64(st, 2, (int64_t)seq);
	sqlite3_bind_int64(st, 3, bits & ~(int64_t)bit);
	return gw_db_run(db, GW_DB_OWED_SET, err);
}

enum gw_err gw_journal_mark_parked(
	struct gw_db *db, uint64_t seq, uint32_t bit, struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_PARKED_PUT);

	sqlite3_bind_int64(st, 1, (int64_t)seq);
	sqlite3_bind_int64(st, 2, bit);
	return gw_db_run(db, GW_DB_PARKED_PUT, err);
}

enum gw_err gw_journal_owe_again(
	struct gw_db *db, uint64_t seq, uint32_t bit, bool *ret_added, struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_OWE_RANGE);
	enum gw_err rc;

	sqlite3_bind_int64(st, 1, (int64_t)seq);
	sqlite3_bind_int64(st, 2, (int64_t)seq + 1);
	sqlite3_bind_int64(st, 3, INT64_MIN);
	sqlite3_bind_int64(st, 4, bit);
	rc = gw_db_run(db, GW_DB_OWE_RANGE, err);
	if (!rc)
		*ret_added = sqlite3_changes(db->handle) > 0;
	return rc;
}

enum gw_err gw_journal_mark_undurable(
	struct gw_db *db, uint64_t seq, uint32_t bit, struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_EVENT_UNDURABLE);

	sqlite3_bind_int64(st, 1, bit);
	sqlite3_bind_int64(st, 2, (int64_t)seq);
	return gw_db_run(db, GW_DB_EVENT_UNDURABLE, err);
}

enum gw_err gw_journal_clear_parked(struct gw_db *db, uint64_t seq, uint32_t bit,
	bool *ret_was_parked, struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_PARKED_CLEAR);
	enum gw_err rc;

	sqlite3_bind_int64(st, 1, (int64_t)seq);
	sqlite3_bind_int64(st, 2, bit);
	rc = gw_db_run(db, GW_DB_PARKED_CLEAR, err);
	if (rc)
		return rc;
	*ret_was_parked = sqlite3_changes(db->handle) > 0;
	if (!*ret_was_parked)
		return GW_OK;
	st = gw_db_stmt(db, GW_DB_PARKED_DROP);
	sqlite3_bind_int64(st, 1, (int64_t)seq);
	return gw_db_run(db, GW_DB_PARKED_DROP, err);
}

static enum gw_err count(
	struct gw_db *db, enum gw_db_stmt which, uint64_t counts[32], struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, which);
	enum gw_err rc = GW_OK;
	int code;

	while ((code = sqlite3_step(st)) == SQLITE_ROW)
		for (size_t bit = 0; bit < 32; bit++)
			if (sqlite3_column_int64(st, 0) >> bit & 1)
				counts[bit] += (uint64_t)sqlite3_column_int64(st, 1);
	if (code != SQLITE_DONE)
		rc = gw_db_fail(db, code, "database", err);
	sqlite3_reset(st);
	return rc;
}

enum gw_err gw_journal_count(struct gw_db *db, uint64_t ret_owed[32],
	uint64_t ret_parked[32], struct gw_error *err)
{
	uint64_t owed[32] = {0}, parked[32] = {0};
	enum gw_err rc;

	if ((rc = count(db, GW_DB_OWED_COUNT, owed, err)) ||
		(rc = count(db, GW_DB_PARKED_COUNT, parked, err)))
		return rc;
	memcpy(ret_owed, owed, sizeof(owed));
	memcpy(ret_parked, parked, sizeof(parked));
	return GW_OK;
}
