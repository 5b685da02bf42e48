/* SPDX-License-Identifier: Apache-2.0 */
/*
 * members.h: whom an alarm listens to: the members of a vote, and what stands under `unless`. A
 * pattern with a colon is about alarms by key, one with slashes alone about discrete points, any
 * other about alarms by name. A name with a star does not reach the implicit faults: two silent
 * detectors are not a confirmed fire. Private to gateway/conf.
 *
 * Numbers of alarms in members are those of the drafts until gw_members_link.
 */
#ifndef GW_CONF_MEMBERS_H
#define GW_CONF_MEMBERS_H

#include "conf/pending.h"

#define GW_MEMBERS_MAX 1000
#define GW_NO_PENDING  UINT32_MAX

struct gw_member_search {
	struct gw_load *l;
	struct gw_strmap names; /* of alarms -> the first draft of that name */
	uint32_t *same_name;    /* draft -> the next one of its name, or GW_NO_DRAFT */
	uint32_t *seen_alarm, *seen_point,
		*seen_voter; /* stamped with the search's number */
	uint32_t stamp;
	struct gw_member *members; /* found so far */
	size_t n, cap;
	size_t voters; /* how many of them do not count as one */
};

/* Scratch memory; false: there is none. */
bool gw_members_init(struct gw_member_search *ret_finder, struct gw_load *l);
/* Another search. */
void gw_members_new_search(struct gw_member_search *f);
/* Add what matches, each once; how many did. self is never matched by a star. */
size_t gw_members_match_alarms(struct gw_member_search *f,
	const struct gw_pending_alarm *self, const char *pattern);
/* ret_numbers: points that match but are not discrete. */
size_t gw_members_match_points(
	struct gw_member_search *f, const char *pattern, size_t *ret_numbers);
void gw_members_add_alarm(struct gw_member_search *f, size_t index);
/* The first draft of a name; the others follow in same_name. */
uint32_t gw_members_first_named(struct gw_member_search *f, const char *name);
/* Complain of a pattern that matched nothing, if that can be known. */
void gw_members_complain(struct gw_load *l, const struct gw_yaml_node *node,
	const char *pattern, size_t numbers);
/* A copy of what was found, in scratch memory. */
const struct gw_member *gw_members_copy(struct gw_member_search *f);
/* Once the members are placed: a copy for ever, with their numbers in the config's table. */
void gw_members_link(struct gw_load *l, const struct gw_member **members, size_t *n);

#endif
