/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "store/inner.h"
#include "store/runfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMIT_MOST     1024 /* events in one transaction */
#define MARKS_WAIT_NS   (100 * GW_NS_PER_MS)
#define BACKOFF_MIN_NS  (100 * GW_NS_PER_MS)
#define BACKOFF_MAX_NS  (10 * GW_NS_PER_SEC)
#define BALLAST_WAIT_NS (10 * GW_NS_PER_SEC)
#define NOTE_WAIT_NS    (60 * GW_NS_PER_SEC)
#define SLEEP_NS        (2 * GW_NS_PER_SEC) /* shorter than GW_BEAT_MAX_MS */
#define WRITE_TRIES     16
#define RELIEFS         8
#define THIN_WAIT_NS    GW_NS_PER_SEC

/* ---- in ---- */

/* Whether the key is in the table; it is afterwards. */
static bool saw(const char **seen, size_t room, const char *key)
{
	size_t at = 0;

	for (const char *p = key; *p; p++)
		at = at * 31 + (unsigned char)*p;
	for (at &= room - 1; seen[at]; at = (at + 1) & (room - 1))
		if (strcmp(seen[at], key) == 0)
			return true;
	seen[at] = key;
	return false;
}

/* Events the uplinks have, and that a later event of the same alarm has overtaken: what is
 * forgotten is a line of history, not a state and not a delivery. Only with a disk that cannot
 * be written and memory for no more. */
static void thin_out(struct gw_store *s)
{
	size_t kept = s->n_entries, room = 64;
	const char **seen;

	while (room < 2 * s->n_entries)
		room *= 2;
	seen = calloc(room, sizeof(*seen));
	if (!seen)
		return;
	for (size_t i = s->n_entries; i-- > 0;) {
		const struct gw_entry *e = &s->entries[i];

		if (!saw(seen, room, e->event.info->key) || e->owed)
			s->entries[--kept] = *e;
		else
			s->refused++;
	}
	free(seen);
	s->n_entries -= kept;
	memmove(s->entries, s->entries + kept, s->n_entries * sizeof(*s->entries));
}

static bool make_room(struct gw_store *s, int64_t now_ns)
{
	size_t room = s->room_entries ? 2 * s->room_entries : 64;
	struct gw_entry *grown;

	if (s->n_entries < s->room_entries)
		return true;
	if (s->n_entries >= s->most_pending) {
		if (now_ns - s->thin_ns < THIN_WAIT_NS)
			return false;
		s->thin_ns = now_ns;
		thin_out(s);
		return s->n_entries < s->room_entries;
	}
	if (room > s->most_pending)
		room = s->most_pending;
	grown = realloc(s->entries, room * sizeof(*grown));
	if (!grown)
		return false;
	s->entries = grown;
	s->room_entries = room;
	return true;
}

static void take_events(struct gw_store *s, int64_t now_ns)
{
	struct gw_event e;

	while (s->n_entries < COMMIT_MOST || s->failing) {
		if (gw_ring_count(&s->events) == 0 || !make_room(s, now_ns) ||
			gw_ring_pop(&s->events, &e, 1, sizeof(e)) == 0)
			return;
		gw_sinks_take(s, e.seq);
		s->entries[s->n_entries++] = (struct gw_entry){
			.event = e, .owed = s->live, .to_gone = s->live == 0};
		s->drained_seq = e.seq;
	}
}

/* ---- out ---- */

static uint32_t to_bits(const struct gw_store *s, uint32_t sinks)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < GW_STORE_SINKS; i++)
		if (sinks >> i & 1)
			bits |= s->lines[i].bit;
	return bits;
}

struct written {
	size_t entries, bare;
	uint64_t cleared[32], parked[32], unparked[32];
};

static enum gw_err write_mark(struct gw_store *s, const struct gw_mark *m,
	struct written *w, struct gw_error *err)
{
	uint32_t bit = s->lines[m->sink].bit;
	unsigned at = bit ? (unsigned)__builtin_ctz(bit) : 0;
	struct gw_cleared cleared = {0};
	enum gw_err rc;

	if (!bit) /* its debts were dropped */
		return GW_OK;
	if (m->kind == GW_MARK_UNDURABLE)
		return gw_journal_undurable(&s->db, m->seq, bit, err);
	if (m->kind == GW_MARK_UNPARKED) {
		bool was_parked = false;

		rc = gw_journal_unparked(&s->db, m->seq, bit, &was_parked, err);
		w->unparked[at] += was_parked;
		return rc;
	}
	rc = gw_journal_delivered(&s->db, m->seq, bit, &cleared, err);
	if (rc || !cleared.was_owed)
		return rc;
	w->cleared[at]++;
	gw_keep_delivered(&s->keep, m->seq, cleared.class_, cleared.level);
	if (m->kind != GW_MARK_PARKED)
		return GW_OK;
	w->parked[at]++;
	return gw_journal_parked(&s->db, m->seq, bit, err);
}

