/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heartbeat.h: when one uplink sends heartbeats, and what their results mean. What a heartbeat says
 * is struct gw_heartbeat of payload.h. Heartbeats are requests of their own: a platform that
 * refuses them still gets alarms.
 *
 * Thread: the uplink's.
 */
#ifndef GW_UPLINK_HEARTBEAT_H
#define GW_UPLINK_HEARTBEAT_H

#include "uplink/payload.h"
#include "uplink/retry_timer.h"
#include "uplink/sink.h"

struct gw_uplink;

struct gw_heartbeat_state {
	struct gw_retry_timer retry;
	int64_t next_ns;  /* when one is due */
	bool events_sent; /* a request with events was sent since the last heartbeat */
	/* Since when heartbeats are refused (4xx), 0: they are not; the status; why, for people. */
	int64_t refused_ns;
	int refused_status;
	char refused_why[160];
	char body[GW_PAYLOAD_MAX];
};

/* Heartbeats are configured, and the sink and the format have them. */
bool gw_heartbeat_wanted(const struct gw_uplink *u);
/* Sends one that is due, or one that is a witness (see refusal.h), and takes in the result. */
void gw_heartbeat_send(struct gw_uplink *u);

#endif
