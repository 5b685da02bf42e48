/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/backlog.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_NS        GW_NS_PER_SEC /* after a failed reply */
#define MAILBOX_FULL_NS (100 * GW_NS_PER_MS)

void gw_backlog_init(struct gw_backlog *b, struct gw_store *store, size_t slot,
	struct gw_outbox *outbox,
	void (*add)(void *arg, const struct gw_event *e, uint64_t newer), void *arg)
{
	*b = (struct gw_backlog){
		.store = store, .slot = slot, .outbox = outbox, .add = add, .arg = arg};
}

void gw_backlog_fini(struct gw_backlog *b)
{
	free(b->marks);
	free(b->settled);
	*b = (struct gw_backlog){.store = NULL};
}

static void flush_marks(struct gw_backlog *b)
{
	while (b->n_marks > 0) {
		const struct gw_backlog_mark *m = &b->marks[b->first_mark];

		if (!gw_store_mark(b->store, b->slot, m->seq, m->kind))
			return;
		b->first_mark++;
		b->n_marks--;
	}
	b->first_mark = 0;
}

static bool reserve_mark(struct gw_backlog *b)
{
	size_t capacity = b->marks_capacity ? 2 * b->marks_capacity : 256;
	struct gw_backlog_mark *p;

	if (b->first_mark + b->n_marks < b->marks_capacity)
		return true;
	if (b->first_mark > 0) {
		memmove(b->marks, b->marks + b->first_mark,
			b->n_marks * sizeof(struct gw_backlog_mark));
		b->first_mark = 0;
		return true;
	}
	if (capacity > GW_BACKLOG_MARKS_MAX)
		return false;
	p = realloc(b->marks, capacity * sizeof(struct gw_backlog_mark));
	if (p == NULL)
		return false;
	b->marks = p;
	b->marks_capacity = capacity;
	return true;
}

static void note_settled(struct gw_backlog *b, uint64_t seq)
{
	if (b->n_settled == b->settled_capacity) {
		size_t capacity = b->settled_capacity ? 2 * b->settled_capacity : 256;
		uint64_t *p = realloc(b->settled, capacity * sizeof(uint64_t));

		if (p == NULL) {
			b->settled_lost = true;
			return;
		}
		b->settled = p;
		b->settled_capacity = capacity;
	}
	b->settled[b->n_settled++] = seq;
}

void gw_backlog_mark(struct gw_backlog *b, uint64_t seq, enum gw_mark_kind kind)
{
	b->parked_since_request += kind == GW_MARK_PARKED;
	b->parked_since_query += kind == GW_MARK_PARKED;
	if (b->request_sent && kind != GW_MARK_UNDURABLE && kind != GW_MARK_OWED)
		note_settled(b, seq);
	if (b->n_marks == 0 && gw_store_mark(b->store, b->slot, seq, kind))
		return;
	if (reserve_mark(b))
		b->marks[b->first_mark + b->n_marks++] = (struct gw_backlog_mark){
			.seq = seq, .kind = kind};
	else
		b->dropped_marks++;
}

void gw_backlog_owe_again(struct gw_backlog *b, uint64_t seq)
{
	gw_backlog_mark(b, seq, GW_MARK_OWED);
	b->n_owed_again++;
	gw_outbox_note_missing(b->outbox, 0);
}

static bool is_settled(const struct gw_backlog *b, uint64_t seq)
{
	size_t i;

	for (i = 0; i < b->n_settled; i++)
		if (b->settled[i] == seq)
			return true;
	return false;
}

static struct gw_owed_cursor end_of(const struct gw_batch *batch)
{
	const struct gw_event *last = &batch->events[batch->n - 1];

	return (struct gw_owed_cursor){.level = last->level, .seq = last->seq};
}

/* Whether the reply has everything owed between the cursor of the request and its last event: no
 * event was left out since the request, and those left out before were committed by then. */
static bool reply_is_complete(const struct gw_backlog *b)
{
	return !b->settled_lost && b->request_revision == b->revision &&
		b->request_owed_again == b->n_owed_again &&
		b->request_left_out == b->outbox->left_out &&
		b->request_left_out <= b->request_committed &&
		b->request_cursor.level == b->outbox->complete_up_to.level &&
		b->request_cursor.seq == b->outbox->complete_up_to.seq;
}

static void receive_owed(struct gw_backlog *b, int64_t now_ns)
{
	struct gw_batch *batch = gw_store_take_batch(b->store, b->slot);
	size_t i;

	if (batch == NULL)
		return;
	b->request_sent = false;
	if (batch->failed || b->request_left_out > b->request_committed)
		b->not_before_ns = now_ns + RETRY_NS;
	if (!batch->failed) {
		b->waiting_ns = 0;
		if (!b->parked_known && b->request_revision == b->revision) {
			b->parked_known = true;
			b->on_parked_count(b->arg, batch->parked + b->parked_since_request);
		}
		if (reply_is_complete(b)) /* before the adds, which may move it back */
			gw_outbox_advance(
				b->outbox, batch->n > 0 ? end_of(batch) : GW_OUTBOX_END);
	}
	for (i = 0; i < batch->n && !b->settled_lost; i++) {
		uint64_t seq = batch->events[i].seq;

		if (!is_settled(b, seq) && !gw_outbox_has(b->outbox, seq))
			b->add(b->arg, &batch->events[i],
				batch->newer != NULL ? batch->newer[i] : 0);
	}
	gw_batch_free(batch);
	b->n_settled = 0;
	b->settled_lost = false;
}