static enum gw_err write_entry(struct gw_store *s, const struct gw_entry *e,
	struct written *w, struct gw_error *err)
{
	struct gw_entry bits = *e;
	bool bare = (int)e->event.info->class_ < s->keep.refuse_below;

	bits.owed = to_bits(s, e->owed) | (e->to_gone ? gw_names_gone(s) : 0);
	bits.parked = to_bits(s, e->parked);
	bits.undurable = to_bits(s, e->undurable);
	w->bare += bare;
	return gw_journal_put(&s->db, &s->texts, &bits, bare, err);
}

static enum gw_err write_once(struct gw_store *s, struct written *ret, struct gw_error *err)
{
	struct written w = {0};
	enum gw_err rc = gw_db_begin(&s->db, err);

	/* first what was said, then what is new: an event's row is written as it left */
	for (size_t i = 0; !rc && i < s->n_marks; i++)
		if (s->marks[i].seq <= s->drained_seq)
			rc = write_mark(s, &s->marks[i], &w, err);
	while (!rc && w.entries < s->n_entries && w.entries < COMMIT_MOST)
		rc = write_entry(s, &s->entries[w.entries++], &w, err);
	if (!rc && w.bare > 0)
		rc = gw_db_meta_put(&s->db, "last_seq",
			(int64_t)s->entries[w.entries - 1].event.seq, err);
	if (!rc)
		rc = gw_db_commit(&s->db, err);
	if (rc) {
		gw_db_rollback(&s->db);
		gw_texts_forget(&s->texts);
		return rc;
	}
	*ret = w;
	return GW_OK;
}

static void count(struct gw_store *s, const struct written *w)
{
	for (size_t at = 0; at < 32; at++) {
		s->owed[at] -= w->cleared[at] < s->owed[at] ? w->cleared[at] : s->owed[at];
		s->parked[at] += w->parked[at];
		s->parked[at] -= w->unparked[at] < s->parked[at] ? w->unparked[at]
								 : s->parked[at];
	}
	for (size_t i = 0; i < w->entries; i++) {
		const struct gw_entry *e = &s->entries[i];

		if ((int)e->event.info->class_ < s->keep.refuse_below)
			continue;
		for (size_t at = 0; at < 32 && e->to_gone; at++)
			s->owed[at] += gw_names_gone(s) >> at & 1;
		for (size_t sink = 0; sink < GW_STORE_SINKS; sink++) {
			uint32_t bit = s->lines[sink].bit;
			size_t at = bit ? (size_t)__builtin_ctz(bit) : 0;

			if (!bit)
				continue;
			s->owed[at] += e->owed >> sink & 1;
			s->parked[at] += e->parked >> sink & 1;
		}
	}
}

static bool recount(struct gw_store *s)
{
	if (!s->recount || gw_journal_count(&s->db, s->owed, s->parked, NULL))
		return false;
	s->recount = false;
	return true;
}

static void publish(struct gw_store *s, uint64_t seq)
{
	pthread_mutex_lock(&s->lock);
	atomic_store_explicit(&s->committed, seq, memory_order_release);
	pthread_cond_broadcast(&s->moved);
	pthread_mutex_unlock(&s->lock);
}

static void settle(struct gw_store *s, const struct written *w)
{
	size_t kept = 0;

	if (!recount(s))
		count(s, w);
	s->commits++;
	s->rows += w->entries - w->bare;
	s->refused += w->bare;
	for (size_t i = 0; i < s->n_marks; i++)
		if (s->marks[i].seq > s->drained_seq)
			s->marks[kept++] = s->marks[i];
	s->n_marks = kept;
	s->n_ripe = 0;
	s->hurry = false;
	if (w->entries > 0) {
		publish(s, s->entries[w->entries - 1].event.seq);
		s->n_entries -= w->entries;
		memmove(s->entries, s->entries + w->entries,
			s->n_entries * sizeof(*s->entries));
	}
	for (size_t sink = 0; sink < GW_STORE_SINKS; sink++)
		if (s->known >> sink & 1)
			gw_line_poke(s, sink);
}

/* ---- when it fails ---- */

static void fails(struct gw_store *s, int64_t now_ns, const struct gw_error *why)
{
	bool news = !s->failing || s->tries == 0;

	if (news)
		s->failing_ns = now_ns;
	s->failing = true;
	s->tries++;
	s->why = *why;
	s->backoff_ns = s->backoff_ns ? 2 * s->backoff_ns : BACKOFF_MIN_NS;
	if (s->backoff_ns > BACKOFF_MAX_NS)
		s->backoff_ns = BACKOFF_MAX_NS;
	s->next_try_ns = now_ns + s->backoff_ns;
	if (news)
		gw_log(GW_LOG_ERR, "store: cannot write (%s); events are kept in memory",
			why->text);
}

