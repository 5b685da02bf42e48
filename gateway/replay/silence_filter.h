/* SPDX-License-Identifier: Apache-2.0 */
/*
 * silence_filter.h: whom a replay may call silent. In life a device that never says a word is dead; in a
 * file it may just not have been recorded. So the `silent` conditions are asked only from the
 * first reading of one of their points on, of whatever quality; and `unreadable` is only a point
 * that the files say was refused.
 *
 * Owner: the run. Thread: one. Life: open (over a copy of the alarms), occurs..., close.
 */
#ifndef GW_REPLAY_SILENCE_FILTER_H
#define GW_REPLAY_SILENCE_FILTER_H

#include "alarm/alarm.h"
#include "base/error.h"

struct gw_silence_filter;

struct gw_silence_filters {
	bool *occurs; /* as the config's points: it is in the files; the run sets it */
	struct gw_silence_filter *at;
};

/* alarms[..].when.kind of those in doubt is exchanged for one that asks the judge first. */
enum gw_err gw_silence_filter_open(struct gw_silence_filters *j,
	struct gw_alarm_opts *alarms, size_t n_alarms, size_t n_points,
	struct gw_error *err);
void gw_silence_filter_close(struct gw_silence_filters *j); /* zeroed or twice is fine */

#endif
