/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "store/store_internal.h"

#include <stdlib.h>
#include <string.h>

#define MARKS_MAX      65536
#define HISTORY_MAX_NS (100 * GW_NS_PER_MS)

/* ---- the uplink's side ---- */

static bool send_message(
	struct gw_store *s, size_t slot, const struct gw_mailbox_message *message)
{
	struct gw_mailbox *l = &s->mailboxes[slot];

	if (gw_ring_push(&l->messages, message, 1, sizeof(*message)) == 0)
		return false;
	gw_wake_poke(&s->wake);
	return true;
}

void gw_store_attach_uplink(struct gw_store *s, size_t slot, struct gw_wake *wake)
{
	pthread_mutex_lock(&s->lock);
	s->mailboxes[slot].wake = wake;
	pthread_mutex_unlock(&s->lock);
}

bool gw_store_mark(struct gw_store *s, size_t slot, uint64_t seq, enum gw_mark_kind kind)
{
	return send_message(
		s, slot, &(struct gw_mailbox_message){.seq = seq, .kind = (uint16_t)kind});
}

static bool send_request(
	struct gw_store *s, size_t slot, const struct gw_mailbox_message *message)
{
	struct gw_mailbox *l = &s->mailboxes[slot];

	if (l->request_pending)
		return false;
	l->request_pending = send_message(s, slot, message);
	return l->request_pending;
}

static uint16_t cap_batch(size_t n)
{
	return (uint16_t)(n < GW_STORE_BATCH ? n : GW_STORE_BATCH);
}

bool gw_store_request_owed(
	struct gw_store *s, size_t slot, struct gw_owed_cursor after, size_t max_events)
{
	return send_request(s, slot,
		&(struct gw_mailbox_message){.seq = after.seq,
			.level = after.level,
			.max_events = cap_batch(max_events),
			.kind = GW_MAILBOX_REQUEST_OWED});
}

bool gw_store_request_parked(
	struct gw_store *s, size_t slot, uint64_t after_seq, size_t max_events)
{
	return send_request(s, slot,
		&(struct gw_mailbox_message){.seq = after_seq,
			.max_events = cap_batch(max_events),
			.kind = GW_MAILBOX_REQUEST_PARKED});
}

bool gw_store_request_resend(
	struct gw_store *s, size_t slot, uint64_t from_seq, int64_t from_ms)
{
	return send_request(s, slot,
		&(struct gw_mailbox_message){.seq = from_seq,
			.from_ms = from_ms,
			.kind = GW_MAILBOX_REQUEST_RESEND});
}

struct gw_batch *gw_store_take_batch(struct gw_store *s, size_t slot)
{
	struct gw_mailbox *l = &s->mailboxes[slot];
	struct gw_batch *b = atomic_exchange_explicit(
		&l->reply, NULL, memory_order_acq_rel);

	if (b)
		l->request_pending = false;
	return b;
}

void gw_store_attach_reader(struct gw_store *s, struct gw_wake *wake)
{
	s->reader = wake;
}

bool gw_store_request_history(struct gw_store *s, size_t last, int64_t since_ms)
{
	if (s->history_pending)
		return false;
	s->history_pending = true;
	s->history_last = last < GW_STORE_HISTORY ? last : GW_STORE_HISTORY;
	s->history_since_ms = since_ms;
	atomic_store_explicit(&s->history_requested, true, memory_order_release);
	gw_wake_poke(&s->wake);
	return true;
}

struct gw_batch *gw_store_take_history(struct gw_store *s)
{
	struct gw_batch *b = atomic_exchange_explicit(
		&s->history, NULL, memory_order_acq_rel);

	if (b)
		s->history_pending = false;
	return b;
}

/* ---- the store's side ---- */

