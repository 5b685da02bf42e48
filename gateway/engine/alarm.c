/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/alarm.h"

#include "alarm/chatter_flood.h"
#include "engine/alarm_detail.h"
#include "engine/band.h"
#include "engine/events.h"
#include "engine/flood.h"
#include "engine/history.h"
#include "engine/silence.h"
#include "engine/suppression.h"
#include "engine/timers.h"
#include "engine/unreadable.h"
#include "engine/view.h"

#include <math.h>

#define NO_VALUE ((double)NAN)
/* A condition that is always due would spin; it is evaluated after this long instead. */
#define MIN_WAIT_NS GW_NS_PER_MS

int64_t gw_alarm_wall_ms(const struct gw_time *now, int64_t at_ns)
{
	return now->wall_ms - (now->boot_ns - at_ns) / GW_NS_PER_MS;
}

void gw_alarm_on_member(struct gw_engine *e, const struct gw_listener *l, bool member_true,
	int64_t at_ns, const struct gw_time *now)
{
	struct gw_alarm *a = &e->alarms[l->alarm];

	if (l->member < a->opts->when->n_members) {
		gw_alarm_evaluate(e, a,
			(struct gw_condition_input){.member = l->member,
				.member_true = member_true,
				.now_ns = at_ns},
			now);
	} else {
		gw_suppression_on_member(e, a, at_ns, now);
	}
}

void gw_alarm_notify_listeners(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now)
{
	const struct gw_listeners *l = &e->alarm_listeners;
	uint32_t i = gw_alarm_index(e, a);

	for (uint32_t k = l->first[i]; k < l->first[i + 1]; k++)
		gw_alarm_on_member(e, &l->at[k], gw_alarm_detail_active(e, a), at_ns, now);
}

/* After its state may have changed: quiet bands, timer, chattering, listeners. */
static void finish_step(struct gw_engine *e, struct gw_alarm *a, bool was_active,
	bool had_input, int64_t at_ns, const struct gw_time *now)
{
	bool active = gw_alarm_detail_active(e, a),
	     inactive = !a->condition_true && !active;

	if (inactive != a->inactive) {
		a->inactive = inactive;
		for (uint32_t i = 0; i < a->opts->n_points; i++)
			gw_band_update(e, a->opts->first_point + i);
	}
	gw_alarm_detail_schedule(e, a);
	if (gw_alarm_detail_of(e, a)
			->state.suppressed_by) /* the shown state may have changed */
		gw_events_publish(e, a, now);
	gw_flood_on_chatter(e, a, at_ns, now);
	if (was_active && a == e->flood && !gw_flood_detector_active(a->memory))
		gw_flood_end(e, now);
	if (gw_alarm_detail_active(e, a) != was_active || a->has_input != had_input)
		gw_alarm_notify_listeners(e, a, at_ns, now);
}

static void store_result(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_condition_input *in, const struct gw_condition_result *result)
{
	const struct gw_condition_opts *o = a->opts->when;
	struct gw_alarm_detail *detail;

	if (!isnan(result->value))
		a->value = result->value;
	if (!isnan(result->limit))
		a->limit = result->limit;
	if (in->sample)
		a->quality = (uint8_t)in->sample->quality;
	if (o->kind->on_devices)
		a->quality = result->condition_true ? GW_QUALITY_SILENT : GW_QUALITY_GOOD;
	if (o->kind->on_bad_samples && !in->sample)
		a->quality = (uint8_t)in->quality;
	gw_alarm_detail_set_condition_due(e, a,
		result->due_ns > in->now_ns ? result->due_ns : in->now_ns + MIN_WAIT_NS);
	if (!a->has_detail)
		return;
	detail = gw_alarm_detail_write(e, a);
	detail->eta_ms = result->eta_ms;
	if (!result->condition_true || isnan(a->value))
		return;
	if (isnan(detail->peak) ||
		(o->kind->worse ? o->kind->worse(o, a->value, detail->peak)
				: a->value > detail->peak))
		detail->peak = a->value;
}

/* What was due before now_ns is applied first. What is due at now_ns is left to the timer, which
 * comes after all samples of that moment. The result may undo what is applied here, but votes are
 * notified of it all the same. Returns whether the alarm is active then. */
