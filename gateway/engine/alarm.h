/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alarm.h: one alarm steps: its condition is evaluated, its state changes, events are appended,
 * and alarms that depend on it are notified.
 *
 * Recursion. A step may start a step of another alarm:
 *   - its listeners (votes and `unless`) step when it becomes active or inactive. They come after
 *     it in the alarm table, so such a chain is at most as long as the table;
 *   - when it is raised, the flood alarm may be evaluated; when it begins or ends to chatter, the
 *     alarm that reports this is. Neither depends on other alarms or reports to another one, and
 *     the flood alarm does not count itself, so this adds one of each at most, with the listeners
 *     that they have. A second evaluation of the flood alarm below that finds it active already.
 *
 * Thread: the engine's, like everything in this folder but view.h and engine_thread.h.
 */
#ifndef GW_ENGINE_ALARM_H
#define GW_ENGINE_ALARM_H

#include "engine/engine_internal.h"

static inline uint32_t gw_alarm_index(const struct gw_engine *e, const struct gw_alarm *a)
{
	return (uint32_t)(a - e->alarms);
}

/* Wall time of a moment at or before now. */
int64_t gw_alarm_wall_ms(const struct gw_time *now, int64_t at_ns);

/* Evaluates the condition and applies the result. */
void gw_alarm_evaluate(struct gw_engine *e, struct gw_alarm *a,
	struct gw_condition_input in, const struct gw_time *now);
/* The same without a sample or member. */
void gw_alarm_evaluate_tick(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now);
/* Its timer is due. */
void gw_alarm_run_due(struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now);
/* Returns NULL if done, else the reason for the refusal. */
const char *gw_alarm_run_command(
	struct gw_engine *e, const struct gw_alarm_command *c, const struct gw_time *now);
/* A point or alarm that listener l depends on has changed, or may have. */
void gw_alarm_on_member(struct gw_engine *e, const struct gw_listener *l, bool member_true,
	int64_t at_ns, const struct gw_time *now);
/* Votes and `unless` that depend on it see whether it is active. */
void gw_alarm_notify_listeners(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now);
/* Suppression begins or ends, unless it is so already. */
void gw_alarm_set_suppressed(struct gw_engine *e, struct gw_alarm *a,
	enum gw_suppressed_by why, bool on, int64_t at_ns, const struct gw_time *now);

#endif
