/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Samples on their way in. A sample in its point's calm band is written to the point's slot, put
 * beside those that its histories have not seen yet, and that is all. Whatever needs more waits
 * until its block of samples has been looked through: by then its memory is on its way from far
 * away, together with that of all others, and the calm ones were not held up. A point of which a
 * sample waits has its later ones wait as well, so each point sees its samples in their order;
 * and no alarm cares for the order of calm samples of one point and any of another.
 */
#include "engine/engine_internal.h"

#include <math.h>

/* Samples. An entry of the list of those that wait is a place in the block; with BLOCK added, the
 * sample is kept already, and its point only needs room for more. */
#define BLOCK_SAMPLES 64
static_assert(BLOCK_SAMPLES == 64,
	"the bytes of the list hold a place below BLOCK, and BLOCK as a bit");
/* Samples before it is needed: */
#define SLOT_AHEAD   32
#define BUFFER_AHEAD 12

/* The point has no usable value any more: histories that hold its last one are told. */
static void on_value_lost(
	struct gw_engine *e, uint32_t point, int64_t at_ns, const struct gw_time *now)
{
	const struct gw_listeners *l = &e->point_listeners;
	bool notified = false;

	for (uint32_t k = l->first[point]; k < l->first[point + 1]; k++) {
		struct gw_alarm *a = &e->alarms[l->at[k].alarm];

		if (l->at[k].member != GW_NO_MEMBER)
			continue;
		if (a->opts->when.kind->on_bad_samples)
			gw_unreadable_on_bad_sample(e, a, at_ns, now);
		if (!a->opts->when.kind->value_lost)
			continue;
		if (!notified)
			gw_history_flush(e, point);
		gw_history_run_timers(e, a, at_ns, now);
		a->opts->when.kind->value_lost(&a->opts->when, a->memory, at_ns);
		notified = true;
	}
	if (notified)
		gw_alarm_update_band(e, point);
}

/* A contact that comes back with the value it had is news: it is not calm till then. */
void gw_ingest_unusable(
	struct gw_engine *e, uint32_t point, int64_t at_ns, const struct gw_time *now)
{
	if (gw_suppression_on_point(e, point, at_ns, now))
		gw_alarm_update_band(e, point);
}

/* A sample outside its point's calm band, or one that cannot be used. */
static void process_sample(struct gw_engine *e, uint32_t point,
	const struct gw_sample *sample, bool usable, const struct gw_time *now)
{
	const struct gw_listeners *l = &e->point_listeners;
	uint32_t k = l->first[point], end = l->first[point + 1];
	bool was_usable = gw_quality_current(gw_view_quality(&e->view, point));

	if (!usable) {
		gw_view_write_bad(&e->view, point, sample);
		on_value_lost(e, point, sample->mono_ns, now);
		if (was_usable)
			gw_ingest_unusable(e, point, sample->mono_ns, now);
		return;
	}
	gw_history_flush(e, point);
	gw_view_write_good(&e->view, &e->view.points[point], sample);
	if (!was_usable) /* what holds by it may do so again, and does so first */
		gw_suppression_on_point(e, point, sample->mono_ns, now);
	for (; k < end; k++) {
		struct gw_alarm *a = &e->alarms[l->at[k].alarm];

		if (l->at[k].member != GW_NO_MEMBER) {
			gw_alarm_on_member(
				e, &l->at[k], sample->value != 0, sample->mono_ns, now);
			continue;
		}
		if (a->opts->when.kind->absorb) {
			gw_history_run_timers(e, a, sample->mono_ns, now);
			a->opts->when.kind->absorb(
				&a->opts->when, a->memory, sample, sample->mono_ns);
		}
		gw_alarm_evaluate(e, a,
			(struct gw_condition_input){.sample = sample,
				.member = GW_NO_MEMBER,
				.now_ns = sample->mono_ns},
			now);
	}
	gw_alarm_update_band(e, point);
}

/* Whether nobody needs to look at this usable sample now. */
static inline bool in_quiet_band(
	const struct gw_point_slot *s, const struct gw_sample *sample)
{
	return sample->value >= s->lo && sample->value <= s->hi &&
		sample->mono_ns >> GW_QUIET_SHIFT < s->quiet_until &&
		s->n_buffered < s->capacity;
}

/* Returns whether the point can keep no more. One without a past does all this, too, for nobody:
 * to tell them apart costs more. */
static inline bool buffer_sample(struct gw_engine *e, unsigned char *history_memory,
	struct gw_point_slot *s, const struct gw_sample *sample)
{
	struct gw_buffered_sample *slot = gw_history_buffer_slot(history_memory, s);
	double was = atomic_load_explicit(&s->value, memory_order_relaxed);
	int64_t since_ns = s->since_ns;

