/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/inside.h"

/*
 * A sequence lock without fences: the odd count is stored before the release stores of the
 * fields, which are stored before the even count; the reader's acquire loads run the other way.
 */
#define PUT(field, v) atomic_store_explicit(&(field), v, memory_order_release)
#define GET(field)    atomic_load_explicit(&(field), memory_order_acquire)

static uint32_t begin(_Atomic uint32_t *lock)
{
	uint32_t count = atomic_load_explicit(lock, memory_order_relaxed);

	atomic_store_explicit(lock, count + 1, memory_order_relaxed);
	return count + 2;
}

void gw_view_write_point(
	struct gw_point_slot *s, const struct gw_sample *sample, bool usable)
{
	uint32_t after = begin(&s->lock);
	uint32_t samples = atomic_load_explicit(&s->samples, memory_order_relaxed);

	if (usable) {
		PUT(s->value, sample->value);
		PUT(s->good_ns, sample->mono_ns);
	}
	PUT(s->mono_ns, sample->mono_ns);
	PUT(s->device_ns, sample->device_ns);
	PUT(s->quality, sample->quality);
	PUT(s->samples, samples + 1);
	PUT(s->lock, after);
}

void gw_view_write_quality(struct gw_point_slot *s, enum gw_quality quality)
{
	uint32_t after = begin(&s->lock);

	PUT(s->quality, (uint16_t)quality);
	PUT(s->lock, after);
}

void gw_view_write_alarm(
	struct gw_alarm_slot *s, const struct gw_alarm *a, int64_t shelved_until_ms)
{
	uint32_t after = begin(&s->lock);

	PUT(s->state, (uint8_t)gw_state_shown(&a->state));
	PUT(s->level, (uint8_t)a->opts->level);
	for (int i = 0; i < 16; i++)
		PUT(s->occurrence[i], a->occurrence[i]);
	PUT(s->value, a->value);
	PUT(s->limit, a->limit);
	PUT(s->peak, a->peak);
	PUT(s->onset_ms, a->onset_ms);
	PUT(s->since_ms, a->since_ms);
	PUT(s->shelved_until_ms, shelved_until_ms);
	PUT(s->seq, a->seq);
	PUT(s->raised, a->raised);
	PUT(s->lock, after);
}

void gw_view_point(struct gw_view *v, size_t point, struct gw_point_view *ret_view)
{
	struct gw_point_slot *s = &v->points[point];
	uint32_t before;

	do {
		before = GET(s->lock);
		ret_view->value = GET(s->value);
		ret_view->mono_ns = GET(s->mono_ns);
		ret_view->good_ns = GET(s->good_ns);
		ret_view->device_ns = GET(s->device_ns);
		ret_view->quality = GET(s->quality);
		ret_view->samples = GET(s->samples);
	} while (before % 2 ||
		before != atomic_load_explicit(&s->lock, memory_order_relaxed));
}

void gw_view_alarm(struct gw_view *v, size_t alarm, struct gw_alarm_view *ret_view)
{
	struct gw_alarm_slot *s = &v->alarms[alarm];
	uint32_t before;

	do {
		before = GET(s->lock);
		ret_view->state = GET(s->state);
		ret_view->level = GET(s->level);
		for (int i = 0; i < 16; i++)
			ret_view->occurrence[i] = GET(s->occurrence[i]);
		ret_view->value = GET(s->value);
		ret_view->limit = GET(s->limit);
		ret_view->peak = GET(s->peak);
		ret_view->onset_ms = GET(s->onset_ms);
		ret_view->since_ms = GET(s->since_ms);
		ret_view->shelved_until_ms = GET(s->shelved_until_ms);
		ret_view->seq = GET(s->seq);
		ret_view->raised = GET(s->raised);
	} while (before % 2 ||
		before != atomic_load_explicit(&s->lock, memory_order_relaxed));
}
