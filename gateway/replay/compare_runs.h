/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compare_runs.h: compares the raises of two configurations. Two raises of the same alarm
 * that overlap are the same incident, and so are the nearest two of the rest if at most
 * GW_COMPARE_GAP_MS lies between them.
 *
 * Thread: any. Pure but for the memory of the result.
 */
#ifndef GW_REPLAY_COMPARE_RUNS_H
#define GW_REPLAY_COMPARE_RUNS_H

#include "replay/replay_run.h"

#define GW_COMPARE_GAP_MS INT64_C(600000)

enum gw_raise_change_kind {
	GW_RAISE_ADDED = 0,
	GW_RAISE_GONE,
	GW_RAISE_EARLIER,
	GW_RAISE_LATER,
	GW_RAISE_EQUAL,
	GW_RAISE_CHANGE_KINDS,
};
extern const char *const gw_raise_change_names[]; /* "added" ... */

struct gw_raise_change {
	enum gw_raise_change_kind kind;
	const struct gw_raise *new, *old; /* NULL: added, gone */
	int64_t shift_ms;                 /* earlier, later: > 0 */
};

struct gw_comparison {
	struct gw_raise_change *at; /* in order of time */
	size_t n;
	size_t count[GW_RAISE_CHANGE_KINDS];
};

/* The raises of both must be ended. GW_ERR_SYSTEM: no memory. */
enum gw_err gw_compare_runs(const struct gw_replay_run *new,
	const struct gw_replay_run *old, struct gw_comparison *ret_pairs,
	struct gw_error *err);
void gw_comparison_free(struct gw_comparison *c); /* zeroed or twice is fine */

#endif
