/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incomplete.h: what of the site file could not be read. A pattern may match nothing only because
 * the name it means was not readable: that is no second mistake, and not complained of. Private to
 * gateway/conf.
 */
#ifndef GW_CONF_INCOMPLETE_H
#define GW_CONF_INCOMPLETE_H

#include "conf/context.h"

/* A source or uplink without a name. */
void gw_incomplete_owner(struct gw_load *l);
/* A device of this source without a name. */
void gw_incomplete_device(struct gw_load *l, const char *source);
/* A device whose points, or a profile whose alarms, are not all known. */
void gw_incomplete_points(struct gw_load *l, struct gw_load_device *d);
void gw_incomplete_alarm(struct gw_load *l);

/* Whether pattern may match something that was not readable. It begins with the name of a source or
 * uplink; what follows a colon does not count. */
bool gw_incomplete_may_match(const struct gw_load *l, const char *pattern);

#endif
