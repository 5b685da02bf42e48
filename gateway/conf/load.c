/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/load.h"

#include "conf/context.h"
#include "conf/core_settings.h"
#include "conf/expand.h"
#include "conf/implicit.h"
#include "conf/incomplete.h"
#include "conf/point_table.h"
#include "conf/resolve.h"
#include "conf/sources.h"
#include "uplink/payload.h"
#include "uplink/sink.h"
#include "yaml/settings.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define UNUSED_MAX 64 /* settings of sinks and formats */
/* Store, alert log and live readers (app/wiring.c) are outputs of the engine, too. */
static_assert(GW_UPLINKS_MAX + 3 <= GW_ENGINE_OUTPUTS, "each uplink is an output");

static void read_gateway(struct gw_load *l, const struct gw_yaml_node *root)
{
	struct gw_gateway_opts *g = &l->config->gateway;
	const struct gw_yaml_node *node = gw_yaml_get(root, "gateway");
	struct gw_settings_block *b = gw_settings_add_block(
		&l->reader, gw_gateway_settings, g, sizeof(*g), node);

	if (!b)
		return;
	if (!node) {
		gw_complain_within(&l->reader, root, "gateway", "this key is missing");
		return;
	}
	if (gw_yaml_is_empty(node)) {
		gw_settings_check_required(&l->reader, b);
		return;
	}
	if (!gw_yaml_is_map(&l->reader, node))
		return;
	gw_settings_read_map(&l->reader,
		&(struct gw_settings_map){.map = node, .blocks = &b, .n_blocks = 1});
	gw_settings_check_required(&l->reader, b);
	if (gw_settings_node(b, "id"))
		gw_context_check_name(l, gw_settings_node(b, "id"), g->id);
	if (strlen(g->control_socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		gw_complain(&l->reader, gw_settings_node(b, "control_socket"),
			"%zu bytes are too long for a socket (at most %zu)",
			strlen(g->control_socket),
			sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
	l->config->site = (struct gw_site_info){
		.gateway = g->id, .unit = g->unit, .area = g->area, .grid = g->grid};
}

static const char *scalar_of(const struct gw_yaml_node *map, const char *key)
{
	const struct gw_yaml_node *node = gw_yaml_get(map, key);

	return node && node->kind == GW_YAML_SCALAR ? node->text : "";
}

static const struct gw_payload *payload_of(const struct gw_yaml_node *map)
{
	const char *name = scalar_of(map, "format");

	for (const struct gw_payload *const *p = gw_payloads; *p; p++)
		if (strcmp((*p)->name, name) == 0)
			return *p;
	return gw_payloads[0];
}

/* Settings of sinks and formats that this uplink does not use: known keys, but not here. An unknown
 * sink is complained of by the check of the URL. */
struct unused_keys {
	const char *keys[UNUSED_MAX + 1];
	size_t n;
};

static void collect_unused(struct gw_load *l, const struct gw_yaml_node *map,
	const struct gw_setting *rows, const char *why, struct unused_keys *unused)
{
	for (; rows && rows->key && unused->n < UNUSED_MAX; rows++) {
		const struct gw_yaml_node *node = gw_yaml_get(map, rows->key);

		unused->keys[unused->n++] = rows->key;
		if (node && why)
			gw_complain(&l->reader, node, "%s", why);
	}
}

static void read_own(struct gw_load *l, const struct gw_yaml_node *node,
	const struct gw_setting *rows, size_t size, void **ret_opts,
	struct gw_settings_map *map, struct gw_settings_block **blocks)
{
	if (!rows)
		return;
	*ret_opts = gw_arena_alloc(l->reader.arena, 1, size);
	if (*ret_opts)
		blocks[map->n_blocks] = gw_settings_add_block(
			&l->reader, rows, *ret_opts, size, node);
	map->n_blocks += *ret_opts && blocks[map->n_blocks];
}

static void read_uplink(struct gw_load *l, const struct gw_yaml_node *node)
{
	struct gw_uplink_opts *u = &l->config->uplinks[l->config->n_uplinks++];
	const struct gw_sink *sink = gw_sink_find(scalar_of(node, "url"));
	const struct gw_payload *payload = payload_of(node);
	struct unused_keys unused = {.n = 0};
	struct gw_settings_block *blocks[3] = {
		gw_settings_add_block(&l->reader, gw_uplink_settings, u, sizeof(*u), node)};
	struct gw_settings_map map = {
		.map = node, .blocks = blocks, .n_blocks = 1, .other_keys = unused.keys};

	if (!blocks[0])
		return;
	if (sink)
		read_own(l, node, sink->settings, sink->opts_size, &u->sink_opts, &map,
			blocks);
	read_own(l, node, payload->settings, payload->opts_size, &u->payload_opts, &map,
		blocks);
	for (const struct gw_sink *const *s = gw_sinks; *s; s++)
		if (*s != sink)
			collect_unused(l, node, (*s)->settings,
				!sink                      ? NULL
					: sink->why_unused ? sink->why_unused
							   : "of no use with this URL",
				&unused);
	for (const struct gw_payload *const *p = gw_payloads; *p; p++)
		if (*p != payload)
			collect_unused(l, node, (*p)->settings,
				"of no use with this format", &unused);
	gw_settings_read_map(&l->reader, &map);
	for (size_t i = 0; i < map.n_blocks; i++)
		gw_settings_check_required(&l->reader, blocks[i]);
	gw_context_check_owner(l, gw_settings_node(blocks[0], "name"), u->name);
	if (*u->name == '\0')
		gw_incomplete_owner(l);
}

static void read_uplinks(struct gw_load *l, const struct gw_yaml_node *root)
{
	const struct gw_yaml_node *node = gw_yaml_list(&l->reader, root, "uplinks");
	struct gw_config *c = l->config;

	if (!node)
		return;
	if (node->parent->n > GW_UPLINKS_MAX)
		gw_complain(&l->reader, node->parent,
			"%u uplinks are too many (at most %d)", node->parent->n,
			GW_UPLINKS_MAX);
	c->uplinks = gw_arena_alloc(l->reader.arena, node->parent->n, sizeof(*c->uplinks));
	for (; node && c->uplinks; node = node->next) {
		if (gw_yaml_is_map(&l->reader, node))
			read_uplink(l, node);
		else
			gw_incomplete_owner(l);
	}
}

static void check_uplinks(struct gw_load *l)
{
	struct gw_settings_report r;

	gw_settings_report_init(&r, &l->reader);
	for (size_t i = 0; i < l->config->n_uplinks; i++)
		gw_uplink_check(&l->config->uplinks[i], &r.report);
}

static void read_site(struct gw_load *l, const struct gw_yaml_node *root)
{
	if (!gw_yaml_is_map(&l->reader, root))
		return;
	gw_settings_read_map(&l->reader,
		&(struct gw_settings_map){
			.map = root,
			.other_keys = (const char *const[]){"gateway", "sources", "alarms",
				"uplinks", NULL},
		});
	read_gateway(l, root);
	gw_sources_read(l, root);
	read_uplinks(l, root);
	if (gw_reader_failed(&l->reader))
		return;
	gw_sources_check(l);
	check_uplinks(l);
	gw_point_table_make(l);
	if (gw_reader_failed(&l->reader))
		return;
	gw_implicit_add(l);
	gw_expand_site(l, root);
	gw_resolve_alarms(l);
}

static enum gw_err load(const char *path, const char *bytes, size_t n,
	const struct gw_files *from, struct gw_files *ret_read,
	struct gw_config **ret_config, struct gw_complaints *complaints)
{
	struct gw_arena *arena = calloc(1, sizeof(*arena));
	struct gw_load l = {.config = NULL};
	enum gw_err rc = GW_ERR_SYSTEM;
	struct gw_yaml_node *root;

	complaints->count = 0;
	if (!arena)
		return GW_ERR_SYSTEM;
	gw_reader_init(&l.reader, arena, path);
	l.reader.from = from;
	l.reader.read = ret_read;
	l.names.arena = l.points.arena = l.profiles.arena = l.pending_keys.arena =
		l.device_keys.arena = l.incomplete.sources.arena = &l.reader.scratch;
	l.config = gw_arena_alloc(arena, 1, sizeof(*l.config));
	if (l.config) {
		l.config->arena = arena;
		root = bytes ? gw_yaml_parse(&l.reader, path, bytes, n)
			     : gw_yaml_read(&l.reader, path);
		if (root)
			read_site(&l, root);
		if (root && complaints->inspect_keys && !gw_reader_failed(&l.reader))
			gw_settings_inspect_files(&l.reader);
	}
	if (!gw_reader_failed(&l.reader)) {
		gw_complain_flush(&l.reader, complaints);
		rc = complaints->count ? GW_ERR_CONFIG : GW_OK;
	}
	gw_reader_fini(&l.reader);
	if (rc == GW_OK) {
		*ret_config = l.config;
	} else {
		gw_arena_free(arena);
		free(arena);
	}
	return rc;
}

enum gw_err gw_config_load(
	const char *path, struct gw_config **ret_config, struct gw_complaints *complaints)
{
	return load(path, NULL, 0, NULL, NULL, ret_config, complaints);
}

enum gw_err gw_config_load_files(const char *path, const struct gw_files *from,
	struct gw_files *ret_read, struct gw_config **ret_config,
	struct gw_complaints *complaints)
{
	return load(path, NULL, 0, from, ret_read, ret_config, complaints);
}

enum gw_err gw_load_bytes(const char *path, const char *bytes, size_t n,
	struct gw_config **ret_config, struct gw_complaints *complaints)
{
	return load(path, bytes, n, NULL, NULL, ret_config, complaints);
}

void gw_config_free(struct gw_config *c)
{
	struct gw_arena *arena = c ? c->arena : NULL;

	if (!arena)
		return;
	gw_arena_free(arena); /* c lies in it */
	free(arena);
}
