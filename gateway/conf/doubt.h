/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doubt.h: what could not be read and may therefore be what a pattern means: a pattern that
 * matches nothing because a name above it is missing is not a second mistake. Private to
 * gateway/conf.
 */
#ifndef GW_CONF_DOUBT_H
#define GW_CONF_DOUBT_H

#include "conf/load.h"

/* A source or uplink without a name. */
void gw_doubt_owner(struct gw_load *l);
/* A device of this source without a name. */
void gw_doubt_device(struct gw_load *l, const char *source);
/* A device whose points, or a profile whose alarms, are not all known. */
void gw_doubt_points(struct gw_load *l, struct gw_load_device *d);
void gw_doubt_alarm(struct gw_load *l);

/* Whether pattern may mean something of that kind. It begins with a source or an owner; what
 * stands after a colon does not count. */
bool gw_doubt_pattern(const struct gw_load *l, const char *pattern);

#endif
