/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template.h: one entry under `alarms:` of a site file or a profile as it was read. It becomes an
 * alarm on each point it matches (expand.h). Private to gateway/conf.
 *
 * Owner: scratch memory of the load.
 */
#ifndef GW_CONF_TEMPLATE_H
#define GW_CONF_TEMPLATE_H

#include "conf/context.h"
#include "conf/core_settings.h"
#include "yaml/settings.h"

struct gw_template {
	const struct gw_yaml_node *node;
	const struct gw_yaml_node *when;    /* NULL: not given */
	struct gw_alarm_opts opts;          /* without `when` */
	struct gw_condition_opts condition; /* what stands there */
	struct gw_alarm_reader_opts reader_opts;
	struct gw_settings_block *block, *reader_block;
	struct gw_settings_block *when_block; /* NULL: no readable condition */
	bool usable;
};

void gw_template_read(
	struct gw_load *l, const struct gw_yaml_node *node, struct gw_template *ret);

#endif
