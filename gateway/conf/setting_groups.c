/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/config.h"
#include "conf/core_settings.h"

#include <stdio.h>

#define GROUPS_MAX 64

static struct gw_setting_group groups[GROUPS_MAX];
static char names[GROUPS_MAX][64];
static size_t n_groups;

static void add(const struct gw_setting *rows, const char *name, const char *of)
{
	if (!rows || !rows->key || n_groups == GROUPS_MAX)
		return;
	snprintf(names[n_groups], sizeof(names[0]), of ? "%s (%s)" : "%s", name, of);
	groups[n_groups] = (struct gw_setting_group){names[n_groups], rows};
	n_groups++;
}

const struct gw_setting_group *gw_config_setting_groups(size_t *ret_n)
{
	const struct gw_driver *const *d;
	const struct gw_condition_kind *const *k;

	if (n_groups == 0) {
		add(gw_gateway_settings, "gateway", NULL);
		add(gw_source_settings, "sources[]", NULL);
		add(gw_source_reader_settings, "sources[]", NULL);
		for (d = gw_drivers; *d; d++)
			add((*d)->source_settings, "sources[]", (*d)->name);
		add(gw_device_settings, "devices[]", NULL);
		add(gw_device_reader_settings, "devices[]", NULL);
		for (d = gw_drivers; *d; d++)
			add((*d)->device_settings, "devices[]", (*d)->name);
		add(gw_place_settings, "place", NULL);
		add(gw_point_settings, "points[]", NULL);
		add(gw_point_reader_settings, "points[]", NULL);
		for (d = gw_drivers; *d; d++)
			add((*d)->point_settings, "points[]", (*d)->name);
		add(gw_alarm_reader_settings, "alarms[]", NULL);
		add(gw_alarm_settings, "alarms[]", NULL);
		for (k = gw_condition_kinds; *k; k++)
			add((*k)->settings, "when", (*k)->key);
		add(gw_uplink_settings, "uplinks[]", NULL);
		add(gw_profile_settings, "profile", NULL);
	}
	*ret_n = n_groups;
	return groups;
}
