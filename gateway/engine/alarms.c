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

static uint32_t index_of(const struct gw_engine *e, const struct gw_alarm *a)
{
	return (uint32_t)(a - e->alarms);
}

static int64_t shelved_until_ms(const struct gw_alarm *a, const struct gw_time *now)
{
	return a->state.shelved ? gw_alarms_wall_ms(now, a->state.shelf_end_ns) : 0;
}

void gw_alarms_show(struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now)
{
	gw_view_write_alarm(&e->view.alarms[index_of(e, a)], a, shelved_until_ms(a, now));
}

/* What every event of this alarm says, whatever happened. */
static struct gw_event describe(struct gw_engine *e, struct gw_alarm *a,
	enum gw_change change, enum gw_state state, int64_t at_ns,
	const struct gw_time *now)
{
	struct gw_event v = {
		.seq = ++e->seq,
		.run = e->run,
		.change = (uint8_t)change,
		.state = (uint8_t)state,
		.under = a->state.under,
		.level = (uint8_t)a->opts->level,
		.quality = a->quality,
		.info = &a->opts->info,
		.value = a->value,
		.limit = a->limit,
		.peak = a->peak,
		.eta_ms = a->eta_ms,
		.mono_ns = at_ns,
		.wall_ms = gw_alarms_wall_ms(now, at_ns),
		.onset_ms = a->onset_ms,
		.shelved_until_ms = shelved_until_ms(a, now),
		.synced = now->synced,
		.durable = true,
	};

	memcpy(v.occurrence, a->occurrence, sizeof v.occurrence);
	memcpy(v.boot, e->boot, sizeof v.boot);
	if (a->opts->when.kind->votes)
		v.n_by = (uint8_t)gw_condition_members(
			&a->opts->when, a->memory, at_ns, v.by, GW_EVENT_BY_MAX);
	if (a->opts->when.kind == &gw_chattering)
		v.n_by = (uint8_t)gw_nuisance_names(e, a, v.by, GW_EVENT_BY_MAX);
	a->seq = v.seq;
	a->told_level = v.level;
	a->since_ms = v.wall_ms;
	return v;
}

static void begin_life(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now)
{
	a->alive = true;
	a->unsynced = false;
	if (isnan(a->peak)) /* else it was worse in the delay already */
		a->peak = a->value;
	a->raised++;
	gw_event_occurrence(a->occurrence, e->opts.site->gateway, e->run,
		(e->seq + 1) ^ (uint64_t)index_of(e, a) << 40,
		gw_alarms_wall_ms(now, at_ns));
}

static void end_life(struct gw_alarm *a)
{
	a->alive = a->withheld = false;
	memset(a->occurrence, 0, sizeof a->occurrence);
	a->onset_ms = 0;
	a->onset_ns = 0;
	a->peak = NO_NUMBER;
	a->eta_ms = -1;
}

static void send(struct gw_engine *e, struct gw_alarm *a, enum gw_change change,
	enum gw_state state, const char *note, int64_t at_ns, const struct gw_time *now)
{
	struct gw_event v = describe(e, a, change, state, at_ns, now);

	a->unsynced |= !now->synced;
	if (note)
		strncpy(v.note, note, sizeof v.note - 1);
	gw_out_add(e, &v);
}

void gw_alarms_tell(struct gw_engine *e, struct gw_alarm *a, enum gw_change change,
	const char *note, int64_t at_ns, const struct gw_time *now)
{
	send(e, a, change, gw_state_shown(&a->state), note, at_ns, now);
	gw_alarms_show(e, a, now);
}

