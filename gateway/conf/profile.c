/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/profile.h"

#include "base/match.h"
#include "conf/points.h"
#include "gw_build.h"
#include "yaml/complain.h"
#include "yaml/files.h"
#include "yaml/hint.h"
#include "yaml/settings.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDERS_MAX 16
#define SUFFIX      ".yaml"

struct folders {
	const char *at[FOLDERS_MAX]; /* each with a slash at its end */
	size_t n;
};

static void add_folder(struct folders *f, const char *folder)
{
	if (folder && *folder && f->n < FOLDERS_MAX)
		f->at[f->n++] = folder;
}

/* The folder of this program, with a slash: for a build tree or an installation elsewhere. */
static const char *program_folder(struct gw_load *l)
{
	char path[1024];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	while (n > 0 && path[n - 1] != '/')
		n--;
	return n > 0 ? gw_arena_copy(&l->reader.scratch, path, (size_t)n) : NULL;
}

static void list_folders(struct gw_load *l, struct folders *f)
{
	const char *given = getenv("TOCSIN_PROFILES"), *program = program_folder(l);
	struct gw_arena *a = &l->reader.scratch;
	size_t n;

	add_folder(f, gw_arena_printf(a, "%sprofiles/", l->reader.folder));
	add_folder(f, gw_arena_printf(a, "%s../profiles/", l->reader.folder));
	add_folder(f, *l->reader.folder ? l->reader.folder : "./");
	for (; given && *given; given += n + (given[n] == ':')) {
		n = strcspn(given, ":");
		if (n)
			add_folder(f, gw_arena_printf(a, "%.*s/", (int)n, given));
	}
	add_folder(f, GW_PROFILE_DIR "/");
	if (program) {
		add_folder(f, gw_arena_printf(a, "%s../share/tocsin/profiles/", program));
		add_folder(f, gw_arena_printf(a, "%s../config/profiles/", program));
	}
}

static void hint_profiles(struct gw_load *l, const char *folder, struct gw_hint *hint)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	size_t n;
	char *name;

	while (dir && (e = readdir(dir))) {
		n = strlen(e->d_name);
		if (n <= strlen(SUFFIX) ||
			strcmp(e->d_name + n - strlen(SUFFIX), SUFFIX) != 0)
			continue;
		name = gw_arena_copy(&l->reader.scratch, e->d_name, n - strlen(SUFFIX));
		if (name)
			gw_hint_add(hint, name);
	}
	if (dir)
		closedir(dir);
}

/* In a saved configuration, whatever folder it came from. */
static const char *find_in_copy(struct gw_load *l, const struct gw_yaml_node *node)
{
	const char *name = gw_arena_printf(&l->reader.scratch, "/%s" SUFFIX, node->text);

	for (size_t i = 1; name && i < l->reader.from->n; i++) {
		const char *path = l->reader.from->at[i].path;
		size_t n = strlen(path), end = strlen(name);

		if (strcmp(path, name + 1) == 0 ||
			(n > end && strcmp(path + n - end, name) == 0))
			return path;
	}
	gw_complain(&l->reader, node, "there is no profile \"%s\" in the copy", node->text);
	return NULL;
}

/* The path of the profile; NULL: complained of at node. */
static const char *find_profile(struct gw_load *l, const struct gw_yaml_node *node)
{
	struct folders f = {.n = 0};
	struct gw_hint hint;
	const char *path;

	if (l->reader.from)
		return find_in_copy(l, node);
	list_folders(l, &f);
	for (size_t i = 0; i < f.n; i++) {
		path = gw_arena_printf(
			&l->reader.scratch, "%s%s" SUFFIX, f.at[i], node->text);
		if (path && access(path, F_OK) == 0)
			return path;
	}
	gw_hint_init(&hint, &l->reader, node->text);
	for (size_t i = 0; i < f.n; i++)
		hint_profiles(l, f.at[i], &hint);
	gw_complain(&l->reader, node,
		"there is no profile \"%s\" in %s, $TOCSIN_PROFILES or %s%s", node->text,
		f.n ? f.at[0] : "profiles/", GW_PROFILE_DIR, gw_hint_text(&hint));
	return NULL;
}

