/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backoff.h: when to try again: exponential back-off with jitter. The jitter comes from a seed of
 * the caller's, so that many gateways do not retry at the same moment and a test is repeatable.
 * For links (source, store, uplink) and for single units on a bus (Modbus).
 *
 * Owner: the caller. Thread: one at a time. Pure: time is an argument.
 */
#ifndef GW_BASE_BACKOFF_H
#define GW_BASE_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

struct gw_backoff {
	int64_t first_ns, max_ns; /* set at init */
	uint32_t failures;        /* in a row */
	int64_t next_ns;          /* not before this */
	uint64_t random;
};

void gw_backoff_init(struct gw_backoff *b, int64_t first_ns, int64_t max_ns, uint64_t seed);
/* Whether it may be tried now. */
bool gw_backoff_ready(const struct gw_backoff *b, int64_t now_ns);
/* A try failed: the next one after first_ns, 2 * first_ns, 4 * first_ns ... up to max_ns, of which
 * a random part, up to half, is taken off. */
void gw_backoff_failed(struct gw_backoff *b, int64_t now_ns);
void gw_backoff_succeeded(struct gw_backoff *b);

#endif
