/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/link_state.h"

#include "base/clock.h"
#include "base/log.h"
#include "flow/sample.h"
#include "uplink/uplink_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Heartbeats are refused for who we are for this long, and no event was accepted since: an alarm
 * would be refused, too. */
#define AUTH_REFUSED_NS (60 * GW_NS_PER_SEC)
#define RECOVERY_LOG_NS \
	(5 * GW_NS_PER_SEC) /* how long deliveries are counted before its return is logged */

static void push_faults(struct gw_uplink *u, int64_t now)
{
	double value[GW_UPLINK_POINTS] = {[GW_UPLINK_POINT_DOWN] = u->link.down,
		[GW_UPLINK_POINT_PARKED] = u->status.parked > 0};
	uint32_t i;

	if (u->faults.entries == NULL)
		return;
	for (i = 0; i < GW_UPLINK_POINTS; i++) {
		struct gw_sample s = {.point = i,
			.quality = GW_QUALITY_GOOD,
			.boot_ns = now,
			.value = value[i]};

		/* Not known yet after a start: do not clear the alarm of an uplink that was
		 * down. */
		if (i == GW_UPLINK_POINT_DOWN && u->link.fault_sent[i] < 0 &&
			!u->link.down && !u->status.up)
			continue;
		if (i == GW_UPLINK_POINT_PARKED && !u->backlog.parked_known &&
			value[i] <= 0)
			continue; /* not known yet */
		if (u->link.fault_sent[i] >= 0 &&
			(u->link.fault_sent[i] > 0) == (value[i] > 0))
			continue;
		if (gw_ring_push(&u->faults, &s, 1, sizeof(s)) == 0)
			return; /* the ring is full: with the next update */
		u->link.fault_sent[i] = value[i];
		gw_wake_poke(u->engine_wake);
	}
}

static void publish_status(struct gw_uplink *u, int64_t now)
{
	int64_t oldest = gw_outbox_oldest_ns(&u->outbox);

	u->status.down = u->link.down;
	u->status.pending = u->outbox.n;
	u->status.oldest_ms = oldest < now ? (now - oldest) / GW_NS_PER_MS : 0;
	pthread_mutex_lock(&u->lock);
	u->link.published = u->status;
	u->link.published_complete = gw_outbox_is_complete(&u->outbox);
	pthread_mutex_unlock(&u->lock);
}

void gw_uplink_status(struct gw_uplink *u, struct gw_uplink_status *ret_status)
{
	struct gw_store_status store;
	bool complete;

	pthread_mutex_lock(&u->lock);
	*ret_status = u->link.published;
	complete = u->link.published_complete;
	pthread_mutex_unlock(&u->lock);
	if (complete)
		return;
	gw_store_status(u->store, &store);
	if (store.owed[u->slot] > ret_status->pending)
		ret_status->pending = store.owed[u->slot];
}

/* Events that the engine dropped, for this uplink or another output. */
static uint64_t events_lost(const struct gw_uplink *u)
{
	struct gw_heartbeat h = {.events_lost = 0};

	if (u->health.fill != NULL)
		u->health.fill(u->health.arg, &h);
	return h.events_lost;
}

static void log_back(struct gw_uplink *u)
{
	int64_t sec = (u->link.back_ns - u->link.down_ns) / GW_NS_PER_SEC;
	uint64_t lost = events_lost(u) - u->link.lost_when_down;
	char also[60] = "";

	if (lost > 0)
		snprintf(also, sizeof(also), ", but the gateway lost %" PRIu64 " meanwhile",
			lost);

	gw_log(GW_LOG_NOTICE,
		"%s: platform back after %02" PRId64 ":%02d:%02d, %" PRIu64
		" alerts delivered%s",
		u->opts.name, sec / 3600, (int)(sec / 60 % 60), (int)(sec % 60),
		u->link.sent_since_back, also);
	u->link.back_ns = 0;
}

static void mark_down(struct gw_uplink *u, int64_t now)
{
	struct gw_uplink_status s;

	if (u->link.back_ns != 0)
		log_back(u);
	publish_status(u, now);
	gw_uplink_status(u, &s);
	u->link.down = true;
	u->link.lost_when_down = events_lost(u);
	gw_log(GW_LOG_WARNING, "%s: platform %s (%s), %" PRIu64 " alerts waiting",
		u->opts.name, u->link.responds ? "takes nothing" : "unreachable",
		u->status.why[0] ? u->status.why : "no answer", s.pending);
}

