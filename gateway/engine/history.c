/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/history.h"

#include "engine/alarm.h"
#include "engine/alarm_detail.h"

#include <math.h>

static const struct gw_condition_opts *opts_of(
	const struct gw_engine *e, const struct gw_history_entry *h)
{
	return e->opts.alarms[h->alarm].when;
}

void gw_history_run_timers(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now)
{
	int64_t due_ns;

	while (a->opts->when->kind->has_timer &&
		(due_ns = gw_alarm_detail_condition_due_ns(e, a)) < at_ns)
		gw_alarm_evaluate(e, a,
			(struct gw_condition_input){
				.member = GW_NO_MEMBER, .now_ns = due_ns},
			now);
}

static void absorb(struct gw_engine *e, const struct gw_history_entry *h,
	const struct gw_sample *sample, const struct gw_time *now)
{
	struct gw_alarm *a = &e->alarms[h->alarm];

	gw_history_run_timers(e, a, sample->boot_ns, now);
	if (h->kind->absorb(opts_of(e, h), h->memory, sample, sample->boot_ns))
		gw_alarm_evaluate(e, a,
			(struct gw_condition_input){.sample = sample,
				.member = GW_NO_MEMBER,
				.now_ns = sample->boot_ns},
			now);
}

static uint32_t quiet_end(int64_t until_ns)
{
	int64_t end = until_ns >> GW_QUIET_SHIFT;

	return end < 0 ? 0 : end > UINT32_MAX ? UINT32_MAX : (uint32_t)end;
}

void gw_history_set_band(struct gw_engine *e, size_t point, double lo, double hi)
{
	struct gw_point_state *s = &e->view.points[point];
	struct gw_point_history *history = gw_history_of(e, s);
	const struct gw_history_entry *h = history->entry;
	int64_t until_ns = INT64_MAX;
	bool has_next = s->history_line && lo <= hi;

	if (s->history_line) {
		history->lo = lo;
		history->hi = hi;
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
	struct gw_point_state *s = &e->view.points[point];
	const struct gw_history_entry *h = gw_history_of(e, s)->entry;
	struct gw_buffered_run run = {.n = s->n_buffered,
		.sum = s->sum,
		.value = atomic_load_explicit(&s->value, memory_order_relaxed),
		.since_ns = s->since_ns};

	if (s->n_buffered == 0)
		return;
	s->n_buffered = 0;
	s->since_ns = 0;
	run.samples = s->buffers_each ? gw_history_next_buffered(e->history_memory, s)
				      : NULL;
	do
		h->kind->absorb_buffered(h->memory, &run);
	while (h++->has_next);
}

void gw_history_absorb(struct gw_engine *e, size_t point, const struct gw_sample *sample,
	const struct gw_time *now)
{
	const struct gw_point_history *history = gw_history_of(e, &e->view.points[point]);
	const struct gw_history_entry *h = history->entry;

	do
		absorb(e, h, sample, now);
	while (h++->has_next);
	gw_history_set_band(e, point, history->lo, history->hi);
}
