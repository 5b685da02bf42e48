/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/unreadable.h"

#include "engine/alarm.h"
#include "engine/alarm_detail.h"
#include "engine/pause.h"
#include "engine/silence.h"
#include "engine/view.h"

/* The silent alarm of the device: of those on the point the one with the most points. NULL:
 * there is none, or it is on this point alone. */
static const struct gw_alarm *silent_of(const struct gw_engine *e, uint32_t point)
{
	const struct gw_listeners *l = &e->point_listeners;
	const struct gw_alarm *found = NULL;

	for (uint32_t k = l->first[point]; k < l->first[point + 1]; k++) {
		const struct gw_alarm *a = &e->alarms[l->at[k].alarm];

		if (l->at[k].member == GW_NO_MEMBER && a->opts->when->kind->on_devices &&
			a->opts->n_points > (found ? found->opts->n_points : 1))
			found = a;
	}
	return found;
}

void gw_unreadable_fill_input(
	const struct gw_engine *e, const struct gw_alarm *a, struct gw_condition_input *in)
{
	uint32_t point = a->opts->first_point;
	const struct gw_alarm *silent = silent_of(e, point);
	int64_t current_ns = gw_view_current_ns(&e->view, point);

	in->quality = gw_view_quality(&e->view, point);
	in->last_sample_ns = atomic_load_explicit(
		&e->view.points[point].boot_ns, memory_order_relaxed);
	in->last_current_ns = current_ns ? current_ns : gw_pause_shift_ns(e, e->start_ns);
	if (!silent || silent->condition_true)
		return;
	in->device_last_current_ns = gw_silence_last_current_ns(e, silent);
	if (silent->has_detail)
		in->device_recovered_ns =
			gw_alarm_detail_of(e, silent)->state.condition_since_ns;
}

void gw_unreadable_on_bad_sample(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now)
{
	/* active, or its time runs already */
	if (a->condition_true || gw_alarm_detail_condition_due_ns(e, a) != INT64_MAX)
		return;
	gw_alarm_evaluate(e, a,
		(struct gw_condition_input){.member = GW_NO_MEMBER, .now_ns = at_ns}, now);
}

void gw_unreadable_check_never_current(struct gw_engine *e, const struct gw_alarm *silent,
	int64_t at_ns, const struct gw_time *now)
{
	const struct gw_listeners *l = &e->point_listeners;
	uint32_t point = silent->opts->first_point, end = point + silent->opts->n_points;

	for (; silent->opts->n_points > 1 && point < end; point++) {
		if (gw_view_current_ns(&e->view, point) ||
			gw_view_quality(&e->view, point) == GW_QUALITY_RETAINED)
			continue;
		for (uint32_t k = l->first[point]; k < l->first[point + 1]; k++) {
			struct gw_alarm *a = &e->alarms[l->at[k].alarm];

			if (l->at[k].member == GW_NO_MEMBER && !a->condition_true &&
				a->opts->when->kind->on_bad_samples)
				gw_alarm_evaluate(e, a,
					(struct gw_condition_input){.member = GW_NO_MEMBER,
						.now_ns = at_ns,
						.never_current = true},
					now);
		}
	}
}
