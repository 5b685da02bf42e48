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

void gw_parked_retry_init(struct gw_parked_retry *p)
{
	*p = (struct gw_parked_retry){
		.due_ns = INT64_MAX, .interval_ns = INTERVAL_FIRST_NS};
}

static void drop_items(struct gw_parked_retry *p)
{
	while (p->next_item < p->n_items)
		free(p->items[p->next_item++]);
	p->next_item = p->n_items = 0;
}

void gw_parked_retry_fini(struct gw_parked_retry *p)
{
	drop_items(p);
}

static void begin_pass(struct gw_parked_retry *p, uint64_t from_seq)
{
	if (p->sending) { /* the request under way reads the item */
		if (!p->restart || from_seq < p->restart_seq)
			p->restart_seq = from_seq;
		p->restart = true;
		return;
	}
	if (p->running && p->after_seq < from_seq)
		return; /* that pass will come to it */
	drop_items(p);
	p->stale = p->requested;
	p->running = true;
	p->last_refused = p->two_refused = false;
	p->after_seq = from_seq > 0 ? from_seq - 1 : 0;
	p->next_ns = 0;
	p->gap_ns = GAP_FIRST_NS;
}

static void end_pass(struct gw_parked_retry *p, int64_t now)
{
	int64_t max_ns = p->two_refused || p->last_refused ? INTERVAL_NO_WITNESS_NS
							   : INTERVAL_MAX_NS;

	p->running = false;
	p->due_ns = now + p->interval_ns;
	if (p->interval_ns < max_ns)
		p->interval_ns = 2 * p->interval_ns < max_ns ? 2 * p->interval_ns : max_ns;
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
	struct gw_parked_retry *p = &u->parked_retry;
	int64_t now = gw_clock_boot_ns(), max_ns;

	if (p->due_ns == INT64_MAX)
		p->interval_ns = INTERVAL_FIRST_NS;
	max_ns = p->interval_ns < INTERVAL_NEW_NS ? p->interval_ns : INTERVAL_NEW_NS;
	if (p->due_ns > now + max_ns)
		p->due_ns = now + max_ns;
	if (p->interval_ns > INTERVAL_NEW_NS)
		p->interval_ns = INTERVAL_NEW_NS;
	if (by_heartbeat && (p->heartbeat_parked_seq == 0 || seq < p->heartbeat_parked_seq))
		p->heartbeat_parked_seq = seq;
}

void gw_parked_retry_accepted(struct gw_uplink *u, bool is_event)
{
	struct gw_parked_retry *p = &u->parked_retry;
	uint64_t from = p->heartbeat_parked_seq;

	p->last_refused = false;
	p->gap_ns = GAP_FIRST_NS;
	if (!is_event || from == 0)
		return;
	p->heartbeat_parked_seq = 0;
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
	struct gw_parked_retry *p = &u->parked_retry;
	uint64_t left;
	size_t i;

	p->requested = false;
	if (p->stale || !p->running) {
		p->stale = false;
		return;
	}
	if (batch->failed)
		return;
	for (i = 0; i < batch->n; i++) {
		struct gw_outbox_item *it = render(u, &batch->events[i]);

		if (it != NULL && batch->newer != NULL && batch->newer[i] > 0)
			gw_latest_note(&u->latest, it->alarm, batch->newer[i]);
		if (it != NULL)
			p->items[p->n_items++] = it;
		else
			p->after_seq = batch->events[i].seq;
	}
	if (batch->n > 0)
		return;
	/* less than we know of: the store gave up parked ones to make room */
	left = batch->parked + u->backlog.parked_since_query;
	if (left < u->status.parked)
		u->status.parked = left;
	end_pass(p, gw_clock_boot_ns());
}

void gw_parked_retry_update(struct gw_uplink *u, int64_t now)
{
	struct gw_parked_retry *p = &u->parked_retry;

	if (u->stop_ns != 0)
		return;
	if (u->status.parked == 0) {
		p->due_ns = INT64_MAX;
		p->running = false;
		p->heartbeat_parked_seq = 0;
		return;
	}
	if (!p->running && now >= p->due_ns)
		begin_pass(p, 0);
	if (!p->running || p->requested || p->next_item < p->n_items || now < p->next_ns)
		return;
	p->next_item = p->n_items = 0;
	p->requested = gw_backlog_start_query(
		&u->backlog, GW_BACKLOG_QUERY_PARKED, p->after_seq, 0);
}

bool gw_parked_retry_ready(const struct gw_uplink *u, int64_t now)
{
	const struct gw_parked_retry *p = &u->parked_retry;

	return p->running && p->next_item < p->n_items && now >= p->next_ns &&
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
	struct gw_parked_retry *p = &u->parked_retry;
	int64_t now = gw_clock_boot_ns();

	if (r->verdict == GW_SINK_RETRY) {
		if (!u->delivery.has_untried)
			p->next_ns = now +
				(r->retry_after_ns > AFTER_FAILURE_NS ? r->retry_after_ns
								      : AFTER_FAILURE_NS);
		return;
	}
	p->after_seq = it->seq;
	p->next_item++;
	if (r->verdict == GW_SINK_SENT) {
		on_delivered(u, it->alarm, it->seq, now);
		gw_parked_retry_accepted(u, true);
	} else {
		p->next_ns = now + p->gap_ns;
		p->two_refused |= p->last_refused;
		if (p->last_refused && p->gap_ns < GAP_MAX_NS)
			p->gap_ns *= 2;
		p->last_refused = true;
	}
	free(it);
}

void gw_parked_retry_send(struct gw_uplink *u)
{
	struct gw_parked_retry *p = &u->parked_retry;
	struct gw_outbox_item *it = p->items[p->next_item];
	struct gw_sink_result r;

	gw_delivery_body(u, it, &u->request.bodies[0]);
	p->sending = true; /* a new event ends it, see gw_request_service */
	gw_request_send(u, 1, &r);
	p->sending = false;
	take_result(u, it, &r);
	if (!p->restart)
		return;
	p->restart = false;
	begin_pass(p, p->restart_seq);
}

int64_t gw_parked_retry_next_ns(const struct gw_uplink *u)
{
	const struct gw_parked_retry *p = &u->parked_retry;

	if (p->requested)
		return INT64_MAX;
	return p->running ? p->next_ns : p->due_ns;
}
