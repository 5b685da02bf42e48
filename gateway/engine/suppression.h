/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suppression.h: suppression by design: the alarms and contacts under `unless`.
 *
 * A member suppresses only while it is known to be true. When it can no longer be read, the
 * suppression goes on for unless_stale_ns, so that one missing answer does not end it; then the
 * alarm is raised if its condition is true. A value of uncertain quality was read and suppresses,
 * unless its age is unknown (retained).
 */
#ifndef GW_ENGINE_SUPPRESSION_H
#define GW_ENGINE_SUPPRESSION_H

#include "engine/engine_internal.h"

/* Begins or prolongs suppression if a member gives reason to. Returns false if none does. */
bool gw_suppression_update(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now);
/* A member changed, or may have. Suppression ends with the timers, not at once: the sample that
 * ends it may also end the condition. */
void gw_suppression_on_member(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now);
/* A point is no longer current, or current again. Returns whether an `unless` depends on it. */
bool gw_suppression_on_point(
	struct gw_engine *e, uint32_t point, int64_t at_ns, const struct gw_time *now);
/* Whether a member was true when it was last read. */
bool gw_suppression_lost(const struct gw_engine *e, const struct gw_alarm *a);

#endif
