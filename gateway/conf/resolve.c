/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/resolve.h"

#include "alarm/chatter_flood.h"
#include "alarm/condition.h"
#include "base/text.h"
#include "conf/implicit.h"
#include "conf/shared_conditions.h"
#include "conf/toposort.h"
#include "conf/unless.h"
#include "conf/votes.h"

#include <string.h>

static const char *describe(struct gw_load *l, const struct gw_condition_opts *when)
{
	char memory[512];
	struct gw_text t;

	gw_text_init(&t, memory, sizeof(memory));
	if (when->kind &&
		l->reader.n_complaints == 0) /* else the options may be incomplete */
		when->kind->describe(when, &t);
	return gw_reader_string(&l->reader, memory);
}

static const char *common(const char *a, const char *b)
{
	return strcmp(a, b) == 0 ? a : "";
}

/* The place of a vote: the parts of the place that all members share. */
static struct gw_place_info place_of_members(
	const struct gw_config *c, const struct gw_condition_opts *when)
{
	struct gw_place_info place = {"", "", ""};

	for (size_t i = 0; i < when->n_members; i++) {
		const struct gw_member *m = &when->members[i];
		const struct gw_place_info *p = m->is_alarm
			? &c->alarms[m->index].info.place
			: &c->points[m->index].place;

		if (i == 0)
			place = *p;
		place.building = common(place.building, p->building);
		place.floor = common(place.floor, p->floor);
		place.room = common(place.room, p->room);
	}
	return place;
}

static void place(struct gw_load *l, struct gw_shared_conditions *shared,
	struct gw_pending_alarm *pending)
{
	struct gw_config *c = l->config;
	uint32_t owners = c->n_uplinks ? c->uplink_first_point[0] : c->store_first_point;
	const struct gw_point_info *p = &c->points[pending->opts.first_point];
	struct gw_alarm_opts *a = &c->alarms[c->n_alarms];
	struct gw_alarm_info *info = &a->info;
	const char *colon;
	char *subject;

	*a = pending->opts;
	pending->number = (uint32_t)c->n_alarms++;
	colon = strrchr(info->key, ':');
	subject = gw_arena_copy(
		&l->reader.scratch, info->key, colon ? (size_t)(colon - info->key) : 0);
	info->subject = subject ? gw_reader_string(&l->reader, subject) : "";
	info->condition = describe(l, &pending->condition);
	a->when = gw_shared_conditions_get(shared, &pending->condition, info->condition);
	info->point = info->source = info->device = info->unit_of_measure = "";
	info->place = (struct gw_place_info){"", "", ""};
	info->site = &c->site;
	if (a->n_points == 0 && pending->device == GW_NO_DEVICE) {
		info->place = place_of_members(c, &pending->condition);
		return;
	}
	if (pending->on_point) {
		info->point = p->key;
		info->unit_of_measure = p->unit_of_measure;
	}
	if (pending->device != GW_NO_DEVICE || pending->opts.first_point < owners)
		info->source = p->source;
	info->device = p->device;
	info->place = p->place;
}

/* The chattering fault of its device, else of the gateway, reports its chattering. */
static void report_chatter(struct gw_load *l, const struct gw_pending_alarm *p)
{
	const struct gw_load_device *at = p->device == GW_NO_DEVICE
		? NULL
		: &l->devices[p->device];
	const char *key = at
		? gw_arena_printf(&l->reader.scratch, "%s/%s:%s", at->source->name,
			  at->device->name, gw_condition_chattering.key)
		: "gateway:chattering";
	const struct gw_pending_alarm *fault = key ? gw_pending_alarm_find(l, key) : NULL;

	if (fault && fault->condition.kind == &gw_condition_chattering && fault != p)
		l->config->alarms[p->number].chatter_alarm = fault->number + 1;
}

/* An alarm that exists only if another uses its point is needed if there is such a one, if it is a
 * member itself, or if the site file or a profile names it. */
static bool is_needed(
	const struct gw_load *l, const struct gw_pending_alarm *p, const bool *used)
{
	return !p->only_if_used || p->by || p->is_member ||
		(used[p->opts.first_point] && l->devices[p->device].device->n_points > 1);
}

static void note_members(struct gw_load *l, const struct gw_member *m, size_t n, bool *used)
{
	for (size_t i = 0; i < n; i++)
		if (m[i].is_alarm)
			l->pending[m[i].index]->is_member = true;
		else
			used[m[i].index] = true;
}

/* Drop the alarms that nobody needs; returns how many are left. A point is used if an alarm that
 * is not implicit is on it or has it as a member. */
static size_t drop_unused(struct gw_load *l, struct gw_pending_alarm **order, size_t n)
{
	bool *used = gw_arena_alloc(&l->reader.scratch, l->config->n_points, sizeof(*used));
	size_t left = 0;

	if (!used)
		return 0;
	for (size_t i = 0; i < n; i++) {
		const struct gw_pending_alarm *p = order[i];

		if (p->on_point && !p->implicit)
			used[p->opts.first_point] = true;
		note_members(l, p->condition.members, p->condition.n_members, used);
		note_members(l, p->opts.unless, p->opts.n_unless, used);
	}
	for (size_t i = 0; i < n; i++)
		if (is_needed(l, order[i], used))
			order[left++] = order[i];
	return left;
}

void gw_resolve_alarms(struct gw_load *l)
{
	struct gw_config *c = l->config;
	struct gw_pending_alarm **order = gw_arena_alloc(
		&l->reader.scratch, l->n_pending, sizeof(struct gw_pending_alarm *));
	struct gw_shared_conditions shared = {
		.config = l->reader.arena, .by_text.arena = &l->reader.scratch};
	struct gw_member_search search;
	size_t n, i;

	c->alarms = gw_arena_alloc(l->reader.arena, l->n_pending, sizeof(*c->alarms));
	if (!order || !c->alarms || !gw_members_init(&search, l))
		return;
	for (i = 0; i < l->n_pending; i++) {
		if (l->pending[i]->condition.kind && l->pending[i]->condition.kind->is_vote)
			gw_votes_resolve(&search, l->pending[i]);
		if (l->pending[i]->unless)
			gw_unless_resolve(&search, l->pending[i]);
	}
	n = drop_unused(l, order, gw_toposort_alarms(l, order));
	for (i = 0; i < n; i++)
		if (order[i]->condition.kind == &gw_condition_unreadable)
			gw_implicit_set_times(l, order[i]);
	for (i = 0; i < n; i++) {
		struct gw_alarm_opts *o = &order[i]->opts;
		struct gw_condition_opts *when = &order[i]->condition;

		gw_members_link(l, &when->members, &when->n_members);
		gw_members_link(l, &o->unless, &o->n_unless);
		place(l, &shared, order[i]);
	}
	for (i = 0; i < n; i++)
		report_chatter(l, order[i]);
}