static void works(struct gw_store *s, int64_t now_ns)
{
	if (s->failing && s->tries > 0)
		gw_log(GW_LOG_NOTICE, "store: writing again after %lld s, %llu tries",
			(long long)((now_ns - s->failing_ns) / GW_NS_PER_SEC),
			(unsigned long long)s->tries);
	s->failing = false;
	s->tries = 0;
	s->backoff_ns = 0;
	s->why = (struct gw_error){0};
}

/* One transaction, and the cure each failure has. */
static enum gw_err write_out(struct gw_store *s, struct gw_error *err)
{
	struct written w = {0};
	bool reopened = false, replaced = false;
	int reliefs = 0;
	enum gw_err rc;

	if (s->n_entries > 0)
		s->class_most = 0;
	for (size_t i = 0; i < s->n_entries && i < COMMIT_MOST; i++)
		if ((int)s->entries[i].event.info->class_ > s->class_most)
			s->class_most = (int)s->entries[i].event.info->class_;
	for (int tries = 0;; tries++) {
		reopened |= !s->db.handle || s->db.read_only || s->suspect || s->displaced;
		rc = gw_session_again(s, err);
		if (!rc && s->n_entries == 0 && s->n_ripe == 0) {
			recount(s);
			return GW_OK;
		}
		if (!rc)
			rc = write_once(s, &w, err);
		if (!rc) {
			settle(s, &w);
			return GW_OK;
		}
		if (rc == GW_ERR_FULL && reliefs++ < RELIEFS && gw_session_relieve(s))
			continue;
		if (rc == GW_ERR_CORRUPT && !replaced) {
			struct gw_error why = *err;

			replaced = true;
			rc = gw_session_replace(s, &why, err);
			if (!rc)
				continue;
		}
		if (rc == GW_ERR_FULL)
			return rc;
		/* The kernel tells of a failed sync once and then calls the pages clean: what
		 * this connection believes is worth nothing. */
		s->suspect = !s->db.read_only;
		if (reopened || !s->db.handle || s->db.read_only || tries >= WRITE_TRIES)
			return rc;
	}
}

/* ---- the rest of a turn ---- */

static void check_point(struct gw_store *s)
{
	struct gw_error err;

	if (s->failing || !s->db.handle || s->db.wal_pages < GW_DB_WAL_PAGES)
		return;
	if (gw_db_checkpoint(&s->db, false, &err) == GW_ERR_SYSTEM)
		s->suspect = true;
}

static void look_ahead(struct gw_store *s)
{
	if (s->have_ballast && !s->tight && !s->failing && !s->suspect && !s->trim_more &&
		gw_db_lengthen(&s->db, NULL))
		s->suspect = true;
}

static void trim(struct gw_store *s)
{
	uint64_t committed = atomic_load_explicit(&s->committed, memory_order_relaxed);
	enum gw_keep_did did = GW_KEEP_NOTHING;

	s->trim_more = false;
	if (s->failing || s->suspect || !s->db.handle || s->db.read_only)
		return;
	if (!gw_keep_step(&s->keep, &s->db, &s->texts, s->class_most, committed, false,
		    s->owed, s->parked, &did, NULL))
		s->trim_more = did == GW_KEEP_MORE;
	if (s->refusing != (s->keep.refuse_below > 0)) {
		s->refusing = s->keep.refuse_below > 0;
		gw_log(s->refusing ? GW_LOG_ERR : GW_LOG_NOTICE,
			s->refusing
				? "store: full of events of a higher class; lower ones are "
				  "delivered but not kept"
				: "store: room again for events of every class");
	}
}

static void tend_ballast(struct gw_store *s, int64_t now_ns)
{
	if (s->have_ballast || !s->signed_in || s->failing || now_ns < s->next_ballast_ns)
		return;
	s->next_ballast_ns = now_ns + BALLAST_WAIT_NS;
	s->have_ballast = gw_runfile_ballast(s->dir, s->ballast_path, s->ballast_bytes);
	if (s->have_ballast && s->tight) {
		s->tight = false;
		gw_keep_tighten(&s->keep, &s->db, false, NULL);
		gw_log(GW_LOG_NOTICE, "store: the disk has room again");
	}
}

/* Main makes alarms of it. */
static void tell(struct gw_store *s)
{
	if (s->told_failing == s->failing && s->told_replaced == s->replaced)
		return;
	s->told_failing = s->failing;
	s->told_replaced = s->replaced;
	if (s->reader)
		gw_wake_poke(s->reader);
}

