/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/expand.h"

#include "alarm/condition.h"
#include "base/match.h"
#include "base/text.h"
#include "conf/incomplete.h"
#include "conf/pending_alarms.h"
#include "conf/profile.h"
#include "yaml/complain.h"
#include "yaml/hint.h"
#include "yaml/settings.h"

#include <string.h>

#define PARTS 3

/* A pattern split at its slashes. */
struct pattern {
	char memory[256];
	const char *part[PARTS];
	size_t n; /* 0: not a pattern */
	bool wild;
};

/* Whether a template that has the name of a point's implicit fault defines another alarm. One with
 * the condition `unreadable` only sets another time. */
static bool takes_name(const struct gw_template *t, const struct gw_pending_alarm *p)
{
	return p->implicit && p->on_point && t->when &&
		!(p->condition.kind == &gw_condition_unreadable &&
			t->condition.kind == &gw_condition_unreadable);
}

/* Apply a template to one key. of_site: it may override a profile's or an implicit alarm. False: it
 * was complained of; do not apply the template to more keys. */
static bool apply_template(struct gw_load *l, const struct gw_template *t, const char *key,
	bool of_site, struct gw_pending_alarm **ret_alarm)
{
	struct gw_pending_alarm *p = key ? gw_pending_alarm_find(l, key) : NULL;

	if (!key)
		return false;
	if (p && p->by && p->of_site == of_site) {
		gw_complain(&l->reader, gw_settings_node(t->reader_block, "name"),
			"an alarm on the same with this name stands on line %u already%s%s",
			p->by->node->place.line, of_site ? ": " : "", of_site ? key : "");
		return false;
	}
	if (!p && !t->when) {
		gw_complain_within(&l->reader, t->node, "when", "this key is missing");
		return false;
	}
	if (p && !takes_name(t, p)) {
		gw_settings_copy_given(t->block, &p->opts);
	} else {
		p = p ? p : gw_pending_alarm_add(l, key);
		if (!p && l->n_pending >= GW_ALARMS_MAX)
			gw_complain(&l->reader, t->node,
				"more than %d alarms in one gateway", GW_ALARMS_MAX);
		if (!p)
			return false;
		p->opts = t->opts;
		p->opts.info.key = key;
		p->opts.info.name = t->reader_opts.name;
		p->implicit = p->only_if_used = false;
	}
	if (t->when) {
		p->condition = t->condition;
		p->when = t;
	}
	if (gw_settings_node(t->block, "unless"))
		p->unless = t;
	p->by = t;
	p->of_site = of_site;
	*ret_alarm = p;
	return true;
}

static bool apply_to_point(struct gw_load *l, const struct gw_template *t, uint32_t device,
	size_t point, bool of_site)
{
	const struct gw_load_device *at = &l->devices[device];
	struct gw_pending_alarm *p;

	if (!apply_template(l, t,
		    gw_arena_printf(l->reader.arena, "%s:%s",
			    l->config->points[at->first_point + point].key,
			    t->reader_opts.name),
		    of_site, &p))
		return false;
	p->device = p->voter = device;
	p->on_point = true;
	p->opts.first_point = at->first_point + (uint32_t)point;
	p->opts.n_points = 1;
	return true;
}

static bool apply_to_device(
	struct gw_load *l, const struct gw_template *t, uint32_t device, bool of_site)
{
	const struct gw_load_device *at = &l->devices[device];
	struct gw_pending_alarm *p;

	if (!apply_template(l, t,
		    gw_arena_printf(l->reader.arena, "%s/%s:%s", at->source->name,
			    at->device->name, t->reader_opts.name),
		    of_site, &p))
		return false;
	p->device = p->voter = device;
	p->opts.first_point = at->first_point;
	p->opts.n_points = p->condition.kind && p->condition.kind->on_devices
		? (uint32_t)at->device->n_points
		: 0;
	return true;
}

/* Whether the condition can be on such a point at all. */
static bool is_suitable(const struct gw_template *t, const struct gw_point_opts *point)
{
	return !t->when_block || !t->condition.kind->numbers_only ||
		!gw_point_is_discrete(point);
}

static void refuse_discrete(struct gw_load *l, const struct gw_template *t)
{
	gw_complain(&l->reader, gw_settings_node(t->reader_block, "on"),
		"%s needs a number, but this point is true or false",
		t->condition.kind->key);
}

