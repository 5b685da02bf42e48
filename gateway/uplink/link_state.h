/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_state.h: whether the platform can be reached and takes alarms. From the results of requests
 * follow log lines, the points of the uplink's faults, and its status.
 *
 * Thread: the uplink's; published under the uplink's lock.
 */
#ifndef GW_UPLINK_LINK_STATE_H
#define GW_UPLINK_LINK_STATE_H

#include "uplink/uplink.h"

struct gw_link_state {
	uint32_t failures;  /* requests in a row */
	bool responds;      /* the last failure was a response: the platform is there */
	int64_t success_ns; /* of the last request that succeeded */
	int64_t owing_ns;   /* since when something is owed, 0: nothing is */
	bool down;          /* GW_UPLINK_POINT_DOWN is 1, and that is logged */
	int64_t down_ns;    /* since when requests fail */
	uint64_t lost_when_down; /* events the gateway had lost when it went down */
	int64_t back_ns;         /* when it came back, if that is not logged yet; else 0 */
	uint64_t sent_since_back;
	double fault_sent[GW_UPLINK_POINTS]; /* last value of each point, -1: none yet */
	struct gw_uplink_status published;   /* under the lock */
	bool published_complete; /* under the lock: nothing is in the store alone */
};

/* A request failed. */
void gw_link_state_failed(
	struct gw_uplink *u, const struct gw_sink_result *r, int64_t now_ns);
/* The platform responded, if only with a refusal. */
void gw_link_state_reached(struct gw_uplink *u);
/* A request succeeded. */
void gw_link_state_succeeded(struct gw_uplink *u, size_t n_events, int64_t now_ns);
void gw_link_state_heartbeat_refused(
	struct gw_uplink *u, const struct gw_sink_result *r, int64_t now_ns);
void gw_link_state_heartbeat_accepted(struct gw_uplink *u);
/* Applies what follows from the time alone. Logs each change of state once. */
void gw_link_state_update(struct gw_uplink *u, int64_t now_ns);

#endif
