/* SPDX-License-Identifier: Apache-2.0 */
/*
 * States of an event that this uplink owes (fields of gw_outbox_item in brackets):
 *
 *	state                   becomes
 *	in the store only       waiting: gw_backlog asks for it
 *	waiting                 in a request, when gw_delivery_pick takes it: committed, or overdue
 *	in a request [picked]   delivered, if the platform took it (on_delivered);
 *	                        waiting, if the request failed (on_failed), with back-off;
 *	                        suspect, if the platform refused a request of several events;
 *	                        refused alone, if it refused this one (both on_refused)
 *	suspect [suspect]       in a request of half as many; by halves the refused one is found
 *	refused alone           waiting, if nothing else is accepted right after it: the refusal
 *	[refused_alone,         may be about the connection (gw_delivery_give_up);
 *	awaits_witness]         to be tried once more, if something is (gw_delivery_accepted)
 *	tried once more         delivered, or parked, if it is refused again and something else is
 *	[refused_with_witness]  accepted right after it
 *	parked                  in a request of its own, at growing intervals (parked_retry.h)
 *	delivered               owed again, if it is the newest of its alarm and an older one was
 *	                        taken after it (gw_delivery_taken)
 *
 * What is accepted right after a refusal, an event or a heartbeat, is the witness (refusal.h).
 */
#include "uplink/delivery.h"

#include "base/log.h"
#include "uplink/refusal.h"
#include "uplink/uplink_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Events refused alone, one after the other, before a heartbeat is sent as a witness. */
#define PROBES_MAX 3
/* For this long no request is as large as one that was too large (HTTP 413). */
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
	u->delivery.probes = 0;
	u->delivery.heartbeat_asked = false;
}

void gw_delivery_give_up(struct gw_uplink *u)
{
	int64_t now = gw_clock_boot_ns();

	gw_refusal_abandon(&u->outbox);
	end_search(u);
	u->delivery.failing = true;
	gw_retry_timer_failed(&u->delivery.retry, 0, now);
	gw_link_state_failed(u, &u->delivery.refusal, now);
}

/* Something was accepted right after a refusal: see refusal.h. Parks nothing while stopping: there
 * are no heartbeats then, and a certificate may be about to be replaced. */
void gw_delivery_accepted(struct gw_uplink *u, bool is_event)
{
	struct gw_outbox_item *it;

	if (is_event)
		u->outbox.one_by_one = false;
	if (gw_refusal_in_progress(&u->outbox) && !stopping(u)) {
		if (u->request.sent_credentials != u->delivery.refusal_credentials)
			gw_refusal_abandon(&u->outbox);
		while ((it = gw_refusal_next_proved(&u->outbox)) != NULL) {
			gw_delivery_park(u, it->seq, u->delivery.refusal.why);
			gw_parked_retry_on_parked(u, it->seq, !is_event);
			free(it);
		}
		end_search(u);
		if (!gw_refusal_in_progress(&u->outbox)) {
			u->delivery.failing = false;
			gw_retry_timer_succeeded(&u->delivery.retry);
			gw_link_state_reached(u);
		}
	}
	gw_parked_retry_accepted(u, is_event);
}

bool gw_delivery_needs_heartbeat(const struct gw_uplink *u)
{
	return gw_refusal_in_progress(&u->outbox) && gw_heartbeat_wanted(u) &&
		!u->delivery.heartbeat_asked;
}

/* An older event can arrive after a newer one of its alarm: after a start that could not read the
 * journal, from a store that did not reply in time, when a parked event is accepted, or in a long
 * backlog when the level rose. The newest becomes owed before the older one is marked delivered,
 * so that a kill in between repeats both. */
void gw_delivery_taken(struct gw_uplink *u, uint64_t alarm, uint64_t seq)
{
	uint64_t newest = gw_latest_taken(&u->latest, alarm, seq);

	if (newest > 0) {
		gw_backlog_owe_again(&u->backlog, newest);
		if (!u->delivery.overtaken_logged)
			gw_log(GW_LOG_NOTICE,
				"%s: event #%" PRIu64
				" arrived after a newer one of its alarm; #%" PRIu64
				" is sent again, and so is the newest of every other alarm of which that is true",
				u->opts.name, seq, newest);
		u->delivery.overtaken_logged = true;
	}
	gw_backlog_mark(&u->backlog, seq, GW_MARK_DELIVERED);
}

