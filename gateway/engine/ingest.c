/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to a sample, in this order:
 *
 *	gw_ingest                samples of one source; copied to the tap of `tocsin record`
 *	process_block            64 samples; each one is
 *	  of no point              counted, dropped
 *	  in the quiet band        buffer_sample: stored as the point's value and buffered for its
 *	                           histories, nothing else; if the buffer is full now, deferred
 *	  else                     deferred; later samples of its point, too
 *	then the deferred ones:
 *	  buffer full              gw_history_flush: the histories take what is buffered
 *	  process_deferred
 *	    retained, age unknown    gw_retained_process
 *	    not a finite number      goes on as bad-payload
 *	    in the quiet band        buffer_sample, as above
 *	    a history needs it       gw_history_absorb; no other alarm of the point can change
 *	    process_outside_band
 *	      not usable               on_value_lost: histories, the condition `unreadable`;
 *	                               gw_ingest_not_current: suppression
 *	      usable                   every listener of the point: gw_alarm_on_member (votes,
 *	                               `unless`) or gw_alarm_evaluate
 *	      gw_band_update           the point's quiet band from now on
 */
#include "engine/ingest.h"

#include "engine/alarm.h"
#include "engine/band.h"
#include "engine/history.h"
#include "engine/retained.h"
#include "engine/suppression.h"
#include "engine/unreadable.h"
#include "engine/view.h"

#include <math.h>

/* Samples. An entry of deferred[] is an index into the block. With BLOCK_SAMPLES added: the sample
 * is buffered already, and the full buffer of its point must be flushed. */
#define BLOCK_SAMPLES 64
static_assert(
	BLOCK_SAMPLES == 64, "an entry of deferred[] is an index and a flag in a byte");
/* Prefetch distances, in samples. The point: no gain at 1,000 points, 2.9 x at 100,000. The
 * buffer, where there are many histories: 1.3 x at 100,000 (bench_engine). */
#define POINT_AHEAD  32
#define BUFFER_AHEAD 12

/* The point has no usable value any more: histories that assume that its last one holds must
 * know. */
static void on_value_lost(
	struct gw_engine *e, uint32_t point, int64_t at_ns, const struct gw_time *now)
{
	const struct gw_listeners *l = &e->point_listeners;
	bool notified = false;

	for (uint32_t k = l->first[point]; k < l->first[point + 1]; k++) {
		struct gw_alarm *a = &e->alarms[l->at[k].alarm];

		if (l->at[k].member != GW_NO_MEMBER)
			continue;
		if (a->opts->when->kind->on_bad_samples)
			gw_unreadable_on_bad_sample(e, a, at_ns, now);
		if (!a->opts->when->kind->value_lost)
			continue;
		if (!notified)
			gw_history_flush(e, point);
		gw_history_run_timers(e, a, at_ns, now);
		a->opts->when->kind->value_lost(a->opts->when, a->memory, at_ns);
		notified = true;
	}
	if (notified)
		gw_band_update(e, point);
}

/* A contact that becomes usable again with the same value must reach its listeners, so it
 * leaves the quiet band until then. */
void gw_ingest_not_current(
	struct gw_engine *e, uint32_t point, int64_t at_ns, const struct gw_time *now)
{
	if (gw_suppression_on_point(e, point, at_ns, now))
		gw_band_update(e, point);
}

/* A sample outside the quiet band, or one that is not usable. */
static void process_outside_band(struct gw_engine *e, uint32_t point,
	const struct gw_sample *sample, bool usable, const struct gw_time *now)
{
	const struct gw_listeners *l = &e->point_listeners;
	uint32_t k = l->first[point], end = l->first[point + 1];
	bool was_current = gw_quality_current(gw_view_quality(&e->view, point));

	if (!usable) {
		gw_view_write_not_current(&e->view, point, sample);
		on_value_lost(e, point, sample->boot_ns, now);
		if (was_current)
			gw_ingest_not_current(e, point, sample->boot_ns, now);
		return;
	}
	gw_history_flush(e, point);
	gw_view_write_current(&e->view, &e->view.points[point], sample);
	if (!was_current) /* it may suppress again, before the alarms below are evaluated */
		gw_suppression_on_point(e, point, sample->boot_ns, now);
	for (; k < end; k++) {
		struct gw_alarm *a = &e->alarms[l->at[k].alarm];

		if (l->at[k].member != GW_NO_MEMBER) {
			gw_alarm_on_member(
				e, &l->at[k], sample->value != 0, sample->boot_ns, now);
			continue;
		}
		if (a->opts->when->kind->absorb) {
			gw_history_run_timers(e, a, sample->boot_ns, now);
			a->opts->when->kind->absorb(
				a->opts->when, a->memory, sample, sample->boot_ns);
		}
		gw_alarm_evaluate(e, a,
			(struct gw_condition_input){.sample = sample,
				.member = GW_NO_MEMBER,
				.now_ns = sample->boot_ns},
			now);
	}
	gw_band_update(e, point);
}

