/* SPDX-License-Identifier: Apache-2.0 */
/* What was delivered or parked is owed again, because a person asked for it. */
#include "store/inner.h"

/* Rows in one transaction: a commit of new events waits for no more than that. */
#define WINDOW 5000

static bool is_wanted(const struct gw_event *e, const struct gw_line_word *q)
{
	return e->seq >= q->seq && e->wall_ms >= q->from_ms;
}

/* Events that are not committed: after the last window. */
static void owe_entries(struct gw_store *s, size_t sink, struct gw_batch *b)
{
	const struct gw_line_word *q = &s->lines[sink].question;
	uint32_t mask = (uint32_t)1 << sink;

	for (size_t i = 0; i < s->n_entries; i++) {
		struct gw_entry *e = &s->entries[i];

		if (!is_wanted(&e->event, q) || e->owed & mask)
			continue;
		b->owed++;
		b->unparked += (e->parked & mask) != 0;
		e->owed |= mask;
		e->parked &= ~mask;
	}
}

static enum gw_err run_range(struct gw_db *db, enum gw_db_stmt which, int64_t from,
	int64_t from_ms, uint32_t bit, uint64_t *ret_rows, struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, which);
	enum gw_err rc;

	sqlite3_bind_int64(st, 1, from);
	sqlite3_bind_int64(st, 2, from + WINDOW);
	sqlite3_bind_int64(st, 3, from_ms);
	sqlite3_bind_int64(st, 4, bit);
	rc = gw_db_run(db, which, err);
	if (!rc)
		*ret_rows = (uint64_t)sqlite3_changes(db->handle);
	return rc;
}

static enum gw_err owe_window(
	struct gw_store *s, size_t sink, int64_t from, struct gw_batch *b)
{
	const struct gw_line *l = &s->lines[sink];
	uint64_t owed = 0, unparked = 0;
	struct gw_error err;
	enum gw_err rc = gw_db_begin(&s->db, &err);

	if (!rc)
		rc = run_range(&s->db, GW_DB_OWE_RANGE, from, l->question.from_ms, l->bit,
			&owed, &err);
	if (!rc)
		rc = run_range(&s->db, GW_DB_UNPARK_RANGE, from, l->question.from_ms,
			l->bit, &unparked, &err);
	if (!rc && unparked > 0)
		rc = gw_db_run(&s->db, GW_DB_PARKED_SWEEP, &err);
	if (!rc && (owed > 0 || unparked > 0))
		rc = gw_db_commit(&s->db, &err);
	else
		gw_db_rollback(&s->db);
	if (rc)
		return rc;
	b->owed += owed;
	b->unparked += unparked;
	s->owed[__builtin_ctz(l->bit)] += owed;
	s->parked[__builtin_ctz(l->bit)] -= unparked;
	return GW_OK;
}

void gw_resend_owe(struct gw_store *s, size_t sink, struct gw_batch *b)
{
	const struct gw_line *l = &s->lines[sink];
	uint64_t committed = atomic_load_explicit(&s->committed, memory_order_relaxed);
	int64_t from = 0;

	if (s->recount && s->db.handle &&
		gw_journal_count(&s->db, s->owed, s->parked, NULL) == GW_OK)
		s->recount = false;
	/* marks that wait to be written would take back what is owed now */
	if (s->failing || s->suspect || !s->db.handle || s->db.read_only || !l->bit ||
		s->recount || s->n_ripe > 0) {
		b->failed = true;
		return;
	}
	if (l->question.seq == GW_STORE_VANISHED) {
		b->failed = gw_names_give(s, sink, &b->owed, NULL) != GW_OK;
		gw_round_status(s);
		return;
	}
	sqlite3_bind_int64(
		gw_db_stmt(&s->db, GW_DB_EVENT_FROM), 1, (int64_t)l->question.seq);
	if (gw_db_number(&s->db, GW_DB_EVENT_FROM, &from, NULL) ||
		(from > 0 && owe_window(s, sink, from, b))) {
		b->failed = true;
		return;
	}
	if (from > 0) {
		b->next = (uint64_t)from + WINDOW;
		if (b->next > committed + 1 && committed >= (uint64_t)from)
			b->next = committed + 1; /* what is in memory follows there */
	} else {
		owe_entries(s, sink, b);
	}
	gw_round_status(s);
}
