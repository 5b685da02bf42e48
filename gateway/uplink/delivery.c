/* SPDX-License-Identifier: Apache-2.0 */
/* Sending events, and what becomes of those that are refused. */
#include "base/log.h"
#include "uplink/refusal.h"
#include "uplink/uplink_internal.h"

#include <inttypes.h>
#include <stdlib.h>

/* Records refused alone, one after the other, before a heartbeat is asked. */
#define PROBES_MAX 3
/* A request that was too large is not made that large again for this long. */
#define TOO_LARGE_NS (10 * 60 * GW_NS_PER_SEC)
#define TOO_LARGE    413

void gw_delivery_park(struct gw_uplink *u, uint64_t seq, const char *why)
{
	gw_backlog_mark(&u->backlog, seq, GW_MARK_PARKED);
	u->status.parked++;
	gw_log(GW_LOG_ERR, "%s: event #%" PRIu64 " is parked, and offered again later: %s",
		u->opts.name, seq, why);
}

static bool stopping(struct gw_uplink *u)
{
	return u->stop_ns != 0 || gw_thread_stopping(&u->thread);
}

static void end_search(struct gw_uplink *u)
{
	u->probes = 0;
	u->heartbeat_as_witness = false;
}

void gw_delivery_give_up(struct gw_uplink *u)
{
	int64_t now = gw_clock_mono_ns();

	gw_refusal_abandon(&u->outbox);
	end_search(u);
	u->events_failing = true;
	gw_retry_timer_failed(&u->event_retry, 0, now);
	gw_link_state_failed(u, &u->refusal, now);
}

/* Whoever was refused right before this is under suspicion, or proved bad. Never while stopping:
 * heartbeats are off then, and a certificate may be about to be exchanged. */
void gw_delivery_accepted(struct gw_uplink *u, bool record)
{
	struct gw_outbox_item *it;

	if (record)
		u->outbox.probing = false;
	if (gw_refusal_in_progress(&u->outbox) && !stopping(u)) {
		if (u->sent_credentials != u->refusal_credentials)
			gw_refusal_abandon(&u->outbox);
		while ((it = gw_refusal_next_proved(&u->outbox)) != NULL) {
			gw_delivery_park(u, it->seq, u->refusal.why);
			gw_parked_retry_on_parked(u, it->seq, !record);
			free(it);
		}
		end_search(u);
		if (!gw_refusal_in_progress(&u->outbox)) {
			u->events_failing = false;
			gw_retry_timer_succeeded(&u->event_retry);
			gw_link_state_reached(u);
		}
	}
	gw_parked_retry_accepted(u, record);
}

bool gw_delivery_needs_heartbeat(const struct gw_uplink *u)
{
	return gw_refusal_in_progress(&u->outbox) && gw_heartbeat_wanted(u) &&
		!u->heartbeat_as_witness;
}

static void on_delivered(struct gw_uplink *u)
{
	int64_t now = gw_clock_mono_ns();
	size_t n = u->n_picked, i;

	for (i = 0; i < n; i++)
		gw_backlog_mark(&u->backlog, u->picked[i]->seq, GW_MARK_DELIVERED);
	gw_outbox_sent(&u->outbox);
	u->events_failing = false;
	gw_retry_timer_succeeded(&u->event_retry);
	gw_link_state_succeeded(u, n, now);
	gw_delivery_accepted(u, true);
}

static void on_refused(struct gw_uplink *u, const struct gw_sink_result *a)
{
	u->refusal = *a;
	u->refusal_credentials = u->sent_credentials;
	if (a->status == TOO_LARGE && u->n_picked > 1) {
		u->batch_limit = u->n_picked / 2;
		u->batch_limit_until_ns = gw_clock_mono_ns() + TOO_LARGE_NS;
	}
	if (gw_refusal_record(&u->outbox))
		u->probes++;
}

static void on_failed(struct gw_uplink *u, const struct gw_sink_result *a)
{
	int64_t now = gw_clock_mono_ns();

	gw_outbox_retry(&u->outbox);
	if (gw_refusal_in_progress(&u->outbox)) {
		gw_refusal_abandon(&u->outbox);
		end_search(u);
	}
	if (stopping(u)) {
		u->gave_up = true;
		return;
	}
	u->events_failing = true;
	gw_retry_timer_failed(&u->event_retry, a->retry_after_ns, now);
	gw_link_state_failed(u, a, now);
}

/* What leaves before its commit says so, here and in the store. */
static void prepare_bodies(struct gw_uplink *u, uint64_t committed)
{
	size_t i;

	for (i = 0; i < u->n_picked; i++) {
		struct gw_outbox_item *it = u->picked[i];

		if (it->seq > committed && !it->stored && it->durable) {
			it->n = u->payload->undurable(it->body, it->n);
			it->durable = false;
			gw_backlog_mark(&u->backlog, it->seq, GW_MARK_UNDURABLE);
		}
		u->bodies[i] = (struct iovec){.iov_base = it->body, .iov_len = it->n};
	}
}

void gw_delivery_send(struct gw_uplink *u, uint64_t committed)
{
	struct gw_sink_result a;

	prepare_bodies(u, committed);
	u->has_untried = false;
	u->last_try_ns = gw_clock_mono_ns();
	gw_uplink_request(u, u->n_picked, &a);
	u->heartbeat_turn = true;
	if (a.verdict == GW_SINK_SENT)
		on_delivered(u);
	else if (a.verdict == GW_SINK_REFUSED && !stopping(u))
		on_refused(u, &a);
	else
		on_failed(u, &a);
}

size_t gw_delivery_pick(struct gw_uplink *u, uint64_t committed, int64_t now)
{
	size_t max_items = (size_t)u->opts.batch;

	if (u->outbox.searching && u->probes >= PROBES_MAX)
		return 0;
	if (u->batch_limit > 0 &&
		now < u->batch_limit_until_ns) /* half of an earlier most */
		max_items = u->batch_limit;
	return gw_outbox_pick(&u->outbox,
		&(struct gw_outbox_pick_opts){.committed = committed,
			.overdue_ns = now - GW_UPLINK_COMMIT_WAIT_NS,
			.incomplete = gw_backlog_late(&u->backlog, now),
			.any_witness = !gw_heartbeat_wanted(u) || u->heartbeat_as_witness,
			.max_items = max_items,
			.max_bytes = GW_UPLINK_REQUEST_BYTES},
		u->picked);
}
