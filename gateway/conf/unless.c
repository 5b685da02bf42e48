/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What suppresses an alarm. A name means the nearest alarm of that name: on the same point, else on
 * the same device, else the only one of its source, else the only one there is. A detector must
 * not be suppressed by an alarm of another device.
 */
#include "conf/unless.h"

#include "base/clock.h"
#include "base/match.h"
#include "conf/incomplete.h"
#include "yaml/complain.h"
#include "yaml/settings.h"

#include <string.h>

/* How long an alarm stays suppressed after what suppresses it cannot be read any more: until the
 * poll after one lost answer. A device that publishes gets the time of a new connection. */
#define STALE_MIN_NS    (2 * GW_NS_PER_SEC)
#define STALE_PUSHED_NS (5 * GW_NS_PER_SEC)
#define STALE_VOTE_NS   (10 * GW_NS_PER_SEC)
#define STALE_MAX_NS    (60 * GW_NS_PER_SEC)

enum { SAME_POINT, SAME_DEVICE, SAME_SOURCE, ANYWHERE };

static const struct gw_source_opts *source_of(
	const struct gw_load *l, const struct gw_pending_alarm *p)
{
	return p->device == GW_NO_DEVICE ? NULL : l->devices[p->device].source;
}

static int distance(const struct gw_load *l, const struct gw_pending_alarm *a,
	const struct gw_pending_alarm *b)
{
	const struct gw_source_opts *source = source_of(l, a);

	if (a->device != GW_NO_DEVICE && a->device == b->device)
		return a->on_point && b->on_point &&
				a->opts.first_point == b->opts.first_point
			? SAME_POINT
			: SAME_DEVICE;
	if (source && source == source_of(l, b))
		return SAME_SOURCE;
	/* a source's own fault counts as on its devices */
	if (source && b->opts.n_points && b->device == GW_NO_DEVICE &&
		strcmp(l->config->points[b->opts.first_point].source, source->name) == 0)
		return SAME_SOURCE;
	return ANYWHERE;
}

/* How many alarms of the name are nearest to d, and how near. */
static size_t nearest(struct gw_member_search *s, const struct gw_pending_alarm *p,
	const char *name, int *ret_distance, uint32_t *ret_index)
{
	int best = ANYWHERE + 1;
	size_t n = 0;

	for (uint32_t i = gw_members_first_named(s, name); i != GW_NO_PENDING;
		i = s->same_name[i]) {
		int how_far;

		if (s->l->pending[i] == p)
			continue;
		how_far = distance(s->l, p, s->l->pending[i]);
		if (how_far < best) {
			best = how_far;
			n = 0;
		}
		if (how_far == best && n++ == 0)
			*ret_index = i;
	}
	*ret_distance = best;
	return n;
}

static void find_name(struct gw_member_search *s, const struct gw_pending_alarm *p,
	const struct gw_yaml_node *node, const char *name)
{
	uint32_t index = GW_NO_PENDING;
	int how_far;
	size_t n = nearest(s, p, name, &how_far, &index);

	if (n == 1 || (n && how_far <= SAME_DEVICE)) {
		for (uint32_t i = index; i != GW_NO_PENDING; i = s->same_name[i])
			if (s->l->pending[i] != p &&
				distance(s->l, p, s->l->pending[i]) == how_far)
				gw_members_add_alarm(s, i);
	} else if (n) {
		gw_complain(&s->l->reader, node,
			"%zu alarms are named \"%s\" and none is on the device of %s: write which, such as %s",
			n, name, p->opts.info.key, s->l->pending[index]->opts.info.key);
	} else if (strcmp(name, p->opts.info.name) == 0) {
		gw_complain(&s->l->reader, node, "an alarm cannot hold back itself");
	} else {
		gw_members_complain(s->l, node, name, 0);
	}
}

static int64_t stale_ns_of(const struct gw_load_device *d)
{
	int64_t poll_ns = d->device->poll_ns ? d->device->poll_ns : d->source->poll_ns;

	if (!d->source->driver_table || d->source->driver_table->pushed)
		return STALE_PUSHED_NS;
	if (2 * poll_ns < STALE_MIN_NS)
		return STALE_MIN_NS;
	return 2 * poll_ns < STALE_MAX_NS ? 2 * poll_ns : STALE_MAX_NS;
}

/* The longest of all that suppress it. */
static int64_t stale_ns_of_members(const struct gw_member_search *s)
{
	int64_t longest_ns = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct gw_member *m = &s->members[i];
		const struct gw_pending_alarm *p = m->is_alarm ? s->l->pending[m->index]
							       : NULL;
		uint32_t device = p ? p->device : m->device;
		int64_t ns = 0; /* points of the gateway itself can always be read */

		if (device != GW_NO_DEVICE)
			ns = stale_ns_of(&s->l->devices[device]);
		else if (p->condition.kind && p->condition.kind->is_vote)
			ns = STALE_VOTE_NS;
		if (ns > longest_ns)
			longest_ns = ns;
	}
	return longest_ns;
}

void gw_unless_resolve(struct gw_member_search *s, struct gw_pending_alarm *p)
{
	const struct gw_strings *of = &p->opts.unless_of;
	const struct gw_yaml_node *node = gw_settings_node(p->unless->block, "unless");
	size_t numbers;

	gw_members_new_search(s);
	node = node && node->kind == GW_YAML_LIST ? node->first : node;
	for (size_t i = 0; i < of->n && node; i++, node = node->next) {
		const char *pattern = of->at[i];
		bool by_key = strchr(pattern, ':') != NULL;

		numbers = 0;
		if (!by_key && !strpbrk(pattern, "/*?"))
			find_name(s, p, node, pattern);
		else if ((strchr(pattern, '/') && !by_key
					 ? gw_members_match_points(s, pattern, &numbers)
					 : gw_members_match_alarms(s, p, pattern)) == 0)
			gw_members_complain(s->l, node, pattern, numbers);
	}
	if (s->n > GW_MEMBERS_MAX)
		gw_complain(&s->l->reader, gw_settings_node(p->unless->block, "unless"),
			"%zu of them are too many (at most %d)", s->n, GW_MEMBERS_MAX);
	p->opts.unless_stale_ns = stale_ns_of_members(s);
	p->opts.unless = gw_members_copy(s);
	p->opts.n_unless = p->opts.unless && s->n <= GW_MEMBERS_MAX ? s->n : 0;
}
