/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reaches X, within T: a trend will cross X within T. approach.h says when a trend is found; here
 * it is given bins of samples, and what it finds becomes a condition:
 *
 *   begins   Two new bins in a row must find it; one is enough where samples are rare. Only from
 *            its home side a value reaches X: a gas that falls back towards the limit it crossed
 *            does not, nor one that is past it. Home is the side on which it spent more time.
 *   ends     No trend was found for a third of the window that saw it last and for half of T. It
 *            is not true again within another half of T, unless the limit is nearer than that.
 */
#include "alarm/approach.h"
#include "alarm/condition_internal.h"
#include "alarm/trend.h"

#include <math.h>
#include <string.h>

#define FINEST_BIN_NS  INT64_C(800000000) /* at most, if there are enough levels */
#define RESTART_GAP_NS (25 * 86400 * INT64_C(1000000000)) /* half of the ladder's time */
#define AHEAD_BOUND    (GW_APPROACH_AHEAD_MOST + 0.1)     /* room for what is rounded */
#define IN_A_ROW       2
#define RARE_BINS      32 /* in `fit`: fewer are rare */
#define HOME_FITS      12 /* how long it can take to change home, in `fit` */
#define HOME_LEAD_FITS 2  /* how much more time on the other side makes that home */

struct forecast {
	/* what every sample touches */
	int64_t open_until_ns; /* the open bin ends with the first sample from then on */
	int64_t open_first_ns;
	double open_sum;
	uint32_t open_n;
	float last;   /* value less limit */
	float lo, hi; /* nothing in the ladder or the open bin is beyond them */
	double limit; /* a copy of the option, in this cache line */
	/* what the end of a bin touches */
	int64_t bin_ns;          /* width of the finest bin */
	int64_t home_balance_ns; /* time spent over the limit less time under it, limited */
	int64_t reach_ns;        /* when the limit is reached */
	int64_t shown_reach_ns;  /* the same, smoothed */
	int64_t trend_until_ns;  /* how long the condition stands if no more is found */
	int64_t ended_ns;        /* when it last became false; 0: never */
	uint8_t bounds_age;      /* bins since lo and hi were taken from the ladder */
	bool found;              /* the last bin found that the limit is reached */
	uint8_t in_a_row[GW_LADDER_LEVELS_MAX]; /* new bins that found it */
	struct gw_approach approach;
};
static_assert(offsetof(struct forecast, bin_ns) <= 64, "a sample touches one line");

static size_t forecast_memory(const struct gw_condition_opts *o)
{
	(void)o;
	return (sizeof(struct forecast) + 7) / 8 * 8;
}

static uint32_t ticks(int64_t ns)
{
	return (uint32_t)((uint64_t)ns >> GW_LADDER_TICK_SHIFT);
}

static int64_t ns_of(double ticks)
{
	return (int64_t)(ticks * (1 << GW_LADDER_TICK_SHIFT));
}

/* ---- the end of a bin ---- */

/* In ticks. */
static double span_of(const struct gw_bin_window *w, size_t n)
{
	return w->t[w->n - 1] - w->t[w->n - n];
}

static bool one_is_enough(const struct forecast *m, const struct gw_bin_window *w, size_t n)
{
	double fit = (double)m->approach.fit_ns / (1 << GW_LADDER_TICK_SHIFT);

	return n < GW_TREND_BY_RANK || span_of(w, n) >= (double)(n - 1) * fit / RARE_BINS;
}

static void prolong(struct forecast *m, const struct gw_bin_window *w, size_t n)
{
	int64_t third_ns = ns_of(span_of(w, n) / 3.0);
	int64_t hold_ns = gw_max_ns(third_ns, m->approach.within_ns / 2);

	m->trend_until_ns = gw_max_ns(m->trend_until_ns, m->approach.closed_ns + hold_ns);
}

static void note_found(
	struct forecast *m, const struct gw_bin_window *w, size_t n, double eta)
{
	int64_t reach_ns = m->approach.closed_ns + ns_of(eta);

	if (!m->found || reach_ns < m->reach_ns)
		m->reach_ns = reach_ns;
	m->found = true;
	prolong(m, w, n);
}

static void evaluate_level(
	struct forecast *m, unsigned level, const struct gw_bin_window *w)
{
	double eta = 0;
	size_t n = gw_approach_find(&m->approach, level, w, &eta);

	if (n == 0)
		m->in_a_row[level] = 0;
	else if (m->in_a_row[level] < IN_A_ROW)
		m->in_a_row[level]++;
	if (n && (m->in_a_row[level] >= IN_A_ROW || one_is_enough(m, w, n)))
		note_found(m, w, n, eta);
}

/* Past the limit nothing is found, but a trend that goes on keeps true what is true. */
static void follow_beyond(struct forecast *m, unsigned level, const struct gw_bin_window *w)
{
	size_t n = gw_approach_goes_on(&m->approach, level, w);

	m->in_a_row[level] = 0;
	if (n)
		prolong(m, w, n);
}

