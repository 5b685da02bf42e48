/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/points.h"

#include "conf/core_settings.h"
#include "conf/incomplete.h"
#include "yaml/complain.h"
#include "yaml/settings.h"

#include <string.h>

#define DRIVERS_MAX 16

static bool has_row(const struct gw_setting *rows, const char *key)
{
	for (; rows && rows->key; rows++)
		if (strcmp(rows->key, key) == 0)
			return true;
	return false;
}

/* What a profile says of registers (their width and scale) does not apply to a driver without
 * registers: that delivers the value itself, in the point's unit. */
static void forget_register(struct gw_load *l, struct gw_point_opts *p)
{
	struct gw_code *left = gw_arena_alloc(l->reader.arena, p->invalid.n, sizeof(*left));
	size_t n = 0;

	for (size_t i = 0; left && i < p->invalid.n; i++)
		if (!p->invalid.at[i].is_raw)
			left[n++] = p->invalid.at[i];
	p->invalid = (struct gw_codes){n, left};
	p->type = p->type == GW_TYPE_BIT || p->type == GW_TYPE_BOOL ? GW_TYPE_BOOL
								    : GW_TYPE_NUMBER;
	p->scale = 1;
	p->offset = 0;
}

static bool is_interval(struct gw_load *l, const struct gw_settings_block *b,
	const char *key, struct gw_table *t)
{
	if (t->rows == 0)
		return false;
	if (t->rows == 1 && t->columns == 2 && t->cells[0] < t->cells[1])
		return true;
	gw_complain(&l->reader, gw_settings_node(b, key),
		t->rows == 1 && t->columns == 2
			? "the first number must be the smaller"
			: "two numbers are wanted here: [lowest, highest]");
	*t = (struct gw_table){0}; /* as not given */
	return false;
}

static void check_bounds(
	struct gw_load *l, const struct gw_settings_block *b, struct gw_point_opts *p)
{
	bool range = is_interval(l, b, "range", &p->range);
	bool valid = is_interval(l, b, "valid", &p->valid);

	if (range && valid &&
		(p->range.cells[0] < p->valid.cells[0] ||
			p->range.cells[1] > p->valid.cells[1]))
		gw_complain(&l->reader, gw_settings_node(b, "valid"),
			"valid must hold all of range: what the sensor measures is a value");
}

/* One point from what a profile and a site file say of it; either may be NULL. */
static void read_point(struct gw_load *l, struct gw_load_device *d, size_t at,
	const struct gw_yaml_node *profile, const struct gw_yaml_node *site)
{
	struct gw_point_opts *p = &d->device->points[at];
	const struct gw_driver *driver = d->source->driver_table;
	const struct gw_yaml_node *node = site ? site : profile;
	struct gw_point_reader_opts *more = gw_arena_alloc(
		&l->reader.scratch, 1, sizeof(*more));
	struct gw_settings_block *blocks[3] = {0};
	struct gw_settings_map map = {
		.blocks = blocks, .n_blocks = driver ? 3 : 2, .ignore_unknown = true};

	blocks[0] = gw_settings_add_block(
		&l->reader, gw_point_settings, p, sizeof(*p), node);
	blocks[1] = gw_settings_add_block(
		&l->reader, gw_point_reader_settings, more, sizeof(*more), node);
	if (driver) {
		p->driver = gw_arena_alloc(l->reader.arena, 1, driver->point_opts_size);
		blocks[2] = gw_settings_add_block(&l->reader, driver->point_settings,
			p->driver, driver->point_opts_size, node);
	}
	if (!blocks[0] || !blocks[1] || (driver && !blocks[2]))
		return;
	map.map =
		profile; /* its unknown keys were complained of when the profile was read */
	if (profile)
		gw_settings_read_map(&l->reader, &map);
	if (profile && gw_yaml_get(profile, "register") && driver &&
		!has_row(driver->point_settings, "register"))
		forget_register(l, p);
	map.map = site;
	map.ignore_unknown = !driver;
	if (site)
		gw_settings_read_map(&l->reader, &map);
	for (int i = 0; i < 3; i++)
		if (blocks[i])
			gw_settings_check_required(&l->reader, blocks[i]);
	check_bounds(l, blocks[0], p);
	if (p->scale == 0)
		gw_complain(&l->reader, gw_settings_node(blocks[0], "scale"),
			"a scale of 0 would make every value the same");
	d->units[at] = more->unit;
}

/* The name of a point, "" if there is none. */
static const char *name_of(const struct gw_yaml_node *point)
{
	const struct gw_yaml_node *name = gw_yaml_get(point, "name");

	return name && name->kind == GW_YAML_SCALAR && !gw_yaml_is_empty(name) ? name->text
									       : "";
}

