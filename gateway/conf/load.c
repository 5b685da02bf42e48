/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/load.h"
#include "conf/files.h"

#include "base/parse.h"
#include "base/text.h"
#include "conf/alarms.h"
#include "conf/core_settings.h"
#include "conf/incomplete.h"
#include "conf/profile.h"
#include "conf/settings.h"
#include "conf/sources.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

const char *gw_load_text(struct gw_load *l, const char *text)
{
	const struct gw_strmap_entry *e;
	const char *copy;

	if (*text == '\0')
		return "";
	e = gw_strmap_find(&l->strings, text);
	if (e)
		return e->key;
	copy = gw_arena_copy(l->config_arena, text, strlen(text));
	if (!copy || !gw_strmap_add(&l->strings, copy, 0))
		return "";
	return copy;
}

/* Spaces, controls and invisible marks of Unicode: what looks like nothing or like a space. */
static bool invisible(uint32_t c)
{
	return c <= 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0xad || c == 0x1680 ||
		(c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f) ||
		(c >= 0x205f && c <= 0x206f) || c == 0x3000 ||
		(c >= 0xd800 && c <= 0xf8ff) || c == 0xfeff || (c >= 0xfff0 && c <= 0xffff);
}

static uint32_t code_point(const char *s, size_t n)
{
	uint32_t c = (unsigned char)*s;

	if (n > 1)
		c &= 0xffu >> (n + 1);
	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	return c;
}

bool gw_load_check_name(
	struct gw_load *l, const struct gw_yaml_node *node, const char *name)
{
	size_t n = strlen(name);

	if (n > GW_NAME_MAX) {
		gw_complain(l, node, "%zu bytes are too many for a name (at most %d)", n,
			GW_NAME_MAX);
		return false;
	}
	for (const char *s = name; *s; s += n) {
		n = gw_text_utf8(s, strlen(s));
		if (n == 1 &&
			strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-",
				*s))
			continue;
		if (n > 1 && !invisible(code_point(s, n)))
			continue;
		gw_complain(l, node,
			"\"%s\" is not a name: letters, digits, _ . and - only, no spaces",
			name);
		return false;
	}
	return true;
}

void gw_load_check_owner(
	struct gw_load *l, const struct gw_yaml_node *node, const char *name)
{
	struct gw_strmap_entry *e;

	if (!*name || !gw_load_check_name(l, node, name))
		return;
	if (strcmp(name, "gateway") == 0) {
		gw_complain(
			l, node, "\"gateway\" is the gateway's own name: choose another");
		return;
	}
	e = gw_strmap_add(&l->names, name, node->place.line);
	if (e && e->value != node->place.line)
		gw_complain(l, node, "a source or uplink has this name already, on line %u",
			e->value);
}

bool gw_load_is_map(struct gw_load *l, const struct gw_yaml_node *node)
{
	if (node->kind == GW_YAML_MAP)
		return true;
	if (node->kind != GW_YAML_INVALID)
		gw_complain(l, node, "keys with values are wanted here, such as name: x");
	return false;
}

const struct gw_yaml_node *gw_load_list(
	struct gw_load *l, const struct gw_yaml_node *map, const char *key)
{
	const struct gw_yaml_node *node = gw_yaml_get(map, key);

	if (!node || node->kind == GW_YAML_INVALID || gw_yaml_is_empty(node))
		return NULL;
	if (node->kind != GW_YAML_LIST) {
		gw_complain(l, node, "a list is wanted here: each item begins with \"- \"");
		return NULL;
	}
	return node->first;
}

