/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds an alarm back by design: the alarms and contacts under its `unless`. One holds only
 * while it is known to be true. What nobody can read any more mutes nothing: one answer that is
 * missing is waited out (unless_patience_ns), then the hold ends, and the alarm is raised if its
 * own condition is true. A value of uncertain quality is one that was read, and holds, unless its
 * age is unknown.
 */
#include "alarm/chatter_flood.h"
#include "engine/engine_internal.h"

static bool usable(const struct gw_engine *e, uint32_t point)
{
	return gw_quality_current(gw_view_quality(&e->view, point));
}

/* As last read. */
static bool contact_true(const struct gw_engine *e, uint32_t point)
{
	return gw_view_good_ns(&e->view, point) &&
		atomic_load_explicit(&e->view.points[point].value, memory_order_relaxed) !=
		0;
}

static bool readable(const struct gw_engine *e, const struct gw_member *m);

static bool member_true(const struct gw_engine *e, const struct gw_member *m)
{
	return m->is_alarm ? gw_alarm_active(e, &e->alarms[m->index])
			   : contact_true(e, m->index);
}

/* Whether an earlier member on its device counts already. */
static bool device_counted(
	const struct gw_engine *e, const struct gw_member *members, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (members[k].device == members[i].device && member_true(e, &members[k]) &&
			readable(e, &members[k]))
			return true;
	return false;
}

/* A vote is, if it has enough votes without those that are true and cannot be read. */
static bool vote_readable(const struct gw_engine *e, const struct gw_condition_opts *o)
{
	bool incomplete = false;
	int64_t n = 0;

	for (size_t i = 0; i < o->n_members; i++) {
		if (!member_true(e, &o->members[i]))
			continue;
		if (!readable(e, &o->members[i]))
			incomplete = true;
		else if (!device_counted(e, o->members, i))
			n++;
	}
	return !incomplete || n >= o->at_least;
}

/* What it goes by can be read. That something cannot be read is known of what cannot. */
static bool readable(const struct gw_engine *e, const struct gw_member *m)
{
	const struct gw_alarm_opts *o;

	if (!m->is_alarm)
		return usable(e, m->index);
	o = &e->opts.alarms[m->index];
	if (o->when.kind->is_vote)
		return vote_readable(e, &o->when);
	return !o->when.kind->on_points || o->when.kind->on_devices ||
		o->when.kind->on_bad_samples || usable(e, o->first_point);
}

/* It stood before the start and has not been asked yet. */
static bool awaited(const struct gw_engine *e, const struct gw_member *m)
{
	const struct gw_alarm *a = &e->alarms[m->index];

	return m->is_alarm && gw_alarm_detail_of(e, a)->active_before_start &&
		!a->has_input;
}

static enum gw_evidence evidence(const struct gw_engine *e, const struct gw_alarm *a)
{
	enum gw_evidence best = GW_EVIDENCE_NONE;

	for (size_t i = 0; i < a->opts->n_unless; i++) {
		const struct gw_member *m = &a->opts->unless[i];

		if (!member_true(e, m))
			continue;
		if (readable(e, m))
			return GW_EVIDENCE_READ;
		if (awaited(e, m))
			best = GW_EVIDENCE_AWAITED;
		else if (best == GW_EVIDENCE_NONE)
			best = GW_EVIDENCE_LOST;
	}
	return best;
}

bool gw_suppression_update(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now)
{
	enum gw_evidence is = evidence(e, a);
	bool held = gw_alarm_detail_of(e, a)->state.suppressed_by & GW_SUPPRESSED_BY_DESIGN;
	int64_t *unsuppress_ns;

	if (is == GW_EVIDENCE_NONE || (is == GW_EVIDENCE_LOST && !held))
		return false;
	unsuppress_ns = &gw_alarm_detail_write(e, a)->unsuppress_ns;
	if (is == GW_EVIDENCE_READ)
		*unsuppress_ns = INT64_MAX;
	else if (*unsuppress_ns > at_ns + a->opts->unless_stale_ns)
		*unsuppress_ns = at_ns + a->opts->unless_stale_ns;
	gw_alarm_set_suppressed(e, a, GW_SUPPRESSED_BY_DESIGN, true, at_ns, now);
	gw_alarm_schedule(e, a);
	return true;
}

bool gw_suppression_lost(const struct gw_engine *e, const struct gw_alarm *a)
{
	return evidence(e, a) != GW_EVIDENCE_NONE;
}

void gw_suppression_on_member(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now)
{
	if (gw_suppression_update(e, a, at_ns, now) ||
		!(gw_alarm_detail_of(e, a)->state.suppressed_by & GW_SUPPRESSED_BY_DESIGN))
		return;
	/* with the timers: the sample that ends the one may end the other */
	gw_alarm_detail_write(e, a)->unsuppress_ns = at_ns;
	gw_alarm_schedule(e, a);
}

static bool on_alarm(
	struct gw_engine *e, uint32_t alarm, int64_t at_ns, const struct gw_time *now);

static bool on_listener(struct gw_engine *e, const struct gw_listener *l, int64_t at_ns,
	const struct gw_time *now)
{
	struct gw_alarm *a = &e->alarms[l->alarm];

	if (l->member == GW_NO_MEMBER || l->member < a->opts->when.n_members)
		return on_alarm(e, l->alarm, at_ns, now);
	gw_suppression_on_member(e, a, at_ns, now);
	return true;
}

/* Alarms count only members and holders before them, so this comes to an end. */
static bool on_alarm(
	struct gw_engine *e, uint32_t alarm, int64_t at_ns, const struct gw_time *now)
{
	const struct gw_listeners *l = &e->alarm_listeners;
	bool any = false;

	for (uint32_t k = l->first[alarm]; k < l->first[alarm + 1]; k++)
		any |= on_listener(e, &l->at[k], at_ns, now);
	return any;
}

bool gw_suppression_on_point(
	struct gw_engine *e, uint32_t point, int64_t at_ns, const struct gw_time *now)
{
	const struct gw_listeners *l = &e->point_listeners;
	bool any = false;

	for (uint32_t k = l->first[point]; k < l->first[point + 1]; k++)
		any |= on_listener(e, &l->at[k], at_ns, now);
	return any;
}
