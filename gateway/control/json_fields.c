/* SPDX-License-Identifier: Apache-2.0 */
#include "control/json_fields.h"

#include "base/clock.h"

void gw_json_fields_time(struct gw_text *t, const char *key, int64_t wall_ms)
{
	char memory[40];
	struct gw_text u;

	gw_text_init(&u, memory, sizeof(memory));
	gw_text_add_time_utc(&u, wall_ms);
	gw_json_string(t, key, wall_ms == 0 ? NULL : memory);
}

void gw_json_fields_age(struct gw_text *t, const char *key, int64_t then_ns, int64_t now_ns)
{
	if (then_ns == 0)
		gw_json_null(t, key);
	else
		gw_json_int(
			t, key, now_ns > then_ns ? (now_ns - then_ns) / GW_NS_PER_MS : 0);
}

void gw_json_fields_count(struct gw_text *t, const char *key, uint64_t n)
{
	gw_json_int(t, key, n > INT64_MAX ? INT64_MAX : (int64_t)n);
}

void gw_json_fields_place(struct gw_text *t, const struct gw_place_info *place)
{
	gw_json_open(t, "place", '{');
	gw_json_string(t, "building", place->building);
	gw_json_string(t, "floor", place->floor);
	gw_json_string(t, "room", place->room);
	gw_json_close(t, '}');
}
