/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/build.h"

#include "alarm/chatter_flood.h"
#include "engine/key_index.h"
#include "engine/memory.h"
#include "engine/timers.h"

#include <math.h>
#include <stdlib.h>

#define UNSENT_MIN       1024 /* events */
#define UNSENT_PER_ALARM 8

/* ---- listeners ---- */

/* Members of the vote, then those of `unless`. */
static const struct gw_member *member_of(const struct gw_alarm_opts *o, uint32_t m)
{
	return m < o->when->n_members ? &o->when->members[m]
				      : &o->unless[m - o->when->n_members];
}

struct listener_pass {
	struct gw_listeners *l;
	uint32_t *next; /* where the next listener of i goes; NULL: this pass only counts */
};

static void add_listener(struct listener_pass *p, uint32_t i, struct gw_listener who)
{
	if (p->next)
		p->l->at[p->next[i]++] = who;
	else
		p->l->first[i + 1]++;
}

/* Everything that alarms depend on: other alarms, or points. */
static void add_listeners(
	const struct gw_engine *e, struct listener_pass *pass, bool on_alarms)
{
	for (uint32_t i = 0; i < e->opts.n_alarms; i++) {
		const struct gw_alarm_opts *o = &e->opts.alarms[i];

		for (uint32_t p = 0; !on_alarms && p < o->n_points; p++)
			add_listener(pass, o->first_point + p,
				(struct gw_listener){i, GW_NO_MEMBER});
		for (uint32_t m = 0; m < o->when->n_members + o->n_unless; m++)
			if (member_of(o, m)->is_alarm == on_alarms)
				add_listener(pass, member_of(o, m)->index,
					(struct gw_listener){i, m});
	}
}

/* Counts become first indexes. Zeros are not written: most alarms have no listener, and pages that
 * are only read take no memory. */
static void sum_counts(struct gw_listeners *l, uint32_t *next)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->first[i])
			l->first[i + 1] += l->first[i];
		next[i + 1] = l->first[i + 1];
	}
}

static bool build_listeners(
	struct gw_engine *e, struct gw_listeners *l, size_t n, bool on_alarms)
{
	struct listener_pass pass = {.l = l};
	uint32_t *next;
	bool ok = true;

	l->n = n;
	l->first = gw_memory_reserve(n + 1, sizeof *l->first, &ok);
	next = gw_memory_zeroed(n + 1, sizeof *next, sizeof(uint32_t) * 2, &ok);
	if (ok) {
		add_listeners(e, &pass, on_alarms);
		sum_counts(l, next);
		l->at = gw_memory_zeroed(
			l->first[n], sizeof *l->at, sizeof(struct gw_listener), &ok);
	}
	if (ok) {
		pass.next = next;
		add_listeners(e, &pass, on_alarms);
	}
	free(next);
	return ok;
}

/* ---- tables ---- */

/* Bytes in gw_engine.memory; a condition with a history has its memory beside its point. */
static size_t memory_of(const struct gw_alarm_opts *o)
{
	return o->when->kind->absorb ? 0 : gw_condition_memory(o->when);
}

/* A whole number of cache lines. */
static size_t timer_entries(size_t n_alarms)
{
	return (n_alarms + GW_TIMERS_SKEW + 3) / 4 * 4;
}

static bool build_points(struct gw_engine *e)
{
	size_t n = e->opts.n_points;
	bool ok = true;

	e->view.n_points = n;
	e->view.points = gw_memory_hot(n, sizeof *e->view.points, &ok);
	e->view.details = gw_memory_reserve(n, sizeof *e->view.details, &ok);
	return ok;
}

static bool build_alarms(struct gw_engine *e)
{
	size_t n = e->opts.n_alarms, memory = 0;
	bool ok = true;

	for (size_t i = 0; i < n; i++)
		memory += memory_of(&e->opts.alarms[i]);
	e->view.n_alarms = n;
	e->view.alarms = gw_memory_reserve(n, sizeof *e->view.alarms, &ok);
	e->view.opts = e->opts.alarms;
	e->alarms = gw_memory_hot(n, sizeof *e->alarms, &ok);
	e->alarm_details = gw_memory_reserve(n, sizeof *e->alarm_details, &ok);
	e->memory = gw_memory_zeroed(memory, 1, GW_CACHE_LINE, &ok);
	memory = 0;
	for (uint32_t i = 0; ok && i < n; i++) {
		const struct gw_alarm_opts *o = &e->opts.alarms[i];

		if (o->when->kind == &gw_condition_flood)
			e->flood = &e->alarms[i];
		e->alarms[i] = (struct gw_alarm){
			.opts = o,
			.memory = e->memory + memory,
			.value = (double)NAN,
			.limit = (double)NAN,
			.inactive = true,
		};
		memory += memory_of(o);
	}
	return ok;
}

static bool build_timers(struct gw_engine *e)
{
	size_t n = e->opts.n_alarms;
	bool ok = true;

	e->timers_memory = gw_memory_reserve(timer_entries(n), sizeof *e->timers, &ok);
	e->timer_positions = gw_memory_reserve(n, sizeof *e->timer_positions, &ok);
	if (ok)
		e->timers = e->timers_memory + GW_TIMERS_SKEW;
	return ok;
}

static bool build_rings(struct gw_engine *e)
{
	size_t unsent = UNSENT_MIN;
	bool ok = true;

	while (unsent < UNSENT_PER_ALARM * e->opts.n_alarms)
		unsent *= 2;
	e->inputs = gw_memory_zeroed(
		e->opts.n_inputs, sizeof *e->inputs, GW_CACHE_LINE, &ok);
	e->unsent = gw_memory_reserve(unsent, sizeof *e->unsent, &ok);
	e->unsent_mask = unsent - 1;
	return ok;
}

enum gw_err gw_build_tables(struct gw_engine *e, struct gw_error *err)
{
	if (build_points(e) && build_alarms(e) && build_timers(e) && build_rings(e) &&
		build_listeners(e, &e->point_listeners, e->opts.n_points, false) &&
		build_listeners(e, &e->alarm_listeners, e->opts.n_alarms, true) &&
		gw_memory_make_histories(e))
		return GW_OK;
	return gw_fail(err, GW_ERR_SYSTEM, 0, "out of memory for %zu points, %zu alarms",
		e->opts.n_points, e->opts.n_alarms);
}

static void free_listeners(struct gw_listeners *l)
{
	gw_memory_release(l->first, l->n + 1, sizeof *l->first);
	free(l->at);
}

void gw_build_free(struct gw_engine *e)
{
	size_t n = e->opts.n_alarms;

	free(e->view.points);
	gw_memory_release(e->view.details, e->opts.n_points, sizeof *e->view.details);
	gw_memory_release(e->view.alarms, n, sizeof *e->view.alarms);
	free(e->alarms);
	gw_memory_release(e->alarm_details, n, sizeof *e->alarm_details);
	free(e->memory);
	free(e->history_memory);
	gw_memory_release(e->timers_memory, timer_entries(n), sizeof *e->timers);
	gw_memory_release(e->timer_positions, n, sizeof *e->timer_positions);
	gw_key_index_free(e);
	free(e->inputs);
	gw_memory_release(e->unsent, e->unsent_mask + 1, sizeof *e->unsent);
	free_listeners(&e->point_listeners);
	free_listeners(&e->alarm_listeners);
}
