/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first step of a start or a reload: every alarm looks at what there is; and what is told
 * anew when the clock becomes right.
 */
#include "engine/inside.h"

void gw_alarms_ask_tick(struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now)
{
	gw_alarms_ask(e, a,
		(struct gw_condition_input){.member = GW_NO_MEMBER, .now_ns = now->mono_ns},
		now);
}

void gw_alarms_ask_value(struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now)
{
	struct gw_sample sample = {.mono_ns = now->mono_ns};
	struct gw_point_view v;

	gw_view_point(&e->view, a->opts->first_point, &v);
	if (!gw_quality_usable(v.quality) || !gw_retained_may_ask(a, v.quality))
		return;
	sample.quality = v.quality;
	sample.device_ns = v.device_ns;
	sample.value = v.value;
	gw_alarms_ask(e, a,
		(struct gw_condition_input){
			.sample = &sample, .member = GW_NO_MEMBER, .now_ns = now->mono_ns},
		now);
}

/* After a reload: an alarm that is new, or whose condition is, looks at the value its point has.
 * A sensor that speaks only when something changes may not say it again. */
static void ask_at_once(struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now)
{
	if (!a->heard && a->opts->n_points == 1 && !a->opts->when.kind->absorb &&
		!a->opts->when.kind->on_devices)
		gw_alarms_ask_value(e, a, now);
}

/* After a reload: a vote hears what its members are, as they tell it only when they change. */
void gw_alarms_ask_members(
	struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now)
{
	const struct gw_condition_opts *o = &a->opts->when;

	for (uint32_t m = 0; m < o->n_members; m++) {
		struct gw_condition_input in = {.member = m, .now_ns = now->mono_ns};
		struct gw_point_view v;

		if (o->members[m].is_alarm) {
			const struct gw_alarm *member = &e->alarms[o->members[m].index];

			if (!member->heard)
				continue;
			in.member_true = gw_story_active(e, member);
		} else {
			gw_view_point(&e->view, o->members[m].index, &v);
			if (!gw_quality_current(v.quality))
				continue;
			in.member_true = v.value != 0;
		}
		gw_alarms_ask(e, a, in, now);
	}
}

/* It stands, and the configuration gives it another level than those who heard of it know. Under
 * a shelf they hear of it at the end. */
void gw_alarms_tell_level(
	struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now)
{
	const struct gw_story *story = gw_story_of(e, a);

	if (!story->alive || story->state.shelved || story->withheld ||
		story->told_level == a->opts->level)
		return;
	gw_alarms_tell(e, a, GW_CHANGE_LEVEL, NULL, now->mono_ns, now);
}

/* Before anything is asked, so that nothing slips through what should hold it back. */
void gw_alarms_hold_all(struct gw_engine *e, const struct gw_time *now)
{
	for (size_t i = 0; i < e->opts.n_alarms; i++) {
		struct gw_alarm *a = &e->alarms[i];

		if (!gw_hold_look(e, a, now->mono_ns, now))
			gw_alarms_hold(e, a, GW_HOLD_DESIGN, false, now->mono_ns, now);
		gw_alarms_hold(
			e, a, GW_HOLD_SERVICE, a->opts->out_of_service, now->mono_ns, now);
	}
}

void gw_alarms_start(struct gw_engine *e, const struct gw_time *now)
{
	e->began_ns = now->mono_ns;
	gw_alarms_hold_all(e, now);
	for (size_t i = 0; i < e->opts.n_alarms; i++) {
		struct gw_alarm *a = &e->alarms[i];

		if (a->opts->when.kind->on_devices)
			gw_alarms_ask_tick(e, a, now);
		ask_at_once(e, a, now);
		gw_alarms_ask_members(e, a, now);
		gw_alarms_tell_level(e, a, now);
		gw_story_schedule(e, a);
	}
	gw_nuisance_start(e, now);
	for (size_t p = 0; p < e->opts.n_points; p++)
		gw_alarms_calm(e, p);
}

void gw_alarms_amend(struct gw_engine *e, const struct gw_time *now)
{
	for (size_t i = 0; i < e->opts.n_alarms; i++) {
		struct gw_alarm *a = &e->alarms[i];
		struct gw_story *story = &e->stories[i];

		if (!a->moved || !story->unsynced)
			continue;
		story->unsynced = false;
		if (!story->alive)
			continue;
		if (story->onset_ns)
			story->onset_ms = gw_alarms_wall_ms(now, story->onset_ns);
		gw_alarms_tell(e, a, GW_CHANGE_AMENDED, NULL, now->mono_ns, now);
	}
}
