/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/compare.h"

#include "base/text.h"
#include "conf/core_settings.h"
#include "uplink/payload.h"
#include "uplink/sink.h"

#include <string.h>

static bool equal(const struct gw_setting *rows, const void *a, const void *b)
{
	return !gw_setting_rows_differ(rows, a, b, GW_RESTART_OWNER);
}

static bool equal_unit(const struct gw_point_opts *a, const struct gw_point_opts *b)
{
	return strcmp(a->info->unit_of_measure, b->info->unit_of_measure) == 0;
}

static bool equal_point(const struct gw_point_opts *a, const struct gw_point_opts *b,
	const struct gw_driver *driver)
{
	return equal(gw_point_settings, a, b) &&
		equal(driver->point_settings, a->driver, b->driver) &&
		(!driver->reads_unit_of_measure || equal_unit(a, b));
}

static bool equal_device(const struct gw_device_opts *a, const struct gw_device_opts *b,
	const struct gw_driver *driver)
{
	if (!equal(gw_device_settings, a, b) || a->n_points != b->n_points ||
		!equal(driver->device_settings, a->driver, b->driver))
		return false;
	for (size_t i = 0; i < a->n_points; i++)
		if (!equal_point(&a->points[i], &b->points[i], driver))
			return false;
	return true;
}

bool gw_config_equal_source(const struct gw_source_opts *a, const struct gw_source_opts *b)
{
	const struct gw_driver *driver = a->driver_table;

	if (driver != b->driver_table || !equal(gw_source_settings, a, b) ||
		a->n_devices != b->n_devices ||
		!equal(driver->source_settings, a->driver, b->driver))
		return false;
	for (size_t i = 0; i < a->n_devices; i++)
		if (!equal_device(&a->devices[i], &b->devices[i], driver))
			return false;
	return true;
}

bool gw_config_equal_uplink(const struct gw_uplink_opts *a, const struct gw_uplink_opts *b)
{
	const struct gw_sink *sink = gw_sink_find(a->url);

	return equal(gw_uplink_settings, a, b) &&
		(!sink || !a->sink_opts ||
			equal(sink->settings, a->sink_opts, b->sink_opts)) &&
		(!a->payload_opts ||
			equal(gw_payloads[a->format]->settings, a->payload_opts,
				b->payload_opts));
}

bool gw_config_copy_fixed(const struct gw_config *running, struct gw_config *next,
	void (*unchanged)(void *arg, const char *key, const char *value), void *arg)
{
	for (const struct gw_setting *row = gw_gateway_settings; row->key; row++) {
		char memory[1100];
		struct gw_text value;

		if (row->restart != GW_RESTART_DAEMON ||
			gw_setting_equal(row, &running->gateway, &next->gateway))
			continue;
		gw_text_init(&value, memory, sizeof(memory));
		gw_setting_format(row, &running->gateway, &value);
		unchanged(arg, row->key, memory);
		if (!gw_setting_copy(row, &next->gateway, &running->gateway, next->arena))
			return false;
	}
	return true;
}
