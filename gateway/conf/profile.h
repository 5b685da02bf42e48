/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile.h: device profiles: found, read and checked once, however many devices use them.
 * Private to gateway/conf.
 */
#ifndef GW_CONF_PROFILE_H
#define GW_CONF_PROFILE_H

#include "conf/template.h"

struct gw_profile {
	struct gw_profile_opts head;
	const char *path;                  /* NULL: there is none of this name */
	const struct gw_yaml_node *root;   /* NULL: could not be read, complained of */
	const struct gw_yaml_node *points; /* first of the list, or NULL */
	struct gw_template *alarms;
	size_t n_alarms;
};

/* The profile that node (a scalar in the site file) names. NULL: complained of. */
const struct gw_profile *gw_profile_get(struct gw_load *l, const struct gw_yaml_node *node);

#endif
