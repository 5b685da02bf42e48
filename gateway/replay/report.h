/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h: the outcome of a replay, for a person and for a program.
 *
 * Thread: one. Pure but for the stream.
 */
#ifndef GW_REPLAY_REPORT_H
#define GW_REPLAY_REPORT_H

#include "replay/compare.h"
#include "replay/input.h"

#include <stdio.h>

struct gw_report_baseline { /* all NULL without --against */
	const char *path;
	const struct gw_replay_run *old;
	const struct gw_comparison *comparison;
};

/* Per alarm how often and how long, then every raise (or pair of raises) in order of time. */
void gw_report_print(FILE *out, bool colour, const struct gw_replay_input *in,
	const struct gw_replay_run *new, const struct gw_report_baseline *against);
/* One event: the data object of the uplink with time_ms, the files' own time, at its end. */
void gw_report_event(FILE *out, const struct gw_event *event);
/* One line a pair: {"against":"earlier","alarm":...,"time_ms":...,"was_time_ms":...,...}. */
void gw_report_changes(FILE *out, const struct gw_replay_run *new,
	const struct gw_report_baseline *against);
/* What is missing in recordings; nothing if nothing is. */
void gw_report_gaps(FILE *out, const struct gw_replay_input *in);
/* Points of the files that path does not know, in one line; nothing if there are none. */
void gw_report_unknown(FILE *out, const struct gw_replay_input *in,
	const struct gw_replay_run *run, const char *path);

#endif
