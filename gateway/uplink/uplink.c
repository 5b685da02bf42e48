/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/uplink.h"

#include "base/hash.h"
#include "base/log.h"
#include "gw_build.h"
#include "uplink/refusal.h"
#include "uplink/uplink_internal.h"

#include <stdlib.h>
#include <string.h>

#define UNTRIED_GAP_NS (2 * GW_NS_PER_SEC) /* between tries because of new events */
#define IDLE_NS        (2 * GW_NS_PER_SEC) /* longest sleep, so that the thread beats */

/* ---- the thread ---- */

static bool may_try_events(const struct gw_uplink *u, int64_t now)
{
	if (now < u->delivery.retry.hold_ns)
		return false;
	return gw_refusal_in_progress(&u->outbox) ||
		gw_retry_timer_ready(&u->delivery.retry, now) ||
		(u->delivery.has_untried &&
			now >= u->delivery.last_try_ns + UNTRIED_GAP_NS);
}

/* When the loop must run again without a wake. */
static int64_t next_ns(const struct gw_uplink *u, uint64_t committed, int64_t now)
{
	int64_t next = now + IDLE_NS, t;

	if (gw_heartbeat_wanted(u))
		next = gw_min_ns(next,
			u->heartbeats.next_ns > u->heartbeats.retry.hold_ns
				? u->heartbeats.next_ns
				: u->heartbeats.retry.hold_ns);
	if (u->outbox.n > 0 && !may_try_events(u, now)) {
		t = u->delivery.retry.backoff.next_ns;
		if (u->delivery.has_untried)
			t = gw_min_ns(t, u->delivery.last_try_ns + UNTRIED_GAP_NS);
		next = gw_min_ns(next,
			t > u->delivery.retry.hold_ns ? t : u->delivery.retry.hold_ns);
	} else if (u->outbox.n > 0) {
		t = gw_outbox_next_overdue(&u->outbox, committed);
		if (t != INT64_MAX && t + GW_UPLINK_COMMIT_WAIT_NS > now)
			next = gw_min_ns(next, t + GW_UPLINK_COMMIT_WAIT_NS);
	}
	if (u->stop_ns != 0)
		next = gw_min_ns(next, u->stop_ns);
	t = gw_parked_retry_next_ns(u);
	if (t > now) /* otherwise it waits for something else */
		next = gw_min_ns(next, t);
	return gw_min_ns(next, gw_backlog_next_ns(&u->backlog, now));
}

enum action { ACTION_NONE, ACTION_EVENTS, ACTION_HEARTBEAT, ACTION_PARKED };

/* The action that comes first; the events of ACTION_EVENTS are picked. */
static enum action next_action(struct gw_uplink *u, uint64_t committed, int64_t now)
{
	bool heartbeat_due = gw_heartbeat_wanted(u) && now >= u->heartbeats.next_ns &&
		now >= u->heartbeats.retry.hold_ns;

	u->delivery.n_picked = 0;
	u->delivery.blocked = false;
	if (may_try_events(u, now) && !(heartbeat_due && u->heartbeats.events_sent)) {
		u->delivery.n_picked = gw_delivery_pick(u, committed, now);
		if (u->delivery.n_picked > 0)
			return ACTION_EVENTS;
		if (gw_delivery_needs_heartbeat(u))
			return ACTION_HEARTBEAT;
		if (gw_refusal_in_progress(&u->outbox))
			gw_delivery_give_up(u);
		else
			u->delivery.blocked = u->outbox.n > 0;
	}
	if (heartbeat_due)
		return ACTION_HEARTBEAT;
	return gw_parked_retry_ready(u, now) ? ACTION_PARKED : ACTION_NONE;
}

static bool finished(struct gw_uplink *u, int64_t now)
{
	if (u->stop_ns == 0)
		return false;
	return now >= u->stop_ns || u->delivery.gave_up || !may_try_events(u, now) ||
		(u->outbox.n == 0 && u->backlog.n_marks == 0 &&
			gw_ring_count(&u->events) == 0);
}

