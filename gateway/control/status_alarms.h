/* SPDX-License-Identifier: Apache-2.0 */
/* status_alarms.h: the document of `tocsin alarms`, an array. Thread: main. */
#ifndef GW_CONTROL_STATUS_ALARMS_H
#define GW_CONTROL_STATUS_ALARMS_H

#include "base/text.h"
#include "control/status_view.h"

/* The indexes of the alarms to list (all: those that are normal, too), worst first.
 * *ret_order is the caller's to free. GW_ERR_SYSTEM: no memory. */
enum gw_err gw_status_alarms_order(const struct gw_status_view *v, bool all,
	uint32_t **ret_order, size_t *ret_n, struct gw_error *err);
/* Item 0 opens the array, items 1 to n are the alarms in that order (nothing is written for
 * one that has cleared meanwhile, unless all), the next closes it and returns true. */
bool gw_status_alarms_write(const struct gw_status_view *v, const uint32_t *order, size_t n,
	bool all, size_t item, struct gw_text *t);

#endif
