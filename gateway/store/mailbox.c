/* SPDX-License-Identifier: Apache-2.0 */
#include "store/mailbox.h"

#include "base/clock.h"
#include "store/journal.h"
#include "store/journal_read.h"
#include "store/resend_window.h"
#include "store/store_internal.h"
#include "store/store_status.h"
#include "store/uncommitted.h"

#include <stdlib.h>
#include <string.h>

#define MARKS_MAX      65536
#define HISTORY_MAX_NS (100 * GW_NS_PER_MS)

bool gw_mailbox_send(
	struct gw_store *s, size_t slot, const struct gw_mailbox_message *message)
{
	if (gw_ring_push(&s->mailboxes[slot].messages, message, 1, sizeof(*message)) == 0)
		return false;
	gw_wake_poke(&s->wake);
	return true;
}

bool gw_mailbox_send_request(
	struct gw_store *s, size_t slot, const struct gw_mailbox_message *message)
{
	struct gw_mailbox *box = &s->mailboxes[slot];

	if (box->request_pending)
		return false;
	box->request_pending = gw_mailbox_send(s, slot, message);
	return box->request_pending;
}

/* Under the lock, because main clears wake before it frees it. A poke never blocks. */
void gw_mailbox_wake_uplink(struct gw_store *s, size_t slot)
{
	pthread_mutex_lock(&s->lock);
	if (s->mailboxes[slot].wake)
		gw_wake_poke(s->mailboxes[slot].wake);
	pthread_mutex_unlock(&s->lock);
}

/* What finds no room stays in its mailbox, so that no mark is lost. */
static bool has_room(struct gw_store *s)
{
	if (s->n_marks >= MARKS_MAX)
		return false;
	s->no_memory_for_mark = !gw_uncommitted_reserve_mark(s);
	return !s->no_memory_for_mark;
}

