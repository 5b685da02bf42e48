/* SPDX-License-Identifier: Apache-2.0 */
/* status_points.h: the document of `tocsin points`, an array. Thread: main. */
#ifndef GW_CONTROL_STATUS_POINTS_H
#define GW_CONTROL_STATUS_POINTS_H

#include "base/text.h"
#include "control/status_view.h"

/* Item 0 opens the array, items 1 to n_points are the points (nothing is written for one
 * that does not match), the next closes it and returns true. */
bool gw_status_points_write(const struct gw_status_view *v, const char *pattern,
	size_t item, struct gw_text *t, struct gw_time now);

#endif
