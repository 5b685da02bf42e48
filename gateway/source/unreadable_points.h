/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unreadable_points.h: points whose device answers without a value of them, and what was logged of
 * it: one line when that begins, with the reason, and one when the point is readable again. A point
 * that keeps changing must stay readable for longer each time before the second line is logged.
 *
 * Owner: struct gw_emit. Thread: the source's. Life: init, add/log/recover..., fini. The entry of a
 * point is first written when it becomes unreadable, so memory is touched for those points only.
 */
#ifndef GW_SOURCE_UNREADABLE_POINTS_H
#define GW_SOURCE_UNREADABLE_POINTS_H

#include "source/driver.h"

struct gw_unreadable_point {
	const struct gw_point_opts *point;
	int64_t since_ns;     /* 0: it is readable */
	int64_t last_ns;      /* of the last unreadable answer */
	int64_t recovered_ns; /* when "readable again" was last logged; 0: never */
	int64_t stable_ns;    /* it must be readable for this long before that is logged */
	uint64_t n_refusals;
};

struct gw_unreadable_points {
	size_t n_now;                   /* points that are unreadable now */
	struct gw_unreadable_point *at; /* by the point's index */
};

enum gw_err gw_unreadable_points_init(
	struct gw_unreadable_points *p, size_t n_points, struct gw_error *err);
void gw_unreadable_points_fini(
	struct gw_unreadable_points *p); /* zeroed or twice is fine */

/* One more unreadable answer of a point of 0 .. n_points - 1. True: the first, to be logged. */
bool gw_unreadable_points_add(
	struct gw_unreadable_points *p, const struct gw_point_opts *point, int64_t boot_ns);
/* Logs that line, with the first of the n bytes made printable. */
void gw_unreadable_points_log(const char *source, const struct gw_point_opts *point,
	const char *why, const void *bytes, size_t n);
/* A usable sample of the point came; call it while n_now > 0. */
void gw_unreadable_points_recover(struct gw_unreadable_points *p, const char *source,
	uint32_t point, int64_t boot_ns);

#endif
