/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.h: a block of a recording -> its samples in order of time. A block holds runs
 * of equal values, point by point; a heap merges them by time.
 *
 * Owner: the caller. Thread: one. Life: zeroed, (points, load, next...)..., fini.
 */
#ifndef GW_REPLAY_DECODE_H
#define GW_REPLAY_DECODE_H

#include "flow/recording.h"
#include "replay/point_names.h"
#include "replay/reading.h"

#include <stdbool.h>

struct gw_decode_run {
	int64_t next_ns;
	uint64_t order; /* in the block; equal times keep it */
	uint64_t done;  /* samples handed out */
	struct gw_recording_run run;
};

struct gw_decode {
	struct gw_decode_run *heap;
	size_t n, cap;
	struct gw_decode_point { /* the recording's table of points */
		uint32_t name;   /* or GW_POINT_NAMES_NONE: not of interest yet */
		uint32_t length;
		char *key;
	} * points;
	size_t n_points, cap_points;
};

/* GW_ERR_CORRUPT: not what a recorder writes; GW_ERR_SYSTEM: no memory. */
enum gw_err gw_decode_points(
	struct gw_decode *d, const struct gw_recording_block *block, struct gw_error *err);
/* Only when what was loaded before is used up. */
enum gw_err gw_decode_load(
	struct gw_decode *d, const struct gw_recording_block *block, struct gw_error *err);
/* The next sample; false if there is none or no memory for its name (then *ret_kind says
 * so). */
bool gw_decode_next(struct gw_decode *d, struct gw_point_names *names,
	struct gw_reading *ret, enum gw_err *ret_kind);
/* A new recording begins. */
void gw_decode_reset(struct gw_decode *d);
void gw_decode_fini(struct gw_decode *d); /* twice is fine */

#endif
