/* SPDX-License-Identifier: Apache-2.0 */
#include "store/retention.h"

#include "store/chain.h"

#include <string.h>

#define SCAN_ROWS   8192 /* in one query: a few milliseconds on a Raspberry Pi */
#define SCANS_MAX   16   /* queries in one step */
#define SWEEP_PAGES 256  /* of the limit for each block deleted between two sweeps */
#define MIN_PAGES   128
#define MIN_SLACK   16

struct victim {
	uint64_t seq;
	uint32_t owed, parked;
};

void gw_retention_init(struct gw_retention *r, int64_t max_bytes)
{
	*r = (struct gw_retention){
		.max_pages = max_bytes / GW_DB_PAGE_BYTES, .live_bits = UINT32_MAX};
	if (r->max_pages < MIN_PAGES)
		r->max_pages = MIN_PAGES;
	r->slack_pages = r->max_pages / 16;
	if (r->slack_pages < MIN_SLACK)
		r->slack_pages = MIN_SLACK;
	r->soft_limit_pages = r->max_pages - r->slack_pages;
	r->block_rows = r->max_pages / 8 < GW_RETENTION_BLOCK ? (int)(r->max_pages / 8)
							      : GW_RETENTION_BLOCK;
	r->strings_added_at_sweep = UINT64_MAX;
}

void gw_retention_reset(struct gw_retention *r)
{
	memset(r->scan_from, 0, sizeof(r->scan_from));
	r->strings_added_at_sweep = UINT64_MAX;
}

void gw_retention_set_active(struct gw_retention *r, uint32_t bits)
{
	if (r->live_bits != bits)
		memset(r->scan_from, 0, sizeof(r->scan_from));
	r->live_bits = bits;
}

void gw_retention_row_delivered(struct gw_retention *r, uint64_t seq, int class_, int level)
{
	int rank = class_ * 4 + level;

	if (rank < 0 || rank >= GW_RETENTION_RANKS)
		return;
	for (int phase = 0; phase < 2; phase++) /* delivered, or parked */
		if (r->scan_from[phase][rank] > seq)
			r->scan_from[phase][rank] = seq;
}

enum gw_err gw_retention_set_disk_full(
	struct gw_retention *r, struct gw_db *db, bool disk_full_mode, struct gw_error *err)
{
	int64_t pages, unused;
	enum gw_err rc = gw_db_pages(db, &pages, &unused, err);

	if (rc)
		return rc;
	/* somewhat less, so that the next commits find free pages */
	r->disk_full_pages = disk_full_mode ? pages - unused - MIN_SLACK : 0;
	if (disk_full_mode && r->disk_full_pages < 1)
		r->disk_full_pages = 1;
	return GW_OK;
}

/* Up to a block of rows of one rank in one phase; advances scan_from. */
static enum gw_err find_victims(struct gw_retention *r, struct gw_db *db, int phase,
	int rank, uint64_t last_seq, struct victim *victims, size_t *ret_n, int *scans,
	struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_DELETABLE);
	uint64_t *next = &r->scan_from[phase][rank];
	enum gw_err rc = GW_OK;
	int64_t first;
	size_t n = 0;
	int code;

	while (!rc && n == 0 && *scans < SCANS_MAX) {
		first = 0;
		sqlite3_bind_int64(
			gw_db_stmt(db, GW_DB_EVENT_MIN_SEQ_FROM), 1, (int64_t)*next);
		rc = gw_db_query_int(db, GW_DB_EVENT_MIN_SEQ_FROM, &first, err);
		if (rc || first == 0)
			break;
		sqlite3_bind_int64(st, 1, first);
		sqlite3_bind_int64(st, 2, first + SCAN_ROWS);
		sqlite3_bind_int(st, 3, rank / 4);
		sqlite3_bind_int(st, 4, rank % 4);
		sqlite3_bind_int(st, 5, phase);
		sqlite3_bind_int(st, 6, r->block_rows);
		sqlite3_bind_int64(st, 7, r->live_bits);
		while ((code = sqlite3_step(st)) == SQLITE_ROW)
			victims[n++] = (struct victim){
				(uint64_t)sqlite3_column_int64(st, 0),
				(uint32_t)sqlite3_column_int64(st, 1),
				(uint32_t)sqlite3_column_int64(st, 2)};
		if (code != SQLITE_DONE)
			rc = gw_db_fail(db, code, "database", err);
		sqlite3_reset(st);
		*next = n == (size_t)r->block_rows ? victims[n - 1].seq + 1
						   : (uint64_t)first + SCAN_ROWS;
		if (*next > last_seq + 1) /* later rows do not exist yet */
			*next = last_seq + 1;
		++*scans;
	}
	*ret_n = n;
	return rc;
}

static enum gw_err delete_row(struct gw_db *db, enum gw_db_stmt which, int urgency,
	uint64_t seq, struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, which);
	int at = 1;

	if (which == GW_DB_OWED_DELETE)
		sqlite3_bind_int(st, at++, urgency);
	sqlite3_bind_int64(st, at, (int64_t)seq);
	return gw_db_run(db, which, err);
}

static enum gw_err delete_block(struct gw_db *db, int rank, const struct victim *victims,
	size_t n, uint64_t last_seq, struct gw_error *err)
{
	int urgency = (int)GW_LEVEL_RED - rank % 4;
	enum gw_err rc = gw_db_begin(db, err);

	for (size_t i = 0; !rc && i < n; i++) {
		rc = gw_chain_remove(db, victims[i].seq, err);
		if (!rc)
			rc = delete_row(
				db, GW_DB_EVENT_DELETE, urgency, victims[i].seq, err);
		if (!rc && victims[i].owed)
			rc = delete_row(
				db, GW_DB_OWED_DELETE, urgency, victims[i].seq, err);
		if (!rc && victims[i].parked)
			rc = delete_row(
				db, GW_DB_PARKED_DELETE, urgency, victims[i].seq, err);
	}
	if (!rc)
		rc = gw_db_meta_put(db, "last_seq", (int64_t)last_seq, err);
	if (!rc)
		rc = gw_db_commit(db, err);
	if (rc)
		gw_db_rollback(db);
	return rc;
}

