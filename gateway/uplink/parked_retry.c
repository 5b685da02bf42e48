/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/parked_retry.h"

#include "base/log.h"
#include "uplink/refusal.h"
#include "uplink/uplink_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL_FIRST_NS      (30 * GW_NS_PER_SEC)
#define INTERVAL_NO_WITNESS_NS (10 * 60 * GW_NS_PER_SEC) /* without a witness */
#define INTERVAL_NEW_NS        (60 * 60 * GW_NS_PER_SEC) /* after another event was parked */
#define INTERVAL_MAX_NS        (24 * 60 * 60 * GW_NS_PER_SEC)
#define GAP_FIRST_NS           (GW_NS_PER_SEC)
#define GAP_MAX_NS             (60 * GW_NS_PER_SEC)
#define AFTER_FAILURE_NS       (30 * GW_NS_PER_SEC)

void gw_parked_retry_init(struct gw_parked_retry *o)
{
	*o = (struct gw_parked_retry){
		.due_ns = INT64_MAX, .interval_ns = INTERVAL_FIRST_NS};
}

static void drop_items(struct gw_parked_retry *o)
{
	while (o->next_item < o->n_items)
		free(o->items[o->next_item++]);
	o->next_item = o->n_items = 0;
}

void gw_parked_retry_fini(struct gw_parked_retry *o)
{
	drop_items(o);
}

static void begin_pass(struct gw_parked_retry *o, uint64_t from_seq)
{
	if (o->sending) { /* the request under way reads the item */
		if (!o->restart || from_seq < o->restart_seq)
			o->restart_seq = from_seq;
		o->restart = true;
		return;
	}
	if (o->running && o->after_seq < from_seq)
		return; /* that pass will come to it */
	drop_items(o);
	o->stale = o->requested;
	o->running = true;
	o->last_refused = o->two_refused = false;
	o->after_seq = from_seq > 0 ? from_seq - 1 : 0;
	o->next_ns = 0;
	o->gap_ns = GAP_FIRST_NS;
}

static void end_pass(struct gw_parked_retry *o, int64_t now)
{
	int64_t max_ns = o->two_refused || o->last_refused ? INTERVAL_NO_WITNESS_NS
							   : INTERVAL_MAX_NS;

	o->running = false;
	o->due_ns = now + o->interval_ns;
	if (o->interval_ns < max_ns)
		o->interval_ns = 2 * o->interval_ns < max_ns ? 2 * o->interval_ns : max_ns;
}

void gw_parked_retry_begin(struct gw_uplink *u, uint64_t from_seq)
{
	if (u->status.parked == 0)
		return;
	u->parked_retry.interval_ns = INTERVAL_FIRST_NS;
	begin_pass(&u->parked_retry, from_seq);
}

void gw_parked_retry_on_parked(struct gw_uplink *u, uint64_t seq, bool by_heartbeat)
{
	struct gw_parked_retry *o = &u->parked_retry;
	int64_t now = gw_clock_boot_ns(), max_ns;

	if (o->due_ns == INT64_MAX)
		o->interval_ns = INTERVAL_FIRST_NS;
	max_ns = o->interval_ns < INTERVAL_NEW_NS ? o->interval_ns : INTERVAL_NEW_NS;
	if (o->due_ns > now + max_ns)
		o->due_ns = now + max_ns;
	if (o->interval_ns > INTERVAL_NEW_NS)
		o->interval_ns = INTERVAL_NEW_NS;
	if (by_heartbeat && (o->heartbeat_parked_seq == 0 || seq < o->heartbeat_parked_seq))
		o->heartbeat_parked_seq = seq;
}

void gw_parked_retry_accepted(struct gw_uplink *u, bool is_event)
{
	struct gw_parked_retry *o = &u->parked_retry;
	uint64_t from = o->heartbeat_parked_seq;

	o->last_refused = false;
	o->gap_ns = GAP_FIRST_NS;
	if (!is_event || from == 0)
		return;
	o->heartbeat_parked_seq = 0;
	gw_parked_retry_begin(u, from);
}

static struct gw_outbox_item *render(struct gw_uplink *u, const struct gw_event *e)
{
	struct gw_outbox_item *it;
	size_t durable_at;
	struct gw_text t;

	gw_text_init(&t, u->request.rendered, sizeof(u->request.rendered));
	durable_at = u->payload->event(u->opts.payload_opts, &t, e);
	it = t.cut ? NULL : malloc(sizeof(*it) + t.used);
	if (it == NULL)
		return NULL;
	*it = (struct gw_outbox_item){.seq = e->seq,
		.alarm = gw_outbox_alarm_hash(e->info->key),
		.durable = e->durable,
		.durable_at = durable_at,
		.n = t.used};
	memcpy(it->body, t.at, t.used);
	return it;
}

