/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alarms that take every sample of their point into their memory. In calm times a history says
 * which samples it does not need to see at once (`rest`), and the engine keeps some of them
 * beside the point, so that the memory of the histories is fetched once for several samples. Before
 * anything is asked they are handed over: where a history wants each, each with its own time, else
 * how many, their sum, the last value and when it last changed.
 */
#include "engine/engine_internal.h"

#include <math.h>

static const struct gw_condition_opts *opts_of(
	const struct gw_engine *e, const struct gw_history_entry *h)
{
	return &e->opts.alarms[h->alarm].when;
}

void gw_history_run_timers(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now)
{
	int64_t due_ns;

	while (a->opts->when.kind->has_timer &&
		(due_ns = gw_alarm_evaluate_due_ns(e, a)) < at_ns)
		gw_alarm_evaluate(e, a,
			(struct gw_condition_input){
				.member = GW_NO_MEMBER, .now_ns = due_ns},
			now);
}

static void absorb(struct gw_engine *e, const struct gw_history_entry *h,
	const struct gw_sample *sample, const struct gw_time *now)
{
	struct gw_alarm *a = &e->alarms[h->alarm];

	gw_history_run_timers(e, a, sample->mono_ns, now);
	if (h->kind->absorb(opts_of(e, h), h->memory, sample, sample->mono_ns))
		gw_alarm_evaluate(e, a,
			(struct gw_condition_input){.sample = sample,
				.member = GW_NO_MEMBER,
				.now_ns = sample->mono_ns},
			now);
}

static uint32_t quiet_end(int64_t until_ns)
{
	int64_t end = until_ns >> GW_QUIET_SHIFT;

	return end < 0 ? 0 : end > UINT32_MAX ? UINT32_MAX : (uint32_t)end;
}

void gw_history_update_band(struct gw_engine *e, size_t point, double lo, double hi)
{
	struct gw_point_slot *s = &e->view.points[point];
	struct gw_point_history *history_line = gw_history_of(e, s);
	const struct gw_history_entry *h = history_line->history;
	int64_t until_ns = INT64_MAX;
	bool has_next = s->history_line && lo <= hi;

	if (s->history_line) {
		history_line->lo = lo;
		history_line->hi = hi;
	}
	for (; has_next && lo <= hi; has_next = h++->has_next) {
		struct gw_quiet_band r = GW_QUIET_BAND_UNLIMITED;

		if (!h->kind->history_quiet_band ||
			!h->kind->history_quiet_band(opts_of(e, h), h->memory, &r))
			r.until_ns = 0;
		if (h->kind->needs_sum && s->n_buffered == 0)
			s->sum = r.sum;
		lo = fmax(lo, r.lo);
		hi = fmin(hi, r.hi);
		until_ns = r.until_ns < until_ns ? r.until_ns : until_ns;
	}
	s->lo = lo;
	s->hi = hi;
	s->quiet_until = quiet_end(until_ns);
}

void gw_history_flush(struct gw_engine *e, size_t point)
{
	struct gw_point_slot *s = &e->view.points[point];
	const struct gw_history_entry *h = gw_history_of(e, s)->history;
	struct gw_buffered_run run = {.n = s->n_buffered,
		.sum = s->sum,
		.value = atomic_load_explicit(&s->value, memory_order_relaxed),
		.since_ns = s->since_ns};

	if (s->n_buffered == 0)
		return;
	s->n_buffered = 0;
	s->since_ns = 0;
	run.samples = s->buffers_each ? gw_history_buffer_slot(e->history_memory, s) : NULL;
	do
		h->kind->absorb_buffered(h->memory, &run);
	while (h++->has_next);
}

void gw_history_absorb(struct gw_engine *e, size_t point, const struct gw_sample *sample,
	const struct gw_time *now)
{
	const struct gw_point_history *history_line = gw_history_of(
		e, &e->view.points[point]);
	const struct gw_history_entry *h = history_line->history;

	do
		absorb(e, h, sample, now);
	while (h++->has_next);
	gw_history_update_band(e, point, history_line->lo, history_line->hi);
}