/* Whether a usable sample needs no evaluation now. */
static inline bool in_quiet_band(
	const struct gw_point_state *s, const struct gw_sample *sample)
{
	return sample->value >= s->lo && sample->value <= s->hi &&
		sample->boot_ns >> GW_QUIET_SHIFT < s->quiet_until &&
		s->n_buffered < s->capacity;
}

/* Returns whether the buffer is full. A point without a history writes to a buffer that is
 * never read: no gain over a branch at 1,000 points, up to 1.2 x at 100,000 (bench_engine
 * calm). */
static inline bool buffer_sample(struct gw_engine *e, unsigned char *history_memory,
	struct gw_point_state *s, const struct gw_sample *sample)
{
	struct gw_buffered_sample *buffered = gw_history_next_buffered(history_memory, s);
	double was = atomic_load_explicit(&s->value, memory_order_relaxed);
	int64_t since_ns = s->since_ns;

	buffered->value = sample->value;
	buffered->boot_ns = sample->boot_ns;
	s->sum += sample->value;
	s->since_ns = islessgreater(was, sample->value) ? sample->boot_ns : since_ns;
	s->n_buffered = (uint8_t)(s->n_buffered + (s->history_line != 0));
	gw_view_write_current(&e->view, s, sample);
	return s->n_buffered == s->capacity;
}

static inline void reset_capacity(struct gw_point_state *s)
{
	s->capacity = s->buffers_each ? GW_BUFFER_SAMPLES : GW_SUM_CAPACITY;
}

/* A sample that was deferred to the end of its block. */
static void process_deferred(struct gw_engine *e, uint32_t point,
	const struct gw_sample *sample, const struct gw_time *now)
{
	struct gw_point_state *s = &e->view.points[point];
	bool usable = gw_quality_usable(sample->quality);

	if (sample->quality == GW_QUALITY_RETAINED && isfinite(sample->value)) {
		gw_retained_process(e, point, sample, now);
	} else if (usable &&
		!isfinite(sample->value)) { /* the driver should have set a bad quality */
		struct gw_sample bad = *sample;

		bad.quality = GW_QUALITY_BAD_PAYLOAD;
		process_outside_band(e, point, &bad, false, now);
	} else if (usable && in_quiet_band(s, sample)) {
		if (buffer_sample(e, e->history_memory, s, sample))
			gw_history_flush(e, point);
	} else if (usable && s->history_line && sample->value >= gw_history_of(e, s)->lo &&
		sample->value <= gw_history_of(e, s)->hi) { /* only histories need it */
		gw_history_flush(e, point);
		gw_view_write_current(&e->view, s, sample);
		gw_history_absorb(e, point, sample, now);
	} else {
		process_outside_band(e, point, sample, usable, now);
	}
}

/* left: samples from this one on. Prefetching an index that is out of range does no harm. One
 * sample at a time, so that the memory is never idle and never gets more requests than it can
 * serve. */
static inline void __attribute__((always_inline))
prefetch_ahead(const struct gw_engine *e, const struct gw_point_state *points,
	uint32_t n_points, const struct gw_sample *sample, size_t left)
{
	if (left > POINT_AHEAD)
		__builtin_prefetch(&points[sample[POINT_AHEAD].point], 1);
	if (e->prefetch_histories && left > BUFFER_AHEAD &&
		sample[BUFFER_AHEAD].point < n_points)
		__builtin_prefetch(gw_history_next_buffered(e->history_memory,
					   &points[sample[BUFFER_AHEAD].point]),
			1);
}