static void count_deleted(struct gw_retention *r, const struct victim *victims, size_t n,
	uint64_t owed[32], uint64_t parked[32])
{
	r->trimmed += n;
	for (size_t i = 0; i < n; i++) {
		r->lost += victims[i].owed != 0 || victims[i].parked != 0;
		for (size_t bit = 0; bit < 32; bit++) {
			if (victims[i].owed >> bit & 1 && owed[bit])
				owed[bit]--;
			if (victims[i].parked >> bit & 1 && parked[bit])
				parked[bit]--;
		}
	}
}

static enum gw_err delete_lowest(struct gw_retention *r, struct gw_db *db,
	int highest_class, uint64_t last_seq, int phases, uint64_t owed[32],
	uint64_t parked[32], enum gw_retention_result *ret_result, struct gw_error *err)
{
	struct victim victims[GW_RETENTION_BLOCK];
	uint64_t before;
	int scans = 0;
	enum gw_err rc;
	size_t n;

	for (int phase = 0; phase < phases; phase++) {
		for (int rank = 0; rank < 4 * (highest_class + 1); rank++) {
			before = r->scan_from[phase][rank];
			rc = find_victims(
				r, db, phase, rank, last_seq, victims, &n, &scans, err);
			if (!rc && n > 0)
				rc = delete_block(db, rank, victims, n, last_seq, err);
			if (rc) {
				r->scan_from[phase][rank] = before;
				return rc;
			}
			if (n > 0)
				count_deleted(r, victims, n, owed, parked);
			if (n > 0 || scans >= SCANS_MAX) {
				*ret_result = GW_RETENTION_MORE;
				return GW_OK;
			}
		}
	}
	*ret_result = GW_RETENTION_STUCK;
	return GW_OK;
}

/* Unused texts take the space of events, and a search costs a pass over all events. */
static bool sweep_is_due(
	const struct gw_retention *r, const struct gw_string_table *strings)
{
	return r->strings_added_at_sweep == UINT64_MAX ||
		r->blocks_since_sweep >= r->max_pages / SWEEP_PAGES ||
		strings->added - r->strings_added_at_sweep >= (uint64_t)r->slack_pages;
}

/* Deletes normal alarms whose last event is gone, then texts that neither an event nor an alarm
 * refers to, a block at a time. */
static enum gw_err sweep_strings(struct gw_retention *r, struct gw_db *db,
	struct gw_string_table *strings, bool *ret_any, struct gw_error *err)
{
	enum gw_err rc = gw_db_run(db, GW_DB_ALARM_SWEEP, err);

	if (!rc)
		rc = gw_db_run(db, GW_DB_INFO_SWEEP, err);
	if (rc)
		return rc;
	*ret_any = sqlite3_changes(db->handle) > 0;
	if (*ret_any) {
		gw_string_table_clear_cache(strings);
		return GW_OK;
	}
	r->blocks_since_sweep = 0;
	r->strings_added_at_sweep = strings->added;
	return GW_OK;
}

enum gw_err gw_retention_step(struct gw_retention *r, struct gw_db *db,
	struct gw_string_table *strings, int highest_class, uint64_t last_seq, bool force,
	uint64_t owed[32], uint64_t parked[32], enum gw_retention_result *ret_result,
	struct gw_error *err)
{
	int64_t pages, unused, limit = r->soft_limit_pages, further = r->slack_pages / 4;
	int phases = GW_RETENTION_PHASES;
	enum gw_err rc = gw_db_pages(db, &pages, &unused, err);

	if (rc)
		return rc;
	if (!r->trimming) /* once begun, delete more than needed: not at every commit */
		further = 0;
	/* Below the limit, on a full disk, owed events are not deleted. */
	if (!force && pages - unused <= limit - further)
		phases--;
	if (r->disk_full_pages && r->disk_full_pages < limit) {
		limit = r->disk_full_pages;
		further = further ? MIN_SLACK / 4 : 0;
	}
	r->trimming = force || pages - unused > limit - further;
	if (r->trimming) {
		bool any_deleted = false;

		if (sweep_is_due(r, strings))
			rc = sweep_strings(r, db, strings, &any_deleted, err);
		if (!rc && !any_deleted) {
			rc = delete_lowest(r, db, highest_class, last_seq, phases, owed,
				parked, ret_result, err);
			r->blocks_since_sweep++;
		}
		if (!rc && !any_deleted && *ret_result == GW_RETENTION_STUCK)
			rc = sweep_strings(r, db, strings, &any_deleted, err);
		if (any_deleted)
			*ret_result = GW_RETENTION_MORE;
		if (rc || *ret_result == GW_RETENTION_MORE)
			return rc;
		r->trimming = false;
		r->refuse_below_class = pages - unused >
				r->soft_limit_pages + r->slack_pages / 2
			? highest_class + 1
			: 0;
		return GW_OK;
	}
	r->refuse_below_class = 0;
	*ret_result = GW_RETENTION_WITHIN_LIMIT;
	/* The limit was lowered: give pages back, some at a time. Not on a full disk. */
	if (pages > r->max_pages && unused > r->slack_pages && !r->disk_full_pages) {
		*ret_result = GW_RETENTION_MORE;
		return gw_db_run(db, GW_DB_SHRINK, err);
	}
	return GW_OK;
}