/* Complains of bad and double names in one list. False: some point has none. */
static bool check_names(struct gw_load *l, const struct gw_yaml_node *first)
{
	struct gw_strmap names = {.arena = &l->reader.scratch};
	struct gw_strmap_entry *e;
	bool all = true;

	for (const struct gw_yaml_node *n = first; n; n = n->next) {
		const struct gw_yaml_node *name = gw_yaml_get(n, "name");

		if (!gw_yaml_is_map(&l->reader, n) || *name_of(n) == '\0') {
			all = false;
			continue;
		}
		gw_context_check_name(l, name, name->text);
		e = gw_strmap_add(&names, name->text, name->place.line);
		if (e && e->value != name->place.line)
			gw_complain(&l->reader, name,
				"a point of this device has this name already, on line %u",
				e->value);
	}
	return all;
}

/* Points by name, to find what the site file says of a profile's point. */
static void index_names(struct gw_strmap *names, const struct gw_yaml_node *first,
	const struct gw_yaml_node **at)
{
	for (const struct gw_yaml_node *n = first; n; n = n->next) {
		if (at)
			at[n->index] = n;
		if (*name_of(n))
			gw_strmap_add(names, name_of(n), n->index);
	}
}

void gw_points_read(
	struct gw_load *l, struct gw_load_device *d, const struct gw_yaml_node *profile)
{
	const struct gw_yaml_node *site = gw_yaml_list(&l->reader, d->node, "points");
	struct gw_strmap site_names = {.arena = &l->reader.scratch};
	struct gw_strmap profile_names = {.arena = &l->reader.scratch};
	size_t max_points = (site ? site->parent->n : 0) +
		(profile ? profile->parent->n : 0);
	const struct gw_yaml_node *n, **at;
	const struct gw_strmap_entry *e;

	if (!check_names(l, site))
		gw_incomplete_points(l, d);
	if (max_points > GW_POINTS_MAX - l->n_points) {
		gw_complain(&l->reader, d->node, "more than %d points in one gateway",
			GW_POINTS_MAX);
		gw_incomplete_points(l, d);
		return;
	}
	d->device->points = gw_arena_alloc(
		l->reader.arena, max_points, sizeof(struct gw_point_opts));
	d->units = gw_arena_alloc(&l->reader.scratch, max_points, sizeof(*d->units));
	at = gw_arena_alloc(&l->reader.scratch, site ? site->parent->n : 0, sizeof(*at));
	if (!d->device->points || !d->units || !at)
		return;
	index_names(&site_names, site, at);
	index_names(&profile_names, profile, NULL);
	for (n = profile; n; n = n->next) {
		if (n->kind != GW_YAML_MAP)
			continue;
		e = gw_strmap_find(&site_names, name_of(n));
		read_point(l, d, d->device->n_points++, n, e ? at[e->value] : NULL);
	}
	for (n = site; n; n = n->next)
		if (n->kind == GW_YAML_MAP && !gw_strmap_find(&profile_names, name_of(n)))
			read_point(l, d, d->device->n_points++, NULL, n);
	l->n_points += d->device->n_points;
	if (d->device->n_points == 0 && max_points == 0 &&
		(d->profile || !gw_yaml_get(d->node, "profile")))
		gw_complain(
			&l->reader, d->node, "has no points: give it points or a profile");
}

void gw_points_check(struct gw_load *l, const struct gw_yaml_node *points)
{
	struct gw_settings_block *blocks[2 + DRIVERS_MAX];
	const struct gw_driver *const *d;
	const struct gw_yaml_node *n;
	size_t n_blocks;

	check_names(l, points);
	for (n = points; n; n = n->next) {
		if (n->kind != GW_YAML_MAP)
			continue;
		blocks[0] = gw_settings_add_block(&l->reader, gw_point_settings,
			gw_arena_alloc(&l->reader.scratch, 1, sizeof(struct gw_point_opts)),
			sizeof(struct gw_point_opts), n);
		blocks[1] = gw_settings_add_block(&l->reader, gw_point_reader_settings,
			gw_arena_alloc(
				&l->reader.scratch, 1, sizeof(struct gw_point_reader_opts)),
			sizeof(struct gw_point_reader_opts), n);
		n_blocks = 2;
		for (d = gw_drivers; *d && n_blocks < 2 + DRIVERS_MAX; d++)
			blocks[n_blocks++] = gw_settings_add_block(&l->reader,
				(*d)->point_settings,
				gw_arena_alloc(
					&l->reader.scratch, 1, (*d)->point_opts_size),
				(*d)->point_opts_size, n);
		gw_settings_read_map(&l->reader,
			&(struct gw_settings_map){
				.map = n, .blocks = blocks, .n_blocks = n_blocks});
		if (blocks[0])
			gw_settings_check_required(&l->reader, blocks[0]);
	}
}
