/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/uplink_internal.h"

bool gw_heartbeat_wanted(const struct gw_uplink *u)
{
	return u->opts.heartbeat_ns > 0 && u->health.fill != NULL && u->sink->heartbeats &&
		u->payload->heartbeat != NULL && u->stop_ns == 0;
}

bool gw_heartbeat_send(struct gw_uplink *u, struct gw_sink_result *ret_result)
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
	gw_link_state_update(u, now);
	gw_uplink_status(u, &s);
	h.count = ++u->status.heartbeats;
	h.pending = s.pending;
	h.parked = s.parked;
	h.oldest_ms = s.oldest_ms;
	h.next_by_ms = h.wall_ms +
		(u->opts.heartbeat_ns + u->opts.timeout_ns) / GW_NS_PER_MS;
	u->health.fill(u->health.arg, &h);
	if (h.site == NULL) { /* nobody may say that all is well: soon again */
		u->status.heartbeats--;
		u->heartbeat_ns = now + GW_NS_PER_SEC;
		return false;
	}
	gw_text_init(&t, u->heartbeat, sizeof(u->heartbeat));
	u->payload->heartbeat(&t, &h);
	if (t.cut)
		return false;
	u->bodies[0] = (struct iovec){.iov_base = t.at, .iov_len = t.used};
	gw_uplink_request(u, 1, ret_result);
	return true;
}

/* An answer that says no is an answer: the platform is there. */
static bool is_refusal(const struct gw_sink_result *a)
{
	return a->verdict == GW_SINK_REFUSED || (a->status >= 400 && a->status < 500);
}

static void on_accepted(struct gw_uplink *u, int64_t now)
{
	gw_retry_timer_succeeded(&u->heartbeat_retry);
	gw_link_state_heartbeat_accepted(u);
	if (!u->events_failing || u->outbox.n == 0)
		gw_link_state_succeeded(u, 0, now);
	else /* It lives, but does not take events: no reason to call it back. Try them. */
		gw_retry_timer_expire(&u->event_retry, now);
	gw_delivery_accepted(u, false);
}

void gw_heartbeat_run(struct gw_uplink *u)
{
	bool witness = gw_delivery_needs_heartbeat(u);
	struct gw_sink_result a;
	int64_t now;

	u->heartbeat_as_witness |= witness;
	if (!gw_heartbeat_send(u, &a))
		return;
	now = gw_clock_mono_ns();
	if (a.verdict == GW_SINK_SENT) {
		on_accepted(u, now);
	} else if (is_refusal(&a)) {
		if (a.retry_after_ns > 0)
			u->heartbeat_retry.hold_ns = now + a.retry_after_ns;
		gw_link_state_heartbeat_refused(u, &a, now);
	} else {
		gw_retry_timer_failed(&u->heartbeat_retry, a.retry_after_ns, now);
		gw_link_state_failed(u, &a, now);
		if (gw_retry_timer_next_ns(&u->heartbeat_retry) < u->heartbeat_ns)
			u->heartbeat_ns = gw_retry_timer_next_ns(&u->heartbeat_retry);
	}
}