/* Under the lock, so that main may take the wake away; a poke never blocks. */
void gw_mailbox_wake_uplink(struct gw_store *s, size_t slot)
{
	pthread_mutex_lock(&s->lock);
	if (s->mailboxes[slot].wake)
		gw_wake_poke(s->mailboxes[slot].wake);
	pthread_mutex_unlock(&s->lock);
}

static struct gw_journal_entry *find_entry(struct gw_store *s, uint64_t seq)
{
	size_t from = 0, to = s->n_entries;

	while (from < to) {
		size_t at = from + (to - from) / 2;

		if (s->entries[at].event.seq < seq)
			from = at + 1;
		else
			to = at;
	}
	return from < s->n_entries && s->entries[from].event.seq == seq ? &s->entries[from]
									: NULL;
}

/* Masks of events in memory are by index of the sink: which bits the database gives them may
 * not be known yet. True if the mark is done with. */
static bool apply_mark(struct gw_store *s, const struct gw_pending_mark *m)
{
	struct gw_journal_entry *e = find_entry(s, m->seq);
	uint32_t mask = (uint32_t)1 << m->slot;

	if (!e)
		return false;
	switch ((enum gw_mark_kind)m->kind) {
	case GW_MARK_DELIVERED: e->owed &= ~mask; break;
	case GW_MARK_PARKED:
		e->parked |= mask;
		e->owed &= ~mask;
		break;
	case GW_MARK_UNDURABLE: e->undurable |= mask; break;
	case GW_MARK_UNPARKED: e->parked &= ~mask; break;
	}
	return true;
}

void gw_mailbox_apply_marks(struct gw_store *s, int64_t now_ns)
{
	size_t n_kept = 0, n_writable = 0;

	for (size_t i = 0; i < s->n_marks; i++) {
		if (apply_mark(s, &s->marks[i]))
			continue;
		n_writable += s->marks[i].seq <= s->last_drained_seq;
		s->marks[n_kept++] = s->marks[i];
	}
	if (n_writable > 0 && s->n_writable_marks == 0)
		s->marks_writable_ns = now_ns;
	s->n_marks = n_kept;
	s->n_writable_marks = n_writable;
}

static bool append_mark(struct gw_store *s, const struct gw_pending_mark *m)
{
	if (s->n_marks == s->marks_capacity) {
		size_t capacity = s->marks_capacity ? 2 * s->marks_capacity : 64;
		struct gw_pending_mark *grown = realloc(
			s->marks, capacity * sizeof(*grown));

		if (!grown)
			return false;
		s->marks = grown;
		s->marks_capacity = capacity;
	}
	s->marks[s->n_marks++] = *m;
	return true;
}

void gw_mailbox_receive(struct gw_store *s)
{
	struct gw_mailbox_message message;

	for (size_t slot = 0; slot < GW_STORE_SLOTS; slot++) {
		struct gw_mailbox *l = &s->mailboxes[slot];
		bool nearly_full;

		if (!(s->used_slots >> slot & 1))
			continue;
		nearly_full = gw_ring_count(&l->messages) >= GW_MAILBOX_MESSAGES / 2;
		/* one that fails to be kept for lack of memory is only sent once more */
		while (!l->request_received && s->n_marks < MARKS_MAX &&
			gw_ring_pop(&l->messages, &message, 1, sizeof(message)) == 1) {
			struct gw_pending_mark m = {
				message.seq, l->heir_slot, (uint8_t)message.kind};

			if (message.kind >= GW_MAILBOX_REQUEST_OWED) {
				l->request_received = true;
				l->request = message;
				s->flush_marks = true;
			} else {
				append_mark(s, &m);
				s->flush_marks |= message.kind == GW_MARK_UNDURABLE;
			}
		}
		if (nearly_full)
			gw_mailbox_wake_uplink(s, slot);
	}
}

