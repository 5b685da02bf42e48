/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overview.h: the document of `tocsin status`: the gateway itself with what it counts, its
 * sources and its uplinks. Private to status.c. Thread: main.
 */
#ifndef GW_APP_OVERVIEW_H
#define GW_APP_OVERVIEW_H

#include "app/status.h"

/* One piece of it, from 0 on. True: it was the last. */
bool gw_overview_put(
	const struct gw_app_view *v, size_t piece, struct gw_text *t, struct gw_time now);

#endif
