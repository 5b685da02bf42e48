/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time_arg.h: times on the command line and in printed tables.
 *
 * Thread: any.
 */
#ifndef GW_TERM_TIME_ARG_H
#define GW_TERM_TIME_ARG_H

#include "base/error.h"
#include "base/text.h"

#include <stdint.h>

/* A duration before now ("2h", "90s"), or RFC 3339 ("2026-11-21T08:15:30+08:00"); a blank
 * may stand for the T, the seconds and the zone may be left out (local time), so may the
 * time of day (midnight). Milliseconds since 1970; years 1970 to 9999. */
enum gw_err gw_time_arg_parse(
	const char *text, int64_t now_ms, int64_t *ret_ms, struct gw_error *err);

/* At most two units: "350ms", "4.2s", "12min", "3h5min", "2d4h". */
void gw_time_arg_add_age(struct gw_text *t, int64_t age_ms);
/* "2026-11-21 08:15:30", local. */
void gw_time_arg_add_local(struct gw_text *t, int64_t wall_ms);

#endif
