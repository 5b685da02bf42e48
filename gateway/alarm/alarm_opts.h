/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alarm_opts.h: what the configuration says of one alarm: its condition, delays, latch and
 * suppression.
 *
 * Owner: the config, of `when` and `unless` too, which live as long as it does; immutable. Thread:
 * any.
 */
#ifndef GW_ALARM_ALARM_OPTS_H
#define GW_ALARM_ALARM_OPTS_H

#include "alarm/condition.h"
#include "alarm/state.h"
#include "flow/info.h"

#include <stdbool.h>
#include <stdint.h>

enum gw_chatter_rule {
	GW_CHATTER_REPORT = 0, /* every transition is an event */
	GW_CHATTER_HOLD,       /* stays active until its condition was false for a minute */
};

struct gw_alarm_opts {
	/* first what the engine reads when nothing happens */
	uint32_t first_point; /* into the point table: the point, or the device's first */
	uint32_t n_points;    /* 1 for a point, all of a device's for silent, 0 for votes */
	/* alarms of one configuration that have equal conditions share it */
	const struct gw_condition_opts *when;
	struct gw_alarm_info info;
	int64_t on_delay_ns;  /* true for this long before it raises */
	int64_t off_delay_ns; /* false for this long before it clears */
	int64_t re_alarm_ns;  /* raised again after this long; 0: never */
	enum gw_level level;
	int chatter_rule;    /* enum gw_chatter_rule */
	bool latch;          /* stays after the condition returned, until reset */
	bool out_of_service; /* never raises */
	/* 1 + index of the alarm that reports the chattering of this one; 0: none */
	uint32_t chatter_alarm;
	struct gw_strings unless_of; /* as written */
	const struct gw_member
		*unless; /* resolved: does not raise while any of these is true */
	size_t n_unless;
	int64_t unless_stale_ns; /* a member of unless that can no longer be read still
				  * suppresses for this long */
};

/* What the state machine needs of it. */
struct gw_state_opts gw_alarm_state_opts(const struct gw_alarm_opts *o);

#endif
