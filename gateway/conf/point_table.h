/* SPDX-License-Identifier: Apache-2.0 */
/*
 * point_table.h: the config's table of points, of the devices and of the gateway's own parts, and
 * the indexes by key. Private to gateway/conf.
 */
#ifndef GW_CONF_POINT_TABLE_H
#define GW_CONF_POINT_TABLE_H

#include "conf/context.h"

/* Once sources and uplinks are known. */
void gw_point_table_make(struct gw_load *l);

#endif