/* Whether nothing between lo and hi can be found to reach the limit: it has too far to go for all
 * that it can have moved. */
static bool too_far(const struct forecast *m)
{
	double lo = (double)m->lo, hi = (double)m->hi;

	return lo > 0 ? lo > AHEAD_BOUND * (hi - lo)
		      : hi < 0 && -hi > AHEAD_BOUND * (hi - lo);
}

static void bound(struct forecast *m, float y)
{
	m->lo = y < m->lo ? y : m->lo;
	m->hi = y > m->hi ? y : m->hi;
}

/* What has left the ladder no longer counts. */
static void refresh_bounds(struct forecast *m)
{
	const struct gw_bin_ladder *ladder = &m->approach.ladder;

	m->lo = m->hi = m->last;
	for (size_t i = 0; i < GW_LADDER_BINS; i++)
		if (gw_ladder_holds(ladder, i))
			bound(m, ladder->y[i]);
	m->bounds_age = 0;
}

static void update_home(struct forecast *m, float y, int64_t elapsed_ns)
{
	struct gw_approach *a = &m->approach;
	int64_t most_ns = HOME_FITS * a->fit_ns, part_ns = gw_min_ns(elapsed_ns, most_ns);
	int64_t known_ns = a->closed_ns - a->started_ns;
	int64_t enough_ns = known_ns < a->fit_ns ? 0 : HOME_LEAD_FITS * a->fit_ns;
	uint8_t home = a->home;

	m->home_balance_ns = gw_max_ns(-most_ns,
		gw_min_ns(m->home_balance_ns + (y > 0 ? part_ns : -part_ns), most_ns));
	if (m->home_balance_ns > (home == GW_HOME_UNDER ? enough_ns : 0))
		home = GW_HOME_OVER;
	else if (m->home_balance_ns < (home == GW_HOME_OVER ? -enough_ns : 0) ||
		home == GW_HOME_UNKNOWN)
		home = GW_HOME_UNDER;
	if (home != a->home)
		a->edge.buckets = 0;
	a->home = home;
}

static void evaluate_new_bins(struct forecast *m, unsigned n_levels)
{
	struct gw_approach *a = &m->approach;
	bool beyond = gw_approach_from_home(a, (double)m->last) <= 0;
	bool nothing = beyond ? a->closed_ns >= m->trend_until_ns : too_far(m);

	for (unsigned level = 0; level < n_levels; level++) {
		struct gw_bin_window w;

		if (nothing)
			m->in_a_row[level] = 0;
		if (nothing && !gw_approach_learns_next(a, level)) {
			gw_approach_learn(a, level, NULL);
			continue;
		}
		gw_ladder_window(&a->ladder, level, &w);
		if (beyond && !nothing)
			follow_beyond(m, level, &w);
		else if (!nothing)
			evaluate_level(m, level, &w);
		gw_approach_learn(a, level, &w);
	}
}

static void close_bin(struct forecast *m, int64_t now_ns)
{
	float y = (float)(m->open_sum / m->open_n);
	uint32_t t = ticks(m->open_first_ns + (now_ns - m->open_first_ns) / 2);
	int64_t elapsed_ns = m->approach.closed_ns ? now_ns - m->approach.closed_ns
						   : m->bin_ns;

	if (elapsed_ns > RESTART_GAP_NS)
		memset(m->approach.ladder.n, 0, sizeof m->approach.ladder.n);
	m->found = false;
	m->approach.closed_ns = now_ns;
	m->open_until_ns = now_ns + m->bin_ns;
	m->open_sum = 0;
	m->open_n = 0;
	update_home(m, y, elapsed_ns);
	evaluate_new_bins(m, gw_ladder_push(&m->approach.ladder, t, y));
	if (++m->bounds_age >= GW_LADDER_WINDOW)
		refresh_bounds(m);
}

/* ---- samples ---- */

static void start(const struct gw_condition_opts *o, struct forecast *m, int64_t now_ns)
{
	m->limit = o->limit;
	m->approach.within_ns = o->window_ns;
	m->approach.fit_ns = o->fit_ns ? o->fit_ns : o->window_ns;
	m->bin_ns = m->approach.fit_ns / GW_LADDER_WINDOW;
	for (m->approach.ladder.levels = 1; m->bin_ns > FINEST_BIN_NS &&
		m->approach.ladder.levels < GW_LADDER_LEVELS_MAX;
		m->approach.ladder.levels++)
		m->bin_ns /= 2;
	m->approach.started_ns = now_ns;
	m->open_until_ns = now_ns;
	m->trend_until_ns = now_ns + m->approach.within_ns / 2;
	m->lo = HUGE_VALF;
	m->hi = -HUGE_VALF;
	for (unsigned k = 0; k < m->approach.ladder.levels; k++)
		m->approach.usual[k].bucket.start = ticks(now_ns);
}

