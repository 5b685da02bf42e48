/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/backlog.h"

#include <stdlib.h>
#include <string.h>

#define AGAIN_NS     GW_NS_PER_SEC /* after the store could not read */
#define LINE_FULL_NS (100 * GW_NS_PER_MS)

void gw_backlog_init(struct gw_backlog *b, struct gw_store *store, size_t sink,
	struct gw_outbox *outbox, void (*add)(void *arg, const struct gw_event *e),
	void *arg)
{
	*b = (struct gw_backlog){
		.store = store, .sink = sink, .outbox = outbox, .add = add, .arg = arg};
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

		if (!gw_store_mark(b->store, b->sink, m->seq, m->kind))
			return;
		b->first_mark++;
		b->n_marks--;
	}
	b->first_mark = 0;
}

static bool room_for_mark(struct gw_backlog *b)
{
	size_t room = b->marks_room ? 2 * b->marks_room : 256;
	struct gw_backlog_mark *p;

	if (b->first_mark + b->n_marks < b->marks_room)
		return true;
	if (b->first_mark > 0) {
		memmove(b->marks, b->marks + b->first_mark,
			b->n_marks * sizeof(struct gw_backlog_mark));
		b->first_mark = 0;
		return true;
	}
	if (room > GW_BACKLOG_MARKS_MAX)
		return false;
	p = realloc(b->marks, room * sizeof(struct gw_backlog_mark));
	if (p == NULL)
		return false;
	b->marks = p;
	b->marks_room = room;
	return true;
}

static void note_settled(struct gw_backlog *b, uint64_t seq)
{
	if (b->n_settled == b->settled_room) {
		size_t room = b->settled_room ? 2 * b->settled_room : 256;
		uint64_t *p = realloc(b->settled, room * sizeof(uint64_t));

		if (p == NULL) {
			b->settled_lost = true;
			return;
		}
		b->settled = p;
		b->settled_room = room;
	}
	b->settled[b->n_settled++] = seq;
}

void gw_backlog_mark(struct gw_backlog *b, uint64_t seq, enum gw_mark_kind kind)
{
	b->parked_since_asked += kind == GW_MARK_PARKED;
	if (b->asking && kind != GW_MARK_UNDURABLE)
		note_settled(b, seq);
	if (b->n_marks == 0 && gw_store_mark(b->store, b->sink, seq, kind))
		return;
	if (room_for_mark(b))
		b->marks[b->first_mark + b->n_marks++] = (struct gw_backlog_mark){
			.seq = seq, .kind = kind};
	else
		b->dropped_marks++;
}

static bool is_settled(const struct gw_backlog *b, uint64_t seq)
{
	size_t i;

	for (i = 0; i < b->n_settled; i++)
		if (b->settled[i] == seq)
			return true;
	return false;
}

static struct gw_cursor end_of(const struct gw_batch *batch)
{
	const struct gw_event *last = &batch->events[batch->n - 1];

	return (struct gw_cursor){.level = last->level, .seq = last->seq};
}

/* Whether the answer shows all that is owed up to its end: nothing was left out since the ask,
 * and what was left out before is where the store looks. */
static bool whole(const struct gw_backlog *b)
{
	return !b->settled_lost && b->asked_debts == b->debts &&
		b->asked_left_out == b->outbox->left_out &&
		b->asked_left_out <= b->asked_committed &&
		b->asked.level == b->outbox->complete.level &&
		b->asked.seq == b->outbox->complete.seq;
}

static void take(struct gw_backlog *b, int64_t now_ns)
{
	struct gw_batch *batch = gw_store_take(b->store, b->sink);
	size_t i;

	if (batch == NULL)
		return;
	b->asking = false;
	if (batch->failed || b->asked_left_out > b->asked_committed)
		b->not_before_ns = now_ns + AGAIN_NS;
	if (!batch->failed) {
		b->waiting_ns = 0;
		if (!b->counted && b->asked_debts == b->debts) {
			b->counted = true;
			b->count(b->arg, batch->parked + b->parked_since_asked);
		}
		if (whole(b)) /* before the adds, which may take it back */
			gw_outbox_advance(
				b->outbox, batch->n > 0 ? end_of(batch) : GW_OUTBOX_END);
	}
	for (i = 0; i < batch->n && !b->settled_lost; i++) {
		uint64_t seq = batch->events[i].seq;

		if (!is_settled(b, seq) && !gw_outbox_has(b->outbox, seq))
			b->add(b->arg, &batch->events[i]);
	}
	gw_batch_free(batch);
	b->n_settled = 0;
	b->settled_lost = false;
}

