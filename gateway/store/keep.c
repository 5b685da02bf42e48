/* SPDX-License-Identifier: Apache-2.0 */
#include "store/keep.h"

#include "store/chain.h"

#include <string.h>

#define SCAN_ROWS   8192 /* looked at in one query: a few milliseconds on a Pi */
#define SCAN_MOST   16   /* queries in one step */
#define SWEEP_PAGES 256  /* of the bound for each block that goes between two sweeps */
#define LEAST_PAGES 128
#define LEAST_SLACK 16

struct victim {
	uint64_t seq;
	uint32_t owed, parked;
};

void gw_keep_init(struct gw_keep *k, int64_t max_bytes)
{
	*k = (struct gw_keep){
		.max_pages = max_bytes / GW_DB_PAGE_BYTES, .live_bits = UINT32_MAX};
	if (k->max_pages < LEAST_PAGES)
		k->max_pages = LEAST_PAGES;
	k->slack_pages = k->max_pages / 16;
	if (k->slack_pages < LEAST_SLACK)
		k->slack_pages = LEAST_SLACK;
	k->soft_pages = k->max_pages - k->slack_pages;
	k->block = k->max_pages / 8 < GW_KEEP_BLOCK ? (int)(k->max_pages / 8)
						    : GW_KEEP_BLOCK;
	k->swept_at = UINT64_MAX;
}

void gw_keep_reset(struct gw_keep *k)
{
	memset(k->next, 0, sizeof(k->next));
	k->swept_at = UINT64_MAX;
}

void gw_keep_live(struct gw_keep *k, uint32_t bits)
{
	if (k->live_bits != bits)
		memset(k->next, 0, sizeof(k->next));
	k->live_bits = bits;
}

void gw_keep_delivered(struct gw_keep *k, uint64_t seq, int class_, int level)
{
	int rank = class_ * 4 + level;

	if (rank < 0 || rank >= GW_KEEP_RANKS)
		return;
	for (int phase = 0; phase < 2; phase++) /* delivered, or parked */
		if (k->next[phase][rank] > seq)
			k->next[phase][rank] = seq;
}

enum gw_err gw_keep_tighten(
	struct gw_keep *k, struct gw_db *db, bool tight, struct gw_error *err)
{
	int64_t pages, unused;
	enum gw_err rc = gw_db_pages(db, &pages, &unused, err);

	if (rc)
		return rc;
	/* a little below, so that the next commits find free pages in the file */
	k->tight_pages = tight ? pages - unused - LEAST_SLACK : 0;
	if (tight && k->tight_pages < 1)
		k->tight_pages = 1;
	return GW_OK;
}

/* Up to a block of rows of one rank in one phase; moves its mark on. */
static enum gw_err find(struct gw_keep *k, struct gw_db *db, int phase, int rank,
	uint64_t last_seq, struct victim *victims, size_t *ret_n, int *scans,
	struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_VICTIMS);
	uint64_t *next = &k->next[phase][rank];
	enum gw_err kind = GW_OK;
	int64_t first;
	size_t n = 0;
	int rc;

	while (!kind && n == 0 && *scans < SCAN_MOST) {
		first = 0;
		sqlite3_bind_int64(gw_db_stmt(db, GW_DB_EVENT_FROM), 1, (int64_t)*next);
		kind = gw_db_number(db, GW_DB_EVENT_FROM, &first, err);
		if (kind || first == 0)
			break;
		sqlite3_bind_int64(st, 1, first);
		sqlite3_bind_int64(st, 2, first + SCAN_ROWS);
		sqlite3_bind_int(st, 3, rank / 4);
		sqlite3_bind_int(st, 4, rank % 4);
		sqlite3_bind_int(st, 5, phase);
		sqlite3_bind_int(st, 6, k->block);
		sqlite3_bind_int64(st, 7, k->live_bits);
		while ((rc = sqlite3_step(st)) == SQLITE_ROW)
			victims[n++] = (struct victim){
				(uint64_t)sqlite3_column_int64(st, 0),
				(uint32_t)sqlite3_column_int64(st, 1),
				(uint32_t)sqlite3_column_int64(st, 2)};
		if (rc != SQLITE_DONE)
			kind = gw_db_fail(db, rc, "database", err);
		sqlite3_reset(st);
		*next = n == (size_t)k->block ? victims[n - 1].seq + 1
					      : (uint64_t)first + SCAN_ROWS;
		if (*next > last_seq + 1) /* what comes after is not there yet */
			*next = last_seq + 1;
		++*scans;
	}
	*ret_n = n;
	return kind;
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

