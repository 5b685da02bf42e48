/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core_settings.h: the settings that belong to no driver, condition or uplink. A gw_X_reader_opts
 * holds the keys that only the config reader needs, such as the name of the driver or profile: they
 * are in the same YAML map as the X, but not in its options struct. Private to gateway/conf.
 */
#ifndef GW_CONF_CORE_SETTINGS_H
#define GW_CONF_CORE_SETTINGS_H

#include "base/setting.h"

#include <stdint.h>

struct gw_source_reader_opts {
	const char *driver;
};

struct gw_device_reader_opts {
	const char *profile; /* "" for none */
};

struct gw_point_reader_opts {
	const char *unit;
};

struct gw_alarm_reader_opts {
	const char *name;
	const char *on; /* "" for none */
};

struct gw_profile_opts {
	const char *profile, *title, *driver;
	int64_t poll_ns; /* 0: not given */
};

extern const struct gw_setting gw_gateway_settings[]; /* struct gw_gateway_opts */
extern const struct gw_setting gw_source_settings[];  /* struct gw_source_opts */
extern const struct gw_setting
	gw_source_reader_settings[];                 /* struct gw_source_reader_opts */
extern const struct gw_setting gw_device_settings[]; /* struct gw_device_opts */
extern const struct gw_setting
	gw_device_reader_settings[];                /* struct gw_device_reader_opts */
extern const struct gw_setting gw_place_settings[]; /* struct gw_place_info */
extern const struct gw_setting gw_point_settings[]; /* struct gw_point_opts */
extern const struct gw_setting gw_point_reader_settings[]; /* struct gw_point_reader_opts */
extern const struct gw_setting gw_alarm_settings[];        /* struct gw_alarm_opts */
extern const struct gw_setting gw_alarm_reader_settings[]; /* struct gw_alarm_reader_opts */
extern const struct gw_setting gw_profile_settings[];      /* struct gw_profile_opts */

#endif
