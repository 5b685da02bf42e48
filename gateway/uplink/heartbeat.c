/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/heartbeat.h"

#include "uplink/uplink_internal.h"

bool gw_heartbeat_wanted(const struct gw_uplink *u)
{
	return u->opts.heartbeat_ns > 0 && u->health.fill != NULL && u->sink->heartbeats &&
		u->payload->heartbeat != NULL && u->stop_ns == 0;
}

/* The next one is due after the usual interval. False: none was sent. */
static bool send_one(struct gw_uplink *u, struct gw_sink_result *ret_result)
{
	int64_t now = gw_clock_boot_ns();
	struct gw_heartbeat h = {.run = gw_store_run(u->store),
		.wall_ms = gw_clock_wall_ms(),
		.since_boot_ms = now / GW_NS_PER_MS,
		.synced = gw_clock_synced()};
	struct gw_uplink_status s;
	struct gw_text t;

	u->heartbeats.next_ns = now + u->opts.heartbeat_ns;
	u->heartbeats.events_sent = false;
	gw_link_state_update(u, now);
	gw_uplink_status(u, &s);
	h.count = ++u->status.heartbeats;
	h.pending = s.pending;
	h.parked = s.parked;
	h.oldest_ms = s.oldest_ms;
	h.next_by_ms = h.wall_ms +
		(u->opts.heartbeat_ns + u->opts.timeout_ns) / GW_NS_PER_MS;
	u->health.fill(u->health.arg, &h);
	if (h.site ==
		NULL) { /* no engine runs that could vouch for the gateway: try again soon */
		u->status.heartbeats--;
		u->heartbeats.next_ns = now + GW_NS_PER_SEC;
		return false;
	}
	gw_text_init(&t, u->heartbeats.body, sizeof(u->heartbeats.body));
	u->payload->heartbeat(u->opts.payload_opts, &t, &h);
	if (t.cut)
		return false;
	u->request.bodies[0] = (struct gw_sink_body){
		.parts = {{t.at, t.used}}, .n_parts = 1};
	gw_request_send(u, 1, ret_result);
	return true;
}

/* A 4xx of any kind shows that the platform is there. */
static bool is_refusal(const struct gw_sink_result *r)
{
	return r->verdict == GW_SINK_REFUSED || (r->status >= 400 && r->status < 500);
}

static void on_accepted(struct gw_uplink *u, int64_t now)
{
	gw_retry_timer_succeeded(&u->heartbeats.retry);
	gw_link_state_heartbeat_accepted(u);
	if (!u->delivery.failing || u->outbox.n == 0)
		gw_link_state_succeeded(u, 0, now);
	else /* It is there, but took no events before: not up yet. Try them now. */
		gw_retry_timer_expire(&u->delivery.retry, now);
	gw_delivery_accepted(u, false);
}

void gw_heartbeat_send(struct gw_uplink *u)
{
	bool witness = gw_delivery_needs_heartbeat(u);
	struct gw_sink_result r;
	int64_t now;

	u->delivery.heartbeat_asked |= witness;
	if (!send_one(u, &r))
		return;
	now = gw_clock_boot_ns();
	if (r.verdict == GW_SINK_SENT) {
		on_accepted(u, now);
	} else if (is_refusal(&r)) {
		if (r.retry_after_ns > 0)
			u->heartbeats.retry.hold_ns = now + r.retry_after_ns;
		gw_link_state_heartbeat_refused(u, &r, now);
	} else {
		gw_retry_timer_failed(&u->heartbeats.retry, r.retry_after_ns, now);
		gw_link_state_failed(u, &r, now);
		if (gw_retry_timer_next_ns(&u->heartbeats.retry) < u->heartbeats.next_ns)
			u->heartbeats.next_ns = gw_retry_timer_next_ns(
				&u->heartbeats.retry);
	}
}
