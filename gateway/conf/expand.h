/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expand.h: from templates to pending alarms: one for each point or device that `on` matches, with
 * what the site file says over what a profile says. Private to gateway/conf.
 */
#ifndef GW_CONF_EXPAND_H
#define GW_CONF_EXPAND_H

#include "conf/context.h"

/* The alarms of a device's profile; nothing if it has none. */
void gw_expand_profile(struct gw_load *l, uint32_t device);
/* The alarms of the site file, over those of the profiles and the implicit ones. */
void gw_expand_site(struct gw_load *l, const struct gw_yaml_node *root);

#endif
