/* SPDX-License-Identifier: Apache-2.0 */
#include "store/journal_read.h"

#include "store/chain_link.h"
#include "store/schema.h"
#include "store/string_table.h"
#include "store/unconfirmed.h"

#include <math.h>
#include <string.h>

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

static enum gw_err read_confirmed_by(
	sqlite3_stmt *st, struct gw_event *e, struct gw_arena *arena, struct gw_error *err)
{
	const char *keys = sqlite3_column_blob(st, GW_COL_CONFIRMED_BY);
	size_t size = (size_t)sqlite3_column_bytes(st, GW_COL_CONFIRMED_BY);

	for (size_t at = 0;
		keys && at < size && e->n_confirmed_by < GW_EVENT_CONFIRMED_BY_MAX;) {
		size_t n = strnlen(keys + at, size - at);

		e->confirmed_by[e->n_confirmed_by] = gw_arena_copy(arena, keys + at, n);
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
	rc = gw_string_table_load_info(db, id, &m->arena, ret_info, err);
	if (!rc && m->n_loaded < m->capacity)
		m->loaded[m->n_loaded++] = (struct gw_batch_info){id, *ret_info};
	return rc;
}

/* last_id: of the row before, which nearly always has the same boot. */
static enum gw_err read_boot(struct gw_db *db, int64_t id, struct gw_event *e,
	int64_t *last_id, const struct gw_event *last, struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_BOOT_GET);
	int code;

	if (last && *last_id == id) {
		memcpy(e->boot, last->boot, sizeof(e->boot));
		return GW_OK;
	}
	*last_id = id;
	sqlite3_bind_int64(st, 1, id);
	code = sqlite3_step(st);
	if (code == SQLITE_ROW)
		column_bytes(st, 0, e->boot, sizeof(e->boot) - 1);
	sqlite3_reset(st);
	if (code == SQLITE_ROW || code == SQLITE_DONE)
		return GW_OK;
	return gw_db_fail(db, code, "database", err);
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
		.boot_ns = sqlite3_column_int64(st, GW_COL_BOOT_NS),
		.wall_ms = sqlite3_column_int64(st, GW_COL_WALL_MS),
		.onset_ms = sqlite3_column_int64(st, GW_COL_ONSET_MS),
		.shelved_until_ms = sqlite3_column_int64(st, GW_COL_SHELVED_UNTIL_MS),
		.synced = sqlite3_column_int(st, GW_COL_SYNCED) != 0,
		.durable = (sqlite3_column_int64(st, GW_COL_UNDURABLE) & undurable_bits) ==
			0,
	};
	column_bytes(st, GW_COL_OCCURRENCE, e->occurrence, sizeof(e->occurrence));
	column_bytes(st, GW_COL_NOTE, e->note, sizeof(e->note) - 1);
	if ((rc = read_confirmed_by(st, e, &m->arena, err)) ||
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
	enum gw_err rc = GW_OK;
	int64_t last_boot = 0;
	int code = SQLITE_DONE;

	while (!rc && m->batch.n < m->capacity && (code = sqlite3_step(st)) == SQLITE_ROW)
		if (!skip || !skip(arg, (uint64_t)sqlite3_column_int64(st, GW_COL_SEQ)))
			rc = read_event(db, st, m, undurable_bits, &last_boot, err);
	if (!rc && code != SQLITE_ROW && code != SQLITE_DONE)
		rc = gw_db_fail(db, code, "database", err);
	sqlite3_reset(st);
	return rc;
}

enum gw_err gw_journal_read_owed(struct gw_db *db, uint32_t bit, int after_level,
	uint64_t after_seq, bool (*skip)(void *arg, uint64_t seq), void *arg,
	struct gw_batch_memory *batch, struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_OWED_BATCH);

	sqlite3_bind_int(st, 1, GW_JOURNAL_URGENCY(after_level));
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
	enum gw_err rc = GW_OK;
	int64_t last_boot = 0;
	int code = SQLITE_DONE;

	sqlite3_bind_int64(st, 1, (int64_t)after_seq);
	while (!rc && batch->batch.n < batch->capacity &&
		(code = sqlite3_step(st)) == SQLITE_ROW) {
		gw_chain_link_read(st, GW_COL_PREV,
			(uint64_t)sqlite3_column_int64(st, GW_COL_SEQ),
			&ret_links[batch->batch.n]);
		rc = read_event(db, st, batch, UINT32_MAX, &last_boot, err);
	}
	if (!rc && code != SQLITE_ROW && code != SQLITE_DONE)
		rc = gw_db_fail(db, code, "database", err);
	sqlite3_reset(st);
	return rc;
}

enum gw_err gw_journal_read_newer(struct gw_db *db, const struct gw_event *e, uint32_t bit,
	uint64_t *ret_seq, struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_ALARM_NEWER);
	int64_t seq = 0;
	enum gw_err rc;

	sqlite3_bind_text(st, 1, e->info->key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, (int64_t)e->seq);
	sqlite3_bind_int64(st, 3, bit);
	rc = gw_db_query_int(db, GW_DB_ALARM_NEWER, &seq, err);
	if (!rc)
		*ret_seq = (uint64_t)seq;
	return rc;
}

enum gw_err gw_journal_read_history(struct gw_db *db, int64_t since_ms,
	int64_t until_boot_ns, struct gw_batch_memory *batch, struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_HISTORY);
	struct gw_error why = {0};
	enum gw_err rc;

	sqlite3_bind_int64(st, 1, since_ms);
	gw_db_set_deadline(db, until_boot_ns);
	rc = read_all(db, st, UINT32_MAX, NULL, NULL, batch, &why);
	gw_db_set_deadline(db, 0);
	if (!rc || (why.native & 0xff) == SQLITE_INTERRUPT)
		return GW_OK;
	if (err)
		*err = why;
	return rc;
}

enum gw_err gw_journal_read_range(struct gw_db *db, uint64_t after_seq, uint64_t until_seq,
	int level, struct gw_batch_memory *batch, struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_EVENT_RANGE);

	sqlite3_bind_int64(st, 1, (int64_t)after_seq);
	sqlite3_bind_int64(st, 2, (int64_t)until_seq);
	sqlite3_bind_int(st, 3, level);
	return read_all(db, st, UINT32_MAX, NULL, NULL, batch, err);
}

enum gw_err gw_journal_read_alarms(struct gw_db *db, bool normal_too,
	struct gw_arena *arena,
	void (*each)(void *arg, const struct gw_alarm_record *r,
		const struct gw_alarm_info *info),
	void *arg, struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_ALARM_ALL);
	enum gw_err rc = GW_OK;
	int code;

	sqlite3_bind_int(st, 1, normal_too);
	while ((code = sqlite3_step(st)) == SQLITE_ROW) {
		const struct gw_alarm_info *info;
		struct gw_alarm_record r = {
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

		column_bytes(st, 4, r.occurrence, sizeof(r.occurrence));
		rc = gw_string_table_load_info(
			db, sqlite3_column_int64(st, 0), arena, &info, err);
		if (rc ||
			(rc = gw_unconfirmed_is(db, info->key, r.seq, &r.unconfirmed, err)))
			break;
		r.key = info->key;
		each(arg, &r, info);
	}
	if (!rc && code != SQLITE_DONE)
		rc = gw_db_fail(db, code, "database", err);
	sqlite3_reset(st);
	return rc;
}
