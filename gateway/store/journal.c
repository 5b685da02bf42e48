/* SPDX-License-Identifier: Apache-2.0 */
#include "store/journal.h"

#include "store/chain.h"
#include "store/schema.h"

#include <math.h>
#include <string.h>

#define URGENCY(level) ((int)GW_LEVEL_RED - (int)(level))

/* ---- out ---- */

/* The keys one after the other, each with its NUL. */
static enum gw_err bind_members(sqlite3_stmt *st, int at, const struct gw_event *e)
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
	/* not a number is bound as NULL */
	sqlite3_bind_double(st, 1 + GW_COL_VALUE, e->value);
	sqlite3_bind_double(st, 1 + GW_COL_BOUND, e->limit);
	sqlite3_bind_double(st, 1 + GW_COL_PEAK, e->peak);
	sqlite3_bind_int64(st, 1 + GW_COL_ETA_MS, e->eta_ms);
	sqlite3_bind_int64(st, 1 + GW_COL_MONO_NS, e->mono_ns);
	sqlite3_bind_int64(st, 1 + GW_COL_WALL_MS, e->wall_ms);
	sqlite3_bind_int64(st, 1 + GW_COL_ONSET_MS, e->onset_ms);
	sqlite3_bind_int64(st, 1 + GW_COL_SHELVED_UNTIL_MS, e->shelved_until_ms);
	if (bind_members(st, 1 + GW_COL_CONFIRMED_BY, e))
		return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
	if (e->note[0])
		sqlite3_bind_text(st, 1 + GW_COL_NOTE, e->note,
			(int)strnlen(e->note, sizeof(e->note)), SQLITE_STATIC);
	else
		sqlite3_bind_null(st, 1 + GW_COL_NOTE);
	rc = gw_db_run(db, GW_DB_EVENT_PUT, err);
	return rc ? rc : gw_chain_advance(db, e->seq, hash, err);
}

/* Whether it is there already: a commit that failed may have been one all the same. */
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

/* Whether there is anything to remember of it over a restart. */
static bool is_standing(const struct gw_event *e)
{
	if (e->state == GW_STATE_SUPPRESSED)
		return e->underlying != GW_STATE_NORMAL;
	return e->state != GW_STATE_NORMAL && e->state != GW_STATE_OUT_OF_SERVICE;
}

static enum gw_err put_alarm(
	struct gw_db *db, const struct gw_event *e, int64_t info, struct gw_error *err)
{
	sqlite3_stmt *st;

	if (!is_standing(e)) {
		st = gw_db_stmt(db, GW_DB_ALARM_DELETE);
		sqlite3_bind_text(st, 1, e->info->key, -1, SQLITE_STATIC);
		return gw_db_run(db, GW_DB_ALARM_DELETE, err);
	}
	st = gw_db_stmt(db, GW_DB_ALARM_PUT);
	sqlite3_bind_text(st, 1, e->info->key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, info);
	sqlite3_bind_int(st, 3, e->state);
	sqlite3_bind_int(st, 4, e->underlying);
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
	if (rc || (rc = put_owed(db, e->seq, URGENCY(e->level), entry->owed, err)))
		return rc;
	return entry->parked ? gw_journal_mark_parked(db, e->seq, entry->parked, err)
			     : GW_OK;
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

enum gw_err gw_journal_mark_delivered(struct gw_db *db, uint64_t seq, uint32_t bit,
	struct gw_journal_cleared *ret_cleared, struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_OWED_GET);
	int64_t bits = 0;
	int urgency = 0, class_ = 0, rc;

	sqlite3_bind_int64(st, 1, (int64_t)seq);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		urgency = sqlite3_column_int(st, 0);
		bits = sqlite3_column_int64(st, 1);
		class_ = sqlite3_column_int(st, 2);
	} else if (rc != SQLITE_DONE) {
		enum gw_err kind = gw_db_fail(db, rc, "database", err);

		sqlite3_reset(st);
		return kind;
	}
	sqlite3_reset(st);
	*ret_cleared = (struct gw_journal_cleared){
		(bits & bit) != 0, class_, URGENCY(urgency)};
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

/* ---- in ---- */

static double column_double(sqlite3_stmt *st, int at)
{
	return sqlite3_column_type(st, at) == SQLITE_NULL ? (double)NAN
							  : sqlite3_column_double(st, at);
}

static void column_bytes(sqlite3_stmt *st, int at, void *to, size_t size)
{
	const void *bytes = sqlite3_column_blob(st, at);
	size_t n = (size_t)sqlite3_column_bytes(st, at);

	if (bytes)
		memcpy(to, bytes, n < size ? n : size);
}

