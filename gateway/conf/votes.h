/* SPDX-License-Identifier: Apache-2.0 */
/*
 * votes.h: the members of a vote. Private to gateway/conf.
 */
#ifndef GW_CONF_VOTES_H
#define GW_CONF_VOTES_H

#include "conf/members.h"

void gw_votes_resolve(struct gw_member_search *s, struct gw_pending_alarm *vote);

#endif
