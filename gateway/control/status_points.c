/* SPDX-License-Identifier: Apache-2.0 */
#include "control/status_points.h"

#include "base/match.h"
#include "control/json_fields.h"

#include <math.h>

static void put_point(
	struct gw_text *t, const struct gw_status_view *v, size_t i, struct gw_time now)
{
	const struct gw_point_info *info = &v->config->points[i];
	struct gw_point_view p;
	bool usable;

	gw_view_point(v->engine_view, i, &p);
	usable = gw_quality_usable(p.quality);
	gw_json_open(t, NULL, '{');
	gw_json_string(t, "point", info->key);
	/* value is null unless it is usable; the last good one is last_value. */
	gw_json_double(t, "value", usable ? p.value : (double)NAN);
	gw_json_string(t, "quality", gw_quality_name(p.quality));
	gw_json_string(t, "unit", info->unit_of_measure);
	gw_json_fields_age(t, "age_ms", p.current_ns, now.boot_ns);
	gw_json_double(t, "last_value", p.current_ns ? p.value : (double)NAN);
	gw_json_fields_age(t, "heard_ms", p.boot_ns, now.boot_ns);
	gw_json_fields_time(t, "device_time", p.device_ns / GW_NS_PER_MS);
	gw_json_fields_count(t, "samples", p.samples);
	gw_json_string(t, "source", info->source);
	gw_json_string(t, "device", info->device);
	gw_json_string(t, "name", info->name);
	gw_json_fields_place(t, &info->place);
	gw_json_close(t, '}');
}

/* Only points of devices: those of the gateway itself (down, parked, failing) are alarms,
 * not readings. */
static bool is_shown(const struct gw_status_view *v, const char *pattern, size_t i)
{
	const struct gw_point_info *info = &v->config->points[i];

	return *info->device && (!*pattern || gw_match(pattern, info->key));
}

bool gw_status_points_write(const struct gw_status_view *v, const char *pattern,
	size_t item, struct gw_text *t, struct gw_time now)
{
	if (item == 0) {
		gw_json_open(t, NULL, '[');
	} else if (item <= v->config->n_points) {
		if (is_shown(v, pattern, item - 1))
			put_point(t, v, item - 1, now);
	} else {
		gw_json_close(t, ']');
		return true;
	}
	return false;
}
