/* SPDX-License-Identifier: Apache-2.0 */
#include "store/writer.h"

#include "base/log.h"
#include "store/ballast.h"
#include "store/corruption.h"
#include "store/recovery.h"
#include "store/run_counter.h"
#include "store/salvage.h"
#include "store/slots.h"
#include "store/spare.h"
#include "store/store_internal.h"
#include "store/store_status.h"
#include "store/verify.h"

#include <stdio.h>
#include <string.h>

#define MARKS_WAIT_NS       (100 * GW_NS_PER_MS)
#define BALLAST_WAIT_NS     (10 * GW_NS_PER_SEC)
#define RUN_COUNTER_WAIT_NS (60 * GW_NS_PER_SEC)
#define RESERVED_SEQS       (UINT64_C(1) << 20) /* with one write of the run counter */
#define SLEEP_NS            (2 * GW_NS_PER_SEC) /* shorter than GW_BEAT_MAX_MS */
#define FREE_SPACE_TRIES    8

/* ---- one transaction ---- */

static uint32_t bits_of_slots(const struct gw_store *s, uint32_t slots)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < GW_STORE_SLOTS; i++)
		if (slots >> i & 1)
			bits |= s->mailboxes[i].bit;
	return bits;
}

struct commit_counts {
	size_t entries, state_only;
	uint64_t delivered[32], parked[32], unparked[32], again[32];
};

static enum gw_err write_mark(struct gw_store *s, const struct gw_uncommitted_mark *m,
	struct commit_counts *w, struct gw_error *err)
{
	uint32_t bit = s->mailboxes[m->slot].bit;
	unsigned at = bit ? (unsigned)__builtin_ctz(bit) : 0;
	struct gw_journal_delivered delivered = {0};
	enum gw_err rc;

	if (!bit) /* its name was dropped from the registry */
		return GW_OK;
	if (m->kind == GW_MARK_UNDURABLE)
		return gw_journal_mark_undurable(&s->db, m->seq, bit, err);
	if (m->kind == GW_MARK_UNPARKED) {
		bool was_parked = false;

		rc = gw_journal_clear_parked(&s->db, m->seq, bit, &was_parked, err);
		w->unparked[at] += was_parked;
		return rc;
	}
	if (m->kind == GW_MARK_OWED) {
		bool added = false;

		rc = gw_journal_owe_again(&s->db, m->seq, bit, &added, err);
		w->again[at] += added;
		return rc;
	}
	rc = gw_journal_mark_delivered(&s->db, m->seq, bit, &delivered, err);
	if (rc || !delivered.was_owed)
		return rc;
	w->delivered[at]++;
	gw_retention_row_delivered(
		&s->retention, m->seq, delivered.class_, delivered.level);
	if (m->kind != GW_MARK_PARKED)
		return GW_OK;
	w->parked[at]++;
	return gw_journal_mark_parked(&s->db, m->seq, bit, err);
}

static enum gw_err write_entry(struct gw_store *s, const struct gw_journal_entry *e,
	struct commit_counts *w, struct gw_error *err)
{
	struct gw_journal_entry bits = *e;
	bool state_only = (int)e->event.info->class_ < s->retention.refuse_below_class;

	bits.owed = bits_of_slots(s, e->owed) |
		(e->owed_to_removed ? gw_registry_removed_bits(s) : 0);
	bits.parked = bits_of_slots(s, e->parked);
	bits.undurable = bits_of_slots(s, e->undurable);
	w->state_only += state_only;
	return gw_journal_put(&s->db, &s->strings, &bits, state_only, err);
}

static enum gw_err write_transaction(
	struct gw_store *s, struct commit_counts *ret, struct gw_error *err)
{
	struct commit_counts w = {0};
	enum gw_err rc = gw_db_begin(&s->db, err);

	/* Marks first, then events: an event in memory has its marks applied already. */
	for (size_t i = 0; !rc && i < s->n_marks; i++)
		if (s->marks[i].seq <= s->last_drained_seq)
			rc = write_mark(s, &s->marks[i], &w, err);
	while (!rc && w.entries < s->n_entries && w.entries < GW_STORE_COMMIT_MAX)
		rc = write_entry(s, &s->entries[w.entries++], &w, err);
	if (!rc && w.state_only > 0)
		rc = gw_db_meta_put(&s->db, "last_seq",
			(int64_t)s->entries[w.entries - 1].event.seq, err);
	if (!rc)
		rc = gw_db_commit(&s->db, err);
	if (rc) {
		gw_db_rollback(&s->db);
		gw_string_table_clear_cache(&s->strings);
		return rc;
	}
	*ret = w;
	return GW_OK;
}

