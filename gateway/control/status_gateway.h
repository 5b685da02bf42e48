/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status_gateway.h: the document of `tocsin status`: the gateway itself with what it counts, its
 * sources and its uplinks. Private to status.c. Thread: main.
 */
#ifndef GW_CONTROL_STATUS_GATEWAY_H
#define GW_CONTROL_STATUS_GATEWAY_H

#include "control/status.h"

/* One piece of it, from 0 on. True: it was the last. */
bool gw_status_gateway_write(
	const struct gw_status_view *v, size_t item, struct gw_text *t, struct gw_time now);

#endif
