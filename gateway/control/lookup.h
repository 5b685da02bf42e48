/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookup.h: which alarm a person means: the whole key, or a name that only one alarm has.
 *
 * Thread: any. Pure.
 */
#ifndef GW_CONTROL_LOOKUP_H
#define GW_CONTROL_LOOKUP_H

#include "alarm/alarm.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define GW_LOOKUP_MAX 8

/* Keys the person may have meant: those that share the name, or the nearest one. */
struct gw_lookup_candidates {
	size_t n; /* how many there are; the first GW_LOOKUP_MAX stand in keys */
	const char *keys[GW_LOOKUP_MAX];
};

/* GW_ERR_REFUSED: none or more than one. */
enum gw_err gw_lookup_alarm(const struct gw_alarm_opts *alarms, size_t n, const char *text,
	uint32_t *ret_alarm, struct gw_lookup_candidates *ret_candidates,
	struct gw_error *err);

#endif
