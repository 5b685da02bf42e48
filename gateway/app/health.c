/* SPDX-License-Identifier: Apache-2.0 */
#include "app/health.h"

#include "app/gateway_internal.h"
#include "app/watchdog.h"
#include "base/clock.h"
#include "base/log.h"
#include "gw_build.h"

#include <string.h>

static void check_clock(struct gw_gateway *g)
{
	bool synced = gw_clock_synced();

	g->view.synced = synced;
	if (synced == atomic_load_explicit(&g->health.synced, memory_order_relaxed))
		return;
	gw_log(GW_LOG_NOTICE,
		synced ? "clock synchronised: alarms raised before are dated anew"
		       : "clock no longer synchronised: alarms are marked so");
	atomic_store_explicit(&g->health.synced, synced, memory_order_relaxed);
	atomic_store_explicit(&g->engine_thread.synced, synced, memory_order_relaxed);
	gw_wake_poke(&g->engine_thread.wake);
}

static void update_counts(struct gw_gateway *g)
{
	uint32_t up = 0;

	for (size_t i = 0; i < g->parts.n_sources; i++) {
		struct gw_source_status s;

		gw_source_status(g->parts.sources[i], &s);
		up += s.state == GW_SOURCE_UP;
	}
	atomic_store_explicit(&g->health.sources_up, up, memory_order_relaxed);
	atomic_store_explicit(
		&g->health.sources, (uint32_t)g->parts.n_sources, memory_order_relaxed);
	atomic_store_explicit(&g->health.standing, gw_status_view_standing(&g->view),
		memory_order_relaxed);
}

void gw_health_update(struct gw_gateway *g)
{
	check_clock(g);
	update_counts(g);
}

void gw_health_fill_heartbeat(void *arg, struct gw_heartbeat *h)
{
	struct gw_gateway *g = arg;
	const struct gw_health *health = &g->health;
	int64_t now_ns = gw_clock_boot_ns();
	struct gw_oldest_beat oldest;
	struct gw_store_status store;

	h->site = atomic_load_explicit(&health->site, memory_order_acquire);
	h->last_seq = atomic_load_explicit(&g->last_seq, memory_order_acquire);
	gw_store_status(g->store, &store);
	h->journal_seq = store.head_seq;
	memcpy(h->journal_head, store.head, sizeof(h->journal_head));
	h->uptime_ms = (now_ns - health->started_ns) / GW_NS_PER_MS;
	h->sources_up = atomic_load_explicit(&health->sources_up, memory_order_relaxed);
	h->sources = atomic_load_explicit(&health->sources, memory_order_relaxed);
	h->standing = atomic_load_explicit(&health->standing, memory_order_relaxed);
	h->events_lost = atomic_load_explicit(
		&g->watchdog.events_lost, memory_order_relaxed);
	h->version = GW_VERSION;
	gw_watchdog_oldest_beat(g, now_ns, &oldest);
	h->oldest_beat_ms = oldest.age_ns / GW_NS_PER_MS;
	memcpy(h->oldest_beat_thread, oldest.thread, sizeof(h->oldest_beat_thread));
	/* No alarm is evaluated: the platform is to notice that the heartbeats stop. */
	if (gw_watchdog_engine_stalled(g, now_ns))
		h->site = NULL;
}
