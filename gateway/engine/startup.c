/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/startup.h"

#include "engine/alarm.h"
#include "engine/alarm_detail.h"
#include "engine/band.h"
#include "engine/events.h"
#include "engine/flood.h"
#include "engine/retained.h"
#include "engine/suppression.h"
#include "engine/view.h"

void gw_startup_evaluate_value(
	struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now)
{
	struct gw_sample sample = {.boot_ns = now->boot_ns};
	struct gw_point_view v;

	gw_view_point(&e->view, a->opts->first_point, &v);
	if (!gw_quality_usable(v.quality) || !gw_retained_may_evaluate(a, v.quality))
		return;
	sample.quality = v.quality;
	sample.device_ns = v.device_ns;
	sample.value = v.value;
	gw_alarm_evaluate(e, a,
		(struct gw_condition_input){
			.sample = &sample, .member = GW_NO_MEMBER, .now_ns = now->boot_ns},
		now);
}

/* After a reload: an alarm that is new, or whose condition is, is evaluated with the value its
 * point has. A sensor that reports only changes may not send it again. */
static void evaluate_new(struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now)
{
	if (!a->has_input && a->opts->n_points == 1 && !a->opts->when->kind->absorb &&
		!a->opts->when->kind->on_devices)
		gw_startup_evaluate_value(e, a, now);
}

void gw_startup_evaluate_members(
	struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now)
{
	const struct gw_condition_opts *o = a->opts->when;

	for (uint32_t m = 0; m < o->n_members; m++) {
		struct gw_condition_input in = {.member = m, .now_ns = now->boot_ns};
		struct gw_point_view v;

		if (o->members[m].is_alarm) {
			const struct gw_alarm *member = &e->alarms[o->members[m].index];

			if (!member->has_input)
				continue;
			in.member_true = gw_alarm_detail_active(e, member);
		} else {
			gw_view_point(&e->view, o->members[m].index, &v);
			if (!gw_quality_current(v.quality))
				continue;
			in.member_true = v.value != 0;
		}
		gw_alarm_evaluate(e, a, in, now);
	}
}

/* Not under a shelf: UNSHELVED carries the level. */
void gw_startup_emit_level(
	struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now)
{
	const struct gw_alarm_detail *detail = gw_alarm_detail_of(e, a);

	if (!detail->in_occurrence || detail->state.shelved || detail->withheld ||
		detail->announced_level == a->opts->level)
		return;
	gw_events_emit(e, a, GW_CHANGE_LEVEL, NULL, now->boot_ns, now);
}

void gw_startup_suppress(struct gw_engine *e, const struct gw_time *now)
{
	for (size_t i = 0; i < e->opts.n_alarms; i++) {
		struct gw_alarm *a = &e->alarms[i];

		if (!gw_suppression_update(e, a, now->boot_ns, now))
			gw_alarm_set_suppressed(
				e, a, GW_SUPPRESSED_BY_DESIGN, false, now->boot_ns, now);
		gw_alarm_set_suppressed(e, a, GW_SUPPRESSED_BY_SERVICE,
			a->opts->out_of_service, now->boot_ns, now);
	}
}

void gw_startup_run(struct gw_engine *e, const struct gw_time *now)
{
	e->start_ns = now->boot_ns;
	gw_startup_suppress(e, now);
	for (size_t i = 0; i < e->opts.n_alarms; i++) {
		struct gw_alarm *a = &e->alarms[i];

		if (a->opts->when->kind->on_devices)
			gw_alarm_evaluate_tick(e, a, now->boot_ns, now);
		evaluate_new(e, a, now);
		gw_startup_evaluate_members(e, a, now);
		gw_startup_emit_level(e, a, now);
		gw_alarm_detail_schedule(e, a);
	}
	gw_flood_start(e, now);
	for (size_t p = 0; p < e->opts.n_points; p++)
		gw_band_update(e, p);
}

void gw_startup_amend(struct gw_engine *e, const struct gw_time *now)
{
	for (size_t i = 0; i < e->opts.n_alarms; i++) {
		struct gw_alarm *a = &e->alarms[i];
		struct gw_alarm_detail *detail = &e->alarm_details[i];

		if (!a->has_detail || !detail->unsynced)
			continue;
		detail->unsynced = false;
		if (!detail->in_occurrence)
			continue;
		if (detail->onset_ns)
			detail->onset_ms = gw_alarm_wall_ms(now, detail->onset_ns);
		gw_events_emit(e, a, GW_CHANGE_AMENDED, NULL, now->boot_ns, now);
	}
}