void gw_mailbox_receive(struct gw_store *s)
{
	struct gw_mailbox_message message;

	for (size_t slot = 0; slot < GW_STORE_SLOTS; slot++) {
		struct gw_mailbox *box = &s->mailboxes[slot];
		bool nearly_full;

		if (!(s->used_slots >> slot & 1))
			continue;
		nearly_full = gw_ring_count(&box->messages) >= GW_MAILBOX_MESSAGES / 2;
		while (!box->request_received && gw_ring_count(&box->messages) > 0 &&
			has_room(s) &&
			gw_ring_pop(&box->messages, &message, 1, sizeof(message)) == 1) {
			struct gw_uncommitted_mark m = {
				message.seq, box->heir_slot, (uint8_t)message.kind};

			if (message.kind >= GW_MAILBOX_REQUEST_OWED) {
				box->request_received = true;
				box->request = message;
				s->flush_marks = true;
			} else {
				gw_uncommitted_add_mark(s, &m);
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
			(s->n_marks < s->marks_capacity || !s->no_memory_for_mark) &&
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

/* The events that a slot has marked delivered, parked, unparked or owed and whose mark is not
 * written yet: their rows are out of date and are left out of a reply. */
struct seq_set {
	uint64_t *seqs;
	size_t n;
};

static bool is_in_seq_set(void *arg, uint64_t seq)
{
	const struct seq_set *set = arg;

	return set->n > 0 && bsearch(&seq, set->seqs, set->n, sizeof(seq), by_seq) != NULL;
}

static bool collect_unwritten(struct gw_store *s, size_t slot, struct seq_set *ret_set)
{
	struct seq_set set = {0};

	if (s->n_marks > 0) {
		set.seqs = malloc(s->n_marks * sizeof(*set.seqs));
		if (!set.seqs)
			return false;
		for (size_t i = 0; i < s->n_marks; i++)
			if (s->marks[i].slot == slot &&
				s->marks[i].kind != GW_MARK_UNDURABLE)
				set.seqs[set.n++] = s->marks[i].seq;
		if (set.n > 0)
			qsort(set.seqs, set.n, sizeof(*set.seqs), by_seq);
	}
	*ret_set = set;
	return true;
}

/* Whether the event in memory belongs to the reply to q. */
static bool matches_request(
	const struct gw_journal_entry *e, size_t slot, const struct gw_mailbox_message *m)
{
	if (m->kind == GW_MAILBOX_REQUEST_PARKED)
		return (e->parked >> slot & 1) && e->event.seq > m->seq;
	return (e->owed >> slot & 1) &&
		(e->event.level < m->level ||
			(e->event.level == m->level && e->event.seq > m->seq));
}

static bool comes_before(const struct gw_mailbox_message *m, const struct gw_event *a,
	const struct gw_event *b)
{
	if (m->kind == GW_MAILBOX_REQUEST_PARKED)
		return a->seq < b->seq;
	return a->level != b->level ? a->level > b->level : a->seq < b->seq;
}

/* Inserts the events in memory that were asked for, in the order of the rows. */
static bool merge_entries(struct gw_store *s, size_t slot, struct gw_batch_memory *m)
{
	const struct gw_mailbox_message *message = &s->mailboxes[slot].request;

	for (size_t i = 0; i < s->n_entries; i++) {
		const struct gw_journal_entry *e = &s->entries[i];
		struct gw_event event = e->event;
		size_t at;

		if (!matches_request(e, slot, message))
			continue;
		event.durable = !(e->undurable >> slot & 1);
		for (at = m->batch.n; at > 0; at--)
			if (comes_before(message, &m->batch.events[at - 1], &event))
				break;
		/* a commit that reported a failure may have reached the disk */
		if (at < m->batch.n && m->batch.events[at].seq == event.seq)
			continue;
		if (!gw_batch_insert(m, at, &event))
			return false;
	}
	return true;
}

static enum gw_err read_rows(struct gw_store *s, const struct gw_mailbox *box,
	struct seq_set *unwritten, struct gw_batch_memory *m)
{
	const struct gw_mailbox_message *message = &box->request;

	if (message->kind == GW_MAILBOX_REQUEST_PARKED)
		return gw_journal_read_parked(
			&s->db, box->bit, message->seq, is_in_seq_set, unwritten, m, NULL);
	return gw_journal_read_owed(&s->db, box->bit, message->level, message->seq,
		is_in_seq_set, unwritten, m, NULL);
}

/* In the database, in memory, and in marks that are not written yet. */
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

/* A mark to send an event again that is not written yet: no row says that it is owed. */
static bool has_unwritten_owed(const struct gw_store *s, size_t slot)
{
	for (size_t i = 0; i < s->n_marks; i++)
		if (s->marks[i].slot == slot && s->marks[i].kind == GW_MARK_OWED)
			return true;
	return false;
}

/* The newest event in memory of the alarm of e, if it is newer than e. NULL: there is none. */
static const struct gw_journal_entry *find_newer_entry(
	const struct gw_store *s, const struct gw_event *e)
{
	for (size_t i = s->n_entries; i-- > 0 && s->entries[i].event.seq > e->seq;)
		if (strcmp(s->entries[i].event.info->key, e->info->key) == 0)
			return &s->entries[i];
	return NULL;
}

/* The uplink knows only what it delivered itself. What an earlier run, or the uplink that this one
 * replaced, delivered is in memory until it is committed, then in the journal. */
static bool find_newer(struct gw_store *s, size_t slot, struct gw_batch *b)
{
	uint32_t bit = s->mailboxes[slot].bit;
	bool readable = s->db.handle && bit;
	size_t n = b->n, i;

	b->newer = calloc(n ? n : 1, sizeof(*b->newer));
	for (i = 0; b->newer && i < n; i++) {
		const struct gw_journal_entry *e = find_newer_entry(s, &b->events[i]);

		if (e && !((e->owed | e->parked) >> slot & 1))
			b->newer[i] = e->event.seq;
		else if (!e && readable &&
			gw_journal_read_newer(
				&s->db, &b->events[i], bit, &b->newer[i], NULL))
			break;
	}
	if (b->newer && i == n)
		return true;
	b->n = b->newer ? i : 0; /* the rest is sent when it can be read */
	return false;
}

static struct gw_batch *build_reply(struct gw_store *s, size_t slot)
{
	struct gw_mailbox *box = &s->mailboxes[slot];
	struct gw_batch_memory *m = gw_batch_new(box->request.max_events);
	struct seq_set unwritten = {0};

	if (!m)
		return NULL;
	if (box->request.kind == GW_MAILBOX_REQUEST_RESEND) {
		gw_resend_window_owe(s, slot, &m->batch);
		return &m->batch;
	}
	if (!s->db.handle || !box->bit || !collect_unwritten(s, slot, &unwritten) ||
		read_rows(s, box, &unwritten, m))
		m->batch.failed = true;
	else
		m->batch.parked = count_parked(s, slot);
	free(unwritten.seqs);
	/* undurable marks that are not written yet */
	for (size_t i = 0; i < s->n_marks; i++)
		for (size_t k = 0; k < m->batch.n; k++)
			if (s->marks[i].slot == slot &&
				s->marks[i].kind == GW_MARK_UNDURABLE &&
				s->marks[i].seq == m->batch.events[k].seq)
				m->batch.events[k].durable = false;
	if (!merge_entries(s, slot, m) || !find_newer(s, slot, &m->batch) ||
		has_unwritten_owed(s, slot))
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
			gw_clock_boot_ns() + HISTORY_MAX_NS, m, NULL))
		m->batch.failed = true;
	gw_batch_reverse(m);
	return &m->batch;
}

void gw_mailbox_announce_backlog(struct gw_store *s)
{
	gw_store_publish_status(s);
	/* Release, paired with the acquire of gw_store_backlog_revision: an uplink that
	 * sees the new number asks for rows that are in the file. */
	atomic_fetch_add_explicit(&s->backlog_revision, 1, memory_order_release);
	for (size_t slot = 0; slot < GW_STORE_SLOTS; slot++)
		gw_mailbox_wake_uplink(s, slot);
}

void gw_mailbox_reply_all(struct gw_store *s)
{
	struct gw_batch *b;

	for (size_t slot = 0; slot < GW_STORE_SLOTS; slot++) {
		struct gw_mailbox *box = &s->mailboxes[slot];

		if (!(s->used_slots >> slot & 1) || !box->request_received)
			continue;
		b = build_reply(s, slot);
		if (!b)
			continue; /* no memory: in the next step */
		box->request_received = false;
		atomic_store_explicit(&box->reply, b, memory_order_release);
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