void gw_parked_retry_on_batch(struct gw_uplink *u, const struct gw_batch *batch)
{
	struct gw_parked_retry *o = &u->parked_retry;
	uint64_t left;
	size_t i;

	o->requested = false;
	if (o->stale || !o->running) {
		o->stale = false;
		return;
	}
	if (batch->failed)
		return;
	for (i = 0; i < batch->n; i++) {
		struct gw_outbox_item *it = render(u, &batch->events[i]);

		if (it != NULL && batch->newer != NULL && batch->newer[i] > 0)
			gw_latest_note(&u->latest, it->alarm, batch->newer[i]);
		if (it != NULL)
			o->items[o->n_items++] = it;
		else
			o->after_seq = batch->events[i].seq;
	}
	if (batch->n > 0)
		return;
	/* less than we know of: the store gave up parked ones to make room */
	left = batch->parked + u->backlog.parked_since_query;
	if (left < u->status.parked)
		u->status.parked = left;
	end_pass(o, gw_clock_boot_ns());
}

void gw_parked_retry_update(struct gw_uplink *u, int64_t now)
{
	struct gw_parked_retry *o = &u->parked_retry;

	if (u->stop_ns != 0)
		return;
	if (u->status.parked == 0) {
		o->due_ns = INT64_MAX;
		o->running = false;
		o->heartbeat_parked_seq = 0;
		return;
	}
	if (!o->running && now >= o->due_ns)
		begin_pass(o, 0);
	if (!o->running || o->requested || o->next_item < o->n_items || now < o->next_ns)
		return;
	o->next_item = o->n_items = 0;
	o->requested = gw_backlog_start_query(
		&u->backlog, GW_BACKLOG_QUERY_PARKED, o->after_seq, 0);
}

bool gw_parked_retry_ready(const struct gw_uplink *u, int64_t now)
{
	const struct gw_parked_retry *o = &u->parked_retry;

	return o->running && o->next_item < o->n_items && now >= o->next_ns &&
		u->stop_ns == 0 && !u->delivery.has_untried && !u->delivery.failing &&
		u->link.failures == 0 && !gw_refusal_in_progress(&u->outbox) &&
		gw_retry_timer_ready(&u->delivery.retry, now);
}

static void on_delivered(struct gw_uplink *u, uint64_t alarm, uint64_t seq, int64_t now)
{
	/* It may also be owed, after a resend. */
	gw_delivery_taken(u, alarm, seq);
	gw_backlog_mark(&u->backlog, seq, GW_MARK_UNPARKED);
	u->status.parked -= u->status.parked > 0;
	gw_log(GW_LOG_NOTICE, "%s: event #%" PRIu64 ", which was parked, is delivered",
		u->opts.name, seq);
	gw_link_state_succeeded(u, 1, now);
}

static void take_result(
	struct gw_uplink *u, struct gw_outbox_item *it, const struct gw_sink_result *r)
{
	struct gw_parked_retry *o = &u->parked_retry;
	int64_t now = gw_clock_boot_ns();

	if (r->verdict == GW_SINK_RETRY) {
		if (!u->delivery.has_untried)
			o->next_ns = now +
				(r->retry_after_ns > AFTER_FAILURE_NS ? r->retry_after_ns
								      : AFTER_FAILURE_NS);
		return;
	}
	o->after_seq = it->seq;
	o->next_item++;
	if (r->verdict == GW_SINK_SENT) {
		on_delivered(u, it->alarm, it->seq, now);
		gw_parked_retry_accepted(u, true);
	} else {
		o->next_ns = now + o->gap_ns;
		o->two_refused |= o->last_refused;
		if (o->last_refused && o->gap_ns < GAP_MAX_NS)
			o->gap_ns *= 2;
		o->last_refused = true;
	}
	free(it);
}

void gw_parked_retry_send(struct gw_uplink *u)
{
	struct gw_parked_retry *o = &u->parked_retry;
	struct gw_outbox_item *it = o->items[o->next_item];
	struct gw_sink_result r;

	gw_delivery_body(u, it, &u->request.bodies[0]);
	o->sending = true; /* a new event ends it, see gw_request_service */
	gw_request_send(u, 1, &r);
	o->sending = false;
	take_result(u, it, &r);
	if (!o->restart)
		return;
	o->restart = false;
	begin_pass(o, o->restart_seq);
}

int64_t gw_parked_retry_next_ns(const struct gw_uplink *u)
{
	const struct gw_parked_retry *o = &u->parked_retry;

	if (o->requested)
		return INT64_MAX;
	return o->running ? o->next_ns : o->due_ns;
}
