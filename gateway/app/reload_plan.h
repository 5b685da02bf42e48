/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reload_plan.h: prepares a new configuration beside the running one: sources and uplinks
 * with equal settings are reused, others are made with their threads held, and an engine is
 * connected to them. Nothing that runs is changed, but slots of the store are reserved.
 * What can fail later gives the plan up: the settings that only a start changes, and the engine's
 * halt.
 *
 * struct gw_reload_plan: gateway_internal.h.
 * Thread: main. Life: make, drop; what the reload takes out of the plan in between is not
 * freed.
 */
#ifndef GW_APP_RELOAD_PLAN_H
#define GW_APP_RELOAD_PLAN_H

#include "base/error.h"

struct gw_gateway;
struct gw_generation;
struct gw_reload_plan;

enum gw_err gw_reload_plan_make(struct gw_gateway *g, struct gw_generation *next,
	struct gw_reload_plan *ret_plan, struct gw_error *err);
/* Frees what is in it. Zeroed or half-made is fine. */
void gw_reload_plan_drop(struct gw_gateway *g, struct gw_reload_plan *p);

#endif
