/* SPDX-License-Identifier: Apache-2.0 */
#include "source/emit.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "source/coalesce.h"
#include "source/quality.h"
#include "source/scale.h"
#include "source/state_files.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

const char *const gw_count_names[] = {
	[GW_COUNT_REQUESTS] = "requests",
	[GW_COUNT_TIMEOUTS] = "timeouts",
	[GW_COUNT_BAD_FRAMES] = "bad_frames",
	[GW_COUNT_REFUSED] = "refused",
	[GW_COUNT_UNKNOWN_TOPIC] = "unknown_topics",
	[GW_COUNT_DUPLICATES] = "duplicates",
	[GW_COUNT_UNCOMMITTED] =
		"unsettled", /* the key of status: acknowledged before the commit */
	[GW_COUNT_DAMAGED] = "damaged",
	[GW_COUNT_TOO_LONG] = "too_long",
	[GW_COUNT_SESSIONS] = "sessions_dropped",
	[GW_COUNT_SKIPPED] = "skipped",
	[GW_COUNT_MAX] = NULL,
};

static void add(_Atomic uint64_t *counter, uint64_t by)
{
	/* Only this thread writes: a load and a store, no locked instruction. Release, so that who
	 * reads the count (acquire) sees the ring at least as full. */
	uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, now + by, memory_order_release);
}

enum gw_err gw_emit_init(
	struct gw_emit *e, const struct gw_emit_opts *opts, struct gw_error *err)
{
	*e = (struct gw_emit){
		.ring = opts->ring,
		.engine_wake = opts->engine_wake,
		.source = opts->source,
		.stop_fd = opts->stop_fd,
		.thread = opts->thread,
		.n_points = opts->n_points,
	};
	if (opts->commit)
		e->commit = *opts->commit;
	e->coalescer = gw_coalesce_new(opts->n_points);
	e->scales = calloc(opts->n_points, sizeof(*e->scales));
	if (!e->coalescer || !e->scales)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "out of memory");
	return gw_unreadable_points_init(&e->unreadable, opts->n_points, err);
}

void gw_emit_fini(struct gw_emit *e)
{
	gw_coalesce_free(e->coalescer);
	free(e->scales);
	e->coalescer = NULL;
	e->scales = NULL;
	gw_unreadable_points_fini(&e->unreadable);
}

bool gw_emit_is_coalescing(const struct gw_emit *e)
{
	return gw_coalesce_count(e->coalescer) > 0;
}

static size_t push(struct gw_emit *e, const struct gw_sample *samples, size_t n)
{
	size_t pushed = gw_ring_push(e->ring, samples, n, sizeof(samples[0]));

	add(&e->samples, pushed);
	return pushed;
}

/* The batch goes into the ring, behind what was kept back before: time never falls. */
static void publish(struct gw_emit *e)
{
	struct gw_coalescer *c = e->coalescer;
	const struct gw_sample *oldest;
	size_t n = e->n_batch, pushed = 0;

	while ((oldest = gw_coalesce_oldest(c)) && push(e, oldest, 1) == 1)
		gw_coalesce_drop_oldest(c);
	if (!oldest && n > 0)
		pushed = push(e, e->batch, n);
	for (; pushed < n; pushed++)
		if (gw_coalesce_add(c, &e->batch[pushed]))
			add(&e->coalesced, 1);
	e->n_batch = 0;
}

void gw_emit_sample(struct gw_emit *e, uint32_t point, enum gw_quality quality,
	double value, int64_t boot_ns, int64_t device_ns)
{
	struct gw_sample *s = &e->batch[e->n_batch];

	if (point >= e->n_points)
		return;
	if (!gw_quality_usable(quality)) {
		value = 0;
	} else if (!isfinite(value)) {
		quality = GW_QUALITY_BAD_INVALID;
		value = 0;
	} else if (e->unreadable.n_now > 0) {
		gw_unreadable_points_recover(&e->unreadable, e->source, point, boot_ns);
	}
	if (boot_ns < e->last_ns)
		boot_ns = e->last_ns;
	e->last_ns = boot_ns;
	*s = (struct gw_sample){
		.point = point,
		.quality = (uint16_t)quality,
		.boot_ns = boot_ns,
		.device_ns = device_ns,
		.value = value,
	};
	if (++e->n_batch == GW_EMIT_BATCH)
		gw_emit_flush(e);
}

