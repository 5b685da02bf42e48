/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Once a second: is every thread alive (then systemd's watchdog is fed), is the clock believed,
 * and what heartbeats say of the rest.
 */
#include "app/gateway.h"
#include "base/clock.h"
#include "base/log.h"
#include "gw_build.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#if GW_HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#define PERIOD_NS GW_NS_PER_SEC
/* How old a beat may be until systemd's watchdog is no longer fed. The engine's: without it nothing
 * is an alarm. A source that hangs raises its own fault long before it is worth a restart that
 * blinds all others. Threads that write to the disk get longest: a card that stalls must not get
 * a gateway killed that still evaluates and delivers. */
#define ENGINE_BEAT_NS (3 * GW_NS_PER_SEC)
#define UPLINK_BEAT_NS (30 * GW_NS_PER_SEC)
#define SOURCE_BEAT_NS (60 * GW_NS_PER_SEC)
#define DISK_BEAT_NS   (300 * GW_NS_PER_SEC)
/* Main fired later than it was to by this much: the process did not run, or main was held up. */
#define LATE_NS GW_NS_PER_SEC
/* Events were lost: the fault stands until none was for this long. */
#define LOST_STANDS_NS (600 * GW_NS_PER_SEC)

void gw_watchdog_notify_systemd(const char *state)
{
#if GW_HAVE_SYSTEMD
	sd_notify(0, state);
#else
	(void)state;
#endif
}

/* One look at all threads. */
struct thread_scan {
	int64_t now_ns, resumed_ns;
	const struct gw_thread *late; /* the first one that is */
	struct gw_oldest_beat oldest;
};

/* When it beat last; when main itself last began to run if that is later: what no thread could do
 * is held against none. */
static int64_t beat_ns(const struct thread_scan *l, const struct gw_thread *t)
{
	int64_t at_ns = atomic_load_explicit(&t->beat_ns, memory_order_acquire);

	return at_ns > l->resumed_ns ? at_ns : l->resumed_ns;
}

static void scan_thread(struct thread_scan *l, const struct gw_thread *t, int64_t most_ns)
{
	int64_t age_ns = l->now_ns - beat_ns(l, t);

	if (!t->running)
		return;
	if (age_ns > most_ns && !l->late)
		l->late = t;
	if (age_ns < l->oldest.age_ns)
		return;
	l->oldest.age_ns = age_ns;
	memcpy(l->oldest.thread, t->name, sizeof(l->oldest.thread));
}

static void scan_threads(struct gw_gateway *g, struct thread_scan *l)
{
	scan_thread(l, &g->engine_thread.thread, ENGINE_BEAT_NS);
	scan_thread(l, gw_store_thread(g->store), DISK_BEAT_NS);
	scan_thread(l, gw_alert_log_thread(g->alert_log), DISK_BEAT_NS);
	for (size_t i = 0; i < g->n_sources; i++)
		scan_thread(l, gw_source_thread(g->sources[i]), SOURCE_BEAT_NS);
	for (size_t i = 0; i < g->n_uplinks; i++)
		scan_thread(l, gw_uplink_thread(g->uplinks[i]), UPLINK_BEAT_NS);
}

static void report_stalled(const struct gw_gateway *g, const struct thread_scan *l)
{
	gw_log(GW_LOG_ERR,
		"thread %s has not moved for %" PRId64
		" s: %ssystemd's watchdog is not fed and will restart tocsind",
		l->late->name, (l->now_ns - beat_ns(l, l->late)) / GW_NS_PER_SEC,
		l->late == &g->engine_thread.thread
			? "no alarm is evaluated, heartbeats are withheld, "
			: "");
}

static void check_threads(struct gw_gateway *g, int64_t now_ns)
{
	struct thread_scan l = {.now_ns = now_ns, .resumed_ns = g->watchdog.resumed_ns};

	scan_threads(g, &l);
	if (!l.late)
		gw_watchdog_notify_systemd("WATCHDOG=1");
	if (l.late && !g->watchdog.stalled_thread)
		report_stalled(g, &l);
	else if (!l.late && g->watchdog.stalled_thread)
		gw_log(GW_LOG_NOTICE, "all threads move again");
	g->watchdog.stalled_thread = l.late;
	pthread_mutex_lock(&g->watchdog.lock);
	g->watchdog.oldest = l.oldest;
	pthread_mutex_unlock(&g->watchdog.lock);
	for (size_t i = 0; i < g->n_sources; i++)
		gw_supervise_source(&g->supervisor, g->generation->config, i, g->sources[i],
			beat_ns(&l, gw_source_thread(g->sources[i])), now_ns);
}

static void check_clock(struct gw_gateway *g)
{
	bool synced = gw_clock_synced();

	g->view.synced = synced;
	if (synced == atomic_load_explicit(&g->watchdog.synced, memory_order_relaxed))
		return;
	gw_log(GW_LOG_NOTICE,
		synced ? "clock synchronised: alarms raised before are dated anew"
		       : "clock no longer synchronised: alarms are marked so");
	atomic_store_explicit(&g->watchdog.synced, synced, memory_order_relaxed);
	atomic_store_explicit(&g->engine_thread.synced, synced, memory_order_relaxed);
	gw_wake_poke(&g->engine_thread.wake);
}

static void update_health(struct gw_gateway *g)
{
	uint32_t up = 0;

	for (size_t i = 0; i < g->n_sources; i++) {
		struct gw_source_status s;

		gw_source_status(g->sources[i], &s);
		up += s.state == GW_SOURCE_UP;
	}
	atomic_store_explicit(&g->watchdog.sources_up, up, memory_order_relaxed);
	atomic_store_explicit(
		&g->watchdog.sources, (uint32_t)g->n_sources, memory_order_relaxed);
	atomic_store_explicit(
		&g->watchdog.standing, gw_status_view_standing(&g->view), memory_order_relaxed);
}

static void keep_older_beat(
	struct gw_oldest_beat *o, const char *name, int64_t beat_ns, int64_t now_ns)
{
	if (beat_ns == 0 || now_ns - beat_ns <= o->age_ns) /* 0: not started yet */
		return;
	o->age_ns = now_ns - beat_ns;
	snprintf(o->thread, sizeof(o->thread), "%s", name);
}

static int64_t engine_beat_ns(struct gw_gateway *g)
{
	return atomic_load_explicit(&g->engine_thread.thread.beat_ns, memory_order_acquire);
}

void gw_watchdog_oldest_beat(
	struct gw_gateway *g, int64_t now_ns, struct gw_oldest_beat *ret)
{
	pthread_mutex_lock(&g->watchdog.lock);
	*ret = g->watchdog.oldest;
	pthread_mutex_unlock(&g->watchdog.lock);
	keep_older_beat(ret, "engine", engine_beat_ns(g), now_ns);
	keep_older_beat(ret, "main",
		atomic_load_explicit(&g->watchdog.beat_ns, memory_order_acquire), now_ns);
}

/* What left the engine for nobody: an output was behind by all that the engine can hold. What the
 * control socket missed does not count, `tocsin tail` tells it to whom it concerns. */
static uint64_t events_lost(struct gw_gateway *g)
{
	uint64_t n = gw_engine_lost_events(g->engine, gw_store_events(g->store)) +
		gw_engine_lost_events(g->engine, gw_alert_log_events(g->alert_log));

	for (size_t i = 0; i < g->n_uplinks; i++)
		n += gw_engine_lost_events(g->engine, gw_uplink_events(g->uplinks[i]));
	return n;
}

static void check_lost_events(struct gw_gateway *g, int64_t now_ns)
{
	struct gw_watchdog *p = &g->watchdog;
	uint64_t seen = events_lost(g);
	uint64_t total = atomic_load_explicit(&p->events_lost, memory_order_relaxed);
	bool stands = total > 0 && now_ns - p->events_lost_ns < LOST_STANDS_NS;

	if (seen > p->events_lost_seen) {
		total += seen - p->events_lost_seen;
		p->events_lost_ns = now_ns;
		if (!stands)
			gw_log(GW_LOG_ERR,
				"events are lost: the disk or an uplink takes none, and "
				"the "
				"engine holds as many as it can; see tocsin status");
		stands = true;
	}
	p->events_lost_seen = seen; /* less than before when an output went */
	/* relaxed: a count that publishes nothing */
	atomic_store_explicit(&p->events_lost, total, memory_order_relaxed);
	gw_supervise_report(&g->supervisor, g->generation->config,
		GW_GATEWAY_POINT_EVENTS_LOST, stands, now_ns);
}

/* Whoever was stopped, suspended or starved finds every beat old, its own too. */
static void note_own_beat(struct gw_watchdog *p, int64_t now_ns)
{
	if (p->due_ns && now_ns - p->due_ns > LATE_NS)
		p->resumed_ns = now_ns;
	p->due_ns = now_ns + PERIOD_NS;
	atomic_store_explicit(&p->beat_ns, now_ns, memory_order_release);
}

static void update_view(struct gw_gateway *g, int64_t now_ns)
{
	struct gw_oldest_beat oldest;

	gw_watchdog_oldest_beat(g, now_ns, &oldest);
	g->view.oldest_beat_ms = oldest.age_ns / GW_NS_PER_MS;
	memcpy(g->view.oldest_beat_thread, oldest.thread, sizeof(oldest.thread));
	g->view.events_lost = atomic_load_explicit(
		&g->watchdog.events_lost, memory_order_relaxed);
}

/* Uplinks and brokers would be refused until the next start, whenever that is. */
static void watch_tls(struct gw_gateway *g)
{
	struct gw_error why;

	if (!gw_tls_broken(&g->tls, &why))
		return;
	gw_fail(&g->failed, GW_ERR_SYSTEM, 0,
		"OpenSSL ran out of memory and cannot be used until a restart (%.120s)",
		why.text);
	gw_loop_stop(&g->loop);
}

static void tick(void *arg, int64_t now_ns)
{
	struct gw_gateway *g = arg;

	note_own_beat(&g->watchdog, now_ns);
	check_threads(g, now_ns);
	check_lost_events(g, now_ns);
	update_view(g, now_ns);
	check_clock(g);
	update_health(g);
	gw_store_watch_poll(g);
	gw_generation_sweep(g, false);
	gw_reload_tick(g, now_ns);
	watch_tls(g);
	gw_loop_arm(&g->loop, &g->watchdog.timer, now_ns + PERIOD_NS);
}

void gw_watchdog_start(struct gw_gateway *g)
{
	g->watchdog.timer = (struct gw_loop_timer){.fire = tick, .arg = g};
	tick(g, gw_clock_mono_ns());
}

void gw_watchdog_fill_heartbeat(void *arg, struct gw_heartbeat *h)
{
	struct gw_gateway *g = arg;
	struct gw_watchdog *p = &g->watchdog;
	int64_t now_ns = gw_clock_mono_ns();
	struct gw_oldest_beat oldest;
	struct gw_store_status store;

	h->site = atomic_load_explicit(&p->site, memory_order_acquire);
	h->run = g->run;
	h->last_seq = atomic_load_explicit(&g->last_seq, memory_order_acquire);
	gw_store_status(g->store, &store);
	h->journal_seq = store.head_seq;
	memcpy(h->journal_head, store.head, sizeof(h->journal_head));
	h->wall_ms = gw_clock_wall_ms();
	h->since_boot_ms = now_ns / GW_NS_PER_MS;
	h->uptime_ms = (now_ns - p->started_ns) / GW_NS_PER_MS;
	h->synced = atomic_load_explicit(&p->synced, memory_order_relaxed);
	h->sources_up = atomic_load_explicit(&p->sources_up, memory_order_relaxed);
	h->sources = atomic_load_explicit(&p->sources, memory_order_relaxed);
	h->standing = atomic_load_explicit(&p->standing, memory_order_relaxed);
	h->events_lost = atomic_load_explicit(&p->events_lost, memory_order_relaxed);
	h->version = GW_VERSION;
	gw_watchdog_oldest_beat(g, now_ns, &oldest);
	h->oldest_beat_ms = oldest.age_ns / GW_NS_PER_MS;
	memcpy(h->oldest_beat_thread, oldest.thread, sizeof(h->oldest_beat_thread));
	/* Nobody evaluates alarms: that the platform hears nothing tells it so. */
	if (engine_beat_ns(g) && now_ns - engine_beat_ns(g) > ENGINE_BEAT_NS)
		h->site = NULL;
}
