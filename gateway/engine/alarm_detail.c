/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/alarm_detail.h"

#include "alarm/alarm_opts.h"
#include "engine/timers.h"

#include <math.h>

const struct gw_alarm_detail gw_alarm_detail_none = {
	.state = GW_STATE_INIT,
	.condition_due_ns = INT64_MAX,
	.unsuppress_ns = INT64_MAX,
	.peak = (double)NAN,
	.eta_ms = -1,
};

struct gw_alarm_detail *gw_alarm_detail_write(struct gw_engine *e, struct gw_alarm *a)
{
	struct gw_alarm_detail *d = &e->alarm_details[gw_alarm_index(e, a)];

	if (!a->has_detail) {
		*d = gw_alarm_detail_none;
		d->condition_due_ns = gw_timers_due_ns(e, gw_alarm_index(e, a));
		a->has_detail = true;
	}
	return d;
}

int64_t gw_alarm_detail_state_due_ns(const struct gw_engine *e, const struct gw_alarm *a)
{
	struct gw_state_opts state_opts;

	if (!a->has_detail)
		return INT64_MAX;
	state_opts = gw_alarm_state_opts(a->opts);
	return gw_state_due_ns(&gw_alarm_detail_of(e, a)->state, &state_opts);
}

int64_t gw_alarm_detail_condition_due_ns(
	const struct gw_engine *e, const struct gw_alarm *a)
{
	return a->has_detail ? gw_alarm_detail_of(e, a)->condition_due_ns
			     : gw_timers_due_ns(e, gw_alarm_index(e, a));
}

void gw_alarm_detail_set_condition_due(
	struct gw_engine *e, struct gw_alarm *a, int64_t due_ns)
{
	if (a->has_detail)
		gw_alarm_detail_write(e, a)->condition_due_ns = due_ns;
	else
		gw_timers_set(e, gw_alarm_index(e, a), due_ns);
}

void gw_alarm_detail_schedule(struct gw_engine *e, struct gw_alarm *a)
{
	const struct gw_alarm_detail *detail = gw_alarm_detail_of(e, a);
	int64_t due_ns;

	if (!a->has_detail) /* its timer is the due time of the condition */
		return;
	due_ns = gw_alarm_detail_state_due_ns(e, a);
	if (detail->condition_due_ns < due_ns)
		due_ns = detail->condition_due_ns;
	if (detail->unsuppress_ns < due_ns)
		due_ns = detail->unsuppress_ns;
	gw_timers_set(e, gw_alarm_index(e, a), due_ns);
}