/* Whether this begins, and is to be logged. */
static bool mark_unreadable(struct gw_emit *e, const struct gw_point_opts *point,
	enum gw_quality quality, int64_t boot_ns)
{
	gw_emit_sample(e, point->index, quality, 0, boot_ns, 0);
	return point->index < e->n_points &&
		gw_unreadable_points_add(&e->unreadable, point, boot_ns);
}

/* A reading that cannot be a value, or is listed as `invalid`. */
static void refuse_invalid(struct gw_emit *e, const struct gw_point_opts *point,
	enum gw_quality quality, double value, int64_t boot_ns)
{
	char memory[96];
	struct gw_text t;

	if (!mark_unreadable(e, point, quality, boot_ns))
		return;
	gw_text_init(&t, memory, sizeof(memory));
	if (isfinite(value)) {
		gw_text_add(&t, "the device sends ");
		gw_text_add_double(&t, value);
		gw_text_add(&t, ", which is invalid: look at the sensor");
	} else {
		gw_text_add(&t,
			"the device sends no finite number: look at the sensor, or at type and order");
	}
	gw_unreadable_points_log(e->source, point, memory, NULL, 0);
}

static double value_of(
	const struct gw_emit *e, const struct gw_point_opts *point, double raw)
{
	struct gw_scale *scale = &e->scales[point->index];

	if (gw_point_is_discrete(point))
		return raw != 0;
	if (scale->den == 0) /* made once: it takes 50 to 345 ns, applying it 5 */
		gw_scale_init(scale, point->scale, point->offset);
	return gw_scale_apply(scale, raw);
}

/* width 0: it came as a number, not as bits. */
static void emit_reading(struct gw_emit *e, const struct gw_point_opts *point,
	enum gw_quality quality, double raw, uint64_t bits, unsigned width, int64_t boot_ns,
	int64_t device_ns)
{
	double value;

	if (point->index >= e->n_points)
		return;
	value = value_of(e, point, raw);
	if (gw_quality_has_bounds(point) || !isfinite(value)) {
		bool invalid = width > 0 ? gw_quality_invalid_bits(point, bits, width)
					 : gw_quality_invalid_number(point, raw);

		quality = invalid ? GW_QUALITY_BAD_INVALID
				  : gw_quality_of_value(point, quality, value);
		if (!gw_quality_usable(quality)) {
			refuse_invalid(e, point, quality, value, boot_ns);
			return;
		}
	}
	gw_emit_sample(e, point->index, quality, value, boot_ns, device_ns);
}

void gw_emit_raw(struct gw_emit *e, const struct gw_point_opts *point,
	enum gw_quality quality, double raw, int64_t boot_ns, int64_t device_ns)
{
	emit_reading(e, point, quality, raw, 0, 0, boot_ns, device_ns);
}

void gw_emit_raw_bits(struct gw_emit *e, const struct gw_point_opts *point, double raw,
	uint64_t bits, unsigned width, int64_t boot_ns)
{
	emit_reading(e, point, GW_QUALITY_GOOD, raw, bits, width, boot_ns, 0);
}

void gw_emit_unreadable(struct gw_emit *e, const struct gw_point_opts *point,
	enum gw_quality quality, const char *why, const void *bytes, size_t n,
	int64_t boot_ns)
{
	if (mark_unreadable(e, point, quality, boot_ns))
		gw_unreadable_points_log(e->source, point, why, bytes, n);
}

void gw_emit_flush(struct gw_emit *e)
{
	if (e->n_batch == 0 && gw_coalesce_count(e->coalescer) == 0)
		return;
	publish(e);
	if (e->engine_wake)
		gw_wake_poke(e->engine_wake);
}

