/* SPDX-License-Identifier: Apache-2.0 */
#include "alarm/nuisance.h"
#include "engine/inside.h"

#include <math.h>

#define GET(field) atomic_load_explicit(&(field), memory_order_acquire)

enum gw_quality gw_view_quality(const struct gw_view *v, size_t point)
{
	return (enum gw_quality)(GET(v->points[point].quality) & ~GW_DEVICE_TIME);
}

int64_t gw_view_good_ns(const struct gw_view *v, size_t point)
{
	return gw_quality_current(gw_view_quality(v, point)) ? GET(v->points[point].mono_ns)
							     : GET(v->rests[point].good_ns);
}

void gw_view_write_bad(struct gw_view *v, size_t point, const struct gw_sample *sample)
{
	struct gw_point_slot *s = &v->points[point];
	struct gw_point_rest *rest = &v->rests[point];
	uint32_t after = gw_view_begin(&s->lock);

	GW_PUT(rest->good_ns, gw_view_good_ns(v, point));
	GW_PUT(rest->device_ns, sample->device_ns);
	if (gw_quality_usable(sample->quality))
		GW_PUT(s->value, sample->value);
	GW_PUT(s->mono_ns, sample->mono_ns);
	GW_PUT(s->quality, (uint8_t)(sample->quality | GW_DEVICE_TIME));
	GW_PUT(s->lock, after);
}

/* It is no sample, so the lock, which counts them, is left alone: a reader sees it or does not. */
void gw_view_write_quality(struct gw_view *v, size_t point, enum gw_quality quality)
{
	struct gw_point_slot *s = &v->points[point];
	uint8_t time = GET(s->quality) & GW_DEVICE_TIME;

	GW_PUT(v->rests[point].good_ns, gw_view_good_ns(v, point));
	GW_PUT(s->quality, (uint8_t)((unsigned)quality | time));
}

void gw_view_write_alarm(struct gw_alarm_slot *s, const struct gw_alarm *a,
	const struct gw_story *story, int64_t shelved_until_ms)
{
	uint32_t after = gw_view_begin(&s->lock);

	GW_PUT(s->state, (uint8_t)gw_state_shown(&story->state));
	for (int i = 0; i < 16; i++)
		GW_PUT(s->occurrence[i], story->occurrence[i]);
	GW_PUT(s->value, a->value);
	GW_PUT(s->limit, a->limit);
	GW_PUT(s->peak, story->peak);
	GW_PUT(s->onset_ms, story->onset_ms);
	GW_PUT(s->since_ms, story->since_ms);
	GW_PUT(s->shelved_until_ms, shelved_until_ms);
	GW_PUT(s->seq, story->seq);
	GW_PUT(s->raised, story->raised);
	GW_PUT(s->lock, after);
}

void gw_view_point(struct gw_view *v, size_t point, struct gw_point_view *ret_view)
{
	struct gw_point_slot *s = &v->points[point];
	uint32_t before;

	do {
		before = GET(s->lock);
		ret_view->value = GET(s->value);
		ret_view->mono_ns = GET(s->mono_ns);
		ret_view->good_ns = gw_view_good_ns(v, point);
		ret_view->device_ns = GET(s->quality) & GW_DEVICE_TIME
			? GET(v->rests[point].device_ns)
			: 0;
		ret_view->quality = (uint16_t)gw_view_quality(v, point);
		ret_view->samples = before / 2;
	} while (before % 2 ||
		before != atomic_load_explicit(&s->lock, memory_order_relaxed));
}

/* A page that nobody has written stays unwritten: readers only read. */
static void never_shown(
	const struct gw_condition_kind *kind, struct gw_alarm_view *ret_view)
{
	*ret_view = (struct gw_alarm_view){
		.state = GW_STATE_NORMAL,
		.value = kind == &gw_chattering || kind == &gw_flooding ? 0 : (double)NAN,
		.limit = (double)NAN,
		.peak = (double)NAN,
	};
}

void gw_view_alarm(struct gw_view *v, size_t alarm, struct gw_alarm_view *ret_view)
{
	struct gw_alarm_slot *s = &v->alarms[alarm];
	uint32_t before;

	never_shown(v->opts[alarm].when.kind, ret_view);
	ret_view->level = (uint8_t)v->opts[alarm].level;
	do {
		before = GET(s->lock);
		if (before == 0)
			return;
		ret_view->state = GET(s->state);
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
