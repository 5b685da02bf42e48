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

void gw_heartbeat_beat(struct gw_uplink *u)
{
	struct gw_answer a;
	int64_t now;

	if (!gw_heartbeat_send(u, &a))
		return;
	now = gw_clock_mono_ns();
	if (a.verdict == GW_SENT && u->events_failing && u->outbox.n > 0) {
		/* It lives, but does not take events: no reason to call it back. Try them. */
		u->hold_ns = u->breaker.next_ns = now;
	} else if (a.verdict == GW_SENT) {
		gw_watch_worked(u, 0, now);
	} else {
		gw_watch_failed(u, &a, now);
		if (u->breaker.next_ns < u->heartbeat_ns)
			u->heartbeat_ns = u->breaker.next_ns;
	}
}
