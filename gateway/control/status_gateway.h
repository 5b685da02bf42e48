/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status_gateway.h: the document of `tocsin status`, an object: the gateway with its
 * counters, its sources and its uplinks. Thread: main.
 */
#ifndef GW_CONTROL_STATUS_GATEWAY_H
#define GW_CONTROL_STATUS_GATEWAY_H

#include "base/text.h"
#include "control/status_view.h"

/* Writes one item, from 0 on: the head, each source, each uplink. Returns true with the
 * last. */
bool gw_status_gateway_write(
	const struct gw_status_view *v, size_t item, struct gw_text *t, struct gw_time now);

#endif