static bool run_state_timers(struct gw_engine *e, struct gw_alarm *a, bool was_active,
	int64_t now_ns, const struct gw_time *now)
{
	const struct gw_state_opts state_opts = gw_alarm_state_opts(a->opts);
	struct gw_transitions transitions = {0};

	gw_state_advance_before(
		&gw_alarm_detail_write(e, a)->state, &state_opts, now_ns, &transitions);
	if (transitions.n == 0)
		return was_active;
	gw_events_emit_transitions(e, a, &transitions, NULL, now);
	if (gw_alarm_detail_active(e, a) != was_active)
		gw_alarm_notify_listeners(
			e, a, transitions.at[transitions.n - 1].at_ns, now);
	return gw_alarm_detail_active(e, a);
}

static void apply_result(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_condition_input *in, const struct gw_condition_result *result,
	const struct gw_time *now)
{
	const struct gw_state_opts state_opts = gw_alarm_state_opts(a->opts);
	struct gw_alarm_detail *detail = gw_alarm_detail_write(e, a);
	struct gw_transitions transitions = {0};

	if (result->condition_true && !a->condition_true && !detail->in_occurrence) {
		detail->onset_ns = in->now_ns;
		detail->onset_ms = gw_alarm_wall_ms(now, in->now_ns);
		detail->peak = NO_VALUE;
	}
	store_result(e, a, in, result);
	a->condition_true = result->condition_true;
	gw_state_set_condition(&detail->state, &state_opts, in->now_ns,
		result->condition_true, &transitions);
	if (result->condition_true && (in->sample || in->member != GW_NO_MEMBER))
		gw_state_confirm(&detail->state, in->now_ns, &transitions);
	gw_events_emit_transitions(e, a, &transitions, NULL, now);
}

void gw_alarm_evaluate(struct gw_engine *e, struct gw_alarm *a,
	struct gw_condition_input in, const struct gw_time *now)
{
	const struct gw_condition_opts *o = a->opts->when;
	struct gw_condition_result result = {
		.condition_true = a->condition_true,
		.value = NO_VALUE,
		.limit = NO_VALUE,
		.due_ns = INT64_MAX,
		.eta_ms = -1,
	};
	bool was_active = gw_alarm_detail_active(e, a), had_input = a->has_input;

	if (in.now_ns < a->last_ns)
		in.now_ns = a->last_ns;
	a->last_ns = in.now_ns;
	a->has_input |= in.sample || in.member != GW_NO_MEMBER;
	if (o->kind->on_devices)
		in.last_current_ns = gw_silence_input_ns(e, a);
	if (o->kind->on_bad_samples && !in.sample)
		gw_unreadable_fill_input(e, a, &in);
	o->kind->evaluate(o, a->memory, &in, &result);
	if (o->kind->on_devices && result.condition_true && !a->condition_true)
		gw_silence_set_points(e, a, in.now_ns, now);
	if (a->has_detail)
		was_active = run_state_timers(e, a, was_active, in.now_ns, now);
	if (a->has_detail || result.condition_true)
		apply_result(e, a, &in, &result, now);
	else
		store_result(e, a, &in, &result);
	finish_step(e, a, was_active, had_input, in.now_ns, now);
}

void gw_alarm_evaluate_tick(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now)
{
	gw_alarm_evaluate(e, a,
		(struct gw_condition_input){.member = GW_NO_MEMBER, .now_ns = at_ns}, now);
}

/* The time it was due at; but several re-alarms that were missed during a suspend are one, now. */
static int64_t due_time_ns(
	const struct gw_engine *e, const struct gw_alarm *a, const struct gw_time *now)
{
	int64_t due_ns = gw_timers_due_ns(e, gw_alarm_index(e, a));
	int64_t at_ns = due_ns > a->last_ns ? due_ns : a->last_ns;

	if (gw_alarm_detail_active(e, a) && a->opts->re_alarm_ns &&
		at_ns + a->opts->re_alarm_ns <= now->boot_ns)
		return now->boot_ns;
	return at_ns;
}

