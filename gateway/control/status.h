/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status.h: what `tocsin status`, `points` and `alarms` show, as JSON documents written piece by
 * piece, so that a list of any length needs a small buffer only and main is never held up.
 *
 * Owner: the view is the gateway's; a cursor belongs to one reader. Thread: main.
 */
#ifndef GW_CONTROL_STATUS_H
#define GW_CONTROL_STATUS_H

#include "alert_log/alert_log.h"
#include "base/clock.h"
#include "base/text.h"
#include "conf/config.h"
#include "engine/engine.h"
#include "source/source.h"
#include "store/store.h"
#include "uplink/uplink.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_server;

/* What there is to show. The gateway fills it at start and again after a reload, with generation
 * raised: lists that are under way over the old one end then. */
struct gw_status_view {
	uint32_t generation;
	const struct gw_config *config;
	struct gw_engine *engine;
	struct gw_view *view;
	struct gw_source *const *sources; /* as config->sources; NULL: not started yet */
	struct gw_uplink *const *uplinks; /* as config->uplinks; likewise */
	struct gw_store *store;           /* may be NULL, as the next */
	struct gw_alert_log *alert_log;
	const struct gw_server *control;
	int64_t started_ns; /* CLOCK_BOOTTIME */
	uint64_t run;
	/* once a second */
	bool synced;                 /* gw_clock_synced() */
	char oldest_beat_thread[16]; /* has not shown for the longest that it is alive */
	int64_t oldest_beat_ms;
	uint64_t events_lost;         /* by what the engine's outputs were too slow for */
	int64_t uncommitted_since_ns; /* since when events wait for a commit, 0: none does */
	bool store_stalled;           /* for too long */
};

enum gw_status_kind { GW_STATUS_GATEWAY, GW_STATUS_POINTS, GW_STATUS_ALARMS };

/* Fields are status.c's own. A zeroed cursor may be ended. */
struct gw_status_cursor {
	const struct gw_status_view *view;
	uint32_t generation;
	enum gw_status_kind kind;
	const char *pattern;
	bool all, comma, begun;
	size_t next;
	uint32_t *order;
	size_t n_order;
};

/* pattern (see base/match.h; "" for all) is for points and must outlive the cursor; all is for
 * alarms. Fails only for lack of memory. */
enum gw_err gw_status_begin(struct gw_status_cursor *c, const struct gw_status_view *view,
	enum gw_status_kind kind, const char *pattern, bool all, struct gw_error *err);
/* Add to t as many whole pieces as fit. True when the document is complete. A piece that does
 * not even fit into an empty t of GW_STATUS_PIECE bytes or more is left out. */
#define GW_STATUS_ITEM_MAX 16384
bool gw_status_write(struct gw_status_cursor *c, struct gw_text *t, struct gw_time now);
/* The configuration was exchanged under the cursor: the document cannot be completed. */
bool gw_status_stale(const struct gw_status_cursor *c);
void gw_status_end(struct gw_status_cursor *c);

/* Alarms that are not normal, for heartbeats and the daemon log. */
uint32_t gw_status_standing(const struct gw_status_view *view);

#endif
