/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Samples on their way in. A sample in its point's calm band is written to the point's slot, put
 * beside those that its histories have not seen yet, and that is all. Whatever needs more waits
 * until its block of samples has been looked through: by then its memory is on its way from far
 * away, together with that of all others, and the calm ones were not held up. A point of which a
 * sample waits has its later ones wait as well, so each point sees its samples in their order;
 * and no alarm cares for the order of calm samples of one point and any of another.
 */
#include "engine/inside.h"

#include <math.h>

/* Samples. An entry of the list of those that wait is a place in the block; with BLOCK added, the
 * sample is kept already, and its point only needs room for more. */
#define BLOCK 64
static_assert(
	BLOCK == 64, "the bytes of the list hold a place below BLOCK, and BLOCK as a bit");
/* Samples before it is needed: */
#define SLOT_AHEAD  32
#define PLACE_AHEAD 12

/* The point has no usable value any more: histories that hold its last one are told. */
static void lose(
	struct gw_engine *e, uint32_t point, int64_t at_ns, const struct gw_time *now)
{
	const struct gw_listeners *l = &e->point_listeners;
	bool told = false;

	for (uint32_t k = l->first[point]; k < l->first[point + 1]; k++) {
		struct gw_alarm *a = &e->alarms[l->at[k].alarm];

		if (l->at[k].member != GW_NO_MEMBER)
			continue;
		if (a->opts->when.kind->on_refusals)
			gw_unreadable_refused(e, a, at_ns, now);
		if (!a->opts->when.kind->lost)
			continue;
		if (!told)
			gw_history_recall(e, point);
		gw_history_catch_up(e, a, at_ns, now);
		a->opts->when.kind->lost(&a->opts->when, a->memory, at_ns);
		told = true;
	}
	if (told)
		gw_alarms_calm(e, point);
}

/* A contact that comes back with the value it had is news: it is not calm till then. */
void gw_feed_unusable(
	struct gw_engine *e, uint32_t point, int64_t at_ns, const struct gw_time *now)
{
	if (gw_hold_point_turned(e, point, at_ns, now))
		gw_alarms_calm(e, point);
}

/* A sample outside its point's calm band, or one that cannot be used. */
static void heed(struct gw_engine *e, uint32_t point, const struct gw_sample *sample,
	bool usable, const struct gw_time *now)
{
	const struct gw_listeners *l = &e->point_listeners;
	uint32_t k = l->first[point], end = l->first[point + 1];
	bool was_usable = gw_quality_current(gw_view_quality(&e->view, point));

	if (!usable) {
		gw_view_write_bad(&e->view, point, sample);
		lose(e, point, sample->mono_ns, now);
		if (was_usable)
			gw_feed_unusable(e, point, sample->mono_ns, now);
		return;
	}
	gw_history_recall(e, point);
	gw_view_write_good(&e->view, &e->view.points[point], sample);
	if (!was_usable) /* what holds by it may do so again, and does so first */
		gw_hold_point_turned(e, point, sample->mono_ns, now);
	for (; k < end; k++) {
		struct gw_alarm *a = &e->alarms[l->at[k].alarm];

		if (l->at[k].member != GW_NO_MEMBER) {
			gw_alarms_hear(
				e, &l->at[k], sample->value != 0, sample->mono_ns, now);
			continue;
		}
		if (a->opts->when.kind->absorb) {
			gw_history_catch_up(e, a, sample->mono_ns, now);
			a->opts->when.kind->absorb(
				&a->opts->when, a->memory, sample, sample->mono_ns);
		}
		gw_alarms_ask(e, a,
			(struct gw_condition_input){.sample = sample,
				.member = GW_NO_MEMBER,
				.now_ns = sample->mono_ns},
			now);
	}
	gw_alarms_calm(e, point);
}

/* Whether nobody needs to look at this usable sample now. */
static inline bool is_calm(const struct gw_point_slot *s, const struct gw_sample *sample)
{
	return sample->value >= s->lo && sample->value <= s->hi &&
		sample->mono_ns >> GW_REST_SHIFT < s->rest_until && s->kept < s->room;
}

/* Returns whether the point can keep no more. One without a past does all this, too, for nobody:
 * to tell them apart costs more. */
static inline bool keep(struct gw_engine *e, unsigned char *pasts, struct gw_point_slot *s,
	const struct gw_sample *sample)
{
	struct gw_kept *place = gw_history_place(pasts, s);
	double was = atomic_load_explicit(&s->value, memory_order_relaxed);
	int64_t since_ns = s->since_ns;

	place->value = sample->value;
	place->mono_ns = sample->mono_ns;
	s->sum += sample->value;
	s->since_ns = islessgreater(was, sample->value) ? sample->mono_ns : since_ns;
	s->kept = (uint8_t)(s->kept + (s->past != 0));
	gw_view_write_good(&e->view, s, sample);
	return s->kept == s->room;
}

static inline void make_room(struct gw_point_slot *s)
{
	s->room = s->each ? GW_KEPT : GW_ROOM;
}

