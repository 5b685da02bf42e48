/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge.h: whom a replay may call silent. In life a device that never says a word is dead; in a
 * file it may just not have been recorded. So the `silent` conditions are asked only from the
 * first reading of one of their points on, of whatever quality; and `unreadable` is only a point
 * that the files say was refused.
 *
 * Owner: the run. Thread: one. Life: open (over a copy of the alarms), occurs..., close.
 */
#ifndef GW_REPLAY_JUDGE_H
#define GW_REPLAY_JUDGE_H

#include "alarm/alarm.h"
#include "base/error.h"

struct gw_judge;

struct gw_judges {
	bool *occurs; /* as the config's points: it is in the files; the run sets it */
	struct gw_judge *at;
};

/* alarms[..].when.kind of those in doubt is exchanged for one that asks the judge first. */
enum gw_err gw_judges_open(struct gw_judges *j, struct gw_alarm_opts *alarms,
	size_t n_alarms, size_t n_points, struct gw_error *err);
void gw_judges_close(struct gw_judges *j); /* zeroed or twice is fine */

#endif
