/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.h: descriptors and threads that a configuration needs, and how many the system
 * allows. Checked before anything is made, so that a reload fails early.
 *
 * Thread: any.
 */
#ifndef GW_APP_LIMITS_H
#define GW_APP_LIMITS_H

#include "conf/config.h"

struct gw_limits {
	size_t descriptors, threads;
};

/* The most: all links up and all uplinks connecting. */
struct gw_limits gw_limits_need(const struct gw_config *c);
/* RLIMIT_NOFILE, at most 1024, and the pids.max (TasksMax) of the unit's control group, or
 * else of this process's; SIZE_MAX: unlimited or unknown. */
struct gw_limits gw_limits_allowed(void);
/* Descriptors that sources must leave for other uses. */
size_t gw_limits_reserve(const struct gw_config *c);
/* GW_ERR_FULL: too many; err says of what. */
enum gw_err gw_limits_check(const struct gw_config *c, struct gw_error *err);

#endif
