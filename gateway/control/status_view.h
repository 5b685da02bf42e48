/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status_view.h: what the status documents read: references to the running parts, and
 * counters that main updates.
 *
 * Owner: the gateway. Thread: main.
 */
#ifndef GW_CONTROL_STATUS_VIEW_H
#define GW_CONTROL_STATUS_VIEW_H

#include "alert_log/alert_log.h"
#include "conf/config.h"
#include "engine/engine.h"
#include "source/source.h"
#include "store/store.h"
#include "uplink/uplink.h"

#include <stdbool.h>
#include <stdint.h>

/* Counters of the control socket's server. */
struct gw_server_counts {
	uint32_t clients;
	uint32_t followers; /* clients in `tail` */
	uint64_t requests;
	uint64_t
		malformed; /* requests that were refused as malformed, too long or too slow */
	uint64_t cut;      /* clients disconnected because they did not read */
	uint64_t turned_away; /* connections refused: over a limit of control/protocol.h */
};

/* References to everything that status, points and alarms report. The gateway fills it at
 * start and after each reload. A reload increments revision: a list that was begun before
 * it is then broken off. */
struct gw_status_view {
	uint32_t revision;
	const struct gw_config *config;
	struct gw_engine *engine;
	struct gw_view *engine_view;
	struct gw_source *const *sources; /* as config->sources; NULL: not started */
	struct gw_uplink *const *uplinks; /* as config->uplinks; likewise */
	struct gw_store *store;           /* this and the next two may be NULL */
	struct gw_alert_log *alert_log;
	const struct gw_server_counts *control;
	int64_t started_ns; /* CLOCK_BOOTTIME */
	uint64_t run;
	/* updated once a second */
	bool synced;                 /* gw_clock_synced() */
	char oldest_beat_thread[16]; /* thread with the oldest beat */
	int64_t oldest_beat_ms;
	uint64_t events_lost;         /* dropped because an output of the engine was full */
	int64_t uncommitted_since_ns; /* events wait for a commit since then; 0: none waits */
	bool store_stalled;           /* they wait for 5 s or more */
};

/* Number of alarms that are not normal. */
uint32_t gw_status_view_standing(const struct gw_status_view *v);
/* Events that the engine dropped because this output was full; 0 without an engine. */
uint64_t gw_status_view_lost(const struct gw_status_view *v, const struct gw_ring *events);

#endif
