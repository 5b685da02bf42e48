/* SPDX-License-Identifier: Apache-2.0 */
#include "control/recorder.h"

#include "base/log.h"

#include <string.h>

#define RING    65536 /* samples: 2 MiB once a client records */
#define BATCH   256
#define POLL_NS (100 * GW_NS_PER_MS)
#define PENDING_MAX \
	(1 << 20) /* bytes not read by the client: the tap is not drained beyond */
/* Bytes that may follow after the bound was seen: one run, a gap, the block's head and the
 * end. */
#define END_RESERVE (4 * GW_RECORDING_BLOCK_HEAD + GW_RECORDING_RUN_MAX)

static void arm(struct gw_recorder *r)
{
	gw_loop_arm(r->loop, &r->timer, gw_clock_boot_ns() + POLL_NS);
}

/* A replay has no use for the gateway's own points. */
static bool is_device(const struct gw_config *c, uint32_t point)
{
	for (size_t s = 0; s < c->n_sources; s++)
		if (point - c->source_first_point[s] < c->sources[s].n_points)
			return true;
	return false;
}

static size_t waiting(const struct gw_recorder *r)
{
	return r->recording.out.n - r->n_read;
}

static void note_gap(struct gw_recorder *r)
{
	uint64_t lost = atomic_load_explicit(&r->tap.lost, memory_order_acquire);

	if (lost == r->lost_seen)
		return;
	gw_recording_gap(&r->recording, lost - r->lost_seen);
	r->lost_seen = lost;
}

/* Whether the file, if it ended now, would be near max_bytes. */
static bool is_full(const struct gw_recorder *r)
{
	const struct gw_recording *recording = &r->recording;

	return r->n_given + recording->out.n + recording->block.n + END_RESERVE +
		(uint64_t)recording->n_open * GW_RECORDING_RUN_MAX >
		r->max_bytes;
}

static void drain(struct gw_recorder *r)
{
	struct gw_sample batch[BATCH];
	size_t n;

	while (waiting(r) < PENDING_MAX && !is_full(r) &&
		(n = gw_ring_pop(&r->ring, batch, BATCH, sizeof batch[0])) > 0)
		for (size_t i = 0; i < n && !is_full(r); i++)
			if (is_device(r->config, batch[i].point))
				gw_recording_sample(&r->recording, &batch[i]);
	if (gw_ring_count(&r->ring) == 0)
		note_gap(r);
}

static void on_timer(void *arg, int64_t now_ns)
{
	struct gw_recorder *r = arg;

	if (!r->busy || r->ended)
		return;
	drain(r);
	gw_recording_flush(&r->recording, now_ns, false);
	if (r->recording.out.failed || is_full(r))
		gw_recorder_end(r);
	else
		arm(r);
	if (waiting(r) || r->ended)
		r->on_data(r->arg);
}

void gw_recorder_init(struct gw_recorder *r, struct gw_loop *loop)
{
	*r = (struct gw_recorder){.loop = loop};
	r->timer = (struct gw_loop_timer){.fire = on_timer, .arg = r};
}

void gw_recorder_fini(struct gw_recorder *r)
{
	if (!r->loop)
		return;
	gw_recorder_release(r);
	if (r->has_ring)
		gw_ring_fini(&r->ring);
	r->loop = NULL;
}

/* Returns how many samples were in it. */
static uint64_t discard_ring(struct gw_recorder *r)
{
	struct gw_sample batch[BATCH];
	uint64_t all = 0;
	size_t n;

	while ((n = gw_ring_pop(&r->ring, batch, BATCH, sizeof batch[0])) > 0)
		all += n;
	return all;
}

void gw_recorder_set_config(struct gw_recorder *r, const struct gw_config *config)
{
	if (r->busy && !r->ended) {
		drain(r); /* the rest refers to the old table of points */
		atomic_fetch_add_explicit(
			&r->tap.lost, discard_ring(r), memory_order_release);
		note_gap(r);
		gw_recording_points(
			&r->recording, config->points, (uint32_t)config->n_points);
	}
	r->config = config;
}

enum gw_err gw_recorder_begin(struct gw_recorder *r, uint64_t max_bytes,
	void (*on_data)(void *arg), void *arg, struct gw_error *err)
{
	struct gw_time now = {.boot_ns = gw_clock_boot_ns(), .wall_ms = gw_clock_wall_ms()};

	if (r->busy)
		return gw_fail(
			err, GW_ERR_REFUSED, 0, "somebody records already: one at a time");
	if (!r->has_ring && gw_ring_init(&r->ring, RING, sizeof(struct gw_sample), err))
		return GW_ERR_SYSTEM;
	r->has_ring = true;
	discard_ring(r); /* left from the last recording */
	r->busy = true;
	r->ended = false;
	r->n_read = 0;
	r->n_given = 0;
	r->max_bytes = max_bytes;
	r->on_data = on_data;
	r->arg = arg;
	r->lost_seen = atomic_load_explicit(&r->tap.lost, memory_order_acquire);
	gw_recording_begin(&r->recording, now);
	gw_recording_points(
		&r->recording, r->config->points, (uint32_t)r->config->n_points);
	atomic_store_explicit(&r->tap.ring, &r->ring, memory_order_release);
	arm(r);
	gw_log(GW_LOG_NOTICE, "recording begins");
	return GW_OK;
}

size_t gw_recorder_read(struct gw_recorder *r, void *to, size_t size)
{
	struct gw_byte_buffer *out = &r->recording.out;
	size_t n = waiting(r) < size ? waiting(r) : size;

	if (n)
		memcpy(to, out->at + r->n_read, n);
	r->n_read += n;
	if (r->n_read == out->n) { /* everything was read: reuse the buffer */
		r->n_given += out->n;
		out->n = r->n_read = 0;
	}
	return n;
}

bool gw_recorder_pending(const struct gw_recorder *r)
{
	return waiting(r) > 0;
}

void gw_recorder_end(struct gw_recorder *r)
{
	if (!r->busy || r->ended)
		return;
	atomic_store_explicit(&r->tap.ring, NULL, memory_order_release);
	gw_loop_disarm(r->loop, &r->timer);
	drain(r);
	gw_recording_end(&r->recording);
	r->ended = true;
}

bool gw_recorder_done(const struct gw_recorder *r)
{
	return r->ended && waiting(r) == 0;
}

void gw_recorder_release(struct gw_recorder *r)
{
	if (!r->busy)
		return;
	atomic_store_explicit(&r->tap.ring, NULL, memory_order_release);
	gw_loop_disarm(r->loop, &r->timer);
	gw_log(GW_LOG_NOTICE, "recording ends: %llu samples",
		(unsigned long long)r->recording.samples);
	gw_recording_fini(&r->recording);
	r->n_read = 0;
	r->busy = r->ended = false;
}
