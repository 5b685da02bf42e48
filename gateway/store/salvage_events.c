/* SPDX-License-Identifier: Apache-2.0 */
#include "store/salvage_events.h"

#include "store/journal.h"
#include "store/journal_read.h"
#include "store/store_internal.h"

#define BLOCK_EVENTS 256
/* So many of the events that a corrupt part of a list may name are owed again, the newest: more
 * would hold back new alarms of their level. */
#define HIDDEN_EVENTS 1000

static uint32_t map_bits(const struct gw_salvage *v, int64_t old)
{
	uint32_t bits = 0;

	for (unsigned bit = 0; bit < 32; bit++)
		if (old >> bit & 1)
			bits |= v->bits[bit]       ? v->bits[bit]
				: v->names_corrupt ? v->every
						   : 0;
	return bits;
}

/* One mask of an event in the old file, in bits of the open one. False: it cannot be read now.
 * ret_unknown is set if it never can be. */
static bool read_mask(struct gw_salvage *v, enum gw_db_stmt which, uint64_t seq,
	uint32_t *ret_bits, bool *ret_unknown)
{
	int64_t number = 0;
	enum gw_err rc;

	sqlite3_bind_int64(gw_db_stmt(v->old, which), 1, (int64_t)seq);
	rc = gw_db_query_int(v->old, which, &number, NULL);
	gw_salvage_note_read_error(v, rc);
	*ret_unknown |= rc == GW_ERR_CORRUPT;
	*ret_bits = map_bits(v, number);
	return rc == GW_OK || rc == GW_ERR_CORRUPT;
}

/* The open database has had the event since before the first try: it is of a backup, and what is
 * owed since (to another uplink, or again) only the old one knows. */
static enum gw_err owe_too(struct gw_salvage *v, uint64_t seq)
{
	struct gw_db *db = &v->s->db;
	uint32_t owed = 0, parked = 0, owed_here = 0;
	int64_t number = 0;
	bool unknown = false, added = false, any = false;
	enum gw_err rc;

	sqlite3_bind_int64(gw_db_stmt(db, GW_DB_OWED_UPLINKS), 1, (int64_t)seq);
	if ((rc = gw_db_query_int(db, GW_DB_OWED_UPLINKS, &number, NULL)))
		return rc;
	owed_here = (uint32_t)number;
	if (!read_mask(v, GW_DB_OWED_UPLINKS, seq, &owed, &unknown) ||
		!read_mask(v, GW_DB_PARKED_UPLINKS, seq, &parked, &unknown))
		return GW_OK;
	if (unknown)
		owed = v->every & ~parked;
	for (uint32_t left = owed & ~owed_here; !rc && left; left &= left - 1) {
		rc = gw_journal_owe_again(db, seq, left & -left, &added, NULL);
		any |= added;
	}
	for (uint32_t left = parked & ~(owed | owed_here); !rc && left; left &= left - 1) {
		rc = gw_journal_mark_parked(db, seq, left & -left, NULL);
		any = true;
	}
	v->events += any;
	return rc;
}

/* If a corrupt page hides to whom it is owed, or for whom it is parked, it is owed to every uplink:
 * a platform that has it drops the repeat by its id. */
static enum gw_err copy_event(struct gw_salvage *v, const struct gw_event *e)
{
	struct gw_journal_entry entry = {.event = *e};
	struct gw_db *db = &v->s->db;
	int64_t run =
		0; /* of the event that has this number in the open database, 0: none */
	bool unknown = false, unused = false;
	enum gw_err rc;

	sqlite3_bind_int64(gw_db_stmt(db, GW_DB_EVENT_RUN), 1, (int64_t)e->seq);
	if ((rc = gw_db_query_int(db, GW_DB_EVENT_RUN, &run, NULL)))
		return rc;
	if (run != 0) {
		v->seq_conflicts += (uint64_t)run != e->run;
		/* at a later try it was copied before, and perhaps delivered since */
		return v->first && (uint64_t)run == e->run ? owe_too(v, e->seq) : GW_OK;
	}
	/* With a mask missing, the next try would take the event for copied. */
	if (!read_mask(v, GW_DB_OWED_UPLINKS, e->seq, &entry.owed, &unknown) ||
		!read_mask(v, GW_DB_PARKED_UPLINKS, e->seq, &entry.parked, &unknown) ||
		!read_mask(v, GW_DB_UNDURABLE_UPLINKS, e->seq, &entry.undurable, &unused))
		return GW_OK;
	if (unknown)
		entry.owed = v->every & ~entry.parked;
	if (!entry.owed && !entry.parked)
		return GW_OK;
	v->unknown += unknown;
	v->rows++;
	v->events += entry.owed != 0;
	return gw_journal_put_event(db, &v->s->strings, &entry, NULL);
}

/* ---- the lists of what is owed and of what is parked ---- */

struct list {
	enum gw_db_stmt
		next; /* reads the key of the row after the cursor, without its event */
	int level;    /* the cursor; levels count only for what is owed */
	uint64_t seq;
};