static void tell_move(struct gw_engine *e, struct gw_alarm *a, const struct gw_move *m,
	const char *note, const struct gw_time *now)
{
	if (m->change == GW_CHANGE_RAISED && !m->again) {
		if (!a->alive)
			begin_life(e, a, m->at_ns, now);
		if (!m->silent)
			gw_nuisance_raised(e, a, m->at_ns, now);
	}
	if (a->withheld) { /* nobody was told, so nobody need acknowledge */
		if (a->state.under == GW_STATE_RETURNED_UNACKED)
			a->state.under = GW_STATE_NORMAL;
		return;
	}
	if (!m->silent)
		send(e, a, (enum gw_change)m->change, (enum gw_state)m->state,
			m->again ? "still true: raised again" : note, m->at_ns, now);
}

static void tell(struct gw_engine *e, struct gw_alarm *a, const struct gw_moves *moves,
	const char *note, const struct gw_time *now)
{
	for (unsigned i = 0; i < moves->n; i++)
		tell_move(e, a, &moves->move[i], note, now);
	if (moves->n && a->alive && a->state.under == GW_STATE_NORMAL)
		end_life(a);
	if (moves->n)
		gw_alarms_show(e, a, now);
}

void gw_alarms_schedule(struct gw_engine *e, struct gw_alarm *a)
{
	int64_t due_ns = gw_state_due(&a->state, &a->rules);

	if (a->condition_due_ns < due_ns)
		due_ns = a->condition_due_ns;
	if (a->release_ns < due_ns)
		due_ns = a->release_ns;
	gw_queue_set(e, index_of(e, a), due_ns);
}

bool gw_alarms_suppressed(const struct gw_engine *e, const struct gw_alarm *a)
{
	for (size_t i = 0; i < a->opts->n_unless; i++) {
		const struct gw_member *m = &a->opts->unless[i];
		const struct gw_point_slot *s = &e->view.points[m->index];

		if (m->is_alarm ? gw_state_active(&e->alarms[m->index].state)
				: gw_view_good_ns(&e->view, m->index) &&
					atomic_load_explicit(
						&s->value, memory_order_relaxed) != 0)
			return true;
	}
	return false;
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
	} else if (gw_alarms_suppressed(e, a)) {
		a->release_ns = INT64_MAX;
		gw_alarms_hold(e, a, GW_HOLD_DESIGN, true, at_ns, now);
		gw_alarms_schedule(e, a);
	} else if (a->state.holds & GW_HOLD_DESIGN) {
		/* with the timers: the sample that ends the one may end the other */
		a->release_ns = at_ns;
		gw_alarms_schedule(e, a);
	}
}

/* Votes that count this alarm, and alarms that it holds back, hear whether it is active. */
static void tell_listeners(
	struct gw_engine *e, struct gw_alarm *a, int64_t now_ns, const struct gw_time *now)
{
	const struct gw_listeners *l = &e->alarm_listeners;
	uint32_t i = index_of(e, a);

	for (uint32_t k = l->first[i]; k < l->first[i + 1]; k++)
		gw_alarms_hear(e, &l->at[k], gw_state_active(&a->state), now_ns, now);
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
	gw_history_rest(e, point, lo, hi);
}

/* After its state moved: bands, timer, who listens. */
static void settle(struct gw_engine *e, struct gw_alarm *a, bool was_active, bool was_heard,
	int64_t at_ns, const struct gw_time *now)
{
	bool quiet = !a->truth && !gw_state_active(&a->state);

	if (quiet != a->quiet) {
		a->quiet = quiet;
		for (uint32_t i = 0; i < a->opts->n_points; i++)
			gw_alarms_calm(e, a->opts->first_point + i);
	}
	gw_alarms_schedule(e, a);
	if (a->state.holds) /* suppressed or not, without a move */
		gw_alarms_show(e, a, now);
	gw_nuisance_chatter(e, a, at_ns, now);
	if (was_active && a == e->flood && !gw_flood_lasts(a->memory))
		gw_nuisance_ebb(e, now);
	if (gw_state_active(&a->state) != was_active || a->heard != was_heard)
		tell_listeners(e, a, at_ns, now);
}

