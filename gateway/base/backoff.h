/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backoff.h: when to try again: exponential back-off with full jitter, from its own seed so two
 * boxes never march in step and a test repeats exactly. For links (core) and for single units on
 * a bus (modbus).
 *
 * Owner: whoever retries. Thread: its own. Pure: time is an argument.
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
/* May it be tried now? */
bool gw_backoff_ready(const struct gw_backoff *b, int64_t now_ns);
/* It failed: next try after a random part (half to whole) of first, then twice first, four
 * times first ... at most most. */
void gw_backoff_failed(struct gw_backoff *b, int64_t now_ns);
void gw_backoff_succeeded(struct gw_backoff *b);

#endif
