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

enum gw_chatter_rule {
	GW_CHATTER_REPORT = 0, /* every transition is told */
	GW_CHATTER_HOLD,       /* it stands until it has been quiet for a minute */
};

struct gw_alarm_opts {
	/* first what the engine reads when nothing happens */
	uint32_t first_point; /* into the point table: the point, or the device's first */
	uint32_t n_points;    /* 1 for a point, all of a device's for silent, 0 for votes */
	struct gw_condition_opts when;
	struct gw_alarm_info info;
	enum gw_level level;
	int64_t on_delay_ns;  /* true for this long before it raises */
	int64_t off_delay_ns; /* false for this long before it clears */
	int64_t re_alarm_ns;  /* raised again after this long; 0: never */
	bool latch;           /* after return it stays until a person resets it */
	bool out_of_service;  /* nothing is raised */
	int chatter_rule;     /* enum gw_chatter_rule */
	/* 1 + the alarm that tells that this one chatters; 0: none does */
	uint32_t chatter_alarm;
	struct gw_strings unless_of;    /* as written */
	const struct gw_member *unless; /* resolved: while any is true it does not raise */
	size_t n_unless;
	int64_t unless_stale_ns; /* one that cannot be read any more holds for so long */
};

#endif
