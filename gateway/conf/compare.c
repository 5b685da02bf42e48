/* SPDX-License-Identifier: Apache-2.0 */
/* Whether two configs set a source or an uplink up alike. What names it to people (unit of
 * measure, place) is not the source's business. */
#include "conf/config.h"
#include "conf/core_settings.h"
#include "conf/settings.h"

#include <string.h>

static bool equal_table(const struct gw_table *a, const struct gw_table *b)
{
	return a->rows == b->rows && a->columns == b->columns &&
		(a->rows == 0 ||
			memcmp(a->cells, b->cells, a->rows * a->columns * sizeof(double)) ==
				0);
}

static bool equal_point(const struct gw_point_opts *a, const struct gw_point_opts *b,
	const struct gw_driver *driver)
{
	return strcmp(a->name, b->name) == 0 && a->type == b->type &&
		a->index == b->index &&
		memcmp(&a->scale, &b->scale, sizeof(a->scale)) == 0 &&
		memcmp(&a->offset, &b->offset, sizeof(a->offset)) == 0 &&
		equal_table(&a->range, &b->range) && equal_table(&a->valid, &b->valid) &&
		gw_settings_equal_codes(&a->invalid, &b->invalid) &&
		gw_settings_equal(driver->point_settings, a->driver, b->driver,
			driver->point_opts_size);
}

static bool equal_device(const struct gw_device_opts *a, const struct gw_device_opts *b,
	const struct gw_driver *driver)
{
	if (strcmp(a->name, b->name) != 0 || a->poll_ns != b->poll_ns ||
		a->expect_every_ns != b->expect_every_ns || a->n_points != b->n_points ||
		!gw_settings_equal(driver->device_settings, a->driver, b->driver,
			driver->device_opts_size))
		return false;
	for (size_t i = 0; i < a->n_points; i++)
		if (!equal_point(&a->points[i], &b->points[i], driver))
			return false;
	return true;
}

bool gw_config_equal_source(const struct gw_source_opts *a, const struct gw_source_opts *b)
{
	const struct gw_driver *driver = a->driver_table;

	if (strcmp(a->name, b->name) != 0 || driver != b->driver_table ||
		a->poll_ns != b->poll_ns || a->n_devices != b->n_devices ||
		!gw_settings_equal(driver->source_settings, a->driver, b->driver,
			driver->source_opts_size))
		return false;
	for (size_t i = 0; i < a->n_devices; i++)
		if (!equal_device(&a->devices[i], &b->devices[i], driver))
			return false;
	return true;
}

bool gw_config_equal_uplink(const struct gw_uplink_opts *a, const struct gw_uplink_opts *b)
{
	return gw_settings_equal(gw_uplink_settings, a, b, sizeof(*a));
}
