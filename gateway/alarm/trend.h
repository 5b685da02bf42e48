/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trend.h: whether a few values show a trend, and how steep it is. Robust: rank statistics and
 * medians, so that one wild value does not make a trend. A step is none: both halves must have the
 * trend, and no two neighbours most of it.
 *
 * Pure, no allocation.
 */
#ifndef GW_ALARM_TREND_H
#define GW_ALARM_TREND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_TREND_MIN        3 /* values */
#define GW_TREND_BY_RANK    8 /* with fewer, each must be beyond the one before */
#define GW_TREND_VALUES_MAX 16

struct gw_trend {
	double slope, older_slope, newer_slope; /* of all, and of both halves; per tick */
	double span;  /* time from the first to the last, in ticks */
	double range; /* greatest value less the least */
	double sigma; /* Mann-Kendall; HUGE_VAL if each value is beyond the one before */
};

/* n values with their times, which may wrap around, oldest first. Returns whether there is a trend;
 * only then all of ret_trend is set. Chance: 1 in 700 windows of noise at GW_TREND_BY_RANK values
 * and more; callers ask for more sigma where that is too often. */
bool gw_trend_find(const float *y, const uint32_t *t, size_t n, struct gw_trend *ret_trend);

/* Median. Sorts v. */
double gw_median(double *v, size_t n);

#endif
