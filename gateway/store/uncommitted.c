/* SPDX-License-Identifier: Apache-2.0 */
#include "store/uncommitted.h"

#include "store/slots.h"
#include "store/store_internal.h"

#include <stdlib.h>
#include <string.h>

#define DROP_AGAIN_NS GW_NS_PER_SEC

/* ---- events ---- */

/* Adds the key to the hash table; true if it was there. */
static bool was_seen(const char **seen, size_t capacity, const char *key)
{
	size_t at = 0;

	for (const char *p = key; *p; p++)
		at = at * 31 + (unsigned char)*p;
	for (at &= capacity - 1; seen[at]; at = (at + 1) & (capacity - 1))
		if (strcmp(seen[at], key) == 0)
			return true;
	seen[at] = key;
	return false;
}

/* Memory is full because the disk cannot be written. Drops events that every uplink has and that
 * a later event of the same alarm supersedes: this costs a row of history, no state and no
 * delivery. */
static void drop_superseded(struct gw_store *s)
{
	size_t n_kept = s->n_entries, capacity = 64;
	const char **seen;

	while (capacity < 2 * s->n_entries)
		capacity *= 2;
	seen = calloc(capacity, sizeof(*seen));
	if (!seen)
		return;
	for (size_t i = s->n_entries; i-- > 0;) {
		const struct gw_journal_entry *e = &s->entries[i];

		if (!was_seen(seen, capacity, e->event.info->key) || e->owed || e->parked ||
			e->owed_to_removed)
			s->entries[--n_kept] = *e;
		else
			s->refused++;
	}
	free(seen);
	s->n_entries -= n_kept;
	memmove(s->entries, s->entries + n_kept, s->n_entries * sizeof(*s->entries));
}

bool gw_uncommitted_reserve_entry(struct gw_store *s)
{
	size_t capacity = s->entries_capacity ? 2 * s->entries_capacity : 64;
	struct gw_journal_entry *grown;

	if (s->n_entries < s->entries_capacity)
		return true;
	grown = realloc(s->entries, capacity * sizeof(*grown));
	if (!grown)
		return false;
	s->entries = grown;
	s->entries_capacity = capacity;
	return true;
}

/* Makes room for an event of the ring, which may wait there. */
static bool make_room(struct gw_store *s, int64_t now_ns)
{
	if (s->n_entries < s->max_uncommitted)
		return gw_uncommitted_reserve_entry(s);
	if (now_ns - s->superseded_dropped_ns < DROP_AGAIN_NS)
		return false;
	s->superseded_dropped_ns = now_ns;
	drop_superseded(s);
	return s->n_entries < s->max_uncommitted;
}

void gw_uncommitted_drain_ring(struct gw_store *s, int64_t now_ns)
{
	struct gw_event e;

	while (s->n_entries < GW_STORE_COMMIT_MAX || s->failing) {
		if (gw_ring_count(&s->events) == 0 || !make_room(s, now_ns))
			return;
		gw_ring_pop(&s->events, &e, 1,
			sizeof(e)); /* the only consumer: it cannot be empty now */
		gw_slots_apply_sets(s, e.seq);
		s->entries[s->n_entries++] = (struct gw_journal_entry){.event = e,
			.owed = s->active_slots,
			.owed_to_removed = s->active_slots == 0};
		s->last_drained_seq = e.seq;
	}
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

/* ---- marks ---- */

bool gw_uncommitted_reserve_mark(struct gw_store *s)
{
	if (s->n_marks == s->marks_capacity) {
		size_t capacity = s->marks_capacity ? 2 * s->marks_capacity : 64;
		struct gw_uncommitted_mark *grown = realloc(
			s->marks, capacity * sizeof(*grown));

		if (!grown)
			return false;
		s->marks = grown;
		s->marks_capacity = capacity;
	}
	return true;
}

void gw_uncommitted_add_mark(struct gw_store *s, const struct gw_uncommitted_mark *mark)
{
	s->marks[s->n_marks++] = *mark;
}

/* False: the event is not in memory. The masks of events in memory are by slot, because the bit
 * in the database may not be known yet. */
static bool apply_mark(struct gw_store *s, const struct gw_uncommitted_mark *m)
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
	case GW_MARK_OWED: e->owed |= mask; break;
	}
	return true;
}

/* A mark whose seq is above last_drained_seq can come before its event: it waits. */
void gw_uncommitted_apply_marks(struct gw_store *s, int64_t now_ns)
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
