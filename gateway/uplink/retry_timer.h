/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retry_timer.h: when one kind of request (events, heartbeats) is tried again: its back-off and the
 * Retry-After of the platform. Each kind has its own, so that a platform that is too busy for
 * heartbeats still gets alarms at once.
 *
 * Owner: the uplink. Thread: its own. Pure: time is an argument.
 */
#ifndef GW_UPLINK_RETRY_TIMER_H
#define GW_UPLINK_RETRY_TIMER_H

#include "base/backoff.h"

struct gw_retry_timer {
	struct gw_backoff backoff;
	int64_t hold_ns; /* the platform asked not to be tried before */
};

void gw_retry_timer_init(struct gw_retry_timer *t, uint64_t seed);
/* retry_after_ns: what the platform asked for; 0: nothing */
void gw_retry_timer_failed(
	struct gw_retry_timer *t, int64_t retry_after_ns, int64_t now_ns);
void gw_retry_timer_succeeded(struct gw_retry_timer *t);
/* Something has changed: try as soon as the platform's hold ends. */
void gw_retry_timer_expire(struct gw_retry_timer *t, int64_t now_ns);
bool gw_retry_timer_ready(const struct gw_retry_timer *t, int64_t now_ns);
int64_t gw_retry_timer_next_ns(const struct gw_retry_timer *t);

#endif
