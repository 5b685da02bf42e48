/* SPDX-License-Identifier: Apache-2.0 */
#include "app/store_watch.h"

#include "app/engine_link.h"
#include "app/gateway_internal.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdlib.h>

/* How long the start waits for the store: without progress, and in all. Then the engine
 * starts without alarm records. */
#define READ_IDLE_NS (200 * GW_NS_PER_MS)
#define READ_MAX_NS  (2 * GW_NS_PER_SEC)
/* Events wait for so long without a commit: longer than the garbage collection of a
 * card. */
#define STALL_NS   (5 * GW_NS_PER_SEC)
#define FAULT_RING 16

/* Of a restored backup, see store/unconfirmed.h. */
static void count_unconfirmed(
	struct gw_store_watch *w, const struct gw_alarm_record *record)
{
	if (record->unconfirmed &&
		(record->underlying == GW_STATE_ACTIVE_UNACKED ||
			record->underlying == GW_STATE_ACTIVE_ACKED))
		w->n_unconfirmed++;
}

static void log_unconfirmed(struct gw_store_watch *w)
{
	if (w->n_unconfirmed > 0)
		gw_log(GW_LOG_NOTICE,
			"%zu alarms stand by the restored backup, and nothing shows that they stood until now: each is raised again when its condition is found true, or after a minute",
			w->n_unconfirmed);
	w->n_unconfirmed = 0;
}

static void restore_one(
	void *arg, const struct gw_alarm_record *record, const struct gw_alarm_info *info)
{
	struct gw_gateway *g = arg;
	struct gw_time now = gw_engine_link_now(g);

	count_unconfirmed(&g->store_watch, record);
	if (gw_engine_restore(g->engine, record, now))
		return;
	gw_log(GW_LOG_NOTICE,
		"%s stood when the daemon stopped and is no longer configured: cleared",
		record->key);
	gw_engine_clear_unconfigured(g->engine, record, info, now);
}

void gw_store_watch_begin(struct gw_gateway *g)
{
	bool read = gw_store_await_previous_run(g->store, READ_IDLE_NS, READ_MAX_NS);

	g->run = gw_store_run(g->store);
	gw_engine_set_identity(g->engine, g->run, gw_store_last_seq(g->store), g->boot);
	gw_engine_publish_seq(g->engine, &g->last_seq);
	if (read)
		gw_store_load_alarms(g->store, NULL, restore_one, g);
	log_unconfirmed(&g->store_watch);
	if (!read)
		gw_log(GW_LOG_WARNING,
			"the database could not be read in time: alarms begin without their records and events go on at #%" PRIu64
			"; both are put right when it is read",
			gw_store_last_seq(g->store) + 1);
}

/* ---- records that are read late ---- */

static bool reserve_late(void *arg, size_t n)
{
	struct gw_store_watch *w = arg;
	struct gw_late_record *grown;

	if (w->late.n + n <= w->late_capacity)
		return true;
	grown = realloc(w->late.at, (w->late.n + n) * sizeof *grown);
	if (!grown)
		return false; /* tried again at the next turn of main */
	w->late.at = grown;
	w->late_capacity = w->late.n + n;
	return true;
}

static void add_late(
	void *arg, const struct gw_alarm_record *record, const struct gw_alarm_info *info)
{
	struct gw_store_watch *w = arg;

	count_unconfirmed(w, record);
	w->late.at[w->late.n++] = (struct gw_late_record){.record = *record, .info = info};
}

/* One batch at a time: the engine has it until it has taken every record. */
static void hand_over(struct gw_gateway *g)
{
	struct gw_store_watch *w = &g->store_watch;

	if (w->handed_over && gw_engine_restore_done(g->engine)) {
		gw_log(GW_LOG_NOTICE,
			"the database was read: %zu alarms remembered, %zu of them were raised anew meanwhile, %zu are no longer configured",
			w->late.n, w->late.n_raised_anew, w->late.n_unconfigured);
		w->handed_over = false;
		w->late.n = 0;
	}
	if (w->handed_over)
		return;
	gw_store_load_alarms(g->store, reserve_late, add_late, w);
	log_unconfirmed(w);
	if (w->late.n > 0 && gw_engine_restore_late(g->engine, &w->late)) {
		w->handed_over = true;
		gw_wake_poke(&g->engine_thread.wake);
	}
}

/* ---- faults ---- */

/* Since when events wait without any commit; 0: none waits. */
static int64_t update_uncommitted_since_ns(struct gw_gateway *g, int64_t now_ns)
{
	struct gw_store_watch *w = &g->store_watch;
	uint64_t committed = gw_store_committed(g->store);

	if (atomic_load_explicit(&g->last_seq, memory_order_acquire) <= committed)
		w->uncommitted_since_ns = 0;
	else if (w->uncommitted_since_ns == 0 || w->committed != committed)
		w->uncommitted_since_ns = now_ns;
	w->committed = committed;
	return w->uncommitted_since_ns;
}

static void report_stall(
	struct gw_store_watch *w, bool stalled, bool failing, int64_t now_ns)
{
	if (stalled == w->stalled)
		return;
	w->stalled = stalled;
	if (stalled && !failing) /* else the store has logged why */
		gw_log(GW_LOG_ERR,
			"store: nothing could be committed for %lld s: the disk hangs; alerts leave all the same, but are kept in memory only",
			(long long)((now_ns - w->uncommitted_since_ns) / GW_NS_PER_SEC));
	else if (!stalled && !failing)
		gw_log(GW_LOG_NOTICE, "store: commits again");
}

static void report_fault(struct gw_gateway *g, uint32_t point, bool is, int64_t now_ns)
{
	struct gw_store_watch *w = &g->store_watch;
	struct gw_sample sample = {
		.point = point, .quality = GW_QUALITY_GOOD, .boot_ns = now_ns, .value = is};

	if (w->reported[point] == (is ? 2 : 1) ||
		gw_ring_push(&w->faults, &sample, 1, sizeof sample) == 0)
		return;
	w->reported[point] = is ? 2 : 1;
	gw_wake_poke(&g->engine_thread.wake);
}

void gw_store_watch_poll(struct gw_gateway *g)
{
	struct gw_store_watch *w = &g->store_watch;
	int64_t now_ns = gw_clock_boot_ns(),
		since_ns = update_uncommitted_since_ns(g, now_ns);
	struct gw_store_status s;

	gw_store_status(g->store, &s);
	report_stall(w, since_ns != 0 && now_ns - since_ns >= STALL_NS, s.failing, now_ns);
	g->view.uncommitted_since_ns = since_ns;
	g->view.store_stalled = w->stalled;
	report_fault(g, GW_STORE_POINT_FAILING, s.failing || w->stalled, now_ns);
	report_fault(g, GW_STORE_POINT_REPLACED, s.replaced, now_ns);
	hand_over(g);
}

enum gw_err gw_store_watch_init(struct gw_store_watch *w, struct gw_error *err)
{
	return gw_ring_init(&w->faults, FAULT_RING, sizeof(struct gw_sample), err);
}

void gw_store_watch_fini(struct gw_store_watch *w)
{
	gw_ring_fini(&w->faults);
	free(w->late.at);
	*w = (struct gw_store_watch){.late_capacity = 0};
}
