/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.h: what a configuration takes of what the system allows: descriptors and threads. Asked
 * before anything is made, so that a plan fails whole and early.
 *
 * Thread: any.
 */
#ifndef GW_APP_LIMITS_H
#define GW_APP_LIMITS_H

#include "conf/config.h"

struct gw_limits {
	size_t descriptors, threads;
};

/* At most, all links up and all uplinks connecting. */
struct gw_limits gw_limits_need(const struct gw_config *c);
/* RLIMIT_NOFILE, at most 1024, and the pids.max (TasksMax) of the unit's control group, or else of
 * this process's; SIZE_MAX: no bound, or it cannot be read. */
struct gw_limits gw_limits_allowed(void);
/* Descriptors that sources must leave, however many they are. */
size_t gw_limits_reserve(const struct gw_config *c);
/* GW_ERR_FULL and in words what is too much. */
enum gw_err gw_limits_check(const struct gw_config *c, struct gw_error *err);

#endif
