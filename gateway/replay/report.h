/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h: prints the result of a replay, as tables or as JSON lines.
 *
 * Thread: one. Pure but for the stream.
 */
#ifndef GW_REPLAY_REPORT_H
#define GW_REPLAY_REPORT_H

#include "replay/compare_runs.h"
#include "replay/input.h"

#include <stdio.h>

struct gw_report_baseline { /* all NULL without --against */
	const char *path;
	const struct gw_replay_run *old;
	const struct gw_comparison *comparison;
};

/* Per alarm how often and how long, then every raise (or pair of raises) in order of
 * time. */
void gw_report_print(FILE *out, bool colour, const struct gw_replay_input *in,
	const struct gw_replay_run *new, const struct gw_report_baseline *against);
/* One event: the data object of the uplink with time_ms, the files' own time, at its
 * end. */
void gw_report_event(FILE *out, const struct gw_event *event);
/* One line a pair:
 * {"against":"earlier","alarm":...,"time_ms":...,"was_time_ms":...,...}. */
void gw_report_changes(FILE *out, const struct gw_replay_run *new,
	const struct gw_report_baseline *against);
/* Gaps and truncated recordings; prints nothing if there are none. */
void gw_report_gaps(FILE *out, const struct gw_replay_input *in);
/* Points in the files that the configuration path does not have, in one line; nothing if
 * there are none. */
void gw_report_unknown(FILE *out, const struct gw_replay_input *in,
	const struct gw_replay_run *run, const char *path);

#endif
