/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookup.h: finds an alarm by its key, or by its name if only one alarm has it.
 *
 * Thread: any. Pure.
 */
#ifndef GW_CONTROL_LOOKUP_H
#define GW_CONTROL_LOOKUP_H

#include "alarm/alarm_opts.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define GW_LOOKUP_MAX 8

/* Suggestions: the keys of alarms that share the name, or the most similar key. */
struct gw_lookup_candidates {
	size_t n; /* may be more than GW_LOOKUP_MAX, which keys holds */
	const char *keys[GW_LOOKUP_MAX];
};

/* GW_ERR_REFUSED: no alarm, or more than one, has that name. */
enum gw_err gw_lookup_alarm(const struct gw_alarm_opts *alarms, size_t n, const char *text,
	uint32_t *ret_alarm, struct gw_lookup_candidates *ret_candidates,
	struct gw_error *err);

#endif
