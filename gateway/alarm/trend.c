/* SPDX-License-Identifier: Apache-2.0 */
#include "alarm/trend.h"

#include <math.h>
#include <stdlib.h>

#define SIGMA          3.0
#define OLDER_AT_LEAST (1.0 / 3) /* of the whole slope */
#define NEWER_AT_LEAST (2.0 / 3) /* less would level off before it is anywhere */

double gw_median(double *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		double x = v[i];
		size_t k = i;

		for (; k > 0 && v[k - 1] > x; k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
	return (v[(n - 1) / 2] + v[n / 2]) / 2;
}

/* Mann-Kendall: pairs that rise less pairs that fall. */
static int kendall_score(const float *y, size_t n)
{
	int score = 0;

	for (size_t i = 1; i < n; i++)
		for (size_t k = 0; k < i; k++)
			score += (y[i] > y[k]) - (y[i] < y[k]);
	return score;
}

/* In standard deviations of the score of noise. */
static double kendall_sigma(int score, size_t n)
{
	double k = (double)n, variance = k * (k - 1) * (2 * k + 5) / 18;

	if (abs(score) == (int)(n * (n - 1) / 2))
		return HUGE_VAL;
	return n < GW_TREND_BY_RANK ? 0 : (abs(score) - 1) / sqrt(variance);
}

/* Median of the slopes between values that lie half of all apart. */
static double median_slope(const float *y, const uint32_t *t, size_t n)
{
	double slopes[GW_TREND_VALUES_MAX];
	size_t lag = n / 2, count = n - lag;

	for (size_t i = 0; i < count; i++)
		slopes[i] = ((double)y[i + lag] - (double)y[i]) / (t[i + lag] - t[i]);
	return gw_median(slopes, count);
}

/* A gap of half the time, two thirds of it between three values, leaves too little to judge. */
static bool has_gap(const uint32_t *t, size_t n)
{
	double most = n == 3 ? 2.0 / 3 : 1.0 / 2, span = t[n - 1] - t[0];

	for (size_t i = 1; i < n; i++)
		if (t[i] - t[i - 1] > most * span || t[i] == t[i - 1])
			return true;
	return false;
}

/* A change between two neighbours that is most of the whole is a step and no trend. */
static bool has_step(const float *y, size_t n, double range)
{
	double share = n >= GW_TREND_BY_RANK ? 0.35 : n == GW_TREND_MIN ? 0.65 : 0.45;

	for (size_t i = 1; i < n; i++)
		if (fabs((double)y[i] - (double)y[i - 1]) > share * range)
			return true;
	return false;
}

bool gw_trend_find(const float *y, const uint32_t *t, size_t n, struct gw_trend *ret_trend)
{
	size_t half = n / 2;
	float lo = y[0], hi = y[0];

	ret_trend->sigma = kendall_sigma(kendall_score(y, n), n);
	if (ret_trend->sigma < SIGMA || has_gap(t, n))
		return false;
	for (size_t i = 1; i < n; i++) {
		lo = y[i] < lo ? y[i] : lo;
		hi = y[i] > hi ? y[i] : hi;
	}
	ret_trend->range = (double)hi - (double)lo;
	if (has_step(y, n, ret_trend->range))
		return false;
	ret_trend->span = t[n - 1] - t[0];
	ret_trend->slope = median_slope(y, t, n);
	ret_trend->older_slope = median_slope(y, t, half + 1);
	ret_trend->newer_slope = median_slope(y + n - 1 - half, t + n - 1 - half, half + 1);
	return fpclassify(ret_trend->slope) != FP_ZERO &&
		ret_trend->older_slope / ret_trend->slope >= OLDER_AT_LEAST &&
		ret_trend->newer_slope / ret_trend->slope >= NEWER_AT_LEAST;
}
