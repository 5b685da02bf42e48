/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/sources.h"

#include "base/text.h"
#include "conf/core_settings.h"
#include "conf/incomplete.h"
#include "conf/points.h"
#include "conf/profile.h"
#include "yaml/complain.h"
#include "yaml/hint.h"
#include "yaml/settings.h"

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
	gw_hint_init(&hint, &l->reader, node->text);
	gw_text_init(&all, memory, sizeof(memory));
	for (const struct gw_driver *const *d = gw_drivers; *d; d++) {
		if (strcmp((*d)->name, node->text) == 0)
			return *d;
		gw_hint_add(&hint, (*d)->name);
		gw_text_addf(&all, "%s%s", all.used ? ", " : "", (*d)->name);
	}
	gw_complain(&l->reader, node, "\"%s\" is not one of %s%s", node->text, memory,
		gw_hint_text(&hint));
	return NULL;
}

static void read_place(
	struct gw_load *l, const struct gw_yaml_node *device, struct gw_place_info *place)
{
	const struct gw_yaml_node *node = gw_yaml_get(device, "place");
	struct gw_settings_block *block = gw_settings_add_block(
		&l->reader, gw_place_settings, place, sizeof(*place), node);

	if (!node || !block || gw_yaml_is_empty(node) || !gw_yaml_is_map(&l->reader, node))
		return;
	gw_settings_read_map(&l->reader,
		&(struct gw_settings_map){.map = node,
			.blocks = (struct gw_settings_block *[]){block},
			.n_blocks = 1});
}

/* How often it is polled, or how often it is expected to publish. */
static void set_poll_interval(struct gw_load *l, struct gw_load_device *d,
	const struct gw_settings_block *block, bool source_has_poll)
{
	const struct gw_yaml_node *poll = gw_settings_node(block, "poll");
	const struct gw_yaml_node *expect = gw_settings_node(block, "expect_every");

	if (!d->source->driver_table)
		return;
	if (d->source->driver_table->pushed) {
		if (poll)
			gw_complain_key(&l->reader, poll,
				"a device of the %s driver speaks by itself and is not polled (did you mean expect_every?)",
				d->source->driver_table->name);
	} else {
		if (expect)
			gw_complain_key(&l->reader, expect,
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
	gw_settings_read_map(&l->reader,
		&(struct gw_settings_map){
			.map = map,
			.blocks = blocks,
			.n_blocks = n,
			.other_keys = other_keys,
			.ignore_unknown = !driver,
		});
	for (size_t i = 0; i < n; i++)
		gw_settings_check_required(&l->reader, blocks[i]);
	return true;
}

static void read_device(struct gw_load *l, const struct gw_yaml_node *node,
	struct gw_source_opts *source, struct gw_device_opts *device, bool source_has_poll)
{
	const struct gw_driver *driver = source->driver_table;
	struct gw_load_device *d = gw_arena_grow(
		&l->reader.scratch, l->devices, l->n_devices, &l->cap_devices, sizeof(*d));
	struct gw_device_reader_opts *more = gw_arena_alloc(
		&l->reader.scratch, 1, sizeof(*more));
	struct gw_settings_block *blocks[3] = {0};

	if (!d || !more)
		return;
	l->devices = d;
	d = &l->devices[l->n_devices++];
	*d = (struct gw_load_device){.node = node, .source = source, .device = device};
	blocks[0] = gw_settings_add_block(
		&l->reader, gw_device_settings, device, sizeof(*device), node);
	blocks[1] = gw_settings_add_block(
		&l->reader, gw_device_reader_settings, more, sizeof(*more), node);
	if (driver) {
		device->driver = gw_arena_alloc(
			l->reader.arena, 1, driver->device_opts_size);
		blocks[2] = gw_settings_add_block(&l->reader, driver->device_settings,
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
	set_poll_interval(l, d, blocks[0], source_has_poll);
	gw_points_read(l, d, d->profile ? d->profile->points : NULL);
}

static void read_devices(struct gw_load *l, const struct gw_yaml_node *map,
	struct gw_source_opts *source, bool source_has_poll)
{
	const struct gw_yaml_node *node = gw_yaml_list(&l->reader, map, "devices");
	struct gw_strmap names = {.arena = &l->reader.scratch};
	size_t i = 0;

	if (!node)
		return;
	source->devices = gw_arena_alloc(
		l->reader.arena, node->parent->n, sizeof(*source->devices));
	for (; node && source->devices; node = node->next) {
		struct gw_device_opts *device = &source->devices[i];
		const struct gw_yaml_node *name = gw_yaml_get(node, "name");
		struct gw_strmap_entry *e;

		if (!gw_yaml_is_map(&l->reader, node)) {
			gw_incomplete_device(l, source->name);
			continue;
		}
		device->name = "";
		read_device(l, node, source, device, source_has_poll);
		gw_context_check_name(l, name, device->name);
		if (*device->name == '\0') {
			gw_incomplete_device(l, source->name);
		} else {
			e = gw_strmap_add(&names, device->name, name->place.line);
			if (e && e->value != name->place.line)
				gw_complain(&l->reader, name,
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
	struct gw_source_reader_opts *more = gw_arena_alloc(
		&l->reader.scratch, 1, sizeof(*more));
	const struct gw_yaml_node *poll;
	struct gw_settings_block *blocks[3] = {0};

	source->driver_table = driver;
	blocks[0] = gw_settings_add_block(
		&l->reader, gw_source_settings, source, sizeof(*source), node);
	blocks[1] = gw_settings_add_block(
		&l->reader, gw_source_reader_settings, more, sizeof(*more), node);
	if (driver) {
		source->driver = gw_arena_alloc(
			l->reader.arena, 1, driver->source_opts_size);
		blocks[2] = gw_settings_add_block(&l->reader, driver->source_settings,
			source->driver, driver->source_opts_size, node);
	}
	if (!read_blocks(l, node, driver, blocks, (const char *const[]){"devices", NULL}))
		return;
	gw_context_check_owner(l, gw_yaml_get(node, "name"), source->name);
	poll = gw_settings_node(blocks[0], "poll");
	if (poll && driver && driver->pushed)
		gw_complain_key(&l->reader, poll,
			"devices of the %s driver speak by themselves and are not polled (give a device expect_every)",
			driver->name);
	if (*source->name == '\0')
		gw_incomplete_owner(l);
	read_devices(l, node, source, poll != NULL);
}

void gw_sources_read(struct gw_load *l, const struct gw_yaml_node *root)
{
	const struct gw_yaml_node *node = gw_yaml_list(&l->reader, root, "sources");
	struct gw_config *c = l->config;

	if (!node)
		return;
	c->sources = gw_arena_alloc(l->reader.arena, node->parent->n, sizeof(*c->sources));
	for (; node && c->sources; node = node->next) {
		if (!gw_yaml_is_map(&l->reader, node)) {
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

	gw_settings_report_init(&r, &l->reader);
	for (size_t i = 0; i < l->config->n_sources; i++) {
		const struct gw_source_opts *s = &l->config->sources[i];

		if (s->driver_table && s->driver_table->check)
			s->driver_table->check(s, &r.report);
	}
}
