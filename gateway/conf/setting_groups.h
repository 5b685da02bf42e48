/* SPDX-License-Identifier: Apache-2.0 */
/*
 * setting_groups.h: all tables of setting rows there are, for --help, the man page and the JSON
 * Schema.
 *
 * Owner: static. Thread: main.
 */
#ifndef GW_CONF_SETTING_GROUPS_H
#define GW_CONF_SETTING_GROUPS_H

#include "base/setting.h"

/* Several groups may have one name. */
struct gw_setting_group {
	const char *name; /* "sources[]", "sources[] (modbus-rtu)", "when (above)" ... */
	const struct gw_setting *rows;
	size_t opts_size; /* bytes of the struct that the rows are over */
};
const struct gw_setting_group *gw_config_setting_groups(size_t *ret_n);

#endif
