/* SPDX-License-Identifier: Apache-2.0 */
#include "alarm/usual.h"

#include "alarm/condition_internal.h"
#include "alarm/trend.h"

#define BUCKET_SPANS 2 /* length of a bucket, in windows */
#define FORGET_TICKS (10 * 86400e9 / (1 << GW_LADDER_TICK_SHIFT))

void gw_usual_trimmed_range(const struct gw_bin_window *w, double *ret_lo, double *ret_hi)
{
	double v[GW_LADDER_WINDOW];

	for (size_t i = 0; i < w->n; i++)
		v[i] = (double)w->y[i];
	gw_median(v, w->n);
	*ret_lo = v[1];
	*ret_hi = v[w->n - 2];
}

static uint32_t end_of(const struct gw_bin_window *w)
{
	return w->t[w->n - 1];
}

static double span_of(const struct gw_bin_window *w)
{
	return end_of(w) - w->t[0];
}

/* Whether the bucket is over at t, and how much of what is known is forgotten by then. */
static bool bucket_over(
	const struct gw_usual_bucket *b, uint32_t t, double length, double *ret_forget)
{
	*ret_forget = gw_min((t - b->start) / FORGET_TICKS, 1);
	return t - b->start > length;
}

void gw_usual_learn_range(struct gw_usual_range *u, const struct gw_bin_window *w)
{
	struct gw_usual_bucket *b = &u->bucket;
	uint32_t t = end_of(w);
	double forget, lo, hi;

	gw_usual_trimmed_range(w, &lo, &hi);
	if (bucket_over(b, t, BUCKET_SPANS * span_of(w), &forget)) {
		u->range = (float)gw_max(
			(double)u->range * (1 - forget), (double)b->closed);
		*b = (struct gw_usual_bucket){.start = t, .closed = b->open};
	}
	b->open = (float)gw_max((double)b->open, hi - lo);
}

void gw_usual_learn_edge(struct gw_usual_edge *u, double distance,
	const struct gw_bin_window *w, double least_span)
{
	struct gw_usual_bucket *b = &u->bucket;
	uint32_t t = end_of(w);
	double forget;

	if (u->buckets == 0) {
		u->buckets = 1;
		u->distance = (float)distance;
		*b = (struct gw_usual_bucket){t, u->distance, u->distance};
	}
	b->open = (float)gw_min((double)b->open, distance);
	if (bucket_over(b, t, BUCKET_SPANS * gw_max(least_span, span_of(w)), &forget)) {
		double farther = gw_max(distance - (double)u->distance, 0);

		u->distance = (float)gw_min(
			(double)u->distance + forget * farther, (double)b->closed);
		*b = (struct gw_usual_bucket){t, (float)distance, b->open};
		if (u->buckets < GW_USUAL_EDGE_KNOWN)
			u->buckets++;
	}
}
