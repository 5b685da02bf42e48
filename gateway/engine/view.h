/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view.h: last values and alarm states as readers in other threads see them, each under a
 * sequence lock built of atomics: the engine never waits for a reader. Only that a point fell
 * silent is written outside its lock, which counts samples: a reader sees it a moment sooner or
 * later, beside a value that is the last usable one either way.
 *
 * Owner: the engine. Thread: written by the engine thread, read by any (a read retries while a
 * write is under way, which lasts a few nanoseconds).
 */
#ifndef GW_ENGINE_VIEW_H
#define GW_ENGINE_VIEW_H

#include <stddef.h>
#include <stdint.h>

struct gw_view;

struct gw_point_view {
	double value; /* valid if quality is good or uncertain; else the last usable one */
	uint16_t quality; /* enum gw_quality */
	int64_t mono_ns;  /* of the last sample, any quality; 0: never */
	int64_t good_ns;  /* of the last usable sample; 0: never */
	int64_t device_ns;
	uint64_t samples; /* how many since start, modulo 2^31: at one a second 68 years */
};

struct gw_alarm_view {
	uint8_t state; /* enum gw_state */
	uint8_t level;
	uint8_t occurrence[16];
	double value, limit, peak; /* NaN: none */
	int64_t onset_ms;          /* wall; 0: never */
	int64_t since_ms;          /* wall time of the last transition; 0: never */
	int64_t shelved_until_ms;  /* wall; 0: not shelved */
	uint64_t seq;    /* of the last transition; 0: none since the database began */
	uint64_t raised; /* times raised since start */
};

void gw_view_point(struct gw_view *v, size_t point, struct gw_point_view *ret_view);
void gw_view_alarm(struct gw_view *v, size_t alarm, struct gw_alarm_view *ret_view);

#endif
