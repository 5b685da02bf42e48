/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context.h: one load of a configuration as the files of this folder see it: the reader and the
 * tables that grow while the site file is read. Private to gateway/conf.
 *
 * The files call each other downwards only: load; sources, implicit, expand, resolve; points,
 * profile, template, members; this one. None of them includes a file above it.
 *
 * Owner: load.c's stack. Thread: the caller's.
 */
#ifndef GW_CONF_CONTEXT_H
#define GW_CONF_CONTEXT_H

#include "base/strmap.h"
#include "conf/config.h"
#include "yaml/node.h"
#include "yaml/reader.h"
#include "yaml/yaml.h"

struct gw_pending_alarm; /* pending_alarms.h */
struct gw_profile;       /* profile.h */

#define GW_NAME_MAX    63
#define GW_POINTS_MAX  1000000 /* of the whole gateway, so that a typo cannot eat the box */
#define GW_ALARMS_MAX  3000000 /* with two faults of each point */
#define GW_UPLINKS_MAX 8

#define GW_NO_DEVICE UINT32_MAX

/* One device, flat over all sources. */
struct gw_load_device {
	const struct gw_yaml_node *node;
	struct gw_source_opts *source;
	struct gw_device_opts *device;
	const struct gw_profile *profile; /* or NULL */
	const char **units;               /* of its points */
	struct gw_place_info place;
	bool points_incomplete; /* not all of its points are known */
	uint32_t first_point;   /* into the config's point table */
};

struct gw_load {
	struct gw_reader reader; /* its arena is the config's */
	struct gw_config *config;

	struct gw_strmap names;       /* of sources and uplinks */
	struct gw_strmap points;      /* key -> index into the config's points */
	struct gw_strmap device_keys; /* source/device -> index into devices */
	struct gw_strmap profiles;    /* name -> index into profile */
	struct gw_profile **profile;
	size_t n_profiles, cap_profiles;

	struct gw_load_device *devices;
	size_t n_devices, cap_devices;
	size_t n_points;
	struct { /* incomplete.h */
		bool owners, alarms, any;
		struct gw_strmap sources;
	} incomplete;

	struct gw_pending_alarm **pending;
	size_t n_pending, cap_pending;
	struct gw_strmap pending_keys;
};

/* Complains if name cannot be part of a key. Nothing is said of "". */
bool gw_context_check_name(
	struct gw_load *l, const struct gw_yaml_node *node, const char *name);
/* The same for a source or uplink, whose names share one space; node names it. */
void gw_context_check_owner(
	struct gw_load *l, const struct gw_yaml_node *node, const char *name);

#endif
