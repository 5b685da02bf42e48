/* SPDX-License-Identifier: Apache-2.0 */
/*
 * breaker.h: when to try again: exponential back-off with full jitter, from its own seed so two
 * boxes never march in step and a test repeats exactly. For links (core) and for single units on
 * a bus (modbus).
 *
 * Owner: whoever retries. Thread: its own. Pure: time is an argument.
 */
#ifndef GW_BASE_BREAKER_H
#define GW_BASE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

struct gw_breaker {
	int64_t first_ns, most_ns; /* set at init */
	uint32_t failures;         /* in a row */
	int64_t next_ns;           /* not before this */
	uint64_t random;
};

void gw_breaker_init(
	struct gw_breaker *b, int64_t first_ns, int64_t most_ns, uint64_t seed);
/* May it be tried now? */
bool gw_breaker_ready(const struct gw_breaker *b, int64_t now_ns);
/* It failed: next try after a random part (half to whole) of first, then twice first, four
 * times first ... at most most. */
void gw_breaker_failed(struct gw_breaker *b, int64_t now_ns);
void gw_breaker_worked(struct gw_breaker *b);

#endif
