/* SPDX-License-Identifier: Apache-2.0 */
/*
 * startup.h: the first step after a start or a reload, and what is emitted again when the clock
 * becomes synced.
 */
#ifndef GW_ENGINE_STARTUP_H
#define GW_ENGINE_STARTUP_H

#include "engine/engine_internal.h"

/* Every alarm looks at what is known. */
void gw_startup_run(struct gw_engine *e, const struct gw_time *now);
/* Sets the suppression of each alarm, by design and out of service, as it is now. */
void gw_startup_suppress(struct gw_engine *e, const struct gw_time *now);
/* Evaluates with the value of its point, if that is usable. */
void gw_startup_evaluate_value(
	struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now);
/* Evaluates a vote with each of its members. */
void gw_startup_evaluate_members(
	struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now);
/* A LEVEL event if its level differs from that of its last event. */
void gw_startup_emit_level(
	struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now);
/* The clock became synced: amends what was dated before. */
void gw_startup_amend(struct gw_engine *e, const struct gw_time *now);

#endif
