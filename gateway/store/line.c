/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "store/inner.h"

#include <stdlib.h>
#include <string.h>

#define MARKS_MOST     65536
#define HISTORY_FOR_NS (100 * GW_NS_PER_MS)

/* ---- the uplink's side ---- */

static bool say(struct gw_store *s, size_t sink, const struct gw_line_word *word)
{
	struct gw_line *l = &s->lines[sink];

	if (gw_ring_push(&l->words, word, 1, sizeof(*word)) == 0)
		return false;
	gw_wake_poke(&s->wake);
	return true;
}

void gw_store_attach(struct gw_store *s, size_t sink, struct gw_wake *wake)
{
	pthread_mutex_lock(&s->lock);
	s->lines[sink].wake = wake;
	pthread_mutex_unlock(&s->lock);
}

bool gw_store_mark(struct gw_store *s, size_t sink, uint64_t seq, enum gw_mark_kind kind)
{
	return say(s, sink, &(struct gw_line_word){.seq = seq, .kind = (uint16_t)kind});
}

static bool question(struct gw_store *s, size_t sink, const struct gw_line_word *word)
{
	struct gw_line *l = &s->lines[sink];

	if (l->asking)
		return false;
	l->asking = say(s, sink, word);
	return l->asking;
}

static uint16_t at_most(size_t n)
{
	return (uint16_t)(n < GW_STORE_BATCH ? n : GW_STORE_BATCH);
}

bool gw_store_ask(struct gw_store *s, size_t sink, struct gw_cursor after, size_t most)
{
	return question(s, sink,
		&(struct gw_line_word){.seq = after.seq,
			.level = after.level,
			.most = at_most(most),
			.kind = GW_LINE_ASK});
}

bool gw_store_ask_parked(struct gw_store *s, size_t sink, uint64_t after_seq, size_t most)
{
	return question(s, sink,
		&(struct gw_line_word){.seq = after_seq,
			.most = at_most(most),
			.kind = GW_LINE_ASK_PARKED});
}

bool gw_store_owe(struct gw_store *s, size_t sink, uint64_t from_seq, int64_t from_ms)
{
	return question(s, sink,
		&(struct gw_line_word){
			.seq = from_seq, .from_ms = from_ms, .kind = GW_LINE_OWE});
}

struct gw_batch *gw_store_take(struct gw_store *s, size_t sink)
{
	struct gw_line *l = &s->lines[sink];
	struct gw_batch *b = atomic_exchange_explicit(
		&l->answer, NULL, memory_order_acq_rel);

	if (b)
		l->asking = false;
	return b;
}

void gw_store_attach_reader(struct gw_store *s, struct gw_wake *wake)
{
	s->reader = wake;
}

bool gw_store_ask_history(struct gw_store *s, size_t last, int64_t since_ms)
{
	if (s->reading)
		return false;
	s->reading = true;
	s->history_last = last < GW_STORE_HISTORY ? last : GW_STORE_HISTORY;
	s->history_since_ms = since_ms;
	atomic_store_explicit(&s->history_asked, true, memory_order_release);
	gw_wake_poke(&s->wake);
	return true;
}

struct gw_batch *gw_store_take_history(struct gw_store *s)
{
	struct gw_batch *b = atomic_exchange_explicit(
		&s->history, NULL, memory_order_acq_rel);

	if (b)
		s->reading = false;
	return b;
}

/* ---- the store's side ---- */

/* Under the lock, so that main may take the wake away; a poke never blocks. */
void gw_line_poke(struct gw_store *s, size_t sink)
{
	pthread_mutex_lock(&s->lock);
	if (s->lines[sink].wake)
		gw_wake_poke(s->lines[sink].wake);
	pthread_mutex_unlock(&s->lock);
}

