/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shared_conditions.h: one copy of the conditions that are equal: three kinds of settings for
 * thousands of alarms are the rule, and each has 200 bytes. Private to gateway/conf.
 *
 * Owner: the caller, zeroed but for both arenas. Thread: one. Life: get..., nothing to free.
 */
#ifndef GW_CONF_SHARED_CONDITIONS_H
#define GW_CONF_SHARED_CONDITIONS_H

#include "alarm/condition.h"
#include "base/arena.h"
#include "base/strmap.h"

struct gw_shared_condition;

struct gw_shared_conditions {
	struct gw_arena *config;  /* for the conditions */
	struct gw_strmap by_text; /* its arena is also that of `at` */
	struct gw_shared_condition *at;
	size_t n, cap;
};

/* A condition equal to `when`, in the config's memory. text is its description, which lives as long
 * as the table. A vote is never shared. NULL: no memory. */
const struct gw_condition_opts *gw_shared_conditions_get(struct gw_shared_conditions *s,
	const struct gw_condition_opts *when, const char *text);

#endif
