/* SPDX-License-Identifier: Apache-2.0 */
/*
 * silence_filter.h: suppresses `silent` and `unreadable` for what was not recorded. A
 * live device that never reports is dead; in a file it may only not have been recorded.
 * So `silent` conditions are evaluated only after the first reading of one of their
 * points, of any quality, and a point is unreadable only if the files contain bad
 * readings of it.
 *
 * Owner: the run. Thread: one. Life: open (over a copy of the alarms), occurs..., close.
 */
#ifndef GW_REPLAY_SILENCE_FILTER_H
#define GW_REPLAY_SILENCE_FILTER_H

#include "alarm/alarm_opts.h"
#include "base/error.h"

struct gw_silence_filter;

struct gw_silence_filters {
	bool *occurs; /* as config->points: it is in the files; set by the replay run */
	struct gw_silence_filter *at;
};

/* Replaces alarms[..].when of these conditions by a copy whose kind checks first; it lives until
 * the close. */
enum gw_err gw_silence_filter_open(struct gw_silence_filters *f,
	struct gw_alarm_opts *alarms, size_t n_alarms, size_t n_points,
	struct gw_error *err);
void gw_silence_filter_close(struct gw_silence_filters *f); /* zeroed or twice is fine */

#endif
