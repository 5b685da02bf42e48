/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who votes. A pattern with a colon is about alarms by key, one with slashes alone about discrete
 * points, any other about alarms by name. A name with a star does not reach the implicit faults:
 * two silent detectors are not a confirmed fire.
 */
#include "base/match.h"
#include "conf/alarms.h"
#include "conf/doubt.h"
#include "conf/settings.h"

#include <string.h>

#define MEMBERS_MAX 1000
#define NONE        UINT32_MAX

struct voting {
	struct gw_load *l;
	struct gw_index names; /* of alarms -> the first draft of that name */
	uint32_t *same_name;   /* draft -> the next one of its name, or NONE */
	uint32_t *seen_alarm, *seen_point, *seen_voter; /* stamped with the vote's number */
	uint32_t stamp;
	struct gw_member *members;
	size_t n, cap;
	size_t voters;
};

static bool is_vote(const struct gw_draft *d)
{
	return d->opts.when.kind && d->opts.when.kind->votes;
}

static void add_member(struct voting *v, struct gw_member m)
{
	uint32_t *seen = m.is_alarm ? &v->seen_alarm[m.index] : &v->seen_point[m.index];
	struct gw_member *all;

	if (*seen == v->stamp)
		return;
	*seen = v->stamp;
	all = gw_arena_grow(&v->l->scratch, v->members, v->n, &v->cap, sizeof(*v->members));
	if (!all)
		return;
	v->members = all;
	v->members[v->n++] = m;
	if (v->seen_voter[m.device] != v->stamp)
		v->voters++;
	v->seen_voter[m.device] = v->stamp;
}

/* Numbers are those of the drafts until the votes have been placed. */
static void add_alarm(struct voting *v, size_t i)
{
	const struct gw_draft *d = v->l->drafts[i];

	add_member(v, (struct gw_member){true, (uint32_t)i, d->voter, d->opts.info.key});
}

static size_t match_alarms(
	struct voting *v, const struct gw_draft *vote, const char *pattern)
{
	struct gw_load *l = v->l;
	bool by_key = strchr(pattern, ':') != NULL, wild = strpbrk(pattern, "*?") != NULL;
	const struct gw_index_entry *e;
	size_t matches = 0;

	if (by_key && !wild) {
		e = gw_index_find(&l->draft_keys, pattern);
		if (e)
			add_alarm(v, e->value);
		return e != NULL;
	}
	if (!wild) {
		e = gw_index_find(&v->names, pattern);
		for (uint32_t i = e ? e->value : NONE; i != NONE; i = v->same_name[i]) {
			add_alarm(v, i);
			matches++;
		}
		return matches;
	}
	for (size_t i = 0; i < l->n_drafts; i++) {
		const struct gw_draft *d = l->drafts[i];
		const char *text = by_key ? d->opts.info.key : d->opts.info.name;

		if (d == vote || (d->implicit && !by_key) || !gw_match(pattern, text))
			continue;
		add_alarm(v, i);
		matches++;
	}
	return matches;
}

