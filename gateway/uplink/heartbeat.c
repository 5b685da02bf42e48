/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/inner.h"

bool gw_heartbeat_wanted(const struct gw_uplink *u)
{
	return u->opts.heartbeat_ns > 0 && u->health.fill != NULL && u->sink->heartbeats &&
		u->payload->heartbeat != NULL && u->stop_ns == 0;
}

bool gw_heartbeat_send(struct gw_uplink *u, struct gw_answer *ret_answer)
{
	int64_t now = gw_clock_mono_ns();
	struct gw_heartbeat h = {.run = gw_store_run(u->store),
		.wall_ms = gw_clock_wall_ms(),
		.since_boot_ms = now / GW_NS_PER_MS,
		.synced = gw_clock_synced()};
	struct gw_uplink_status s;
	struct gw_text t;

	u->heartbeat_ns = now + u->opts.heartbeat_ns;
	u->heartbeat_turn = false;
	gw_watch_turn(u, now);
	gw_uplink_status(u, &s);
	h.count = ++u->now.heartbeats;
	h.pending = s.pending;
	h.parked = s.parked;
	h.oldest_ms = s.oldest_ms;
	h.next_by_ms = h.wall_ms +
		(u->opts.heartbeat_ns + u->opts.timeout_ns) / GW_NS_PER_MS;
	u->health.fill(u->health.arg, &h);
	if (h.site == NULL) { /* nobody may say that all is well: soon again */
		u->now.heartbeats--;
		u->heartbeat_ns = now + GW_NS_PER_SEC;
		return false;
	}
	gw_text_init(&t, u->heartbeat, sizeof(u->heartbeat));
	u->payload->heartbeat(&t, &h);
	if (t.cut)
		return false;
	u->bodies[0] = (struct iovec){.iov_base = t.at, .iov_len = t.used};
	gw_uplink_request(u, 1, ret_answer);
	return true;
}

/* An answer that says no is an answer: the platform is there. */
static bool is_refusal(const struct gw_answer *a)
{
	return a->verdict == GW_REFUSED || (a->status >= 400 && a->status < 500);
}

static void accepted(struct gw_uplink *u, int64_t now)
{
	gw_pace_worked(&u->heartbeat_pace);
	gw_watch_heartbeat_accepted(u);
	if (!u->events_failing || u->outbox.n == 0)
		gw_watch_worked(u, 0, now);
	else /* It lives, but does not take events: no reason to call it back. Try them. */
		gw_pace_hurry(&u->event_pace, now);
	gw_delivery_accepted(u, false);
}

void gw_heartbeat_beat(struct gw_uplink *u)
{
	bool witness = gw_delivery_wants_heartbeat(u);
	struct gw_answer a;
	int64_t now;

	u->asked_heartbeat |= witness;
	if (!gw_heartbeat_send(u, &a))
		return;
	now = gw_clock_mono_ns();
	if (a.verdict == GW_SENT) {
		accepted(u, now);
	} else if (is_refusal(&a)) {
		if (a.retry_after_ns > 0)
			u->heartbeat_pace.hold_ns = now + a.retry_after_ns;
		gw_watch_heartbeat_refused(u, &a, now);
	} else {
		gw_pace_failed(&u->heartbeat_pace, a.retry_after_ns, now);
		gw_watch_failed(u, &a, now);
		if (gw_pace_next_ns(&u->heartbeat_pace) < u->heartbeat_ns)
			u->heartbeat_ns = gw_pace_next_ns(&u->heartbeat_pace);
	}
}
