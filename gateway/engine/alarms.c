/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One alarm steps: its condition is asked, its state moves, what happened becomes events, and
 * votes that count it hear of it.
 */
#include "alarm/nuisance.h"
#include "engine/inside.h"

#include <float.h>
#include <math.h>

#define NO_NUMBER ((double)NAN)
/* A condition that wants to be asked again at once would spin; it waits this long instead. */
#define LEAST_WAIT_NS GW_NS_PER_MS

int64_t gw_alarms_wall_ms(const struct gw_time *now, int64_t at_ns)
{
	return now->wall_ms - (now->mono_ns - at_ns) / GW_NS_PER_MS;
}

static int64_t shelved_until_ms(const struct gw_story *story, const struct gw_time *now)
{
	return story->state.shelved ? gw_alarms_wall_ms(now, story->state.shelf_end_ns) : 0;
}

void gw_alarms_show(struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now)
{
	const struct gw_story *story = gw_story_of(e, a);

	if (a->moved)
		gw_view_write_alarm(&e->view.alarms[gw_alarms_index(e, a)], a, story,
			shelved_until_ms(story, now));
}

/* What every event of this alarm says, whatever happened. */
static struct gw_event describe(struct gw_engine *e, struct gw_alarm *a,
	enum gw_change change, enum gw_state state, int64_t at_ns,
	const struct gw_time *now)
{
	struct gw_story *story = gw_story_write(e, a);
	struct gw_event v = {
		.seq = ++e->seq,
		.run = e->run,
		.change = (uint8_t)change,
		.state = (uint8_t)state,
		.under = (uint8_t)gw_state_told_under(&story->state),
		.level = (uint8_t)a->opts->level,
		.quality = a->quality,
		.info = &a->opts->info,
		.value = a->value,
		.limit = a->limit,
		.peak = story->peak,
		.eta_ms = story->eta_ms,
		.mono_ns = at_ns,
		.wall_ms = gw_alarms_wall_ms(now, at_ns),
		.onset_ms = story->onset_ms,
		.shelved_until_ms = shelved_until_ms(story, now),
		.synced = now->synced,
		.durable = true,
	};

	memcpy(v.occurrence, story->occurrence, sizeof v.occurrence);
	memcpy(v.boot, e->boot, sizeof v.boot);
	if (a->opts->when.kind->votes)
		v.n_by = (uint8_t)gw_condition_members(
			&a->opts->when, a->memory, at_ns, v.by, GW_EVENT_BY_MAX);
	if (a->opts->when.kind == &gw_chattering)
		v.n_by = (uint8_t)gw_nuisance_names(e, a, v.by, GW_EVENT_BY_MAX);
	story->seq = v.seq;
	story->told_level = v.level;
	story->since_ms = v.wall_ms;
	return v;
}

static void name_life(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now)
{
	struct gw_story *story = gw_story_write(e, a);

	story->unnamed = false;
	gw_event_occurrence(story->occurrence, e->opts.site->gateway, e->run,
		(e->seq + 1) ^ (uint64_t)gw_alarms_index(e, a) << 40,
		gw_alarms_wall_ms(now, at_ns));
}

/* On a shelf it has no name until it is told: of the one before it only the end of the shelf says
 * that it is over. */
static void begin_life(struct gw_engine *e, struct gw_alarm *a, const struct gw_move *m,
	const struct gw_time *now)
{
	struct gw_story *story = gw_story_write(e, a);

	story->alive = true;
	story->unsynced = false;
	if (isnan(story->peak)) /* else it was worse in the delay already */
		story->peak = a->value;
	story->raised++;
	story->unnamed = m->silent;
	if (!m->silent)
		name_life(e, a, m->at_ns, now);
}

static void end_life(struct gw_story *story)
{
	story->alive = story->withheld = story->unnamed = false;
	if (!story->state.truth) { /* else it is held back, and that began then */
		story->onset_ms = 0;
		story->onset_ns = 0;
	}
	story->peak = NO_NUMBER;
	story->eta_ms = -1;
}

static void send(struct gw_engine *e, struct gw_alarm *a, struct gw_event *v,
	const char *note, const struct gw_time *now)
{
	gw_story_write(e, a)->unsynced |= !now->synced;
	if (note)
		memcpy(v->note, note, strnlen(note, sizeof v->note - 1));
	gw_out_add(e, v);
}

