/* SPDX-License-Identifier: Apache-2.0 */
/*
 * points.h: the points of one device, from its profile and the site file. Private to gateway/conf.
 */
#ifndef GW_CONF_POINTS_H
#define GW_CONF_POINTS_H

#include "conf/context.h"

/* profile: the first point of the device's profile; NULL: none. */
void gw_points_read(
	struct gw_load *l, struct gw_load_device *d, const struct gw_yaml_node *profile);
/* Points of a profile, checked against the rows of every driver. */
void gw_points_check(struct gw_load *l, const struct gw_yaml_node *points);

#endif
