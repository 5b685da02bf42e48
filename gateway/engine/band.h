/* SPDX-License-Identifier: Apache-2.0 */
/*
 * band.h: the quiet band of a point: values in it change none of its alarms.
 */
#ifndef GW_ENGINE_BAND_H
#define GW_ENGINE_BAND_H

#include "engine/engine_internal.h"

/* After anything that may change which values matter to an alarm on the point. */
void gw_band_update(struct gw_engine *e, size_t point);

#endif