/* The last usable sample of its points; when it began to wait if there was none. */
static int64_t last_good_ns(const struct gw_engine *e, const struct gw_alarm *a)
{
	int64_t last_ns = 0;

	for (uint32_t i = 0; i < a->opts->n_points; i++) {
		int64_t good_ns = gw_view_good_ns(&e->view, a->opts->first_point + i);

		if (good_ns > last_ns)
			last_ns = good_ns;
	}
	if (last_ns == 0) /* silent before the restart and not heard since: still silent */
		return a->stood ? a->waits_ns - a->opts->when.window_ns : a->waits_ns;
	return last_ns;
}

/* A dead device never keeps its last good value. */
static void silence(struct gw_engine *e, const struct gw_alarm *a)
{
	for (uint32_t i = 0; i < a->opts->n_points; i++)
		gw_view_write_quality(
			&e->view, a->opts->first_point + i, GW_QUALITY_SILENT);
}

static void note_answer(struct gw_alarm *a, const struct gw_condition_input *in,
	const struct gw_condition_answer *answer)
{
	const struct gw_condition_opts *o = &a->opts->when;

	if (!isnan(answer->value))
		a->value = answer->value;
	if (!isnan(answer->limit))
		a->limit = answer->limit;
	if (in->sample)
		a->quality = (uint8_t)in->sample->quality;
	if (o->kind->on_devices)
		a->quality = answer->truth ? GW_QUALITY_SILENT : GW_QUALITY_GOOD;
	a->eta_ms = answer->eta_ms;
	a->condition_due_ns = answer->due_ns;
	if (a->condition_due_ns <= in->now_ns)
		a->condition_due_ns = in->now_ns + LEAST_WAIT_NS;
	if (!answer->truth || isnan(a->value))
		return;
	if (isnan(a->peak) ||
		(o->kind->worse ? o->kind->worse(o, a->value, a->peak)
				: a->value > a->peak))
		a->peak = a->value;
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
	struct gw_moves moves = {0};
	bool was_active = gw_state_active(&a->state), was_heard = a->heard;

	if (in.now_ns < a->last_ns)
		in.now_ns = a->last_ns;
	a->last_ns = in.now_ns;
	a->heard |= in.sample || in.member != GW_NO_MEMBER;
	if (o->kind->on_devices)
		in.last_good_ns = last_good_ns(e, a);
	o->kind->ask(o, a->memory, &in, &answer);
	if (o->kind->on_devices && answer.truth && !a->truth)
		silence(e, a);
	gw_state_time(&a->state, &a->rules, in.now_ns, &moves);
	if (moves.n) {
		tell(e, a, &moves, NULL, now);
		if (gw_state_active(&a->state) != was_active) {
			/* what now follows may undo it: votes hear of it all the same */
			was_active = !was_active;
			tell_listeners(e, a, moves.move[moves.n - 1].at_ns, now);
		}
		moves.n = 0;
	}
	if (answer.truth && !a->truth && !a->alive) {
		a->onset_ns = in.now_ns;
		a->onset_ms = gw_alarms_wall_ms(now, in.now_ns);
		a->peak = NO_NUMBER;
	}
	note_answer(a, &in, &answer);
	a->truth = answer.truth;
	gw_state_truth(&a->state, &a->rules, in.now_ns, answer.truth, &moves);
	tell(e, a, &moves, NULL, now);
	settle(e, a, was_active, was_heard, in.now_ns, now);
}

/* Of what happens to a silent alarm most of all, in short: at the end of its time its points have
 * spoken meanwhile, and it waits anew. Whether that is so. */
static bool put_off(struct gw_engine *e, struct gw_alarm *a, int64_t at_ns)
{
	const struct gw_condition_opts *o = &a->opts->when;
	struct gw_condition_answer answer = {0};

	if (!o->kind->on_devices || a->truth || gw_state_due(&a->state, &a->rules) <= at_ns)
		return false;
	o->kind->ask(o, a->memory,
		&(struct gw_condition_input){.member = GW_NO_MEMBER,
			.now_ns = at_ns,
			.last_good_ns = last_good_ns(e, a)},
		&answer);
	if (answer.truth)
		return false;
	a->last_ns = at_ns;
	a->quality = GW_QUALITY_GOOD;
	a->condition_due_ns = answer.due_ns;
	gw_alarms_schedule(e, a);
	return true;
}