static void *run(void *arg)
{
	struct gw_uplink *u = arg;
	struct gw_error err;
	int64_t now, next;
	uint64_t committed;
	enum action action;

	if (u->sink->open(u->sink_state, &u->opts, "tocsin/" GW_VERSION, &err) != GW_OK)
		gw_log(GW_LOG_ERR, "%s: %s", u->opts.name, err.text);
	for (;;) {
		gw_wake_prepare(&u->wake);
		gw_request_service(u);
		now = gw_clock_boot_ns();
		if (finished(u, now))
			break;
		committed = gw_store_committed(u->store);
		action = next_action(u, committed, now);
		if (action == ACTION_NONE) {
			if (u->delivery.blocked) /* only the store has an event that may be sent */
				gw_backlog_update(&u->backlog, now, true);
			next = next_ns(u, committed, now);
			gw_wake_wait(&u->wake, next > now ? next - now : 0);
			continue;
		}
		gw_wake_finish(&u->wake); /* a sink that waits prepares the wake itself */
		if (action == ACTION_EVENTS)
			gw_delivery_send(u, committed);
		else if (action == ACTION_HEARTBEAT)
			gw_heartbeat_send(u);
		else
			gw_parked_retry_send(u);
	}
	gw_wake_finish(&u->wake);
	gw_link_state_update(u, now);
	u->sink->close(u->sink_state);
	return NULL;
}

/* ---- life ---- */

/* With the store's first reply: it may open long after the start. */
static void on_parked_count(void *arg, uint64_t parked)
{
	struct gw_uplink *u = arg;

	u->status.parked = parked;
	gw_parked_retry_begin(u, 0);
}

static void on_query_reply(
	void *arg, enum gw_backlog_query query, const struct gw_batch *batch)
{
	if (query == GW_BACKLOG_QUERY_PARKED)
		gw_parked_retry_on_batch(arg, batch);
	else
		gw_resend_on_batch(arg, batch);
}

/* The own settings of the sink or of the format. */
static bool copy_own(struct gw_uplink *u, const struct gw_setting *rows, size_t size,
	const void *from, void **ret_opts)
{
	if (rows == NULL || from == NULL)
		return true;
	*ret_opts = gw_arena_alloc(&u->texts, 1, size);
	return *ret_opts != NULL && gw_setting_rows_copy(rows, *ret_opts, from, &u->texts);
}

static bool copy_opts(struct gw_uplink *u, const struct gw_uplink_opts *o)
{
	u->texts.chunk_bytes = 4096;
	if (!gw_setting_rows_copy(gw_uplink_settings, &u->opts, o, &u->texts) ||
		!copy_own(u, u->sink->settings, u->sink->opts_size, o->sink_opts,
			&u->opts.sink_opts) ||
		!copy_own(u, u->payload->settings, u->payload->opts_size, o->payload_opts,
			&u->opts.payload_opts))
		return false;
	if (u->opts.batch < 1)
		u->opts.batch = 1;
	if (u->opts.batch > GW_UPLINK_BATCH_MAX)
		u->opts.batch = GW_UPLINK_BATCH_MAX;
	return true;
}

enum gw_err gw_uplink_new(const struct gw_uplink_opts *opts, size_t slot,
	struct gw_store *store, const struct gw_uplink_health *health, size_t ring_capacity,
	struct gw_uplink **ret_uplink, struct gw_error *err)
{
	struct gw_uplink *u = calloc(1, sizeof(*u));
	enum gw_err rc = GW_ERR_SYSTEM;

