/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chatter_flood.h: what drives people to switch a box off, and is therefore an alarm of its own: an
 * alarm that chatters, and more alarms than anybody can read (ISA-18.2 / IEC 62682). Both are
 * conditions on what the engine counts itself; nobody can write them under `when:`.
 *
 * A flood is more than GW_FLOOD_MOST different alarms raised within GW_FLOOD_NS (one that comes and
 * goes is no flood); it ends when fewer than GW_FLOOD_FEW were. While one lasts the engine holds back the lowest levels and counts them.
 *
 * Owner: the engine, memory included. Thread: the engine's. Pure.
 */
#ifndef GW_ALARM_CHATTER_FLOOD_H
#define GW_ALARM_CHATTER_FLOOD_H

#include "alarm/condition.h"

#define GW_FLOOD_WINDOW_NS    INT64_C(600000000000) /* ten minutes */
#define GW_FLOOD_BEGINS_ABOVE 10
#define GW_FLOOD_ENDS_BELOW   5

/* True while any alarm that reports here chatters; value: how many do. */
extern const struct gw_condition_kind gw_condition_chattering;
/* True while a flood lasts in which something was held back; value: how many alarms were. */
extern const struct gw_condition_kind gw_condition_flood;

/* memory: that of an alarm of the kind. */
void gw_chatter_set_count(void *memory, uint32_t how_many);
uint32_t gw_chatter_count(const void *memory);

/* An alarm, by any number of its own, was raised at at_ns, not falling; whether that is, or goes
 * on being, a flood. */
bool gw_flood_detector_raise(void *memory, uint32_t alarm, int64_t at_ns);
/* It was held back: one more. */
void gw_flood_detector_withhold(void *memory);
bool gw_flood_detector_active(const void *memory);

#endif
