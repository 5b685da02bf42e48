/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pending_alarms.h: the alarms that the configuration will have, by key, until resolve.h puts them
 * into its table. Private to gateway/conf.
 *
 * Owner: scratch memory of the load.
 */
#ifndef GW_CONF_PENDING_ALARMS_H
#define GW_CONF_PENDING_ALARMS_H

#include "conf/context.h"
#include "conf/template.h"

/* One alarm of the configuration while it is being made. */
struct gw_pending_alarm {
	struct gw_alarm_opts opts;          /* without `when` */
	struct gw_condition_opts condition; /* becomes `when`, shared with equal ones */
	const struct gw_template *by;       /* what defined it; NULL: it is implicit */
	const struct gw_template *when;     /* where its condition stands; NULL: implicit */
	const struct gw_template *unless;   /* where that stands; NULL: nowhere */
	bool of_site;                       /* the site file names it */
	bool implicit;                      /* it would be there without any words */
	bool on_point;                      /* not on a whole device, owner or members */
	bool only_if_used;                  /* only if another alarm is on its point */
	bool is_member;                     /* a vote or an `unless` names it */
	uint32_t device;                    /* into l->devices, or GW_NO_DEVICE */
	uint32_t voter;                     /* members with the same number count once */
	uint32_t number;                    /* in the config's table, when placed */
	uint8_t visit;                      /* toposort.c: white, grey, black */
};

/* A new alarm with its key, or NULL (no memory, too many). */
struct gw_pending_alarm *gw_pending_alarm_add(struct gw_load *l, const char *key);
struct gw_pending_alarm *gw_pending_alarm_find(struct gw_load *l, const char *key);

#endif
