/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of store.h, but those of uplinks that come and go (slots.c): what main, the engine and
 * the uplinks call from their own threads, and the loop of the store's thread. Rows are committed
 * in writer.c, write_transaction().
 */
#include "store/store.h"

#include "base/log.h"
#include "store/folder_lock.h"
#include "store/mailbox.h"
#include "store/previous_run.h"
#include "store/recovery.h"
#include "store/saved_alarms.h"
#include "store/slots.h"
#include "store/store_internal.h"
#include "store/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* When it is given up, a whole WAL must fit into the file, and after it the deletion of the first
 * block of old rows. */
#define BALLAST_WAL      ((int64_t)GW_DB_WAL_PAGES * GW_DB_PAGE_BYTES)
#define BALLAST_MORE     (INT64_C(2) << 20)
#define BACKOFF_FIRST_NS (100 * GW_NS_PER_MS)
#define BACKOFF_MAX_NS   (10 * GW_NS_PER_SEC)
#define CLOSE_STEPS      64
#define AWAIT_SLICE_NS   (20 * GW_NS_PER_MS)

/* ---- life ---- */

static enum gw_err set_up(
	struct gw_store *s, const struct gw_store_opts *opts, struct gw_error *err)
{
	pthread_condattr_t monotonic;
	enum gw_err rc;

	if (opts->n_uplinks > GW_STORE_SLOTS)
		return gw_fail(
			err, GW_ERR_CONFIG, 0, "more than %d uplinks", GW_STORE_SLOTS);
	if (strlen(opts->state_dir) >= sizeof(s->dir))
		return gw_fail(err, GW_ERR_CONFIG, 0, "state directory: name too long");
	snprintf(s->dir, sizeof(s->dir), "%s", opts->state_dir);
	snprintf(s->path, sizeof(s->path), "%s/tocsin.db", s->dir);
	snprintf(s->run_path, sizeof(s->run_path), "%s/run", s->dir);
	snprintf(s->ballast_path, sizeof(s->ballast_path), "%s/ballast", s->dir);
	snprintf(
		s->spare_path, sizeof(s->spare_path), "%s", opts->spare ? opts->spare : "");
	s->max_bytes = opts->max_bytes;
	gw_retention_init(&s->retention, opts->max_bytes);
	s->max_bytes = s->retention.max_pages * GW_DB_PAGE_BYTES;
	s->ballast_bytes = BALLAST_MORE +
		(s->max_bytes < BALLAST_WAL ? s->max_bytes : BALLAST_WAL);
	s->quarantine_owing = true; /* until the directory was searched */
	gw_backoff_init(&s->backoff, BACKOFF_FIRST_NS, BACKOFF_MAX_NS,
		(uint64_t)gw_clock_boot_ns());

	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);

	if ((rc = gw_wake_init(&s->wake, err)) ||
		(rc = gw_ring_init(
			 &s->events, opts->ring_capacity, sizeof(struct gw_event), err)))
		return rc;
	s->max_uncommitted = 4 * gw_ring_capacity(&s->events);
	return gw_slots_init(s, opts, err);
}

enum gw_err gw_store_open(
	const struct gw_store_opts *opts, struct gw_store **ret_store, struct gw_error *err)
{
	size_t size = (sizeof(struct gw_store) + GW_CACHE_LINE - 1) &
		~(size_t)(GW_CACHE_LINE - 1);
	struct gw_store *s = aligned_alloc(GW_CACHE_LINE, size);
	enum gw_err rc;

	if (!s)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
	memset(s, 0, size);
	s->backup.fd = s->folder_lock = -1;
	rc = set_up(s, opts, err);
	if (rc) {
		gw_store_free(s);
		return rc;
	}
	*ret_store = s;
	return GW_OK;
}

static void free_backup(struct gw_store *s)
{
	struct gw_store_backup_result r;

	gw_backup_abort(s, "tocsind stops");
	if (gw_store_take_backup(s, &r) && r.fd >= 0)
		close(r.fd);
}

void gw_store_free(struct gw_store *s)
{
	if (!s)
		return;
	gw_store_request_stop(s);
	gw_store_join(s);
	/* The engine and the uplinks may have sent after the thread's last step. */
	for (int i = 0; s->run_decided && i < CLOSE_STEPS; i++)
		if (gw_writer_step(s, true) > 0 && !gw_writer_has_input(s))
			break;
	gw_recovery_close(s);
	free_backup(s);
	gw_folder_unlock(&s->folder_lock);
	gw_slots_fini(s);
	for (size_t i = 0; i < GW_STORE_SLOTS; i++) {
		gw_ring_fini(&s->mailboxes[i].messages);
		gw_batch_free(
			atomic_load_explicit(&s->mailboxes[i].reply, memory_order_acquire));
	}
	gw_batch_free(atomic_load_explicit(&s->history, memory_order_acquire));
	free(atomic_load_explicit(&s->verify_result, memory_order_acquire));
	gw_ring_fini(&s->events);
	gw_wake_fini(&s->wake);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s->entries);
	free(s->marks);
	gw_saved_alarms_free(s->handed_over);
	gw_arena_free(&s->spare_arena);
	gw_saved_alarms_free(atomic_load_explicit(&s->saved_alarms, memory_order_acquire));
	free(s);
}