/* Inlined into both that follow. */
static inline void take(struct forecast *m, double value, int64_t now_ns)
{
	m->last = (float)(value - m->limit);
	bound(m, m->last);
	if (m->open_n++ == 0)
		m->open_first_ns = now_ns;
	m->open_sum += (double)m->last;
	if (now_ns >= m->open_until_ns)
		close_bin(m, now_ns);
}

static bool absorb(const struct gw_condition_opts *o, void *memory,
	const struct gw_sample *sample, int64_t now_ns)
{
	struct forecast *m = memory;

	if (m->approach.ladder.levels == 0)
		start(o, m, now_ns);
	m->found = false;
	take(m, sample->value, now_ns);
	return m->found;
}

static void absorb_buffered(void *memory, const struct gw_buffered_run *run)
{
	for (size_t i = 0; i < run->n; i++)
		take(memory, run->samples[i].value, run->samples[i].boot_ns);
}

/*
 * too_far, while lo and hi take in the band. Its ends are chosen so that it just holds: the near
 * one is at the far one times AHEAD_BOUND / (AHEAD_BOUND + 1). Of what is free, half goes to
 * either.
 */
static bool history_quiet_band(const struct gw_condition_opts *o, const void *memory,
	struct gw_quiet_band *ret_band)
{
	const struct forecast *m = memory;
	double shrink = AHEAD_BOUND / (AHEAD_BOUND + 1), near, far;
	bool over = m->lo > 0;

	if (m->approach.ladder.levels == 0 || !too_far(m))
		return false;
	near = over ? (double)m->lo : -(double)m->hi;
	far = over ? (double)m->hi : -(double)m->lo;
	far += (near / shrink - far) / 2;
	near = far * shrink;
	ret_band->lo = o->limit + (over ? near : -far);
	ret_band->hi = o->limit + (over ? far : -near);
	return true;
}

/* ---- the condition ---- */

/* A forecast that moves by little is no other forecast. */
static void smooth_reach(struct forecast *m, bool was_true)
{
	if (was_true)
		m->shown_reach_ns += (m->reach_ns - m->shown_reach_ns) / 4;
	else
		m->shown_reach_ns = m->reach_ns;
}

/* So soon after the last time that it is the same trend, and not urgent. */
static bool is_repeat(const struct forecast *m)
{
	int64_t free_ns = m->ended_ns + m->approach.within_ns / 2;

	return m->ended_ns && m->approach.closed_ns < free_ns && m->reach_ns > free_ns;
}

static void evaluate_forecast(const struct gw_condition_opts *o, void *memory,
	const struct gw_condition_input *in, struct gw_condition_result *result)
{
	struct forecast *m = memory;

	result->limit = o->limit;
	if (in->sample)
		result->value = in->sample->value;
	if (m->found && (result->condition_true || !is_repeat(m))) {
		smooth_reach(m, result->condition_true);
		result->condition_true = true;
	} else if (result->condition_true && in->now_ns >= m->trend_until_ns) {
		result->condition_true = false;
		m->ended_ns = in->now_ns;
	}
	m->found = false;
	if (result->condition_true && m->shown_reach_ns)
		result->eta_ms = gw_min_ns(
			gw_max_ns(m->shown_reach_ns - in->now_ns, 0) / 1000000, UINT32_MAX);
}

static void describe(const struct gw_condition_opts *o, struct gw_text *t)
{
	gw_text_add(t, "reaches ");
	gw_text_add_double(t, o->limit);
	gw_text_add(t, " within ");
	gw_text_add_duration(t, o->window_ns);
}

static const struct gw_setting settings[] = {
	{.key = "reaches",
		.type = GW_SET_DOUBLE,
		.offset = GW_CONDITION_FIELD(limit),
		.required = true,
		.help = "The limit the trend is heading for."},
	{.key = "within",
		.type = GW_SET_DURATION,
		.offset = GW_CONDITION_FIELD(window_ns),
		.required = true,
		.min = 10e9,
		.max = 30 * 86400e9,
		.help = "How far ahead to warn."},
	{.key = "fit",
		.type = GW_SET_DURATION,
		.offset = GW_CONDITION_FIELD(fit_ns),
		.min = 10e9,
		.max = 30 * 86400e9,
		.help = "The longest past that a trend is taken from; default as within."},
	{0},
};

const struct gw_condition_kind gw_condition_reaches = {
	.key = "reaches",
	.settings = settings,
	.on_points = true,
	.numbers_only = true,
	.memory = forecast_memory,
	.absorb = absorb,
	.history_quiet_band = history_quiet_band,
	.absorb_buffered = absorb_buffered,
	.needs_each_sample = true,
	.evaluate = evaluate_forecast,
	.worse = gw_never_worse,
	.describe = describe,
};