static bool add_point(struct voting *v, uint32_t device, size_t i)
{
	const struct gw_load_device *d = &v->l->devices[device];
	uint32_t point = d->first_point + (uint32_t)i;

	if (!gw_alarms_discrete(&d->device->points[i]))
		return false;
	add_member(v,
		(struct gw_member){false, point, device, v->l->config->points[point].key});
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

/* ret_numbers: points that match but are not discrete. */
static size_t match_points(struct voting *v, const char *pattern, size_t *ret_numbers)
{
	struct gw_load *l = v->l;
	const struct gw_index_entry *e;
	size_t matches = 0, numbers = 0;

	if (!strpbrk(pattern, "*?")) {
		e = gw_index_find(&l->points, pattern);
		if (e) {
			uint32_t device = device_of(l, e->value);

			matches = add_point(
				v, device, e->value - l->devices[device].first_point);
			*ret_numbers = !matches;
		}
		return matches;
	}
	for (uint32_t i = 0; i < l->n_devices; i++) {
		const struct gw_load_device *d = &l->devices[i];

		for (size_t k = 0; k < d->device->n_points; k++) {
			if (!gw_match(pattern, l->config->points[d->first_point + k].key))
				continue;
			if (add_point(v, i, k))
				matches++;
			else
				numbers++;
		}
	}
	*ret_numbers = numbers;
	return matches;
}

static void refuse_unmatched(
	struct gw_load *l, const struct gw_node *node, const char *pattern, size_t numbers)
{
	struct gw_hint hint;

	if (numbers) {
		gw_complain(l, node,
			"\"%s\" matches only points that are numbers: a vote needs points "
			"of "
			"type bool or bit, or alarms",
			pattern);
		return;
	}
	if (l->doubt.alarms && (!strchr(pattern, '/') || strchr(pattern, ':')))
		return;
	if (strchr(pattern, '/') && gw_doubt_pattern(l, pattern))
		return;
	gw_hint_init(&hint, l, pattern);
	for (size_t i = 0; i < l->n_drafts; i++) {
		gw_hint_show(&hint, l->drafts[i]->opts.info.key);
		gw_hint_show(&hint, l->drafts[i]->opts.info.name);
	}
	for (size_t i = 0; i < l->config->n_points; i++)
		if (*l->config->points[i].device)
			gw_hint_show(&hint, l->config->points[i].key);
	gw_complain(l, node, "\"%s\" matches no alarm and no discrete point%s", pattern,
		gw_hint_text(&hint));
}

static void resolve(struct voting *v, struct gw_draft *vote)
{
	struct gw_load *l = v->l;
	const struct gw_block *block = vote->when->when_block;
	const struct gw_node *of = gw_settings_node(block, "of"), *node;
	struct gw_condition_opts *when = &vote->opts.when;
	struct gw_member *copy;
	size_t numbers;

	v->stamp++;
	v->n = v->voters = 0;
	node = of ? of->first : NULL;
	for (size_t i = 0; i < when->of.n && node; i++, node = node->next) {
		const char *pattern = when->of.at[i];
		bool points = strchr(pattern, '/') && !strchr(pattern, ':');

		numbers = 0;
		if ((points ? match_points(v, pattern, &numbers)
			    : match_alarms(v, vote, pattern)) == 0)
			refuse_unmatched(l, node, pattern, numbers);
	}
	if (v->n > MEMBERS_MAX) {
		gw_complain(
			l, of, "%zu members are too many (at most %d)", v->n, MEMBERS_MAX);
		v->n = 0;
	} else if (v->n && !l->doubt.any && when->at_least > (int64_t)v->voters) {
		gw_complain(l, gw_settings_node(block, "at_least"),
			"%lld can never be: the members are on %zu device%s only",
			(long long)when->at_least, v->voters, v->voters == 1 ? "" : "s");
	}
	copy = gw_arena_alloc(&l->scratch, v->n, sizeof(*copy));
	if (!copy)
		return;
	if (v->n)
		memcpy(copy, v->members, v->n * sizeof(*copy));
	when->members = copy;
	when->n_members = v->n;
}

void gw_votes_link(struct gw_load *l, struct gw_draft *vote)
{
	struct gw_condition_opts *when = &vote->opts.when;
	struct gw_member *copy = gw_arena_alloc(l->keep, when->n_members, sizeof(*copy));

	for (size_t i = 0; copy && i < when->n_members; i++) {
		copy[i] = when->members[i];
		if (copy[i].is_alarm)
			copy[i].index = l->drafts[copy[i].index]->number;
	}
	when->members = copy;
	if (!copy)
		when->n_members = 0;
}

/* One vote on the way down to its members. */
struct step {
	struct gw_draft *vote;
	size_t next;
};

enum { WHITE, GREY, BLACK };

/* Members first, without recursion: a chain may be as long as the file. */
static size_t descend(struct gw_load *l, struct gw_draft *from, struct step *stack,
	struct gw_draft **order, size_t n)
{
	size_t depth = 1;

	stack[0] = (struct step){from, 0};
	from->visit = GREY;
	while (depth > 0) {
		struct step *s = &stack[depth - 1];
		const struct gw_condition_opts *when = &s->vote->opts.when;
		struct gw_draft *member = NULL;

		while (s->next < when->n_members && !member) {
			const struct gw_member *m = &when->members[s->next++];

			if (m->is_alarm && is_vote(l->drafts[m->index]))
				member = l->drafts[m->index];
		}
		if (!member) {
			s->vote->visit = BLACK;
			order[n++] = s->vote;
			depth--;
		} else if (member->visit == GREY) {
			gw_complain(l, gw_settings_node(s->vote->when->when_block, "of"),
				"goes round in a circle: %s is a member of itself",
				member->opts.info.key);
		} else if (member->visit == WHITE) {
			member->visit = GREY;
			stack[depth++] = (struct step){member, 0};
		}
	}
	return n;
}

size_t gw_votes_resolve(struct gw_load *l, struct gw_draft **order)
{
	struct voting v = {.l = l};
	size_t voters = l->n_devices + l->config->n_sources + l->config->n_uplinks + 1 +
		l->n_drafts;
	struct step *stack = gw_arena_alloc(&l->scratch, l->n_drafts + 1, sizeof(*stack));
	size_t n = 0, i;

	v.names.arena = &l->scratch;
	v.same_name = gw_arena_alloc(&l->scratch, l->n_drafts, sizeof(uint32_t));
	v.seen_alarm = gw_arena_alloc(&l->scratch, l->n_drafts, sizeof(uint32_t));
	v.seen_point = gw_arena_alloc(&l->scratch, l->config->n_points, sizeof(uint32_t));
	v.seen_voter = gw_arena_alloc(&l->scratch, voters, sizeof(uint32_t));
	if (!v.same_name || !v.seen_alarm || !v.seen_point || !v.seen_voter || !stack)
		return 0;
	for (i = l->n_drafts; i-- > 0;) {
		struct gw_index_entry *e = gw_index_add(
			&v.names, l->drafts[i]->opts.info.name, NONE);

		if (!e)
			return 0;
		v.same_name[i] = e->value;
		e->value = (uint32_t)i;
	}
	for (i = 0; i < l->n_drafts; i++)
		if (is_vote(l->drafts[i]))
			resolve(&v, l->drafts[i]);
	for (i = 0; i < l->n_drafts; i++)
		if (is_vote(l->drafts[i]) && l->drafts[i]->visit == WHITE)
			n = descend(l, l->drafts[i], stack, order, n);
	return n;
}
