/* SPDX-License-Identifier: Apache-2.0 */
#include "alarm/approach.h"

#include "alarm/condition_internal.h"
#include "alarm/trend.h"

#include <math.h>

#define SMALL_SPAN_NS  (30 * INT64_C(1000000000)) /* see smallest_span */
#define AHEAD_UNUSUAL  GW_APPROACH_AHEAD_MOST
#define AHEAD_USUAL    1.0
#define AHEAD_INSIDE   0.2
#define AHEAD_FEW      1.5 /* for fewer than GW_TREND_BY_RANK bins */
#define UNUSUAL        2.0 /* times what is usual */
#define VERY_UNUSUAL   3.0
#define THREE_BINS     6.0
#define SIGMA          3.5
#define REACH          2.0
#define DEDUCTION      0.2  /* of the usual range; see gets_there */
#define DEDUCTION_LONG 0.05 /* the same for a window of half of `fit` and more */
#define EDGE_MARGIN    0.25 /* of the usual range */
#define KNOWN_SPANS    10   /* how old a usual range of 0 must be to be believed */
#define FEW_SPANS      20   /* the same for fewer than GW_TREND_BY_RANK bins */

static double ticks_of(int64_t ns)
{
	return (double)ns / (1 << GW_LADDER_TICK_SHIFT);
}

/* Whether what is usual is known for so many spans. */
static bool known_for(const struct gw_approach *a, double spans, double span)
{
	return ticks_of(a->closed_ns - a->started_ns) > spans * span;
}

/* The distance to the limit and how old it is. */
struct position {
	double left, age;
};

/* The newest value of few bins; else the median of the newest three, which lags by a bin. */
static struct position position(const struct gw_approach *a, size_t n)
{
	const float *y = a->ladder.y + a->ladder.n[0];
	const uint32_t *t = a->ladder.t + a->ladder.n[0];
	double v[3] = {(double)y[-1], (double)y[-2], (double)y[-3]};

	if (n < 5)
		return (struct position){gw_approach_from_home(a, v[0]), 0};
	return (struct position){gw_approach_from_home(a, gw_median(v, 3)), t[-1] - t[-2]};
}

/* How much more than usual it came. 0: not known yet. */
static double times_usual(const struct gw_approach *a, const struct gw_usual_range *u,
	double came, double span)
{
	if (u->range > 0)
		return came / (double)u->range;
	return known_for(a, KNOWN_SPANS, span) ? HUGE_VAL : 0;
}

/* How many times the way that it has come may be left. */
static double most_ahead(const struct gw_approach *a, const struct gw_usual_range *u,
	size_t n, double times, double left)
{
	double edge = (double)a->edge.distance - EDGE_MARGIN * (double)u->range;

	if (n < GW_TREND_BY_RANK)
		return AHEAD_FEW;
	if (times >= UNUSUAL)
		return AHEAD_UNUSUAL;
	if (a->edge.buckets >= GW_USUAL_EDGE_KNOWN && a->edge.distance > 0 && left > edge)
		return AHEAD_INSIDE;
	return AHEAD_USUAL;
}

static bool sure_enough(const struct gw_approach *a, const struct gw_usual_range *u,
	size_t n, double times, const struct gw_trend *trend)
{
	if (n >= GW_TREND_BY_RANK)
		return trend->sigma >= SIGMA || times >= VERY_UNUSUAL;
	return (u->range > 0 || known_for(a, FEW_SPANS, trend->span)) &&
		times >= (n == GW_TREND_MIN ? THREE_BINS : VERY_UNUSUAL);
}

/* Part of what is usual, for noise may hide that a trend slows down. The longest windows have the
 * least noise, and loads that come and go are as long as a short one. */
static double deduction(
	const struct gw_approach *a, const struct gw_usual_range *u, size_t n, double span)
{
	if (n < GW_TREND_BY_RANK)
		return 0;
	return (span >= ticks_of(a->fit_ns) / 2 ? DEDUCTION_LONG : DEDUCTION) *
		(double)u->range;
}

/* Continued as a geometric series of half windows. What is deducted from the newer half is added to
 * the older. */
static bool gets_there(const struct gw_trend *trend, double deducted, double left)
{
	double older = fabs(trend->older_slope) * trend->span / 2 + deducted;
	double newer = fabs(trend->newer_slope) * trend->span / 2 - deducted;

	return newer >= older || REACH * left * (older - newer) <= newer * newer;
}

