/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/sources.h"

#include "base/text.h"
#include "conf/core_settings.h"
#include "conf/incomplete.h"
#include "conf/profile.h"
#include "conf/settings.h"
#include "store/store.h"
#include "uplink/uplink.h"

#include <string.h>

/* NULL: complained of. */
static const struct gw_driver *driver_of(struct gw_load *l, const struct gw_yaml_node *map)
{
	const struct gw_yaml_node *node = gw_yaml_get(map, "driver");
	struct gw_hint hint;
	char memory[256];
	struct gw_text all;

	if (!node || node->kind != GW_YAML_SCALAR || gw_yaml_is_empty(node))
		return NULL; /* its row complains */
	gw_hint_init(&hint, l, node->text);
	gw_text_init(&all, memory, sizeof(memory));
	for (const struct gw_driver *const *d = gw_drivers; *d; d++) {
		if (strcmp((*d)->name, node->text) == 0)
			return *d;
		gw_hint_add(&hint, (*d)->name);
		gw_text_addf(&all, "%s%s", all.used ? ", " : "", (*d)->name);
	}
	gw_complain(l, node, "\"%s\" is not one of %s%s", node->text, memory,
		gw_hint_text(&hint));
	return NULL;
}

static void read_place(
	struct gw_load *l, const struct gw_yaml_node *device, struct gw_place_info *place)
{
	const struct gw_yaml_node *node = gw_yaml_get(device, "place");
	struct gw_settings_block *block = gw_settings_add_block(
		l, gw_place_settings, place, sizeof(*place), node);

	if (!node || !block || gw_yaml_is_empty(node) || !gw_load_is_map(l, node))
		return;
	gw_settings_read_map(l,
		&(struct gw_settings_map){.map = node,
			.blocks = (struct gw_settings_block *[]){block},
			.n_blocks = 1});
}

/* How often it is read, or how often it is expected to speak. */
static void set_pace(struct gw_load *l, struct gw_load_device *d,
	const struct gw_settings_block *block, bool source_has_poll)
{
	const struct gw_yaml_node *poll = gw_settings_node(block, "poll");
	const struct gw_yaml_node *expect = gw_settings_node(block, "expect_every");

	if (!d->source->driver_table)
		return;
	if (d->source->driver_table->pushed) {
		if (poll)
			gw_complain_key(l, poll,
				"a device of the %s driver speaks by itself and is not polled (did you mean expect_every?)",
				d->source->driver_table->name);
	} else {
		if (expect)
			gw_complain_key(l, expect,
				"only for devices that speak by themselves; this one is silent after three and a half polls and at least 10 s (did you mean poll?)");
		if (!poll && !source_has_poll && d->profile)
			d->device->poll_ns = d->profile->head.poll_ns;
	}
}

/* The core's settings, those only the reader needs, and the driver's, all in one map. False: no
 * memory. */
static bool read_blocks(struct gw_load *l, const struct gw_yaml_node *map,
	const struct gw_driver *driver, struct gw_settings_block *const blocks[3],
	const char *const *other_keys)
{
	size_t n = driver ? 3 : 2;

	for (size_t i = 0; i < n; i++)
		if (!blocks[i])
			return false;
	gw_settings_read_map(l,
		&(struct gw_settings_map){
			.map = map,
			.blocks = blocks,
			.n_blocks = n,
			.other_keys = other_keys,
			.ignore_unknown = !driver,
		});
	for (size_t i = 0; i < n; i++)
		gw_settings_check_required(l, blocks[i]);
	return true;
}

static void read_device(struct gw_load *l, const struct gw_yaml_node *node,
	struct gw_source_opts *source, struct gw_device_opts *device, bool source_has_poll)
{
	const struct gw_driver *driver = source->driver_table;
	struct gw_load_device *d = gw_arena_grow(
		&l->scratch, l->devices, l->n_devices, &l->cap_devices, sizeof(*d));
	struct gw_device_reader_opts *more = gw_arena_alloc(&l->scratch, 1, sizeof(*more));
	struct gw_settings_block *blocks[3] = {0};

	if (!d || !more)
		return;
	l->devices = d;
	d = &l->devices[l->n_devices++];
	*d = (struct gw_load_device){.node = node, .source = source, .device = device};
	blocks[0] = gw_settings_add_block(
		l, gw_device_settings, device, sizeof(*device), node);
	blocks[1] = gw_settings_add_block(
		l, gw_device_reader_settings, more, sizeof(*more), node);
	if (driver) {
		device->driver = gw_arena_alloc(
			l->config_arena, 1, driver->device_opts_size);
		blocks[2] = gw_settings_add_block(l, driver->device_settings,
			device->driver, driver->device_opts_size, node);
	}
	if (!read_blocks(l, node, driver, blocks,
		    (const char *const[]){"place", "points", NULL}))
		return;
	read_place(l, node, &d->place);
	if (*more->profile) {
		d->profile = gw_profile_get(l, gw_settings_node(blocks[1], "profile"));
		if (!d->profile) {
			gw_incomplete_points(l, d);
			gw_incomplete_alarm(l);
		}
	}
	set_pace(l, d, blocks[0], source_has_poll);
	gw_points_read(l, d);
}

