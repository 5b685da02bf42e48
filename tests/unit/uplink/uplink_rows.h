/* SPDX-License-Identifier: Apache-2.0 */
/* uplink_rows.h: rows of the tables of sinks and payload formats, which only their tests name. */
#ifndef GW_TESTS_UPLINK_ROWS_H
#define GW_TESTS_UPLINK_ROWS_H

#include "uplink/payload.h"
#include "uplink/sink.h"
#include "uplink/uplink_settings.h"

extern const struct gw_sink gw_sink_https, gw_sink_file;
extern const struct gw_payload gw_payload_cloudevents;

#endif