void gw_alarms_tell(struct gw_engine *e, struct gw_alarm *a, enum gw_change change,
	const char *note, int64_t at_ns, const struct gw_time *now)
{
	struct gw_event v = describe(
		e, a, change, gw_state_shown(&gw_story_of(e, a)->state), at_ns, now);

	send(e, a, &v, note, now);
	gw_alarms_show(e, a, now);
}

static void tell_move(struct gw_engine *e, struct gw_alarm *a, const struct gw_move *m,
	const char *note, const struct gw_time *now)
{
	struct gw_story *story = gw_story_write(e, a);
	struct gw_event v;

	if (m->change == GW_CHANGE_RAISED && !m->again) {
		if (!story->alive)
			begin_life(e, a, m, now);
		if (!m->silent)
			gw_nuisance_raised(e, a, m->at_ns, now);
	}
	if (story->withheld) { /* nobody was told, so nobody need acknowledge */
		if (story->state.under == GW_STATE_RETURNED_UNACKED)
			story->state.under = GW_STATE_NORMAL;
		return;
	}
	if (m->silent)
		return;
	if (story->unnamed && m->under != GW_STATE_NORMAL)
		name_life(e, a, m->at_ns, now);
	v = describe(
		e, a, (enum gw_change)m->change, (enum gw_state)m->state, m->at_ns, now);
	v.under = m->under; /* not what further moves made of it */
	if (m->again)
		note = "still true: raised again";
	else if (m->deferred)
		note = "began while it was shelved";
	else if (!note && m->change == GW_CHANGE_RAISED &&
		e->remarked == gw_alarms_index(e, a) + 1)
		note = e->remark;
	send(e, a, &v, note, now);
}

static void tell(struct gw_engine *e, struct gw_alarm *a, const struct gw_moves *moves,
	const char *note, const struct gw_time *now)
{
	struct gw_story *story;

	if (moves->n == 0)
		return;
	for (unsigned i = 0; i < moves->n; i++)
		tell_move(e, a, &moves->move[i], note, now);
	story = gw_story_write(e, a);
	if (story->alive && story->state.under == GW_STATE_NORMAL)
		end_life(story);
	if (!story->alive && !story->state.shelved) /* whose end was told */
		memset(story->occurrence, 0, sizeof story->occurrence);
	gw_alarms_show(e, a, now);
}

void gw_alarms_hear(struct gw_engine *e, const struct gw_listener *l, bool truth,
	int64_t at_ns, const struct gw_time *now)
{
	struct gw_alarm *a = &e->alarms[l->alarm];

	if (l->member < a->opts->when.n_members) {
		gw_alarms_ask(e, a,
			(struct gw_condition_input){
				.member = l->member, .member_true = truth, .now_ns = at_ns},
			now);
	} else {
		gw_hold_hear(e, a, at_ns, now);
	}
}

void gw_alarms_tell_listeners(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now)
{
	const struct gw_listeners *l = &e->alarm_listeners;
	uint32_t i = gw_alarms_index(e, a);

	for (uint32_t k = l->first[i]; k < l->first[i + 1]; k++)
		gw_alarms_hear(e, &l->at[k], gw_story_active(e, a), at_ns, now);
}

void gw_alarms_calm(struct gw_engine *e, size_t point)
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
		} else if (a->quiet && a->heard && a->opts->when.kind->calm) {
			a->opts->when.kind->calm(&a->opts->when, &from, &to);
		} else if (a->quiet && a->heard && a->opts->when.kind->absorb) {
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
	gw_history_rest(e, point, lo, hi);
}

/* After its state moved: bands, timer, who listens. */
static void settle(struct gw_engine *e, struct gw_alarm *a, bool was_active, bool was_heard,
	int64_t at_ns, const struct gw_time *now)
{
	bool active = gw_story_active(e, a), quiet = !a->truth && !active;

	if (quiet != a->quiet) {
		a->quiet = quiet;
		for (uint32_t i = 0; i < a->opts->n_points; i++)
			gw_alarms_calm(e, a->opts->first_point + i);
	}
	gw_story_schedule(e, a);
	if (gw_story_of(e, a)->state.holds) /* suppressed or not, without a move */
		gw_alarms_show(e, a, now);
	gw_nuisance_chatter(e, a, at_ns, now);
	if (was_active && a == e->flood && !gw_flood_lasts(a->memory))
		gw_nuisance_ebb(e, now);
	if (gw_story_active(e, a) != was_active || a->heard != was_heard)
		gw_alarms_tell_listeners(e, a, at_ns, now);
}

