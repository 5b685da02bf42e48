/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One alarm steps: its condition is asked, its state moves, what happened becomes events, and
 * votes that count it hear of it.
 */
#include "alarm/chatter_flood.h"
#include "engine/engine_internal.h"

#include <float.h>
#include <math.h>

#define NO_VALUE ((double)NAN)
/* A condition that wants to be asked again at once would spin; it waits this long instead. */
#define MIN_WAIT_NS GW_NS_PER_MS

int64_t gw_alarm_wall_ms(const struct gw_time *now, int64_t at_ns)
{
	return now->wall_ms - (now->mono_ns - at_ns) / GW_NS_PER_MS;
}

static int64_t shelved_until_ms(
	const struct gw_alarm_detail *detail, const struct gw_time *now)
{
	return detail->state.shelved ? gw_alarm_wall_ms(now, detail->state.shelf_end_ns)
				     : 0;
}

void gw_alarm_publish(struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now)
{
	const struct gw_alarm_detail *detail = gw_alarm_detail_of(e, a);

	if (a->has_detail)
		gw_view_write_alarm(&e->view.alarms[gw_alarm_index(e, a)], a, detail,
			shelved_until_ms(detail, now));
}

/* What every event of this alarm says, whatever happened. */
static struct gw_event make_event(struct gw_engine *e, struct gw_alarm *a,
	enum gw_change change, enum gw_state state, int64_t at_ns,
	const struct gw_time *now)
{
	struct gw_alarm_detail *detail = gw_alarm_detail_write(e, a);
	struct gw_event v = {
		.seq = ++e->seq,
		.run = e->run,
		.change = (uint8_t)change,
		.state = (uint8_t)state,
		.underlying = (uint8_t)gw_state_announced_underlying(&detail->state),
		.level = (uint8_t)a->opts->level,
		.quality = a->quality,
		.info = &a->opts->info,
		.value = a->value,
		.limit = a->limit,
		.peak = detail->peak,
		.eta_ms = detail->eta_ms,
		.mono_ns = at_ns,
		.wall_ms = gw_alarm_wall_ms(now, at_ns),
		.onset_ms = detail->onset_ms,
		.shelved_until_ms = shelved_until_ms(detail, now),
		.synced = now->synced,
		.durable = true,
	};

	memcpy(v.occurrence, detail->occurrence, sizeof v.occurrence);
	memcpy(v.boot, e->boot, sizeof v.boot);
	if (a->opts->when.kind->is_vote)
		v.n_confirmed_by = (uint8_t)gw_condition_true_members(&a->opts->when,
			a->memory, at_ns, v.confirmed_by, GW_EVENT_CONFIRMED_BY_MAX);
	if (a->opts->when.kind == &gw_condition_chattering)
		v.n_confirmed_by = (uint8_t)gw_flood_chattering_keys(
			e, a, v.confirmed_by, GW_EVENT_CONFIRMED_BY_MAX);
	detail->seq = v.seq;
	detail->announced_level = v.level;
	detail->since_ms = v.wall_ms;
	return v;
}

static void assign_occurrence(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now)
{
	struct gw_alarm_detail *detail = gw_alarm_detail_write(e, a);

	detail->occurrence_pending = false;
	gw_event_occurrence(detail->occurrence, e->opts.site->gateway, e->run,
		(e->seq + 1) ^ (uint64_t)gw_alarm_index(e, a) << 40,
		gw_alarm_wall_ms(now, at_ns));
}

/* On a shelf it has no name until it is told: of the one before it only the end of the shelf says
 * that it is over. */
static void begin_occurrence(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_transition *m, const struct gw_time *now)
{
	struct gw_alarm_detail *detail = gw_alarm_detail_write(e, a);

	detail->in_occurrence = true;
	detail->unsynced = false;
	if (isnan(detail->peak)) /* else it was worse in the delay already */
		detail->peak = a->value;
	detail->raised++;
	detail->occurrence_pending = m->unannounced;
	if (!m->unannounced)
		assign_occurrence(e, a, m->at_ns, now);
}

static void end_occurrence(struct gw_alarm_detail *detail)
{
	detail->in_occurrence = detail->withheld = detail->occurrence_pending = false;
	if (!detail->state.condition_true) { /* else it is held back, and that began then */
		detail->onset_ms = 0;
		detail->onset_ns = 0;
	}
	detail->peak = NO_VALUE;
	detail->eta_ms = -1;
}

