/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outputs.h: events on their way out.
 *
 * Events stay in the engine until every output has taken them. An output whose ring is full delays
 * only itself. An output that is behind by all of `unsent` (8 events an alarm, at least 1024)
 * loses its oldest, and this is counted.
 */
#ifndef GW_ENGINE_OUTPUTS_H
#define GW_ENGINE_OUTPUTS_H

#include "engine/engine_internal.h"

void gw_outputs_append(struct gw_engine *e, const struct gw_event *event);
/* Pushes to the rings. Returns whether an output is still behind. */
bool gw_outputs_deliver(struct gw_engine *e);
/* At a reload: what the old engine has not delivered is delivered by this one. */
void gw_outputs_adopt(struct gw_engine *e, const struct gw_engine *old);

#endif