static void note_answer(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_condition_input *in, const struct gw_condition_answer *answer)
{
	const struct gw_condition_opts *o = &a->opts->when;
	struct gw_story *story;

	if (!isnan(answer->value))
		a->value = answer->value;
	if (!isnan(answer->limit))
		a->limit = answer->limit;
	if (in->sample)
		a->quality = (uint8_t)in->sample->quality;
	if (o->kind->on_devices)
		a->quality = answer->truth ? GW_QUALITY_SILENT : GW_QUALITY_GOOD;
	if (o->kind->on_refusals && !in->sample)
		a->quality = (uint8_t)in->quality;
	gw_story_ask_at(e, a,
		answer->due_ns > in->now_ns ? answer->due_ns : in->now_ns + LEAST_WAIT_NS);
	if (!a->moved)
		return;
	story = gw_story_write(e, a);
	story->eta_ms = answer->eta_ms;
	if (!answer->truth || isnan(a->value))
		return;
	if (isnan(story->peak) ||
		(o->kind->worse ? o->kind->worse(o, a->value, story->peak)
				: a->value > story->peak))
		story->peak = a->value;
}

/* Lets what fell due happen first: what follows may undo it, but votes hear of it all the same.
 * Returns whether it is active then. */
static bool pass_time(struct gw_engine *e, struct gw_alarm *a, bool was_active,
	int64_t now_ns, const struct gw_time *now)
{
	const struct gw_state_rules rules = gw_story_rules(a);
	struct gw_moves moves = {0};

	gw_state_time(&gw_story_write(e, a)->state, &rules, now_ns, &moves);
	if (moves.n == 0)
		return was_active;
	tell(e, a, &moves, NULL, now);
	if (gw_story_active(e, a) != was_active)
		gw_alarms_tell_listeners(e, a, moves.move[moves.n - 1].at_ns, now);
	return gw_story_active(e, a);
}

/* Its condition has turned, or not. */
static void move_on(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_condition_input *in, const struct gw_condition_answer *answer,
	const struct gw_time *now)
{
	const struct gw_state_rules rules = gw_story_rules(a);
	struct gw_story *story = gw_story_write(e, a);
	struct gw_moves moves = {0};

	if (answer->truth && !a->truth && !story->alive) {
		story->onset_ns = in->now_ns;
		story->onset_ms = gw_alarms_wall_ms(now, in->now_ns);
		story->peak = NO_NUMBER;
	}
	note_answer(e, a, in, answer);
	a->truth = answer->truth;
	gw_state_truth(&story->state, &rules, in->now_ns, answer->truth, &moves);
	tell(e, a, &moves, NULL, now);
}

void gw_alarms_ask(struct gw_engine *e, struct gw_alarm *a, struct gw_condition_input in,
	const struct gw_time *now)
{
	const struct gw_condition_opts *o = &a->opts->when;
	struct gw_condition_answer answer = {
		.truth = a->truth,
		.value = NO_NUMBER,
		.limit = NO_NUMBER,
		.due_ns = INT64_MAX,
		.eta_ms = -1,
	};
	bool was_active = gw_story_active(e, a), was_heard = a->heard;

	if (in.now_ns < a->last_ns)
		in.now_ns = a->last_ns;
	a->last_ns = in.now_ns;
	a->heard |= in.sample || in.member != GW_NO_MEMBER;
	if (o->kind->on_devices)
		in.last_good_ns = gw_silence_last_good_ns(e, a);
	if (o->kind->on_refusals && !in.sample)
		gw_unreadable_look(e, a, &in);
	o->kind->ask(o, a->memory, &in, &answer);
	if (o->kind->on_devices && answer.truth && !a->truth)
		gw_silence_falls(e, a, in.now_ns, now);
	if (a->moved)
		was_active = pass_time(e, a, was_active, in.now_ns, now);
	if (a->moved || answer.truth)
		move_on(e, a, &in, &answer, now);
	else
		note_answer(e, a, &in, &answer);
	settle(e, a, was_active, was_heard, in.now_ns, now);
}

/* When it fell due; but the repeats that a box missed while it slept are one, told now. */
static int64_t due_at(
	const struct gw_engine *e, const struct gw_alarm *a, const struct gw_time *now)
{
	int64_t due_ns = gw_queue_due_ns(e, gw_alarms_index(e, a));
	int64_t at_ns = due_ns > a->last_ns ? due_ns : a->last_ns;

	if (gw_story_active(e, a) && a->opts->re_alarm_ns &&
		at_ns + a->opts->re_alarm_ns <= now->mono_ns)
		return now->mono_ns;
	return at_ns;
}