static enum gw_err read_block(
	struct gw_salvage *v, const struct list *list, struct gw_batch_memory *m)
{
	if (list->next == GW_DB_PARKED_NEXT)
		return gw_journal_read_parked(
			v->old, UINT32_MAX, list->seq, NULL, NULL, m, NULL);
	return gw_journal_read_owed(
		v->old, UINT32_MAX, list->level, list->seq, NULL, NULL, m, NULL);
}

static void copy_block(struct gw_salvage *v, const struct gw_batch *b)
{
	for (size_t i = 0; i < b->n && !v->write_error; i++)
		v->write_error = copy_event(v, &b->events[i]);
}

/* Sets the cursor to the row after seq, if there is one: SQLITE_ROW. */
static int seek(struct gw_salvage *v, struct list *list, uint64_t seq)
{
	sqlite3_stmt *st = gw_db_stmt(v->old, list->next);
	int code;

	sqlite3_bind_int(st, 1, GW_JOURNAL_URGENCY(list->level));
	sqlite3_bind_int64(st, 2, (int64_t)seq);
	code = sqlite3_step(st);
	if (code == SQLITE_ROW) {
		list->level = (int)GW_LEVEL_RED - sqlite3_column_int(st, 0);
		list->seq = (uint64_t)sqlite3_column_int64(st, 1);
	}
	sqlite3_reset(st);
	return code;
}

static bool is_corrupt(struct gw_salvage *v, const struct list *list, uint64_t seq)
{
	struct list probe = *list;
	int code = seek(v, &probe, seq);

	return code != SQLITE_ROW && code != SQLITE_DONE &&
		gw_db_fail(v->old, code, "database", NULL) == GW_ERR_CORRUPT;
}

/* The first number of this level after which the list can be read again; INT64_MAX: none. */
static uint64_t end_of_corruption(struct gw_salvage *v, const struct list *list)
{
	uint64_t corrupt = list->seq, readable = INT64_MAX;

	for (uint64_t step = 1; corrupt + step < INT64_MAX; step *= 2) {
		if (!is_corrupt(v, list, corrupt + step)) {
			readable = corrupt + step;
			break;
		}
		corrupt += step;
	}
	while (readable - corrupt > 1) {
		uint64_t middle = corrupt + (readable - corrupt) / 2;

		if (is_corrupt(v, list, middle))
			corrupt = middle;
		else
			readable = middle;
	}
	return readable;
}

/* The list cannot be read behind the cursor: takes the newest events that it may name there, and
 * sets the cursor behind them. False: that was the last level. */
static bool copy_hidden(struct gw_salvage *v, struct list *list)
{
	bool by_level = list->next == GW_DB_OWED_NEXT;
	struct gw_batch_memory *m = gw_batch_new(HIDDEN_EVENTS);
	uint64_t until;

	if (!m) {
		v->read_error = GW_ERR_SYSTEM;
		return false;
	}
	if (by_level && (list->level > (int)GW_LEVEL_RED || list->seq == INT64_MAX)) {
		list->level--;
		list->seq = 0;
	}
	until = end_of_corruption(v, list);
	gw_salvage_note_read_error(v,
		gw_journal_read_range(
			v->old, list->seq, until, by_level ? list->level : -1, m, NULL));
	gw_batch_reverse(m);
	copy_block(v, &m->batch);
	gw_batch_free(&m->batch);
	list->seq = until;
	return until < INT64_MAX || (by_level && list->level > (int)GW_LEVEL_BLUE);
}

/* Goes on behind a corrupt page. False: nothing is left, or it cannot be read now. */
static bool skip_corrupt(struct gw_salvage *v, struct list *list)
{
	int code = seek(v, list, list->seq);

	if (code == SQLITE_ROW) { /* the list can be read, the event of this row cannot */
		v->unreadable++;
		return true;
	}
	if (code == SQLITE_DONE)
		return false;
	if (gw_db_fail(v->old, code, "database", NULL) == GW_ERR_CORRUPT)
		return copy_hidden(v, list) && !v->read_error;
	v->read_error = GW_ERR_SYSTEM;
	return false;
}

/* What is owed: worst first, so that these are copied if the file cannot be read to its end. */
static void copy_list(struct gw_salvage *v, enum gw_db_stmt next)
{
	struct list list = {.next = next, .level = GW_LEVEL_RED + 1};
	bool more = true;

	while (more && !v->write_error) {
		struct gw_batch_memory *m = gw_batch_new(BLOCK_EVENTS);
		enum gw_err rc;

		if (!m) {
			v->read_error = GW_ERR_SYSTEM;
			return;
		}
		rc = read_block(v, &list, m);
		gw_salvage_note_read_error(v, rc);
		copy_block(v, &m->batch);
		if (m->batch.n > 0) {
			list.level = m->batch.events[m->batch.n - 1].level;
			list.seq = m->batch.events[m->batch.n - 1].seq;
		}
		more = rc == GW_ERR_CORRUPT ? skip_corrupt(v, &list)
					    : !rc && m->batch.n == BLOCK_EVENTS;
		gw_batch_free(&m->batch);
	}
}

void gw_salvage_events_copy(struct gw_salvage *v)
{
	copy_list(v, GW_DB_OWED_NEXT);
	copy_list(v, GW_DB_PARKED_NEXT);
}