static bool is_auth_refusal(int status)
{
	return status == 401 || status == 403 || status == 407;
}

static void mark_up(struct gw_uplink *u, int64_t now)
{
	if (!u->status.up)
		u->status.since_ns = now;
	u->status.up = true;
	if (!u->link.down)
		return;
	u->link.down = false;
	u->link.back_ns = now;
	u->link.sent_since_back = 0;
	gw_parked_retry_begin(u, 0);
}

void gw_link_state_update(struct gw_uplink *u, int64_t now)
{
	if (u->outbox.n == 0)
		u->link.owing_ns = 0;
	else if (u->link.owing_ns == 0)
		u->link.owing_ns = now;
	if (!u->link.down && u->link.owing_ns != 0 &&
		now - u->link.owing_ns >= GW_UPLINK_DOWN_NS &&
		now - u->link.success_ns >= GW_UPLINK_DOWN_NS) {
		u->link.down_ns = u->link.owing_ns > u->link.success_ns
			? u->link.owing_ns
			: u->link.success_ns;
		mark_down(u, now);
	}
	if (!u->link.down && u->heartbeats.refused_ns > u->link.success_ns &&
		is_auth_refusal(u->heartbeats.refused_status) &&
		now - u->heartbeats.refused_ns >= AUTH_REFUSED_NS) {
		u->link.down_ns = u->heartbeats.refused_ns;
		u->link.responds = true;
		u->status.tried = true;
		if (u->status.up)
			u->status.since_ns = now;
		u->status.up = false;
		mark_down(u, now);
	}
	if (u->link.back_ns != 0 &&
		(now - u->link.back_ns >= RECOVERY_LOG_NS ||
			(u->outbox.n == 0 && gw_outbox_is_complete(&u->outbox))))
		log_back(u);
	push_faults(u, now);
	publish_status(u, now);
}

void gw_link_state_failed(struct gw_uplink *u, const struct gw_sink_result *r, int64_t now)
{
	u->status.tried = true;
	u->link.responds = r->status != 0;
	u->status.retries++;
	if (u->link.failures++ == 0 && !u->link.down)
		u->link.down_ns = now;
	if (u->status.up)
		u->status.since_ns = now;
	u->status.up = false;
	memcpy(u->status.why, r->why, sizeof(u->status.why));
	if (!u->link.down && u->link.failures >= GW_UPLINK_DOWN_FAILURES)
		mark_down(u, now);
}

void gw_link_state_reached(struct gw_uplink *u)
{
	u->link.failures = 0;
}

void gw_link_state_succeeded(struct gw_uplink *u, size_t n_events, int64_t now)
{
	gw_link_state_reached(u);
	u->status.tried = true;
	u->link.success_ns = now;
	memcpy(u->status.why, u->heartbeats.refused_why, sizeof(u->status.why));
	mark_up(u, now);
	u->link.sent_since_back += n_events;
	u->status.sent += n_events;
}

/* No failure: the platform may accept alarms all the same. */
void gw_link_state_heartbeat_refused(
	struct gw_uplink *u, const struct gw_sink_result *r, int64_t now)
{
	struct gw_text why;

	gw_text_init(&why, u->heartbeats.refused_why, sizeof(u->heartbeats.refused_why));
	gw_text_addf(&why, "heartbeats are refused: %s", r->why);
	u->heartbeats.refused_status = r->status;
	if (u->heartbeats.refused_ns == 0) {
		u->heartbeats.refused_ns = now;
		gw_log(GW_LOG_WARNING,
			"%s: the platform refuses heartbeats (%s); alarms are sent all the same",
			u->opts.name, r->why);
	}
	if (u->delivery.failing)
		return;
	gw_link_state_reached(u);
	memcpy(u->status.why, u->heartbeats.refused_why, sizeof(u->status.why));
	if (is_auth_refusal(r->status))
		return;
	u->status.tried = true;
	mark_up(u, now);
}

void gw_link_state_heartbeat_accepted(struct gw_uplink *u)
{
	if (u->heartbeats.refused_ns == 0)
		return;
	u->heartbeats.refused_ns = 0;
	u->heartbeats.refused_why[0] = '\0';
	gw_log(GW_LOG_NOTICE, "%s: the platform takes heartbeats again", u->opts.name);
}
