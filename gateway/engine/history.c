/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alarms that take every sample of their point into their memory. In calm times a history says
 * which samples it does not need to see at once (`rest`), and the engine keeps some of them
 * beside the point, so that the memory of the histories is fetched once for several samples. Before
 * anything is asked they are handed over: where a history wants each, each with its own time, else
 * how many, their sum, the last value and when it last changed.
 */
#include "engine/inside.h"

#include <math.h>

static const struct gw_condition_opts *opts_of(
	const struct gw_engine *e, const struct gw_history *h)
{
	return &e->opts.alarms[h->alarm].when;
}

void gw_history_catch_up(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now)
{
	int64_t due_ns;

	while (a->opts->when.kind->waits && (due_ns = gw_story_asks_ns(e, a)) < at_ns)
		gw_alarms_ask(e, a,
			(struct gw_condition_input){
				.member = GW_NO_MEMBER, .now_ns = due_ns},
			now);
}

static void absorb(struct gw_engine *e, const struct gw_history *h,
	const struct gw_sample *sample, const struct gw_time *now)
{
	struct gw_alarm *a = &e->alarms[h->alarm];

	gw_history_catch_up(e, a, sample->mono_ns, now);
	if (h->kind->absorb(opts_of(e, h), h->memory, sample, sample->mono_ns))
		gw_alarms_ask(e, a,
			(struct gw_condition_input){.sample = sample,
				.member = GW_NO_MEMBER,
				.now_ns = sample->mono_ns},
			now);
}

static uint32_t rest_end(int64_t until_ns)
{
	int64_t end = until_ns >> GW_REST_SHIFT;

	return end < 0 ? 0 : end > UINT32_MAX ? UINT32_MAX : (uint32_t)end;
}

void gw_history_rest(struct gw_engine *e, size_t point, double lo, double hi)
{
	struct gw_point_slot *s = &e->view.points[point];
	struct gw_past *past = gw_history_past(e, s);
	const struct gw_history *h = past->history;
	int64_t until_ns = INT64_MAX;
	bool more = s->past && lo <= hi;

	if (s->past) {
		past->lo = lo;
		past->hi = hi;
	}
	for (; more && lo <= hi; more = h++->more) {
		struct gw_rest r = GW_REST_ALWAYS;

		if (!h->kind->rest || !h->kind->rest(opts_of(e, h), h->memory, &r))
			r.until_ns = 0;
		if (h->kind->recalls_sum && s->kept == 0)
			s->sum = r.sum;
		lo = fmax(lo, r.lo);
		hi = fmin(hi, r.hi);
		until_ns = r.until_ns < until_ns ? r.until_ns : until_ns;
	}
	s->lo = lo;
	s->hi = hi;
	s->rest_until = rest_end(until_ns);
}

void gw_history_recall(struct gw_engine *e, size_t point)
{
	struct gw_point_slot *s = &e->view.points[point];
	const struct gw_history *h = gw_history_past(e, s)->history;
	struct gw_rested run = {.n = s->kept,
		.sum = s->sum,
		.value = atomic_load_explicit(&s->value, memory_order_relaxed),
		.since_ns = s->since_ns};

	if (s->kept == 0)
		return;
	s->kept = 0;
	s->since_ns = 0;
	run.kept = s->each ? gw_history_place(e->pasts, s) : NULL;
	do
		h->kind->recall(h->memory, &run);
	while (h++->more);
}

void gw_history_take(struct gw_engine *e, size_t point, const struct gw_sample *sample,
	const struct gw_time *now)
{
	const struct gw_past *past = gw_history_past(e, &e->view.points[point]);
	const struct gw_history *h = past->history;

	do
		absorb(e, h, sample, now);
	while (h++->more);
	gw_history_rest(e, point, past->lo, past->hi);
}
