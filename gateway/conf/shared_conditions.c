/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/shared_conditions.h"

#define NONE UINT32_MAX
/* Conditions that read alike and differ in what their description leaves out, such as `clear`.
 * After these many no more are compared: the next one gets a copy of its own. */
#define ALIKE_MAX 16

struct gw_shared_condition {
	const struct gw_condition_opts *opts;
	uint32_t next; /* of the same description, or NONE */
};

/* Every setting, unlike gw_condition_equal: not only those that the history depends on. */
static bool is_equal(const struct gw_condition_opts *a, const struct gw_condition_opts *b)
{
	return a->kind == b->kind && gw_setting_rows_equal(a->kind->settings, a, b) &&
		gw_setting_rows_equal(a->kind->derived, a, b);
}

static const struct gw_condition_opts *copy(
	struct gw_shared_conditions *s, const struct gw_condition_opts *when)
{
	struct gw_condition_opts *c = gw_arena_alloc(s->config, 1, sizeof(*c));

	if (c)
		*c = *when;
	return c;
}

const struct gw_condition_opts *gw_shared_conditions_get(struct gw_shared_conditions *s,
	const struct gw_condition_opts *when, const char *text)
{
	struct gw_shared_condition *all;
	struct gw_strmap_entry *e;
	const struct gw_condition_opts *c;
	size_t alike = 0;

	if (!when->kind || when->kind->is_vote)
		return copy(s, when);
	e = gw_strmap_add(&s->by_text, text, NONE);
	if (!e)
		return NULL;
	for (uint32_t i = e->value; i != NONE; i = s->at[i].next, alike++)
		if (is_equal(s->at[i].opts, when))
			return s->at[i].opts;
	c = copy(s, when);
	if (!c || alike >= ALIKE_MAX)
		return c;
	all = gw_arena_grow(s->by_text.arena, s->at, s->n, &s->cap, sizeof(*all));
	if (!all)
		return NULL;
	s->at = all;
	s->at[s->n] = (struct gw_shared_condition){c, e->value};
	e->value = (uint32_t)s->n++;
	return c;
}
