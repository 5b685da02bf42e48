/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watchdog.h: checks that main, engine, store, alert log, sources and uplinks beat, and feeds
 * systemd's watchdog while they do.
 *
 * struct gw_watchdog: gateway_internal.h.
 */
#ifndef GW_APP_WATCHDOG_H
#define GW_APP_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

struct gw_gateway;
struct gw_oldest_beat;

/* Once a second. Thread: main. */
void gw_watchdog_check(struct gw_gateway *g, int64_t now_ns);
/* Of these threads. Thread: any. */
void gw_watchdog_oldest_beat(
	struct gw_gateway *g, int64_t now_ns, struct gw_oldest_beat *ret);
/* No alarm is evaluated: the engine has not beaten for longer than allowed. Thread: any. */
bool gw_watchdog_engine_stalled(const struct gw_gateway *g, int64_t now_ns);

#endif