static struct gw_entry *find_entry(struct gw_store *s, uint64_t seq)
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
static bool apply(struct gw_store *s, const struct gw_mark *m)
{
	struct gw_entry *e = find_entry(s, m->seq);
	uint32_t mask = (uint32_t)1 << m->sink;

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

void gw_line_settle(struct gw_store *s, int64_t now_ns)
{
	size_t kept = 0, ripe = 0;

	for (size_t i = 0; i < s->n_marks; i++) {
		if (apply(s, &s->marks[i]))
			continue;
		ripe += s->marks[i].seq <= s->drained_seq;
		s->marks[kept++] = s->marks[i];
	}
	if (ripe > 0 && s->n_ripe == 0)
		s->ripe_ns = now_ns;
	s->n_marks = kept;
	s->n_ripe = ripe;
}

static bool keep_mark(struct gw_store *s, const struct gw_mark *m)
{
	if (s->n_marks == s->room_marks) {
		size_t room = s->room_marks ? 2 * s->room_marks : 64;
		struct gw_mark *grown = realloc(s->marks, room * sizeof(*grown));

		if (!grown)
			return false;
		s->marks = grown;
		s->room_marks = room;
	}
	s->marks[s->n_marks++] = *m;
	return true;
}

void gw_line_take(struct gw_store *s)
{
	struct gw_line_word word;

	for (size_t sink = 0; sink < GW_STORE_SINKS; sink++) {
		struct gw_line *l = &s->lines[sink];
		bool crowded;

		if (!(s->known >> sink & 1))
			continue;
		crowded = gw_ring_count(&l->words) >= GW_LINE_WORDS / 2;
		/* one that fails to be kept for lack of memory is only sent once more */
		while (!l->asked && s->n_marks < MARKS_MOST &&
			gw_ring_pop(&l->words, &word, 1, sizeof(word)) == 1) {
			struct gw_mark m = {word.seq, l->speaks_for, (uint8_t)word.kind};

			if (word.kind >= GW_LINE_ASK) {
				l->asked = true;
				l->question = word;
				s->hurry = true;
			} else {
				keep_mark(s, &m);
				s->hurry |= word.kind == GW_MARK_UNDURABLE;
			}
		}
		if (crowded)
			gw_line_poke(s, sink);
	}
}

bool gw_line_waiting(struct gw_store *s)
{
	for (size_t sink = 0; sink < GW_STORE_SINKS; sink++)
		if (s->known >> sink & 1 && !s->lines[sink].asked &&
			s->n_marks < MARKS_MOST && gw_ring_count(&s->lines[sink].words) > 0)
			return true;
	return atomic_load_explicit(&s->history_asked, memory_order_acquire) ||
		atomic_load_explicit(&s->sets, memory_order_relaxed) != NULL;
}

static int by_seq(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* What this sink said and could not be written yet. */
struct said {
	uint64_t *seqs;
	size_t n;
};

static bool was_said(void *arg, uint64_t seq)
{
	const struct said *said = arg;

	return said->n > 0 &&
		bsearch(&seq, said->seqs, said->n, sizeof(seq), by_seq) != NULL;
}

static bool collect_said(
	struct gw_store *s, size_t sink, enum gw_mark_kind not_kind, struct said *ret_said)
{
	struct said said = {0};

	if (s->n_marks > 0) {
		said.seqs = malloc(s->n_marks * sizeof(*said.seqs));
		if (!said.seqs)
			return false;
		for (size_t i = 0; i < s->n_marks; i++)
			if (s->marks[i].sink == sink && s->marks[i].kind != not_kind)
				said.seqs[said.n++] = s->marks[i].seq;
		if (said.n > 0)
			qsort(said.seqs, said.n, sizeof(*said.seqs), by_seq);
	}
	*ret_said = said;
	return true;
}

/* Whether the entry belongs into the answer to q, and where. */
static bool is_asked_for(
	const struct gw_entry *e, size_t sink, const struct gw_line_word *q)
{
	if (q->kind == GW_LINE_ASK_PARKED)
		return (e->parked >> sink & 1) && e->event.seq > q->seq;
	return (e->owed >> sink & 1) &&
		(e->event.level < q->level ||
			(e->event.level == q->level && e->event.seq > q->seq));
}

static bool comes_before(
	const struct gw_line_word *q, const struct gw_event *a, const struct gw_event *b)
{
	if (q->kind == GW_LINE_ASK_PARKED)
		return a->seq < b->seq;
	return a->level != b->level ? a->level > b->level : a->seq < b->seq;
}

/* Events that are asked for but not committed, each in its place among those that are. */
static bool merge_entries(struct gw_store *s, size_t sink, struct gw_batch_memory *m)
{
	const struct gw_line_word *q = &s->lines[sink].question;

	for (size_t i = 0; i < s->n_entries; i++) {
		const struct gw_entry *e = &s->entries[i];
		struct gw_event event = e->event;
		size_t at;

		if (!is_asked_for(e, sink, q))
			continue;
		event.durable = !(e->undurable >> sink & 1);
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

static enum gw_err read_rows(struct gw_store *s, const struct gw_line *l, struct said *said,
	struct gw_batch_memory *m)
{
	const struct gw_line_word *q = &l->question;

	if (q->kind == GW_LINE_ASK_PARKED)
		return gw_journal_parked_batch(
			&s->db, l->bit, q->seq, was_said, said, m, NULL);
	return gw_journal_owed(&s->db, l->bit, q->level, q->seq, was_said, said, m, NULL);
}

/* With what it said and is not written yet. */
static uint64_t count_parked(struct gw_store *s, size_t sink)
{
	uint64_t n;

	if (s->recount && gw_journal_count(&s->db, s->owed, s->parked, NULL) == GW_OK)
		s->recount = false;
	n = s->parked[__builtin_ctz(s->lines[sink].bit)];
	for (size_t i = 0; i < s->n_entries; i++)
		n += s->entries[i].parked >> sink & 1;
	for (size_t i = 0; i < s->n_marks; i++)
		n += s->marks[i].sink == sink && s->marks[i].kind == GW_MARK_PARKED;
	return n;
}

static struct gw_batch *answer(struct gw_store *s, size_t sink)
{
	struct gw_line *l = &s->lines[sink];
	struct gw_batch_memory *m = gw_batch_new(l->question.most);
	struct said said = {0};

	if (!m)
		return NULL;
	if (l->question.kind == GW_LINE_OWE) {
		gw_resend_owe(s, sink, &m->batch);
		return &m->batch;
	}
	if (!s->db.handle || !l->bit || !collect_said(s, sink, GW_MARK_UNDURABLE, &said) ||
		read_rows(s, l, &said, m))
		m->batch.failed = true;
	else
		m->batch.parked = count_parked(s, sink);
	free(said.seqs);
	/* an undurable mark that waits to be written counts already */
	for (size_t i = 0; i < s->n_marks; i++)
		for (size_t k = 0; k < m->batch.n; k++)
			if (s->marks[i].sink == sink &&
				s->marks[i].kind == GW_MARK_UNDURABLE &&
				s->marks[i].seq == m->batch.events[k].seq)
				m->batch.events[k].durable = false;
	if (!merge_entries(s, sink, m))
		m->batch.failed = true;
	return &m->batch;
}

static struct gw_batch *answer_history(struct gw_store *s)
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
		gw_journal_history(&s->db, s->history_since_ms,
			gw_clock_mono_ns() + HISTORY_FOR_NS, m, NULL))
		m->batch.failed = true;
	gw_batch_reverse(m);
	return &m->batch;
}

void gw_line_debts(struct gw_store *s)
{
	gw_round_status(s);
	/* release: who sees the count asks after the debts are in the file */
	atomic_fetch_add_explicit(&s->debts, 1, memory_order_release);
	for (size_t sink = 0; sink < GW_STORE_SINKS; sink++)
		gw_line_poke(s, sink);
}

void gw_line_answer(struct gw_store *s)
{
	struct gw_batch *b;

	for (size_t sink = 0; sink < GW_STORE_SINKS; sink++) {
		struct gw_line *l = &s->lines[sink];

		if (!(s->known >> sink & 1) || !l->asked)
			continue;
		b = answer(s, sink);
		if (!b)
			continue; /* no memory: in the next round */
		l->asked = false;
		atomic_store_explicit(&l->answer, b, memory_order_release);
		gw_line_poke(s, sink);
	}
	if (!atomic_load_explicit(&s->history_asked, memory_order_acquire))
		return;
	b = answer_history(s);
	if (!b)
		return;
	atomic_store_explicit(&s->history_asked, false, memory_order_relaxed);
	atomic_store_explicit(&s->history, b, memory_order_release);
	if (s->reader)
		gw_wake_poke(s->reader);
}