/* ---- the thread ---- */

static void *run(void *arg)
{
	struct gw_store *s = arg;
	int64_t sleep_ns;
	bool stopping;

	gw_thread_beat(&s->thread, gw_clock_boot_ns());
	if (!s->previous_read && gw_previous_run_read(s, &s->why))
		gw_log(GW_LOG_ERR,
			"store: cannot read what earlier starts left (%s); it is tried again, and what is owed is sent then",
			s->why.text);
	do {
		gw_thread_beat(&s->thread, gw_clock_boot_ns());
		stopping = gw_thread_stopping(&s->thread);
		sleep_ns = gw_writer_step(s, stopping);
		if (stopping && (sleep_ns > 0 || s->failing) && !gw_writer_has_input(s))
			break;
		if (sleep_ns == 0 && !s->failing)
			continue;
		gw_wake_prepare(&s->wake);
		if (gw_writer_has_input(s) || gw_thread_stopping(&s->thread))
			gw_wake_finish(&s->wake);
		else
			gw_wake_wait(&s->wake, sleep_ns);
	} while (!stopping || !s->failing);
	return NULL;
}

enum gw_err gw_store_start(struct gw_store *s, struct gw_error *err)
{
	return gw_thread_start(&s->thread, "store", run, s, err);
}

void gw_store_request_stop(struct gw_store *s)
{
	gw_thread_request_stop(&s->thread);
	gw_wake_poke(&s->wake);
}

void gw_store_join(struct gw_store *s)
{
	gw_thread_join(&s->thread);
}

struct gw_thread *gw_store_thread(struct gw_store *s)
{
	return &s->thread;
}

/* ---- main: what earlier runs left ---- */

/* CPU time of the thread. It does not grow while the thread waits for a disk, but now and then
 * while it waits for a busy processor. */
static int64_t cpu_time_ns(struct gw_store *s)
{
	struct timespec used;
	clockid_t clock;

	if (!s->thread.running || pthread_getcpuclockid(s->thread.id, &clock) ||
		clock_gettime(clock, &used))
		return 0;
	return used.tv_sec * GW_NS_PER_SEC + used.tv_nsec;
}

bool gw_store_await_previous_run(struct gw_store *s, int64_t idle_ns, int64_t max_ns)
{
	int64_t now_ns = gw_clock_boot_ns(), until_ns = now_ns + max_ns;
	int64_t progress_ns = now_ns, cpu_ns = -1, was_cpu_ns;
	struct timespec until;
	bool read;

	pthread_mutex_lock(&s->lock);
	while (!s->run_decided) {
		now_ns = gw_clock_boot_ns();
		was_cpu_ns = cpu_ns;
		cpu_ns = cpu_time_ns(s);
		if (cpu_ns != was_cpu_ns || gw_thread_is_runnable(&s->thread))
			progress_ns = now_ns;
		if (now_ns >= until_ns || now_ns - progress_ns >= idle_ns) {
			gw_previous_run_decide(s, 0, 0, false);
			break;
		}
		until = gw_thread_deadline(now_ns + AWAIT_SLICE_NS);
		pthread_cond_timedwait(&s->changed, &s->lock, &until);
	}
	read = s->previous_read_published;
	pthread_mutex_unlock(&s->lock);
	return read;
}

uint64_t gw_store_run(const struct gw_store *s)
{
	return s->run;
}

uint64_t gw_store_last_seq(const struct gw_store *s)
{
	return s->last_seq;
}

void gw_store_load_alarms(struct gw_store *s, bool (*reserve)(void *arg, size_t n),
	void (*each)(void *arg, const struct gw_alarm_record *record,
		const struct gw_alarm_info *info),
	void *arg)
{
	gw_saved_alarms_load(s, reserve, each, arg);
}

/* ---- events ---- */

struct gw_ring *gw_store_events(struct gw_store *s)
{
	return &s->events;
}

struct gw_wake *gw_store_wake(struct gw_store *s)
{
	return &s->wake;
}

uint64_t gw_store_committed(const struct gw_store *s)
{
	return atomic_load_explicit(&s->committed, memory_order_acquire);
}

bool gw_store_wait(struct gw_store *s, uint64_t seq, int64_t until_boot_ns)
{
	struct timespec until;

	if (gw_store_committed(s) >= seq)
		return true;
	if (until_boot_ns <= gw_clock_boot_ns())
		return false;
	until = gw_thread_deadline(until_boot_ns);
	pthread_mutex_lock(&s->lock);
	while (gw_store_committed(s) < seq)
		if (pthread_cond_timedwait(&s->changed, &s->lock, &until))
			break;
	pthread_mutex_unlock(&s->lock);
	return gw_store_committed(s) >= seq;
}

