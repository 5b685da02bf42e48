/* SPDX-License-Identifier: Apache-2.0 */
/*
 * members.h: which alarms and points a pattern under `of` or `unless` means. A pattern with a colon
 * matches alarms by key, one with slashes and no colon discrete points, any other alarms by name. A
 * name with a star does not match implicit faults: two silent detectors are no confirmed fire.
 * Private to gateway/conf.
 *
 * The index of an alarm in a member is that of the pending alarm until gw_members_link.
 */
#ifndef GW_CONF_MEMBERS_H
#define GW_CONF_MEMBERS_H

#include "conf/pending_alarms.h"

#define GW_MEMBERS_MAX 1000
#define GW_NO_PENDING  UINT32_MAX

struct gw_member_search {
	struct gw_load *l;
	struct gw_strmap names; /* of alarms -> the first pending alarm of that name */
	uint32_t *same_name; /* pending alarm -> the next of its name, or GW_NO_PENDING */
	uint32_t *seen_alarm, *seen_point,
		*seen_voter; /* number of the search that last found it */
	uint32_t stamp;
	struct gw_member *members; /* found so far */
	size_t n, cap;
	size_t voters; /* how many of them do not count as one */
};

/* False: no memory. */
bool gw_members_init(struct gw_member_search *ret_search, struct gw_load *l);
/* Forget the members found so far. */
void gw_members_new_search(struct gw_member_search *s);
/* Add what matches, each once; returns how many matched. A star never matches self. */
size_t gw_members_match_alarms(struct gw_member_search *s,
	const struct gw_pending_alarm *self, const char *pattern);
/* ret_numbers: points that match but are not discrete. */
size_t gw_members_match_points(
	struct gw_member_search *s, const char *pattern, size_t *ret_numbers);
void gw_members_add_alarm(struct gw_member_search *s, size_t index);
/* The first pending alarm of a name; the others follow in same_name. */
uint32_t gw_members_first_named(struct gw_member_search *s, const char *name);
/* Complain of a pattern that matched nothing, unless it may match what was not readable. */
void gw_members_complain(struct gw_load *l, const struct gw_yaml_node *node,
	const char *pattern, size_t numbers);
/* A copy of the members found, in scratch memory. */
const struct gw_member *gw_members_copy(struct gw_member_search *s);
/* Once the members are in the config's table: a copy in its memory, with their indexes there. */
void gw_members_link(struct gw_load *l, const struct gw_member **members, size_t *n);

#endif