static void read_gateway(struct gw_load *l, const struct gw_yaml_node *root)
{
	struct gw_gateway_opts *g = &l->config->gateway;
	const struct gw_yaml_node *node = gw_yaml_get(root, "gateway");
	struct gw_settings_block *b = gw_settings_add_block(
		l, gw_gateway_settings, g, sizeof(*g), node);

	if (!b)
		return;
	if (!node) {
		gw_complain_within(l, root, "gateway", "this key is missing");
		return;
	}
	if (gw_yaml_is_empty(node)) {
		gw_settings_check_required(l, b);
		return;
	}
	if (!gw_load_is_map(l, node))
		return;
	gw_settings_read_map(
		l, &(struct gw_settings_map){.map = node, .blocks = &b, .n_blocks = 1});
	gw_settings_check_required(l, b);
	if (gw_settings_node(b, "id"))
		gw_load_check_name(l, gw_settings_node(b, "id"), g->id);
	if (strlen(g->control_socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		gw_complain(l, gw_settings_node(b, "control_socket"),
			"%zu bytes are too long for a socket (at most %zu)",
			strlen(g->control_socket),
			sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
	l->config->site = (struct gw_site_info){
		.gateway = g->id, .unit = g->unit, .area = g->area, .grid = g->grid};
}

static void read_uplinks(struct gw_load *l, const struct gw_yaml_node *root)
{
	const struct gw_yaml_node *node = gw_load_list(l, root, "uplinks");
	struct gw_config *c = l->config;
	struct gw_uplink_opts *u;
	struct gw_settings_block *b;

	if (!node)
		return;
	if (node->parent->n > GW_UPLINKS_MAX)
		gw_complain(l, node->parent, "%u uplinks are too many (at most %d)",
			node->parent->n, GW_UPLINKS_MAX);
	c->uplinks = gw_arena_alloc(l->config_arena, node->parent->n, sizeof(*c->uplinks));
	for (; node && c->uplinks; node = node->next) {
		if (!gw_load_is_map(l, node)) {
			gw_incomplete_owner(l);
			continue;
		}
		u = &c->uplinks[c->n_uplinks++];
		b = gw_settings_add_block(l, gw_uplink_settings, u, sizeof(*u), node);
		if (!b)
			return;
		gw_settings_read_map(l,
			&(struct gw_settings_map){
				.map = node, .blocks = &b, .n_blocks = 1});
		gw_settings_check_required(l, b);
		gw_load_check_owner(l, gw_settings_node(b, "name"), u->name);
		if (*u->name == '\0')
			gw_incomplete_owner(l);
	}
}

static void check_uplinks(struct gw_load *l)
{
	struct gw_settings_report r;

	gw_settings_report_init(&r, l);
	for (size_t i = 0; i < l->config->n_uplinks; i++)
		gw_uplink_check(&l->config->uplinks[i], &r.report);
}

static void read_site(struct gw_load *l, const struct gw_yaml_node *root)
{
	if (!gw_load_is_map(l, root))
		return;
	gw_settings_read_map(l,
		&(struct gw_settings_map){
			.map = root,
			.other_keys = (const char *const[]){"gateway", "sources", "alarms",
				"uplinks", NULL},
		});
	read_gateway(l, root);
	gw_sources_read(l, root);
	read_uplinks(l, root);
	if (l->scratch.failed || l->config_arena->failed)
		return;
	gw_sources_check(l);
	check_uplinks(l);
	gw_sources_number(l);
	if (l->scratch.failed || l->config_arena->failed)
		return;
	gw_implicit_add(l);
	gw_expand_site(l, root);
	gw_resolve_alarms(l);
}

/* The folder a path lies in, with a slash; "" if it has none. */
static const char *folder_of(struct gw_load *l, const char *path)
{
	const char *slash = strrchr(path, '/'), *folder;

	if (!slash)
		return "";
	folder = gw_arena_copy(&l->scratch, path, (size_t)(slash - path) + 1);
	return folder ? folder : "";
}

static enum gw_err load(const char *path, const char *bytes, size_t n,
	const struct gw_files *from, struct gw_files *ret_read,
	struct gw_config **ret_config, struct gw_complaints *complaints)
{
	struct gw_arena *config_arena = calloc(1, sizeof(*config_arena));
	struct gw_load l = {.config_arena = config_arena, .from = from, .read = ret_read};
	enum gw_err result = GW_ERR_SYSTEM;
	struct gw_yaml_node *root;

	complaints->count = 0;
	if (!config_arena)
		return GW_ERR_SYSTEM;
	l.strings.arena = l.names.arena = l.points.arena = l.profiles.arena =
		l.pending_keys.arena = l.device_keys.arena = l.seen.arena =
			l.incomplete.sources.arena = &l.scratch;
	l.config = gw_arena_alloc(config_arena, 1, sizeof(*l.config));
	l.folder = folder_of(&l, path);
	if (l.config) {
		l.config->arena = config_arena;
		root = bytes ? gw_yaml_parse(&l, path, bytes, n) : gw_yaml_read(&l, path);
		if (root)
			read_site(&l, root);
		if (root && complaints->inspect_keys && !l.scratch.failed &&
			!config_arena->failed)
			gw_settings_inspect_files(&l);
	}
	if (!l.scratch.failed && !config_arena->failed) {
		gw_complain_flush(&l, complaints);
		result = complaints->count ? GW_ERR_CONFIG : GW_OK;
	}
	gw_arena_free(&l.scratch);
	if (result == GW_OK)
		*ret_config = l.config;
	else
		gw_arena_free(config_arena);
	if (result != GW_OK)
		free(config_arena);
	return result;
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
	struct gw_arena *config_arena = c ? c->arena : NULL;

	if (!config_arena)
		return;
	gw_arena_free(config_arena);
	free(config_arena);
}
