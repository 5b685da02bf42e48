/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usual.h: what is usual for a point, learned from windows of bins (bin_ladder.h): how far it moves
 * within a window, and how near it comes to the limit. What came in the last one or two buckets
 * does not count yet, so a trend is not measured by itself. What is not seen again fades within
 * ten days.
 *
 * Pure, no allocation. Zeroed memory knows nothing. Times are those of the bins.
 */
#ifndef GW_ALARM_USUAL_H
#define GW_ALARM_USUAL_H

#include "alarm/bin_ladder.h"

#define GW_USUAL_EVERY      (GW_LADDER_WINDOW / 2) /* new bins; learned from every so many */
#define GW_USUAL_EDGE_KNOWN 3                      /* buckets */

/* The most extreme value of the open bucket and of the one before. */
struct gw_usual_bucket {
	uint32_t start;
	float open, closed;
};

/* How far it moves within a window of one level. */
struct gw_usual_range {
	struct gw_usual_bucket bucket;
	float range;
	uint8_t new_bins; /* since it was last learned from */
};

/* How near it comes to the limit, from its home side: a distance. */
struct gw_usual_edge {
	struct gw_usual_bucket bucket;
	float distance;
	uint8_t buckets; /* up to GW_USUAL_EDGE_KNOWN; 0: start anew */
};

/* Least and greatest of a window without the one least and the one greatest value. */
void gw_usual_trimmed_range(const struct gw_bin_window *w, double *ret_lo, double *ret_hi);

void gw_usual_learn_range(struct gw_usual_range *u, const struct gw_bin_window *w);

/* distance: of the nearest inner value of the window. least_span: of a bucket, in ticks. */
void gw_usual_learn_edge(struct gw_usual_edge *u, double distance,
	const struct gw_bin_window *w, double least_span);

#endif
