/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/offers.h"

#include "base/log.h"
#include "uplink/inner.h"
#include "uplink/refusal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define STEP_FIRST_NS    (30 * GW_NS_PER_SEC)
#define STEP_UNPROVED_NS (10 * 60 * GW_NS_PER_SEC) /* nobody said that they are bad */
#define STEP_NEWS_NS     (60 * 60 * GW_NS_PER_SEC) /* another one was parked */
#define STEP_MOST_NS     (24 * 60 * 60 * GW_NS_PER_SEC)
#define PACE_FIRST_NS    (GW_NS_PER_SEC)
#define PACE_MOST_NS     (60 * GW_NS_PER_SEC)
#define AFTER_FAILURE_NS (30 * GW_NS_PER_SEC)

void gw_offers_init(struct gw_offers *o)
{
	*o = (struct gw_offers){.due_ns = INT64_MAX, .step_ns = STEP_FIRST_NS};
}

static void drop_items(struct gw_offers *o)
{
	while (o->at < o->n)
		free(o->items[o->at++]);
	o->at = o->n = 0;
}

void gw_offers_fini(struct gw_offers *o)
{
	drop_items(o);
}

static void begin_round(struct gw_offers *o, uint64_t from_seq)
{
	if (o->running && o->after < from_seq)
		return; /* they are still to come */
	drop_items(o);
	o->outdated = o->fetching;
	o->running = true;
	o->waiting = o->unproved = false;
	o->after = from_seq > 0 ? from_seq - 1 : 0;
	o->next_ns = 0;
	o->pace_ns = PACE_FIRST_NS;
}

static void end_round(struct gw_offers *o, int64_t now)
{
	int64_t most = o->unproved || o->waiting ? STEP_UNPROVED_NS : STEP_MOST_NS;

	o->running = false;
	o->due_ns = now + o->step_ns;
	if (o->step_ns < most)
		o->step_ns = 2 * o->step_ns < most ? 2 * o->step_ns : most;
}

void gw_offers_begin(struct gw_uplink *u, uint64_t from_seq)
{
	if (u->now.parked == 0)
		return;
	u->offers.step_ns = STEP_FIRST_NS;
	begin_round(&u->offers, from_seq);
}

void gw_offers_parked(struct gw_uplink *u, uint64_t seq, bool by_heartbeat)
{
	struct gw_offers *o = &u->offers;
	int64_t now = gw_clock_mono_ns(), most;

	if (o->due_ns == INT64_MAX)
		o->step_ns = STEP_FIRST_NS;
	most = o->step_ns < STEP_NEWS_NS ? o->step_ns : STEP_NEWS_NS;
	if (o->due_ns > now + most)
		o->due_ns = now + most;
	if (o->step_ns > STEP_NEWS_NS)
		o->step_ns = STEP_NEWS_NS;
	if (by_heartbeat && (o->on_trust == 0 || seq < o->on_trust))
		o->on_trust = seq;
}

void gw_offers_accepted(struct gw_uplink *u, bool record)
{
	struct gw_offers *o = &u->offers;
	uint64_t from = o->on_trust;

	o->waiting = false;
	o->pace_ns = PACE_FIRST_NS;
	if (!record || from == 0)
		return;
	o->on_trust = 0;
	gw_offers_begin(u, from);
}

static struct gw_outbox_item *render(struct gw_uplink *u, const struct gw_event *e)
{
	struct gw_outbox_item *it;
	struct gw_text t;

	gw_text_init(&t, u->rendered, sizeof(u->rendered));
	u->payload->event(&t, e);
	it = t.cut ? NULL : malloc(sizeof(*it) + t.used + 1);
	if (it == NULL)
		return NULL;
	*it = (struct gw_outbox_item){.seq = e->seq, .n = t.used};
	memcpy(it->body, t.at, t.used);
	return it;
}

void gw_offers_take(struct gw_uplink *u, const struct gw_batch *batch)
{
	struct gw_offers *o = &u->offers;
	size_t i;

	o->fetching = false;
	if (o->outdated || !o->running) {
		o->outdated = false;
		return;
	}
	if (batch->failed)
		return;
	for (i = 0; i < batch->n; i++) {
		struct gw_outbox_item *it = render(u, &batch->events[i]);

		if (it != NULL)
			o->items[o->n++] = it;
		else
			o->after = batch->events[i].seq;
	}
	if (batch->n == 0)
		end_round(o, gw_clock_mono_ns());
}

void gw_offers_turn(struct gw_uplink *u, int64_t now)
{
	struct gw_offers *o = &u->offers;

	if (u->stop_ns != 0)
		return;
	if (u->now.parked == 0) {
		o->due_ns = INT64_MAX;
		o->running = false;
		o->on_trust = 0;
		return;
	}
	if (!o->running && now >= o->due_ns)
		begin_round(o, 0);
	if (!o->running || o->fetching || o->at < o->n || now < o->next_ns)
		return;
	o->at = o->n = 0;
	o->fetching = gw_backlog_ask_other(&u->backlog, GW_BACKLOG_PARKED, o->after, 0);
}

bool gw_offers_ready(const struct gw_uplink *u, int64_t now)
{
	const struct gw_offers *o = &u->offers;

	return o->running && o->at < o->n && now >= o->next_ns && u->stop_ns == 0 &&
		!u->fresh && !u->events_failing && u->failures == 0 &&
		!gw_refusal_open(&u->outbox) && gw_pace_ready(&u->event_pace, now);
}

static void was_taken(struct gw_uplink *u, uint64_t seq, int64_t now)
{
	/* owed, too, if a person had a range sent again */
	gw_backlog_mark(&u->backlog, seq, GW_MARK_DELIVERED);
	gw_backlog_mark(&u->backlog, seq, GW_MARK_UNPARKED);
	u->now.parked -= u->now.parked > 0;
	gw_log(GW_LOG_NOTICE, "%s: event #%" PRIu64 ", which was parked, is delivered",
		u->opts.name, seq);
	gw_watch_worked(u, 1, now);
}

void gw_offers_send(struct gw_uplink *u)
{
	struct gw_offers *o = &u->offers;
	struct gw_outbox_item *it = o->items[o->at];
	struct gw_answer a;
	int64_t now;

	u->bodies[0] = (struct iovec){.iov_base = it->body, .iov_len = it->n};
	u->offering = true; /* what is new cuts it short */
	gw_uplink_request(u, 1, &a);
	u->offering = false;
	now = gw_clock_mono_ns();
	if (a.verdict == GW_RETRY) {
		if (!u->fresh)
			o->next_ns = now +
				(a.retry_after_ns > AFTER_FAILURE_NS ? a.retry_after_ns
								     : AFTER_FAILURE_NS);
		return;
	}
	o->after = it->seq;
	o->at++;
	if (a.verdict == GW_SENT) {
		was_taken(u, it->seq, now);
		gw_offers_accepted(u, true);
	} else {
		o->next_ns = now + o->pace_ns;
		o->unproved |= o->waiting;
		if (o->waiting && o->pace_ns < PACE_MOST_NS)
			o->pace_ns *= 2;
		o->waiting = true;
	}
	free(it);
}

int64_t gw_offers_next_ns(const struct gw_uplink *u)
{
	const struct gw_offers *o = &u->offers;

	if (o->fetching)
		return INT64_MAX;
	return o->running ? o->next_ns : o->due_ns;
}