void gw_alarms_due(struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now)
{
	struct gw_moves moves = {0};
	struct gw_state_rules rules;
	int64_t at_ns = due_at(e, a, now);
	bool was_active = gw_story_active(e, a);

	if (gw_story_of(e, a)->release_ns <= at_ns) {
		gw_story_write(e, a)->release_ns = INT64_MAX;
		gw_alarms_hold(e, a, GW_HOLD_DESIGN, false, at_ns, now);
		gw_story_schedule(e, a);
		return;
	}
	if (gw_silence_put_off(e, a, at_ns, now))
		return;
	if (!a->moved || gw_story_of(e, a)->condition_due_ns <= at_ns) {
		if (a->opts->when.kind->absorb)
			gw_history_recall(e, a->opts->first_point);
		gw_alarms_ask(e, a,
			(struct gw_condition_input){
				.member = GW_NO_MEMBER, .now_ns = at_ns},
			now);
		return;
	}
	a->last_ns = at_ns;
	rules = gw_story_rules(a);
	gw_state_time(&gw_story_write(e, a)->state, &rules, at_ns, &moves);
	tell(e, a, &moves, NULL, now);
	settle(e, a, was_active, a->heard, at_ns, now);
}

void gw_alarms_hold(struct gw_engine *e, struct gw_alarm *a, enum gw_hold why, bool on,
	int64_t at_ns, const struct gw_time *now)
{
	struct gw_moves moves = {0};
	struct gw_state_rules rules;
	bool was_active = gw_story_active(e, a);
	const char *note = NULL;

	if (((gw_story_of(e, a)->state.holds & why) != 0) == on)
		return;
	if (at_ns < a->last_ns)
		at_ns = a->last_ns;
	a->last_ns = at_ns;
	rules = gw_story_rules(a);
	gw_state_hold(&gw_story_write(e, a)->state, &rules, at_ns, why, on, &moves);
	if (why == GW_HOLD_SERVICE && on)
		note = "taken out of service";
	else if (why == GW_HOLD_DESIGN && !on && gw_hold_lost(e, a))
		note = "what held it back cannot be read";
	tell(e, a, &moves, note, now);
	gw_alarms_show(e, a, now);
	settle(e, a, was_active, a->heard, at_ns, now);
}

/* A calm alarm is not asked of each sample, but what a person hears of it is as it is now. For
 * commands only: what falls due by time is dated back, and would tell a value newer than its own
 * time, which a replay that steps otherwise would not. */
static void look_at_point(const struct gw_engine *e, struct gw_alarm *a)
{
	const struct gw_condition_kind *kind = a->opts->when.kind;
	uint32_t point = a->opts->first_point;

	if (!a->heard || !kind->on_points || kind->on_devices ||
		!gw_quality_current(gw_view_quality(&e->view, point)))
		return;
	a->value = atomic_load_explicit(&e->view.points[point].value, memory_order_relaxed);
	a->quality = (uint8_t)gw_view_quality(&e->view, point);
}

const char *gw_alarms_command(
	struct gw_engine *e, const struct gw_command *c, const struct gw_time *now)
{
	struct gw_alarm *a = &e->alarms[c->alarm];
	struct gw_story *story = gw_story_write(e, a);
	struct gw_moves moves = {0};
	const char *why = "no such command";
	int64_t at_ns = now->mono_ns > a->last_ns ? now->mono_ns : a->last_ns;

	a->last_ns = at_ns;
	look_at_point(e, a);
	if (story->withheld) /* what a person has seen is told to all, and first */
		gw_nuisance_reveal(e, a, now);
	switch ((enum gw_command_kind)c->kind) {
	case GW_COMMAND_ACK: why = gw_state_ack(&story->state, at_ns, &moves); break;
	case GW_COMMAND_RESET: why = gw_state_reset(&story->state, at_ns, &moves); break;
	case GW_COMMAND_SHELVE:
		why = gw_state_shelve(&story->state, at_ns, c->for_ns, &moves);
		break;
	case GW_COMMAND_UNSHELVE:
		why = gw_state_unshelve(&story->state, at_ns, &moves);
		break;
	case GW_COMMAND_REMARK: break; /* the engine's own */
	}
	tell(e, a, &moves, c->note[0] ? c->note : NULL, now);
	settle(e, a, gw_story_active(e, a), a->heard, at_ns, now);
	return why;
}