/* Whether the newest n bins of a window have a trend away from home. */
static bool leaves_home(const struct gw_approach *a, const struct gw_bin_window *w,
	size_t n, struct gw_trend *ret_trend)
{
	return gw_trend_find(w->y + w->n - n, w->t + w->n - n, n, ret_trend) &&
		(ret_trend->slope < 0) == (a->home == GW_HOME_OVER);
}

/* Whether that trend reaches the limit in time, and when. */
static bool reaches(const struct gw_approach *a, unsigned level,
	const struct gw_bin_window *w, size_t n, double *ret_eta)
{
	const struct gw_usual_range *u = &a->usual[level];
	struct position now = position(a, n);
	struct gw_trend trend;
	double slope, came, times, eta;

	if (!leaves_home(a, w, n, &trend))
		return false;
	slope = gw_min(fabs(trend.slope), fabs(trend.newer_slope));
	came = fabs(trend.slope) * trend.span;
	times = times_usual(a, u, came, trend.span);
	eta = gw_max(now.left / slope - now.age, 0);
	*ret_eta = eta;
	return now.left > 0 && eta <= ticks_of(a->within_ns) &&
		now.left <= most_ahead(a, u, n, times, now.left) *
			gw_min(slope * trend.span, trend.range) &&
		sure_enough(a, u, n, times, &trend) &&
		gets_there(&trend, deduction(a, u, n, trend.span), now.left);
}

/* Fewer than GW_TREND_BY_RANK bins must span at least this: a sensor smears a step over a few
 * samples. */
static double smallest_span(const struct gw_approach *a)
{
	return ticks_of(gw_min_ns(a->fit_ns / 32, SMALL_SPAN_NS));
}

/* Level 0 may span more than `fit`: a sensor that speaks rarely has no other. */
static size_t bins_in_fit(
	const struct gw_approach *a, unsigned level, const struct gw_bin_window *w)
{
	size_t n = w->n;

	while (level > 0 && n > 0 && w->t[w->n - 1] - w->t[w->n - n] > ticks_of(a->fit_ns))
		n--;
	return n;
}

/* All bins first, then ever fewer of the newest, which only level 0 has for itself. */
size_t gw_approach_find(const struct gw_approach *a, unsigned level,
	const struct gw_bin_window *w, double *ret_eta)
{
	static const uint8_t fewer[] = {8, 5, 4, 3};
	size_t n = bins_in_fit(a, level, w);

	if (n >= (level ? GW_TREND_BY_RANK : GW_TREND_MIN) &&
		reaches(a, level, w, n, ret_eta))
		return n;
	for (size_t i = 0; level == 0 && i < sizeof fewer; i++) {
		size_t k = fewer[i];

		if (k >= n)
			continue;
		if (k < GW_TREND_BY_RANK &&
			w->t[w->n - 1] - w->t[w->n - k] < smallest_span(a))
			break;
		if (reaches(a, level, w, k, ret_eta))
			return k;
	}
	return 0;
}

size_t gw_approach_goes_on(
	const struct gw_approach *a, unsigned level, const struct gw_bin_window *w)
{
	struct gw_trend trend;
	size_t n = bins_in_fit(a, level, w);

	return n >= GW_TREND_BY_RANK && leaves_home(a, w, n, &trend) && trend.sigma >= SIGMA
		? n
		: 0;
}

bool gw_approach_learns_next(const struct gw_approach *a, unsigned level)
{
	return a->usual[level].new_bins >= GW_USUAL_EVERY - 1;
}

void gw_approach_learn(struct gw_approach *a, unsigned level, const struct gw_bin_window *w)
{
	struct gw_usual_range *u = &a->usual[level];
	double lo, hi;

	if (++u->new_bins < GW_USUAL_EVERY)
		return;
	u->new_bins = 0;
	gw_usual_learn_range(u, w);
	if (level > 0)
		return;
	gw_usual_trimmed_range(w, &lo, &hi);
	gw_usual_learn_edge(&a->edge,
		gw_approach_from_home(a, a->home == GW_HOME_OVER ? lo : hi), w,
		ticks_of(a->fit_ns));
}