static void append_event(struct gw_engine *e, struct gw_alarm *a, struct gw_event *v,
	const char *note, const struct gw_time *now)
{
	gw_alarm_detail_write(e, a)->unsynced |= !now->synced;
	if (note)
		memcpy(v->note, note, strnlen(note, sizeof v->note - 1));
	gw_outputs_append(e, v);
}

void gw_alarm_emit(struct gw_engine *e, struct gw_alarm *a, enum gw_change change,
	const char *note, int64_t at_ns, const struct gw_time *now)
{
	struct gw_event v = make_event(e, a, change,
		gw_state_shown(&gw_alarm_detail_write(e, a)->state), at_ns, now);

	append_event(e, a, &v, note, now);
	gw_alarm_publish(e, a, now);
}

static void emit_transition(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_transition *m, const char *note, const struct gw_time *now)
{
	struct gw_alarm_detail *detail = gw_alarm_detail_write(e, a);
	struct gw_event v;

	if (m->change == GW_CHANGE_RAISED && !m->repeated) {
		if (!detail->in_occurrence)
			begin_occurrence(e, a, m, now);
		if (!m->unannounced)
			gw_flood_on_raise(e, a, m->at_ns, now);
	}
	if (detail->withheld) { /* nobody was told, so nobody need acknowledge */
		if (detail->state.underlying == GW_STATE_RETURNED_UNACKED)
			detail->state.underlying = GW_STATE_NORMAL;
		return;
	}
	if (m->unannounced)
		return;
	if (detail->occurrence_pending && m->underlying != GW_STATE_NORMAL)
		assign_occurrence(e, a, m->at_ns, now);
	v = make_event(
		e, a, (enum gw_change)m->change, (enum gw_state)m->state, m->at_ns, now);
	v.underlying = m->underlying; /* not what further moves made of it */
	if (m->repeated)
		note = "still true: raised again";
	else if (m->deferred)
		note = "began while it was shelved";
	else if (!note && m->change == GW_CHANGE_RAISED &&
		e->noted_alarm == gw_alarm_index(e, a) + 1)
		note = e->raise_note;
	append_event(e, a, &v, note, now);
}

static void emit_transitions(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_transitions *transitions, const char *note,
	const struct gw_time *now)
{
	struct gw_alarm_detail *detail;

	if (transitions->n == 0)
		return;
	for (unsigned i = 0; i < transitions->n; i++)
		emit_transition(e, a, &transitions->at[i], note, now);
	detail = gw_alarm_detail_write(e, a);
	if (detail->in_occurrence && detail->state.underlying == GW_STATE_NORMAL)
		end_occurrence(detail);
	if (!detail->in_occurrence && !detail->state.shelved) /* whose end was told */
		memset(detail->occurrence, 0, sizeof detail->occurrence);
	gw_alarm_publish(e, a, now);
}

