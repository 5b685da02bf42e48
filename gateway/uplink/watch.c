/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/log.h"
#include "flow/sample.h"
#include "uplink/inner.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Who we are is refused, and no alarm was taken since: one would not be, either. */
#define STRANGER_NS (60 * GW_NS_PER_SEC)
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
		if (i == GW_UPLINK_POINT_PARKED && !u->backlog.counted && value[i] <= 0)
			continue; /* the store has not said yet */
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
	gw_log(GW_LOG_WARNING, "%s: platform %s (%s), %" PRIu64 " alerts waiting",
		u->opts.name, u->answers ? "takes nothing" : "unreachable",
		u->now.why[0] ? u->now.why : "no answer", s.pending);
}

static bool is_stranger(int status)
{
	return status == 401 || status == 403 || status == 407;
}

static void come_back(struct gw_uplink *u, int64_t now)
{
	if (!u->now.up)
		u->now.since_ns = now;
	u->now.up = true;
	if (!u->down)
		return;
	u->down = false;
	u->back_ns = now;
	u->back_sent = 0;
	gw_offers_begin(u, 0);
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
	if (!u->down && u->heartbeats_refused_ns > u->success_ns &&
		is_stranger(u->heartbeat_status) &&
		now - u->heartbeats_refused_ns >= STRANGER_NS) {
		u->down_ns = u->heartbeats_refused_ns;
		u->answers = true;
		u->now.tried = true;
		if (u->now.up)
			u->now.since_ns = now;
		u->now.up = false;
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
	u->answers = a->status != 0;
	u->now.retries++;
	if (u->failures++ == 0 && !u->down)
		u->down_ns = now;
	if (u->now.up)
		u->now.since_ns = now;
	u->now.up = false;
	memcpy(u->now.why, a->why, sizeof(u->now.why));
	if (!u->down && u->failures >= GW_UPLINK_DOWN_FAILURES)
		go_down(u, now);
}

void gw_watch_reached(struct gw_uplink *u)
{
	u->failures = 0;
}

void gw_watch_worked(struct gw_uplink *u, size_t n_events, int64_t now)
{
	gw_watch_reached(u);
	u->now.tried = true;
	u->success_ns = now;
	memcpy(u->now.why, u->heartbeat_why, sizeof(u->now.why)); /* mostly "" */
	come_back(u, now);
	u->back_sent += n_events;
	u->now.sent += n_events;
}

/* Not a failure: what counts is whether alarms are taken. */
void gw_watch_heartbeat_refused(struct gw_uplink *u, const struct gw_answer *a, int64_t now)
{
	struct gw_text why;

	gw_text_init(&why, u->heartbeat_why, sizeof(u->heartbeat_why));
	gw_text_addf(&why, "heartbeats are refused: %s", a->why);
	u->heartbeat_status = a->status;
	if (u->heartbeats_refused_ns == 0) {
		u->heartbeats_refused_ns = now;
		gw_log(GW_LOG_WARNING,
			"%s: the platform refuses heartbeats (%s); alarms are sent all "
			"the same",
			u->opts.name, a->why);
	}
	if (u->events_failing)
		return;
	gw_watch_reached(u);
	memcpy(u->now.why, u->heartbeat_why, sizeof(u->now.why));
	if (is_stranger(a->status))
		return;
	u->now.tried = true;
	come_back(u, now);
}

void gw_watch_heartbeat_accepted(struct gw_uplink *u)
{
	if (u->heartbeats_refused_ns == 0)
		return;
	u->heartbeats_refused_ns = 0;
	u->heartbeat_why[0] = '\0';
	gw_log(GW_LOG_NOTICE, "%s: the platform takes heartbeats again", u->opts.name);
}