/* How many matched, 0 or 1; SIZE_MAX: complained of. */
static size_t apply_if_suitable(struct gw_load *l, const struct gw_template *t,
	uint32_t device, size_t point, bool of_site, bool wild)
{
	const struct gw_point_opts *p = &l->devices[device].device->points[point];

	if (!t->when && p->range.rows == 0 &&
		strcmp(t->reader_opts.name, "out-of-range") == 0) {
		if (wild)
			return 0;
		gw_complain(&l->reader, gw_settings_node(t->reader_block, "on"),
			"%s has no range to be out of", p->info->key);
		return SIZE_MAX;
	}
	if (!is_suitable(t, p)) {
		if (wild)
			return 0;
		refuse_discrete(l, t);
		return SIZE_MAX;
	}
	return apply_to_point(l, t, device, point, of_site) ? 1 : SIZE_MAX;
}

/* The same for all points of a device. */
static size_t apply_to_points(struct gw_load *l, const struct gw_template *t,
	uint32_t device, const char *pattern, bool of_site, bool wild)
{
	const struct gw_device_opts *d = l->devices[device].device;
	size_t matches = 0, more;

	for (size_t i = 0; i < d->n_points; i++) {
		if (!gw_match(pattern, d->points[i].name))
			continue;
		more = apply_if_suitable(l, t, device, i, of_site, wild);
		if (more == SIZE_MAX)
			return more;
		matches += more;
	}
	return matches;
}

void gw_expand_profile(struct gw_load *l, uint32_t device)
{
	const struct gw_profile *p = l->devices[device].profile;

	for (size_t i = 0; p && i < p->n_alarms; i++) {
		const struct gw_template *t = &p->alarms[i];

		if (!t->usable)
			continue;
		if (*t->reader_opts.on)
			apply_to_points(l, t, device, t->reader_opts.on, false,
				strpbrk(t->reader_opts.on, "*?") != NULL);
		else
			apply_to_device(l, t, device, false);
	}
}

/* Complains and sets n to 0 if it is none. */
static void split_pattern(
	struct gw_load *l, const struct gw_template *t, struct pattern *ret_pattern)
{
	const struct gw_yaml_node *on = gw_settings_node(t->reader_block, "on");
	struct pattern *p = ret_pattern;
	char *s = p->memory, *slash;

	p->n = 0;
	if (*t->reader_opts.on == '\0')
		return;
	p->wild = strpbrk(t->reader_opts.on, "*?") != NULL;
	strncpy(p->memory, t->reader_opts.on, sizeof(p->memory) - 1);
	p->memory[sizeof(p->memory) - 1] = '\0';
	for (size_t i = 0; s; s = slash ? slash + 1 : NULL) {
		slash = strchr(s, '/');
		if (slash)
			*slash = '\0';
		if (*s == '\0' || strchr(s, ':') || i == PARTS) {
			gw_complain(&l->reader, on,
				"\"%s\" is not a pattern such as source/device/point",
				t->reader_opts.on);
			return;
		}
		p->part[i++] = s;
		if (!slash)
			p->n = i;
	}
}

/* The faults of sources, uplinks and the gateway itself: those whose key has no slash. */
static size_t expand_owner(
	struct gw_load *l, const struct gw_template *t, const struct pattern *p)
{
	struct gw_pending_alarm *unused;
	size_t matches = 0;
	char owner[256];

	for (size_t i = 0, n = l->n_pending; i < n; i++) {
		const char *key = l->pending[i]->opts.info.key;
		size_t owner_length = strcspn(key, ":/");

		if (!l->pending[i]->implicit || key[owner_length] != ':' ||
			owner_length >= sizeof(owner) ||
			strcmp(key + owner_length + 1, t->reader_opts.name) != 0)
			continue;
		memcpy(owner, key, owner_length);
		owner[owner_length] = '\0';
		if (!gw_match(p->part[0], owner))
			continue;
		if (t->when) {
			gw_complain_key(&l->reader, t->when,
				"the fault \"%s\" has its condition already: leave when out",
				t->reader_opts.name);
			return SIZE_MAX;
		}
		if (!apply_template(l, t, key, true, &unused))
			return SIZE_MAX;
		matches++;
	}
	return matches;
}