static void receive_query(struct gw_backlog *b, int64_t now_ns)
{
	struct gw_batch *batch = gw_store_take_batch(b->store, b->slot);
	enum gw_backlog_query query = b->query;

	if (batch == NULL)
		return;
	b->query_sent = false;
	b->query = GW_BACKLOG_QUERY_NONE;
	if (batch->failed)
		b->query_not_before_ns = now_ns + RETRY_NS;
	b->on_query_reply(b->arg, query, batch);
	gw_batch_free(batch);
}

bool gw_backlog_start_query(
	struct gw_backlog *b, enum gw_backlog_query query, uint64_t seq, int64_t from_ms)
{
	if (b->query != GW_BACKLOG_QUERY_NONE)
		return false;
	b->query = query;
	b->query_seq = seq;
	b->query_from_ms = from_ms;
	return true;
}

/* After the marks, as the request for what is owed. */
static void send_query(struct gw_backlog *b, int64_t now_ns)
{
	if (b->n_marks > 0 || now_ns < b->query_not_before_ns)
		return;
	if (b->query == GW_BACKLOG_QUERY_PARKED)
		b->query_sent = gw_store_request_parked(
			b->store, b->slot, b->query_seq, GW_BACKLOG_REQUEST_PARKED);
	else
		b->query_sent = gw_store_request_resend(
			b->store, b->slot, b->query_seq, b->query_from_ms);
	if (b->query_sent)
		b->parked_since_query = 0; /* the marks before it reach the store first */
	else
		b->query_not_before_ns = now_ns + MAILBOX_FULL_NS;
}

static void request_owed(struct gw_backlog *b, int64_t now_ns, bool blocked)
{
	const struct gw_outbox *o = b->outbox;
	bool has_room = o->n + GW_BACKLOG_REQUEST_EVENTS <= o->max_items &&
		o->bytes <= o->max_bytes / 2;

	if (gw_outbox_is_complete(o) || !(has_room || blocked))
		return;
	if (b->waiting_ns == 0)
		b->waiting_ns = now_ns;
	/* Marks first: an event that is settled must not be read again. An event that was left
	 * out may still be on its way to the store until it is committed, so wait for that; if
	 * the store cannot commit, ask for what it has. */
	if (b->n_marks > 0 || now_ns < b->not_before_ns)
		return;
	b->request_committed = gw_store_committed(b->store);
	if (b->request_committed < o->left_out && !gw_backlog_late(b, now_ns))
		return;
	b->parked_since_request = 0;
	b->request_cursor = o->complete_up_to;
	b->request_left_out = o->left_out;
	b->request_revision = b->revision;
	b->request_owed_again = b->n_owed_again;
	b->request_sent = gw_store_request_owed(
		b->store, b->slot, o->complete_up_to, GW_BACKLOG_REQUEST_EVENTS);
	if (!b->request_sent)
		b->not_before_ns = now_ns + MAILBOX_FULL_NS;
}

void gw_backlog_update(struct gw_backlog *b, int64_t now_ns, bool blocked)
{
	uint32_t revision = gw_store_backlog_revision(b->store);

	flush_marks(b);
	if (revision !=
		b->revision) { /* events became owed that the outbox does not know of */
		gw_outbox_note_missing(b->outbox, 0);
		b->parked_known = false;
	}
	b->revision = revision;
	if (b->request_sent)
		receive_owed(b, now_ns);
	if (b->query_sent)
		receive_query(b, now_ns);
	if (!b->request_sent && !b->query_sent)
		request_owed(b, now_ns, blocked);
	if (!b->request_sent && !b->query_sent && b->query != GW_BACKLOG_QUERY_NONE)
		send_query(b, now_ns);
}

bool gw_backlog_late(const struct gw_backlog *b, int64_t now_ns)
{
	return b->waiting_ns != 0 && now_ns >= b->waiting_ns + GW_BACKLOG_REPLY_WAIT_NS;
}

int64_t gw_backlog_next_ns(const struct gw_backlog *b, int64_t now_ns)
{
	int64_t next = INT64_MAX;

	if (b->n_marks > 0)
		next = now_ns + MAILBOX_FULL_NS;
	if (b->query != GW_BACKLOG_QUERY_NONE && !b->query_sent && !b->request_sent &&
		b->query_not_before_ns > now_ns && b->query_not_before_ns < next)
		next = b->query_not_before_ns;
	if (b->waiting_ns == 0)
		return next;
	if (!b->request_sent && b->not_before_ns > now_ns && b->not_before_ns < next)
		next = b->not_before_ns;
	if (!gw_backlog_late(b, now_ns) && b->waiting_ns + GW_BACKLOG_REPLY_WAIT_NS < next)
		next = b->waiting_ns + GW_BACKLOG_REPLY_WAIT_NS;
	return next;
}
