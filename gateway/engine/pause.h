/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pause.h: times in which the process did not run: stopped, suspended or starved.
 *
 * CLOCK_BOOTTIME goes on meanwhile, so delays, windows and dates stay right. Only conclusions from
 * receiving nothing (silent, unreadable, stuck) must not count a pause. All others do:
 *   - a value past its limit before the pause is the last known one, so its on-delay goes on; to
 *     raise early is the safe side;
 *   - a rise between a sample before and one after the pause happened in the time between them;
 *   - a dose goes on with the last known level, which is the safe side.
 */
#ifndef GW_ENGINE_PAUSE_H
#define GW_ENGINE_PAUSE_H

#include "engine/engine_internal.h"

/* since_ns, later by the pauses after it. */
int64_t gw_pause_shift_ns(const struct gw_engine *e, int64_t since_ns);
void gw_pause_adopt(struct gw_engine *e, const struct gw_engine *old);

#endif
