/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/json_cell.h"

#include "base/text.h"
#include "term/time_arg.h"

#include <stdio.h>
#include <stdlib.h>

const char *gw_json_cell_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

long long gw_json_cell_int(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

bool gw_json_cell_is_number(const json_t *o, const char *key)
{
	return json_is_number(json_object_get(o, key));
}

/* Six digits; --json has all of them. */
static double readable(double v)
{
	char memory[40];

	if (v > 1e6 || v < -1e6)
		return v;
	snprintf(memory, sizeof(memory), "%.6g", v);
	return strtod(memory, NULL);
}

const char *gw_json_cell_number(struct gw_json_cell *c, const json_t *o, const char *key)
{
	struct gw_text t;

	gw_text_init(&t, c->at, sizeof(c->at));
	if (gw_json_cell_is_number(o, key))
		gw_text_add_double(
			&t, readable(json_number_value(json_object_get(o, key))));
	return c->at;
}

const char *gw_json_cell_age(struct gw_json_cell *c, const json_t *o, const char *key)
{
	struct gw_text t;

	gw_text_init(&t, c->at, sizeof(c->at));
	if (gw_json_cell_is_number(o, key))
		gw_time_arg_add_age(&t, gw_json_cell_int(o, key));
	return c->at;
}

const char *gw_json_cell_local_time(
	struct gw_json_cell *c, const json_t *o, const char *key)
{
	struct gw_text t;
	int64_t wall_ms;

	gw_text_init(&t, c->at, sizeof(c->at));
	if (!gw_time_arg_parse(gw_json_cell_text(o, key), 0, &wall_ms, NULL))
		gw_time_arg_add_local(&t, wall_ms);
	return c->at;
}

const char *gw_json_cell_place(struct gw_json_cell *c, const json_t *o)
{
	const json_t *p = json_object_get(o, "place");
	const char *building = gw_json_cell_text(p, "building"),
		   *floor = gw_json_cell_text(p, "floor");
	const char *room = gw_json_cell_text(p, "room");
	struct gw_text t;

	gw_text_init(&t, c->at, sizeof(c->at));
	if (*building || *floor || *room)
		gw_text_addf(&t, "%s/%s/%s", *building ? building : "-",
			*floor ? floor : "-", *room ? room : "-");
	return c->at;
}