static void on_delivered(struct gw_uplink *u)
{
	int64_t now = gw_clock_boot_ns();
	size_t n = u->delivery.n_picked, i;

	for (i = 0; i < n; i++)
		gw_delivery_taken(
			u, u->delivery.picked[i]->alarm, u->delivery.picked[i]->seq);
	gw_outbox_sent(&u->outbox);
	if (u->outbox.n == 0 && gw_outbox_is_complete(&u->outbox))
		u->delivery.overtaken_logged = false;
	u->delivery.failing = false;
	gw_retry_timer_succeeded(&u->delivery.retry);
	gw_link_state_succeeded(u, n, now);
	gw_delivery_accepted(u, true);
}

static void on_refused(struct gw_uplink *u, const struct gw_sink_result *r)
{
	u->delivery.refusal = *r;
	u->delivery.refusal_credentials = u->request.sent_credentials;
	if (r->status == TOO_LARGE && u->delivery.n_picked > 1) {
		u->delivery.batch_limit = u->delivery.n_picked / 2;
		u->delivery.batch_limit_until_ns = gw_clock_boot_ns() + TOO_LARGE_NS;
	}
	if (gw_refusal_note(&u->outbox))
		u->delivery.probes++;
}

static void on_failed(struct gw_uplink *u, const struct gw_sink_result *r)
{
	int64_t now = gw_clock_boot_ns();

	gw_outbox_retry(&u->outbox);
	if (gw_refusal_in_progress(&u->outbox)) {
		gw_refusal_abandon(&u->outbox);
		end_search(u);
	}
	if (stopping(u)) {
		u->delivery.gave_up = true;
		return;
	}
	u->delivery.failing = true;
	gw_retry_timer_failed(&u->delivery.retry, r->retry_after_ns, now);
	gw_link_state_failed(u, r, now);
}

void gw_delivery_body(const struct gw_uplink *u, struct gw_outbox_item *item,
	struct gw_sink_body *ret_body)
{
	const char *durable;

	if (item->durable_at == GW_PAYLOAD_NO_DURABLE) {
		*ret_body = (struct gw_sink_body){
			.parts = {{item->body, item->n}}, .n_parts = 1};
		return;
	}
	durable = item->durable ? u->payload->durable : u->payload->undurable;
	*ret_body = (struct gw_sink_body){.n_parts = 3,
		.parts = {{item->body, item->durable_at},
			{(void *)(uintptr_t)durable, strlen(durable)},
			{item->body + item->durable_at, item->n - item->durable_at}}};
}

/* An event that is sent before its commit says so; the mark makes a repeat say the same. */
static void prepare_bodies(struct gw_uplink *u, uint64_t committed)
{
	size_t i;

	for (i = 0; i < u->delivery.n_picked; i++) {
		struct gw_outbox_item *it = u->delivery.picked[i];

		if (it->seq > committed && !it->stored && it->durable) {
			it->durable = false;
			gw_backlog_mark(&u->backlog, it->seq, GW_MARK_UNDURABLE);
		}
		gw_delivery_body(u, it, &u->request.bodies[i]);
	}
}

void gw_delivery_send(struct gw_uplink *u, uint64_t committed)
{
	struct gw_sink_result r;

	prepare_bodies(u, committed);
	u->delivery.has_untried = false;
	u->delivery.last_try_ns = gw_clock_boot_ns();
	gw_request_send(u, u->delivery.n_picked, &r);
	u->heartbeats.events_sent = true;
	if (r.verdict == GW_SINK_SENT)
		on_delivered(u);
	else if (r.verdict == GW_SINK_REFUSED && !stopping(u))
		on_refused(u, &r);
	else
		on_failed(u, &r);
}

size_t gw_delivery_pick(struct gw_uplink *u, uint64_t committed, int64_t now)
{
	size_t max_items = (size_t)u->opts.batch;

	if (u->outbox.seeks_witness && u->delivery.probes >= PROBES_MAX)
		return 0;
	if (u->delivery.batch_limit > 0 &&
		now < u->delivery.batch_limit_until_ns) /* half of an earlier request */
		max_items = u->delivery.batch_limit;
	return gw_refusal_pick(&u->outbox,
		&(struct gw_outbox_pick_opts){.committed = committed,
			.overdue_ns = now - GW_UPLINK_COMMIT_WAIT_NS,
			.beyond_complete = gw_backlog_late(&u->backlog, now),
			.any_witness = !gw_heartbeat_wanted(u) ||
				u->delivery.heartbeat_asked,
			.max_items = max_items,
			.max_bytes = GW_UPLINK_REQUEST_BYTES},
		u->delivery.picked);
}