/* When it fell due; but the repeats that a box missed while it slept are one, told now. */
static int64_t due_at(
	const struct gw_engine *e, const struct gw_alarm *a, const struct gw_time *now)
{
	int64_t due_ns = gw_queue_due_ns(e, index_of(e, a));
	int64_t at_ns = due_ns > a->last_ns ? due_ns : a->last_ns;

	if (a->rules.re_alarm_ns && gw_state_active(&a->state) &&
		at_ns + a->rules.re_alarm_ns <= now->mono_ns)
		return now->mono_ns;
	return at_ns;
}

void gw_alarms_due(struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now)
{
	struct gw_moves moves = {0};
	int64_t at_ns = due_at(e, a, now);
	bool was_active = gw_state_active(&a->state);

	if (a->release_ns <= at_ns) {
		a->release_ns = INT64_MAX;
		gw_alarms_hold(e, a, GW_HOLD_DESIGN, false, at_ns, now);
		gw_alarms_schedule(e, a);
		return;
	}
	if (put_off(e, a, at_ns))
		return;
	if (a->condition_due_ns <= at_ns) {
		if (a->opts->when.kind->absorb)
			gw_history_recall(e, a->opts->first_point);
		gw_alarms_ask(e, a,
			(struct gw_condition_input){
				.member = GW_NO_MEMBER, .now_ns = at_ns},
			now);
		return;
	}
	a->last_ns = at_ns;
	gw_state_time(&a->state, &a->rules, at_ns, &moves);
	tell(e, a, &moves, NULL, now);
	settle(e, a, was_active, a->heard, at_ns, now);
}

void gw_alarms_hold(struct gw_engine *e, struct gw_alarm *a, enum gw_hold why, bool on,
	int64_t at_ns, const struct gw_time *now)
{
	struct gw_moves moves = {0};
	bool was_active = gw_state_active(&a->state);

	if (((a->state.holds & why) != 0) == on)
		return;
	if (at_ns < a->last_ns)
		at_ns = a->last_ns;
	a->last_ns = at_ns;
	gw_state_hold(&a->state, &a->rules, at_ns, why, on, &moves);
	tell(e, a, &moves, why == GW_HOLD_SERVICE && on ? "taken out of service" : NULL,
		now);
	gw_alarms_show(e, a, now);
	settle(e, a, was_active, a->heard, at_ns, now);
}

const char *gw_alarms_command(
	struct gw_engine *e, const struct gw_command *c, const struct gw_time *now)
{
	struct gw_alarm *a = &e->alarms[c->alarm];
	struct gw_moves moves = {0};
	const char *why = "no such command";
	int64_t at_ns = now->mono_ns > a->last_ns ? now->mono_ns : a->last_ns;

	a->last_ns = at_ns;
	if (a->withheld) /* what a person has seen is told to all, and first */
		gw_nuisance_reveal(e, a, now);
	switch ((enum gw_command_kind)c->kind) {
	case GW_COMMAND_ACK: why = gw_state_ack(&a->state, at_ns, &moves); break;
	case GW_COMMAND_RESET: why = gw_state_reset(&a->state, at_ns, &moves); break;
	case GW_COMMAND_SHELVE:
		why = gw_state_shelve(&a->state, at_ns, c->for_ns, &moves);
		break;
	case GW_COMMAND_UNSHELVE: why = gw_state_unshelve(&a->state, at_ns, &moves); break;
	}
	tell(e, a, &moves, c->note[0] ? c->note : NULL, now);
	settle(e, a, gw_state_active(&a->state), a->heard, at_ns, now);
	return why;
}
