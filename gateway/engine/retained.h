/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retained.h: samples of unknown age. A broker sends its retained message to every new subscriber,
 * and it may be older than live messages that were not retained.
 *
 * Such a value may raise an alarm, and clear what it raised. What another sample raised, or was
 * active before the start, stays until the next sample of known age. It does not end the silence
 * of its device, counts in a vote only if it is true, and suppresses nothing. It does not enter a
 * history that has begun, as its time is not known.
 */
#ifndef GW_ENGINE_RETAINED_H
#define GW_ENGINE_RETAINED_H

#include "engine/engine_internal.h"

/* Whether an alarm may be evaluated with a value of this quality. */
static inline bool gw_retained_may_evaluate(const struct gw_alarm *a, unsigned quality)
{
	return quality != GW_QUALITY_RETAINED || !a->condition_true ||
		a->quality == GW_QUALITY_RETAINED;
}

void gw_retained_process(struct gw_engine *e, uint32_t point,
	const struct gw_sample *sample, const struct gw_time *now);

#endif