/* What deferred samples will touch, first what leads to it. Deferring and this together: 0.93 x
 * at 1,000 points, 1.04 x (histories) to 1.1 x at 100,000 (bench_engine). */
static void prefetch_deferred(const struct gw_engine *e,
	const struct gw_point_state *points, const struct gw_sample *samples,
	const uint8_t *deferred, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct gw_point_state *s =
			&points[samples[deferred[i] % BLOCK_SAMPLES].point];
		const struct gw_point_history *history = gw_history_of(e, s);

		__builtin_prefetch(history);
		for (size_t k = 0; k < GW_BUFFER_LINES && s->buffers_each; k++)
			__builtin_prefetch((const char *)history - (k + 1) * GW_CACHE_LINE);
	}
	for (size_t i = 0; i < n; i++) {
		const struct gw_point_state *s =
			&points[samples[deferred[i] % BLOCK_SAMPLES].point];
		const struct gw_history_entry *h = gw_history_of(e, s)->entry;
		bool has_next = s->history_line;

		for (; has_next; has_next = h++->has_next) {
			__builtin_prefetch(h->memory, 1);
			__builtin_prefetch((char *)h->memory + GW_CACHE_LINE, 1);
		}
	}
}

static void process_block(struct gw_engine *e, uint32_t first_point, uint32_t n_points,
	const struct gw_sample *samples, size_t n, size_t left, const struct gw_time *now)
{
	struct gw_point_state *points = e->view.points + first_point;
	unsigned char *history_memory = e->history_memory;
	uint8_t deferred[BLOCK_SAMPLES];
	size_t n_deferred = 0;

	for (size_t i = 0; i < n; i++) {
		const struct gw_sample *sample = &samples[i];
		struct gw_point_state *s = &points[sample->point];

		prefetch_ahead(e, points, n_points, sample, left - i);
		if (sample->point >= n_points) {
			atomic_fetch_add_explicit(
				&e->unknown_samples, 1, memory_order_relaxed);
		} else if (gw_quality_current(sample->quality) &&
			in_quiet_band(s, sample)) {
			deferred[n_deferred] = (uint8_t)(i | BLOCK_SAMPLES);
			n_deferred += buffer_sample(e, history_memory, s, sample);
		} else {
			deferred[n_deferred++] = (uint8_t)i;
			s->capacity = 0;
		}
	}
	if (e->prefetch_histories)
		prefetch_deferred(e, points, samples, deferred, n_deferred);
	for (size_t i = 0; i < n_deferred; i++) {
		const struct gw_sample *sample = &samples[deferred[i] % BLOCK_SAMPLES];

		reset_capacity(&points[sample->point]);
		if (deferred[i] & BLOCK_SAMPLES)
			gw_history_flush(e, first_point + sample->point);
		else
			process_deferred(e, first_point + sample->point, sample, now);
	}
}

static void __attribute__((noinline))
copy_to_tap(struct gw_sample_tap *t, struct gw_ring *ring, uint32_t first_point,
	uint32_t n_points, const struct gw_sample *samples, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct gw_sample s = samples[i];

		if (s.point >= n_points)
			continue;
		s.point += first_point;
		if (!gw_ring_push(ring, &s, 1, sizeof s))
			atomic_fetch_add_explicit(&t->lost, 1, memory_order_release);
	}
}

void gw_ingest(struct gw_engine *e, uint32_t first_point, uint32_t n_points,
	const struct gw_sample *samples, size_t n, const struct gw_time *now)
{
	struct gw_ring *tapped = e->tap
		? atomic_load_explicit(&e->tap->ring, memory_order_acquire)
		: NULL;
	const struct gw_point_state *points = e->view.points + first_point;
	size_t block;

	if (tapped)
		copy_to_tap(e->tap, tapped, first_point, n_points, samples, n);
	for (size_t i = 0; i < n && i < POINT_AHEAD; i++)
		__builtin_prefetch(&points[samples[i].point], 1);
	for (; n; samples += block, n -= block) {
		block = n < BLOCK_SAMPLES ? n : BLOCK_SAMPLES;
		process_block(e, first_point, n_points, samples, block, n, now);
	}
}
