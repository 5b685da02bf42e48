/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retire.h: sources and uplinks that a reload took out. Each is freed when its thread has
 * ended: an uplink after its last try, a source when its driver returns. Nobody waits for
 * that, except the new parts, which wait for the old ones for a bounded time.
 *
 * struct gw_retired_part: gateway_internal.h.
 * Thread: main.
 */
#ifndef GW_APP_RETIRE_H
#define GW_APP_RETIRE_H

#include <stdbool.h>
#include <stddef.h>

struct gw_gateway;
struct gw_reload_plan;

/* The plan is in effect: takes p->retired, and releases the new parts' threads when the old
 * ones have ended or the time is over. */
void gw_retire_begin(struct gw_gateway *g, struct gw_reload_plan *p);
/* At the end: waits for the uplinks. False: a source hangs in its driver and is left
 * behind. */
bool gw_retire_end(struct gw_gateway *g);
void gw_retire_count(const struct gw_gateway *g, size_t *ret_sources, size_t *ret_uplinks);

#endif