void gw_emit_count(struct gw_emit *e, enum gw_count what, uint64_t by)
{
	add(&e->counts[what], by);
}

bool gw_emit_stopping(const struct gw_emit *e)
{
	return e->thread && gw_thread_stopping(e->thread);
}

size_t gw_emit_load_state(struct gw_emit *e, void *to, size_t size, bool *ret_is_final)
{
	*ret_is_final = false;
	return e->state_file ? gw_state_files_load(e->state_file, to, size, ret_is_final)
			     : 0;
}

void gw_emit_save_state(struct gw_emit *e, const void *bytes, size_t n, bool is_final)
{
	if (e->state_file)
		gw_state_files_save(e->state_file, bytes, n, is_final);
}

void gw_emit_beat(struct gw_emit *e)
{
	if (e->thread)
		gw_thread_beat(e->thread, gw_clock_boot_ns());
}

int gw_emit_stop_fd(const struct gw_emit *e)
{
	return e->stop_fd;
}

void gw_emit_set_checkpoint(struct gw_emit *e, struct gw_emit_checkpoint *ret_checkpoint)
{
	gw_emit_flush(e);
	*ret_checkpoint = (struct gw_emit_checkpoint){.samples = gw_ring_head(e->ring),
		.coalescing = gw_coalesce_count(e->coalescer) > 0};
}

bool gw_emit_is_committed(struct gw_emit *e, struct gw_emit_checkpoint *checkpoint)
{
	if (!e->commit.last_seq || !e->commit.wait_committed)
		return true;
	if (checkpoint->coalescing) {
		gw_emit_flush(e);
		checkpoint->samples = gw_ring_head(e->ring);
		checkpoint->coalescing = gw_coalesce_count(e->coalescer) > 0;
		if (checkpoint->coalescing)
			return false;
	}
	if (!checkpoint->engine_seen) {
		if (gw_ring_processed(e->ring) < checkpoint->samples)
			return false;
		/* Read after the engine has processed them, so it covers every event they
		 * caused. */
		checkpoint->seq = e->commit.last_seq(e->commit.arg);
		checkpoint->engine_seen = true;
	}
	return e->commit.wait_committed(e->commit.arg, checkpoint->seq, 0);
}

/* The engine needs about 10 us to wake up and process, a commit 200 us to many ms: check after
 * 20 us, then at doubling intervals up to 1 ms. Spinning would cost more processor time, and nobody
 * waits for the acknowledgement. */
bool gw_emit_wait_committed(struct gw_emit *e, int timeout_ms)
{
	int64_t until_ns = gw_clock_boot_ns() + timeout_ms * GW_NS_PER_MS;
	struct timespec pause = {.tv_nsec = 20000};
	struct gw_emit_checkpoint checkpoint;
	bool stopping = false;

	gw_emit_set_checkpoint(e, &checkpoint);
	while (!gw_emit_is_committed(e, &checkpoint)) {
		int64_t now_ns = gw_clock_boot_ns();

		if (!stopping && gw_emit_stopping(e)) {
			stopping = true;
			if (until_ns > now_ns + 50 * GW_NS_PER_MS)
				until_ns = now_ns + 50 * GW_NS_PER_MS;
		}
		if (now_ns >= until_ns)
			return false;
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < GW_NS_PER_MS)
			pause.tv_nsec *= 2;
	}
	return true;
}

void gw_emit_device_state(
	struct gw_emit *e, const struct gw_device_opts *device, bool ok, const char *why)
{
	if (ok)
		gw_log(GW_LOG_NOTICE, "%s/%s: %s", e->source, device->name,
			why && *why ? why : "answers again");
	else
		gw_log(GW_LOG_WARNING, "%s/%s: %s", e->source, device->name,
			why && *why ? why : "no answer");
}

void gw_emit_warn(struct gw_emit *e, const char *text)
{
	gw_log(GW_LOG_WARNING, "%s: %s", e->source, text);
}
