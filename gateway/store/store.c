/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include "base/log.h"
#include "store/store_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Given up, it must let a whole WAL be copied into a file that grows by it, and then the first
 * block of old rows be deleted. */
#define BALLAST_WAL  ((int64_t)GW_DB_WAL_PAGES * GW_DB_PAGE_BYTES)
#define BALLAST_MORE (INT64_C(2) << 20)
#define CLOSE_TRIES  64

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
	s->max_bytes = opts->max_bytes;
	gw_retention_init(&s->retention, opts->max_bytes);
	s->max_bytes = s->retention.max_pages * GW_DB_PAGE_BYTES;
	s->ballast_bytes = BALLAST_MORE +
		(s->max_bytes < BALLAST_WAL ? s->max_bytes : BALLAST_WAL);
	s->quarantine_owing = true; /* until it was looked */

	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);

	if ((rc = gw_wake_init(&s->wake, err)) ||
		(rc = gw_ring_init(
			 &s->events, opts->ring_capacity, sizeof(struct gw_event), err)))
		return rc;
	s->max_pending = 4 * gw_ring_capacity(&s->events);
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
	rc = set_up(s, opts, err);
	if (rc) {
		gw_store_free(s);
		return rc;
	}
	*ret_store = s;
	return GW_OK;
}

void gw_store_free(struct gw_store *s)
{
	if (!s)
		return;
	gw_store_request_stop(s);
	gw_store_join(s);
	/* what came after the thread ended: the engine's last events, the uplinks' last marks */
	for (int i = 0; s->run_decided && i < CLOSE_TRIES; i++)
		if (gw_writer_step(s, true) > 0 && !gw_writer_has_input(s))
			break;
	gw_recovery_close(s);
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
	gw_pool_fini(&s->pool);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s->entries);
	free(s->marks);
	gw_saved_alarms_free(s->handed_over);
	gw_saved_alarms_free(atomic_load_explicit(&s->saved_alarms, memory_order_acquire));
	free(s);
}

uint64_t gw_store_run(const struct gw_store *s)
{
	return s->run;
}

uint64_t gw_store_last_seq(const struct gw_store *s)
{
	return s->last_seq;
}

static void *run(void *arg)
{
	struct gw_store *s = arg;
	int64_t sleep_ns;
	bool stopping;

	gw_thread_beat(&s->thread, gw_clock_mono_ns());
	if (!s->previous_read && gw_previous_run_read(s, &s->why))
		gw_log(GW_LOG_ERR,
			"store: cannot read what earlier starts left (%s); it is tried "
			"again, and what is owed is sent then",
			s->why.text);
	do {
		gw_thread_beat(&s->thread, gw_clock_mono_ns());
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

struct timespec gw_store_deadline(int64_t mono_ns)
{
	int64_t left_ns = mono_ns - gw_clock_mono_ns();
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	if (left_ns <= 0)
		return until;
	left_ns += until.tv_nsec;
	until.tv_sec += (time_t)(left_ns / GW_NS_PER_SEC);
	until.tv_nsec = (long)(left_ns % GW_NS_PER_SEC);
	return until;
}

bool gw_store_wait(struct gw_store *s, uint64_t seq, int64_t until_mono_ns)
{
	struct timespec until;

	if (gw_store_committed(s) >= seq)
		return true;
	if (until_mono_ns <= gw_clock_mono_ns())
		return false;
	until = gw_store_deadline(until_mono_ns);
	pthread_mutex_lock(&s->lock);
	while (gw_store_committed(s) < seq)
		if (pthread_cond_timedwait(&s->changed, &s->lock, &until))
			break;
	pthread_mutex_unlock(&s->lock);
	return gw_store_committed(s) >= seq;
}

uint32_t gw_store_backlog_generation(const struct gw_store *s)
{
	return atomic_load_explicit(&s->backlog_generation, memory_order_acquire);
}

void gw_store_status(struct gw_store *s, struct gw_store_status *ret_status)
{
	pthread_mutex_lock(&s->lock);
	*ret_status = s->status;
	pthread_mutex_unlock(&s->lock);
	/* what waits in the ring is pending too */
	ret_status->pending += gw_ring_count(&s->events);
}
