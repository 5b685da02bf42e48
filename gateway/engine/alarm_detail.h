/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alarm_detail.h: access to the part of an alarm that exists only once something happened to it.
 * Without it, the timer alone says when the condition is to be evaluated.
 */
#ifndef GW_ENGINE_ALARM_DETAIL_H
#define GW_ENGINE_ALARM_DETAIL_H

#include "engine/alarm.h"

/* What an alarm without a detail reads. */
extern const struct gw_alarm_detail gw_alarm_detail_none;

static inline const struct gw_alarm_detail *gw_alarm_detail_of(
	const struct gw_engine *e, const struct gw_alarm *a)
{
	return a->has_detail ? &e->alarm_details[gw_alarm_index(e, a)]
			     : &gw_alarm_detail_none;
}

static inline bool gw_alarm_detail_active(
	const struct gw_engine *e, const struct gw_alarm *a)
{
	return gw_state_active(&gw_alarm_detail_of(e, a)->state);
}

/* To write into; it begins to exist now if it does not. */
struct gw_alarm_detail *gw_alarm_detail_write(struct gw_engine *e, struct gw_alarm *a);
/* When the state machine is due, INT64_MAX if never. */
int64_t gw_alarm_detail_state_due_ns(const struct gw_engine *e, const struct gw_alarm *a);
/* When the condition is due, INT64_MAX if never. */
int64_t gw_alarm_detail_condition_due_ns(
	const struct gw_engine *e, const struct gw_alarm *a);
/* Sets that; gw_alarm_detail_schedule must follow. */
void gw_alarm_detail_set_condition_due(
	struct gw_engine *e, struct gw_alarm *a, int64_t due_ns);
/* Sets the timer to whatever is due first. */
void gw_alarm_detail_schedule(struct gw_engine *e, struct gw_alarm *a);

#endif