void gw_alarm_on_member(struct gw_engine *e, const struct gw_listener *l,
	bool condition_true, int64_t at_ns, const struct gw_time *now)
{
	struct gw_alarm *a = &e->alarms[l->alarm];

	if (l->member < a->opts->when.n_members) {
		gw_alarm_evaluate(e, a,
			(struct gw_condition_input){.member = l->member,
				.member_true = condition_true,
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
		gw_alarm_on_member(e, &l->at[k], gw_alarm_active(e, a), at_ns, now);
}

void gw_alarm_update_band(struct gw_engine *e, size_t point)
{
	const struct gw_listeners *l = &e->point_listeners;
	struct gw_point_slot *s = &e->view.points[point];
	double lo = -DBL_MAX, hi = DBL_MAX; /* what is infinite is never calm */

	for (uint32_t k = l->first[point]; k < l->first[point + 1]; k++) {
		const struct gw_alarm *a = &e->alarms[l->at[k].alarm];
		double from, to;

		if (l->at[k].member != GW_NO_MEMBER) { /* a vote cares only for changes */
			from = to = atomic_load_explicit(&s->value, memory_order_relaxed);
			if (!gw_quality_usable(gw_view_quality(&e->view, point)))
				from = HUGE_VAL; /* it may not have been told of this one */
		} else if (a->inactive && a->has_input && a->opts->when.kind->quiet_band) {
			a->opts->when.kind->quiet_band(&a->opts->when, &from, &to);
		} else if (a->inactive && a->has_input && a->opts->when.kind->absorb) {
			from = -HUGE_VAL;
			to = HUGE_VAL;
		} else {
			from = HUGE_VAL;
			to = -HUGE_VAL;
		}
		lo = fmax(lo, from);
		hi = fmin(hi, to);
	}
	/* What is shown of it may not be what its histories know: the next one is not calm. */
	if (!gw_quality_current(gw_view_quality(&e->view, point))) {
		lo = HUGE_VAL;
		hi = -HUGE_VAL;
	}
	gw_history_update_band(e, point, lo, hi);
}

/* After its state moved: bands, timer, who listens. */
static void finish_step(struct gw_engine *e, struct gw_alarm *a, bool was_active,
	bool had_input, int64_t at_ns, const struct gw_time *now)
{
	bool active = gw_alarm_active(e, a), inactive = !a->condition_true && !active;

	if (inactive != a->inactive) {
		a->inactive = inactive;
		for (uint32_t i = 0; i < a->opts->n_points; i++)
			gw_alarm_update_band(e, a->opts->first_point + i);
	}
	gw_alarm_schedule(e, a);
	if (gw_alarm_detail_of(e, a)
			->state.suppressed_by) /* suppressed or not, without a move */
		gw_alarm_publish(e, a, now);
	gw_flood_on_chatter(e, a, at_ns, now);
	if (was_active && a == e->flood && !gw_flood_detector_active(a->memory))
		gw_flood_end(e, now);
	if (gw_alarm_active(e, a) != was_active || a->has_input != had_input)
		gw_alarm_notify_listeners(e, a, at_ns, now);
}

static void store_result(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_condition_input *in, const struct gw_condition_result *result)
{
	const struct gw_condition_opts *o = &a->opts->when;
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
	gw_alarm_evaluate_at(e, a,
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

/* Lets what fell due happen first: what follows may undo it, but votes hear of it all the same.
 * Returns whether it is active then. */
static bool run_state_timers(struct gw_engine *e, struct gw_alarm *a, bool was_active,
	int64_t now_ns, const struct gw_time *now)
{
	const struct gw_state_rules rules = gw_alarm_rules(a);
	struct gw_transitions transitions = {0};

	gw_state_advance(&gw_alarm_detail_write(e, a)->state, &rules, now_ns, &transitions);
	if (transitions.n == 0)
		return was_active;
	emit_transitions(e, a, &transitions, NULL, now);
	if (gw_alarm_active(e, a) != was_active)
		gw_alarm_notify_listeners(
			e, a, transitions.at[transitions.n - 1].at_ns, now);
	return gw_alarm_active(e, a);
}

/* Its condition has turned, or not. */
static void apply_result(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_condition_input *in, const struct gw_condition_result *result,
	const struct gw_time *now)
{
	const struct gw_state_rules rules = gw_alarm_rules(a);
	struct gw_alarm_detail *detail = gw_alarm_detail_write(e, a);
	struct gw_transitions transitions = {0};

	if (result->condition_true && !a->condition_true && !detail->in_occurrence) {
		detail->onset_ns = in->now_ns;
		detail->onset_ms = gw_alarm_wall_ms(now, in->now_ns);
		detail->peak = NO_VALUE;
	}
	store_result(e, a, in, result);
	a->condition_true = result->condition_true;
	gw_state_set_condition(
		&detail->state, &rules, in->now_ns, result->condition_true, &transitions);
	emit_transitions(e, a, &transitions, NULL, now);
}

void gw_alarm_evaluate(struct gw_engine *e, struct gw_alarm *a,
	struct gw_condition_input in, const struct gw_time *now)
{
	const struct gw_condition_opts *o = &a->opts->when;
	struct gw_condition_result result = {
		.condition_true = a->condition_true,
		.value = NO_VALUE,
		.limit = NO_VALUE,
		.due_ns = INT64_MAX,
		.eta_ms = -1,
	};
	bool was_active = gw_alarm_active(e, a), had_input = a->has_input;

	if (in.now_ns < a->last_ns)
		in.now_ns = a->last_ns;
	a->last_ns = in.now_ns;
	a->has_input |= in.sample || in.member != GW_NO_MEMBER;
	if (o->kind->on_devices)
		in.last_good_ns = gw_silence_input_ns(e, a);
	if (o->kind->on_bad_samples && !in.sample)
		gw_unreadable_fill_input(e, a, &in);
	o->kind->evaluate(o, a->memory, &in, &result);
	if (o->kind->on_devices && result.condition_true && !a->condition_true)
		gw_silence_mark_points(e, a, in.now_ns, now);
	if (a->has_detail)
		was_active = run_state_timers(e, a, was_active, in.now_ns, now);
	if (a->has_detail || result.condition_true)
		apply_result(e, a, &in, &result, now);
	else
		store_result(e, a, &in, &result);
	finish_step(e, a, was_active, had_input, in.now_ns, now);
}

/* When it fell due; but the repeats that a box missed while it slept are one, told now. */
static int64_t due_time_ns(
	const struct gw_engine *e, const struct gw_alarm *a, const struct gw_time *now)
{
	int64_t due_ns = gw_timers_due_ns(e, gw_alarm_index(e, a));
	int64_t at_ns = due_ns > a->last_ns ? due_ns : a->last_ns;

	if (gw_alarm_active(e, a) && a->opts->re_alarm_ns &&
		at_ns + a->opts->re_alarm_ns <= now->mono_ns)
		return now->mono_ns;
	return at_ns;
}

void gw_alarm_run_due(struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now)
{
	struct gw_transitions transitions = {0};
	struct gw_state_rules rules;
	int64_t at_ns = due_time_ns(e, a, now);
	bool was_active = gw_alarm_active(e, a);

	if (gw_alarm_detail_of(e, a)->unsuppress_ns <= at_ns) {
		gw_alarm_detail_write(e, a)->unsuppress_ns = INT64_MAX;
		gw_alarm_set_suppressed(e, a, GW_SUPPRESSED_BY_DESIGN, false, at_ns, now);
		gw_alarm_schedule(e, a);
		return;
	}
	if (gw_silence_postpone(e, a, at_ns, now))
		return;
	if (!a->has_detail || gw_alarm_detail_of(e, a)->condition_due_ns <= at_ns) {
		if (a->opts->when.kind->absorb)
			gw_history_flush(e, a->opts->first_point);
		gw_alarm_evaluate(e, a,
			(struct gw_condition_input){
				.member = GW_NO_MEMBER, .now_ns = at_ns},
			now);
		return;
	}
	a->last_ns = at_ns;
	rules = gw_alarm_rules(a);
	gw_state_advance(&gw_alarm_detail_write(e, a)->state, &rules, at_ns, &transitions);
	emit_transitions(e, a, &transitions, NULL, now);
	finish_step(e, a, was_active, a->has_input, at_ns, now);
}

void gw_alarm_set_suppressed(struct gw_engine *e, struct gw_alarm *a,
	enum gw_suppressed_by why, bool on, int64_t at_ns, const struct gw_time *now)
{
	struct gw_transitions transitions = {0};
	struct gw_state_rules rules;
	bool was_active = gw_alarm_active(e, a);
	const char *note = NULL;

	if (((gw_alarm_detail_of(e, a)->state.suppressed_by & why) != 0) == on)
		return;
	if (at_ns < a->last_ns)
		at_ns = a->last_ns;
	a->last_ns = at_ns;
	rules = gw_alarm_rules(a);
	gw_state_set_suppressed(
		&gw_alarm_detail_write(e, a)->state, &rules, at_ns, why, on, &transitions);
	if (why == GW_SUPPRESSED_BY_SERVICE && on)
		note = "taken out of service";
	else if (why == GW_SUPPRESSED_BY_DESIGN && !on && gw_suppression_lost(e, a))
		note = "what held it back cannot be read";
	emit_transitions(e, a, &transitions, note, now);
	gw_alarm_publish(e, a, now);
	finish_step(e, a, was_active, a->has_input, at_ns, now);
}

/* A calm alarm is not asked of each sample, but what a person hears of it is as it is now. For
 * commands only: what falls due by time is dated back, and would tell a value newer than its own
 * time, which a replay that steps otherwise would not. */
static void refresh_value(const struct gw_engine *e, struct gw_alarm *a)
{
	const struct gw_condition_kind *kind = a->opts->when.kind;
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
	int64_t at_ns = now->mono_ns > a->last_ns ? now->mono_ns : a->last_ns;

	a->last_ns = at_ns;
	refresh_value(e, a);
	if (detail->withheld) /* what a person has seen is told to all, and first */
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
	case GW_COMMAND_NOTE_RAISE: break; /* the engine's own */
	}
	emit_transitions(e, a, &transitions, c->note[0] ? c->note : NULL, now);
	finish_step(e, a, gw_alarm_active(e, a), a->has_input, at_ns, now);
	return why;
}
