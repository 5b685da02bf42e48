/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compare.h: what a reload may leave running: two configurations compared row by row. Which rows
 * count is said by the rows themselves (`restart` in base/setting.h).
 *
 * Thread: any.
 */
#ifndef GW_CONF_COMPARE_H
#define GW_CONF_COMPARE_H

#include "conf/config.h"

#include <stdbool.h>

/* Whether two sources, or uplinks, of two configs are set up alike. What only names a source's
 * points to people (place; unit of measure, unless its driver reads it) does not count. */
bool gw_config_equal_source(const struct gw_source_opts *a, const struct gw_source_opts *b);
bool gw_config_equal_uplink(const struct gw_uplink_opts *a, const struct gw_uplink_opts *b);

/* Before next replaces running: a setting under `gateway:` that only a start of the daemon changes
 * keeps the value that runs, so that next says what runs and a later reload compares with that.
 * Calls unchanged for each one for which the file of next has another value; value is the one that
 * stays. False: no memory. */
bool gw_config_copy_fixed(const struct gw_config *running, struct gw_config *next,
	void (*unchanged)(void *arg, const char *key, const char *value), void *arg);

#endif
