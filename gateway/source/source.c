/* SPDX-License-Identifier: Apache-2.0 */
#include "source/source.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "base/fd_reserve.h"
#include "base/log.h"
#include "source/emit.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#define FIRST_RETRY_NS GW_NS_PER_SEC
#define RETRY_MAX_NS   (60 * GW_NS_PER_SEC)
/* The back-off starts anew only after the link was up for this long. */
#define STABLE_NS          (10 * GW_NS_PER_SEC)
#define POLL_MAX_MS        1000
#define COALESCING_POLL_MS 10

struct gw_source {
	/* set at new */
	const struct gw_source_opts *opts;
	struct gw_ring ring;
	int stop_fd; /* written once, by gw_source_request_stop; readable ever after */
	void *state;
	/* the source's thread */
	struct gw_emit emit;
	struct gw_backoff backoff;
	struct gw_thread thread;
	_Atomic bool state_requested; /* set by main, cleared by the source's thread */
	/* main */
	struct gw_source_hang hang;
	/* any thread, under lock; written at changes only */
	pthread_mutex_t lock;
	enum gw_source_state link_state;
	int64_t since_ns;
	uint64_t tries;
	bool hangs;
	char why[200];
};

enum gw_err gw_source_new(const struct gw_source_opts *opts, size_t ring_capacity,
	struct gw_wake *engine_wake, const struct gw_commit_check *commit,
	struct gw_source **ret_source, struct gw_error *err)
{
	struct gw_source *s = calloc(1, sizeof(*s));
	struct gw_emit_opts emit_opts;
	size_t state_size = opts->driver_table->state_size;
	uint64_t seed;

	if (!s)
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "out of memory");
	s->opts = opts;
	s->stop_fd = -1;
	s->since_ns = gw_clock_boot_ns();
	pthread_mutex_init(&s->lock, NULL);
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = (uint64_t)s->since_ns;
	gw_backoff_init(&s->backoff, FIRST_RETRY_NS, RETRY_MAX_NS, seed);
	s->state = calloc(1, state_size ? state_size : 1);
	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!s->state || s->stop_fd < 0) {
		gw_fail(err, GW_ERR_SYSTEM, errno, "source %s: %s", opts->name,
			gw_errno_text(errno));
		goto out;
	}
	if (gw_ring_init(&s->ring, ring_capacity, sizeof(struct gw_sample), err) != GW_OK)
		goto out;
	emit_opts = (struct gw_emit_opts){
		.source = opts->name,
		.n_points = opts->n_points + 1,
		.ring = &s->ring,
		.engine_wake = engine_wake,
		.commit = commit,
		.stop_fd = s->stop_fd,
		.thread = &s->thread,
	};
	if (gw_emit_init(&s->emit, &emit_opts, err) != GW_OK)
		goto out;
	*ret_source = s;
	return GW_OK;
out:
	gw_source_free(s);
	return GW_ERR_SYSTEM;
}