/* One that had to wait. */
static void feed_one(struct gw_engine *e, uint32_t point, const struct gw_sample *sample,
	const struct gw_time *now)
{
	struct gw_point_slot *s = &e->view.points[point];
	bool usable = gw_quality_usable(sample->quality);

	if (sample->quality == GW_QUALITY_RETAINED && isfinite(sample->value)) {
		gw_retained_take(e, point, sample, now);
	} else if (usable && !isfinite(sample->value)) { /* a driver should have said so */
		struct gw_sample bad = *sample;

		bad.quality = GW_QUALITY_BAD_PAYLOAD;
		heed(e, point, &bad, false, now);
	} else if (usable && is_calm(s, sample)) {
		if (keep(e, e->pasts, s, sample))
			gw_history_recall(e, point);
	} else if (usable && s->past && sample->value >= gw_history_past(e, s)->lo &&
		sample->value <= gw_history_past(e, s)->hi) { /* only histories look */
		gw_history_recall(e, point);
		gw_view_write_good(&e->view, s, sample);
		gw_history_take(e, point, sample, now);
	} else {
		heed(e, point, sample, usable, now);
	}
}

/* Of the `left` samples from this one on one's slot is fetched (to fetch what is not there does no
 * harm), and where a nearer one will be kept: its slot has come by now. One at a time beside the
 * work, so that the memory is never idle and never asked for more than it can bring at once. */
static inline void __attribute__((always_inline))
fetch_later(const struct gw_engine *e, const struct gw_point_slot *slots, uint32_t n_points,
	const struct gw_sample *sample, size_t left)
{
	if (left > SLOT_AHEAD)
		__builtin_prefetch(&slots[sample[SLOT_AHEAD].point], 1);
	if (e->far && left > PLACE_AHEAD && sample[PLACE_AHEAD].point < n_points)
		__builtin_prefetch(
			gw_history_place(e->pasts, &slots[sample[PLACE_AHEAD].point]), 1);
}

/* What those that wait will touch, first what leads to the rest. */
static void fetch_pasts(const struct gw_engine *e, const struct gw_point_slot *slots,
	const struct gw_sample *samples, const uint8_t *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct gw_point_slot *s = &slots[samples[list[i] % BLOCK].point];
		const struct gw_past *past = gw_history_past(e, s);

		__builtin_prefetch(past);
		for (size_t k = 0; k < GW_KEPT_LINES && s->each; k++)
			__builtin_prefetch((const char *)past - (k + 1) * GW_CACHE_LINE);
	}
	for (size_t i = 0; i < n; i++) {
		const struct gw_point_slot *s = &slots[samples[list[i] % BLOCK].point];
		const struct gw_history *h = gw_history_past(e, s)->history;
		bool more = s->past;

		for (; more; more = h++->more) {
			__builtin_prefetch(h->memory, 1);
			__builtin_prefetch((char *)h->memory + GW_CACHE_LINE, 1);
		}
	}
}

static void feed_block(struct gw_engine *e, uint32_t first_point, uint32_t n_points,
	const struct gw_sample *samples, size_t n, size_t left, const struct gw_time *now)
{
	struct gw_point_slot *slots = e->view.points + first_point;
	unsigned char *pasts = e->pasts;
	uint8_t list[BLOCK];
	size_t waiting = 0;

	for (size_t i = 0; i < n; i++) {
		const struct gw_sample *sample = &samples[i];
		struct gw_point_slot *s = &slots[sample->point];

		fetch_later(e, slots, n_points, sample, left - i);
		if (sample->point >= n_points) {
			atomic_fetch_add_explicit(&e->stray, 1, memory_order_relaxed);
		} else if (gw_quality_current(sample->quality) && is_calm(s, sample)) {
			list[waiting] = (uint8_t)(i | BLOCK);
			waiting += keep(e, pasts, s, sample);
		} else {
			list[waiting++] = (uint8_t)i;
			s->room = 0;
		}
	}
	if (e->far)
		fetch_pasts(e, slots, samples, list, waiting);
	for (size_t i = 0; i < waiting; i++) {
		const struct gw_sample *sample = &samples[list[i] % BLOCK];

		make_room(&slots[sample->point]);
		if (list[i] & BLOCK)
			gw_history_recall(e, first_point + sample->point);
		else
			feed_one(e, first_point + sample->point, sample, now);
	}
}

static void __attribute__((noinline)) tap(struct gw_tap *t, struct gw_ring *ring,
	uint32_t first_point, uint32_t n_points, const struct gw_sample *samples, size_t n)
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

void gw_feed(struct gw_engine *e, uint32_t first_point, uint32_t n_points,
	const struct gw_sample *samples, size_t n, const struct gw_time *now)
{
	struct gw_ring *tapped = e->tap
		? atomic_load_explicit(&e->tap->ring, memory_order_acquire)
		: NULL;
	const struct gw_point_slot *slots = e->view.points + first_point;
	size_t least;

	if (tapped)
		tap(e->tap, tapped, first_point, n_points, samples, n);
	for (size_t i = 0; i < n && i < SLOT_AHEAD; i++)
		__builtin_prefetch(&slots[samples[i].point], 1);
	for (; n; samples += least, n -= least) {
		least = n < BLOCK ? n : BLOCK;
		feed_block(e, first_point, n_points, samples, least, n, now);
	}
}
