/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h: YAML -> one immutable struct gw_config. Every complaint names its place; all of
 * them come in one run.
 *
 * Owner: the caller frees it as a whole. Thread: any, once loaded.
 */
#ifndef GW_CONF_CONFIG_H
#define GW_CONF_CONFIG_H

#include "alarm/alarm.h"
#include "engine/engine.h"
#include "flow/info.h"
#include "source/driver.h"
#include "uplink/sink.h"

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
	 * GW_GATEWAY_POINTS that main speaks for. */
	struct gw_point_info *points;
	size_t n_points;
	uint32_t *source_first_point; /* n_sources */
	uint32_t *uplink_first_point; /* n_uplinks */
	uint32_t store_first_point;
	uint32_t gateway_first_point;

	/* Each after those it listens to, as a vote or by `unless`. Explicit, from profiles, and implicit. */
	struct gw_alarm_opts *alarms;
	size_t n_alarms;
	size_t n_site_alarms; /* items of the file's own `alarms:` */

	void *arena; /* all of the above lives here */
};

/* Complaints, one line each: FILE:LINE:COL: path: what (did you mean ...?) */
struct gw_complaints {
	void (*say)(void *arg, const char *line);
	void *arg;
	bool inspect_keys; /* into private keys, too, as --check does */
	unsigned count;    /* filled by load */
};

/* Touches no network and no device; reads path and the profiles it names, and if complaints->look
 * says so the private keys. GW_ERR_CONFIG: every
 * complaint was said; GW_ERR_SYSTEM: out of memory. Profiles are looked for beside the file
 * (profiles/NAME.yaml), in ../profiles, in $TOCSIN_PROFILES and in the installed directory. */
enum gw_err gw_config_load(
	const char *path, struct gw_config **ret_config, struct gw_complaints *complaints);
/* The same; what was read goes to ret_read, also if it was refused, unless that is NULL. With from
 * nothing is read: all bytes come from there, as if they still stood at their paths. */
struct gw_files;
enum gw_err gw_config_load_files(const char *path, const struct gw_files *from,
	struct gw_files *ret_read, struct gw_config **ret_config,
	struct gw_complaints *complaints);
void gw_config_free(struct gw_config *c); /* NULL is fine */

/* The settings as documentation, for --help, the man page and the JSON Schema. Several groups may
 * have one name. Thread: main. */
struct gw_setting_group {
	const char *name; /* "sources[]", "sources[] (modbus-rtu)", "when (above)" ... */
	const struct gw_setting *rows;
	size_t opts_size; /* bytes of the struct that the rows are over */
};
const struct gw_setting_group *gw_config_setting_groups(size_t *ret_n);

#endif
