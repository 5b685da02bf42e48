/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sources.h: sources, devices and points, with what profiles bring along. Private to
 * gateway/conf.
 */
#ifndef GW_CONF_SOURCES_H
#define GW_CONF_SOURCES_H

#include "conf/load.h"

void gw_sources_read(struct gw_load *l, const struct gw_yaml_node *root);
/* The config's point table and the keys, once sources and uplinks are known. */
void gw_sources_number(struct gw_load *l);
/* What the drivers themselves say of their options. */
void gw_sources_check(struct gw_load *l);

/* points.c: the points of one device, from its profile and the site file. */
void gw_points_read(struct gw_load *l, struct gw_load_device *d);
/* Points of a profile, checked against the rows of every driver. */
void gw_points_check(struct gw_load *l, const struct gw_yaml_node *points);

#endif
