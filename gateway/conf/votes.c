/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/votes.h"

#include "yaml/complain.h"
#include "yaml/settings.h"

#include <string.h>

void gw_votes_resolve(struct gw_member_search *s, struct gw_pending_alarm *vote)
{
	struct gw_load *l = s->l;
	const struct gw_settings_block *block = vote->when->when_block;
	const struct gw_yaml_node *of = gw_settings_node(block, "of"), *node;
	struct gw_condition_opts *when = &vote->condition;
	size_t numbers;

	gw_members_new_search(s);
	node = of ? of->first : NULL;
	for (size_t i = 0; i < when->of.n && node; i++, node = node->next) {
		const char *pattern = when->of.at[i];
		bool points = strchr(pattern, '/') && !strchr(pattern, ':');

		numbers = 0;
		if ((points ? gw_members_match_points(s, pattern, &numbers)
			    : gw_members_match_alarms(s, vote, pattern)) == 0)
			gw_members_complain(l, node, pattern, numbers);
	}
	if (s->n > GW_MEMBERS_MAX) {
		gw_complain(&l->reader, of, "%zu members are too many (at most %d)", s->n,
			GW_MEMBERS_MAX);
		s->n = 0;
	} else if (s->n && !l->incomplete.any && when->at_least > (int64_t)s->voters) {
		gw_complain(&l->reader, gw_settings_node(block, "at_least"),
			"%lld can never be: the members are on %zu device%s only",
			(long long)when->at_least, s->voters, s->voters == 1 ? "" : "s");
	}
	when->members = gw_members_copy(s);
	when->n_members = when->members ? s->n : 0;
}
