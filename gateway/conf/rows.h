/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.h: the settings that belong to no driver, condition or uplink, and the structs of those
 * keys that have no place in the options of their consumer. Private to gateway/conf.
 */
#ifndef GW_CONF_ROWS_H
#define GW_CONF_ROWS_H

#include "base/setting.h"

#include <stdint.h>

struct gw_source_more {
	const char *driver;
};

struct gw_device_more {
	const char *profile; /* "" for none */
};

struct gw_point_more {
	const char *unit;
};

struct gw_alarm_more {
	const char *name;
	const char *on; /* "" for none */
};

struct gw_profile_head {
	const char *profile, *title, *driver;
	int64_t poll_ns; /* 0: not given */
};

extern const struct gw_setting gw_rows_gateway[];     /* struct gw_gateway_opts */
extern const struct gw_setting gw_rows_source[];      /* struct gw_source_opts */
extern const struct gw_setting gw_rows_source_more[]; /* struct gw_source_more */
extern const struct gw_setting gw_rows_device[];      /* struct gw_device_opts */
extern const struct gw_setting gw_rows_device_more[]; /* struct gw_device_more */
extern const struct gw_setting gw_rows_place[];       /* struct gw_place_info */
extern const struct gw_setting gw_rows_point[];       /* struct gw_point_opts */
extern const struct gw_setting gw_rows_point_more[];  /* struct gw_point_more */
extern const struct gw_setting gw_rows_alarm[];       /* struct gw_alarm_opts */
extern const struct gw_setting gw_rows_alarm_more[];  /* struct gw_alarm_more */
extern const struct gw_setting gw_rows_profile[];     /* struct gw_profile_head */

#endif