static void read_devices(struct gw_load *l, const struct gw_yaml_node *map,
	struct gw_source_opts *source, bool source_has_poll)
{
	const struct gw_yaml_node *node = gw_load_list(l, map, "devices");
	struct gw_strmap names = {.arena = &l->scratch};
	size_t i = 0;

	if (!node)
		return;
	source->devices = gw_arena_alloc(
		l->config_arena, node->parent->n, sizeof(*source->devices));
	for (; node && source->devices; node = node->next) {
		struct gw_device_opts *device = &source->devices[i];
		const struct gw_yaml_node *name = gw_yaml_get(node, "name");
		struct gw_strmap_entry *e;

		if (!gw_load_is_map(l, node)) {
			gw_incomplete_device(l, source->name);
			continue;
		}
		device->name = "";
		read_device(l, node, source, device, source_has_poll);
		gw_load_check_name(l, name, device->name);
		if (*device->name == '\0') {
			gw_incomplete_device(l, source->name);
		} else {
			e = gw_strmap_add(&names, device->name, name->place.line);
			if (e && e->value != name->place.line)
				gw_complain(l, name,
					"a device of this source has this name already, on line %u",
					e->value);
		}
		source->n_devices = ++i;
	}
}

static void read_source(
	struct gw_load *l, const struct gw_yaml_node *node, struct gw_source_opts *source)
{
	const struct gw_driver *driver = driver_of(l, node);
	struct gw_source_reader_opts *more = gw_arena_alloc(&l->scratch, 1, sizeof(*more));
	const struct gw_yaml_node *poll;
	struct gw_settings_block *blocks[3] = {0};

	source->driver_table = driver;
	blocks[0] = gw_settings_add_block(
		l, gw_source_settings, source, sizeof(*source), node);
	blocks[1] = gw_settings_add_block(
		l, gw_source_reader_settings, more, sizeof(*more), node);
	if (driver) {
		source->driver = gw_arena_alloc(
			l->config_arena, 1, driver->source_opts_size);
		blocks[2] = gw_settings_add_block(l, driver->source_settings,
			source->driver, driver->source_opts_size, node);
	}
	if (!read_blocks(l, node, driver, blocks, (const char *const[]){"devices", NULL}))
		return;
	gw_load_check_owner(l, gw_yaml_get(node, "name"), source->name);
	poll = gw_settings_node(blocks[0], "poll");
	if (poll && driver && driver->pushed)
		gw_complain_key(l, poll,
			"devices of the %s driver speak by themselves and are not polled (give a device expect_every)",
			driver->name);
	if (*source->name == '\0')
		gw_incomplete_owner(l);
	read_devices(l, node, source, poll != NULL);
}

void gw_sources_read(struct gw_load *l, const struct gw_yaml_node *root)
{
	const struct gw_yaml_node *node = gw_load_list(l, root, "sources");
	struct gw_config *c = l->config;

	if (!node)
		return;
	c->sources = gw_arena_alloc(l->config_arena, node->parent->n, sizeof(*c->sources));
	for (; node && c->sources; node = node->next) {
		if (!gw_load_is_map(l, node)) {
			gw_incomplete_owner(l);
			continue;
		}
		c->sources[c->n_sources].name = "";
		read_source(l, node, &c->sources[c->n_sources]);
		c->n_sources++;
	}
}

void gw_sources_check(struct gw_load *l)
{
	struct gw_settings_report r;

	gw_settings_report_init(&r, l);
	for (size_t i = 0; i < l->config->n_sources; i++) {
		const struct gw_source_opts *s = &l->config->sources[i];

		if (s->driver_table && s->driver_table->check)
			s->driver_table->check(s, &r.report);
	}
}

/* A point of the gateway's own: whether a source or an uplink is down, the store in trouble. */
static void own_point(struct gw_load *l, const char *owner, const char *name)
{
	struct gw_config *c = l->config;
	char *key = gw_arena_printf(l->config_arena, "%s:%s", owner, name);

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
		&l->scratch, "%s/%s", d->source->name, d->device->name);

	if (device_key)
		gw_strmap_add(&l->device_keys, device_key, (uint32_t)(d - l->devices));
	d->first_point = (uint32_t)c->n_points;
	for (size_t i = 0; i < d->device->n_points; i++) {
		struct gw_point_opts *p = &d->device->points[i];
		char *key = gw_arena_printf(l->config_arena, "%s/%s/%s", d->source->name,
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

void gw_sources_number(struct gw_load *l)
{
	struct gw_config *c = l->config;
	size_t capacity = l->n_points + c->n_sources + c->n_uplinks * GW_UPLINK_POINTS +
		GW_STORE_POINTS + GW_GATEWAY_POINTS;
	uint32_t index;
	size_t d = 0;

	c->points = gw_arena_alloc(l->config_arena, capacity, sizeof(*c->points));
	c->source_first_point = gw_arena_alloc(
		l->config_arena, c->n_sources, sizeof(*c->source_first_point));
	c->uplink_first_point = gw_arena_alloc(
		l->config_arena, c->n_uplinks, sizeof(*c->uplink_first_point));
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
