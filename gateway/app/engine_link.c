/* SPDX-License-Identifier: Apache-2.0 */
#include "app/engine_link.h"

#include "app/gateway_internal.h"

#include <time.h>

struct gw_time gw_engine_link_now(const struct gw_gateway *g)
{
	return (struct gw_time){
		.boot_ns = gw_clock_boot_ns(),
		.wall_ms = gw_clock_wall_ms(),
		.synced = atomic_load_explicit(&g->health.synced, memory_order_relaxed),
	};
}

void gw_engine_link_drain(struct gw_gateway *g)
{
	if (g->control)
		g->main_rings.drain(g->main_rings.arg);
}

void gw_engine_link_drain_outputs(struct gw_gateway *g, int64_t most_ns)
{
	int64_t until_ns = gw_clock_boot_ns() + most_ns;

	while (gw_engine_output_blocked(g->engine) && gw_clock_boot_ns() < until_ns) {
		struct timespec pause = {.tv_nsec = 1000000};

		nanosleep(&pause, NULL);
		gw_engine_link_drain(g); /* one of the outputs is main's */
		gw_engine_step(g->engine, gw_engine_link_now(g));
	}
}
