/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chatter_flood.h: nuisance alarms (ISA-18.2, IEC 62682) as conditions on numbers that the engine
 * counts: alarms that chatter, and floods. Neither can stand under `when:`.
 *
 * A flood begins when more than GW_FLOOD_BEGINS_ABOVE different alarms were raised within
 * GW_FLOOD_WINDOW_NS (one alarm that comes and goes is no flood). It ends when fewer than
 * GW_FLOOD_ENDS_BELOW were. The engine withholds the lowest levels meanwhile and counts them.
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
/* True during a flood in which something was withheld; value: how many alarms were. */
extern const struct gw_condition_kind gw_condition_flood;

/* memory: that of an alarm of the kind. */
void gw_chatter_set_count(void *memory, uint32_t n);
uint32_t gw_chatter_count(const void *memory);

/* Alarm number `alarm` was raised at at_ns, which never falls. Returns whether a flood has begun
 * or goes on. */
bool gw_flood_detector_raise(void *memory, uint32_t alarm, int64_t at_ns);
/* One more alarm was withheld. */
void gw_flood_detector_withhold(void *memory);
bool gw_flood_detector_active(const void *memory);

#endif