static size_t expand_device(struct gw_load *l, const struct gw_template *t, uint32_t device,
	const struct pattern *p)
{
	const struct gw_strmap_entry *e;

	if (p->n == 3 && p->wild)
		return apply_to_points(l, t, device, p->part[2], true, true);
	if (p->n == 3) {
		e = gw_strmap_find(&l->points, t->reader_opts.on);
		return e ? apply_if_suitable(l, t, device,
				   e->value - l->devices[device].first_point, true, false)
			 : 0;
	}
	return apply_to_device(l, t, device, true) ? 1 : SIZE_MAX;
}

static size_t expand_devices(
	struct gw_load *l, const struct gw_template *t, const struct pattern *p)
{
	const struct gw_strmap_entry *e;
	size_t matches = 0, more;
	char key[256];
	struct gw_text text;

	if (p->n == 2 && t->when_block && !t->condition.kind->on_devices) {
		gw_complain(&l->reader, gw_settings_node(t->reader_block, "on"),
			"\"%s\" names a device, but %s needs a point: source/device/point",
			t->reader_opts.on, t->condition.kind->key);
		return SIZE_MAX;
	}
	if (!p->wild) {
		gw_text_init(&text, key, sizeof(key));
		gw_text_addf(&text, "%s/%s", p->part[0], p->part[1]);
		e = gw_strmap_find(&l->device_keys, key);
		return e ? expand_device(l, t, e->value, p) : 0;
	}
	for (uint32_t i = 0; i < l->n_devices; i++) {
		if (!gw_match(p->part[0], l->devices[i].source->name) ||
			!gw_match(p->part[1], l->devices[i].device->name))
			continue;
		more = expand_device(l, t, i, p);
		if (more == SIZE_MAX)
			return more;
		matches += more;
	}
	return matches;
}

static void refuse_unmatched(
	struct gw_load *l, const struct gw_template *t, const struct pattern *p)
{
	static const char *const what[] = {
		"source or uplink with such a fault", "device", "point"};
	struct gw_config *c = l->config;
	struct gw_hint hint;

	gw_incomplete_alarm(l);
	if (gw_incomplete_may_match(l, t->reader_opts.on))
		return;
	gw_hint_init(&hint, &l->reader, t->reader_opts.on);
	if (p->n == 3)
		for (size_t i = 0; i < c->n_points; i++)
			gw_hint_add(&hint, c->points[i].key);
	if (p->n == 2)
		for (size_t i = 0; l->device_keys.entries && i <= l->device_keys.mask; i++)
			if (l->device_keys.entries[i].key)
				gw_hint_add(&hint, l->device_keys.entries[i].key);
	if (p->n == 1)
		for (size_t i = 0; i < c->n_points; i++)
			if (!*c->points[i].device)
				gw_hint_add(&hint, c->points[i].source);
	gw_complain(&l->reader, gw_settings_node(t->reader_block, "on"),
		"\"%s\" matches no %s%s", t->reader_opts.on, what[p->n - 1],
		gw_hint_text(&hint));
}

static void expand(struct gw_load *l, const struct gw_template *t)
{
	const struct gw_yaml_node *on = gw_settings_node(t->reader_block, "on");
	struct gw_pending_alarm *unused;
	struct pattern p;

	if (t->when_block && t->condition.kind->is_vote) {
		if (on)
			gw_complain_key(&l->reader, on,
				"%s has no on: its members stand under of",
				t->condition.kind->key);
		apply_template(l, t, t->reader_opts.name, true, &unused);
		return;
	}
	if (!on) {
		if (t->when_block || !t->when)
			gw_complain_within(
				&l->reader, t->node, "on", "this key is missing");
		return;
	}
	split_pattern(l, t, &p);
	if (p.n == 0)
		return;
	if ((p.n == 1 ? expand_owner(l, t, &p) : expand_devices(l, t, &p)) == 0)
		refuse_unmatched(l, t, &p);
}

void gw_expand_site(struct gw_load *l, const struct gw_yaml_node *root)
{
	const struct gw_yaml_node *node = gw_yaml_list(&l->reader, root, "alarms");
	struct gw_template *all;
	size_t n = 0, i;

	if (!node)
		return;
	l->config->n_site_alarms = node->parent->n;
	all = gw_arena_alloc(&l->reader.scratch, node->parent->n, sizeof(*all));
	for (; node && all; node = node->next)
		if (gw_yaml_is_map(&l->reader, node))
			gw_template_read(l, node, &all[n++]);
		else
			gw_incomplete_alarm(l);
	for (i = 0; all && i < n; i++)
		if (all[i].usable)
			expand(l, &all[i]);
}
