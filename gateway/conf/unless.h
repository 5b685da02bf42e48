/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unless.h: what suppresses an alarm by `unless`. Private to gateway/conf.
 */
#ifndef GW_CONF_UNLESS_H
#define GW_CONF_UNLESS_H

#include "conf/members.h"

void gw_unless_resolve(struct gw_member_search *s, struct gw_pending_alarm *p);

#endif
