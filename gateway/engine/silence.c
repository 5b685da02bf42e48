/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/silence.h"

#include "engine/alarm_detail.h"
#include "engine/ingest.h"
#include "engine/pause.h"
#include "engine/unreadable.h"
#include "engine/view.h"

int64_t gw_silence_last_current_ns(const struct gw_engine *e, const struct gw_alarm *a)
{
	int64_t last_ns = 0;

	for (uint32_t i = 0; i < a->opts->n_points; i++) {
		int64_t current_ns = gw_view_current_ns(&e->view, a->opts->first_point + i);

		if (current_ns > last_ns)
			last_ns = current_ns;
	}
	return last_ns;
}

int64_t gw_silence_waiting_since_ns(const struct gw_engine *e, const struct gw_alarm *a)
{
	int64_t current_ns = gw_silence_last_current_ns(e, a);
	int64_t silent_since_ns = gw_alarm_detail_of(e, a)->silent_since_ns;

	if (current_ns == 0 && silent_since_ns == 0)
		return e->start_ns;
	return current_ns > silent_since_ns ? current_ns : silent_since_ns;
}

int64_t gw_silence_input_ns(const struct gw_engine *e, const struct gw_alarm *a)
{
	int64_t since_ns = gw_silence_waiting_since_ns(e, a);

	/* silent before the restart and no current sample since: still silent */
	if (gw_alarm_detail_of(e, a)->active_before_start &&
		gw_silence_last_current_ns(e, a) == 0)
		return since_ns - a->opts->when->window_ns;
	/* a pause does not end a silence */
	return a->condition_true ? since_ns : gw_pause_shift_ns(e, since_ns);
}

void gw_silence_set_points(struct gw_engine *e, const struct gw_alarm *a, int64_t at_ns,
	const struct gw_time *now)
{
	for (uint32_t i = 0; i < a->opts->n_points; i++) {
		uint32_t point = a->opts->first_point + i;
		bool was_current = gw_quality_current(gw_view_quality(&e->view, point));

		gw_view_write_quality(&e->view, point, GW_QUALITY_SILENT);
		if (was_current)
			gw_ingest_not_current(e, point, at_ns, now);
	}
}

bool gw_silence_postpone(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now)
{
	const struct gw_condition_opts *o = a->opts->when;
	struct gw_condition_result result = {0};

	if (!o->kind->on_devices || a->condition_true ||
		gw_alarm_detail_state_due_ns(e, a) <= at_ns)
		return false;
	o->kind->evaluate(o, a->memory,
		&(struct gw_condition_input){.member = GW_NO_MEMBER,
			.now_ns = at_ns,
			.last_current_ns = gw_silence_input_ns(e, a)},
		&result);
	if (result.condition_true)
		return false;
	a->last_ns = at_ns;
	a->quality = GW_QUALITY_GOOD;
	gw_alarm_detail_set_condition_due(e, a, result.due_ns);
	gw_alarm_detail_schedule(e, a);
	gw_unreadable_check_never_current(e, a, at_ns, now);
	return true;
}
