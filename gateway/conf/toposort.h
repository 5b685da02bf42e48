/* SPDX-License-Identifier: Apache-2.0 */
/*
 * toposort.h: an order in which alarms come before those that listen to them, as members of a vote
 * or by `unless`: what changes at one time then counts at once. Private to gateway/conf.
 */
#ifndef GW_CONF_TOPOSORT_H
#define GW_CONF_TOPOSORT_H

#include "conf/pending_alarms.h"

/* All pending alarms into order, which has room for them; returns how many (fewer if a circle was
 * complained of). */
size_t gw_toposort_alarms(struct gw_load *l, struct gw_pending_alarm **order);

#endif
