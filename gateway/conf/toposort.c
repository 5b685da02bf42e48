/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/toposort.h"

#include "yaml/complain.h"
#include "yaml/settings.h"

static bool has_members(const struct gw_pending_alarm *p)
{
	return p->condition.n_members || p->opts.n_unless;
}

/* The members of its vote, then of its `unless`; NULL: no more. */
static const struct gw_member *next_member(const struct gw_pending_alarm *p, size_t i)
{
	if (i < p->condition.n_members)
		return &p->condition.members[i];
	i -= p->condition.n_members;
	return i < p->opts.n_unless ? &p->opts.unless[i] : NULL;
}

/* One alarm on the path that is being followed, and its next member. */
struct step {
	struct gw_pending_alarm *alarm;
	size_t next;
};

enum { WHITE, GREY, BLACK };

/* Complains at the place of the file that names the last member on the path. */
static void refuse_circle(
	struct gw_load *l, const struct step *s, const struct gw_pending_alarm *member)
{
	if (s->next <= s->alarm->condition.n_members)
		gw_complain(&l->reader, gw_settings_node(s->alarm->when->when_block, "of"),
			"goes round in a circle: %s is a member of itself",
			member->opts.info.key);
	else
		gw_complain(&l->reader, gw_settings_node(s->alarm->unless->block, "unless"),
			"goes round in a circle: %s holds back itself",
			member->opts.info.key);
}

/* Members first, without recursion: a chain may be as long as the file. */
static size_t descend(struct gw_load *l, struct gw_pending_alarm *from, struct step *stack,
	struct gw_pending_alarm **order, size_t n)
{
	size_t depth = 1;

	stack[0] = (struct step){from, 0};
	from->visit = GREY;
	while (depth > 0) {
		struct step *s = &stack[depth - 1];
		const struct gw_member *m = NULL;
		struct gw_pending_alarm *member = NULL;

		while (!member && (m = next_member(s->alarm, s->next))) {
			s->next++;
			if (m->is_alarm && has_members(l->pending[m->index]))
				member = l->pending[m->index];
		}
		if (!member) {
			s->alarm->visit = BLACK;
			order[n++] = s->alarm;
			depth--;
		} else if (member->visit == GREY) {
			refuse_circle(l, s, member);
		} else if (member->visit == WHITE) {
			member->visit = GREY;
			stack[depth++] = (struct step){member, 0};
		}
	}
	return n;
}

size_t gw_toposort_alarms(struct gw_load *l, struct gw_pending_alarm **order)
{
	struct step *stack = gw_arena_alloc(
		&l->reader.scratch, l->n_pending + 1, sizeof(*stack));
	size_t n = 0;

	for (size_t i = 0; stack && i < l->n_pending; i++) {
		struct gw_pending_alarm *p = l->pending[i];

		if (!has_members(p)) {
			p->visit = BLACK;
			order[n++] = p;
		}
	}
	for (size_t i = 0; stack && i < l->n_pending; i++)
		if (l->pending[i]->visit == WHITE)
			n = descend(l, l->pending[i], stack, order, n);
	return n;
}
