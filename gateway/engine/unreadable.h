/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unreadable.h: what an alarm with the condition `unreadable` needs of the engine.
 *
 * It costs nothing while all samples are usable: it is evaluated at a bad sample, then at the end
 * of its time. Points that never had a current sample are found when the silent alarm of their
 * device runs.
 */
#ifndef GW_ENGINE_UNREADABLE_H
#define GW_ENGINE_UNREADABLE_H

#include "engine/engine_internal.h"

/* Fills the fields of in that are for on_bad_samples. */
void gw_unreadable_fill_input(
	const struct gw_engine *e, const struct gw_alarm *a, struct gw_condition_input *in);
/* A sample of its point was not usable. */
void gw_unreadable_on_bad_sample(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now);
/* The device of a silent alarm was heard for its whole time: evaluates the alarms of its points
 * without a current sample since the start. */
void gw_unreadable_check_never_current(struct gw_engine *e, const struct gw_alarm *silent,
	int64_t at_ns, const struct gw_time *now);

#endif
