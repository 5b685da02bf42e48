/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/setting_groups.h"

#include "conf/config.h"
#include "conf/core_settings.h"
#include "uplink/payload.h"
#include "uplink/sink.h"
#include "uplink/uplink_settings.h"

#include <stdio.h>

#define GROUPS_MAX 64

static struct gw_setting_group groups[GROUPS_MAX];
static char names[GROUPS_MAX][64];
static size_t n_groups;

static void add(
	const struct gw_setting *rows, size_t opts_size, const char *name, const char *of)
{
	if (!rows || !rows->key || n_groups == GROUPS_MAX)
		return;
	snprintf(names[n_groups], sizeof(names[0]), of ? "%s (%s)" : "%s", name, of);
	groups[n_groups] = (struct gw_setting_group){names[n_groups], rows, opts_size};
	n_groups++;
}

const struct gw_setting_group *gw_config_setting_groups(size_t *ret_n)
{
	const struct gw_driver *const *d;
	const struct gw_condition_kind *const *k;
	const struct gw_sink *const *s;
	const struct gw_payload *const *p;

	if (n_groups == 0) {
		add(gw_gateway_settings, sizeof(struct gw_gateway_opts), "gateway", NULL);
		add(gw_source_settings, sizeof(struct gw_source_opts), "sources[]", NULL);
		add(gw_source_reader_settings, sizeof(struct gw_source_reader_opts),
			"sources[]", NULL);
		for (d = gw_drivers; *d; d++)
			add((*d)->source_settings, (*d)->source_opts_size, "sources[]",
				(*d)->name);
		add(gw_device_settings, sizeof(struct gw_device_opts), "devices[]", NULL);
		add(gw_device_reader_settings, sizeof(struct gw_device_reader_opts),
			"devices[]", NULL);
		for (d = gw_drivers; *d; d++)
			add((*d)->device_settings, (*d)->device_opts_size, "devices[]",
				(*d)->name);
		add(gw_place_settings, sizeof(struct gw_place_info), "place", NULL);
		add(gw_point_settings, sizeof(struct gw_point_opts), "points[]", NULL);
		add(gw_point_reader_settings, sizeof(struct gw_point_reader_opts),
			"points[]", NULL);
		for (d = gw_drivers; *d; d++)
			add((*d)->point_settings, (*d)->point_opts_size, "points[]",
				(*d)->name);
		add(gw_alarm_reader_settings, sizeof(struct gw_alarm_reader_opts),
			"alarms[]", NULL);
		add(gw_alarm_settings, sizeof(struct gw_alarm_opts), "alarms[]", NULL);
		for (k = gw_condition_kinds; *k; k++)
			add((*k)->settings, sizeof(struct gw_condition_opts), "when",
				(*k)->key);
		add(gw_uplink_settings, sizeof(struct gw_uplink_opts), "uplinks[]", NULL);
		for (s = gw_sinks; *s; s++)
			add((*s)->settings, (*s)->opts_size, "uplinks[]", NULL);
		for (p = gw_payloads; *p; p++)
			add((*p)->settings, (*p)->opts_size, "uplinks[]", NULL);
		add(gw_profile_settings, sizeof(struct gw_profile_opts), "profile", NULL);
	}
	*ret_n = n_groups;
	return groups;
}
