/* SPDX-License-Identifier: Apache-2.0 */
#include "store/resend_window.h"

#include "store/journal.h"
#include "store/registry.h"
#include "store/store_internal.h"
#include "store/store_status.h"

/* Rows in one transaction: a commit of new events waits for no more than these. */
#define WINDOW 5000

static bool is_wanted(const struct gw_event *e, const struct gw_mailbox_message *m)
{
	return e->seq >= m->seq && e->wall_ms >= m->from_ms;
}

/* The events in memory, which come after the last window of rows. */
static void owe_entries(struct gw_store *s, size_t slot, struct gw_batch *b)
{
	const struct gw_mailbox_message *m = &s->mailboxes[slot].request;
	uint32_t mask = (uint32_t)1 << slot;

	for (size_t i = 0; i < s->n_entries; i++) {
		struct gw_journal_entry *e = &s->entries[i];

		if (!is_wanted(&e->event, m) || e->owed & mask)
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
	struct gw_store *s, size_t slot, int64_t from, struct gw_batch *b)
{
	const struct gw_mailbox *box = &s->mailboxes[slot];
	uint64_t owed = 0, unparked = 0;
	struct gw_error err;
	enum gw_err rc = gw_db_begin(&s->db, &err);

	if (!rc)
		rc = run_range(&s->db, GW_DB_OWE_RANGE, from, box->request.from_ms,
			box->bit, &owed, &err);
	if (!rc)
		rc = run_range(&s->db, GW_DB_UNPARK_RANGE, from, box->request.from_ms,
			box->bit, &unparked, &err);
	if (!rc && unparked > 0)
		rc = gw_db_run(&s->db, GW_DB_PARKED_SWEEP, &err);
	if (!rc) /* writes nothing if nothing was changed */
		rc = gw_db_commit(&s->db, &err);
	if (rc) {
		gw_db_rollback(&s->db);
		return rc;
	}
	b->owed += owed;
	b->unparked += unparked;
	s->owed[__builtin_ctz(box->bit)] += owed;
	s->parked[__builtin_ctz(box->bit)] -= unparked;
	return GW_OK;
}

void gw_resend_window_owe(struct gw_store *s, size_t slot, struct gw_batch *b)
{
	const struct gw_mailbox *box = &s->mailboxes[slot];
	uint64_t committed = atomic_load_explicit(&s->committed, memory_order_relaxed);
	int64_t from = 0;

	if (s->recount_needed && s->db.handle &&
		gw_journal_count(&s->db, s->owed, s->parked, NULL) == GW_OK)
		s->recount_needed = false;
	/* A mark that is not written yet would clear the bit that is set here. */
	if (s->failing || s->recheck_needed || !s->db.handle || s->db.read_only ||
		!box->bit || s->recount_needed || s->n_writable_marks > 0) {
		b->failed = true;
		return;
	}
	if (box->request.seq == GW_STORE_RESEND_REMOVED) {
		b->failed = gw_registry_reassign_removed(s, slot, &b->owed, NULL) != GW_OK;
		gw_store_publish_status(s);
		return;
	}
	sqlite3_bind_int64(
		gw_db_stmt(&s->db, GW_DB_EVENT_MIN_SEQ_FROM), 1, (int64_t)box->request.seq);
	if (gw_db_query_int(&s->db, GW_DB_EVENT_MIN_SEQ_FROM, &from, NULL) ||
		(from > 0 && owe_window(s, slot, from, b))) {
		b->failed = true;
		return;
	}
	if (from > 0) {
		b->next = (uint64_t)from + WINDOW;
		if (b->next > committed + 1 && committed >= (uint64_t)from)
			b->next = committed + 1; /* the events in memory begin there */
	} else {
		owe_entries(s, slot, b);
	}
	gw_store_publish_status(s);
}