	if (u == NULL)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory for an uplink");
	pthread_mutex_init(&u->lock, NULL);
	u->slot = slot;
	u->store = store;
	if (health != NULL)
		u->health = *health;
	u->sink = gw_sink_find(opts->url);
	u->payload = gw_payloads[opts->format];
	if (u->sink == NULL) {
		rc = gw_fail(err, GW_ERR_CONFIG, 0, "uplink %s: no sink takes \"%s\"",
			opts->name, opts->url);
		goto out;
	}
	u->sink_state = calloc(1, u->sink->state_size);
	if (u->sink_state == NULL || !copy_opts(u, opts)) {
		rc = gw_fail(err, GW_ERR_SYSTEM, 0, "no memory for uplink %s", opts->name);
		goto out;
	}
	rc = gw_outbox_init(&u->outbox, GW_UPLINK_MAX_EVENTS, GW_UPLINK_MAX_BYTES, err);
	if (rc == GW_OK)
		rc = gw_ring_init(&u->events, ring_capacity, sizeof(struct gw_event), err);
	if (rc == GW_OK)
		rc = gw_wake_init(&u->wake, err);
	if (rc != GW_OK)
		goto out;
	gw_backlog_init(&u->backlog, store, slot, &u->outbox, gw_request_add_stored, u);
	u->backlog.on_query_reply = on_query_reply;
	u->backlog.on_parked_count = on_parked_count;
	gw_parked_retry_init(&u->parked_retry);
	gw_clock_boot_id(u->boot);
	gw_store_attach_uplink(store, slot, &u->wake);
	*ret_uplink = u;
	return GW_OK;
out:
	gw_uplink_free(u);
	return rc;
}

void gw_uplink_begin_after(struct gw_uplink *u, uint64_t seq, uint64_t parked)
{
	u->ring_seq = seq;
	u->status.parked = parked;
}

static uint64_t hash_of(const char *text)
{
	return gw_hash(GW_HASH_START, text, strlen(text));
}

enum gw_err gw_uplink_start(struct gw_uplink *u, struct gw_error *err)
{
	int64_t now = gw_clock_boot_ns();
	size_t i;

	/* Two gateways that lost power together must not retry in step. */
	gw_retry_timer_init(&u->delivery.retry, hash_of(u->boot) ^ (uint64_t)now);
	gw_retry_timer_init(&u->heartbeats.retry, hash_of(u->opts.name) ^ (uint64_t)now);
	gw_request_init(u);
	u->heartbeats.next_ns = u->link.success_ns = now;
	for (i = 0; i < GW_UPLINK_POINTS; i++)
		u->link.fault_sent[i] = -1;
	u->ring_seq = gw_store_last_seq(u->store);
	u->status.since_ns = now;
	gw_link_state_update(u, now);
	return gw_thread_start(&u->thread, u->opts.name, run, u, err);
}

void gw_uplink_request_stop(struct gw_uplink *u)
{
	gw_thread_request_stop(&u->thread);
	gw_wake_poke(&u->wake);
}

void gw_uplink_join(struct gw_uplink *u)
{
	gw_thread_join(&u->thread);
}

void gw_uplink_free(struct gw_uplink *u)
{
	if (u == NULL)
		return;
	if (u->thread.running) {
		gw_uplink_request_stop(u);
		gw_uplink_join(u);
	}
	gw_backlog_fini(&u->backlog);
	gw_parked_retry_fini(&u->parked_retry);
	gw_latest_fini(&u->latest);
	gw_outbox_fini(&u->outbox);
	gw_ring_fini(&u->events);
	gw_ring_fini(&u->faults);
	gw_wake_fini(&u->wake);
	pthread_mutex_destroy(&u->lock);
	free(u->sink_state);
	gw_arena_free(&u->texts);
	free(u);
}

struct gw_thread *gw_uplink_thread(struct gw_uplink *u)
{
	return &u->thread;
}

struct gw_ring *gw_uplink_events(struct gw_uplink *u)
{
	return &u->events;
}

struct gw_wake *gw_uplink_wake(struct gw_uplink *u)
{
	return &u->wake;
}

enum gw_err gw_uplink_fault_ring(struct gw_uplink *u, struct gw_wake *engine_wake,
	struct gw_ring **ret_ring, struct gw_error *err)
{
	enum gw_err rc = gw_ring_init(&u->faults, 16, sizeof(struct gw_sample), err);

	if (rc != GW_OK)
		return rc;
	u->engine_wake = engine_wake;
	*ret_ring = &u->faults;
	return GW_OK;
}
