/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/retained.h"

#include "engine/alarm.h"
#include "engine/band.h"
#include "engine/history.h"
#include "engine/ingest.h"
#include "engine/view.h"

static void on_member(struct gw_engine *e, const struct gw_listener *l,
	const struct gw_sample *sample, const struct gw_time *now)
{
	const struct gw_alarm *a = &e->alarms[l->alarm];

	if (l->member >= a->opts->when->n_members) /* of `unless`: it reads the view */
		gw_alarm_on_member(e, l, false, sample->boot_ns, now);
	else if (sample->value != 0)
		gw_alarm_on_member(e, l, true, sample->boot_ns, now);
}

static void on_alarm(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_sample *sample, const struct gw_time *now)
{
	const struct gw_condition_kind *kind = a->opts->when->kind;

	if (!gw_retained_may_evaluate(a, sample->quality) || kind->on_bad_samples)
		return;
	if (kind->absorb) {
		if (a->has_input)
			return;
		gw_history_run_timers(e, a, sample->boot_ns, now);
		kind->absorb(a->opts->when, a->memory, sample, sample->boot_ns);
	}
	gw_alarm_evaluate(e, a,
		(struct gw_condition_input){.sample = sample,
			.member = GW_NO_MEMBER,
			.now_ns = sample->boot_ns},
		now);
}

void gw_retained_process(struct gw_engine *e, uint32_t point,
	const struct gw_sample *sample, const struct gw_time *now)
{
	const struct gw_listeners *l = &e->point_listeners;
	bool was_current = gw_quality_current(gw_view_quality(&e->view, point));

	gw_history_flush(e, point);
	gw_view_write_not_current(&e->view, point, sample);
	for (uint32_t k = l->first[point]; k < l->first[point + 1]; k++) {
		if (l->at[k].member != GW_NO_MEMBER)
			on_member(e, &l->at[k], sample, now);
		else
			on_alarm(e, &e->alarms[l->at[k].alarm], sample, now);
	}
	if (was_current)
		gw_ingest_not_current(e, point, sample->boot_ns, now);
	gw_band_update(e, point);
}
