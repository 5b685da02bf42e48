/* SPDX-License-Identifier: Apache-2.0 */
/*
 * silence.h: what an alarm with the condition `silent` needs of the engine.
 */
#ifndef GW_ENGINE_SILENCE_H
#define GW_ENGINE_SILENCE_H

#include "engine/engine_internal.h"

/* The last current sample of its points in this engine; 0: none. */
int64_t gw_silence_last_current_ns(const struct gw_engine *e, const struct gw_alarm *a);
/* The same, or that of the engine before a reload if later; without either, the first step. */
int64_t gw_silence_waiting_since_ns(const struct gw_engine *e, const struct gw_alarm *a);
/* gw_condition_input.last_current_ns: the same, later by pauses of the process. */
int64_t gw_silence_input_ns(const struct gw_engine *e, const struct gw_alarm *a);
/* The device became silent: its points have quality silent from now on. */
void gw_silence_set_points(struct gw_engine *e, const struct gw_alarm *a, int64_t at_ns,
	const struct gw_time *now);
/* The usual case when its timer is due: its points had samples since, so the timer is set anew.
 * Returns false if it is not that case. */
bool gw_silence_postpone(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now);

#endif
