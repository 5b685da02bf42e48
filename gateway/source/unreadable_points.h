/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unreadable_points.h: points whose device answers without a value of them, and what the daemon's log has
 * said of it: one line when it begins, with the reason, and one when the point is readable again.
 * A point that goes to and fro is called readable later each time.
 *
 * Owner: struct gw_emit. Thread: the source's. Life: init, note/say/recover..., fini. Memory of a
 * point is written when it is refused and never before.
 */
#ifndef GW_SOURCE_UNREADABLE_POINTS_H
#define GW_SOURCE_UNREADABLE_POINTS_H

#include "source/driver.h"

struct gw_unreadable_point {
	const struct gw_point_opts *point;
	int64_t since_ns;     /* 0: it is readable */
	int64_t last_ns;      /* of the last refusal */
	int64_t recovered_ns; /* when the log last said that it is readable again; 0: never */
	int64_t stable_ns;    /* it must be readable for so long before that is said */
	uint64_t n_refusals;
};

struct gw_unreadable_points {
	size_t n_now; /* points that are refused; 0: nobody need look any further */
	struct gw_unreadable_point *at; /* by the point's index */
};

enum gw_err gw_unreadable_points_init(
	struct gw_unreadable_points *r, size_t n_points, struct gw_error *err);
void gw_unreadable_points_fini(
	struct gw_unreadable_points *r); /* zeroed or twice is fine */

/* One more refusal of a point of 0 .. n_points - 1. Whether it is the first and to be said. */
bool gw_unreadable_points_add(
	struct gw_unreadable_points *r, const struct gw_point_opts *point, int64_t mono_ns);
/* The line about it; of bytes the first few, made printable. */
void gw_unreadable_points_log(const char *source, const struct gw_point_opts *point,
	const char *why, const void *bytes, size_t n);
/* A usable sample of the point; looks only while n_now > 0. */
void gw_unreadable_points_recover(struct gw_unreadable_points *r, const char *source,
	uint32_t point, int64_t mono_ns);

#endif