	slot->value = sample->value;
	slot->mono_ns = sample->mono_ns;
	s->sum += sample->value;
	s->since_ns = islessgreater(was, sample->value) ? sample->mono_ns : since_ns;
	s->n_buffered = (uint8_t)(s->n_buffered + (s->history_line != 0));
	gw_view_write_good(&e->view, s, sample);
	return s->n_buffered == s->capacity;
}

static inline void reset_capacity(struct gw_point_slot *s)
{
	s->capacity = s->buffers_each ? GW_BUFFER_SAMPLES : GW_SUM_CAPACITY;
}

/* One that had to wait. */
static void process_deferred(struct gw_engine *e, uint32_t point,
	const struct gw_sample *sample, const struct gw_time *now)
{
	struct gw_point_slot *s = &e->view.points[point];
	bool usable = gw_quality_usable(sample->quality);

	if (sample->quality == GW_QUALITY_RETAINED && isfinite(sample->value)) {
		gw_retained_process(e, point, sample, now);
	} else if (usable && !isfinite(sample->value)) { /* a driver should have said so */
		struct gw_sample bad = *sample;

		bad.quality = GW_QUALITY_BAD_PAYLOAD;
		process_sample(e, point, &bad, false, now);
	} else if (usable && in_quiet_band(s, sample)) {
		if (buffer_sample(e, e->history_memory, s, sample))
			gw_history_flush(e, point);
	} else if (usable && s->history_line && sample->value >= gw_history_of(e, s)->lo &&
		sample->value <= gw_history_of(e, s)->hi) { /* only histories look */
		gw_history_flush(e, point);
		gw_view_write_good(&e->view, s, sample);
		gw_history_absorb(e, point, sample, now);
	} else {
		process_sample(e, point, sample, usable, now);
	}
}

/* Of the `left` samples from this one on one's slot is fetched (to fetch what is not there does no
 * harm), and where a nearer one will be kept: its slot has come by now. One at a time beside the
 * work, so that the memory is never idle and never asked for more than it can bring at once. */
static inline void __attribute__((always_inline))
prefetch_ahead(const struct gw_engine *e, const struct gw_point_slot *slots,
	uint32_t n_points, const struct gw_sample *sample, size_t left)
{
	if (left > SLOT_AHEAD)
		__builtin_prefetch(&slots[sample[SLOT_AHEAD].point], 1);
	if (e->prefetch_histories && left > BUFFER_AHEAD &&
		sample[BUFFER_AHEAD].point < n_points)
		__builtin_prefetch(gw_history_buffer_slot(e->history_memory,
					   &slots[sample[BUFFER_AHEAD].point]),
			1);
}

/* What those that wait will touch, first what leads to the rest. */
static void prefetch_deferred(const struct gw_engine *e, const struct gw_point_slot *slots,
	const struct gw_sample *samples, const uint8_t *deferred, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct gw_point_slot *s =
			&slots[samples[deferred[i] % BLOCK_SAMPLES].point];
		const struct gw_point_history *history_line = gw_history_of(e, s);

		__builtin_prefetch(history_line);
		for (size_t k = 0; k < GW_BUFFER_LINES && s->buffers_each; k++)
			__builtin_prefetch(
				(const char *)history_line - (k + 1) * GW_CACHE_LINE);
	}
	for (size_t i = 0; i < n; i++) {
		const struct gw_point_slot *s =
			&slots[samples[deferred[i] % BLOCK_SAMPLES].point];
		const struct gw_history_entry *h = gw_history_of(e, s)->history;
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
	struct gw_point_slot *slots = e->view.points + first_point;
	unsigned char *history_memory = e->history_memory;
	uint8_t deferred[BLOCK_SAMPLES];
	size_t n_deferred = 0;

	for (size_t i = 0; i < n; i++) {
		const struct gw_sample *sample = &samples[i];
		struct gw_point_slot *s = &slots[sample->point];

		prefetch_ahead(e, slots, n_points, sample, left - i);
		if (sample->point >= n_points) {
			atomic_fetch_add_explicit(&e->stray, 1, memory_order_relaxed);
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
		prefetch_deferred(e, slots, samples, deferred, n_deferred);
	for (size_t i = 0; i < n_deferred; i++) {
		const struct gw_sample *sample = &samples[deferred[i] % BLOCK_SAMPLES];

		reset_capacity(&slots[sample->point]);
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
	const struct gw_point_slot *slots = e->view.points + first_point;
	size_t block;

	if (tapped)
		copy_to_tap(e->tap, tapped, first_point, n_points, samples, n);
	for (size_t i = 0; i < n && i < SLOT_AHEAD; i++)
		__builtin_prefetch(&slots[samples[i].point], 1);
	for (; n; samples += block, n -= block) {
		block = n < BLOCK_SAMPLES ? n : BLOCK_SAMPLES;
		process_block(e, first_point, n_points, samples, block, n, now);
	}
}
