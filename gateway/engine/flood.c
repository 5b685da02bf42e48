/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/flood.h"

#include "alarm/chatter_flood.h"
#include "engine/alarm.h"
#include "engine/alarm_detail.h"
#include "engine/events.h"

static bool may_withhold(const struct gw_engine *e, const struct gw_alarm *a)
{
	return (int)a->opts->level <= e->flood->opts->when->max_withheld_level &&
		a->opts->level < GW_LEVEL_RED &&
		a->opts->info.class_ <= GW_CLASS_SUPERVISORY;
}

static void evaluate(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now)
{
	gw_alarm_evaluate(e, a,
		(struct gw_condition_input){.member = GW_NO_MEMBER, .now_ns = at_ns}, now);
	gw_events_publish(e, a, now); /* the count may have changed without a transition */
}

void gw_flood_on_raise(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now)
{
	if (!e->flood || a == e->flood ||
		!gw_flood_detector_raise(e->flood->memory, gw_alarm_index(e, a), at_ns) ||
		!may_withhold(e, a))
		return;
	gw_alarm_detail_write(e, a)->withheld = true;
	gw_flood_detector_withhold(e->flood->memory);
	evaluate(e, e->flood, at_ns, now);
}

void gw_flood_release(struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now)
{
	struct gw_alarm_detail *detail = gw_alarm_detail_write(e, a);

	detail->withheld = false;
	if (detail->in_occurrence)
		gw_events_emit(e, a, GW_CHANGE_RAISED, "held back in a flood of alarms",
			now->boot_ns, now);
}

void gw_flood_end(struct gw_engine *e, const struct gw_time *now)
{
	for (size_t i = 0; i < e->opts.n_alarms; i++)
		if (gw_alarm_detail_of(e, &e->alarms[i])->withheld)
			gw_flood_release(e, &e->alarms[i], now);
}

void gw_flood_on_chatter(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now)
{
	const struct gw_alarm_detail *was = gw_alarm_detail_of(e, a);
	bool chatters = was->state.chattering, was_true;
	struct gw_alarm_detail *detail;
	struct gw_alarm *fault;
	uint32_t n;

	if (chatters == was->chattering)
		return;
	gw_alarm_detail_write(e, a)->chattering = chatters;
	if (a->opts->chatter_alarm == 0)
		return;
	fault = &e->alarms[a->opts->chatter_alarm - 1];
	n = gw_chatter_count(fault->memory);
	was_true = fault->condition_true;
	gw_chatter_set_count(fault->memory, chatters ? n + 1 : n - 1);
	evaluate(e, fault, at_ns, now);
	if (!was_true || !chatters)
		return;
	/* one more chattering alarm under an active fault: an amendment names it */
	detail = gw_alarm_detail_write(e, fault);
	if (detail->in_occurrence && !detail->state.shelved && !detail->withheld)
		gw_events_emit(e, fault, GW_CHANGE_AMENDED, NULL, at_ns, now);
}

size_t gw_flood_chattering_keys(const struct gw_engine *e, const struct gw_alarm *a,
	const char *ret_keys[], size_t max_keys)
{
	uint32_t self = gw_alarm_index(e, a) + 1;
	size_t n = 0;

	for (size_t i = 0; i < e->opts.n_alarms && n < max_keys; i++)
		if (gw_alarm_detail_of(e, &e->alarms[i])->chattering &&
			e->alarms[i].opts->chatter_alarm == self)
			ret_keys[n++] = e->alarms[i].opts->info.key;
	return n;
}

void gw_flood_start(struct gw_engine *e, const struct gw_time *now)
{
	for (size_t i = 0; i < e->opts.n_alarms; i++)
		if (e->alarms[i].opts->when->kind == &gw_condition_chattering)
			gw_chatter_set_count(e->alarms[i].memory, 0);
	for (size_t i = 0; i < e->opts.n_alarms; i++) {
		struct gw_alarm *a = &e->alarms[i], *fault;

		if (!a->has_detail)
			continue;
		e->alarm_details[i].chattering = e->alarm_details[i].state.chattering;
		if (!e->alarm_details[i].chattering || a->opts->chatter_alarm == 0)
			continue;
		fault = &e->alarms[a->opts->chatter_alarm - 1];
		gw_chatter_set_count(fault->memory, gw_chatter_count(fault->memory) + 1);
	}
	for (size_t i = 0; i < e->opts.n_alarms; i++)
		if (e->alarms[i].opts->when->kind == &gw_condition_chattering ||
			&e->alarms[i] == e->flood)
			evaluate(e, &e->alarms[i], now->boot_ns, now);
	if (!e->flood || !gw_flood_detector_active(e->flood->memory))
		gw_flood_end(e, now);
}