static void take_other(struct gw_backlog *b, int64_t now_ns)
{
	struct gw_batch *batch = gw_store_take(b->store, b->sink);
	enum gw_backlog_other other = b->other;

	if (batch == NULL)
		return;
	b->asking_other = false;
	b->other = GW_BACKLOG_NONE;
	if (batch->failed)
		b->other_not_before_ns = now_ns + AGAIN_NS;
	b->answer(b->arg, other, batch);
	gw_batch_free(batch);
}

bool gw_backlog_ask_other(
	struct gw_backlog *b, enum gw_backlog_other other, uint64_t seq, int64_t from_ms)
{
	if (b->other != GW_BACKLOG_NONE)
		return false;
	b->other = other;
	b->other_seq = seq;
	b->other_ms = from_ms;
	return true;
}

/* After the marks, as for what is owed. */
static void ask_other(struct gw_backlog *b, int64_t now_ns)
{
	if (b->n_marks > 0 || now_ns < b->other_not_before_ns)
		return;
	if (b->other == GW_BACKLOG_PARKED)
		b->asking_other = gw_store_ask_parked(
			b->store, b->sink, b->other_seq, GW_BACKLOG_ASK_PARKED);
	else
		b->asking_other = gw_store_owe(
			b->store, b->sink, b->other_seq, b->other_ms);
	if (!b->asking_other)
		b->other_not_before_ns = now_ns + LINE_FULL_NS;
}

static void ask(struct gw_backlog *b, int64_t now_ns, bool hungry)
{
	const struct gw_outbox *o = b->outbox;
	bool room = o->n + GW_BACKLOG_ASK <= o->most && o->bytes <= o->most_bytes / 2;

	if (gw_outbox_complete(o) || !(room || hungry))
		return;
	if (b->waiting_ns == 0)
		b->waiting_ns = now_ns;
	/* Marks go first: an event that is settled must not come again. What was left out may
	 * still be on its way to the store until it is committed; with a store that cannot
	 * commit, what it has will do. */
	if (b->n_marks > 0 || now_ns < b->not_before_ns)
		return;
	b->asked_committed = gw_store_committed(b->store);
	if (b->asked_committed < o->left_out && !gw_backlog_late(b, now_ns))
		return;
	b->parked_since_asked = 0;
	b->asked = o->complete;
	b->asked_left_out = o->left_out;
	b->asked_debts = b->debts;
	b->asking = gw_store_ask(b->store, b->sink, o->complete, GW_BACKLOG_ASK);
	if (!b->asking)
		b->not_before_ns = now_ns + LINE_FULL_NS;
}

void gw_backlog_turn(struct gw_backlog *b, int64_t now_ns, bool hungry)
{
	uint32_t debts = gw_store_debts(b->store);

	flush_marks(b);
	if (debts != b->debts) { /* the store owes what it could not read before */
		gw_outbox_missed(b->outbox, 0);
		b->counted = false;
	}
	b->debts = debts;
	if (b->asking)
		take(b, now_ns);
	if (b->asking_other)
		take_other(b, now_ns);
	if (!b->asking && !b->asking_other)
		ask(b, now_ns, hungry);
	if (!b->asking && !b->asking_other && b->other != GW_BACKLOG_NONE)
		ask_other(b, now_ns);
}

bool gw_backlog_late(const struct gw_backlog *b, int64_t now_ns)
{
	return b->waiting_ns != 0 && now_ns >= b->waiting_ns + GW_BACKLOG_PATIENCE_NS;
}

int64_t gw_backlog_next_ns(const struct gw_backlog *b, int64_t now_ns)
{
	int64_t next = INT64_MAX;

	if (b->n_marks > 0)
		next = now_ns + LINE_FULL_NS;
	if (b->other != GW_BACKLOG_NONE && !b->asking_other && !b->asking &&
		b->other_not_before_ns > now_ns && b->other_not_before_ns < next)
		next = b->other_not_before_ns;
	if (b->waiting_ns == 0)
		return next;
	if (!b->asking && b->not_before_ns > now_ns && b->not_before_ns < next)
		next = b->not_before_ns;
	if (!gw_backlog_late(b, now_ns) && b->waiting_ns + GW_BACKLOG_PATIENCE_NS < next)
		next = b->waiting_ns + GW_BACKLOG_PATIENCE_NS;
	return next;
}
