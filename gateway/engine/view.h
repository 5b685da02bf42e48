/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view.h: last values and alarm states for readers in other threads. Each is under a sequence lock
 * (engine_internal.h): the engine never waits for a reader, and a reader retries while a write is
 * under way, which lasts nanoseconds. Only a quality that becomes silent is written without it:
 * the lock counts samples, and the value beside it is the last usable one either way.
 *
 * Owner: the engine. Thread: written by the engine thread, read by any.
 */
#ifndef GW_ENGINE_VIEW_H
#define GW_ENGINE_VIEW_H

#include "flow/sample.h"

#include <stddef.h>
#include <stdint.h>

struct gw_view;

struct gw_point_view {
	double value;       /* of the last usable sample */
	uint16_t quality;   /* enum gw_quality */
	int64_t boot_ns;    /* of the last sample, any quality; 0: never */
	int64_t current_ns; /* of the last current sample; 0: never */
	int64_t device_ns;
	uint64_t samples; /* since the start, modulo 2^31: 68 years at one a second */
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

/* ---- for the engine's own files ---- */

struct gw_alarm;
struct gw_alarm_detail;
struct gw_alarm_published;

enum gw_quality gw_view_quality(const struct gw_view *v, size_t point);
int64_t gw_view_current_ns(const struct gw_view *v, size_t point); /* 0: never */
/* A sample that is not current: not usable, or retained. */
void gw_view_write_not_current(
	struct gw_view *v, size_t point, const struct gw_sample *sample);
void gw_view_write_quality(struct gw_view *v, size_t point, enum gw_quality quality);
void gw_view_write_alarm(struct gw_alarm_published *s, const struct gw_alarm *a,
	const struct gw_alarm_detail *detail, int64_t shelved_until_ms);

#endif