static void apply_counts(struct gw_store *s, const struct commit_counts *w)
{
	for (size_t at = 0; at < 32; at++) {
		s->owed[at] += w->again[at];
		s->owed[at] -= w->delivered[at] < s->owed[at] ? w->delivered[at]
							      : s->owed[at];
		s->parked[at] += w->parked[at];
		s->parked[at] -= w->unparked[at] < s->parked[at] ? w->unparked[at]
								 : s->parked[at];
	}
	for (size_t i = 0; i < w->entries; i++) {
		const struct gw_journal_entry *e = &s->entries[i];

		if ((int)e->event.info->class_ < s->retention.refuse_below_class)
			continue;
		for (size_t at = 0; at < 32 && e->owed_to_removed; at++)
			s->owed[at] += gw_registry_removed_bits(s) >> at & 1;
		for (size_t slot = 0; slot < GW_STORE_SLOTS; slot++) {
			uint32_t bit = s->mailboxes[slot].bit;
			size_t at = bit ? (size_t)__builtin_ctz(bit) : 0;

			if (!bit)
				continue;
			s->owed[at] += e->owed >> slot & 1;
			s->parked[at] += e->parked >> slot & 1;
		}
	}
}

static bool recount_owed(struct gw_store *s)
{
	if (!s->recount_needed || gw_journal_count(&s->db, s->owed, s->parked, NULL))
		return false;
	s->recount_needed = false;
	return true;
}