/* The number of this start, beside the database, once nobody waits for the disk. */
static void note_run(struct gw_store *s, int64_t now_ns)
{
	uint64_t run = s->run > s->past_run ? s->run : s->past_run;

	if (s->run_noted || !s->signed_in || s->failing || now_ns < s->next_note_ns)
		return;
	s->next_note_ns = now_ns + NOTE_WAIT_NS;
	s->run_noted = gw_runfile_write(s->run_path, run, NULL) == GW_OK;
}

void gw_round_status(struct gw_store *s)
{
	struct gw_store_status st = {
		.opening = !s->signed_in,
		.failing = s->failing,
		.replaced = s->replaced,
		.committed = atomic_load_explicit(&s->committed, memory_order_relaxed),
		.commits = s->commits,
		.rows = s->rows,
		.trimmed = s->keep.trimmed,
		.lost = s->keep.lost,
		.refused = s->refused,
	};
	int64_t pages = 0, unused = 0;

	if (s->failing)
		snprintf(st.why, sizeof(st.why), "%s", s->why.text);
	if (s->db.handle && gw_db_pages(&s->db, &pages, &unused, NULL) == GW_OK)
		st.file_bytes = pages * GW_DB_PAGE_BYTES;
	if (s->db.handle && s->db.chain.known && s->db.chain.seq) {
		st.head_seq = s->db.chain.seq;
		gw_store_head(s->db.chain.hash, st.head);
	}
	st.pending = s->n_entries;
	gw_names_status(s, &st);
	for (size_t sink = 0; sink < GW_STORE_SINKS; sink++) {
		uint32_t bit = s->lines[sink].bit;

		if (bit) {
			st.owed[sink] = s->owed[__builtin_ctz(bit)];
			st.parked[sink] = s->parked[__builtin_ctz(bit)];
		}
		for (size_t i = 0; i < s->n_entries; i++) {
			st.owed[sink] += s->entries[i].owed >> sink & 1;
			st.parked[sink] += s->entries[i].parked >> sink & 1;
		}
	}
	pthread_mutex_lock(&s->lock);
	s->status = st;
	pthread_mutex_unlock(&s->lock);
}

bool gw_round_waiting(struct gw_store *s)
{
	return gw_line_waiting(s) ||
		atomic_load_explicit(&s->verify_asked, memory_order_relaxed) ||
		(gw_ring_count(&s->events) > 0 && s->n_entries < s->most_pending);
}

int64_t gw_round(struct gw_store *s, bool last)
{
	int64_t now_ns = gw_clock_mono_ns(), until_ns = now_ns + SLEEP_NS;
	bool was_failing = s->failing, was_trimming = s->trim_more;
	size_t marks = s->n_marks;
	struct gw_error err = {0};
	bool due, more;

	if (s->drained_seq < s->last_seq)
		s->drained_seq = s->last_seq;
	gw_session_look(s, now_ns);
	take_events(s, now_ns);
	gw_sinks_take(s, s->drained_seq + 1);
	gw_line_take(s);
	gw_line_settle(s, now_ns);
	gw_sinks_free(s);
	gw_names_tend(s, now_ns);
	due = s->n_entries > 0 || s->failing || s->suspect || s->displaced ||
		!s->signed_in || s->sinks_changed ||
		(s->n_ripe > 0 &&
			(s->hurry || last || now_ns - s->ripe_ns >= MARKS_WAIT_NS));
	if (due && (last || !s->failing || now_ns >= s->next_try_ns)) {
		if (write_out(s, &err))
			fails(s, now_ns, &err);
		else
			works(s, now_ns);
		check_point(s);
		trim(s);
	} else if (s->trim_more) {
		trim(s);
	}
	gw_line_answer(s);
	more = gw_verify_step(s, last);
	tell(s);
	if (!gw_round_waiting(s)) { /* nobody has to wait for it */
		if (s->signed_in && !s->failing)
			gw_salvage_all(s);
		note_run(s, now_ns);
		tend_ballast(s, now_ns);
		if (!last)
			look_ahead(s);
	}
	if (due || was_trimming || marks != s->n_marks || was_failing != s->failing)
		gw_round_status(s);

	if (s->trim_more || more || (s->n_entries > 0 && !s->failing))
		return 0;
	if (s->failing && s->next_try_ns < until_ns)
		until_ns = s->next_try_ns;
	if (!s->failing && s->n_ripe > 0 && s->ripe_ns + MARKS_WAIT_NS < until_ns)
		until_ns = s->ripe_ns + MARKS_WAIT_NS;
	return until_ns > now_ns ? until_ns - now_ns : 0;
}