void gw_alarm_run_due(struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now)
{
	struct gw_transitions transitions = {0};
	struct gw_state_opts state_opts;
	int64_t at_ns = due_time_ns(e, a, now);
	bool was_active = gw_alarm_detail_active(e, a);

	if (gw_alarm_detail_of(e, a)->unsuppress_ns <= at_ns) {
		gw_alarm_detail_write(e, a)->unsuppress_ns = INT64_MAX;
		gw_alarm_set_suppressed(e, a, GW_SUPPRESSED_BY_DESIGN, false, at_ns, now);
		gw_alarm_detail_schedule(e, a);
		return;
	}
	if (gw_silence_postpone(e, a, at_ns, now))
		return;
	if (!a->has_detail || gw_alarm_detail_of(e, a)->condition_due_ns <= at_ns) {
		if (a->opts->when->kind->absorb)
			gw_history_flush(e, a->opts->first_point);
		gw_alarm_evaluate_tick(e, a, at_ns, now);
		return;
	}
	a->last_ns = at_ns;
	state_opts = gw_alarm_state_opts(a->opts);
	gw_state_advance(
		&gw_alarm_detail_write(e, a)->state, &state_opts, at_ns, &transitions);
	gw_events_emit_transitions(e, a, &transitions, NULL, now);
	finish_step(e, a, was_active, a->has_input, at_ns, now);
}

void gw_alarm_set_suppressed(struct gw_engine *e, struct gw_alarm *a,
	enum gw_suppressed_by why, bool on, int64_t at_ns, const struct gw_time *now)
{
	struct gw_transitions transitions = {0};
	struct gw_state_opts state_opts;
	bool was_active = gw_alarm_detail_active(e, a);
	const char *note = NULL;

	if (((gw_alarm_detail_of(e, a)->state.suppressed_by & why) != 0) == on)
		return;
	if (at_ns < a->last_ns)
		at_ns = a->last_ns;
	a->last_ns = at_ns;
	state_opts = gw_alarm_state_opts(a->opts);
	gw_state_set_suppressed(&gw_alarm_detail_write(e, a)->state, &state_opts, at_ns,
		why, on, &transitions);
	if (why == GW_SUPPRESSED_BY_SERVICE && on)
		note = "taken out of service";
	else if (why == GW_SUPPRESSED_BY_DESIGN && !on && gw_suppression_lost(e, a))
		note = "what held it back cannot be read";
	gw_events_emit_transitions(e, a, &transitions, note, now);
	gw_events_publish(e, a, now);
	finish_step(e, a, was_active, a->has_input, at_ns, now);
}

/* Samples in the quiet band do not reach the alarm, but the event of a command shows the present
 * value. Not for timers: their events are dated back, and would show a value newer than their time,
 * which depends on how a replay steps. */
static void refresh_value(const struct gw_engine *e, struct gw_alarm *a)
{
	const struct gw_condition_kind *kind = a->opts->when->kind;
	uint32_t point = a->opts->first_point;

	if (!a->has_input || !kind->on_points || kind->on_devices ||
		!gw_quality_current(gw_view_quality(&e->view, point)))
		return;
	a->value = atomic_load_explicit(&e->view.points[point].value, memory_order_relaxed);
	a->quality = (uint8_t)gw_view_quality(&e->view, point);
}

const char *gw_alarm_run_command(
	struct gw_engine *e, const struct gw_alarm_command *c, const struct gw_time *now)
{
	struct gw_alarm *a = &e->alarms[c->alarm];
	struct gw_alarm_detail *detail = gw_alarm_detail_write(e, a);
	struct gw_transitions transitions = {0};
	const char *why = "no such command";
	int64_t at_ns = now->boot_ns > a->last_ns ? now->boot_ns : a->last_ns;

	a->last_ns = at_ns;
	refresh_value(e, a);
	if (detail->withheld) /* the person knows of the raise, so it is emitted first */
		gw_flood_release(e, a, now);
	switch ((enum gw_alarm_command_kind)c->kind) {
	case GW_COMMAND_ACK: why = gw_state_ack(&detail->state, at_ns, &transitions); break;
	case GW_COMMAND_RESET:
		why = gw_state_reset(&detail->state, at_ns, &transitions);
		break;
	case GW_COMMAND_SHELVE:
		why = gw_state_shelve(&detail->state, at_ns, c->duration_ns, &transitions);
		break;
	case GW_COMMAND_UNSHELVE:
		why = gw_state_unshelve(&detail->state, at_ns, &transitions);
		break;
	case GW_COMMAND_NOTE_RAISE: break; /* see engine.c */
	}
	gw_events_emit_transitions(e, a, &transitions, c->note[0] ? c->note : NULL, now);
	finish_step(e, a, gw_alarm_detail_active(e, a), a->has_input, at_ns, now);
	return why;
}