static void account(struct gw_keep *k, const struct victim *victims, size_t n,
	uint64_t owed[32], uint64_t parked[32])
{
	k->trimmed += n;
	for (size_t i = 0; i < n; i++) {
		k->lost += victims[i].owed != 0 || victims[i].parked != 0;
		for (size_t bit = 0; bit < 32; bit++) {
			if (victims[i].owed >> bit & 1 && owed[bit])
				owed[bit]--;
			if (victims[i].parked >> bit & 1 && parked[bit])
				parked[bit]--;
		}
	}
}

static enum gw_err trim(struct gw_keep *k, struct gw_db *db, int class_most,
	uint64_t last_seq, uint64_t owed[32], uint64_t parked[32],
	enum gw_keep_did *ret_did, struct gw_error *err)
{
	struct victim victims[GW_KEEP_BLOCK];
	uint64_t before;
	int scans = 0;
	enum gw_err rc;
	size_t n;

	for (int phase = 0; phase < GW_KEEP_PHASES; phase++) {
		for (int rank = 0; rank < 4 * (class_most + 1); rank++) {
			before = k->next[phase][rank];
			rc = find(k, db, phase, rank, last_seq, victims, &n, &scans, err);
			if (!rc && n > 0)
				rc = delete_block(db, rank, victims, n, last_seq, err);
			if (rc) {
				k->next[phase][rank] = before;
				return rc;
			}
			if (n > 0)
				account(k, victims, n, owed, parked);
			if (n > 0 || scans >= SCAN_MOST) {
				*ret_did = GW_KEEP_MORE;
				return GW_OK;
			}
		}
	}
	*ret_did = GW_KEEP_STUCK;
	return GW_OK;
}

/* Texts crowd out events if nobody looks, and a look costs a pass over all events. */
static bool sweep_is_due(const struct gw_keep *k, const struct gw_texts *texts)
{
	return k->swept_at == UINT64_MAX || k->blocks >= k->max_pages / SWEEP_PAGES ||
		texts->added - k->swept_at >= (uint64_t)k->slack_pages;
}

/* Texts of events that are gone and alarms that are normal; a block at a time. */
static enum gw_err sweep_texts(struct gw_keep *k, struct gw_db *db, struct gw_texts *texts,
	bool *ret_some, struct gw_error *err)
{
	enum gw_err rc;

	rc = gw_db_run(db, GW_DB_INFO_SWEEP, err);
	if (rc)
		return rc;
	*ret_some = sqlite3_changes(db->handle) > 0;
	if (*ret_some) {
		gw_texts_forget(texts);
		return GW_OK;
	}
	k->blocks = 0;
	k->swept_at = texts->added;
	return GW_OK;
}

enum gw_err gw_keep_step(struct gw_keep *k, struct gw_db *db, struct gw_texts *texts,
	int class_most, uint64_t last_seq, bool force, uint64_t owed[32],
	uint64_t parked[32], enum gw_keep_did *ret_did, struct gw_error *err)
{
	int64_t pages, unused, limit = k->soft_pages;
	enum gw_err rc = gw_db_pages(db, &pages, &unused, err);

	if (rc)
		return rc;
	if (k->tight_pages && k->tight_pages < limit)
		limit = k->tight_pages;
	if (k->trimming) /* once begun go a little further, so as not to begin with every commit */
		limit -= k->slack_pages / 4;
	k->trimming = force || pages - unused > limit;
	if (k->trimming) {
		bool some = false;

		if (sweep_is_due(k, texts))
			rc = sweep_texts(k, db, texts, &some, err);
		if (!rc && !some) {
			rc = trim(k, db, class_most, last_seq, owed, parked, ret_did, err);
			k->blocks++;
		}
		if (!rc && !some && *ret_did == GW_KEEP_STUCK)
			rc = sweep_texts(k, db, texts, &some, err);
		if (some)
			*ret_did = GW_KEEP_MORE;
		if (rc || *ret_did == GW_KEEP_MORE)
			return rc;
		k->trimming = false;
		k->refuse_below = pages - unused > k->soft_pages + k->slack_pages / 2
			? class_most + 1
			: 0;
		return GW_OK;
	}
	k->refuse_below = 0;
	*ret_did = GW_KEEP_NOTHING;
	/* the bound was lowered: give back, a little at a time; on a full disk we keep it */
	if (pages > k->max_pages && unused > k->slack_pages && !k->tight_pages) {
		*ret_did = GW_KEEP_MORE;
		return gw_db_run(db, GW_DB_SHRINK, err);
	}
	return GW_OK;
}
