/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h: what a configuration comes to: options, points and alarms, one immutable struct.
 *
 * Owner: who loaded it (conf/load.h) frees it as a whole. Thread: any.
 */
#ifndef GW_CONF_CONFIG_H
#define GW_CONF_CONFIG_H

#include "alarm/alarm_opts.h"
#include "engine/engine.h"
#include "flow/info.h"
#include "source/driver.h"
#include "uplink/uplink_settings.h"

#include <stddef.h>
#include <stdint.h>

struct gw_gateway_opts { /* keys under `gateway:` */
	const char *id, *unit, *area, *grid;
	const char *state_dir, *alert_log, *control_socket;
	int64_t store_max_mb; /* MiB */
	int flood_level; /* 1 + enum gw_level: held back in a flood up to it; 0: none */
};

/* Faults of the gateway as a whole: 1 while they stand. */
enum gw_gateway_point {
	GW_GATEWAY_POINT_EVENTS_LOST,
	GW_GATEWAY_POINT_CONFIG,
	GW_GATEWAY_POINTS
};

struct gw_config {
	struct gw_site_info site;
	struct gw_gateway_opts gateway;

	struct gw_source_opts *sources;
	size_t n_sources;
	struct gw_uplink_opts *uplinks;
	size_t n_uplinks;

	/* One block per source (its points in order, then its down point), one block of
	 * GW_UPLINK_POINTS per uplink, one block of GW_STORE_POINTS for the store, one block of
	 * GW_GATEWAY_POINTS that main feeds. */
	struct gw_point_info *points;
	size_t n_points;
	uint32_t *source_first_point; /* n_sources */
	uint32_t *uplink_first_point; /* n_uplinks */
	uint32_t store_first_point;
	uint32_t gateway_first_point;

	/* Each after those it listens to, as a vote or by `unless`. Explicit, from profiles,
	 * and implicit. */
	struct gw_alarm_opts *alarms;
	size_t n_alarms;
	size_t n_site_alarms; /* items of the file's own `alarms:` */

	void *arena; /* all of the above lives here */
};

#endif
