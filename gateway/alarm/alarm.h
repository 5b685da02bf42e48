/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alarm.h: what the configuration says of one alarm: its condition and how its state moves.
 *
 * Owner: the config; immutable. Thread: any.
 */
#ifndef GW_ALARM_ALARM_H
#define GW_ALARM_ALARM_H

#include "alarm/condition.h"
#include "flow/info.h"

#include <stdbool.h>
#include <stdint.h>

struct gw_alarm_opts {
	struct gw_alarm_info info;
	struct gw_condition_opts when;
	uint32_t first_point; /* into the point table: the point, or the device's first */
	uint32_t n_points;    /* 1 for a point, all of a device's for silent, 0 for votes */
	enum gw_level level;
	int64_t on_delay_ns;  /* true for this long before it raises */
	int64_t off_delay_ns; /* false for this long before it clears */
	bool latch;           /* after return it stays until a person resets it */
};

#endif
