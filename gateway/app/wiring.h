/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wiring.h: makes the store, a source, an uplink, an engine, each with its rings.
 *
 * Thread: main.
 */
#ifndef GW_APP_WIRING_H
#define GW_APP_WIRING_H

#include "conf/config.h"

struct gw_engine;
struct gw_gateway;
struct gw_parts;
struct gw_ring;
struct gw_source;
struct gw_uplink;

enum gw_err gw_wiring_store(
	struct gw_gateway *g, const struct gw_config *c, struct gw_error *err);
/* slot: in the store. */
enum gw_err gw_wiring_uplink(struct gw_gateway *g, const struct gw_uplink_opts *opts,
	size_t slot, struct gw_uplink **ret_uplink, struct gw_ring **ret_faults,
	struct gw_error *err);
enum gw_err gw_wiring_source(struct gw_gateway *g, const struct gw_source_opts *opts,
	struct gw_source **ret_source, struct gw_error *err);
/* An engine for c that is connected to parts. */
enum gw_err gw_wiring_engine(struct gw_gateway *g, const struct gw_config *c,
	const struct gw_parts *parts, struct gw_engine **ret_engine, struct gw_error *err);
/* The view of the status documents shows the current generation. */
void gw_wiring_update_view(struct gw_gateway *g);

#endif
