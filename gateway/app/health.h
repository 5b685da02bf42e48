/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health.h: what heartbeats say of the gateway.
 *
 * struct gw_health: gateway_internal.h.
 */
#ifndef GW_APP_HEALTH_H
#define GW_APP_HEALTH_H

#include <stdint.h>

struct gw_gateway;
struct gw_heartbeat;

/* Once a second: the counts, and whether the clock is synchronised. Thread: main. */
void gw_health_update(struct gw_gateway *g);
/* arg: the gateway. Withheld (site NULL) while the engine does not beat. Thread: any. */
void gw_health_fill_heartbeat(void *arg, struct gw_heartbeat *h);

#endif
