/* SPDX-License-Identifier: Apache-2.0 */
/*
 * at_least N of several members, true now or less than window_ns ago; members on one device count
 * once. "Two detectors in one zone: confirmed fire" (GB 50116-2013, 4.1.6). It never delays a
 * first alarm: members have alarms of their own.
 */
#include "alarm/condition_internal.h"

#include <math.h>
#include <string.h>

struct member {
	int64_t last_true_ns; /* valid if was_true */
	bool is_true, was_true, known;
};

struct vote {
	bool confirmed; /* reached by members seen since the start, not only before it */
	struct member member[];
};

static size_t vote_memory(const struct gw_condition_opts *o)
{
	return sizeof(struct vote) + o->n_members * sizeof(struct member);
}

static bool counts(
	const struct gw_condition_opts *o, const struct member *m, int64_t now_ns)
{
	return m->is_true || (m->was_true && now_ns - m->last_true_ns < o->window_ns);
}

/* Whether an earlier member of the same device counts already. */
static bool device_counted(
	const struct gw_condition_opts *o, const struct member *m, size_t i, int64_t now_ns)
{
	for (size_t k = 0; k < i; k++)
		if (o->members[k].device == o->members[i].device &&
			counts(o, &m[k], now_ns))
			return true;
	return false;
}

static void evaluate_vote(const struct gw_condition_opts *o, void *memory,
	const struct gw_condition_input *in, struct gw_condition_result *result)
{
	struct vote *v = memory;
	struct member *m = v->member;
	int64_t n = 0;
	bool some_unknown = false;

	if (in->member != GW_NO_MEMBER) {
		struct member *changed = &m[in->member];

		if (changed->is_true || in->member_true) {
			changed->last_true_ns = in->now_ns;
			changed->was_true = true;
		}
		changed->is_true = in->member_true;
		changed->known = true;
	}
	for (size_t i = 0; i < o->n_members; i++) {
		some_unknown |= !m[i].known;
		if (!counts(o, &m[i], in->now_ns) || device_counted(o, m, i, in->now_ns))
			continue;
		n++;
		if (!m[i].is_true)
			result->due_ns = gw_min_ns(
				result->due_ns, m[i].last_true_ns + o->window_ns);
	}
	result->value = (double)n;
	result->limit = (double)o->at_least;
	v->confirmed |= n >= o->at_least;
	/* After a restart it stays true until every member has been seen again. */
	result->condition_true = n >= o->at_least ||
		(result->condition_true && some_unknown && !v->confirmed);
}

size_t gw_condition_true_members(const struct gw_condition_opts *o, const void *memory,
	int64_t now_ns, const char *ret_keys[], size_t max_keys)
{
	const struct member *m = ((const struct vote *)memory)->member;
	size_t n = 0;

	for (size_t i = 0; i < o->n_members && n < max_keys; i++)
		if (counts(o, &m[i], now_ns) && !device_counted(o, m, i, now_ns))
			ret_keys[n++] = o->members[i].key;
	return n;
}

void gw_condition_adopt_members(const struct gw_condition_opts *o, void *memory,
	const struct gw_condition_opts *old_o, const void *old_memory)
{
	const struct vote *old = old_memory;
	struct vote *v = memory;

	v->confirmed = old->confirmed;
	for (size_t i = 0; i < o->n_members; i++) {
		bool is_new = true; /* it may be one that confirmed, under a new name */

		for (size_t k = 0; k < old_o->n_members; k++)
			if (strcmp(o->members[i].key, old_o->members[k].key) == 0) {
				v->member[i] = old->member[k];
				is_new = false;
			}
		v->confirmed &= !is_new;
	}
}

static void describe_vote(const struct gw_condition_opts *o, struct gw_text *t)
{
	gw_text_addf(t, "at_least %lld of %zu", (long long)o->at_least, o->n_members);
	if (o->window_ns) {
		gw_text_add(t, " within ");
		gw_text_add_duration(t, o->window_ns);
	}
}

static const struct gw_setting vote_settings[] = {
	{.key = "at_least",
		.type = GW_SET_INT,
		.offset = GW_CONDITION_FIELD(at_least),
		.required = true,
		.min = 1,
		.max = 1000,
		.help = "How many members must be true."},
	{.key = "of",
		.type = GW_SET_STRINGS,
		.offset = GW_CONDITION_FIELD(of),
		.required = true,
		.help = "The members: patterns of alarm keys, alarm names or discrete points."},
	{.key = "within",
		.type = GW_SET_DURATION,
		.offset = GW_CONDITION_FIELD(window_ns),
		.max = 86400e9,
		.help = "A member still counts this long after it went false; default 0s."},
	{0},
};

const struct gw_condition_kind gw_condition_at_least = {
	.key = "at_least",
	.settings = vote_settings,
	.is_vote = true,
	.memory = vote_memory,
	.evaluate = evaluate_vote,
	.describe = describe_vote,
};
