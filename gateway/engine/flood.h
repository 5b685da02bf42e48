/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flood.h: alarms that chatter and floods of alarms.
 *
 * Chattering is reported once, by the alarm that the configuration names. During a flood raises of
 * the lowest levels are withheld: counted, without events. What of them is still active at its end
 * is emitted then. Alarms and warnings (enum gw_class) are never withheld.
 */
#ifndef GW_ENGINE_FLOOD_H
#define GW_ENGINE_FLOOD_H

#include "engine/engine_internal.h"

/* An alarm was raised. Sets withheld if it is not to be emitted. */
void gw_flood_on_raise(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now);
/* It may have begun or ended to chatter. */
void gw_flood_on_chatter(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now);
/* Emits a raise that was withheld. */
void gw_flood_release(struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now);
/* The flood is over: releases all. */
void gw_flood_end(struct gw_engine *e, const struct gw_time *now);
/* At the first step: counts anew, as a reload may have changed the alarms. */
void gw_flood_start(struct gw_engine *e, const struct gw_time *now);
/* Keys of chattering alarms that report to a. Returns how many were written. */
size_t gw_flood_chattering_keys(const struct gw_engine *e, const struct gw_alarm *a,
	const char *ret_keys[], size_t max_keys);

#endif
