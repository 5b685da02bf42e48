/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Once a second: is every thread alive (then systemd's watchdog is fed), is the clock believed,
 * and what heartbeats say of the rest.
 */
#include "app/gateway.h"
#include "base/log.h"
#include "gw_build.h"

#if GW_HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#define PERIOD_NS GW_NS_PER_SEC
/* How old a beat may be. Threads that write to the disk get longer: a card that stalls must not
 * get a gateway killed that still evaluates and delivers. */
#define OLDEST_BEAT_NS      (30 * GW_NS_PER_SEC)
#define OLDEST_DISK_BEAT_NS (300 * GW_NS_PER_SEC)

void gw_pulse_notify(const char *state)
{
#if GW_HAVE_SYSTEMD
	sd_notify(0, state);
#else
	(void)state;
#endif
}

static bool alive(
	struct gw_thread *t, int64_t now_ns, int64_t oldest_ns, const char **ret_dead)
{
	if (!t->running ||
		now_ns - atomic_load_explicit(&t->beat_ns, memory_order_acquire) <=
			oldest_ns)
		return true;
	*ret_dead = t->name;
	return false;
}

static bool all_alive(struct gw_gateway *g, int64_t now_ns, const char **ret_dead)
{
	bool ok = alive(&g->runner.thread, now_ns, OLDEST_BEAT_NS, ret_dead) &&
		alive(gw_store_thread(g->store), now_ns, OLDEST_DISK_BEAT_NS, ret_dead) &&
		alive(gw_alert_log_thread(g->alert_log), now_ns, OLDEST_DISK_BEAT_NS,
			ret_dead);

	for (size_t i = 0; ok && i < g->n_sources; i++)
		ok = alive(
			gw_source_thread(g->sources[i]), now_ns, OLDEST_BEAT_NS, ret_dead);
	for (size_t i = 0; ok && i < g->n_uplinks; i++)
		ok = alive(
			gw_uplink_thread(g->uplinks[i]), now_ns, OLDEST_BEAT_NS, ret_dead);
	return ok;
}

static void watch(struct gw_gateway *g, int64_t now_ns)
{
	const char *dead = NULL;
	bool ok = all_alive(g, now_ns, &dead);

	if (ok)
		gw_pulse_notify("WATCHDOG=1");
	if (!ok && !g->pulse.stuck)
		gw_log(GW_LOG_ERR,
			"thread %s has not moved for long: the watchdog is not fed, "
			"systemd will restart tocsind",
			dead);
	else if (ok && g->pulse.stuck)
		gw_log(GW_LOG_NOTICE, "all threads move again");
	g->pulse.stuck = !ok;
}

static void believe_clock(struct gw_gateway *g)
{
	bool synced = gw_clock_synced();

	g->view.synced = synced;
	if (synced == atomic_load_explicit(&g->pulse.synced, memory_order_relaxed))
		return;
	gw_log(GW_LOG_NOTICE,
		synced ? "clock synchronised: alarms raised before are dated anew"
		       : "clock no longer synchronised: alarms are marked so");
	atomic_store_explicit(&g->pulse.synced, synced, memory_order_relaxed);
	atomic_store_explicit(&g->runner.synced, synced, memory_order_relaxed);
	gw_wake_poke(&g->runner.wake);
}

static void take_health(struct gw_gateway *g)
{
	uint32_t up = 0;

	for (size_t i = 0; i < g->n_sources; i++) {
		struct gw_source_status s;

		gw_source_status(g->sources[i], &s);
		up += s.state == GW_SOURCE_UP;
	}
	atomic_store_explicit(&g->pulse.sources_up, up, memory_order_relaxed);
	atomic_store_explicit(
		&g->pulse.sources, (uint32_t)g->n_sources, memory_order_relaxed);
	atomic_store_explicit(
		&g->pulse.standing, gw_status_standing(&g->view), memory_order_relaxed);
}

static void beat(void *arg, int64_t now_ns)
{
	struct gw_gateway *g = arg;

	watch(g, now_ns);
	believe_clock(g);
	take_health(g);
	gw_generation_sweep(g, false);
	gw_loop_arm(&g->loop, &g->pulse.timer, now_ns + PERIOD_NS);
}

void gw_pulse_start(struct gw_gateway *g)
{
	g->pulse.timer = (struct gw_loop_timer){.fire = beat, .arg = g};
	beat(g, gw_clock_mono_ns());
}

void gw_pulse_health(void *arg, struct gw_heartbeat *h)
{
	struct gw_gateway *g = arg;
	struct gw_pulse *p = &g->pulse;

	h->site = atomic_load_explicit(&p->site, memory_order_acquire);
	h->run = g->run;
	h->last_seq = atomic_load_explicit(&g->last_seq, memory_order_acquire);
	h->wall_ms = gw_clock_wall_ms();
	h->since_boot_ms = gw_clock_mono_ns() / GW_NS_PER_MS;
	h->uptime_ms = (gw_clock_mono_ns() - p->started_ns) / GW_NS_PER_MS;
	h->synced = atomic_load_explicit(&p->synced, memory_order_relaxed);
	h->sources_up = atomic_load_explicit(&p->sources_up, memory_order_relaxed);
	h->sources = atomic_load_explicit(&p->sources, memory_order_relaxed);
	h->standing = atomic_load_explicit(&p->standing, memory_order_relaxed);
	h->version = GW_VERSION;
}
