/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/view.h"

#include "alarm/chatter_flood.h"
#include "engine/engine_internal.h"

#include <math.h>

enum gw_quality gw_view_quality(const struct gw_view *v, size_t point)
{
	return (enum gw_quality)(GW_VIEW_LOAD(v->points[point].quality) & ~GW_DEVICE_TIME);
}

int64_t gw_view_current_ns(const struct gw_view *v, size_t point)
{
	return gw_quality_current(gw_view_quality(v, point))
		? GW_VIEW_LOAD(v->points[point].boot_ns)
		: GW_VIEW_LOAD(v->details[point].current_ns);
}

void gw_view_write_not_current(
	struct gw_view *v, size_t point, const struct gw_sample *sample)
{
	struct gw_point_state *s = &v->points[point];
	struct gw_point_detail *detail = &v->details[point];
	uint32_t after = gw_view_begin_write(&s->seqlock);

	GW_VIEW_STORE(detail->current_ns, gw_view_current_ns(v, point));
	GW_VIEW_STORE(detail->device_ns, sample->device_ns);
	if (gw_quality_usable(sample->quality))
		GW_VIEW_STORE(s->value, sample->value);
	GW_VIEW_STORE(s->boot_ns, sample->boot_ns);
	GW_VIEW_STORE(s->quality, (uint8_t)(sample->quality | GW_DEVICE_TIME));
	GW_VIEW_STORE(s->seqlock, after);
}

/* Not a sample, so without the lock, which counts samples. */
void gw_view_write_quality(struct gw_view *v, size_t point, enum gw_quality quality)
{
	struct gw_point_state *s = &v->points[point];
	uint8_t time = GW_VIEW_LOAD(s->quality) & GW_DEVICE_TIME;

	GW_VIEW_STORE(v->details[point].current_ns, gw_view_current_ns(v, point));
	GW_VIEW_STORE(s->quality, (uint8_t)((unsigned)quality | time));
}

void gw_view_write_alarm(struct gw_alarm_published *s, const struct gw_alarm *a,
	const struct gw_alarm_detail *detail, int64_t shelved_until_ms)
{
	uint32_t after = gw_view_begin_write(&s->seqlock);

	GW_VIEW_STORE(s->state, (uint8_t)gw_state_shown(&detail->state));
	for (int i = 0; i < 16; i++)
		GW_VIEW_STORE(s->occurrence[i], detail->occurrence[i]);
	GW_VIEW_STORE(s->value, a->value);
	GW_VIEW_STORE(s->limit, a->limit);
	GW_VIEW_STORE(s->peak, detail->peak);
	GW_VIEW_STORE(s->onset_ms, detail->onset_ms);
	GW_VIEW_STORE(s->since_ms, detail->since_ms);
	GW_VIEW_STORE(s->shelved_until_ms, shelved_until_ms);
	GW_VIEW_STORE(s->seq, detail->seq);
	GW_VIEW_STORE(s->raised, detail->raised);
	GW_VIEW_STORE(s->seqlock, after);
}

void gw_view_point(struct gw_view *v, size_t point, struct gw_point_view *ret_view)
{
	struct gw_point_state *s = &v->points[point];
	uint32_t before;

	do {
		before = GW_VIEW_LOAD(s->seqlock);
		ret_view->value = GW_VIEW_LOAD(s->value);
		ret_view->boot_ns = GW_VIEW_LOAD(s->boot_ns);
		ret_view->current_ns = gw_view_current_ns(v, point);
		ret_view->device_ns = GW_VIEW_LOAD(s->quality) & GW_DEVICE_TIME
			? GW_VIEW_LOAD(v->details[point].device_ns)
			: 0;
		ret_view->quality = (uint16_t)gw_view_quality(v, point);
		ret_view->samples = before / 2;
	} while (before % 2 ||
		before != atomic_load_explicit(&s->seqlock, memory_order_relaxed));
}

/* Without a write, as pages that are only read take no memory. */
static void view_of_unpublished(
	const struct gw_condition_kind *kind, struct gw_alarm_view *ret_view)
{
	*ret_view = (struct gw_alarm_view){
		.state = GW_STATE_NORMAL,
		.value = kind == &gw_condition_chattering || kind == &gw_condition_flood
			? 0
			: (double)NAN,
		.limit = (double)NAN,
		.peak = (double)NAN,
	};
}

void gw_view_alarm(struct gw_view *v, size_t alarm, struct gw_alarm_view *ret_view)
{
	struct gw_alarm_published *s = &v->alarms[alarm];
	uint32_t before;

	view_of_unpublished(v->opts[alarm].when->kind, ret_view);
	ret_view->level = (uint8_t)v->opts[alarm].level;
	do {
		before = GW_VIEW_LOAD(s->seqlock);
		if (before == 0)
			return;
		ret_view->state = GW_VIEW_LOAD(s->state);
		for (int i = 0; i < 16; i++)
			ret_view->occurrence[i] = GW_VIEW_LOAD(s->occurrence[i]);
		ret_view->value = GW_VIEW_LOAD(s->value);
		ret_view->limit = GW_VIEW_LOAD(s->limit);
		ret_view->peak = GW_VIEW_LOAD(s->peak);
		ret_view->onset_ms = GW_VIEW_LOAD(s->onset_ms);
		ret_view->since_ms = GW_VIEW_LOAD(s->since_ms);
		ret_view->shelved_until_ms = GW_VIEW_LOAD(s->shelved_until_ms);
		ret_view->seq = GW_VIEW_LOAD(s->seq);
		ret_view->raised = GW_VIEW_LOAD(s->raised);
	} while (before % 2 ||
		before != atomic_load_explicit(&s->seqlock, memory_order_relaxed));
}
