/* SPDX-License-Identifier: Apache-2.0 */
/*
 * approach.h: whether a point approaches its limit and when it will be there. Trends (trend.h) are
 * looked for at all time scales, in the windows of a ladder of bins. doc/early-warning.md has the
 * measurements behind the numbers.
 *
 * What is needed beyond a trend:
 *
 *   ahead    It must have come a good part of the way: what is left is at most so many times what
 *            it has come. How many depends on what is usual for this point at this time scale:
 *            6 times if it moves twice as far as it usually does, else once; a fifth as long as
 *            it stays on the side where it usually is. So a thermostat or a night setback says
 *            nothing, and the first fire is believed early.
 *   reach    A trend that slows down must still get there: continued as a geometric series it
 *            goes at least twice as far as is left. Part of what is usual is deducted before: a
 *            fifth, and a twentieth in windows of half of `fit` and more.
 *   sigma    3.5 of Mann-Kendall, 3 if it moves three times as far as usual. Fewer than 8 bins
 *            must move three times as far as usual, three bins six times.
 *
 * Only a value that approaches the limit from its home side reaches it. Values are stored as the
 * distance from the limit, so that a float has all the digits where they count.
 *
 * Pure, no allocation.
 */
#ifndef GW_ALARM_APPROACH_H
#define GW_ALARM_APPROACH_H

#include "alarm/bin_ladder.h"
#include "alarm/usual.h"

#define GW_APPROACH_AHEAD_MOST 6.0 /* nothing farther away is found, in what it has come */

enum gw_approach_home { GW_HOME_UNKNOWN, GW_HOME_UNDER, GW_HOME_OVER };

struct gw_approach {
	int64_t fit_ns, within_ns;
	int64_t started_ns, closed_ns; /* of the first sample; of the newest bin */
	uint8_t home;                  /* enum gw_approach_home */
	struct gw_usual_edge edge;
	struct gw_usual_range usual[GW_LADDER_LEVELS_MAX];
	struct gw_bin_ladder ladder;
};

static inline double gw_approach_from_home(const struct gw_approach *a, double y)
{
	return a->home == GW_HOME_OVER ? y : -y;
}

/* Of how many of the newest bins of a window the limit is reached in time, 0 for none, and in how
 * many ticks from the end of the newest bin. */
size_t gw_approach_find(const struct gw_approach *a, unsigned level,
	const struct gw_bin_window *w, double *ret_eta);

/* Past the limit nothing is found. How many of the newest bins still go away from home there,
 * 0 for none. */
size_t gw_approach_goes_on(
	const struct gw_approach *a, unsigned level, const struct gw_bin_window *w);

/* Whether gw_approach_learn will need the next window of this level. */
bool gw_approach_learns_next(const struct gw_approach *a, unsigned level);

/* Learns what is usual, to be called for each new window after it was searched. w may be NULL
 * unless gw_approach_learns_next. */
void gw_approach_learn(
	struct gw_approach *a, unsigned level, const struct gw_bin_window *w);

#endif
