/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pace.h: when to try again, of one kind of request (events, heartbeats): its back-off and what
 * the platform asked for. Each kind has its own, so that a platform that is too busy for
 * heartbeats still gets alarms at once.
 *
 * Owner: the uplink. Thread: its own. Pure: time is an argument.
 */
#ifndef GW_UPLINK_PACE_H
#define GW_UPLINK_PACE_H

#include "base/breaker.h"

struct gw_pace {
	struct gw_breaker breaker;
	int64_t hold_ns; /* the platform asked for silence until then */
};

void gw_pace_init(struct gw_pace *p, uint64_t seed);
/* retry_after_ns: what the platform asked for; 0: nothing */
void gw_pace_failed(struct gw_pace *p, int64_t retry_after_ns, int64_t now_ns);
void gw_pace_worked(struct gw_pace *p);
/* There is news: try as soon as the platform's hold ends. */
void gw_pace_hurry(struct gw_pace *p, int64_t now_ns);
bool gw_pace_ready(const struct gw_pace *p, int64_t now_ns);
int64_t gw_pace_next_ns(const struct gw_pace *p);

#endif
