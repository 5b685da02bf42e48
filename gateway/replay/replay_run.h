/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_run.h: one configuration in a replay: the real engine, fed with readings on their
 * own time, and what it raised. Nobody acknowledges or resets; sources, uplinks and the
 * store are not there and have no faults; a device of which the files hold nothing is not
 * called silent.
 *
 * Owner: the caller. Thread: one. Life: open, feed..., end, close.
 */
#ifndef GW_REPLAY_RUN_H
#define GW_REPLAY_RUN_H

#include "conf/config.h"
#include "replay/point_names.h"
#include "replay/reading.h"
#include "replay/silence_filter.h"

#define GW_REPLAY_RUN_BATCH 256
#define GW_REPLAY_RUN_NONE  UINT32_MAX

/* An alarm that stood. */
struct gw_raise {
	uint32_t alarm; /* into the config's */
	bool standing;  /* it stood at the end */
	int64_t from_ms, until_ms;
	double value, peak; /* NaN: none; peak of this raise only */
	uint32_t
		next; /* while open: the next one on the same point, or GW_REPLAY_RUN_NONE */
};

struct gw_tally {      /* of one alarm */
	uint32_t open; /* into raises, or GW_REPLAY_RUN_NONE */
	uint64_t times;
	int64_t first_ms, total_ms, longest_ms;
};

struct gw_route {       /* of one name */
	uint32_t point; /* into the config's, or GW_REPLAY_RUN_NONE */
	uint64_t readings;
};

struct gw_replay_run {
	struct gw_config *config;
	struct gw_raise *raises; /* in order of time */
	size_t n_raises, cap_raises;
	struct gw_tally *tallies; /* as config->alarms */
	struct gw_route *routes;  /* as names */
	size_t n_routes, cap_routes;
	int64_t first_ns, last_ns; /* time in the files */
	/* Called for each event; may be NULL. */
	void (*on_event)(void *arg, const struct gw_event *event);
	void *arg;
	/* replay_run.c's own */
	struct gw_alarm_opts *alarms;
	struct gw_silence_filters silence_filters;
	uint32_t *by_key; /* points of devices in order of key */
	size_t n_by_key;
	const struct gw_point_opts **opts; /* as config->points; NULL: the gateway's own */
	uint32_t *open; /* as config->points: the first raise that stands on it */
	struct gw_engine *engine;
	struct gw_ring out;
	struct gw_sample batch[GW_REPLAY_RUN_BATCH]; /* all at now_ns */
	size_t n_batch;
	bool begun, failed;
	int64_t now_ns; /* as the engine's clock */
};

/* config becomes the run's, also on failure. */
enum gw_err gw_replay_run_open(
	struct gw_replay_run *run, struct gw_config *config, struct gw_error *err);
void gw_replay_run_close(struct gw_replay_run *run); /* zeroed or twice is fine */

/* Times must not fall. GW_ERR_SYSTEM: no memory. */
enum gw_err gw_replay_run_process(struct gw_replay_run *run,
	const struct gw_point_names *names, const struct gw_reading *readings, size_t n,
	struct gw_error *err);
/* Time stops at the last reading; raises that stand end there. */
enum gw_err gw_replay_run_end(struct gw_replay_run *run, struct gw_error *err);

#endif
