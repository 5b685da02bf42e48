/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway.h: the whole gateway: makes every part and the rings between them, starts and stops
 * them. Start: store, sources, alert log, uplinks, engine. Sources come early because their rings
 * hold what they read until the engine runs. Stop follows the events: sources, engine, then alert
 * log and uplinks, store.
 *
 * Owner: main.c. Thread: main. Life: start, run, stop.
 */
#ifndef GW_APP_GATEWAY_H
#define GW_APP_GATEWAY_H

#include "app/gateway_internal.h"
#include "yaml/files.h"

/* Where a configuration comes from. */
struct gw_config_origin {
	const char *path;       /* for reloads; it must outlive the gateway */
	struct gw_files *files; /* as read; the gateway takes them */
	const char *refused;    /* why path is refused and files are the copy; or NULL */
};

/* config becomes the gateway's, also on failure; on failure everything is undone. */
enum gw_err gw_gateway_start(struct gw_gateway *g, const struct gw_config_origin *from,
	struct gw_config *config, struct gw_error *err);
/* Until SIGTERM or SIGINT; SIGHUP reloads. */
enum gw_err gw_gateway_run(struct gw_gateway *g, struct gw_error *err);
void gw_gateway_stop(struct gw_gateway *g); /* half-built, zeroed or twice is fine */

#endif
