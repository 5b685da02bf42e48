/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/log.h"
#include "flow/sample.h"
#include "uplink/inner.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BACK_LOG_NS \
	(5 * GW_NS_PER_SEC) /* how long to count what was delivered when it came back */

static void say_faults(struct gw_uplink *u, int64_t now)
{
	double value[GW_UPLINK_POINTS] = {[GW_UPLINK_POINT_DOWN] = u->down,
		[GW_UPLINK_POINT_PARKED] = u->now.parked > 0};
	uint32_t i;

	if (u->faults.slots == NULL)
		return;
	for (i = 0; i < GW_UPLINK_POINTS; i++) {
		struct gw_sample s = {.point = i,
			.quality = GW_QUALITY_GOOD,
			.mono_ns = now,
			.value = value[i]};

		/* after a start nobody knows yet: one that was down may still be */
		if (i == GW_UPLINK_POINT_DOWN && u->fault_said[i] < 0 && !u->down &&
			!u->now.up)
			continue;
		if (u->fault_said[i] >= 0 && (u->fault_said[i] > 0) == (value[i] > 0))
			continue;
		if (gw_ring_push(&u->faults, &s, 1, sizeof(s)) == 0)
			return; /* the engine is behind: next time */
		u->fault_said[i] = value[i];
		gw_wake_poke(u->engine_wake);
	}
}

static void publish(struct gw_uplink *u, int64_t now)
{
	int64_t oldest = gw_outbox_oldest_ns(&u->outbox);

	u->now.down = u->down;
	u->now.pending = u->outbox.n;
	u->now.oldest_ms = oldest < now ? (now - oldest) / GW_NS_PER_MS : 0;
	pthread_mutex_lock(&u->lock);
	u->shown = u->now;
	u->shown_complete = gw_outbox_complete(&u->outbox);
	pthread_mutex_unlock(&u->lock);
}

void gw_uplink_status(struct gw_uplink *u, struct gw_uplink_status *ret_status)
{
	struct gw_store_status store;
	bool complete;

	pthread_mutex_lock(&u->lock);
	*ret_status = u->shown;
	complete = u->shown_complete;
	pthread_mutex_unlock(&u->lock);
	if (complete)
		return;
	gw_store_status(u->store, &store);
	if (store.owed[u->index] > ret_status->pending)
		ret_status->pending = store.owed[u->index];
}

/* Events that the engine could not keep, for this uplink or another output. */
static uint64_t events_lost(const struct gw_uplink *u)
{
	struct gw_heartbeat h = {.events_lost = 0};

	if (u->health.fill != NULL)
		u->health.fill(u->health.arg, &h);
	return h.events_lost;
}

static void say_back(struct gw_uplink *u)
{
	int64_t sec = (u->back_ns - u->down_ns) / GW_NS_PER_SEC;
	uint64_t lost = events_lost(u) - u->down_lost;
	char also[60] = "";

	if (lost > 0)
		snprintf(also, sizeof(also), ", but the gateway lost %" PRIu64 " meanwhile",
			lost);

	gw_log(GW_LOG_NOTICE,
		"%s: platform back after %02" PRId64 ":%02d:%02d, %" PRIu64
		" alerts delivered%s",
		u->opts.name, sec / 3600, (int)(sec / 60 % 60), (int)(sec % 60),
		u->back_sent, also);
	u->back_ns = 0;
}

static void go_down(struct gw_uplink *u, int64_t now)
{
	struct gw_uplink_status s;

	if (u->back_ns != 0)
		say_back(u);
	publish(u, now);
	gw_uplink_status(u, &s);
	u->down = true;
	u->down_lost = events_lost(u);
	gw_log(GW_LOG_WARNING, "%s: platform unreachable (%s), %" PRIu64 " alerts waiting",
		u->opts.name, u->now.why[0] ? u->now.why : "no answer", s.pending);
}

void gw_watch_turn(struct gw_uplink *u, int64_t now)
{
	if (u->outbox.n == 0)
		u->owing_ns = 0;
	else if (u->owing_ns == 0)
		u->owing_ns = now;
	if (!u->down && u->owing_ns != 0 && now - u->owing_ns >= GW_UPLINK_DOWN_NS &&
		now - u->success_ns >= GW_UPLINK_DOWN_NS) {
		u->down_ns = u->owing_ns > u->success_ns ? u->owing_ns : u->success_ns;
		go_down(u, now);
	}
	if (u->back_ns != 0 &&
		(now - u->back_ns >= BACK_LOG_NS ||
			(u->outbox.n == 0 && gw_outbox_complete(&u->outbox))))
		say_back(u);
	say_faults(u, now);
	publish(u, now);
}

void gw_watch_failed(struct gw_uplink *u, const struct gw_answer *a, int64_t now)
{
	u->now.tried = true;
	gw_breaker_failed(&u->breaker, now);
	if (a->retry_after_ns > 0)
		u->hold_ns = u->breaker.next_ns = now + a->retry_after_ns;
	u->now.retries++;
	if (u->failures++ == 0 && !u->down)
		u->down_ns = now;
	if (u->now.up || u->now.since_ns == 0)
		u->now.since_ns = now;
	u->now.up = false;
	memcpy(u->now.why, a->why, sizeof(u->now.why));
	if (!u->down && u->failures >= GW_UPLINK_DOWN_FAILURES)
		go_down(u, now);
}

void gw_watch_reached(struct gw_uplink *u)
{
	gw_breaker_worked(&u->breaker);
	u->hold_ns = 0;
	u->failures = 0;
}

void gw_watch_worked(struct gw_uplink *u, size_t n_events, int64_t now)
{
	gw_watch_reached(u);
	u->now.tried = true;
	u->success_ns = now;
	if (!u->now.up)
		u->now.since_ns = now;
	u->now.up = true;
	u->now.why[0] = '\0';
	if (u->down) {
		u->down = false;
		u->back_ns = now;
		u->back_sent = 0;
	}
	u->back_sent += n_events;
	u->now.sent += n_events;
}
