/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolve.h: from pending alarms to the config's table: members found, unused ones left out,
 * each alarm after those it listens to, texts filled in. Private to gateway/conf.
 */
#ifndef GW_CONF_RESOLVE_H
#define GW_CONF_RESOLVE_H

#include "conf/context.h"

void gw_resolve_alarms(struct gw_load *l);

#endif