/* Events of an earlier run are below what is said to be committed. */
static void publish_committed(struct gw_store *s, uint64_t seq)
{
	pthread_mutex_lock(&s->lock);
	if (seq > atomic_load_explicit(&s->committed, memory_order_relaxed))
		atomic_store_explicit(&s->committed, seq, memory_order_release);
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void finish_commit(struct gw_store *s, const struct commit_counts *w)
{
	size_t n_kept = 0;

	gw_corruption_disproved(s);
	if (!recount_owed(s))
		apply_counts(s, w);
	s->commits++;
	s->rows += w->entries - w->state_only;
	s->refused += w->state_only;
	for (size_t i = 0; i < s->n_marks; i++)
		if (s->marks[i].seq > s->last_drained_seq)
			s->marks[n_kept++] = s->marks[i];
	s->n_marks = n_kept;
	s->n_writable_marks = 0;
	s->flush_marks = false;
	if (w->entries > 0) {
		publish_committed(s, s->entries[w->entries - 1].event.seq);
		s->n_entries -= w->entries;
		memmove(s->entries, s->entries + w->entries,
			s->n_entries * sizeof(*s->entries));
	}
	for (size_t slot = 0; slot < GW_STORE_SLOTS; slot++)
		if (s->used_slots >> slot & 1)
			gw_mailbox_wake_uplink(s, slot);
}

/* ---- failures ---- */

static void record_failure(struct gw_store *s, int64_t now_ns, const struct gw_error *why)
{
	bool is_new = !s->failing;

	if (is_new)
		s->failing_ns = now_ns;
	s->failing = true;
	s->why = *why;
	gw_backoff_failed(&s->backoff, now_ns);
	if (is_new)
		gw_log(GW_LOG_ERR, "store: cannot write (%s); events are kept in memory",
			why->text);
}

static void record_success(struct gw_store *s, int64_t now_ns)
{
	if (s->failing)
		gw_log(GW_LOG_NOTICE, "store: writing again after %lld s, %llu tries",
			(long long)((now_ns - s->failing_ns) / GW_NS_PER_SEC),
			(unsigned long long)s->backoff.failures);
	s->failing = false;
	gw_backoff_succeeded(&s->backoff);
	s->why = (struct gw_error){0};
}

/* One transaction; a full disk, a corrupt file and a failed sync are dealt with in between. */
static enum gw_err commit_pending(struct gw_store *s, struct gw_error *err)
{
	struct commit_counts w = {0};
	bool reopened = false, replaced = false, looked_again = false;
	int free_space_tries = 0;
	enum gw_err rc;

	if (s->n_entries > 0)
		s->highest_class = 0;
	for (size_t i = 0; i < s->n_entries && i < GW_STORE_COMMIT_MAX; i++)
		if ((int)s->entries[i].event.info->class_ > s->highest_class)
			s->highest_class = (int)s->entries[i].event.info->class_;
	for (;;) {
		reopened |= !s->db.handle || s->db.read_only || s->recheck_needed ||
			s->displaced;
		rc = gw_recovery_ensure_open(s, err);
		if (!rc && s->n_entries == 0 && s->n_writable_marks == 0) {
			recount_owed(s);
			return GW_OK;
		}
		if (!rc)
			rc = write_transaction(s, &w, err);
		if (!rc) {
			finish_commit(s, &w);
			return GW_OK;
		}
		if (rc == GW_ERR_FULL && gw_backup_abort(s, "the disk is full"))
			continue;
		if (rc == GW_ERR_FULL && free_space_tries++ < FREE_SPACE_TRIES &&
			gw_recovery_free_space(s))
			continue;
		if (rc == GW_ERR_CORRUPT && !replaced) {
			struct gw_error why = *err;

			rc = gw_recovery_replace_file(s, &why, err);
			replaced = !rc;
			if (replaced || !looked_again) {
				looked_again = true;
				continue;
			}
		}
		if (rc == GW_ERR_FULL)
			return rc;
		/* The kernel reports a failed sync once and then takes the pages for clean. The
		 * cache of this connection may differ from the disk: reopen the file. */
		s->recheck_needed = !s->db.read_only;
		if (reopened || !s->db.handle)
			return rc;
	}
}

/* ---- between commits ---- */

static void checkpoint_if_due(struct gw_store *s)
{
	struct gw_error err;

	if (s->failing || s->db.wal_pages < GW_DB_WAL_PAGES)
		return;
	if (gw_db_checkpoint(&s->db, false, &err) == GW_ERR_SYSTEM)
		s->recheck_needed = true;
}

static void extend_wal(struct gw_store *s)
{
	if (s->ballast_reserved && !s->failing && !s->recheck_needed && !s->trim_more &&
		gw_db_extend_wal(&s->db, NULL))
		s->recheck_needed = true;
}

static void trim_step(struct gw_store *s)
{
	uint64_t committed = atomic_load_explicit(&s->committed, memory_order_relaxed);
	enum gw_retention_result result = GW_RETENTION_WITHIN_LIMIT;

	s->trim_more = false;
	if (s->failing || s->recheck_needed)
		return;
	if (!gw_retention_step(&s->retention, &s->db, &s->strings, s->highest_class,
		    committed, false, s->owed, s->parked, &result, NULL))
		s->trim_more = result == GW_RETENTION_MORE;
	if (s->refusing != (s->retention.refuse_below_class > 0)) {
		s->refusing = s->retention.refuse_below_class > 0;
		gw_log(s->refusing ? GW_LOG_ERR : GW_LOG_NOTICE,
			s->refusing
				? "store: full of events of a higher class; lower ones are delivered but not kept"
				: "store: room again for events of every class");
	}
}

static void restore_ballast(struct gw_store *s, int64_t now_ns)
{
	if (s->ballast_reserved || !s->start_recorded || s->failing ||
		now_ns < s->next_ballast_ns)
		return;
	s->next_ballast_ns = now_ns + BALLAST_WAIT_NS;
	s->ballast_reserved = gw_ballast_reserve(s->dir, s->ballast_path, s->ballast_bytes);
	if (s->ballast_reserved && s->disk_full_mode) {
		s->disk_full_mode = false;
		gw_retention_set_disk_full(&s->retention, &s->db, false, NULL);
		gw_log(GW_LOG_NOTICE, "store: the disk has room again");
	}
}

/* Main feeds the points FAILING and REPLACED, which have alarms. */
static void notify_main(struct gw_store *s)
{
	if (s->notified_failing == s->failing && s->notified_replaced == s->replaced)
		return;
	s->notified_failing = s->failing;
	s->notified_replaced = s->replaced;
	if (s->reader)
		gw_wake_poke(s->reader);
}

/* The file of the run counter, which survives the loss of the database. */
static void write_run_counter(struct gw_store *s, int64_t now_ns)
{
	uint64_t run = s->run > s->previous_run ? s->run : s->previous_run;
	/* relaxed: this thread alone writes it */
	uint64_t reserved = atomic_load_explicit(&s->reserved_seq, memory_order_relaxed);
	bool enough = s->last_drained_seq + RESERVED_SEQS / 2 <= reserved;

	if ((s->run_counter_written && enough) || !s->start_recorded || s->failing ||
		now_ns < s->next_run_counter_ns)
		return;
	s->next_run_counter_ns = now_ns + RUN_COUNTER_WAIT_NS;
	if (!enough)
		reserved = s->last_drained_seq + RESERVED_SEQS;
	s->run_counter_written = gw_run_counter_write(s->run_path, run, reserved, NULL) ==
		GW_OK;
	if (s->run_counter_written)
		atomic_store_explicit(&s->reserved_seq, reserved, memory_order_relaxed);
}

bool gw_writer_has_input(struct gw_store *s)
{
	return gw_mailbox_has_input(s) ||
		atomic_load_explicit(&s->verify_requested, memory_order_relaxed) ||
		(!s->backup.copy &&
			atomic_load_explicit(&s->backup_requested, memory_order_relaxed)) ||
		(gw_ring_count(&s->events) > 0 && s->n_entries < s->max_uncommitted);
}

/* ---- one step ---- */

static void receive(struct gw_store *s, int64_t now_ns)
{
	if (s->last_drained_seq < s->last_seq)
		s->last_drained_seq = s->last_seq;
	gw_recovery_check_file(s, now_ns);
	gw_uncommitted_drain_ring(s, now_ns);
	gw_slots_apply_sets(s, s->last_drained_seq + 1);
	gw_mailbox_receive(s);
	gw_uncommitted_apply_marks(s, now_ns);
	gw_slots_free_finished(s);
	gw_registry_check_daily(s, now_ns);
}

/* Marks alone wait for MARKS_WAIT_NS, so that one transaction takes many of them. */
static bool is_commit_due(const struct gw_store *s, int64_t now_ns, bool stopping)
{
	return s->n_entries > 0 || s->failing || s->recheck_needed || s->displaced ||
		!s->start_recorded || s->uplinks_changed ||
		(s->n_writable_marks > 0 &&
			(s->flush_marks || stopping ||
				now_ns - s->marks_writable_ns >= MARKS_WAIT_NS));
}

static void commit(struct gw_store *s, int64_t now_ns)
{
	struct gw_error err = {0};

	if (commit_pending(s, &err))
		record_failure(s, now_ns, &err);
	else
		record_success(s, now_ns);
	checkpoint_if_due(s);
	trim_step(s);
}

/* Work on the disk that would delay whoever waits for a commit or a reply. */
static void idle_work(struct gw_store *s, int64_t now_ns, bool stopping)
{
	if (s->start_recorded && !s->failing)
		gw_salvage_all(s);
	write_run_counter(s, now_ns);
	restore_ballast(s, now_ns);
	if (!stopping)
		extend_wal(s);
}

static int64_t sleep_ns(const struct gw_store *s, int64_t now_ns)
{
	int64_t until_ns = now_ns + SLEEP_NS;

	if (s->failing && s->backoff.next_ns < until_ns)
		until_ns = s->backoff.next_ns;
	if (s->backup.copy && s->backup.next_ns < until_ns)
		until_ns = s->backup.next_ns;
	if (!s->failing && s->n_writable_marks > 0 &&
		s->marks_writable_ns + MARKS_WAIT_NS < until_ns)
		until_ns = s->marks_writable_ns + MARKS_WAIT_NS;
	return until_ns > now_ns ? until_ns - now_ns : 0;
}

int64_t gw_writer_step(struct gw_store *s, bool stopping)
{
	int64_t now_ns = gw_clock_boot_ns();
	bool was_failing = s->failing, was_trimming = s->trim_more, due, verifying;
	size_t n_marks = s->n_marks;

	receive(s, now_ns);
	due = is_commit_due(s, now_ns, stopping);
	if (due && (stopping || !s->failing || gw_backoff_ready(&s->backoff, now_ns)))
		commit(s, now_ns);
	else if (s->trim_more)
		trim_step(s);
	gw_spare_update(s, now_ns);
	gw_mailbox_reply_all(s);
	verifying = gw_verify_step(s, stopping);
	gw_backup_step(s, now_ns, stopping);
	notify_main(s);
	if (!gw_writer_has_input(s))
		idle_work(s, now_ns, stopping);
	if (due || was_trimming || n_marks != s->n_marks || was_failing != s->failing)
		gw_store_publish_status(s);
	if (s->trim_more || verifying || (s->n_entries > 0 && !s->failing))
		return 0;
	return sleep_ns(s, now_ns);
}