static enum gw_err read_members(
	sqlite3_stmt *st, struct gw_event *e, struct gw_pool *pool, struct gw_error *err)
{
	const char *keys = sqlite3_column_blob(st, GW_COL_CONFIRMED_BY);
	size_t size = (size_t)sqlite3_column_bytes(st, GW_COL_CONFIRMED_BY);

	for (size_t at = 0;
		keys && at < size && e->n_confirmed_by < GW_EVENT_CONFIRMED_BY_MAX;) {
		size_t n = strnlen(keys + at, size - at);

		e->confirmed_by[e->n_confirmed_by] = gw_pool_text(pool, keys + at, n);
		if (!e->confirmed_by[e->n_confirmed_by])
			return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
		e->n_confirmed_by++;
		at += n + 1;
	}
	return GW_OK;
}

static enum gw_err read_info(struct gw_db *db, struct gw_batch_memory *m, int64_t id,
	const struct gw_alarm_info **ret_info, struct gw_error *err)
{
	enum gw_err rc;

	for (size_t i = m->n_loaded; i-- > 0;) {
		if (m->loaded[i].id == id) {
			*ret_info = m->loaded[i].info;
			return GW_OK;
		}
	}
	rc = gw_string_table_load_info(db, id, &m->pool, ret_info, err);
	if (!rc && m->n_loaded < m->capacity)
		m->loaded[m->n_loaded++] = (struct gw_batch_info){id, *ret_info};
	return rc;
}

/* Boots change rarely: mostly the row before had the same. */
static enum gw_err read_boot(struct gw_db *db, int64_t id, struct gw_event *e,
	int64_t *last_id, const struct gw_event *last, struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_BOOT_GET);
	int rc;

	if (last && *last_id == id) {
		memcpy(e->boot, last->boot, sizeof(e->boot));
		return GW_OK;
	}
	*last_id = id;
	sqlite3_bind_int64(st, 1, id);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		column_bytes(st, 0, e->boot, sizeof(e->boot) - 1);
	sqlite3_reset(st);
	if (rc == SQLITE_ROW || rc == SQLITE_DONE)
		return GW_OK;
	return gw_db_fail(db, rc, "database", err);
}

static enum gw_err read_event(struct gw_db *db, sqlite3_stmt *st, struct gw_batch_memory *m,
	uint32_t undurable_bits, int64_t *last_boot, struct gw_error *err)
{
	struct gw_event *e = &m->batch.events[m->batch.n];
	enum gw_err rc;

	*e = (struct gw_event){
		.seq = (uint64_t)sqlite3_column_int64(st, GW_COL_SEQ),
		.run = (uint64_t)sqlite3_column_int64(st, GW_COL_RUN),
		.change = (uint8_t)sqlite3_column_int(st, GW_COL_CHANGE),
		.state = (uint8_t)sqlite3_column_int(st, GW_COL_STATE),
		.underlying = (uint8_t)sqlite3_column_int(st, GW_COL_UNDER),
		.level = (uint8_t)sqlite3_column_int(st, GW_COL_LEVEL),
		.quality = (uint8_t)sqlite3_column_int(st, GW_COL_QUALITY),
		.value = column_double(st, GW_COL_VALUE),
		.limit = column_double(st, GW_COL_BOUND),
		.peak = column_double(st, GW_COL_PEAK),
		.eta_ms = sqlite3_column_int64(st, GW_COL_ETA_MS),
		.mono_ns = sqlite3_column_int64(st, GW_COL_MONO_NS),
		.wall_ms = sqlite3_column_int64(st, GW_COL_WALL_MS),
		.onset_ms = sqlite3_column_int64(st, GW_COL_ONSET_MS),
		.shelved_until_ms = sqlite3_column_int64(st, GW_COL_SHELVED_UNTIL_MS),
		.synced = sqlite3_column_int(st, GW_COL_SYNCED) != 0,
		.durable = (sqlite3_column_int64(st, GW_COL_UNDURABLE) & undurable_bits) ==
			0,
	};
	column_bytes(st, GW_COL_OCCURRENCE, e->occurrence, sizeof(e->occurrence));
	column_bytes(st, GW_COL_NOTE, e->note, sizeof(e->note) - 1);
	if ((rc = read_members(st, e, &m->pool, err)) ||
		(rc = read_info(
			 db, m, sqlite3_column_int64(st, GW_COL_INFO), &e->info, err)) ||
		(rc = read_boot(db, sqlite3_column_int64(st, GW_COL_BOOT), e, last_boot,
			 m->batch.n ? e - 1 : NULL, err)))
		return rc;
	m->batch.n++;
	return GW_OK;
}

static enum gw_err read_all(struct gw_db *db, sqlite3_stmt *st, uint32_t undurable_bits,
	bool (*skip)(void *arg, uint64_t seq), void *arg, struct gw_batch_memory *m,
	struct gw_error *err)
{
	enum gw_err kind = GW_OK;
	int64_t last_boot = 0;
	int rc = SQLITE_DONE;