void gw_store_status(struct gw_store *s, struct gw_store_status *ret_status)
{
	pthread_mutex_lock(&s->lock);
	*ret_status = s->status;
	pthread_mutex_unlock(&s->lock);
	ret_status->pending += gw_ring_count(&s->events);
}

/* ---- an uplink's thread: its mailbox ---- */

bool gw_store_mark(struct gw_store *s, size_t slot, uint64_t seq, enum gw_mark_kind kind)
{
	return gw_mailbox_send(
		s, slot, &(struct gw_mailbox_message){.seq = seq, .kind = (uint16_t)kind});
}

static uint16_t cap_batch(size_t n)
{
	return (uint16_t)(n < GW_STORE_BATCH ? n : GW_STORE_BATCH);
}

bool gw_store_request_owed(
	struct gw_store *s, size_t slot, struct gw_owed_cursor after, size_t max_events)
{
	return gw_mailbox_send_request(s, slot,
		&(struct gw_mailbox_message){.seq = after.seq,
			.level = after.level,
			.max_events = cap_batch(max_events),
			.kind = GW_MAILBOX_REQUEST_OWED});
}

bool gw_store_request_parked(
	struct gw_store *s, size_t slot, uint64_t after_seq, size_t max_events)
{
	return gw_mailbox_send_request(s, slot,
		&(struct gw_mailbox_message){.seq = after_seq,
			.max_events = cap_batch(max_events),
			.kind = GW_MAILBOX_REQUEST_PARKED});
}

bool gw_store_request_resend(
	struct gw_store *s, size_t slot, uint64_t from_seq, int64_t from_ms)
{
	return gw_mailbox_send_request(s, slot,
		&(struct gw_mailbox_message){.seq = from_seq,
			.from_ms = from_ms,
			.kind = GW_MAILBOX_REQUEST_RESEND});
}

/* Acquire, paired with the release of gw_mailbox_reply_all: the events are seen. */
struct gw_batch *gw_store_take_batch(struct gw_store *s, size_t slot)
{
	struct gw_mailbox *box = &s->mailboxes[slot];
	struct gw_batch *b = atomic_exchange_explicit(
		&box->reply, NULL, memory_order_acq_rel);

	if (b)
		box->request_pending = false;
	return b;
}

uint32_t gw_store_backlog_revision(const struct gw_store *s)
{
	return atomic_load_explicit(&s->backlog_revision, memory_order_acquire);
}

/* ---- main: history, verify ---- */

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
	/* release, paired with the acquire of gw_mailbox_reply_all */
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

bool gw_store_request_verify(struct gw_store *s)
{
	/* relaxed: no other memory is handed over with it */
	if (atomic_exchange_explicit(&s->verify_requested, true, memory_order_relaxed))
		return false;
	gw_wake_poke(&s->wake);
	return true;
}

bool gw_store_take_verify_result(
	struct gw_store *s, struct gw_store_verify_result *ret_result)
{
	/* acquire, paired with the release of publish_result in verify.c */
	struct gw_store_verify_result *v = atomic_exchange_explicit(
		&s->verify_result, NULL, memory_order_acquire);

	if (!v)
		return false;
	*ret_result = *v;
	free(v);
	return true;
}

/* ---- main: a copy ---- */

bool gw_store_request_backup(struct gw_store *s)
{
	/* acquire, paired with the release of the store's thread: the result of a copy that ended
	 * is seen below. Until main has taken it, it belongs to who asked for it. */
	if (atomic_load_explicit(&s->backup_requested, memory_order_acquire) ||
		atomic_load_explicit(&s->backup_result, memory_order_relaxed))
		return false;
	atomic_store_explicit(&s->backup_cancelled, false, memory_order_relaxed);
	atomic_store_explicit(&s->backup_done, 0, memory_order_relaxed);
	atomic_store_explicit(&s->backup_pages, 0, memory_order_relaxed);
	/* release: what is written above is seen with it */
	atomic_store_explicit(&s->backup_requested, true, memory_order_release);
	gw_wake_poke(&s->wake);
	return true;
}

void gw_store_cancel_backup(struct gw_store *s)
{
	/* relaxed: no other memory is handed over with it */
	atomic_store_explicit(&s->backup_cancelled, true, memory_order_relaxed);
	gw_wake_poke(&s->wake);
}

bool gw_store_take_backup(struct gw_store *s, struct gw_store_backup_result *ret_result)
{
	/* acquire, paired with the release of the store's thread */
	struct gw_store_backup_result *r = atomic_exchange_explicit(
		&s->backup_result, NULL, memory_order_acquire);

	if (!r)
		return false;
	*ret_result = *r;
	free(r);
	return true;
}

void gw_store_backup_progress(const struct gw_store *s, int *ret_done, int *ret_pages)
{
	/* relaxed: two numbers for people */
	*ret_done = atomic_load_explicit(&s->backup_done, memory_order_relaxed);
	*ret_pages = atomic_load_explicit(&s->backup_pages, memory_order_relaxed);
}

const char *gw_store_folder(const struct gw_store *s)
{
	return s->dir;
}
