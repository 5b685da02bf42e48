/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sources.h: sources and their devices, with what profiles bring along. Private to gateway/conf.
 */
#ifndef GW_CONF_SOURCES_H
#define GW_CONF_SOURCES_H

#include "conf/context.h"

void gw_sources_read(struct gw_load *l, const struct gw_yaml_node *root);
/* What the drivers themselves say of their options. */
void gw_sources_check(struct gw_load *l);

#endif