/* A profile's alarm names a point of the profile, or nothing if it is about silence. */
static void check_alarm(
	struct gw_load *l, const struct gw_profile *p, const struct gw_template *t)
{
	const struct gw_yaml_node *on = gw_settings_node(t->reader_block, "on"), *n, *name;
	struct gw_hint hint;
	bool found = false;

	if (!on) {
		if (t->usable && strcmp(t->reader_opts.name, "silent") != 0)
			gw_complain_within(
				&l->reader, t->node, "on", "this key is missing");
		return;
	}
	gw_hint_init(&hint, &l->reader, t->reader_opts.on);
	for (n = p->points; n && !found; n = n->next) {
		name = gw_yaml_get(n, "name");
		if (!name || name->kind != GW_YAML_SCALAR)
			continue;
		found = gw_match(t->reader_opts.on, name->text);
		gw_hint_add(&hint, name->text);
	}
	if (!found && *t->reader_opts.on)
		gw_complain(&l->reader, on, "\"%s\" is no point of this profile%s",
			t->reader_opts.on, gw_hint_text(&hint));
}

static void read_alarms(struct gw_load *l, struct gw_profile *p)
{
	const struct gw_yaml_node *n = gw_yaml_list(&l->reader, p->root, "alarms");

	if (!n)
		return;
	p->alarms = gw_arena_alloc(&l->reader.scratch, n->parent->n, sizeof(*p->alarms));
	for (; n && p->alarms; n = n->next) {
		if (!gw_yaml_is_map(&l->reader, n))
			continue;
		gw_template_read(l, n, &p->alarms[p->n_alarms]);
		if (p->alarms[p->n_alarms].reader_block)
			check_alarm(l, p, &p->alarms[p->n_alarms]);
		p->n_alarms++;
	}
}

static bool read_profile(struct gw_load *l, struct gw_profile *p, const char *name)
{
	const struct gw_yaml_node *root = p->path ? gw_yaml_read(&l->reader, p->path)
						  : NULL,
				  *node;
	struct gw_settings_block *block;

	if (!root || !gw_yaml_is_map(&l->reader, root))
		return false;
	block = gw_settings_add_block(
		&l->reader, gw_profile_settings, &p->head, sizeof(p->head), root);
	if (!block)
		return false;
	gw_settings_read_map(&l->reader,
		&(struct gw_settings_map){
			.map = root,
			.blocks = &block,
			.n_blocks = 1,
			.other_keys = (const char *const[]){"points", "alarms", NULL},
		});
	gw_settings_check_required(&l->reader, block);
	node = gw_settings_node(block, "profile");
	if (node && *p->head.profile && strcmp(p->head.profile, name) != 0)
		gw_complain(&l->reader, node,
			"\"%s\" is not the file's name (did you mean %s?)", p->head.profile,
			name);
	p->root = root;
	p->points = gw_yaml_list(&l->reader, root, "points");
	gw_points_check(l, p->points);
	read_alarms(l, p);
	return true;
}

const struct gw_profile *gw_profile_get(struct gw_load *l, const struct gw_yaml_node *node)
{
	const struct gw_strmap_entry *e = gw_strmap_find(&l->profiles, node->text);
	struct gw_profile *p, **all;

	if (strchr(node->text, '/') || *node->text == '.') {
		gw_complain(
			&l->reader, node, "a profile is named without folder and ending");
		return NULL;
	}
	if (e && l->profile[e->value]->root)
		return l->profile[e->value];
	if (e) { /* complain again for every device that names a missing one */
		if (!l->profile[e->value]->path)
			find_profile(l, node);
		return NULL;
	}
	p = gw_arena_alloc(&l->reader.scratch, 1, sizeof(*p));
	all = gw_arena_grow(&l->reader.scratch, l->profile, l->n_profiles, &l->cap_profiles,
		sizeof(struct gw_profile *));
	if (!p || !all)
		return NULL;
	l->profile = all;
	gw_strmap_add(&l->profiles, node->text, (uint32_t)l->n_profiles);
	l->profile[l->n_profiles++] = p;
	p->path = find_profile(l, node);
	return read_profile(l, p, node->text) ? p : NULL;
}
