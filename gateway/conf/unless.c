/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds an alarm back. A name means the alarm of that name nearest to it: on the same point,
 * else the same device, else the only one of its source, else the only one there is. A detector
 * must not be held back by the neighbour's.
 */
#include "base/clock.h"
#include "base/match.h"
#include "conf/doubt.h"
#include "conf/members.h"
#include "conf/settings.h"

#include <string.h>

/* How long one holds on that cannot be read any more: until an answer that got lost would have been
 * followed by the next. A device that speaks of its own accord gets the time of a new link. */
#define PATIENCE_LEAST_NS  (2 * GW_NS_PER_SEC)
#define PATIENCE_PUSHED_NS (5 * GW_NS_PER_SEC)
#define PATIENCE_VOTE_NS   (10 * GW_NS_PER_SEC)
#define PATIENCE_MOST_NS   (60 * GW_NS_PER_SEC)

enum { SAME_POINT, SAME_DEVICE, SAME_SOURCE, ANYWHERE };

static const struct gw_source_opts *source_of(
	const struct gw_load *l, const struct gw_draft *d)
{
	return d->device == GW_NO_DEVICE ? NULL : l->devices[d->device].source;
}

static int distance(
	const struct gw_load *l, const struct gw_draft *a, const struct gw_draft *b)
{
	const struct gw_source_opts *source = source_of(l, a);

	if (a->device != GW_NO_DEVICE && a->device == b->device)
		return a->on_point && b->on_point &&
				a->opts.first_point == b->opts.first_point
			? SAME_POINT
			: SAME_DEVICE;
	if (source && source == source_of(l, b))
		return SAME_SOURCE;
	/* a source's own fault is as near as its devices */
	if (source && b->opts.n_points && b->device == GW_NO_DEVICE &&
		strcmp(l->config->points[b->opts.first_point].source, source->name) == 0)
		return SAME_SOURCE;
	return ANYWHERE;
}

/* How many alarms of the name are nearest to d, and how near. */
static size_t nearest(struct gw_finder *f, const struct gw_draft *d, const char *name,
	int *ret_distance, uint32_t *ret_draft)
{
	int best = ANYWHERE + 1;
	size_t n = 0;

	for (uint32_t i = gw_members_named(f, name); i != GW_NO_DRAFT;
		i = f->same_name[i]) {
		int how_far;

		if (f->l->drafts[i] == d)
			continue;
		how_far = distance(f->l, d, f->l->drafts[i]);
		if (how_far < best) {
			best = how_far;
			n = 0;
		}
		if (how_far == best && n++ == 0)
			*ret_draft = i;
	}
	*ret_distance = best;
	return n;
}

static void find_name(struct gw_finder *f, const struct gw_draft *d,
	const struct gw_node *node, const char *name)
{
	uint32_t draft = GW_NO_DRAFT;
	int how_far;
	size_t n = nearest(f, d, name, &how_far, &draft);

	if (n == 1 || (n && how_far <= SAME_DEVICE)) {
		for (uint32_t i = draft; i != GW_NO_DRAFT; i = f->same_name[i])
			if (f->l->drafts[i] != d &&
				distance(f->l, d, f->l->drafts[i]) == how_far)
				gw_members_add_alarm(f, i);
	} else if (n) {
		gw_complain(f->l, node,
			"%zu alarms are named \"%s\" and none is on the device of %s: "
			"write "
			"which, such as %s",
			n, name, d->opts.info.key, f->l->drafts[draft]->opts.info.key);
	} else if (strcmp(name, d->opts.info.name) == 0) {
		gw_complain(f->l, node, "an alarm cannot hold back itself");
	} else {
		gw_members_refuse(f->l, node, name, 0);
	}
}

static int64_t patience_of(const struct gw_load_device *d)
{
	int64_t poll_ns = d->device->poll_ns ? d->device->poll_ns : d->source->poll_ns;

	if (!d->source->driver_table || d->source->driver_table->pushed)
		return PATIENCE_PUSHED_NS;
	if (2 * poll_ns < PATIENCE_LEAST_NS)
		return PATIENCE_LEAST_NS;
	return 2 * poll_ns < PATIENCE_MOST_NS ? 2 * poll_ns : PATIENCE_MOST_NS;
}

/* The longest of all that hold it back. */
static int64_t patience(const struct gw_finder *f)
{
	int64_t longest_ns = 0;

	for (size_t i = 0; i < f->n; i++) {
		const struct gw_member *m = &f->members[i];
		const struct gw_draft *d = m->is_alarm ? f->l->drafts[m->index] : NULL;
		uint32_t device = d ? d->device : m->device;
		int64_t ns = 0; /* the gateway's own can always be read */

		if (device != GW_NO_DEVICE)
			ns = patience_of(&f->l->devices[device]);
		else if (d->opts.when.kind && d->opts.when.kind->votes)
			ns = PATIENCE_VOTE_NS;
		if (ns > longest_ns)
			longest_ns = ns;
	}
	return longest_ns;
}

void gw_unless_resolve(struct gw_finder *f, struct gw_draft *d)
{
	const struct gw_strings *of = &d->opts.unless_of;
	const struct gw_node *node = gw_settings_node(d->unless->block, "unless");
	size_t numbers;

	gw_members_begin(f);
	node = node && node->kind == GW_NODE_LIST ? node->first : node;
	for (size_t i = 0; i < of->n && node; i++, node = node->next) {
		const char *pattern = of->at[i];
		bool by_key = strchr(pattern, ':') != NULL;

		numbers = 0;
		if (!by_key && !strpbrk(pattern, "/*?"))
			find_name(f, d, node, pattern);
		else if ((strchr(pattern, '/') && !by_key
					 ? gw_members_points(f, pattern, &numbers)
					 : gw_members_alarms(f, d, pattern)) == 0)
			gw_members_refuse(f->l, node, pattern, numbers);
	}
	if (f->n > GW_MEMBERS_MAX)
		gw_complain(f->l, gw_settings_node(d->unless->block, "unless"),
			"%zu of them are too many (at most %d)", f->n, GW_MEMBERS_MAX);
	d->opts.unless_patience_ns = patience(f);
	d->opts.unless = gw_members_found(f);
	d->opts.n_unless = d->opts.unless && f->n <= GW_MEMBERS_MAX ? f->n : 0;
}