bool gw_mailbox_has_input(struct gw_store *s)
{
	for (size_t slot = 0; slot < GW_STORE_SLOTS; slot++)
		if (s->used_slots >> slot & 1 && !s->mailboxes[slot].request_received &&
			s->n_marks < MARKS_MAX &&
			gw_ring_count(&s->mailboxes[slot].messages) > 0)
			return true;
	return atomic_load_explicit(&s->history_requested, memory_order_acquire) ||
		atomic_load_explicit(&s->uplink_sets, memory_order_relaxed) != NULL;
}

static int by_seq(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* What this sink said and could not be written yet. */
struct seq_set {
	uint64_t *seqs;
	size_t n;
};

static bool is_in_seq_set(void *arg, uint64_t seq)
{
	const struct seq_set *seq_set = arg;

	return seq_set->n > 0 &&
		bsearch(&seq, seq_set->seqs, seq_set->n, sizeof(seq), by_seq) != NULL;
}

static bool collect_unwritten(struct gw_store *s, size_t slot, enum gw_mark_kind not_kind,
	struct seq_set *ret_set)
{
	struct seq_set seq_set = {0};

	if (s->n_marks > 0) {
		seq_set.seqs = malloc(s->n_marks * sizeof(*seq_set.seqs));
		if (!seq_set.seqs)
			return false;
		for (size_t i = 0; i < s->n_marks; i++)
			if (s->marks[i].slot == slot && s->marks[i].kind != not_kind)
				seq_set.seqs[seq_set.n++] = s->marks[i].seq;
		if (seq_set.n > 0)
			qsort(seq_set.seqs, seq_set.n, sizeof(*seq_set.seqs), by_seq);
	}
	*ret_set = seq_set;
	return true;
}

/* Whether the entry belongs into the answer to q, and where. */
static bool matches_request(
	const struct gw_journal_entry *e, size_t slot, const struct gw_mailbox_message *q)
{
	if (q->kind == GW_MAILBOX_REQUEST_PARKED)
		return (e->parked >> slot & 1) && e->event.seq > q->seq;
	return (e->owed >> slot & 1) &&
		(e->event.level < q->level ||
			(e->event.level == q->level && e->event.seq > q->seq));
}

static bool comes_before(const struct gw_mailbox_message *q, const struct gw_event *a,
	const struct gw_event *b)
{
	if (q->kind == GW_MAILBOX_REQUEST_PARKED)
		return a->seq < b->seq;
	return a->level != b->level ? a->level > b->level : a->seq < b->seq;
}

/* Events that are asked for but not committed, each in its place among those that are. */
static bool merge_entries(struct gw_store *s, size_t slot, struct gw_batch_memory *m)
{
	const struct gw_mailbox_message *q = &s->mailboxes[slot].request;

	for (size_t i = 0; i < s->n_entries; i++) {
		const struct gw_journal_entry *e = &s->entries[i];
		struct gw_event event = e->event;
		size_t at;

		if (!matches_request(e, slot, q))
			continue;
		event.durable = !(e->undurable >> slot & 1);
		for (at = m->batch.n; at > 0; at--)
			if (comes_before(q, &m->batch.events[at - 1], &event))
				break;
		if (at > 0 && m->batch.events[at - 1].seq == event.seq)
			continue;
		if (!gw_batch_insert(m, at, &event))
			return false;
	}
	return true;
}

static enum gw_err read_rows(struct gw_store *s, const struct gw_mailbox *l,
	struct seq_set *seq_set, struct gw_batch_memory *m)
{
	const struct gw_mailbox_message *q = &l->request;

	if (q->kind == GW_MAILBOX_REQUEST_PARKED)
		return gw_journal_read_parked(
			&s->db, l->bit, q->seq, is_in_seq_set, seq_set, m, NULL);
	return gw_journal_read_owed(
		&s->db, l->bit, q->level, q->seq, is_in_seq_set, seq_set, m, NULL);
}

/* With what it said and is not written yet. */
static uint64_t count_parked(struct gw_store *s, size_t slot)
{
	uint64_t n;

	if (s->recount_needed &&
		gw_journal_count(&s->db, s->owed, s->parked, NULL) == GW_OK)
		s->recount_needed = false;
	n = s->parked[__builtin_ctz(s->mailboxes[slot].bit)];
	for (size_t i = 0; i < s->n_entries; i++)
		n += s->entries[i].parked >> slot & 1;
	for (size_t i = 0; i < s->n_marks; i++)
		n += s->marks[i].slot == slot && s->marks[i].kind == GW_MARK_PARKED;
	return n;
}

static struct gw_batch *build_reply(struct gw_store *s, size_t slot)
{
	struct gw_mailbox *l = &s->mailboxes[slot];
	struct gw_batch_memory *m = gw_batch_new(l->request.max_events);
	struct seq_set seq_set = {0};

	if (!m)
		return NULL;
	if (l->request.kind == GW_MAILBOX_REQUEST_RESEND) {
		gw_store_resend_window(s, slot, &m->batch);
		return &m->batch;
	}
	if (!s->db.handle || !l->bit ||
		!collect_unwritten(s, slot, GW_MARK_UNDURABLE, &seq_set) ||
		read_rows(s, l, &seq_set, m))
		m->batch.failed = true;
	else
		m->batch.parked = count_parked(s, slot);
	free(seq_set.seqs);
	/* an undurable mark that waits to be written counts already */
	for (size_t i = 0; i < s->n_marks; i++)
		for (size_t k = 0; k < m->batch.n; k++)
			if (s->marks[i].slot == slot &&
				s->marks[i].kind == GW_MARK_UNDURABLE &&
				s->marks[i].seq == m->batch.events[k].seq)
				m->batch.events[k].durable = false;
	if (!merge_entries(s, slot, m))
		m->batch.failed = true;
	return &m->batch;
}

static struct gw_batch *build_history(struct gw_store *s)
{
	struct gw_batch_memory *m = gw_batch_new(s->history_last);

	if (!m)
		return NULL;
	for (size_t i = s->n_entries; i-- > 0;) { /* newest first */
		struct gw_event e = s->entries[i].event;

		e.durable = s->entries[i].undurable == 0;
		if (e.wall_ms >= s->history_since_ms && !gw_batch_insert(m, m->batch.n, &e))
			m->batch.failed = true;
	}
	if (!s->db.handle ||
		gw_journal_read_history(&s->db, s->history_since_ms,
			gw_clock_mono_ns() + HISTORY_MAX_NS, m, NULL))
		m->batch.failed = true;
	gw_batch_reverse(m);
	return &m->batch;
}

void gw_mailbox_announce_backlog(struct gw_store *s)
{
	gw_writer_publish_status(s);
	/* release: who sees the count asks after the debts are in the file */
	atomic_fetch_add_explicit(&s->backlog_generation, 1, memory_order_release);
	for (size_t slot = 0; slot < GW_STORE_SLOTS; slot++)
		gw_mailbox_wake_uplink(s, slot);
}

void gw_mailbox_reply_all(struct gw_store *s)
{
	struct gw_batch *b;

	for (size_t slot = 0; slot < GW_STORE_SLOTS; slot++) {
		struct gw_mailbox *l = &s->mailboxes[slot];

		if (!(s->used_slots >> slot & 1) || !l->request_received)
			continue;
		b = build_reply(s, slot);
		if (!b)
			continue; /* no memory: in the next round */
		l->request_received = false;
		atomic_store_explicit(&l->reply, b, memory_order_release);
		gw_mailbox_wake_uplink(s, slot);
	}
	if (!atomic_load_explicit(&s->history_requested, memory_order_acquire))
		return;
	b = build_history(s);
	if (!b)
		return;
	atomic_store_explicit(&s->history_requested, false, memory_order_relaxed);
	atomic_store_explicit(&s->history, b, memory_order_release);
	if (s->reader)
		gw_wake_poke(s->reader);
}
