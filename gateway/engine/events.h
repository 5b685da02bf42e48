/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.h: the transitions of an alarm become events, and its occurrence begins and ends.
 */
#ifndef GW_ENGINE_EVENTS_H
#define GW_ENGINE_EVENTS_H

#include "engine/engine_internal.h"

/* An event for each transition that is announced. note: for all of them, or NULL. */
void gw_events_emit_transitions(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_transitions *transitions, const char *note,
	const struct gw_time *now);
/* An event without a transition of the state machine. */
void gw_events_emit(struct gw_engine *e, struct gw_alarm *a, enum gw_change change,
	const char *note, int64_t at_ns, const struct gw_time *now);
/* Shows the alarm to readers in other threads, if it has a detail. */
void gw_events_publish(struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now);

#endif