	while (!kind && m->batch.n < m->capacity && (rc = sqlite3_step(st)) == SQLITE_ROW)
		if (!skip || !skip(arg, (uint64_t)sqlite3_column_int64(st, GW_COL_SEQ)))
			kind = read_event(db, st, m, undurable_bits, &last_boot, err);
	if (!kind && rc != SQLITE_ROW && rc != SQLITE_DONE)
		kind = gw_db_fail(db, rc, "database", err);
	sqlite3_reset(st);
	return kind;
}

enum gw_err gw_journal_read_owed(struct gw_db *db, uint32_t bit, int after_level,
	uint64_t after_seq, bool (*skip)(void *arg, uint64_t seq), void *arg,
	struct gw_batch_memory *batch, struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_OWED_BATCH);

	sqlite3_bind_int(st, 1, URGENCY(after_level));
	sqlite3_bind_int64(st, 2, (int64_t)after_seq);
	sqlite3_bind_int64(st, 3, bit);
	return read_all(db, st, bit, skip, arg, batch, err);
}

enum gw_err gw_journal_read_parked(struct gw_db *db, uint32_t bit, uint64_t after_seq,
	bool (*skip)(void *arg, uint64_t seq), void *arg, struct gw_batch_memory *batch,
	struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_PARKED_BATCH);

	sqlite3_bind_int64(st, 1, (int64_t)after_seq);
	sqlite3_bind_int64(st, 2, bit);
	return read_all(db, st, bit, skip, arg, batch, err);
}

enum gw_err gw_journal_read_links(struct gw_db *db, uint64_t after_seq,
	struct gw_batch_memory *batch, struct gw_chain_link *ret_links,
	struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_CHAIN_ROWS);
	enum gw_err kind = GW_OK;
	int64_t last_boot = 0;
	int rc = SQLITE_DONE;

	sqlite3_bind_int64(st, 1, (int64_t)after_seq);
	while (!kind && batch->batch.n < batch->capacity &&
		(rc = sqlite3_step(st)) == SQLITE_ROW) {
		gw_chain_read_link(st, GW_COL_PREV,
			(uint64_t)sqlite3_column_int64(st, GW_COL_SEQ),
			&ret_links[batch->batch.n]);
		kind = read_event(db, st, batch, UINT32_MAX, &last_boot, err);
	}
	if (!kind && rc != SQLITE_ROW && rc != SQLITE_DONE)
		kind = gw_db_fail(db, rc, "database", err);
	sqlite3_reset(st);
	return kind;
}

enum gw_err gw_journal_read_history(struct gw_db *db, int64_t since_ms,
	int64_t until_mono_ns, struct gw_batch_memory *batch, struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_HISTORY);
	struct gw_error why = {0};
	enum gw_err rc;

	sqlite3_bind_int64(st, 1, since_ms);
	gw_db_set_deadline(db, until_mono_ns);
	rc = read_all(db, st, UINT32_MAX, NULL, NULL, batch, &why);
	gw_db_set_deadline(db, 0);
	if (!rc || (why.native & 0xff) == SQLITE_INTERRUPT)
		return GW_OK;
	if (err)
		*err = why;
	return rc;
}

enum gw_err gw_journal_read_alarms(struct gw_db *db, struct gw_pool *pool,
	void (*each)(void *arg, const struct gw_alarm_record *m,
		const struct gw_alarm_info *info),
	void *arg, struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_ALARM_ALL);
	enum gw_err kind = GW_OK;
	int rc;

	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		const struct gw_alarm_info *info;
		struct gw_alarm_record m = {
			.state = (uint8_t)sqlite3_column_int(st, 1),
			.underlying = (uint8_t)sqlite3_column_int(st, 2),
			.level = (uint8_t)sqlite3_column_int(st, 3),
			.onset_ms = sqlite3_column_int64(st, 5),
			.since_ms = sqlite3_column_int64(st, 6),
			.shelved_until_ms = sqlite3_column_int64(st, 7),
			.value = column_double(st, 8),
			.peak = column_double(st, 9),
			.seq = (uint64_t)sqlite3_column_int64(st, 10),
		};

		column_bytes(st, 4, m.occurrence, sizeof(m.occurrence));
		kind = gw_string_table_load_info(
			db, sqlite3_column_int64(st, 0), pool, &info, err);
		if (kind)
			break;
		m.key = info->key;
		each(arg, &m, info);
	}
	if (!kind && rc != SQLITE_DONE)
		kind = gw_db_fail(db, rc, "database", err);
	sqlite3_reset(st);
	return kind;
}

static enum gw_err count(
	struct gw_db *db, enum gw_db_stmt which, uint64_t counts[32], struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, which);
	enum gw_err kind = GW_OK;
	int rc;

	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		for (size_t bit = 0; bit < 32; bit++)
			if (sqlite3_column_int64(st, 0) >> bit & 1)
				counts[bit] += (uint64_t)sqlite3_column_int64(st, 1);
	if (rc != SQLITE_DONE)
		kind = gw_db_fail(db, rc, "database", err);
	sqlite3_reset(st);
	return kind;
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
