/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/members.h"

#include "base/match.h"
#include "conf/incomplete.h"
#include "yaml/complain.h"
#include "yaml/hint.h"

#include <string.h>

bool gw_members_init(struct gw_member_search *ret_search, struct gw_load *l)
{
	struct gw_member_search *s = ret_search;
	size_t voters = l->n_devices + l->config->n_sources + l->config->n_uplinks + 1 +
		l->n_pending;

	*s = (struct gw_member_search){.l = l, .names.arena = &l->reader.scratch};
	s->same_name = gw_arena_alloc(&l->reader.scratch, l->n_pending, sizeof(uint32_t));
	s->seen_alarm = gw_arena_alloc(&l->reader.scratch, l->n_pending, sizeof(uint32_t));
	s->seen_point = gw_arena_alloc(
		&l->reader.scratch, l->config->n_points, sizeof(uint32_t));
	s->seen_voter = gw_arena_alloc(&l->reader.scratch, voters, sizeof(uint32_t));
	if (!s->same_name || !s->seen_alarm || !s->seen_point || !s->seen_voter)
		return false;
	for (size_t i = l->n_pending; i-- > 0;) {
		struct gw_strmap_entry *e = gw_strmap_add(
			&s->names, l->pending[i]->opts.info.name, GW_NO_PENDING);

		if (!e)
			return false;
		s->same_name[i] = e->value;
		e->value = (uint32_t)i;
	}
	return true;
}

void gw_members_new_search(struct gw_member_search *s)
{
	s->stamp++;
	s->n = s->voters = 0;
}

uint32_t gw_members_first_named(struct gw_member_search *s, const char *name)
{
	const struct gw_strmap_entry *e = gw_strmap_find(&s->names, name);

	return e ? e->value : GW_NO_PENDING;
}

static void add_member(struct gw_member_search *s, struct gw_member m)
{
	uint32_t *seen = m.is_alarm ? &s->seen_alarm[m.index] : &s->seen_point[m.index];
	struct gw_member *all;

	if (*seen == s->stamp)
		return;
	*seen = s->stamp;
	all = gw_arena_grow(
		&s->l->reader.scratch, s->members, s->n, &s->cap, sizeof(*s->members));
	if (!all)
		return;
	s->members = all;
	s->members[s->n++] = m;
	if (s->seen_voter[m.device] != s->stamp)
		s->voters++;
	s->seen_voter[m.device] = s->stamp;
}

void gw_members_add_alarm(struct gw_member_search *s, size_t i)
{
	const struct gw_pending_alarm *p = s->l->pending[i];

	add_member(s, (struct gw_member){true, (uint32_t)i, p->voter, p->opts.info.key});
}

size_t gw_members_match_alarms(struct gw_member_search *s,
	const struct gw_pending_alarm *self, const char *pattern)
{
	struct gw_load *l = s->l;
	bool by_key = strchr(pattern, ':') != NULL, wild = strpbrk(pattern, "*?") != NULL;
	const struct gw_strmap_entry *e;
	size_t matches = 0;

	if (by_key && !wild) {
		e = gw_strmap_find(&l->pending_keys, pattern);
		if (e)
			gw_members_add_alarm(s, e->value);
		return e != NULL;
	}
	if (!wild) {
		for (uint32_t i = gw_members_first_named(s, pattern); i != GW_NO_PENDING;
			i = s->same_name[i]) {
			gw_members_add_alarm(s, i);
			matches++;
		}
		return matches;
	}
	for (size_t i = 0; i < l->n_pending; i++) {
		const struct gw_pending_alarm *p = l->pending[i];
		const char *text = by_key ? p->opts.info.key : p->opts.info.name;

		if (p == self || (p->implicit && !by_key) || !gw_match(pattern, text))
			continue;
		gw_members_add_alarm(s, i);
		matches++;
	}
	return matches;
}

static bool add_point(struct gw_member_search *s, uint32_t device, size_t i)
{
	const struct gw_load_device *d = &s->l->devices[device];
	uint32_t point = d->first_point + (uint32_t)i;

	if (!gw_point_is_discrete(&d->device->points[i]))
		return false;
	add_member(s,
		(struct gw_member){false, point, device, s->l->config->points[point].key});
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
	struct gw_member_search *s, const char *pattern, size_t *ret_numbers)
{
	struct gw_load *l = s->l;
	const struct gw_strmap_entry *e;
	size_t matches = 0, numbers = 0;

	if (!strpbrk(pattern, "*?")) {
		e = gw_strmap_find(&l->points, pattern);
		if (e) {
			uint32_t device = device_of(l, e->value);

			matches = add_point(
				s, device, e->value - l->devices[device].first_point);
			*ret_numbers = !matches;
		}
		return matches;
	}
	for (uint32_t i = 0; i < l->n_devices; i++) {
		const struct gw_load_device *d = &l->devices[i];

		for (size_t k = 0; k < d->device->n_points; k++) {
			if (!gw_match(pattern, l->config->points[d->first_point + k].key))
				continue;
			if (add_point(s, i, k))
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

const struct gw_member *gw_members_copy(struct gw_member_search *s)
{
	struct gw_member *copy = gw_arena_alloc(&s->l->reader.scratch, s->n, sizeof(*copy));

	if (copy && s->n)
		memcpy(copy, s->members, s->n * sizeof(*copy));
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
