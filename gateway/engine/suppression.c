/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/suppression.h"

#include "engine/alarm.h"
#include "engine/alarm_detail.h"
#include "engine/view.h"

static bool is_current(const struct gw_engine *e, uint32_t point)
{
	return gw_quality_current(gw_view_quality(&e->view, point));
}

/* When it was last read. */
static bool contact_true(const struct gw_engine *e, uint32_t point)
{
	return gw_view_current_ns(&e->view, point) &&
		atomic_load_explicit(&e->view.points[point].value, memory_order_relaxed) !=
		0;
}

static bool readable(const struct gw_engine *e, const struct gw_member *m);

static bool member_true(const struct gw_engine *e, const struct gw_member *m)
{
	return m->is_alarm ? gw_alarm_detail_active(e, &e->alarms[m->index])
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

/* A vote is readable if the members that are true and readable are enough. */
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

/* Whether what the member depends on can be read. Alarms about silence, links and bad samples
 * always can: they are true because something cannot be read. */
static bool readable(const struct gw_engine *e, const struct gw_member *m)
{
	const struct gw_alarm_opts *o;

	if (!m->is_alarm)
		return is_current(e, m->index);
	o = &e->opts.alarms[m->index];
	if (o->when->kind->is_vote)
		return vote_readable(e, o->when);
	return !o->when->kind->on_points || o->when->kind->on_devices ||
		o->when->kind->on_bad_samples || is_current(e, o->first_point);
}

/* Active before the start, and without a sample since. */
static bool awaited(const struct gw_engine *e, const struct gw_member *m)
{
	const struct gw_alarm *a = &e->alarms[m->index];

	return m->is_alarm && gw_alarm_detail_of(e, a)->active_before_start &&
		!a->has_input;
}

/* Whether the members of `unless` that are true suppress. */
enum unless_state {
	NO_MEMBER_TRUE, /* none is true */
	TRUE_UNREADABLE, /* one was true when it was last read, and cannot be read any more */
	TRUE_AWAITED,    /* one was active before the start and has no sample yet */
	TRUE_READABLE,   /* one is true and readable */
};

static enum unless_state find_unless_state(
	const struct gw_engine *e, const struct gw_alarm *a)
{
	enum unless_state best = NO_MEMBER_TRUE;

	for (size_t i = 0; i < a->opts->n_unless; i++) {
		const struct gw_member *m = &a->opts->unless[i];

		if (!member_true(e, m))
			continue;
		if (readable(e, m))
			return TRUE_READABLE;
		if (awaited(e, m))
			best = TRUE_AWAITED;
		else if (best == NO_MEMBER_TRUE)
			best = TRUE_UNREADABLE;
	}
	return best;
}

bool gw_suppression_update(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now)
{
	enum unless_state is = find_unless_state(e, a);
	bool held = gw_alarm_detail_of(e, a)->state.suppressed_by & GW_SUPPRESSED_BY_DESIGN;
	int64_t *unsuppress_ns;

	if (is == NO_MEMBER_TRUE || (is == TRUE_UNREADABLE && !held))
		return false;
	unsuppress_ns = &gw_alarm_detail_write(e, a)->unsuppress_ns;
	if (is == TRUE_READABLE)
		*unsuppress_ns = INT64_MAX;
	else if (*unsuppress_ns > at_ns + a->opts->unless_stale_ns)
		*unsuppress_ns = at_ns + a->opts->unless_stale_ns;
	gw_alarm_set_suppressed(e, a, GW_SUPPRESSED_BY_DESIGN, true, at_ns, now);
	gw_alarm_detail_schedule(e, a);
	return true;
}

bool gw_suppression_lost(const struct gw_engine *e, const struct gw_alarm *a)
{
	return find_unless_state(e, a) != NO_MEMBER_TRUE;
}

void gw_suppression_on_member(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now)
{
	if (gw_suppression_update(e, a, at_ns, now) ||
		!(gw_alarm_detail_of(e, a)->state.suppressed_by & GW_SUPPRESSED_BY_DESIGN))
		return;

	gw_alarm_detail_write(e, a)->unsuppress_ns = at_ns;
	gw_alarm_detail_schedule(e, a);
}

static bool on_alarm(
	struct gw_engine *e, uint32_t alarm, int64_t at_ns, const struct gw_time *now);

static bool on_listener(struct gw_engine *e, const struct gw_listener *l, int64_t at_ns,
	const struct gw_time *now)
{
	struct gw_alarm *a = &e->alarms[l->alarm];

	if (l->member == GW_NO_MEMBER || l->member < a->opts->when->n_members)
		return on_alarm(e, l->alarm, at_ns, now);
	gw_suppression_on_member(e, a, at_ns, now);
	return true;
}

/* An alarm depends only on alarms before it in the table, so this ends. */
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
