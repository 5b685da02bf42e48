/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/point_table.h"

#include "store/store.h"
#include "uplink/uplink.h"

/* A point of the gateway's own: whether a source or an uplink is down, the store in trouble. */
static void own_point(struct gw_load *l, const char *owner, const char *name)
{
	struct gw_config *c = l->config;
	char *key = gw_arena_printf(l->reader.arena, "%s:%s", owner, name);

	c->points[c->n_points++] = (struct gw_point_info){
		.key = key ? key : "",
		.source = owner,
		.device = "",
		.name = name,
		.unit_of_measure = "",
		.place = {"", "", ""},
	};
}

static void number_device(struct gw_load *l, struct gw_load_device *d, uint32_t *index)
{
	struct gw_config *c = l->config;

	char *device_key = gw_arena_printf(
		&l->reader.scratch, "%s/%s", d->source->name, d->device->name);

	if (device_key)
		gw_strmap_add(&l->device_keys, device_key, (uint32_t)(d - l->devices));
	d->first_point = (uint32_t)c->n_points;
	for (size_t i = 0; i < d->device->n_points; i++) {
		struct gw_point_opts *p = &d->device->points[i];
		char *key = gw_arena_printf(l->reader.arena, "%s/%s/%s", d->source->name,
			d->device->name, p->name);

		c->points[c->n_points] = (struct gw_point_info){
			.key = key ? key : "",
			.source = d->source->name,
			.device = d->device->name,
			.name = p->name,
			.unit_of_measure = d->units[i],
			.place = d->place,
		};
		p->info = &c->points[c->n_points];
		p->index = (*index)++;
		gw_strmap_add(&l->points, p->info->key, (uint32_t)c->n_points);
		c->n_points++;
	}
}

void gw_point_table_make(struct gw_load *l)
{
	struct gw_config *c = l->config;
	size_t capacity = l->n_points + c->n_sources + c->n_uplinks * GW_UPLINK_POINTS +
		GW_STORE_POINTS + GW_GATEWAY_POINTS;
	uint32_t index;
	size_t d = 0;

	c->points = gw_arena_alloc(l->reader.arena, capacity, sizeof(*c->points));
	c->source_first_point = gw_arena_alloc(
		l->reader.arena, c->n_sources, sizeof(*c->source_first_point));
	c->uplink_first_point = gw_arena_alloc(
		l->reader.arena, c->n_uplinks, sizeof(*c->uplink_first_point));
	if (!c->points || !c->source_first_point || !c->uplink_first_point)
		return;
	for (size_t i = 0; i < c->n_sources; i++) {
		struct gw_source_opts *s = &c->sources[i];

		c->source_first_point[i] = (uint32_t)c->n_points;
		for (index = 0; d < l->n_devices && l->devices[d].source == s; d++)
			number_device(l, &l->devices[d], &index);
		s->n_points = s->down_point = index;
		own_point(l, s->name, "down");
	}
	for (size_t i = 0; i < c->n_uplinks; i++) {
		c->uplink_first_point[i] = (uint32_t)c->n_points;
		own_point(l, c->uplinks[i].name, "down");
		own_point(l, c->uplinks[i].name, "parked");
	}
	c->store_first_point = (uint32_t)c->n_points;
	own_point(l, "gateway", "store-failing");
	own_point(l, "gateway", "store-replaced");
	c->gateway_first_point = (uint32_t)c->n_points;
	own_point(l, "gateway", "events-lost");
	own_point(l, "gateway", "config");
}
