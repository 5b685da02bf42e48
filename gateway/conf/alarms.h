/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alarms.h: from an entry under `alarms:` (a template) to alarms on points (drafts), and from
 * drafts to the config's table. Private to gateway/conf.
 */
#ifndef GW_CONF_ALARMS_H
#define GW_CONF_ALARMS_H

#include "conf/core_settings.h"
#include "conf/load.h"

struct gw_template {
	const struct gw_yaml_node *node;
	const struct gw_yaml_node *when; /* NULL: not given */
	struct gw_alarm_opts opts;
	struct gw_alarm_reader_opts reader_opts;
	struct gw_settings_block *block, *reader_block;
	struct gw_settings_block *when_block; /* NULL: no readable condition */
	bool usable;
};

#define GW_NO_DEVICE UINT32_MAX

/* One alarm to be. */
struct gw_pending_alarm {
	struct gw_alarm_opts opts;
	const struct gw_template *by;   /* what defined it; NULL: nobody, it is implicit */
	const struct gw_template *when; /* where its condition stands; NULL: implicit */
	const struct gw_template *unless; /* where that stands; NULL: nowhere */
	bool of_site;                     /* the site file has spoken of it */
	bool implicit;                    /* it would be there without any words */
	bool on_point;                    /* not on a whole device, owner or members */
	bool only_if_used;                /* only if another alarm hears its point */
	bool is_member;                   /* a vote or an `unless` names it */
	uint32_t device;                  /* into l->devices, or GW_NO_DEVICE */
	uint32_t voter;                   /* members with the same number count once */
	uint32_t number;                  /* in the config's table, when placed */
	uint8_t visit;                    /* toposort.c: white, grey, black */
};

/* alarms.c */
void gw_template_read(
	struct gw_load *l, const struct gw_yaml_node *node, struct gw_template *ret);
/* For a device: nothing if it has no profile. */
void gw_expand_profile(struct gw_load *l, uint32_t device);
void gw_expand_site(struct gw_load *l, const struct gw_yaml_node *root);
/* A new draft with its key, or NULL (no memory, too many). */
struct gw_pending_alarm *gw_pending_add(struct gw_load *l, const char *key);
struct gw_pending_alarm *gw_pending_find(struct gw_load *l, const char *key);

/* implicit.c: silent and down, unreadable and out-of-range, of everything there is; then the
 * profiles' alarms. */
void gw_implicit_add(struct gw_load *l);
/* What a condition `unreadable` has of its device: once all of the site is read. */
void gw_implicit_set_times(struct gw_load *l, struct gw_pending_alarm *d);

/* resolve.c: drafts into the config: texts, order, members. */
void gw_resolve_alarms(struct gw_load *l);

struct gw_member_search; /* members.h */

/* votes.c: the members of a vote. */
void gw_votes_resolve(struct gw_member_search *f, struct gw_pending_alarm *vote);

/* unless.c: what holds an alarm back. */
void gw_unless_resolve(struct gw_member_search *f, struct gw_pending_alarm *d);

/* toposort.c: all drafts, each after those it listens to; how many (all, unless complained of). */
size_t gw_toposort_alarms(struct gw_load *l, struct gw_pending_alarm **order);

/* A point that is 0 or 1 by its type. */
bool gw_point_is_discrete(const struct gw_point_opts *point);

#endif
