/* SPDX-License-Identifier: Apache-2.0 */
/*
 * implicit.h: the faults nobody has to configure, listed in implicit.c. Private to gateway/conf.
 */
#ifndef GW_CONF_IMPLICIT_H
#define GW_CONF_IMPLICIT_H

#include "conf/pending_alarms.h"

/* Of everything there is; each device's are followed by the alarms of its profile. */
void gw_implicit_add(struct gw_load *l);
/* The times of a condition `unreadable` that depend on what the site file says of the device's
 * `silent`. Call once all of the site file is read. */
void gw_implicit_set_times(struct gw_load *l, struct gw_pending_alarm *p);

#endif
