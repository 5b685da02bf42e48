/* SPDX-License-Identifier: Apache-2.0 */
#include "app/watchdog.h"

#include "app/gateway_internal.h"
#include "base/clock.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PERIOD_NS GW_NS_PER_SEC
/* How old a beat may become before systemd's watchdog is no longer fed. Without the engine
 * nothing is an alarm. A source that hangs raises its own fault after 15 s; a restart,
 * which affects all other sources, is worth it only much later. Threads that write to the
 * disk get the longest time: a card that stalls must not end a gateway that still evaluates
 * and delivers. */
#define ENGINE_BEAT_NS (3 * GW_NS_PER_SEC)
#define UPLINK_BEAT_NS (30 * GW_NS_PER_SEC)
#define SOURCE_BEAT_NS (60 * GW_NS_PER_SEC)
#define DISK_BEAT_NS   (300 * GW_NS_PER_SEC)
/* Main runs later than planned by this much: the process was paused, or main was
 * blocked. */
#define LATE_NS GW_NS_PER_SEC
/* The fault events-lost ends when no event was lost for this long. */
#define LOST_STANDS_NS (600 * GW_NS_PER_SEC)

/* One check of all threads that beat. */
struct thread_scan {
	int64_t now_ns, resumed_ns;
	const struct gw_thread *late; /* the first whose beat is too old */
	struct gw_oldest_beat oldest;
};

/* The last beat, or when main itself ran again after a pause if that is later: during a
 * pause of the process no thread can beat. */
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
	for (size_t i = 0; i < g->parts.n_sources; i++)
		scan_thread(l, gw_source_thread(g->parts.sources[i]), SOURCE_BEAT_NS);
	for (size_t i = 0; i < g->parts.n_uplinks; i++)
		scan_thread(l, gw_uplink_thread(g->parts.uplinks[i]), UPLINK_BEAT_NS);
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
		gw_notify_send(&g->service_manager, GW_NOTIFY_ALIVE);
	if (l.late && !g->watchdog.stalled_thread)
		report_stalled(g, &l);
	else if (!l.late && g->watchdog.stalled_thread)
		gw_log(GW_LOG_NOTICE, "all threads move again");
	g->watchdog.stalled_thread = l.late;
	pthread_mutex_lock(&g->watchdog.lock);
	g->watchdog.oldest = l.oldest;
	pthread_mutex_unlock(&g->watchdog.lock);
	for (size_t i = 0; i < g->parts.n_sources; i++)
		gw_supervise_source(&g->supervisor, g->generation->config, i,
			g->parts.sources[i],
			beat_ns(&l, gw_source_thread(g->parts.sources[i])), now_ns);
}

static void keep_older_beat(
	struct gw_oldest_beat *o, const char *name, int64_t beat_ns, int64_t now_ns)
{
	if (beat_ns == 0 || now_ns - beat_ns <= o->age_ns) /* 0: not started */
		return;
	o->age_ns = now_ns - beat_ns;
	snprintf(o->thread, sizeof(o->thread), "%s", name);
}

static int64_t engine_beat_ns(const struct gw_gateway *g)
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

/* Events that the engine dropped for an output that was full. Those of the control socket
 * do not count: `tocsin tail` reports them to its client. */
static uint64_t events_lost(struct gw_gateway *g)
{
	uint64_t n = gw_engine_lost_events(g->engine, gw_store_events(g->store)) +
		gw_engine_lost_events(g->engine, gw_alert_log_events(g->alert_log));

	for (size_t i = 0; i < g->parts.n_uplinks; i++)
		n += gw_engine_lost_events(
			g->engine, gw_uplink_events(g->parts.uplinks[i]));
	return n;
}

static void check_lost_events(struct gw_gateway *g, int64_t now_ns)
{
	struct gw_watchdog *w = &g->watchdog;
	uint64_t seen = events_lost(g);
	uint64_t total = atomic_load_explicit(&w->events_lost, memory_order_relaxed);
	bool stands = total > 0 && now_ns - w->events_lost_ns < LOST_STANDS_NS;

	if (seen > w->events_lost_seen) {
		total += seen - w->events_lost_seen;
		w->events_lost_ns = now_ns;
		if (!stands)
			gw_log(GW_LOG_ERR,
				"events are lost: the disk or an uplink takes none, and the engine holds as many as it can; see tocsin status");
		stands = true;
	}
	w->events_lost_seen = seen; /* falls when an output is removed */
	/* relaxed: a count that publishes nothing */
	atomic_store_explicit(&w->events_lost, total, memory_order_relaxed);
	gw_supervise_report(&g->supervisor, g->generation->config,
		GW_GATEWAY_POINT_EVENTS_LOST, stands, now_ns);
}

/* After a pause of the process every beat is old, main's too. */
static void note_own_beat(struct gw_watchdog *w, int64_t now_ns)
{
	if (w->due_ns && now_ns - w->due_ns > LATE_NS)
		w->resumed_ns = now_ns;
	w->due_ns = now_ns + PERIOD_NS;
	atomic_store_explicit(&w->beat_ns, now_ns, memory_order_release);
}

bool gw_watchdog_engine_stalled(const struct gw_gateway *g, int64_t now_ns)
{
	int64_t beat = engine_beat_ns(g);

	return beat != 0 && now_ns - beat > ENGINE_BEAT_NS;
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

void gw_watchdog_check(struct gw_gateway *g, int64_t now_ns)
{
	note_own_beat(&g->watchdog, now_ns);
	check_threads(g, now_ns);
	check_lost_events(g, now_ns);
	update_view(g, now_ns);
}
