/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/members.h"

#include "base/match.h"
#include "conf/incomplete.h"
#include "yaml/complain.h"
#include "yaml/hint.h"

#include <string.h>

bool gw_members_init(struct gw_member_search *ret_search, struct gw_load *l)
{
	struct gw_member_search *f = ret_search;
	size_t voters = l->n_devices + l->config->n_sources + l->config->n_uplinks + 1 +
		l->n_pending;

	*f = (struct gw_member_search){.l = l, .names.arena = &l->reader.scratch};
	f->same_name = gw_arena_alloc(&l->reader.scratch, l->n_pending, sizeof(uint32_t));
	f->seen_alarm = gw_arena_alloc(&l->reader.scratch, l->n_pending, sizeof(uint32_t));
	f->seen_point = gw_arena_alloc(
		&l->reader.scratch, l->config->n_points, sizeof(uint32_t));
	f->seen_voter = gw_arena_alloc(&l->reader.scratch, voters, sizeof(uint32_t));
	if (!f->same_name || !f->seen_alarm || !f->seen_point || !f->seen_voter)
		return false;
	for (size_t i = l->n_pending; i-- > 0;) {
		struct gw_strmap_entry *e = gw_strmap_add(
			&f->names, l->pending[i]->opts.info.name, GW_NO_PENDING);

		if (!e)
			return false;
		f->same_name[i] = e->value;
		e->value = (uint32_t)i;
	}
	return true;
}

void gw_members_new_search(struct gw_member_search *f)
{
	f->stamp++;
	f->n = f->voters = 0;
}

uint32_t gw_members_first_named(struct gw_member_search *f, const char *name)
{
	const struct gw_strmap_entry *e = gw_strmap_find(&f->names, name);

	return e ? e->value : GW_NO_PENDING;
}

static void add_member(struct gw_member_search *f, struct gw_member m)
{
	uint32_t *seen = m.is_alarm ? &f->seen_alarm[m.index] : &f->seen_point[m.index];
	struct gw_member *all;

	if (*seen == f->stamp)
		return;
	*seen = f->stamp;
	all = gw_arena_grow(
		&f->l->reader.scratch, f->members, f->n, &f->cap, sizeof(*f->members));
	if (!all)
		return;
	f->members = all;
	f->members[f->n++] = m;
	if (f->seen_voter[m.device] != f->stamp)
		f->voters++;
	f->seen_voter[m.device] = f->stamp;
}

void gw_members_add_alarm(struct gw_member_search *f, size_t i)
{
	const struct gw_pending_alarm *d = f->l->pending[i];

	add_member(f, (struct gw_member){true, (uint32_t)i, d->voter, d->opts.info.key});
}

size_t gw_members_match_alarms(struct gw_member_search *f,
	const struct gw_pending_alarm *self, const char *pattern)
{
	struct gw_load *l = f->l;
	bool by_key = strchr(pattern, ':') != NULL, wild = strpbrk(pattern, "*?") != NULL;
	const struct gw_strmap_entry *e;
	size_t matches = 0;

	if (by_key && !wild) {
		e = gw_strmap_find(&l->pending_keys, pattern);
		if (e)
			gw_members_add_alarm(f, e->value);
		return e != NULL;
	}
	if (!wild) {
		for (uint32_t i = gw_members_first_named(f, pattern); i != GW_NO_PENDING;
			i = f->same_name[i]) {
			gw_members_add_alarm(f, i);
			matches++;
		}
		return matches;
	}
	for (size_t i = 0; i < l->n_pending; i++) {
		const struct gw_pending_alarm *d = l->pending[i];
		const char *text = by_key ? d->opts.info.key : d->opts.info.name;

		if (d == self || (d->implicit && !by_key) || !gw_match(pattern, text))
			continue;
		gw_members_add_alarm(f, i);
		matches++;
	}
	return matches;
}

static bool add_point(struct gw_member_search *f, uint32_t device, size_t i)
{
	const struct gw_load_device *d = &f->l->devices[device];
	uint32_t point = d->first_point + (uint32_t)i;

	if (!gw_point_is_discrete(&d->device->points[i]))
		return false;
	add_member(f,
		(struct gw_member){false, point, device, f->l->config->points[point].key});
	return true;
}

/* The device that holds a point: they stand in the order of their points. */
static uint32_t device_of(const struct gw_load *l, uint32_t point)
{
	uint32_t lo = 0, hi = (uint32_t)l->n_devices, middle;

	while (hi - lo > 1) {
		middle = lo + (hi - lo) / 2;
		if (l->devices[middle].first_point <= point)
			lo = middle;
		else
			hi = middle;
	}
	return lo;
}

size_t gw_members_match_points(
	struct gw_member_search *f, const char *pattern, size_t *ret_numbers)
{
	struct gw_load *l = f->l;
	const struct gw_strmap_entry *e;
	size_t matches = 0, numbers = 0;

	if (!strpbrk(pattern, "*?")) {
		e = gw_strmap_find(&l->points, pattern);
		if (e) {
			uint32_t device = device_of(l, e->value);

			matches = add_point(
				f, device, e->value - l->devices[device].first_point);
			*ret_numbers = !matches;
		}
		return matches;
	}
	for (uint32_t i = 0; i < l->n_devices; i++) {
		const struct gw_load_device *d = &l->devices[i];

		for (size_t k = 0; k < d->device->n_points; k++) {
			if (!gw_match(pattern, l->config->points[d->first_point + k].key))
				continue;
			if (add_point(f, i, k))
				matches++;
			else
				numbers++;
		}
	}
	*ret_numbers = numbers;
	return matches;
}

void gw_members_complain(struct gw_load *l, const struct gw_yaml_node *node,
	const char *pattern, size_t numbers)
{
	struct gw_hint hint;

	if (numbers) {
		gw_complain(&l->reader, node,
			"\"%s\" matches only points that are numbers: points of type bool or bit are wanted here, or alarms",
			pattern);
		return;
	}
	if (l->incomplete.alarms && (!strchr(pattern, '/') || strchr(pattern, ':')))
		return;
	if (strchr(pattern, '/') && gw_incomplete_may_match(l, pattern))
		return;
	gw_hint_init(&hint, &l->reader, pattern);
	for (size_t i = 0; i < l->n_pending; i++) {
		gw_hint_add(&hint, l->pending[i]->opts.info.key);
		gw_hint_add(&hint, l->pending[i]->opts.info.name);
	}
	for (size_t i = 0; i < l->config->n_points; i++)
		if (*l->config->points[i].device)
			gw_hint_add(&hint, l->config->points[i].key);
	gw_complain(&l->reader, node, "\"%s\" matches no alarm and no discrete point%s",
		pattern, gw_hint_text(&hint));
}

const struct gw_member *gw_members_copy(struct gw_member_search *f)
{
	struct gw_member *copy = gw_arena_alloc(&f->l->reader.scratch, f->n, sizeof(*copy));

	if (copy && f->n)
		memcpy(copy, f->members, f->n * sizeof(*copy));
	return copy;
}

void gw_members_link(struct gw_load *l, const struct gw_member **members, size_t *n)
{
	struct gw_member *copy = gw_arena_alloc(l->reader.arena, *n, sizeof(*copy));

	for (size_t i = 0; copy && i < *n; i++) {
		copy[i] = (*members)[i];
		if (copy[i].is_alarm)
			copy[i].index = l->pending[copy[i].index]->number;
	}
	*members = copy;
	if (!copy)
		*n = 0;
}
