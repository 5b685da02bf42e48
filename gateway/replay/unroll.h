/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unroll.h: a block of a recording -> its samples in order of time. The runs of a block stand
 * one behind the other, those of many points beside each other in time: a heap merges them.
 *
 * Owner: the caller. Thread: one. Life: zeroed, (points, load, next...)..., fini.
 */
#ifndef GW_REPLAY_UNROLL_H
#define GW_REPLAY_UNROLL_H

#include "flow/recording.h"
#include "replay/names.h"
#include "replay/reading.h"

#include <stdbool.h>

struct gw_unrolled {
	int64_t next_ns;
	uint64_t order; /* in the block; equal times keep it */
	uint64_t done;  /* samples handed out */
	struct gw_block_run run;
};

struct gw_unroll {
	struct gw_unrolled *heap;
	size_t n, cap;
	struct gw_point_of {   /* the recording's table of points */
		uint32_t name; /* or GW_NAMES_NONE: not of interest yet */
		uint32_t length;
		char *key;
	} * points;
	size_t n_points, cap_points;
};

/* GW_ERR_CORRUPT: not what a recorder writes; GW_ERR_SYSTEM: no memory. */
enum gw_err gw_unroll_points(
	struct gw_unroll *u, const struct gw_block *block, struct gw_error *err);
/* Only when what was loaded before is used up. */
enum gw_err gw_unroll_load(
	struct gw_unroll *u, const struct gw_block *block, struct gw_error *err);
/* The next sample; false if there is none or no memory for its name (then *ret_kind says so). */
bool gw_unroll_next(struct gw_unroll *u, struct gw_names *names, struct gw_reading *ret,
	enum gw_err *ret_kind);
/* A new recording begins. */
void gw_unroll_reset(struct gw_unroll *u);
void gw_unroll_fini(struct gw_unroll *u); /* twice is fine */

#endif