void gw_source_free(struct gw_source *s)
{
	if (!s)
		return;
	gw_source_request_stop(s);
	gw_source_join(s);
	if (s->state)
		s->opts->driver_table->close(s->state);
	if (s->state && s->opts->driver_table->release)
		s->opts->driver_table->release(s->state);
	free(s->state);
	gw_emit_fini(&s->emit);
	gw_ring_fini(&s->ring);
	if (s->stop_fd >= 0)
		close(s->stop_fd);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static void set_state(struct gw_source *s, enum gw_source_state link_state, uint64_t tries,
	const char *why)
{
	pthread_mutex_lock(&s->lock);
	if (s->link_state != link_state) {
		s->link_state = link_state;
		s->since_ns = gw_clock_boot_ns();
	}
	s->tries = tries;
	if (why != s->why)
		snprintf(s->why, sizeof(s->why), "%s", why);
	pthread_mutex_unlock(&s->lock);
}

static void emit_down(struct gw_source *s, bool down)
{
	int64_t now_ns = gw_clock_boot_ns();

	for (uint32_t i = 0; down && i < s->opts->n_points; i++)
		gw_emit_sample(&s->emit, i, GW_QUALITY_BAD_LINK, 0, now_ns, 0);
	gw_emit_sample(&s->emit, s->opts->down_point, GW_QUALITY_GOOD, down, now_ns, 0);
	gw_emit_flush(&s->emit);
}

/* Main emitted in our place that we are down, and waits for our state. */
static void send_requested_state(struct gw_source *s)
{
	/* acquire: what main pushed before it set the flag comes before what is emitted here */
	if (!atomic_load_explicit(&s->state_requested, memory_order_acquire) ||
		s->link_state == GW_SOURCE_STARTING)
		return;
	emit_down(s, s->link_state == GW_SOURCE_DOWN);
	/* release: who sees the flag cleared sees the state in the ring */
	atomic_store_explicit(&s->state_requested, false, memory_order_release);
}

static void log_up(struct gw_source *s)
{
	int64_t down_s = (gw_clock_boot_ns() - s->since_ns) / GW_NS_PER_SEC;

	if (s->link_state == GW_SOURCE_STARTING)
		gw_log(GW_LOG_INFO, "%s: link up", s->opts->name);
	else
		gw_log(GW_LOG_NOTICE,
			"%s: link back after %02" PRId64 ":%02" PRId64 ":%02" PRId64
			", %" PRIu64 " %s",
			s->opts->name, down_s / 3600, down_s / 60 % 60, down_s % 60,
			s->tries, s->tries == 1 ? "try" : "tries");
}

/* Logs the change only; further tries are counted in the status. */
static void on_link_lost(struct gw_source *s, const struct gw_error *err)
{
	const char *why = err->text[0] ? err->text : gw_err_name(err->kind);
	int64_t now_ns = gw_clock_boot_ns();
	int64_t wait_ms;

	gw_backoff_failed(&s->backoff, now_ns);
	wait_ms = (s->backoff.next_ns - now_ns) / GW_NS_PER_MS;
	if (s->link_state == GW_SOURCE_DOWN) {
		set_state(s, GW_SOURCE_DOWN, s->tries, why);
		return;
	}
	gw_log(GW_LOG_WARNING, "%s: %s (%s), retry in %" PRId64 ".%" PRId64 " s",
		s->opts->name, s->link_state == GW_SOURCE_UP ? "link lost" : "no link", why,
		wait_ms / 1000, wait_ms / 100 % 10);
	set_state(s, GW_SOURCE_DOWN, s->link_state == GW_SOURCE_UP ? 0 : 1, why);
	emit_down(s, true);
}

static enum gw_err fail_for_reserve(struct gw_error *err)
{
	return gw_fail(err, GW_ERR_SYSTEM, EMFILE,
		"the last descriptors are kept for uplinks and the store");
}

/* Open and poll until the link is lost or the thread is asked to stop. */
static enum gw_err run_link(struct gw_source *s, struct gw_error *err)
{
	const struct gw_driver *driver = s->opts->driver_table;
	enum gw_err rc;
	int64_t up_ns, now_ns;

	if (s->link_state == GW_SOURCE_DOWN)
		set_state(s, GW_SOURCE_DOWN, s->tries + 1, s->why);
	if (!gw_fd_reserve_available())
		return fail_for_reserve(err);
	rc = driver->open(s->state, s->opts, &s->emit, err);
	gw_emit_flush(&s->emit);
	if (rc != GW_OK)
		return rc;
	if (!gw_fd_reserve_is_whole())
		return fail_for_reserve(err);
	log_up(s);
	set_state(s, GW_SOURCE_UP, 0, "");
	emit_down(s, false);
	for (up_ns = now_ns = gw_clock_boot_ns(); !gw_thread_stopping(&s->thread);) {
		gw_thread_beat(&s->thread, now_ns);
		send_requested_state(s);
		rc = driver->poll(s->state,
			gw_emit_is_coalescing(&s->emit) ? COALESCING_POLL_MS : POLL_MAX_MS,
			&s->emit, err);
		gw_emit_flush(&s->emit);
		if (rc != GW_OK)
			return rc;
		now_ns = gw_clock_boot_ns();
		if (s->backoff.failures > 0 && now_ns - up_ns >= STABLE_NS)
			gw_backoff_succeeded(&s->backoff);
	}
	return GW_ERR_STOPPED;
}

static void wait_backoff(struct gw_source *s)
{
	struct pollfd pfd = {.fd = s->stop_fd, .events = POLLIN};
	int64_t now_ns = gw_clock_boot_ns();

	while (!gw_backoff_ready(&s->backoff, now_ns) && !gw_thread_stopping(&s->thread)) {
		int64_t left_ms = (s->backoff.next_ns - now_ns) / GW_NS_PER_MS + 1;
		int max_ms = gw_emit_is_coalescing(&s->emit) ? COALESCING_POLL_MS
							     : POLL_MAX_MS;

		gw_thread_beat(&s->thread, now_ns);
		send_requested_state(s);
		poll(&pfd, 1, left_ms < max_ms ? (int)left_ms : max_ms);
		gw_emit_flush(&s->emit);
		now_ns = gw_clock_boot_ns();
	}
}

static void *run(void *arg)
{
	struct gw_source *s = arg;

	while (!gw_thread_stopping(&s->thread)) {
		struct gw_error err = {.kind = GW_ERR_LINK};

		gw_thread_beat(&s->thread, gw_clock_boot_ns());
		run_link(s, &err);
		s->opts->driver_table->close(s->state);
		if (gw_thread_stopping(&s->thread))
			break;
		on_link_lost(s, &err);
		wait_backoff(s);
	}
	gw_emit_flush(&s->emit);
	return NULL;
}

enum gw_err gw_source_start(struct gw_source *s, struct gw_error *err)
{
	return gw_thread_start(&s->thread, s->opts->name, run, s, err);
}

void gw_source_set_state_file(struct gw_source *s, struct gw_state_file *file)
{
	s->emit.state_file = file;
}

void gw_source_request_stop(struct gw_source *s)
{
	gw_thread_request_stop(&s->thread);
	if (s->stop_fd >= 0)
		eventfd_write(s->stop_fd, 1);
}

void gw_source_join(struct gw_source *s)
{
	gw_thread_join(&s->thread);
}

struct gw_ring *gw_source_ring(struct gw_source *s)
{
	return &s->ring;
}

struct gw_thread *gw_source_thread(struct gw_source *s)
{
	return &s->thread;
}

const struct gw_source_opts *gw_source_opts(const struct gw_source *s)
{
	return s->opts;
}

struct gw_source_hang *gw_source_hang(struct gw_source *s)
{
	return &s->hang;
}

void gw_source_set_hangs(struct gw_source *s, bool hangs)
{
	pthread_mutex_lock(&s->lock);
	s->hangs = hangs;
	pthread_mutex_unlock(&s->lock);
}

void gw_source_request_state(struct gw_source *s)
{
	atomic_store_explicit(&s->state_requested, true, memory_order_release);
}

bool gw_source_state_sent(struct gw_source *s)
{
	return !atomic_load_explicit(&s->state_requested, memory_order_acquire);
}

void gw_source_status(struct gw_source *s, struct gw_source_status *ret_status)
{
	pthread_mutex_lock(&s->lock);
	*ret_status = (struct gw_source_status){
		.state = s->link_state,
		.since_ns = s->since_ns,
		.tries = s->tries,
	};
	memcpy(ret_status->why, s->why, sizeof(ret_status->why));
	if (s->hangs) {
		ret_status->state = GW_SOURCE_DOWN;
		ret_status->since_ns = s->hang.since_ns;
		snprintf(ret_status->why, sizeof(ret_status->why),
			"its driver does not return");
	}
	pthread_mutex_unlock(&s->lock);
	ret_status->coalesced = atomic_load_explicit(
		&s->emit.coalesced, memory_order_acquire);
	ret_status->samples = atomic_load_explicit(&s->emit.samples, memory_order_acquire);
	for (size_t i = 0; i < GW_COUNT_MAX; i++)
		ret_status->counts[i] = atomic_load_explicit(
			&s->emit.counts[i], memory_order_acquire);
	ret_status->queued = gw_ring_count(&s->ring);
}
