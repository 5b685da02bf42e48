/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_https.h: the settings of the HTTPS sink alone, gw_uplink_opts.sink_opts.
 *
 * Owner: the configuration, and a copy of the uplink's.
 */
#ifndef GW_UPLINK_SINK_HTTPS_H
#define GW_UPLINK_SINK_HTTPS_H

#include "base/setting.h"

struct gw_sink_https_opts {
	struct gw_setting_pairs accept; /* what the body of a 2xx must say, see accept.h */
};

#endif
